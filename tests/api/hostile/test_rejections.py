"""Requests full of rows that cannot be taken: each is named in the answer, what is kept is bounded."""

from __future__ import annotations

import asyncio
import gzip
import itertools
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensormon.api.parsing import parse_batch, parse_single
from sensormon.api.problems import Problem
from sensormon.ingest.refusals import LISTED, Refused
from sensormon.model.readings import Reason, Rejection
from sensormon.monitor.monitor import Monitor
from sensormon.monitor.offline import StoppedMonitor
from sensormon.monitor.verify import verify
from sensormon.stores import duckdb_load
from tests.support.api import Start, ask, post

ROW = {"tag": "fermenter_temp", "value": 37.2, "timestamp": "2026-01-31T12:00:00Z"}
BAD = {"tag": "nobody", "value": 1}


def rows(count: int, bad: set[int]) -> list[dict[str, Any]]:
    """Readings one second apart; those in `bad` cannot be taken."""
    return [
        BAD
        if i in bad
        else {**ROW, "timestamp": f"2026-01-31T{i // 3600:02d}:{i // 60 % 60:02d}:{i % 60:02d}Z"}
        for i in range(count)
    ]


def journal_bytes(monitor: Monitor) -> int:
    return sum(
        path.stat().st_size for path in (monitor.settings.data_dir / "journal").rglob("*") if path.is_file()
    )


def accounts(monitor: Monitor) -> dict[str, Any]:
    """The ledger once everything taken is stored."""
    monitor.drain()
    return monitor.ledger.now().to_dict()


def verified(monitor: Monitor) -> None:
    """Stop the monitor and have `verify` agree with everything it kept."""
    monitor.drain()
    monitor.stop()
    folder = monitor.settings.data_dir
    assert verify(StoppedMonitor(folder, str(folder / "sensormon.duckdb"))).findings == ()


def test_hundred_thousand_empty_rows_have_a_small_answer_and_an_exact_ledger(start: Start) -> None:
    monitor, api = start()
    body = gzip.compress(f"[{','.join(['{}'] * 100_000)}]".encode())
    assert len(body) < 400
    before = journal_bytes(monitor)
    headers = {"Content-Encoding": "gzip", "Idempotency-Key": "a"}
    answer = post(api, "/ingest/batch", body, **headers)
    assert answer.status_code == 201
    content = answer.json()
    assert [row["index"] for row in content["rejected"]] == list(range(LISTED))
    assert {row["reason"] for row in content["rejected"]} == {"malformed"}
    assert (content["accepted"], content["rejected_count"]) == (0, 100_000)
    assert content["rejected_ranges"] == [[0, 99_999]]
    assert len(answer.content) < 20_000
    assert journal_bytes(monitor) - before < 50_000
    again = post(api, "/ingest/batch", body, **headers)
    assert (again.content, again.headers["idempotent-replayed"]) == (answer.content, "true")
    monitor.drain()
    assert len(monitor.stored.rejected(1_000_000)) == LISTED
    ledger = accounts(monitor)
    assert (ledger["received"], ledger["rejected"], ledger["difference"]) == (100_000, 100_000, 0)
    assert ledger["reasons"] == {"malformed": 100_000}
    monitor, api = start()
    assert post(api, "/ingest/batch", body, **headers).content == answer.content
    assert monitor.ledger.now().to_dict()["received"] == 100_000
    verified(monitor)


@settings(max_examples=100, derandomize=True)
@given(st.sets(st.integers(0, 400), max_size=250))
def test_ranges_have_every_index_once_and_the_first_are_listed(bad: set[int]) -> None:
    rejections = [Rejection("http", 0, i, "t", "", "", Reason.MALFORMED, "") for i in sorted(bad)]
    refused = Refused.of(rejections)
    ranges = refused.ranges()
    assert [i for first, last in ranges for i in range(first, last + 1)] == sorted(bad)
    assert all(first <= last for first, last in ranges)
    assert all(before[1] + 1 < after[0] for before, after in itertools.pairwise(ranges))


def test_reasons_of_one_request_are_listed_in_order_whoever_finds_them(start: Start) -> None:
    monitor, api = start()
    content: list[Any] = rows(400, set())
    for i in range(0, 400, 2):
        content[i] = [{}, BAD, {**ROW, "value": 99}, content[1]][i // 2 % 4]
    answer = post(api, "/ingest/batch", content).json()
    bad = [i for i in range(400) if i % 2 == 0]
    assert answer["accepted"] == 200
    assert [row["index"] for row in answer["rejected"]] == bad[:LISTED]
    assert {row["reason"] for row in answer["rejected"]} == {
        "malformed",
        "unknown_tag",
        "out_of_range",
        "duplicate",
    }
    assert answer["rejected_ranges"] == [[i, i] for i in bad]
    ledger = accounts(monitor)
    assert (ledger["received"], ledger["difference"]) == (400, 0)
    verified(monitor)


def test_each_of_the_requests_taken_together_lists_its_own(start: Start) -> None:
    monitor, api = start()

    async def send(client: Any) -> Any:
        return await asyncio.gather(
            *(client.post("/ingest/batch", json=rows(150 + i, set(range(i, 150)))) for i in range(12))
        )

    for i, answer in enumerate(ask(api, send)):
        content = answer.json()
        refused = [i for first, last in content["rejected_ranges"] for i in range(first, last + 1)]
        assert [row["index"] for row in content["rejected"]] == refused[:LISTED]
        assert content["rejected_count"] == len(refused) >= 150 - i
        assert content["accepted"] + content["rejected_count"] == 150 + i
    verified(monitor)


def test_rejections_kept_in_the_store_are_bounded_and_all_counted(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(duckdb_load, "REJECTIONS", 50)
    monitor, api = start()
    for request in range(12):
        post(api, "/ingest/batch", [{"tag": f"nobody{request}", "value": i} for i in range(10)])
        monitor.drain()
    kept = monitor.stored.rejected(1_000)
    assert 50 <= len(kept) <= 55
    assert kept["tag"].iloc[0] == "nobody11"
    assert "nobody0" not in set(kept["tag"])
    ledger = accounts(monitor)
    assert (ledger["rejected"], ledger["reasons"], ledger["difference"]) == (120, {"unknown_tag": 120}, 0)
    verified(monitor)


def test_line_protocol_names_rejected_readings_within_bounds(start: Start) -> None:
    monitor, api = start()
    body = "\n".join(
        f"fermenter_temp value=37.5 {1_769_860_800 + i}" if i % 2 else "nobody value=1" for i in range(2_000)
    )
    answer = post(api, "/v2/write?precision=s", body)
    assert answer.status_code == 400
    message = answer.json()["message"]
    assert message.startswith(
        "partial write: 1,000 readings stored, 1,000 rejected, first: nobody: unknown_tag"
    )
    assert "readings 1 3 5 " in message
    assert "and 980 more ranges" in message
    assert len(message) < 1_000
    everything = post(api, "/v2/write", "\n".join(["?"] * 100_000)).json()["message"]
    assert "0 readings stored, 100,000 rejected" in everything
    assert "readings 1-100000 of the request" in everything
    ledger = accounts(monitor)
    assert (ledger["received"], ledger["rejected"], ledger["difference"]) == (102_000, 101_000, 0)
    verified(monitor)


# -- an answer says no more than was kept -------------------------------------


TWICE = [
    '{"tag":"fermenter_temp","value":37,"value":38}',
    '{"tag":"fermenter_temp","tag":"fermenter_ph","value":7}',
    '{"tag":"fermenter_temp","value":37,"timestamp":"2026-01-31T12:00:00Z","timestamp":null}',
    '{"tag":"fermenter_temp","value":37,"timestamp":null,"timestamp":"2026-01-31T12:00:00Z"}',
    '{"tag":"fermenter_temp","value":37,"\\u0076alue":38}',
    '{"tag":"null","value":37,"value":38}',
]


@pytest.mark.parametrize("row", TWICE)
def test_field_that_is_there_twice_is_rejected(start: Start, row: str) -> None:
    monitor, api = start()
    single = post(api, "/ingest", row)
    assert (single.status_code, single.json()["reason"]) == (400, "malformed")
    content = post(api, "/ingest/batch", f"[{json.dumps(ROW)},{row}]").json()
    assert content["accepted"] == 1
    assert [(bad["index"], bad["reason"]) for bad in content["rejected"]] == [(1, "malformed")]
    assert "twice" in content["rejected"][0]["detail"]
    ledger = accounts(monitor)
    assert (ledger["received"], ledger["rejected"], ledger["difference"]) == (3, 2, 0)


@pytest.mark.parametrize(
    "body",
    [
        f'{{"readings":[{json.dumps(ROW)}],"readings":[]}}',
        f'{{"readings":[{json.dumps(ROW)}],"batch_id":"a","batch_id":"b"}}',
        f'{{"readings":[{json.dumps(ROW)}],"\\u0072eadings":[{json.dumps(ROW)}]}}',
    ],
)
def test_batch_with_two_lists_or_keys_stores_nothing(start: Start, body: str) -> None:
    monitor, api = start()
    answer = post(api, "/ingest/batch", body)
    assert answer.status_code == 400
    assert "twice" in answer.json()["detail"]
    assert monitor.ledger.now().to_dict()["received"] == 0


def test_quick_look_for_repeated_fields_is_right() -> None:
    fine = [
        [ROW, {"tag": "a", "value": 1}],
        [{"tag": "null", "value": 1}],
        [{"tag": 'quo"te', "value": 1, "timestamp": None}],
        [{"tag": "ü\\", "value": 1}, ROW],
        {"readings": [ROW, ROW], "batch_id": "a"},
        {"readings": [ROW], "batch_id": ""},
        {"readings": []},
        [],
    ]
    for content in fine:
        parsed = parse_batch(json.dumps(content).encode(), 0, 10)
        expected = content["readings"] if isinstance(content, dict) else content
        assert (len(parsed.batch), len(parsed.malformed)) == (len(expected), 0)


PAIRS = st.lists(
    st.sampled_from(
        [
            '"tag":"a"',
            '"tag":"null"',
            '"tag":"\\u0041"',
            '"value":1',
            '"timestamp":"2026-01-31"',
            '"timestamp":null',
        ]
    ),
    max_size=5,
)


@settings(max_examples=300, derandomize=True)
@given(st.lists(PAIRS, max_size=3), st.booleans())
def test_row_is_taken_only_if_each_of_its_fields_is_there_once(content: list[list[str]], keyed: bool) -> None:
    text = f"[{','.join('{' + ','.join(pairs) + '}' for pairs in content)}]"
    body = f'{{"readings":{text}}}' if keyed else text
    parsed = parse_batch(body.encode(), 0, 10)
    names = [[pair.partition(":")[0] for pair in pairs] for pairs in content]
    good = [
        i for i, row in enumerate(names) if len(set(row)) == len(row) and {'"tag"', '"value"'} <= set(row)
    ]
    assert list(parsed.positions) == good


def test_line_with_a_tag_twice_is_rejected(start: Start) -> None:
    monitor, api = start()
    answer = post(api, "/v2/write", "plant,sensor=fermenter_temp,sensor=fermenter_ph value=7.1")
    assert answer.status_code == 400
    assert "twice" in answer.json()["message"]
    ledger = accounts(monitor)
    assert (ledger["received"], ledger["rejected"], ledger["difference"]) == (1, 1, 0)


def test_field_twice_in_a_line_is_two_readings(start: Start) -> None:
    monitor, api = start()
    assert post(api, "/v2/write", "fermenter_temp value=37,value=38 1769860800000000000").status_code == 204
    assert sorted(monitor.readings.recent(0)["value"]) == [37.0, 38.0]


def test_key_does_not_answer_for_other_times(start: Start) -> None:
    monitor, api = start()
    body, key = "fermenter_temp value=37 1769860800", {"Idempotency-Key": "a"}
    assert post(api, "/v2/write?precision=s", body, **key).status_code == 204
    assert post(api, "/v2/write?precision=ms", body, **key).status_code == 422
    assert post(api, "/v2/write?precision=s", body, **key).headers["idempotent-replayed"] == "true"
    assert monitor.ledger.now().to_dict()["received"] == 1


def test_object_with_many_fields_is_judged_in_linear_time() -> None:
    names = ",".join(f'"{i}":0' for i in range(200_000))
    with pytest.raises(Problem, match="twice"):
        parse_batch(f'{{{names},"199999":0}}'.encode(), 0, 10)


@pytest.mark.parametrize("unit", [b"{}", b"[]", b'{"":{}}'])
def test_far_too_many_rows_are_refused_unread(unit: bytes) -> None:
    body = b"[" + b",".join([unit] * 500_000) + b"]"
    with pytest.raises(Problem, match="far more than 1,000 rows") as problem:
        parse_batch(body, 0, 1_000)
    assert problem.value.status == 413
    with pytest.raises(Problem) as problem:
        parse_single(body, 0)
    assert problem.value.status in (400, 413)
