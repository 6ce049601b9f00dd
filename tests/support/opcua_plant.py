"""A real OPC UA server as a child process that tests move, and a relay in front that cuts connections."""

from __future__ import annotations

import json
import selectors
import signal
import socket
import subprocess
import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from tests.support.opcua_server import Plant, command
from tests.support.server import ROOT, free_port

__all__ = ["OpcUaPlant", "Plant", "Relay"]

Write = tuple[str, int | None, Any, int]
"""A node's name, its new value's own time (µs), the value, and its status."""


class OpcUaPlant:
    """The server's process. It listens once this is made."""

    def __init__(self, plant: Plant) -> None:
        self.plant = plant
        self.process = subprocess.Popen(
            command(plant), stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT, text=True
        )
        self._lock = threading.Lock()
        assert self.process.stdout is not None
        first = self.process.stdout.readline()
        assert first == "ready\n", f"the server does not start: {first!r}"

    def do(self, **order: Any) -> Any:
        """Let the server do this, and wait until it has."""
        with self._lock:
            assert self.process.stdin is not None
            assert self.process.stdout is not None
            self.process.stdin.write(json.dumps(order) + "\n")
            self.process.stdin.flush()
            return json.loads(self.process.stdout.readline())["answer"]

    def write(self, *values: Write) -> None:
        """New values of nodes, in this order."""
        self.do(do="write", values=values)

    def freeze(self) -> None:
        """Stop the process without ending it."""
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self.process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """End it at once, as a power cut does."""
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()


class Relay:
    """Hands every byte on to a port of this machine, until it is told to cut."""

    def __init__(self, port: int, own_port: int = 0) -> None:
        self.target = port
        self.port = own_port or free_port()
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._lock = threading.Lock()
        self._listener: socket.socket | None = None
        self.open()

    def open(self) -> None:
        """Accept connections."""
        listener = socket.create_server(("127.0.0.1", self.port))
        self._listener = listener
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def cut(self) -> None:
        """Reset all connections and refuse new ones."""
        if self._listener is not None:
            with suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None
        with self._lock:
            pairs, self._pairs = self._pairs, []
        for pair in pairs:
            for end in pair:
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                near, _ = listener.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                near.close()
                continue
            with self._lock:
                self._pairs.append((near, far))
            threading.Thread(target=self._pump, args=(near, far), daemon=True).start()

    @staticmethod
    def _pump(near: socket.socket, far: socket.socket) -> None:
        other = {near: far, far: near}
        with selectors.DefaultSelector() as ready:
            for end in (near, far):
                ready.register(end, selectors.EVENT_READ)
            with suppress(OSError):
                while all(_hand_on(end, other[end]) for end in _ready(ready)):
                    pass
        for end in (near, far):
            end.close()


def _ready(selector: selectors.BaseSelector) -> list[socket.socket]:
    return [key.fileobj for key, _ in selector.select() if isinstance(key.fileobj, socket.socket)]


def _hand_on(end: socket.socket, other: socket.socket) -> bool:
    """Hand on what has arrived; False at the end of the connection."""
    content = end.recv(1 << 16)
    other.sendall(content)
    return bool(content)


def nodes_text(tags: Sequence[tuple[str, str]], name: str) -> str:
    """The tables of sources.toml that read these nodes into these tags."""
    return "".join(f'[[sources.{name}.tags]]\nnode = "{node}"\ntag = "{tag}"\n' for node, tag in tags)
