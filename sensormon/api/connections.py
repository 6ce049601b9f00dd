"""How many connections the server keeps, and for how long it waits for their clients.

Streamlit starts uvicorn with its defaults and passes no limit on. Uvicorn has none for a header that
never arrives, and its limit on concurrency counts requests, not sockets: 1,100 silent connections use
up a process's 1,024 descriptors. So its protocols are extended here, by their public asyncio methods.

 1. A connection that is waiting for its client is closed: after HEADER_SECONDS without a whole header,
    be it the first or that of the next request; after BODY_SECONDS plus a second per SLOWEST bytes
    that have arrived of a body; after UNREAD_SECONDS with an answer that the client does not read.
 2. A header of more than HEADER_BYTES closes its connection; httptools itself has no limit.
 3. A message of a page has at most MESSAGE_BYTES: half of one would be kept. What is uploaded comes
    by HTTP, so that only a page's clicks and typed text are messages.
 4. Connections take at most `most` descriptors, RESERVED fewer than the process has. One address has
    at most half of them, so that one machine cannot shut out the others; this machine itself may have
    all, since everybody arrives from here behind a reverse proxy. Pages (WebSockets) take PAGE each and
    at most half of all, so that writes always get through.
 5. A new connection beyond a limit takes the place of those that have waited longest for their client,
    from the address with the most connections. If none of them waits, the new one is closed.

What it does not bound: the time for which an answer is streamed.
"""

from __future__ import annotations

import asyncio
import heapq
import logging
import os
import resource
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from sensormon.api.body import Receive, Scope, Send
from sensormon.api.mount import App
from sensormon.api.peer import TRUE_PEER
from sensormon.api.problems import Problem
from sensormon.api.refusal import refuse
from sensormon.model.addresses import address_of, plain_address

HEADER_SECONDS = 15.0
HEADER_BYTES = 65_536
"""Most bytes of a request's first line and headers."""
MESSAGE_BYTES = 4 << 20
BODY_SECONDS = 30.0
SLOWEST = 10_000
"""Bytes per second; a slower body runs out of time."""
UNREAD_SECONDS = 60.0
MOST = 4_096
PAGE = 4
"""Descriptors of an open page: its socket, and three of the event loop that Streamlit makes for it."""
CLOSED_PAGES = 128
"""So many closed pages Streamlit keeps, with their event loops, in case their browsers come back."""
RESERVED = 256 + CLOSED_PAGES * (PAGE - 1)
"""Descriptors kept for journal, database, uploads and exports, and for the pages just closed."""
ENOUGH = 65_536
"""More descriptors than this are not asked for."""
_AT_ONCE = 16
_QUIET = 60.0

_log = logging.getLogger(__name__)


@dataclass(eq=False)
class Connection:
    """A socket. `waiting` is since when (loop time, s) it waits for its client; None while we work."""

    transport: asyncio.Transport
    peer: str
    waiting: float | None
    waited: float = 0.0  # seconds, for the body of the request that is being read
    received: int = 0  # bytes of that body
    reads_body: bool = False
    requests: int = 0  # so far; the next one may begin before the app has returned from this one
    cost: int = 1  # descriptors

    def overdue(self, now: float) -> bool:
        """Whether its client has had its time."""
        if self.waiting is None:
            return False
        if self.reads_body:
            return self.waited + now - self.waiting > BODY_SECONDS + self.received / SLOWEST
        unread = self.transport.get_write_buffer_size() > 0
        return now - self.waiting > (UNREAD_SECONDS if unread else HEADER_SECONDS)


class Connections:
    """All open connections of the server, which take at most `most` descriptors.

    Used on its event loop only; `clock` gives seconds.
    """

    def __init__(self, most: int, clock: Callable[[], float]) -> None:
        self.most = most
        self._clock = clock
        self._open: dict[asyncio.Transport, Connection] = {}
        self._costs: Counter[str] = Counter()  # descriptors, by address
        self._pages = 0
        self._warned = -_QUIET

    def __len__(self) -> int:
        return len(self._open)

    def opened(self, transport: asyncio.Transport) -> Connection:
        """The connection of this transport; known again after its upgrade to a WebSocket.

        It is closed at once if there is no room for it.
        """
        known = self._open.get(transport)
        if known is not None:
            return known
        peer = _peer_of(transport)
        connection = Connection(transport, peer, self._clock())
        if not self._has_room(peer, 1):
            transport.abort()
        self._open[transport] = connection
        self._costs[peer] += 1
        return connection

    def lost(self, transport: asyncio.Transport) -> None:
        """Forget this connection."""
        connection = self._open.pop(transport, None)
        if connection is None:
            return
        self._costs[connection.peer] -= connection.cost
        if not self._costs[connection.peer]:
            del self._costs[connection.peer]
        self._pages -= connection.cost == PAGE

    def take_page(self, connection: Connection) -> bool:
        """Whether there is room for one more page; it is then counted until its connection is lost."""
        if (self._pages + 1) * PAGE > self.most // 2 or not self._has_room(connection.peer, PAGE - 1):
            return False
        connection.cost = PAGE
        self._costs[connection.peer] += PAGE - 1
        self._pages += 1
        return True

    def close_overdue(self) -> None:
        """Close the connections whose clients have had their time."""
        now = self._clock()
        for connection in [connection for connection in self._open.values() if connection.overdue(now)]:
            self._close(connection)

    async def watch(
        self, app: App, connection: Connection, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Run the app for a request of this connection, noting when it waits for its client."""
        scope[TRUE_PEER] = connection.peer
        connection.waiting = None
        connection.requests = number = connection.requests + 1
        if scope["type"] == "websocket":
            if self.take_page(connection):
                await app(scope, receive, send)
            else:
                self._warn("pages")
                await refuse(_TOO_MANY_PAGES, scope, receive, send)
            return
        connection.waited, connection.received, connection.reads_body = 0.0, 0, True

        async def receive_in_time() -> Scope:
            if not connection.reads_body or connection.requests != number:
                return await receive()
            began = connection.waiting = self._clock()
            try:
                message = await receive()
            finally:
                if connection.requests == number:
                    connection.waiting = None
                    connection.waited += self._clock() - began
            if connection.requests == number:
                connection.received += len(message.get("body", b""))
                connection.reads_body = bool(message.get("more_body", False))
            return message

        try:
            await app(scope, receive_in_time, send)
        finally:
            if connection.requests == number:
                connection.reads_body = False
                connection.waiting = self._clock()

    def _has_room(self, peer: str, more: int) -> bool:
        """Whether `peer` can have that many descriptors more; silent connections give way to it."""
        while (crowded := self._crowded(peer, more)) is not None:
            if not self._make_room(crowded):
                return False
        return True

    def _crowded(self, peer: str, more: int) -> str | None:
        """The address that must give way for `peer` to have that many more; None if there is room."""
        share = self.most if _is_this_machine(peer) else self.most // 2
        if self._costs[peer] + more > share:
            return peer
        if self._costs.total() + more > self.most:
            return max(self._costs, key=self._costs.__getitem__)
        return None

    def _make_room(self, peer: str) -> bool:
        self._warn(f"connections, {peer} has {self._costs[peer]} descriptors of {self.most}")
        silent = (c for c in self._open.values() if c.peer == peer and c.waiting is not None)
        oldest = heapq.nsmallest(_AT_ONCE, silent, key=lambda connection: connection.waiting or 0.0)
        for connection in oldest:
            self._close(connection)
        return bool(oldest)

    def _close(self, connection: Connection) -> None:
        connection.transport.abort()
        self.lost(connection.transport)

    def _warn(self, what: str) -> None:
        if self._clock() - self._warned >= _QUIET:
            self._warned = self._clock()
            _log.warning("there is no room for more %s; silent ones are closed for new ones", what)


class Watched(asyncio.Protocol):
    """A uvicorn protocol whose connections are counted; it is mixed in before the protocol's class."""

    register: Connections
    app: App

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Count the connection, or close it."""
        super().connection_made(transport)
        self._socket = cast(asyncio.Transport, transport)
        register, app = self.register, self.app
        connection = register.opened(self._socket)

        async def watched_app(scope: Scope, receive: Receive, send: Send) -> None:
            await register.watch(app, connection, scope, receive, send)

        self.app = watched_app

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self.register.lost(self._socket)
        super().connection_lost(exc)


class ShortHeaders(HttpToolsProtocol):
    """The protocol on httptools, with a limit on the header, which its parser would keep whole."""

    _header_bytes = 0
    _in_header = True

    def data_received(self, data: bytes) -> None:
        """Pass the bytes on; close the connection if the header is too long."""
        if self._in_header:
            self._header_bytes += len(data)
        super().data_received(data)
        if self._in_header and self._header_bytes > HEADER_BYTES:
            self.transport.abort()

    def on_headers_complete(self) -> None:
        """The parser's call: what follows is the body."""
        self._in_header = False
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The parser's call: what follows is the next header."""
        self._in_header, self._header_bytes = True, 0
        super().on_message_complete()


def watched(base: type[asyncio.Protocol], connections: Connections) -> type[asyncio.Protocol]:
    """This protocol class, with its connections counted there."""
    bounds = (Watched, ShortHeaders) if issubclass(base, HttpToolsProtocol) else (Watched,)
    return type(f"Watched{base.__name__}", (*bounds, base), {"register": connections})


class BoundedServer:
    """ASGI middleware: bounds the connections of the server that runs it, once, as it starts.

    The server is uvicorn; no option of Streamlit reaches its configuration. A server of
    another kind is left as it is, and a line in the log says so.
    """

    def __init__(self, app: App, connections: Callable[[], Connections]) -> None:
        self._app = app
        self._connections = connections

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            config = getattr(getattr(receive, "__self__", None), "config", None)
            if isinstance(config, uvicorn.Config):
                bound(config, self._connections())
            else:
                _log.warning("connections are not bounded: the server is not the uvicorn that is known here")
        await self._app(scope, receive, send)


def bound(config: uvicorn.Config, connections: Connections) -> None:
    """Make the server of this configuration count its connections and close overdue ones.

    It also stops naming itself, and takes no client's word for an address: without
    FORWARDED_ALLOW_IPS uvicorn would believe X-Forwarded-For from this machine.
    """
    config.http_protocol_class = watched(config.http_protocol_class, connections)
    if config.ws_protocol_class is not None:
        config.ws_protocol_class = watched(config.ws_protocol_class, connections)
        config.ws_max_size = min(config.ws_max_size, MESSAGE_BYTES)
    config.encoded_headers = [header for header in config.encoded_headers if header[0] != b"server"]
    if "FORWARDED_ALLOW_IPS" not in os.environ:
        config.loaded_app = getattr(config.loaded_app, "app", config.loaded_app)
    loop = asyncio.get_running_loop()

    def sweep() -> None:
        connections.close_overdue()
        loop.call_later(1.0, sweep)

    sweep()


def raise_descriptor_limit() -> int:
    """Allow this process as many descriptors as the system lets it have; returns how many."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = ENOUGH if hard == resource.RLIM_INFINITY else min(hard, ENOUGH)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        return wanted
    return ENOUGH if soft == resource.RLIM_INFINITY else soft


def most_for_connections(descriptors: int) -> int:
    """How many descriptors the connections of a process with that many may take."""
    return max(64, min(MOST, descriptors - RESERVED))


def _peer_of(transport: asyncio.Transport) -> str:
    address = transport.get_extra_info("peername")
    return plain_address(str(address[0])) if isinstance(address, tuple | list) and address else ""


def _is_this_machine(peer: str) -> bool:
    address = address_of(peer)
    return address.is_loopback if address else not peer  # a local socket has no address


_TOO_MANY_PAGES = Problem(
    503,
    "too_many_pages",
    "too many pages are open",
    "Close some, or try again later",
    headers={"Retry-After": "10"},
)
