"""A socket between paho and the system that makes few system calls.

paho reads a message in three calls and writes each acknowledgement by itself. Each call gives up the
interpreter's lock, so that at thousands of messages a second the reading thread would mostly wait for it.
"""

from __future__ import annotations

import socket
import ssl
from contextlib import suppress

_READ = 1 << 16
"""Bytes that are read at once."""
_MOST_WAITING = 1 << 18
"""Bytes that may wait to be sent before `send` refuses more."""
_LATER = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class BufferedSocket:
    """Of a connected socket, plain or TLS. What `send` took goes out with `flush`."""

    def __init__(self, inner: socket.socket) -> None:
        self._inner = inner
        self._read = b""
        self._place = 0
        self._waiting = bytearray()

    @property
    def has_waiting(self) -> bool:
        """Whether something waits to be sent."""
        return bool(self._waiting)

    def pending(self) -> int:
        """How many bytes can be read without the socket becoming readable."""
        left = len(self._read) - self._place
        return left or (self._inner.pending() if isinstance(self._inner, ssl.SSLSocket) else 0)

    def recv(self, buffer_size: int) -> bytes:
        """At most this many bytes, none at the end. Raises what the socket raises."""
        if self._place >= len(self._read):
            self._read, self._place = self._inner.recv(_READ), 0
        part = self._read[self._place : self._place + buffer_size]
        self._place += len(part)
        return part

    def send(self, buffer: bytes | bytearray) -> int:
        """Take this to be sent. Raises BlockingIOError if too much waits already."""
        if len(self._waiting) >= _MOST_WAITING:
            self.flush()
            if len(self._waiting) >= _MOST_WAITING:
                raise BlockingIOError
        self._waiting += buffer
        return len(buffer)

    def flush(self) -> None:
        """Send what waits, as far as the socket takes it. Raises OSError if the connection is lost."""
        with suppress(*_LATER):
            while self._waiting:
                del self._waiting[: self._inner.send(self._waiting[:_READ])]

    def fileno(self) -> int:
        """Of the socket."""
        return self._inner.fileno()

    def setblocking(self, flag: bool) -> None:
        """Of the socket."""
        self._inner.setblocking(flag)

    def shutdown(self, how: int) -> None:
        """Of the socket."""
        self._inner.shutdown(how)

    def close(self) -> None:
        """Send what waits, if that can be done at once, and close the socket."""
        with suppress(OSError):
            self.flush()
        self._inner.close()
