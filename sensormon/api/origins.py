"""Whether the page that makes a browser's request is one of ours.

A WebSocket is not bound by the same-origin policy, and cookies ignore ports: a page of any other
program, also on this machine, could drive a signed-in session. A browser says in Origin which page
it acts for; programs send none and are not concerned.
"""

from __future__ import annotations

from sensormon.api.body import Receive, Scope, Send
from sensormon.api.hosts import Authority, authority_of, host_of
from sensormon.api.mount import App
from sensormon.api.problems import Problem
from sensormon.api.refusal import refuse

READING = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing; what they answer stays closed to other origins, as no route shares it."""
_PORTS = {b"http": 80, b"https": 443}


def same_origin(origin: bytes, host: Authority | None) -> bool:
    """Whether this Origin and this Host are the same place, port included.

    Behind a proxy that ends TLS the Origin is https and the request plain, so a missing port
    stands for the default of the Origin's scheme.
    """
    scheme, separator, place = origin.lower().partition(b"://")
    default = _PORTS.get(scheme)
    page = authority_of(place)
    if not separator or default is None or page is None or host is None:
        return False
    return page.name == host.name and (page.port or default) == (host.port or default)


class SameOrigin:
    """ASGI middleware: 403 for a WebSocket or a changing request of a page that is not ours."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        concerned = scope["type"] == "websocket" or (
            scope["type"] == "http" and scope["method"] not in READING
        )
        if concerned and not _of_our_page(scope):
            await refuse(_FOREIGN, scope, receive, send)
            return
        await self._app(scope, receive, send)


def _of_our_page(scope: Scope) -> bool:
    headers = scope["headers"]
    origins = [bytes(value) for name, value in headers if name == b"origin"]
    sites = [bytes(value).lower() for name, value in headers if name == b"sec-fetch-site"]
    if any(site not in (b"same-origin", b"none") for site in sites):
        return False
    return not origins or (len(origins) == 1 and same_origin(origins[0], host_of(scope)))


_FOREIGN = Problem(
    403,
    "foreign_origin",
    "the request comes from a page of another origin",
    "Use this server's own pages; a reverse proxy must pass the Host header on unchanged",
)
