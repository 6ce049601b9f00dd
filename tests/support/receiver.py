"""A receiver of webhooks over HTTP or HTTPS, that fails in the way a test asks for."""

from __future__ import annotations

import json
import socket
import ssl
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Received:
    """A request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Request(BaseHTTPRequestHandler):
    """What a behaviour may use: `answer`, `write`, `pause` and the connection itself."""

    receiver: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.receiver.received.append(Received(self.command, self.path, headers, body))
        self.close_connection = True
        self.receiver.behaviour(self)

    do_GET = do_PUT = do_POST

    def log_message(self, format: str, *args: object) -> None:
        pass

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        """A whole answer; `Retry_After` stands for the header Retry-After."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def pause(self, seconds: float) -> bool:
        """Wait so long, or until the receiver ends; whether it goes on."""
        return not self.receiver.ending.wait(seconds)

    def reset(self) -> None:
        """End the connection with a RST."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()


Behaviour = Callable[[Request], None]


def accepts(request: Request) -> None:
    request.answer(200, b'{"ok": true}')


class Receiver:
    """Listens on 127.0.0.1; `behaviour` answers each request."""

    def __init__(self, behaviour: Behaviour = accepts, tls: ssl.SSLContext | None = None) -> None:
        self.received: list[Received] = []
        self.behaviour = behaviour
        self.ending = threading.Event()
        handler = type("Handler", (Request,), {"receiver": self})
        self._server = _Server(("127.0.0.1", 0), handler)
        if tls is not None:
            self._server.socket = tls.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self.port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        self.ending.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """The client has gone away, which tests expect."""
