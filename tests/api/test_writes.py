"""Writes over HTTP: what is acknowledged is on disk, refusals say why, nothing is stored twice."""

from __future__ import annotations

import asyncio
import gzip
import json
import math
import zlib
from collections.abc import Awaitable
from typing import Any

import httpx
import pytest

from sensormon.api import body as api_body
from sensormon.api.line_protocol import line_problem
from sensormon.api.problems import Problem
from sensormon.ingest import fair_share, request_queue
from sensormon.model.errors import JournalFull
from sensormon.model.settings import Settings
from tests.support.api import BEARER, TOKEN, Start, ask, post

ROW = {"tag": "fermenter_temp", "value": 37.2, "timestamp": "2026-01-31T12:00:00Z"}


def test_reading_is_answered_with_its_id_and_score(start: Start) -> None:
    monitor, api = start()
    answer = post(api, "/ingest", ROW)
    assert answer.status_code == 201
    assert answer.json() == {
        "status": "success",
        "id": 1,
        "is_anomaly": False,
        "score": None,
        "threshold": None,
        "detector": None,
    }
    assert monitor.ledger.now().to_dict()["received"] == 1


def test_score_is_a_number_once_the_detector_is_warm(start: Start) -> None:
    _, api = start()
    rows = [{**ROW, "timestamp": f"2026-01-31T12:00:{i:02d}Z", "value": 37 + i % 2 / 10} for i in range(60)]
    answer = post(api, "/ingest/batch", rows)
    assert answer.json() == {
        "accepted": 60,
        "rejected": [],
        "rejected_count": 0,
        "rejected_ranges": [],
        "anomalies": 0,
    }
    spike = post(api, "/ingest", {**ROW, "timestamp": "2026-01-31T12:01:00Z", "value": 45}).json()
    assert spike["is_anomaly"] is True
    assert spike["score"] > 3


def test_batch_reports_the_reason_of_each_rejected_row(start: Start) -> None:
    _, api = start()
    rows = [
        ROW,
        {**ROW, "value": 99},
        {**ROW, "tag": "nobody"},
        {**ROW, "value": "37"},
        5,
        {**ROW, "more": 1},
        {"tag": "fermenter_ph", "value": 7.1},
        {**ROW, "timestamp": "yesterday"},
        ROW,
        {**ROW, "value": 1e300},
        {**ROW, "timestamp": "2199-01-01T00:00:00Z"},
        {"value": 1},
        {**ROW, "tag": 5},
        {**ROW, "value": True},
        {**ROW, "tag": "\ud800"},
    ]
    answer = post(api, "/ingest/batch", rows)
    assert answer.status_code == 201
    content = answer.json()
    assert content["accepted"] == 2
    assert [(row["index"], row["reason"]) for row in content["rejected"]] == [
        (1, "out_of_range"),
        (2, "unknown_tag"),
        (3, "not_a_number"),
        (4, "malformed"),
        (5, "malformed"),
        (7, "bad_timestamp"),
        (8, "duplicate"),
        (9, "out_of_range"),
        (10, "future_timestamp"),
        (11, "malformed"),
        (12, "unknown_tag"),
        (13, "not_a_number"),
        (14, "malformed"),
    ]


NO_READINGS = [
    b"",
    b"{",
    b"[",
    b"\xff",
    b"null",
    b"5",
    b'"text"',
    b"NaN",
    b"[" * 100_000,
]
NO_BATCHES = [
    b'{"readings": 5}',
    b'{"batch_id": "a"}',
    b'{"readings": [], "batch_id": 5}',
    b'{"readings": [], "more": 1}',
    b'{"readings": [], "batch_id": NaN}',
    b'{"tag": "a", "value": NaN}',
]


def test_malformed_body_is_refused_and_not_counted(start: Start) -> None:
    monitor, api = start()
    for path, bodies in (("/ingest", NO_READINGS), ("/ingest/batch", NO_READINGS + NO_BATCHES)):
        for body in bodies:
            answer = post(api, path, body)
            assert answer.status_code == 400, (path, body[:50])
            assert set(answer.json()) >= {"error", "detail", "hint"}
    assert monitor.ledger.now().to_dict()["received"] == 0


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"value": 99}, "out_of_range"),
    ({"value": None}, "not_a_number"),
    ({"value": 10**400}, "not_finite"),
    ({"tag": "'; DROP TABLE readings; --"}, "unknown_tag"),
    ({"tag": "../../etc/passwd"}, "unknown_tag"),
    ({"timestamp": 5}, "bad_timestamp"),
    ({"unit": "K"}, "malformed"),
]


def test_invalid_reading_is_400_with_the_reason(start: Start) -> None:
    monitor, api = start()
    for change, reason in WRONG:
        answer = post(api, "/ingest", {**ROW, **change})
        assert (answer.status_code, answer.json()["reason"]) == (400, reason)
    ledger = monitor.ledger.now().to_dict()
    assert (ledger["received"], ledger["stored"], ledger["difference"]) == (len(WRONG), 0, 0)


@pytest.mark.parametrize("path", ["/ingest", "/ingest/batch", "/v2/write"])
def test_writes_require_the_token(start: Start, path: str) -> None:
    monitor, api = start()
    wrong = ["", "Bearer", "Bearer wrong", "Bearer secret2", "Basic secret", "Bearer s\xe9cret", "secret"]

    async def call(client: httpx.AsyncClient) -> Any:
        for header in wrong:
            answer = await client.post(path, json=[ROW], headers={"Authorization": header.encode("latin-1")})
            assert answer.status_code == 401, header

    ask(api, call)
    assert monitor.ledger.now().to_dict()["received"] == 0


def test_token_file_is_created_once_and_private(start: Start, settings: Settings) -> None:
    _, api = start(token="")
    assert post(api, "/ingest", ROW).status_code == 401
    path = settings.data_dir / "token"
    token = path.read_text().strip()
    assert path.stat().st_mode & 0o777 == 0o600
    assert len(token) > 30
    assert post(api, "/ingest", ROW, Authorization=f"Bearer {token}").status_code == 201
    _, api = start(token="")
    assert post(api, "/ingest/batch", [], Authorization=f"Token {token}").status_code == 201


def test_bodies_and_batches_have_limits(start: Start) -> None:
    monitor, api = start(max_body=1, max_batch=10)

    async def chunks() -> Any:
        for _ in range(30):
            yield b" " * 100_000

    assert post(api, "/ingest", b" " * 1_000_001).status_code == 413
    assert ask(api, lambda client: client.post("/ingest", content=chunks())).status_code == 413
    packed = gzip.compress(b" " * 2_000_000)
    assert post(api, "/ingest", packed, **{"Content-Encoding": "gzip"}).status_code == 413
    assert post(api, "/ingest/batch", [ROW] * 11).status_code == 413
    assert post(api, "/ingest/batch", [{"x": 1}] * 11).status_code == 413
    assert monitor.ledger.now().to_dict()["received"] == 0


NO_GZIP = {
    "empty": b"",
    "plain": b"fermenter_temp value=37",
    "cut off": gzip.compress(b"fermenter_temp value=37")[:-4],
    "a wrong checksum": gzip.compress(b"fermenter_temp value=37")[:-8] + b"\0" * 8,
    "zlib": zlib.compress(b"fermenter_temp value=37"),
}


def test_body_that_is_not_gzip_is_refused(start: Start) -> None:
    monitor, api = start()
    for name, body in NO_GZIP.items():
        assert post(api, "/v2/write", body, **{"Content-Encoding": "gzip"}).status_code == 400, name
    for encoding in ("gzip, gzip", "gzip,identity", "deflate", "br", "zstd", "gzip;q=1"):
        packed = gzip.compress(b"fermenter_temp value=37")
        assert post(api, "/v2/write", packed, **{"Content-Encoding": encoding}).status_code == 415, encoding
    assert monitor.ledger.now().to_dict()["received"] == 0


def test_known_encodings_are_read(start: Start) -> None:
    monitor, api = start()
    for second, encoding in enumerate(("identity", "", " GZIP ", "x-gzip")):
        line = b"fermenter_temp value=37 %d" % (1_769_860_800 + second)
        body = gzip.compress(line) if "gzip" in encoding.lower() else line
        answer = post(api, "/v2/write?precision=s", body, **{"Content-Encoding": encoding})
        assert answer.status_code == 204, encoding
    assert monitor.ledger.now().to_dict()["received"] == 4


def test_anything_after_the_json_is_refused(start: Start) -> None:
    monitor, api = start()
    row = json.dumps(ROW)
    for tail in (f"\n{row}", " []", ",", "\0", f"\n[{row}]"):
        for path, body in (("/ingest", row), ("/ingest/batch", f"[{row}]")):
            assert post(api, path, body + tail).status_code == 400, (path, tail)
    assert monitor.ledger.now().to_dict()["received"] == 0


def test_slow_client_times_out_and_disconnect_stores_nothing(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monitor, api = start()
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    def scope() -> dict[str, Any]:
        headers = [(b"authorization", BEARER["Authorization"].encode())]
        return {"type": "http", "method": "POST", "path": "/ingest", "headers": headers, "query_string": b""}

    first = {"type": "http.request", "body": b"{", "more_body": True}

    async def slow() -> None:
        messages = iter([first])

        async def receive() -> Any:
            return next(messages, None) or await asyncio.Event().wait()

        await api(scope(), receive, send)

    async def gone() -> None:
        messages = iter([first, {"type": "http.disconnect"}])

        async def receive() -> Any:
            return next(messages)

        await api(scope(), receive, send)

    monkeypatch.setattr(api_body.read_body, "__defaults__", (0.01,))
    asyncio.run(slow())
    assert sent[0]["status"] == 408
    sent.clear()
    asyncio.run(gone())
    assert sent == []
    assert monitor.ledger.now().to_dict()["received"] == 0


def test_waiting_requests_are_merged_and_answered_separately(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monitor, api = start()
    merged: list[int] = []
    real = request_queue.merge
    monkeypatch.setattr(request_queue, "merge", lambda parts: merged.append(len(parts)) or real(parts))

    async def call(client: httpx.AsyncClient) -> Any:
        def send(i: int) -> Awaitable[httpx.Response]:
            stamp = f"2026-01-31T12:00:{i:02d}Z"
            if i % 3 == 0:
                rows = [{**ROW, "timestamp": stamp, "tag": t} for t in ("fermenter_temp", "nobody")]
                return client.post("/ingest/batch", json=rows)
            return client.post("/ingest", json={**ROW, "timestamp": stamp, "value": 99 if i % 7 == 0 else 37})

        return await asyncio.gather(*(send(i) for i in range(60)))

    answers = ask(api, call)
    ids = []
    for i, answer in enumerate(answers):
        if i % 3 == 0:
            assert answer.json()["accepted"] == 1
            assert [bad["index"] for bad in answer.json()["rejected"]] == [1]
        elif i % 7 == 0:
            assert answer.json()["reason"] == "out_of_range"
        else:
            ids.append((answer.json()["id"], i))
    assert sum(merged) == 60
    assert len(merged) < 60
    frame = monitor.readings.recent(0)
    times = dict(zip(frame["id"], frame["time"].dt.second, strict=True))
    assert all(times[reading_id] == second for reading_id, second in ids)
    ledger = monitor.ledger.now().to_dict()
    assert (ledger["received"], ledger["difference"]) == (80, 0)


def test_idempotency_key_stores_once_concurrently_and_after_restart(start: Start) -> None:
    monitor, api = start()
    rows = [ROW, {**ROW, "value": 99}]
    key = {"Idempotency-Key": "a"}

    async def twice(client: httpx.AsyncClient) -> Any:
        return await asyncio.gather(
            *(client.post("/ingest/batch", content=json.dumps(rows), headers=key) for _ in range(20))
        )

    answers = ask(api, twice)
    assert {answer.content for answer in answers} == {answers[0].content}
    first = post(api, "/ingest", {"tag": "fermenter_ph", "value": 7}, **{"Idempotency-Key": "b"})
    keyed = {"batch_id": "c", "readings": [{"tag": "fermenter_ph", "value": 7.2}]}
    third = post(api, "/ingest/batch", keyed)
    assert monitor.ledger.now().to_dict()["received"] == 4
    for _ in range(2):  # from the journal, then from the store
        monitor, api = start()
        again = post(api, "/ingest/batch", rows, **{"Idempotency-Key": "a"})
        assert (again.status_code, again.content) == (201, answers[0].content)
        assert again.headers["idempotent-replayed"] == "true"
        assert (
            post(api, "/ingest", {"tag": "fermenter_ph", "value": 7}, **{"Idempotency-Key": "b"}).content
            == first.content
        )
        assert post(api, "/ingest/batch", keyed).content == third.content
        other = post(api, "/ingest", ROW, **{"Idempotency-Key": "b"})
        assert (other.status_code, other.json()["error"]) == (422, "key_reused")
        assert monitor.ledger.now().to_dict()["received"] == 4
        monitor.drain()


def test_bad_idempotency_key_is_refused(start: Start) -> None:
    _, api = start()
    assert post(api, "/ingest", ROW, **{"Idempotency-Key": "k" * 256}).status_code == 400
    assert post(api, "/ingest/batch", {"batch_id": "k" * 256, "readings": []}).status_code == 400
    assert post(api, "/ingest/batch", {"batch_id": "\ud800", "readings": []}).status_code == 400


def test_full_disk_and_overload_are_503_with_retry_after(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monitor, api = start()

    def full(*_: object) -> None:
        raise JournalFull("no space left for the journal", hint="Free some")

    with monkeypatch.context() as patch:
        patch.setattr(monitor.parts.journal, "append", full)
        answer = post(api, "/ingest", ROW)
    assert (answer.status_code, answer.json()["error"]) == (503, "cannot_store")
    assert int(answer.headers["retry-after"]) > 0
    with monkeypatch.context() as patch:
        patch.setattr(fair_share, "WAITING_REQUESTS", 0)
        answer = post(api, "/ingest", ROW)
    assert (answer.status_code, answer.json()["error"]) == (503, "overloaded")
    assert int(answer.headers["retry-after"]) > 0
    assert post(api, "/ingest", ROW).status_code == 201  # it did not count as a duplicate


def test_stopped_monitor_accepts_nothing(start: Start) -> None:
    monitor, api = start()
    monitor.stop()
    assert post(api, "/ingest", ROW).status_code == 503


def test_each_of_ten_thousand_unknown_tags_is_rejected(start: Start) -> None:
    monitor, api = start()
    rows = [{"tag": f"tag{i}", "value": i} for i in range(10_000)]
    content = post(api, "/ingest/batch", [ROW, *rows]).json()
    assert (content["accepted"], len(content["rejected"]), content["rejected_count"]) == (1, 100, 10_000)
    assert content["rejected_ranges"] == [[1, 10_000]]
    monitor.stop()
    ledger = monitor.ledger.now().to_dict()
    assert (ledger["received"], ledger["difference"]) == (10_001, 0)


# -- line protocol ------------------------------------------------------------


def test_telegraf_writes_line_protocol(start: Start) -> None:
    monitor, api = start()
    body = (
        "# a comment\n"
        "fermenter_temp value=37.5 1769860800000\n"
        "plant,host=a,sensor=fermenter_ph value=7.1,other=3i 1769860800000\r\n"
        "\nplant,tag=agitator_rpm value=400i 1769860800000\n"
    )
    answer = post(
        api,
        "/v2/write?org=o&bucket=b&precision=ms",
        gzip.compress(body.encode()),
        Authorization=f"Token {TOKEN}",
        **{"Content-Encoding": "gzip"},
    )
    assert answer.status_code == 400
    assert answer.json()["code"] == "invalid"
    assert (
        "partial write: 3 readings stored, 1 rejected, first: fermenter_ph.other" in answer.json()["message"]
    )
    frame = monitor.readings.recent(0)
    assert sorted(zip(frame["tag"], frame["value"], strict=True)) == [
        ("agitator_rpm", 400.0),
        ("fermenter_ph", 7.1),
        ("fermenter_temp", 37.5),
    ]
    assert frame["time"].dt.strftime("%Y-%m-%dT%H:%M:%SZ").unique().tolist() == ["2026-01-31T12:00:00Z"]
    again = post(api, "/v2/write?precision=s", "fermenter_temp value=37.5 1769860800")
    assert (again.status_code, again.content) == (204, b"")  # a sender's retry is a duplicate


LINES: list[tuple[str, str | bytes, int]] = [
    ("precision=ns", "fermenter_ph value=7.2 1769860800000000000", 204),
    ("", "fermenter_ph value=7.2", 204),
    ("precision=h", "fermenter_ph value=7.2", 400),
    ("", "fermenter_ph value=7.2 99999999999999999999", 400),
    ("precision=s", "fermenter_ph value=7.2 9999999999999999999", 400),
    ("", "fermenter_ph", 400),
    ("", 'fermenter_ph value="text"', 400),
    ("", "fermenter_ph value=true", 400),
    ("", b"\xff\xfe", 400),
    ("", "fermenter_ph value=" + "9" * 4000 + "i", 400),
    ("", "", 204),
]


def test_line_protocol_errors_are_in_influx_shape(start: Start) -> None:
    _, api = start()
    for query, body, status in LINES:
        answer = post(api, f"/v2/write?{query}", body)
        assert answer.status_code == status, body[:50]
        if status == 400:
            assert set(answer.json()) == {"code", "message"}


def test_line_protocol_without_a_token_is_401_in_influx_shape(start: Start) -> None:
    _, api = start()
    answer = post(api, "/v2/write", "a value=1", Authorization="Token no")
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")


@pytest.mark.parametrize("status", [400, 401, 403, 408, 413, 415, 422, 429, 503])
def test_telegraf_is_told_an_internal_error_only_if_it_is_one(status: int) -> None:
    assert json.loads(line_problem(Problem(status, "", "", "")))["code"] != "internal error"
    assert json.loads(line_problem(Problem(500, "", "", "")))["code"] == "internal error"


def test_fast_and_slow_time_parsers_agree(start: Start) -> None:
    monitor, api = start()
    texts = [
        "2026-01-31T12:00:00Z",
        "2026-01-31T12:00:01.5+02:00",
        "2026-01-31 12:00:02Z",
        "1990-12-31T23:59:59Z",
        "2026-01-31T12:00:03.123456Z",
    ]
    rows = [{**ROW, "timestamp": text} for text in texts]
    assert post(api, "/ingest/batch", rows).json()["accepted"] == 5
    slow = [{**ROW, "tag": "fermenter_temp", "timestamp": text} for text in [*texts, "2026-01-31"]]
    reasons = [bad["reason"] for bad in post(api, "/ingest/batch", slow).json()["rejected"]]
    assert reasons == ["duplicate"] * 5
    assert not math.isnan(monitor.readings.recent(-(10**15))["value"].sum())
