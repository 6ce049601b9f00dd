"""Compressed bodies: all of one is read or none of it, and what it unpacks to is bounded."""

from __future__ import annotations

import gzip
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensormon.api import body as api_body
from sensormon.api.body import RATIO, SMALL, unpacked
from sensormon.api.problems import Problem
from tests.support.api import Start, post

GZIP = {"Content-Encoding": "gzip"}
ROW = {"tag": "fermenter_temp", "value": 37.2, "timestamp": "2026-01-31T12:00:00Z"}
LIMIT = 8_000_000


def line(second: int) -> bytes:
    return b"fermenter_temp value=37.5 %d\n" % (1_769_860_800 + second)


def test_readings_of_every_member_are_stored(start: Start) -> None:
    monitor, api = start()
    body = b"".join(gzip.compress(line(second)) for second in range(5))
    assert post(api, "/v2/write?precision=s", body, **GZIP).status_code == 204
    ledger = monitor.ledger.now().to_dict()
    assert (ledger["received"], ledger["rejected"]) == (5, 0)
    text = json.dumps([ROW, {**ROW, "value": 37.3}]).encode()
    halves = gzip.compress(text[:30]) + gzip.compress(b"") + gzip.compress(text[30:])
    assert post(api, "/ingest/batch", halves, **GZIP).json()["accepted"] == 2


DAMAGED = {
    "garbage after the end": gzip.compress(line(1)) + b"garbage",
    "zeros after the end": gzip.compress(line(1)) + b"\0" * 512,
    "plain lines after the end": gzip.compress(line(1)) + line(2),
    "a second member that is cut off": gzip.compress(line(1)) + gzip.compress(line(2))[:-1],
    "the header of a second member": gzip.compress(line(1)) + gzip.compress(line(2))[:10],
}


@pytest.mark.parametrize("body", DAMAGED.values(), ids=DAMAGED)
def test_damaged_body_stores_nothing(start: Start, body: bytes) -> None:
    monitor, api = start()
    answer = post(api, "/v2/write?precision=s", body, **GZIP)
    assert answer.status_code == 400
    assert monitor.ledger.now().to_dict()["received"] == 0


def test_two_headers_count_as_a_list() -> None:
    headers = [(b"content-encoding", b"gzip"), (b"content-encoding", b"gzip")]
    assert api_body.header({"headers": headers}, b"content-encoding") == b"gzip, gzip"
    assert api_body.header({"headers": headers}, b"content-length") == b""


BOMBS = {
    "one member": gzip.compress(b" " * 7_999_999),
    "many members": gzip.compress(b" " * 99_999) * 79,
    "over the limit": gzip.compress(b" " * 100_000_000),
    "many members over the limit": gzip.compress(b" " * 1_000_000) * 100,
}


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS)
def test_body_that_unpacks_too_far_is_refused(start: Start, bomb: bytes) -> None:
    monitor, api = start()
    assert len(bomb) <= 110_000
    answer = post(api, "/ingest/batch", bomb, **GZIP)
    assert answer.status_code == 413
    assert answer.json()["error"] in ("too_dense", "too_large")
    assert monitor.ledger.now().to_dict()["received"] == 0


def test_real_batch_is_far_from_the_ratio(start: Start) -> None:
    _, api = start()
    rows = [
        {**ROW, "timestamp": f"2026-01-31T12:{i // 60 % 60:02d}:{i % 60:02d}.{i:06d}Z"} for i in range(50_000)
    ]
    text = json.dumps(rows).encode()
    packed = gzip.compress(text, 9)
    assert len(text) > SMALL
    assert len(text) / len(packed) < RATIO / 2
    assert post(api, "/ingest/batch", packed, **GZIP).json()["accepted"] == 50_000


@settings(max_examples=100, derandomize=True)
@given(
    st.lists(st.binary(max_size=200), min_size=1, max_size=5),
    st.integers(0, 600),
    st.binary(max_size=3),
    st.integers(0, 9),
)
def test_unpacks_like_the_standard_library_or_not_at_all(
    members: list[bytes], limit: int, tail: bytes, cut: int
) -> None:
    packed = b"".join(gzip.compress(member) for member in members)
    body = (packed + tail)[: len(packed + tail) - cut]
    whole = b"".join(members)
    if body == packed and len(whole) <= limit:
        assert unpacked(body, b"gzip", limit) == whole == gzip.decompress(body)
        return
    with pytest.raises(Problem) as problem:
        unpacked(body, b"gzip", limit)
    assert problem.value.status in (400, 413)
