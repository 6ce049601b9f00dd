"""A gate in front of a server: connections go through it until it is shut, which cuts them all."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress


class LineGate:
    """To 127.0.0.1 at this port, from `port`. Open at first; `close` ends it."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._lock = threading.Lock()
        self._lines: set[socket.socket] = set()
        self._listener: socket.socket | None = None
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])
        self.open()

    def open(self) -> None:
        """Let connections through."""
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        listener.listen()
        self._listener = listener
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def shut(self) -> None:
        """Cut all connections and refuse new ones."""
        with self._lock:
            if self._listener is not None:
                _end(self._listener)
                self._listener = None
            for line in self._lines:
                _end(line)
            self._lines.clear()

    def close(self) -> None:
        """The same, for good."""
        self.shut()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                near, _ = listener.accept()
                far = socket.create_connection(("127.0.0.1", self._target))
            except OSError:
                return
            with self._lock:
                if self._listener is not listener:
                    _end(near)
                    _end(far)
                    return
                self._lines |= {near, far}
            for source, target in ((near, far), (far, near)):
                threading.Thread(target=self._carry, args=(source, target), daemon=True).start()

    def _carry(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(1 << 16):
                target.sendall(data)
        _end(source)
        _end(target)
        with self._lock:
            self._lines -= {source, target}


def _end(line: socket.socket) -> None:
    with suppress(OSError):
        line.shutdown(socket.SHUT_RDWR)
    line.close()
