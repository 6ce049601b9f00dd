"""Readers that ask for more than their share: bounded memory, turns, and a budget of rows."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest

from sensormon.api import readers
from sensormon.api.problems import Problem
from sensormon.api.readers import RowBudget, Turns
from sensormon.model.addresses import household
from tests.support.api import Start, fill, get
from tests.support.server import Server
from tests.support.stored import fill_folder

MEGABYTE = 1_000_000
READ = "reader"


def test_more_than_a_hundred_thousand_rows_need_a_token(start: Start) -> None:
    _, api = start(read_token="")
    fill(api)
    for path in ("/data", "/anomalies"):
        refused = get(api, f"{path}?limit=100001", Authorization="")
        assert (refused.status_code, refused.json()["error"]) == (401, "unauthorized")
        assert "limit=100000" in refused.json()["hint"]
        for header in ("Bearer ", "Bearer wrong", "Basic secret"):
            assert get(api, f"{path}?limit=1000000", Authorization=header).status_code == 401, header
        assert get(api, f"{path}?limit=100000", Authorization="").status_code == 200
        assert get(api, f"{path}?limit=1000000").status_code == 200


def test_a_read_token_opens_large_answers(start: Start) -> None:
    _, api = start(read_token=READ)
    assert get(api, "/data?limit=1000000", Authorization=f"Bearer {READ}").status_code == 200


def test_an_address_without_a_token_has_a_budget_of_rows(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readers, "ROWS_A_MINUTE", 200)
    _, api = start()
    fill(api)
    answers = [get(api, "/data", Authorization="") for _ in range(3)]  # 121 rows each
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 60
    assert answers[-1].json()["error"] == "too_many_rows"
    assert get(api, "/data").status_code == 200, "with a token there is none"


def test_a_budget_is_made_up_for_in_a_minute() -> None:
    now = [0.0]
    budget = RowBudget(600, lambda: now[0])
    budget.charge("a", 610)
    with pytest.raises(Problem) as refused:
        budget.check("a")
    assert refused.value.headers == {"Retry-After": "2"}
    budget.check("b")
    now[0] = 1.0
    budget.check("a")
    now[0] = 3_600.0
    budget.charge("a", 600)
    budget.check("a")
    budget.charge("a", 1)
    with pytest.raises(Problem):
        budget.check("a")


def test_any_number_of_addresses_needs_little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readers, "ADDRESSES", 5)
    now = [0.0]
    budget = RowBudget(60, lambda: now[0])
    for number in range(100):
        budget.charge(str(number), 50)
    assert len(budget) <= 6
    with pytest.raises(Problem):
        budget.check("99")  # shares the budget of all that are too many
    budget.check("0")
    now[0] = 7_200.0
    budget.charge("new", 1)
    assert len(budget) == 1


def test_an_ipv6_client_cannot_choose_its_address() -> None:
    assert household("2001:db8:1:2::3") == household("2001:db8:1:2:ffff::") != household("2001:db8:1:3::3")
    assert household("::ffff:192.0.2.1") == "192.0.2.1"


async def is_refused(turns: Turns, address: str) -> bool:
    try:
        async with turns.turn(address):
            return False
    except Problem as refused:
        return (refused.status, refused.headers) == (503, {"Retry-After": "10"})


def test_turns_are_few_in_all_and_per_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readers, "PATIENCE", 0.05)

    async def run() -> None:
        turns = Turns(most=3, each=2, waiting_each=1)
        async with turns.turn("a"), turns.turn("a"):
            assert await is_refused(turns, "a")
            async with turns.turn("b"):
                assert await is_refused(turns, "c")
            assert not await is_refused(turns, "c")
        assert not await is_refused(turns, "a")

    asyncio.run(run())


def test_turns_are_given_in_order_of_arrival() -> None:
    async def run() -> list[str]:
        turns, order = Turns(most=2, each=1, waiting_each=1), list[str]()

        async def take(address: str) -> None:
            async with turns.turn(address):
                order.append(address)

        async with turns.turn("a"):
            async with turns.turn("b"):
                waiting = [asyncio.create_task(take(address)) for address in ("gone", "a", "c", "d")]
                await asyncio.sleep(0)  # each of them waits now
                assert await is_refused(turns, "d"), "one of each address waits"
                waiting[0].cancel()
                await asyncio.wait(waiting[:1])
            await asyncio.wait(waiting[2:])
            assert order == ["c", "d"], "of a the other turn is still taken"
        await asyncio.gather(*waiting[1:])
        return order

    assert asyncio.run(run()) == ["c", "d", "a"]


def test_a_short_answer_needs_no_turn(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readers, "TURNS", 0)
    monkeypatch.setattr(readers, "PATIENCE", 0.05)
    _, api = start()
    assert get(api, "/data").status_code == 200
    refused = get(api, "/data?limit=1001")
    assert (refused.status_code, refused.json()["error"]) == (503, "overloaded")
    assert refused.headers["retry-after"] == "10"


def taken_at_once(server: Server, count: int, path: str, token: str = "") -> tuple[dict[bytes, int], int]:
    """The statuses of that many requests at once, read as fast as possible, and the most memory meanwhile."""
    statuses: dict[bytes, int] = {}

    def read() -> None:
        with server.ask(path, token) as client, client.makefile("rb") as stream:
            client.settimeout(120)
            status = stream.readline()[9:12]
            while status == b"200" and not stream.readline().endswith(b"0\r\n"):
                pass
            statuses[status] = statuses.get(status, 0) + 1

    threads = [threading.Thread(target=read) for _ in range(count)]
    for thread in threads:
        thread.start()
    most = server.memory()
    while any(thread.is_alive() for thread in threads):
        most = max(most, server.memory())
        threads[0].join(0.02)
    return statuses, most


@pytest.mark.long
def test_sixteen_greedy_readers_need_little_memory(tmp_path: Path) -> None:
    server = Server(fill_folder(tmp_path / "data", 300_000), SENSORMON_SOURCE="none", SENSORMON_TOKEN=READ)
    try:
        server.wait_until_stored(300_000)
        before = server.memory()
        statuses, _ = taken_at_once(server, 16, "/api/data?limit=1000000")
        assert statuses == {b"401": 16}
        statuses, most = taken_at_once(server, 16, "/api/data?limit=1000000", READ)
        assert statuses[b"200"] >= 8
        assert statuses.keys() <= {b"200", b"503"}
        assert most - before < 150 * MEGABYTE
    finally:
        server.stop()
        server.output()


@pytest.mark.full
@pytest.mark.parametrize("token", ["", READ])
def test_sixteen_greedy_readers_of_ten_million_readings_stay_below_a_gigabyte(
    tmp_path: Path, token: str
) -> None:
    server = Server(fill_folder(tmp_path / "data", 10_000_000), SENSORMON_TOKEN=READ)
    try:
        server.wait_until_stored(10_000_000)
        limit = 1_000_000 if token else readers.UNKNOWN_ROWS
        statuses, most = taken_at_once(server, 16, f"/api/data?limit={limit}", token)
        assert statuses[b"200"] >= 8
        assert most < 1_000 * MEGABYTE
        assert server.stop() < 3.0
    finally:
        server.stop()
        server.output()
