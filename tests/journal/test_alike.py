"""Payloads decoded together become the entries that each of them is by itself."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sensormon.ingest.pipeline import Pipeline
from sensormon.journal import alike
from sensormon.journal.codec import HEAD, decode, encode
from sensormon.model.entries import ActionEntry, BatchEntry, EventAction, KeptAnswer
from sensormon.model.errors import JournalDamaged
from sensormon.model.profiles import Profiles, single
from tests.support.journals import assert_same, batch_entry
from tests.support.watched_plant import PROFILES, TAGS, readings, version


def plain_entries(count: int, profiles: Profiles = PROFILES) -> list[BatchEntry]:
    """Batches of three readings, judged, that differ in their readings and numbers."""
    processed = Pipeline(TAGS, version(profiles)).process(readings(3 * count))
    rows = [np.arange(3) + 3 * place for place in range(count)]
    return [
        BatchEntry(
            1 + 3 * place,
            {"plant": 3 * place + 3},
            replace(
                processed,
                accepted=replace(processed.accepted.take(three), received=1_000 + place, injected=()),
                scores=processed.scores.take(three),
                rejected=(),
                unlisted={},
                words=(),
            ),
        )
        for place, three in enumerate(rows)
    ]


def assert_as_alone(payloads: list[bytes | None]) -> None:
    for payload, entry in zip(payloads, alike.decode_all(payloads), strict=True):
        try:
            alone = None if payload is None else decode(payload)
        except JournalDamaged:
            alone = None
        assert_same(entry, alone)


@pytest.mark.parametrize("profiles", [PROFILES, single("zscore", {"window": 50, "threshold": 3.0})])
def test_like_batches_are_read_together(monkeypatch: pytest.MonkeyPatch, profiles: Profiles) -> None:
    payloads: list[bytes | None] = [encode(entry) for entry in plain_entries(200, profiles)]
    heads: list[bytes] = []
    monkeypatch.setattr(alike, "decode", lambda payload: heads.append(payload) or decode(payload))
    entries = alike.decode_all(payloads)
    assert len(heads) <= 1, "what is common to all of them"
    for entry, payload in zip(entries, payloads, strict=True):
        assert payload is not None
        assert_same(entry, decode(payload))


def test_unlike_entries_keep_their_places() -> None:
    plain = plain_entries(9)
    kept = KeptAnswer("key", "digest", 200, "{}", 5)
    plain[2] = replace(plain[2], answers=(kept,))
    plain[4] = replace(plain[4], received_totals={"plant": 15, 'a"b\\': 2, "{": 1})
    plain[5] = replace(plain[5], import_id=3)
    payloads: list[bytes | None] = [encode(entry) for entry in plain]
    payloads[3:3] = [
        encode(ActionEntry(EventAction((1,), 5, "ann", "acknowledge"))),
        None,
        b"",
        b"B",
        b"B\xff",
    ]
    payloads.append(encode(batch_entry([1.0, 2.0])))
    assert_as_alone(payloads)


@pytest.mark.parametrize("end", [b"", b"\x00"])
def test_damaged_batch_among_like_ones_is_the_only_one_missing(end: bytes) -> None:
    payloads: list[bytes | None] = [encode(entry) for entry in plain_entries(6)]
    whole = payloads[2] or b""
    payloads[2] = whole[:-1] if not end else whole + end
    start = HEAD.size + HEAD.unpack_from(whole)[1]
    payloads[4] = whole[:start] + b"\xff\xff\xff\x7f" + whole[start + 4 :]  # a tag's code
    entries = alike.decode_all(payloads)
    assert [place for place, entry in enumerate(entries) if entry is None] == [2, 4]
    assert_as_alone(payloads)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"origin":', b'"first_id":7,"origin":'),
        (b'"rejected":[],', b'"rejected":[],"import":4,'),
        (b'"tags":', b'"rows":2,"tags":'),
        (b'"tags":["', b'"tags":[5,"'),
        (b'"tags":', b'"settings":9,"tags":'),
        (b'"tags":', b'"answers":[["k","f",200,"b",5]],"tags":'),
        (b'"received":1', b'"received":01'),
        (b'"first_id":', b'"first_id":-'),
    ],
)
def test_heads_that_encode_never_writes_are_read_as_by_decode(old: bytes, new: bytes) -> None:
    payloads: list[bytes | None] = []
    for entry in plain_entries(6):
        payload = encode(entry)
        body = HEAD.size + HEAD.unpack_from(payload)[1]
        head = payload[HEAD.size : body].replace(old, new, 1)
        assert old in payload[HEAD.size : body]
        payloads.append(HEAD.pack(b"B", len(head)) + head + payload[body:])
    assert_as_alone(payloads)
