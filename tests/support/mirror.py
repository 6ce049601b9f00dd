"""The server's middleware on a real socket, around a page that says who it takes its visitor for."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from typing import Any

import uvicorn
from starlette.requests import cookie_parser

from sensormon.access.visit import COOKIE, PEER, Visit
from sensormon.api import server
from sensormon.api.body import Receive, Scope, Send
from sensormon.api.mount import App
from sensormon.api.visitor import headers_of
from sensormon.monitor import runtime
from tests.support.server import free_port


async def page(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with role and address of the visitor, from the headers alone, as a page's script sees them."""
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
        return
    headers = headers_of(scope)
    cookie = cookie_parser(headers.get("cookie", "")).get(COOKIE, "")
    person = runtime.monitor().access.identity.of(Visit(headers.get(PEER, ""), headers, cookie))
    seen = json.dumps({"role": str(person.role), "name": person.name, "address": person.address})
    await receive()
    if scope["type"] == "websocket":
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.send", "text": seen})
        await send({"type": "websocket.close", "code": 1000})
        return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": seen.encode()})


class Mirror:
    """Serves it in a thread; the monitor of this process must be there. `stop` it yourself."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        self.port = free_port()
        app: App = page
        for layer in reversed(server.middleware()):
            app = layer.cls(app, *layer.args, **layer.kwargs)
        configured: Any = app
        self._server = uvicorn.Server(
            uvicorn.Config(configured, host=host, port=self.port, log_level="warning", lifespan="on")
        )
        self._thread = threading.Thread(target=asyncio.run, args=(self._server.serve(),))
        self._thread.start()
        until = time.monotonic() + 20
        while not self._server.started:
            assert time.monotonic() < until, "the server does not start"
            time.sleep(0.01)

    def stop(self) -> None:
        """End it."""
        self._server.should_exit = True
        self._thread.join(20)
