"""Records read in outline: what `decode` would not understand is reported, not raised."""

from __future__ import annotations

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
