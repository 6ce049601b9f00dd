"""What a real uvicorn does once it runs our app: it names nobody, and believes no client's address."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
import uvicorn

from sensormon.api.body import Receive, Scope, Send
from sensormon.api.connections import MESSAGE_BYTES, BoundedServer, Connections
from sensormon.api.peer import PEER, TruePeer


async def peers(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers who is at the other end: by the scope, and by our header. Takes all of a WebSocket."""
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        while (await receive())["type"] != "websocket.disconnect":
            await send({"type": "websocket.send", "text": "taken"})
        return
    if scope["type"] == "lifespan":
        while (message := await receive())["type"] != "lifespan.shutdown":
            await send({"type": message["type"] + ".complete"})
        await send({"type": "lifespan.shutdown.complete"})
        return
    body = f"{scope['client'][0]} {dict(scope['headers'])[PEER].decode()}".encode()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})


@asynccontextmanager
async def served() -> AsyncIterator[tuple[int, Connections]]:
    """The port of a server on this machine, and the connections that it counts."""
    connections = Connections(64, time.monotonic)
    app = BoundedServer(TruePeer(peers), lambda: connections)
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="critical"))
    serving = asyncio.create_task(server.serve())
    until = time.monotonic() + 20
    while not server.started and time.monotonic() < until:
        await asyncio.sleep(0)
    yield server.servers[0].sockets[0].getsockname()[1], connections
    server.should_exit = True
    await serving
    assert len(connections) == 0


async def answered(headers: dict[str, str]) -> tuple[httpx.Response, int]:
    """The answer of a server on this machine, and how many connections it counted meanwhile."""
    async with served() as (port, connections), httpx.AsyncClient() as client:
        answer = await client.get(f"http://127.0.0.1:{port}/", headers=headers)
        counted = len(connections)
    return answer, counted


async def piecewise(head: bytes, piece: bytes, pieces: int) -> bytes:
    """What the server says to a head and these pieces, each sent by itself; empty if it hangs up."""
    async with served() as (port, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            writer.write(head)
            for _ in range(pieces):
                writer.write(piece)
                await writer.drain()
            answer = await asyncio.wait_for(reader.read(1_000), 10)
        except ConnectionError:
            answer = b""
        writer.close()
    return answer


def test_a_header_without_end_is_cut_off_and_a_long_body_is_not() -> None:
    head = b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Long: "
    assert asyncio.run(piecewise(head, b"a" * 10_000, 50)) == b""
    assert asyncio.run(piecewise(head, b"a\r\nX-More: ", 10_000)) == b""
    body = b"POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 500000\r\n\r\n"
    assert asyncio.run(piecewise(body, b"a" * 10_000, 50)).startswith(b"HTTP/1.1 200")
    two = b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Long: " + b"a" * 40_000 + b"\r\n\r\n"
    assert asyncio.run(piecewise(two, two, 1)).startswith(b"HTTP/1.1 200")


def test_a_forwarded_address_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FORWARDED_ALLOW_IPS", raising=False)
    answer, counted = asyncio.run(answered({"X-Forwarded-For": "192.0.2.7", "X-Sensormon-Peer": "192.0.2.8"}))
    assert answer.text == "127.0.0.1 127.0.0.1"
    assert "server" not in answer.headers
    assert counted == 1


def test_an_operator_s_proxy_is_believed_and_the_peer_stays_the_socket_s(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "127.0.0.1")
    answer, _ = asyncio.run(answered({"X-Forwarded-For": "192.0.2.7"}))
    assert answer.text == "192.0.2.7 127.0.0.1"


async def said_to_message(size: int, sent: int) -> bytes:
    """What the server says to the beginning, `sent` bytes, of a WebSocket message of that size."""
    async with served() as (port, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(
            b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
        writer.write(b"\x82\xff" + size.to_bytes(8) + bytes(4) + bytes(sent))  # masked with zeros
        answer = await asyncio.wait_for(reader.read(1_000), 10)
        writer.close()
    return answer


def test_a_page_s_message_that_is_too_long_is_refused_before_it_arrives() -> None:
    assert (1_009).to_bytes(2) in asyncio.run(said_to_message(MESSAGE_BYTES + 1, 0))
    assert b"taken" in asyncio.run(said_to_message(100_000, 100_000))
