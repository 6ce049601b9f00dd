"""Ends connections to a server that hangs without closing them.

Such a server (stopped, or behind a cable that was cut) leaves a client waiting for ever, whatever its
time-outs. So each use of a connection has a deadline, and whoever is late finds its socket shut down,
which psycopg reports as a lost connection. What it is not: a limit on queries; the server has that.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg

_LOOK = 1.0
"""Seconds between two looks."""


class Watchdog:
    """Watches the connections in use; `clock` gives seconds. `close` ends its thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._deadlines: dict[psycopg.Connection, float] = {}
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    @contextmanager
    def watching(self, connection: psycopg.Connection, seconds: float) -> Iterator[None]:
        """Wraps the use of a connection, which may take this long."""
        with self._lock:
            self._deadlines[connection] = self._clock() + seconds
            if self._thread is None:
                self._closing = threading.Event()  # of this thread alone; an earlier one may be ending still
                self._thread = threading.Thread(
                    target=self._watch, args=[self._closing], name="store watchdog", daemon=True
                )
                self._thread.start()
        try:
            yield
        finally:
            self.forget(connection)

    def forget(self, connection: psycopg.Connection) -> None:
        """Watch this connection no more until it is wrapped again: nothing is asked of it meanwhile."""
        with self._lock:
            self._deadlines.pop(connection, None)

    def close(self) -> None:
        """End the thread; a later use of a connection starts it again."""
        with self._lock:
            thread, self._thread = self._thread, None
            self._closing.set()
        if thread is not None:
            thread.join()

    def look(self) -> None:
        """Shut down the sockets of the connections that are late."""
        now = self._clock()
        with self._lock:
            for connection, deadline in [*self._deadlines.items()]:
                if deadline <= now:
                    del self._deadlines[connection]
                    _shut_down(connection)

    def _watch(self, closing: threading.Event) -> None:
        while not closing.wait(_LOOK):
            self.look()


def _shut_down(connection: psycopg.Connection) -> None:
    try:
        descriptor = os.dup(connection.fileno())
    except (psycopg.OperationalError, OSError):
        return  # closed meanwhile
    with socket.socket(fileno=descriptor) as copy:
        try:
            copy.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # lost meanwhile
