"""The address at the other end of the socket, for code that sees only a request's headers.

A page's script sees the headers of its WebSocket and nothing else of it. So the peer is put among
them, and what a client sends under our names is removed first.
"""

from __future__ import annotations

from sensormon.access import visit
from sensormon.api.body import Receive, Scope, Send
from sensormon.api.mount import App
from sensormon.model.addresses import plain_address

PEER = visit.PEER.encode()
"""The header with the peer's IP address. It is absent if the peer is not known."""
TRUE_PEER = "sensormon.peer"
"""The key of a scope with the socket's peer, whatever a proxy's headers say."""
_OURS = b"x-sensormon-"
_FROM_CLIENTS = b"x-sensormon-page"


class TruePeer:
    """ASGI middleware: `x-sensormon-peer` is the socket's peer, and no client can send it.

    `scope["client"]` has the address in its usual form too.
    """

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = [
            header for header in scope["headers"] if header[0] == _FROM_CLIENTS or not _is_ours(header[0])
        ]
        client = scope.get("client")
        if client:
            client = (plain_address(client[0]), client[1])
        peer = scope.get(TRUE_PEER) or (client[0] if client else "")
        if peer:
            headers.append((PEER, plain_address(peer).encode("latin-1")))
        await self._app({**scope, "client": client, "headers": headers}, receive, send)


def _is_ours(name: bytes) -> bool:
    # Whoever reads headers the CGI way takes an underscore for a hyphen.
    return b"sensormon" in name.lower() and name.lower().replace(b"_", b"-").startswith(_OURS)
