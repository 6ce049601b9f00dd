"""Who is behind a request, as the server's own connection shows it."""

from __future__ import annotations

from collections.abc import Callable

from starlette.requests import cookie_parser

from sensormon.access.visit import COOKIE, Visit
from sensormon.api.body import Scope
from sensormon.api.peer import TRUE_PEER

Visitor = Callable[[Scope], Visit]


def visit_of(scope: Scope) -> Visit:
    """The visit of this request or WebSocket, without what an identity provider says.

    A header that came more than once has its values joined, so that no second one passes for the first.
    """
    client = scope.get("client")
    headers = headers_of(scope)
    cookie = cookie_parser(headers.get("cookie", "")).get(COOKIE, "")
    return Visit(scope.get(TRUE_PEER) or (client[0] if client else ""), headers, cookie)


def headers_of(scope: Scope) -> dict[str, str]:
    """The headers by lower-case name."""
    headers: dict[str, str] = {}
    for raw, value in scope["headers"]:
        name = raw.decode("latin-1").lower()
        text = value.decode("latin-1")
        joint = "; " if name == "cookie" else ", "
        headers[name] = headers[name] + joint + text if name in headers else text
    return headers
