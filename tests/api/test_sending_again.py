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
from sensormon.ingest.tag_memory import KEPT
from sensormon.model import timestamps
from sensormon.model.clock import SECOND
from sensormon.model.entries import BY_CONTENT, KeptAnswer
from sensormon.model.tags import Tag
from sensormon.monitor.monitor import Monitor
from tests.support.api import Start, ask, post

T = 1_769_860_800
LINES = "\n".join(f"fermenter_temp value={37 + i % 7 / 10} {T + i}" for i in range(3_000))
ROW = {"tag": "fermenter_temp", "value": 37.2, "timestamp": "2026-01-31T12:00:00Z"}


def times(count: int) -> list[str]:
    return [timestamps.render((T + second) * SECOND) for second in range(1, count + 1)]


def received(monitor: Monitor) -> int:
    count: int = monitor.ledger.now().to_dict()["received"]
    return count


def counts(monitor: Monitor) -> tuple[int, int]:
    """How many readings were accepted, and how many dropped as duplicates."""
    monitor.drain()
    ledger = monitor.ledger.now().to_dict()
    assert ledger["difference"] == 0
    return ledger["received"] - ledger["rejected"], ledger["duplicates_dropped"]


def test_three_thousand_lines_sent_again_are_stored_once_even_after_restarts(start: Start) -> None:
    monitor, api = start()
    assert post(api, "/v2/write?precision=s", LINES).status_code == 204
    for times in (1, 2, 3):  # at once, from the journal, then from the store
        again = post(api, "/v2/write?precision=s", LINES)
        assert (again.status_code, again.content) == (204, b"")
        assert counts(monitor) == (3_000, times * 3_000)
        monitor, api = start()
    packed = gzip.compress(LINES.encode(), 1)
    post(api, "/v2/write?precision=s", packed, **{"Content-Encoding": "gzip"})
    assert counts(monitor) == (3_000, 4 * 3_000), "packed or not, the content is the same"


def test_the_answer_names_every_duplicate(start: Start) -> None:
    monitor, api = start()
    assert post(api, "/ingest", ROW).status_code == 201
    again = post(api, "/ingest", ROW)
    assert (again.status_code, again.json()["reason"]) == (400, "duplicate")
    rows = [{**ROW, "timestamp": time} for time in times(2_000)] + [{**ROW, "value": 99}]
    first, again = post(api, "/ingest/batch", rows).json(), post(api, "/ingest/batch", rows).json()
    assert (first["accepted"], first["rejected_ranges"]) == (2_000, [[2_000, 2_000]])
    assert (again["accepted"], again["rejected_ranges"]) == (0, [[0, 2_000]])
    assert again["rejected"][0]["reason"] == "duplicate"
    assert counts(monitor) == (2_001, 2_001)


def test_rows_that_were_not_stored_are_judged_anew(start: Start) -> None:
    """Their tag may be known by now; the others are duplicates still."""
    monitor, api = start()
    rows = [
        {**ROW, "timestamp": time, "tag": tag} for time in times(1_500) for tag in ("fermenter_temp", "new")
    ]
    assert post(api, "/ingest/batch", rows).json()["accepted"] == 1_500
    monitor.running_tags.retag(monitor.tags.with_tags([Tag("new", "New")]))
    assert post(api, "/ingest/batch", rows).json()["accepted"] == 1_500
    assert post(api, "/ingest/batch", rows).json()["accepted"] == 0
    assert counts(monitor) == (3_000, 1_500 + 3_000)


def test_requests_of_the_same_moment_are_stored_once(start: Start) -> None:
    monitor, api = start()

    async def at_once(client: httpx.AsyncClient) -> Any:
        return await asyncio.gather(
            *(client.post("/v2/write?precision=s", content=LINES) for _ in range(5)),
            *(client.post("/ingest", content=json.dumps(ROW)) for _ in range(20)),
        )

    answers = ask(api, at_once)
    assert sorted(answer.status_code for answer in answers) == [201] + [204] * 5 + [400] * 19
    assert counts(monitor) == (3_001, 4 * 3_000 + 19)


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
        post(api, path, body)
    monitor.drain()
    ledger = monitor.ledger.now().to_dict()
    assert (ledger["received"], ledger["duplicates_dropped"]) == (8, 1), "only ROW names its own time"


def test_what_stored_nothing_is_tried_again(start: Start) -> None:
    monitor, api = start()
    for _ in range(2):
        assert (
            post(api, "/ingest/batch", [{**ROW, "tag": "nobody"}]).json()["rejected"][0]["reason"]
            == "unknown_tag"
        )
        assert post(api, "/ingest", {**ROW, "value": 99}).json()["reason"] == "out_of_range"
    assert received(monitor) == 4


def test_another_route_or_query_or_byte_is_another_request(start: Start) -> None:
    monitor, api = start()
    for path in ("/v2/write?precision=s&bucket=b", "/v2/write?precision=ms", "/v2/write?precision=s"):
        post(api, path, LINES)
    assert counts(monitor)[0] == 6_000 - KEPT, "the memory of each tag has its newest readings alone"
    post(api, "/v2/write?precision=s", LINES + "\n")
    assert counts(monitor)[0] > 6_000


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
