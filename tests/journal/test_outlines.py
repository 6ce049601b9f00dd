"""Records read in outline: what `decode` would not understand is reported, not raised."""

from __future__ import annotations

import json

import pytest

from sensormon.journal.codec import HEAD, decode
from sensormon.journal.outlines import read_stretch
from sensormon.model.errors import JournalDamaged

_REST = b',"received":0,"origin":"live","injected":[],"rejected":[],"tags":[]}'


@pytest.mark.parametrize(
    "head",
    [
        b'{"rows":0,"first_id":' + b"1" * 5_000 + b',"received_totals":{},"settings":0,"source":"a"' + _REST,
        b'{"rows":0,"first_id":1,"received_totals":{},"settings":0,"source":"\\q"' + _REST,
    ],
    ids=["endless number", "unknown escape"],
)
def test_head_that_is_no_json_is_unreadable(head: bytes) -> None:
    payload = HEAD.pack(b"B", len(head)) + head
    with pytest.raises(JournalDamaged):
        decode(payload)
    assert read_stretch(payload, [(7, 0, len(payload))]).unreadable == [7]


@pytest.mark.parametrize(
    "totals",
    [
        [{"line1": 5}, {"line1": 60}, {"line2": 7}, {"line1": 61}],
        [{"line1": 5}, {"line1": 6, "line2": 10}, {"line2": 11, "a:1": 2}, {"a:1": 30}, {}],
    ],
    ids=["one source at a time", "several"],
)
def test_totals_are_the_last_of_each_source(totals: list[dict[str, int]]) -> None:
    payloads, frames, expected = b"", [], dict[str, int]()
    for number, received in enumerate(totals, start=1):
        text = json.dumps(received, separators=(",", ":")).encode()
        head = b'{"rows":0,"first_id":1,"received_totals":' + text + b',"settings":0,"source":"line1"' + _REST
        start = len(payloads)
        payloads += HEAD.pack(b"B", len(head)) + head
        frames.append((number, start, len(payloads)))
        expected |= received
    stretch = read_stretch(payloads, frames)
    assert not stretch.unreadable
    assert dict(stretch.received) == expected
