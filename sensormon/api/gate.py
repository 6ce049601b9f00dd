"""What lies in front of Streamlit: where people have to sign in, nothing of it opens before.

The page itself asks again at every run; this stands before its first one, before uploads, and
before the files that it made. Streamlit's own scripts and styles are the same everywhere and open.
"""

from __future__ import annotations

from collections.abc import Callable

import anyio.to_thread
from starlette.responses import RedirectResponse

from sensormon.access.peer_owner import is_service, owner_of
from sensormon.access.person import Person, check
from sensormon.access.roles import Act, Role
from sensormon.access.tokens import Scope as TokenScope
from sensormon.access.visit import SERVICE
from sensormon.api import sign_in_page
from sensormon.api.body import Receive, Scope, Send
from sensormon.api.grants import no_token, token_or_sign_in
from sensormon.api.mount import App
from sensormon.api.next_page import sign_in_address
from sensormon.api.problems import problem_of
from sensormon.api.refusal import refuse
from sensormon.api.visitor import Visitor, headers_of
from sensormon.model.errors import SensormonError
from sensormon.monitor.monitor import Monitor

_OPEN = (
    "/static/",
    "/component/",
    "/_stcore/health",
    "/_stcore/host-config",
    "/_stcore/bidi-components/",
    "/favicon.png",
    "/manifest.json",
)
"""What is the same for everybody and holds nothing of this monitor."""
STREAM = "/_stcore/stream"
UPLOAD = "/_stcore/upload_file"
_OF_PAGES = ("/_stcore/", "/media/", "/app/")
"""What pages made or take in."""


class Gate:
    """ASGI middleware in front of Streamlit's app."""

    def __init__(self, app: App, monitor: Callable[[], Monitor], visit: Visitor) -> None:
        self._app = app
        self._monitor = monitor
        self._visit = visit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket") or scope["path"].startswith(_OPEN):
            await self._app(scope, receive, send)
            return
        try:
            identity = self._monitor().access.identity
            opens = not identity.closed or await anyio.to_thread.run_sync(self._knows, scope)
        except SensormonError as error:
            await refuse(problem_of(error), scope, receive, send)
            return
        if not opens and not (identity.mode == "oidc" and _may_sign_in(scope)):
            await _instead(identity.mode, scope, receive, send)
            return
        uploads = scope["path"].startswith(UPLOAD)
        if identity.mode == "local" and (uploads or scope["type"] == "websocket"):
            scope = await anyio.to_thread.run_sync(_with_owner, scope)
        if uploads:
            try:
                await anyio.to_thread.run_sync(self._check_upload, scope)
            except SensormonError as error:
                await refuse(problem_of(error), scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _knows(self, scope: Scope) -> bool:
        return self._person(scope).role is not Role.NOBODY

    def _check_upload(self, scope: Scope) -> None:
        """Streamlit keeps what is uploaded in memory, whether or not a page has asked for it."""
        check(self._person(scope), Act.IMPORT)

    def _person(self, scope: Scope) -> Person:
        return self._monitor().access.identity.of(self._visit(scope))


def _may_sign_in(scope: Scope) -> bool:
    """Whether signing in with a page of Streamlit needs this: the page itself, and its connection."""
    path = scope["path"]
    return path.startswith(STREAM) if scope["type"] == "websocket" else not path.startswith(_OF_PAGES)


async def _instead(mode: str, scope: Scope, receive: Receive, send: Send) -> None:
    """What somebody gets who has to sign in: the way to do it, if a browser asks for a page."""
    navigates = scope["type"] == "http" and scope["method"] in ("GET", "HEAD") and _wants_a_page(scope)
    if not navigates:
        problem = no_token("sign in first", token_or_sign_in(TokenScope.READ, mode))
        await refuse(problem, scope, receive, send)
    elif mode == "users":
        query = scope["query_string"].decode("latin-1")
        headers = {"Cache-Control": "no-store"}
        address = sign_in_address(scope["path"], query)
        await RedirectResponse(address, 303, headers)(scope, receive, send)
    else:
        text = "The proxy in front of this monitor did not say who you are. Open the proxy's address."
        await sign_in_page.message("Not signed in", text, 401)(scope, receive, send)


def _wants_a_page(scope: Scope) -> bool:
    headers = headers_of(scope)
    if scope["path"].startswith(_OF_PAGES):
        return False
    return headers.get("sec-fetch-mode") == "navigate" or "text/html" in headers.get("accept", "")


def _with_owner(scope: Scope) -> Scope:
    """The scope, with a header that says so if a service holds the other end of the socket.

    A proxy that adds no header of its own looks like a browser on this machine, but for its owner.
    """
    owner = owner_of(scope.get("client"), scope.get("server"))
    if owner is None or not is_service(owner):
        return scope
    return {**scope, "headers": [*scope["headers"], (SERVICE.encode(), str(owner).encode())]}
