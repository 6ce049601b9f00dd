"""The API in front of Streamlit's own middleware.

Sessions, compression and the rest of what a page needs cost a write more than the write
itself. A request under the API's path goes straight to the API; all others go on.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from sensormon.api.body import Receive, Scope, Send

App = Callable[[Scope, Receive, Send], Awaitable[None]]


class ApiFirst:
    """ASGI middleware: `api` has all under `prefix`, `app` the rest."""

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
