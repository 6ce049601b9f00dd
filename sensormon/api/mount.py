"""The API in front of Streamlit's own middleware.

Sessions, compression and the rest of a page's middleware would cost more than a write
itself. A request under the prefix goes straight to the API, all others to Streamlit.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from sensormon.api.body import Receive, Scope, Send

App = Callable[[Scope, Receive, Send], Awaitable[None]]


class ApiFirst:
    """ASGI middleware: `api` gets all requests under `prefix`, `app` the others."""

    def __init__(self, app: App, api: App, prefix: str) -> None:
        self._app = app
        self._api = api
        self._prefix = prefix
        self._below = prefix + "/"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith(self._below):
            root = scope.get("root_path", "") + self._prefix
            await self._api({**scope, "root_path": root}, receive, send)
        else:
            await self._app(scope, receive, send)
