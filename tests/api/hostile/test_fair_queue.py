"""Floods of writes: senders share the work evenly, what waits is bounded, nobody alone is limited."""

from __future__ import annotations

import asyncio
import gzip
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from sensormon.api import Api, make_api
from sensormon.api.parsing import parse_batch
from sensormon.ingest import fair_share, request_queue
from sensormon.ingest.fair_order import FairOrder
from sensormon.ingest.fair_share import FairShare
from sensormon.ingest.groups import Outcome, Parsed
from sensormon.ingest.request_queue import Answer, Request
from sensormon.model.errors import AboveShare, Overloaded
from sensormon.model.settings import Settings
from sensormon.monitor.monitor import Monitor
from tests.support.api import BEARER, TOKEN, Start, ask

FLOOD = gzip.compress(f"[{','.join(['{}'] * 100_000)}]".encode())
READING = b'[{"tag":"fermenter_temp","value":37.2}]'


@pytest.fixture
def idle(settings: Settings) -> Iterator[Monitor]:
    """A monitor whose threads do not run, so that requests wait until the test takes them."""
    monitor = Monitor(replace(settings, token=TOKEN))
    yield monitor
    monitor.stop()


# -- whose turn it is ---------------------------------------------------------


@hypothesis_settings(max_examples=100, derandomize=True)
@given(st.dictionaries(st.sampled_from("abcde"), st.integers(1, 1_000), min_size=2), st.integers(20, 200))
def test_senders_who_keep_waiting_get_equal_shares(costs: Mapping[str, int], turns: int) -> None:
    order: FairOrder[int] = FairOrder()
    for sender in costs:
        for item in range(turns + 1):
            order.put(sender, item)
    spent = dict.fromkeys(costs, 0)
    for _ in range(turns):
        turn = order.next()
        assert turn is not None
        sender, _ = turn
        order.charge(sender, costs[sender])
        spent[sender] += costs[sender]
        assert max(spent.values()) - min(spent.values()) <= 2 * max(costs.values())


@hypothesis_settings(max_examples=100, derandomize=True)
@given(st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 500)), min_size=1), st.integers(0, 50))
def test_newcomer_waits_for_one_request_of_each_other_sender(
    flood: list[tuple[str, int]], before: int
) -> None:
    order: FairOrder[int] = FairOrder()
    for sender, cost in flood:
        order.put(sender, cost)
    for _ in range(min(before, len(flood))):
        turn = order.next()
        assert turn is not None
        order.charge(*turn)
    order.put("newcomer", 0)
    waited: list[str] = []
    while (turn := order.next()) is not None and turn[0] != "newcomer":
        order.charge(*turn)
        waited.append(turn[0])
    assert turn is not None
    assert len(waited) == len(set(waited))


def test_requests_of_one_sender_stay_in_order_and_lose_none() -> None:
    order: FairOrder[int] = FairOrder()
    for item in range(100):
        order.put("ab"[item % 2], item)
    seen = []
    while (turn := order.next()) is not None:
        seen.append(turn[1])
        if len(seen) % 7:  # otherwise the thread died before it could charge
            order.charge(turn[0], turn[1] % 5)
    assert sorted(seen) == list(range(100))
    for parity in (0, 1):
        own = [item for item in seen if item % 2 == parity]
        assert own == sorted(own)
    assert len(order) == 0


def test_sender_waits_for_one_turn_while_another_floods(idle: Monitor) -> None:
    """Counted in turns of the flooding sender: 400 requests of a thousand empty rows each."""
    loop = asyncio.new_event_loop()
    turns: list[str] = []
    waits: list[int] = []
    futures: list[asyncio.Future[Answer]] = []

    def offer(sender: str, body: bytes, left: int) -> None:
        before = len(turns)

        def parse(plain: bytes) -> Parsed:
            if sender == "other":
                waits.append(len(turns) - before)
            turns.append(sender)
            return parse_batch(plain, idle.clock.now(), 100_000)

        def respond(outcome: Outcome) -> Answer:
            if sender == "other" and left:
                offer("other", READING, left - 1)
            elif sender == "other":
                idle.requests.close()
            return Answer(201, str(len(outcome.refused)).encode())

        future: asyncio.Future[Answer] = loop.create_future()
        futures.append(future)
        request = Request(sender, 1, lambda: body, len(body), parse, respond, ValueError, future)
        idle.requests.offer(request)

    flood = b"[" + b"{}," * 999 + b"{}]"
    for _ in range(400):
        offer("flood", flood, 0)
    offer("other", READING, 3)
    idle.requests.run(threading.Event())
    answers = loop.run_until_complete(asyncio.gather(*futures))
    loop.close()
    assert len(waits) == 4
    assert max(waits) <= 1
    assert turns.count("flood") == 400
    assert sum(int(answer.body) for answer in answers) == 400_000
    ledger = idle.ledger.now().to_dict()
    assert (ledger["received"], ledger["difference"]) == (400_004, 0)


def test_group_ends_when_enough_was_unpacked(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monitor, api = start()
    groups: list[int] = []
    real = request_queue.merge
    monkeypatch.setattr(
        request_queue, "merge", lambda parts: groups.append(sum(part.rows for part in parts)) or real(parts)
    )

    async def flood(client: httpx.AsyncClient) -> list[httpx.Response]:
        headers = {"Content-Encoding": "gzip"}
        return await asyncio.gather(
            *(client.post("/ingest/batch", content=FLOOD, headers=headers) for _ in range(4))
        )

    assert {answer.status_code for answer in ask(api, flood)} == {201}
    assert groups == [100_000] * 4
    assert monitor.ledger.now().to_dict()["received"] == 400_000


# -- how much may wait --------------------------------------------------------


def test_one_sender_alone_is_only_bounded_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fair_share, "WAITING_REQUESTS", 100)
    share = FairShare()
    with ExitStack() as stack:
        for _ in range(50):
            stack.enter_context(share.hold("a"))
        with pytest.raises(Overloaded):
            share.hold("a")
    assert (share.requests, share.size) == (0, 0)


def test_flood_is_told_so_and_others_still_get_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fair_share, "WAITING_BYTES", 1_000_000)
    share = FairShare()
    with ExitStack() as stack:

        def fill(sender: str) -> Exception:
            while True:
                try:
                    stack.enter_context(share.hold(sender)).grow(1_000)
                except (AboveShare, Overloaded) as error:
                    return error

        assert isinstance(fill("flood 0"), Overloaded)
        for i in range(1, 7):
            with share.hold("newcomer") as hold:
                hold.grow(1_000)
                assert isinstance(fill("flood 0"), AboveShare)
            fill(f"flood {i}")
        assert share.size <= 1_000_000
    assert (share.requests, share.size) == (0, 0)


def client_at(api: Api, address: str) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=api, client=(address, 40_000))
    return httpx.AsyncClient(transport=transport, base_url="http://test", headers=BEARER)


def test_sender_above_its_share_is_429_while_another_waits(
    idle: Monitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fair_share, "WAITING_REQUESTS", 16)
    api = make_api(lambda: idle)

    async def waiting(count: int) -> None:
        while idle.requests.waiting < count:
            await asyncio.sleep(0)

    async def run() -> None:
        async with client_at(api, "10.0.0.1") as flood, client_at(api, "10.0.0.2") as other:
            waits = [asyncio.ensure_future(flood.post("/ingest/batch", content=READING)) for _ in range(8)]
            await waiting(8)
            alone = await flood.post("/ingest/batch", content=READING)
            assert (alone.status_code, alone.json()["error"]) == (503, "overloaded")
            waits.append(asyncio.ensure_future(other.post("/ingest/batch", content=READING)))
            await waiting(9)
            for path in ("/ingest", "/ingest/batch", "/v2/write"):
                answer = await flood.post(path, content=READING)
                assert answer.status_code == 429
                assert int(answer.headers["retry-after"]) > 0
            assert answer.json()["code"] == "too many requests"
            idle.requests.close()
            await asyncio.to_thread(idle.requests.run, threading.Event())
            assert {answer.status_code for answer in await asyncio.gather(*waits)} == {201}

    asyncio.run(run())
    assert idle.requests.waiting == 0


def test_bodies_count_before_they_are_complete(idle: Monitor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fair_share, "WAITING_BYTES", 1_000_000)
    api = make_api(lambda: idle)

    async def run() -> None:
        gone = asyncio.Event()
        statuses: list[int] = []

        async def unfinished(address: str, size: int) -> None:
            messages: list[dict[str, Any]] = [
                {"type": "http.request", "body": b" " * size, "more_body": True}
            ]

            async def receive() -> dict[str, Any]:
                if messages:
                    return messages.pop()
                await gone.wait()
                return {"type": "http.disconnect"}

            async def send(message: Any) -> None:
                if message["type"] == "http.response.start":
                    statuses.append(message["status"])

            headers = [(b"authorization", BEARER["Authorization"].encode())]
            scope = {"type": "http", "method": "POST", "path": "/ingest", "query_string": b""}
            await api({**scope, "headers": headers, "client": (address, 1)}, receive, send)

        open_ones = [asyncio.ensure_future(unfinished("10.0.0.1", 100_000)) for _ in range(20)]
        for _ in range(10):
            await asyncio.sleep(0)
        assert idle.requests.share.size == 500_000
        assert statuses == [503] * 15
        open_ones.append(asyncio.ensure_future(unfinished("10.0.0.2", 100_000)))
        for _ in range(10):
            await asyncio.sleep(0)
        assert idle.requests.share.size == 600_000
        await asyncio.gather(unfinished("10.0.0.1", 100_000))
        assert statuses[15:] == [429]
        gone.set()
        await asyncio.gather(*open_ones)

    asyncio.run(run())
    assert (idle.requests.waiting, idle.requests.share.size) == (0, 0)
