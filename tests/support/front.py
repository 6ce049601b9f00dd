"""Everything in front of the pages, as `app.py` puts it there, in this process and without a socket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, MutableMapping
from dataclasses import dataclass, field
from typing import Any

from sensormon.api import server
from sensormon.api.body import Receive, Scope, Send
from sensormon.api.mount import App

Header = tuple[str, str]


@dataclass
class Page:
    """Stands where Streamlit's app is; keeps the scopes that reached it."""

    scopes: list[Scope] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scopes.append(scope)
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.accept"})
            return
        await send({"type": "http.response.start", "status": 200, "headers": [(b"x-frame-options", b"DENY")]})
        await send({"type": "http.response.body", "body": b"ok"})


@dataclass(frozen=True)
class Reply:
    """An answer, or what a WebSocket got: 101 if it was accepted."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


class Front:
    """The middleware of the running monitor around a page."""

    def __init__(self) -> None:
        self.page = Page()
        app: App = self.page
        for layer in reversed(server.middleware()):
            app = layer.cls(app, *layer.args, **layer.kwargs)
        self._app = app

    def request(
        self,
        method: str,
        path: str,
        headers: Iterable[Header] = (("host", "localhost:8501"),),
        body: bytes = b"",
        client: tuple[str, int] = ("192.0.2.7", 40_000),
    ) -> Reply:
        """The answer to a request with exactly these headers."""
        scope = self._scope("http", path, headers, client) | {"method": method}
        return self._run(scope, {"type": "http.request", "body": body, "more_body": False})

    def websocket(
        self,
        headers: Iterable[Header] = (("host", "localhost:8501"),),
        client: tuple[str, int] = ("192.0.2.7", 40_000),
        path: str = "/_stcore/stream",
        extensions: tuple[str, ...] = ("websocket.http.response",),
    ) -> Reply:
        """The answer to a handshake with exactly these headers."""
        scope = self._scope("websocket", path, headers, client)
        scope["extensions"] = {name: {} for name in extensions}
        return self._run(scope, {"type": "websocket.connect"})

    @staticmethod
    def _scope(kind: str, path: str, headers: Iterable[Header], client: tuple[str, int]) -> dict[str, Any]:
        return {
            "type": kind,
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "root_path": "",
            "scheme": "http" if kind == "http" else "ws",
            "http_version": "1.1",
            "client": client,
            "headers": [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers],
        }

    def _run(self, scope: Scope, first: MutableMapping[str, Any]) -> Reply:
        sent: list[MutableMapping[str, Any]] = []
        waiting = [first]

        async def receive() -> MutableMapping[str, Any]:
            if waiting:
                return waiting.pop()
            await asyncio.Event().wait()  # the client stays and sends nothing
            raise AssertionError

        async def send(message: MutableMapping[str, Any]) -> None:
            sent.append(message)

        asyncio.run(asyncio.wait_for(_awaitable(self._app, scope, receive, send), 30))
        start = sent[0]
        status = {"websocket.accept": 101, "websocket.close": 403}.get(start["type"]) or start["status"]
        headers = {name.decode(): value.decode("latin-1") for name, value in start.get("headers", ())}
        return Reply(status, headers, b"".join(message.get("body", b"") for message in sent[1:]))


async def _awaitable(app: App, scope: Scope, receive: Receive, send: Send) -> None:
    await app(scope, receive, send)
