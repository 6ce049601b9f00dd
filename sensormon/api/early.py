"""What the charts of a page need, asked for at once: Streamlit's page names only what it needs itself.

Otherwise a browser learns of these files when the page has run and its parts are drawn, of one after the
other, and starts Plotly when the readings are there already. Now this goes on while the page connects.
What it is not: necessary; `ui/browser/plotly.js` loads what did not come.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType

from sensormon.api.assets import version
from sensormon.api.body import Receive, Scope, Send
from sensormon.api.mount import App

CHARTS: Mapping[str, str] = MappingProxyType(
    {"/": "board.js", "/boards": "own_board.js", "/explore": "zoom_chart.js"}
)
"""By path of a page, the module that draws its charts."""
_IMPORT = re.compile(r'^import .* from "\./([\w.-]+)"', re.MULTILINE)
_END = b"</head>"
Headers = list[tuple[bytes, bytes]]


@cache
def modules(name: str) -> tuple[str, ...]:
    """This module of `ui/browser` and those that it imports, directly or not."""
    folder = files("sensormon.ui.browser")
    known = {name: None}
    for module in (waiting := [name]):
        for imported in _IMPORT.findall(folder.joinpath(module).read_text(encoding="utf-8")):
            if imported not in known:
                known[imported] = None
                waiting.append(imported)
    return tuple(known)


@cache
def head_lines(module: str) -> bytes:
    """Lines for the head of a page whose charts this module draws; addresses are relative to the page."""
    folder = f"./assets/{version()}"
    lines = [f'<link rel="modulepreload" href="{folder}/{name}">' for name in modules(module)]
    lines.append(f'<script defer src="{folder}/plotly-basic.min.js"></script>')
    return "\n".join(lines).encode()


_ASKS = frozenset({b"accept-encoding", b"if-modified-since", b"if-none-match", b"range"})
"""Headers of requests for a part of the page or another form: it is small, and differs by our version."""
_SAYS = frozenset({b"accept-ranges", b"content-length", b"etag", b"last-modified"})


class Early:
    """ASGI middleware: adds `head_lines` to the pages of charts, which are always answered whole."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        module = CHARTS.get(scope["path"]) if scope["type"] == "http" and scope["method"] == "GET" else None
        if module is None:
            await self._app(scope, receive, send)
            return
        start: Scope = {}
        parts: list[bytes] = []

        async def send_with_lines(message: Scope) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
                return
            parts.append(message.get("body", b""))
            if message.get("more_body"):
                return
            body = b"".join(parts).replace(_END, head_lines(module) + b"\n" + _END, 1)
            length = (b"content-length", str(len(body)).encode())
            await send({**start, "headers": [*_without(start["headers"], _SAYS), length]})
            await send({"type": "http.response.body", "body": body})

        await self._app({**scope, "headers": _without(scope["headers"], _ASKS)}, receive, send_with_lines)


def _without(headers: Headers, names: frozenset[bytes]) -> Headers:
    return [(name, value) for name, value in headers if name.lower() not in names]
