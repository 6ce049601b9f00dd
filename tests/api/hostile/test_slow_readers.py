"""Readers that take their answers slowly or not at all: nothing and nobody waits for them."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Iterator, MutableMapping
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Any

import pytest

from sensormon.api import answers
from sensormon.api.answers import Answer
from sensormon.api.readers import Turns
from sensormon.model.errors import StoreUnavailable
from tests.support.api import TOKEN
from tests.support.server import Server
from tests.support.stored import fill_folder

MEGABYTE = 1_000_000
MOST = 250
"""MB: a third of them is what the server warms up to at its first answers, whoever reads them."""
Message = MutableMapping[str, Any]


class Client:
    """The ASGI side of a client that takes `takes` messages and then no more, or leaves."""

    def __init__(self, takes: int, leaves: bool = False) -> None:
        self.takes = takes
        self.got: list[Message] = []
        self._leaves = leaves
        self._left = asyncio.Event()

    async def receive(self) -> Message:
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        if len(self.got) >= self.takes:
            await asyncio.Event().wait()
        self.got.append(message)
        if self._leaves and len(self.got) >= self.takes:
            self._left.set()

    @property
    def ended(self) -> bool:
        return not self.got[-1].get("more_body", True)


def endless(pieces: list[int]) -> Iterator[bytes]:
    while True:
        pieces.append(1)
        yield b"x" * 1_000


async def answered(client: Client, pieces: Iterator[bytes], turns: Turns) -> None:
    answer = Answer(lambda: pieces, turns.turn("a"), "text/plain", {})
    await asyncio.wait_for(answer({"type": "http"}, client.receive, client.send), 120)
    async with AsyncExitStack() as stack:  # its turn is free again
        await asyncio.wait_for(stack.enter_async_context(turns.turn("b")), 1)


@pytest.mark.parametrize("client", [Client(0), Client(1), Client(5)])
def test_a_client_that_stalls_is_cut_off(monkeypatch: pytest.MonkeyPatch, client: Client) -> None:
    monkeypatch.setattr(answers, "STALLED", 0.05)
    pieces: list[int] = []
    asyncio.run(answered(client, endless(pieces), Turns(1, 1, 1)))
    assert not client.got or not client.ended
    assert len(pieces) <= max(1, client.takes), "no piece is made ahead of it"


def test_a_client_that_is_slow_on_the_whole_is_cut_off() -> None:
    with asyncio.Runner() as runner:
        now = runner.get_loop().time()
        runner.get_loop().time = lambda: now

        class Dripping(Client):
            async def send(self, message: Message) -> None:
                nonlocal now
                now += 10.0  # for a thousand bytes; never long enough to have stalled
                await super().send(message)

        client = Dripping(10**6)
        runner.run(answered(client, endless([]), Turns(1, 1, 1)))
    assert len(client.got) in (3, 4), "30 seconds, and as good as none for 2,000 bytes"
    assert not client.ended


def test_nothing_more_is_made_for_a_client_that_has_left() -> None:
    client, pieces = Client(5, leaves=True), list[int]()
    asyncio.run(answered(client, endless(pieces), Turns(1, 1, 1)))
    assert len(pieces) <= 6


def test_an_error_midway_ends_the_connection_without_an_end_of_the_answer() -> None:
    def failing() -> Iterator[bytes]:
        yield b"[1"
        raise StoreUnavailable("old readings were rolled up", where="readings", hint="Ask again")

    client = Client(10)
    asyncio.run(answered(client, failing(), Turns(1, 1, 1)))
    assert [message.get("body") for message in client.got] == [None, b"[1"]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    folder = fill_folder(tmp_path / "data", 300_000)
    running = Server(folder, SENSORMON_TOKEN=TOKEN, SENSORMON_INTERVAL="0.1")
    running.wait_until_stored(300_000)
    yield running
    running.stop()
    running.output()


@pytest.mark.long
def test_a_reader_that_hangs_does_not_keep_a_replaced_database_waiting(server: Server) -> None:
    database = server.data_dir / "sensormon.duckdb"
    copy = shutil.copy(database, server.data_dir / "copy")
    with server.ask("/api/data?limit=1000000", TOKEN) as client:
        assert client.recv(12) == b"HTTP/1.1 200"
        database.rename(server.data_dir / "gone")
        Path(copy).rename(database)
        rebuilt = server.wait_until("/api/stats", lambda ledger: 0 < ledger["stored"] < 300_000)["stored"]
        server.wait_until("/api/stats", lambda ledger: ledger["stored"] > rebuilt + 100)
        health = server.wait_until("/api/health", lambda health: health["store"] == "healthy")
        assert not [line for line in health["restarts"] if "loader" in line]
        assert server.stop() < 3.0


@pytest.mark.long
@pytest.mark.parametrize(
    "path", ["/api/data?limit=1000000", "/api/data?limit=1000", "/api/data?limit=1000000&format=arrow"]
)
def test_a_hundred_slow_readers_need_little_memory(server: Server, path: str) -> None:
    before = server.memory()
    clients = [server.ask(path, TOKEN) for _ in range(100)]
    try:
        most, until = before, time.monotonic() + 10
        while time.monotonic() < until:
            for client in clients:
                client.settimeout(0.001)
                with suppress(TimeoutError, ConnectionError):
                    client.recv(1_000)
            most = max(most, server.memory())
        assert most - before < MOST * MEGABYTE
        assert server.get("/api/stats")[0] == 200
    finally:
        for client in clients:
            client.close()
