"""Entries round-trip through their bytes; other bytes are refused."""

from __future__ import annotations

import math
import struct
from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from sensormon.journal.codec import decode, encode
from sensormon.model.entries import (
    ActionEntry,
    Annotation,
    AnnotationEntry,
    AuditRecord,
    BatchEntry,
    DetectorSettings,
    Document,
    DocumentsEntry,
    Entry,
    EventAction,
    KeptAnswer,
    SettingsEntry,
)
from sensormon.model.errors import JournalDamaged
from sensormon.model.readings import (
    Batch,
    InjectedFault,
    Origin,
    Processed,
    Reason,
    Rejection,
    Scores,
    StateWord,
)
from tests.support.journals import batch_entry

int64 = st.integers(-(2**63), 2**63 - 1)
floats = st.floats(width=64)  # NaN, infinities, subnormals and -0.0 among them
rejections = st.builds(
    Rejection,
    st.text(),
    int64,
    st.integers(0, 9),
    st.text(),
    st.text(),
    st.text(),
    st.sampled_from(Reason),
    st.text(),
)
kept_answers = st.builds(KeptAnswer, st.text(), st.text(), st.integers(100, 599), st.text(), int64)
settings_entries = st.builds(
    SettingsEntry,
    st.builds(
        DetectorSettings,
        int64,
        int64,
        st.text(),
        st.text(),
        st.dictionaries(st.text(), st.floats(allow_nan=False)),
        st.dictionaries(st.text(), st.floats(allow_nan=False)),
    ),
)

action_entries = st.builds(
    ActionEntry,
    st.builds(
        EventAction,
        st.lists(int64, max_size=4).map(tuple),
        int64,
        st.text(),
        st.text(),
        st.text(),
        int64,
        st.text(),
    ),
)


annotation_entries = st.builds(
    AnnotationEntry,
    st.builds(
        Annotation,
        st.text(),
        int64,
        int64,
        st.lists(st.text(), max_size=4).map(tuple),
        st.text(),
        st.text(),
        int64,
        st.booleans(),
    ),
)


documents_entries = st.builds(
    DocumentsEntry,
    st.lists(
        st.builds(
            Document,
            st.text(),
            st.text(),
            st.dictionaries(st.text(), st.text() | int64 | st.booleans() | st.lists(st.text()), max_size=3),
            st.text(),
            int64,
            st.booleans(),
        ),
        max_size=3,
    ).map(tuple),
    st.lists(
        st.builds(AuditRecord, int64, st.text(), st.booleans(), *[st.text() for _ in range(7)]),
        max_size=3,
    ).map(tuple),
)


@st.composite
def batch_entries(draw: st.DrawFn) -> BatchEntry:
    rows = draw(st.integers(0, 6))
    tags = tuple(draw(st.lists(st.text(), min_size=1, max_size=3, unique=True)))

    def column(kind: str, elements: st.SearchStrategy[object] | None = None) -> np.ndarray:
        return draw(arrays.arrays(np.dtype(kind), rows, elements=elements))

    batch = Batch(
        source=draw(st.text()),
        received=draw(int64),
        tags=tags,
        tag=column("i4", st.integers(0, len(tags) - 1)),
        time=column("i8"),
        value=column("f8", floats),
        quality=column("u4"),
        origin=draw(st.sampled_from(Origin)),
        injected=tuple(draw(st.lists(st.builds(InjectedFault, st.text(), int64, st.text()), max_size=2))),
    )
    scores = Scores(
        n=column("i8"),
        score=column("f8", floats),
        expected=column("f8", floats),
        lower=column("f8", floats),
        upper=column("f8", floats),
        is_anomaly=column("?"),
    )
    refused = tuple(draw(st.lists(rejections, max_size=2)))
    totals = draw(st.dictionaries(st.text(), st.integers(0, 2**53), max_size=2))
    answers = tuple(draw(st.lists(kept_answers, max_size=2)))
    unlisted = draw(st.dictionaries(st.sampled_from([str(reason) for reason in Reason]), st.integers(1)))
    words = tuple(draw(st.lists(st.builds(StateWord, st.text(), int64, st.text()), max_size=2)))
    processed = Processed(batch, scores, draw(st.integers(0, 99)), refused, unlisted, words)
    return BatchEntry(draw(int64), totals, processed, answers)


def assert_same(value: object, other: object) -> None:
    """Equal in type and content at every level; arrays in dtype and bits."""
    assert type(value) is type(other)
    if isinstance(value, np.ndarray):
        assert isinstance(other, np.ndarray)
        assert value.dtype == other.dtype
        assert value.tobytes() == other.tobytes()
    elif isinstance(value, BatchEntry | Processed | Batch | Scores):
        for field in fields(value):
            assert_same(getattr(value, field.name), getattr(other, field.name))
    else:
        assert value == other


@settings(max_examples=60, deadline=None, derandomize=True)
@given(batch_entries())
def test_batch_round_trips_bit_for_bit(entry: BatchEntry) -> None:
    assert_same(decode(encode(entry)), entry)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(settings_entries)
def test_settings_round_trip(entry: SettingsEntry) -> None:
    assert decode(encode(entry)) == entry


@settings(max_examples=60, deadline=None, derandomize=True)
@given(action_entries | annotation_entries | documents_entries)
def test_what_people_do_round_trips(entry: ActionEntry | AnnotationEntry | DocumentsEntry) -> None:
    assert decode(encode(entry)) == entry


def test_nan_bits_and_negative_zero_survive() -> None:
    strange = struct.unpack("<d", bytes.fromhex("010000000000f87f"))[0]
    back = decode(encode(batch_entry([strange, -0.0, math.inf])))
    assert isinstance(back, BatchEntry)
    value = back.processed.accepted.value
    assert value[:1].tobytes().hex() == "010000000000f87f"
    assert math.copysign(1, value[1]) == -1
    assert value[2] == math.inf


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.one_of(batch_entries(), settings_entries), st.data())
def test_truncated_bytes_are_damage(entry: Entry, data: st.DataObject) -> None:
    whole = encode(entry)
    cut = data.draw(st.integers(0, len(whole) - 1))
    with pytest.raises(JournalDamaged):
        decode(whole[:cut])


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.binary(max_size=60))
def test_garbage_is_damage(garbage: bytes) -> None:
    with pytest.raises(JournalDamaged):
        decode(garbage)


def test_unknown_kind_is_damage() -> None:
    with pytest.raises(JournalDamaged, match="Z"):
        decode(b"Z" + encode(batch_entry([1.0]))[1:])


def test_entry_without_answers_keeps_the_older_format() -> None:
    entry = batch_entry([1.0])
    assert b"answers" not in encode(entry)
    back = decode(encode(entry))
    assert isinstance(back, BatchEntry)
    assert back.answers == ()


def test_entry_without_new_words_keeps_the_older_format() -> None:
    entry = batch_entry([1.0])
    assert b"words" not in encode(entry)
    back = decode(encode(entry))
    assert isinstance(back, BatchEntry)
    assert back.processed.words == ()


@pytest.mark.parametrize("words", ["[[1, 0, 2]]", '[["a", true, "b"]]', '[["a", 0]]', "[7]", '{"a": 1}'])
def test_words_that_are_none_are_damage(words: str) -> None:
    whole = encode(batch_entry([1.0]))
    length = int.from_bytes(whole[1:5], "little")
    head = whole[5 : 4 + length] + f',"words":{words}}}'.encode()
    with pytest.raises(JournalDamaged):
        decode(whole[:1] + len(head).to_bytes(4, "little") + head + whole[5 + length :])
