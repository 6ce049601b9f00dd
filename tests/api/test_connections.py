"""Which connections the server keeps, and which it closes for others."""

from __future__ import annotations

import asyncio
import inspect
from pathlib import Path
from typing import Any

import pytest
from streamlit.runtime.memory_session_storage import MemorySessionStorage

from sensormon.api.body import Receive, Scope, Send
from sensormon.api.connections import (
    BODY_SECONDS,
    CLOSED_PAGES,
    HEADER_SECONDS,
    PAGE,
    RESERVED,
    SLOWEST,
    UNREAD_SECONDS,
    Connections,
    most_for_connections,
)

ELSEWHERE = "192.0.2.7"


class Line(asyncio.Transport):
    """A transport without a socket: its peer's address, what it has not sent, whether it was closed."""

    def __init__(self, peer: str) -> None:
        super().__init__({"peername": (peer, 40_000)})
        self.closed = False
        self.unsent = 0

    def abort(self) -> None:
        self.closed = True

    def get_write_buffer_size(self) -> int:
        return self.unsent


class Clock:
    """Seconds that a test moves."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def opened(connections: Connections, *peers: str) -> list[Line]:
    lines = [Line(peer) for peer in peers]
    for line in lines:
        connections.opened(line)
    return lines


async def busy(_: Scope, _receive: Receive, _send: Send) -> None:
    """A request that is being worked on until it is cancelled."""
    await asyncio.Event().wait()


def test_one_address_has_half_and_its_oldest_silent_ones_give_way() -> None:
    clock = Clock()
    connections = Connections(64, clock)
    others = opened(connections, *["192.0.2.8"] * 10)
    for _ in range(200):
        clock.now += 0.01
        opened(connections, ELSEWHERE)
    assert not any(line.closed for line in others)
    assert len(connections) <= 32 + 10


def test_this_machine_may_have_all_since_a_proxy_may_run_here() -> None:
    connections = Connections(64, Clock())
    lines = opened(connections, *["::ffff:127.0.0.1"] * 64)
    assert not any(line.closed for line in lines)
    (newest,) = opened(connections, "127.0.0.1")
    assert not newest.closed
    assert sum(line.closed for line in lines) == 16


def test_where_nobody_waits_the_new_one_is_closed() -> None:
    async def inside() -> None:
        connections = Connections(4, Clock())
        tasks = []
        for _ in range(2):
            line = Line(ELSEWHERE)
            scope: dict[str, Any] = {"type": "http"}
            work = connections.watch(busy, connections.opened(line), scope, _nothing, _ignored)
            tasks.append(asyncio.create_task(work))
            await asyncio.sleep(0)
        (third,) = opened(connections, ELSEWHERE)
        assert third.closed
        for task in tasks:
            task.cancel()

    asyncio.run(inside())


def test_pages_take_at_most_half_of_all() -> None:
    connections = Connections(4 * PAGE, Clock())
    lines = [Line(f"192.0.2.{i}") for i in range(3)]
    assert [connections.take_page(connections.opened(line)) for line in lines] == [True, True, False]
    connections.lost(lines[0])
    assert connections.take_page(connections.opened(lines[2]))


def test_silent_connections_give_way_to_the_descriptors_of_a_page() -> None:
    connections = Connections(64, Clock())
    lines = opened(connections, *["192.0.2.8"] * 31, *["192.0.2.9"] * 32, ELSEWHERE)
    page = connections.opened(lines[-1])
    page.waiting = None  # it is being answered
    assert connections.take_page(page)
    assert not lines[-1].closed
    assert sum(line.closed for line in lines) >= PAGE - 1
    assert len(connections) - 1 + PAGE <= 64


def test_a_page_takes_its_descriptors_of_its_address_s_share() -> None:
    connections = Connections(64, Clock())
    for line in opened(connections, *[ELSEWHERE] * 8):
        page = connections.opened(line)
        page.waiting = None
        assert connections.take_page(page)
    (ninth,) = opened(connections, ELSEWHERE)
    assert ninth.closed
    (other,) = opened(connections, "192.0.2.8")
    assert not other.closed


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="descriptors are not listed here")
def test_the_event_loop_of_a_page_has_the_descriptors_that_are_counted() -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    loop = asyncio.new_event_loop()
    try:
        assert len(list(Path("/proc/self/fd").iterdir())) == before + PAGE - 1
    finally:
        loop.close()


def test_streamlit_keeps_as_many_closed_pages_as_are_counted() -> None:
    kept = inspect.signature(MemorySessionStorage).parameters["maxsize"].default
    assert kept == CLOSED_PAGES


def test_a_silent_connection_has_its_time() -> None:
    clock = Clock()
    connections = Connections(64, clock)
    silent, unread = opened(connections, ELSEWHERE, ELSEWHERE)
    unread.unsent = 1
    for seconds, expected in [
        (HEADER_SECONDS, (False, False)),
        (1, (True, False)),
        (UNREAD_SECONDS, (True, True)),
    ]:
        clock.now += seconds
        connections.close_overdue()
        assert (silent.closed, unread.closed) == expected
    assert len(connections) == 0


def test_a_long_upload_is_not_cut_off_while_it_moves_and_a_dripping_one_is() -> None:
    async def lasted(piece: int, every: float) -> float:
        clock = Clock()
        connections = Connections(64, clock)
        line = Line(ELSEWHERE)

        async def receive() -> dict[str, Any]:
            clock.now += every
            connections.close_overdue()
            if line.closed:
                raise ConnectionResetError
            return {"type": "http.request", "body": b"x" * piece, "more_body": clock.now < 1_000 + 3_600}

        async def reads(_: Scope, receive: Receive, _send: Send) -> None:
            while (await receive())["more_body"]:
                pass

        try:
            await connections.watch(reads, connections.opened(line), {"type": "http"}, receive, _ignored)
        except ConnectionResetError:
            assert line.closed
        return clock.now - 1_000

    assert asyncio.run(lasted(SLOWEST * 2, 1.0)) == 3_600
    assert BODY_SECONDS < asyncio.run(lasted(1, 1.0)) < BODY_SECONDS + 3


def test_an_application_that_works_long_is_not_cut_off() -> None:
    async def inside() -> bool:
        clock = Clock()
        connections = Connections(64, clock)
        line = Line(ELSEWHERE)

        async def slow(_: Scope, receive: Receive, _send: Send) -> None:
            await receive()
            clock.now += 3_600
            connections.close_overdue()

        await connections.watch(slow, connections.opened(line), {"type": "http"}, _whole, _ignored)
        return line.closed

    assert asyncio.run(inside()) is False


def test_the_end_of_a_request_leaves_the_next_one_of_its_connection_alone() -> None:
    async def inside() -> bool:
        clock = Clock()
        connections = Connections(64, clock)
        line = Line(ELSEWHERE)
        connection, over = connections.opened(line), asyncio.Event()

        async def first(_: Scope, _receive: Receive, _send: Send) -> None:
            await over.wait()

        ending = asyncio.create_task(connections.watch(first, connection, {"type": "http"}, _whole, _ignored))
        await asyncio.sleep(0)
        next_one = asyncio.create_task(
            connections.watch(busy, connection, {"type": "http"}, _whole, _ignored)
        )
        await asyncio.sleep(0)
        over.set()
        await ending
        clock.now += 3_600
        connections.close_overdue()
        next_one.cancel()
        return line.closed

    assert asyncio.run(inside()) is False


def test_connections_leave_descriptors_for_the_journal() -> None:
    assert most_for_connections(1_024) == 1_024 - RESERVED == 384
    assert most_for_connections(1_000_000) == 4_096
    assert most_for_connections(100) == 64


async def _nothing() -> dict[str, Any]:
    await asyncio.Event().wait()
    raise AssertionError


async def _whole() -> dict[str, Any]:
    return {"type": "http.request", "body": b"", "more_body": False}


async def _ignored(_: Any) -> None:
    pass
