"""What a real uvicorn does once it runs our app: it names nobody, and believes no client's address."""

from __future__ import annotations

import asyncio
import time

import httpx
import pytest
import uvicorn

from sensormon.api.body import Receive, Scope, Send
from sensormon.api.connections import BoundedServer, Connections
from sensormon.api.peer import PEER, TruePeer


async def peers(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers who is at the other end: by the scope, and by our header."""
    if scope["type"] == "lifespan":
        while (message := await receive())["type"] != "lifespan.shutdown":
            await send({"type": message["type"] + ".complete"})
        await send({"type": "lifespan.shutdown.complete"})
        return
    body = f"{scope['client'][0]} {dict(scope['headers'])[PEER].decode()}".encode()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})


async def answered(headers: dict[str, str]) -> tuple[httpx.Response, int]:
    """The answer of a server on this machine, and how many connections it counted meanwhile."""
    connections = Connections(64, time.monotonic)
    app = BoundedServer(TruePeer(peers), lambda: connections)
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="critical"))
    serving = asyncio.create_task(server.serve())
    until = time.monotonic() + 20
    while not server.started and time.monotonic() < until:
        await asyncio.sleep(0)
    port = server.servers[0].sockets[0].getsockname()[1]
    async with httpx.AsyncClient() as client:
        answer = await client.get(f"http://127.0.0.1:{port}/", headers=headers)
        counted = len(connections)
    server.should_exit = True
    await serving
    assert len(connections) == 0
    return answer, counted


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
