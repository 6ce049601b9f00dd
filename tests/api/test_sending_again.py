"""A request sent again stores nothing twice, with a key or without."""

from __future__ import annotations

import asyncio
import gzip
import json
from typing import Any

import httpx
import pytest

from sensormon.ingest import idempotency
from sensormon.ingest.idempotency import Bounds, IdempotencyKeys, KnownRequests
from sensormon.model.clock import SECOND
from sensormon.model.entries import BY_CONTENT, KeptAnswer
from sensormon.monitor.monitor import Monitor
from tests.support.api import Start, ask, post

T = 1_769_860_800
LINES = "\n".join(f"fermenter_temp value={37 + i % 7 / 10} {T + i}" for i in range(3_000))
ROW = {"tag": "fermenter_temp", "value": 37.2, "timestamp": "2026-01-31T12:00:00Z"}


def received(monitor: Monitor) -> int:
    count: int = monitor.ledger.now().to_dict()["received"]
    return count


def replayed(answer: httpx.Response) -> bool:
    return answer.headers.get("idempotent-replayed") == "true"


def test_three_thousand_lines_sent_again_are_stored_once_even_after_restarts(start: Start) -> None:
    monitor, api = start()
    first = post(api, "/v2/write?precision=s", LINES)
    assert (first.status_code, replayed(first)) == (204, False)
    for _ in range(3):  # at once, from the journal, then from the store
        again = post(api, "/v2/write?precision=s", LINES)
        assert (again.status_code, again.content, replayed(again)) == (204, b"", True)
        assert received(monitor) == 3_000
        monitor, api = start()
        monitor.drain()
    packed = gzip.compress(LINES.encode(), 1)
    again = post(api, "/v2/write?precision=s", packed, **{"Content-Encoding": "gzip"})
    assert replayed(again), "packed or not, the content is the same"
    assert received(monitor) == 3_000


def test_first_answer_is_repeated_whole(start: Start) -> None:
    monitor, api = start()
    rows = [{**ROW, "timestamp": f"2026-01-31T12:00:{i:02d}Z"} for i in range(60)]
    bodies: list[tuple[str, Any]] = [
        ("/ingest", ROW),
        ("/ingest/batch", [*rows, {**ROW, "value": 99}]),
        ("/ingest/batch", {"readings": [{**row, "tag": "fermenter_temp", "value": 38} for row in rows]}),
    ]
    for path, body in bodies:
        first, again = post(api, path, body), post(api, path, body)
        assert (again.status_code, again.content, replayed(again)) == (first.status_code, first.content, True)
        assert not replayed(first)
    assert received(monitor) == 1 + 61 + 60


def test_requests_of_the_same_moment_are_stored_once(start: Start) -> None:
    monitor, api = start()

    async def at_once(client: httpx.AsyncClient) -> Any:
        return await asyncio.gather(*(client.post("/ingest", content=json.dumps(ROW)) for _ in range(20)))

    answers = ask(api, at_once)
    assert {answer.content for answer in answers} == {answers[0].content}
    assert sum(map(replayed, answers)) == 19
    assert received(monitor) == 1


def test_reading_without_its_own_time_is_new_each_time(start: Start) -> None:
    monitor, api = start()
    untimed = {"tag": "fermenter_ph", "value": 7.1}
    bodies: list[tuple[str, Any]] = [
        ("/ingest", untimed),
        ("/ingest/batch", [ROW, untimed]),
        ("/v2/write", "fermenter_ph value=7.1"),
    ]
    for path, body in bodies:
        post(api, path, body)
        assert not replayed(post(api, path, body))
    assert received(monitor) == 8


def test_what_stored_nothing_is_tried_again(start: Start) -> None:
    monitor, api = start()
    for _ in range(2):
        assert not replayed(post(api, "/ingest/batch", [{**ROW, "tag": "nobody"}]))
        assert not replayed(post(api, "/ingest", {**ROW, "value": 99}))
    assert received(monitor) == 4


def test_another_route_or_query_or_byte_is_another_request(start: Start) -> None:
    monitor, api = start()
    line = f"fermenter_ph value=7 {T}"
    assert post(api, "/v2/write?precision=s", line).status_code == 204
    for path, body in (
        ("/v2/write?precision=s&bucket=b", line),
        ("/v2/write?precision=ms", line),
        ("/v2/write?precision=s", line + "\n"),
        ("/ingest", ROW),
        ("/ingest/batch", [ROW]),
    ):
        assert not replayed(post(api, path, body)), (path, body)
    ledger = monitor.ledger.now().to_dict()
    assert (ledger["received"], ledger["difference"]) == (6, 0)


def test_key_of_the_sender_decides_where_there_is_one(start: Start) -> None:
    _, api = start()
    post(api, "/ingest", ROW)
    other = post(api, "/ingest", ROW, **{"Idempotency-Key": "a"})
    assert (other.status_code, other.json()["reason"]) == (400, "duplicate")
    assert post(api, "/ingest", ROW, **{"Idempotency-Key": BY_CONTENT.strip()}).status_code == 400
    keyed = {"batch_id": BY_CONTENT, "readings": [ROW]}
    assert post(api, "/ingest/batch", keyed).json()["error"] == "bad_key"


def test_token_for_other_tags_gets_no_earlier_answer(start: Start) -> None:
    _, api = start()
    assert post(api, "/ingest", ROW).status_code == 201
    assert post(api, "/ingest", ROW, Authorization="Bearer wrong").status_code == 401


# -- bounds -------------------------------------------------------------------


def answer(key: str, received: int = 0, body: str = "x" * 10) -> KeptAnswer:
    return KeptAnswer(key, "", 201, body, received)


def test_answers_are_bounded_by_age_number_and_size() -> None:
    keys = IdempotencyKeys(Bounds(60, 3, 1_000))
    for i in range(5):
        keys.remember(answer(f"{i}", i * SECOND))
    assert [keys.find(f"{i}", 10 * SECOND) is not None for i in range(5)] == [False, False, True, True, True]
    assert keys.find("2", 62 * SECOND) is not None
    assert keys.find("2", 62 * SECOND + 1) is None
    keys.remember(answer("long", 0, "x" * 5_000))
    assert len(keys) == 1
    assert keys.find("long", 0) is not None


def test_requests_without_a_key_displace_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(idempotency, "UNKEYED", Bounds(60, 100, 10_000))
    known = KnownRequests([answer("mine")])
    known.remember(answer(f"{BY_CONTENT}{i}") for i in range(1_000))
    assert known.find("mine", 0) is not None
    assert known.find(f"{BY_CONTENT}0", 0) is None
    assert known.find(f"{BY_CONTENT}999", 0) is not None
