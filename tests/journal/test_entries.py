"""Entries round-trip through their bytes; other bytes are refused."""

from __future__ import annotations

import math
import struct
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from sensormon.ingest.pipeline import Pipeline
from sensormon.journal import alike
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
from sensormon.model.profiles import default_profiles
from sensormon.model.readings import (
    Batch,
    InjectedFault,
    Origin,
    Processed,
    Reason,
    Rejection,
    Scores,
    StateWord,
    Verdicts,
    Withheld,
)
from tests.support.journals import assert_same, batch_entry
from tests.support.watched_plant import PROFILES, TAGS, readings, version

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
        st.sampled_from([None, PROFILES, default_profiles(50, 3.0)]),
        st.text(),
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


names = st.lists(st.text(max_size=5), min_size=1, max_size=3, unique=True).map(tuple)


@st.composite
def judged_entries(draw: st.DrawFn) -> BatchEntry:
    """Batches with what each detector of the tags' profiles said."""
    entry = draw(batch_entries())
    scores = entry.processed.scores
    rows, profiles, detectors = len(scores), draw(names), draw(names)

    def column(kind: str, elements: st.SearchStrategy[object]) -> np.ndarray:
        return draw(arrays.arrays(np.dtype(kind), rows, elements=elements))

    own = np.stack([scores.score, scores.expected, scores.lower, scores.upper], axis=1)[:, np.newaxis]
    if len(detectors) > 1:  # of one alone all is in the other columns
        own = draw(arrays.arrays(np.float64, (rows, len(detectors), 4), elements=floats))
    verdicts = Verdicts(
        profiles=profiles,
        profile=column("u1", st.integers(0, len(profiles) - 1)),
        detectors=detectors,
        detector=column("i1", st.integers(-1, len(detectors) - 1)),
        threshold=column("f8", floats),
        withheld=column("u1", st.sampled_from([int(reason) for reason in Withheld])),
        own=own,
    )
    processed = replace(entry.processed, scores=replace(scores, verdicts=verdicts))
    return replace(entry, processed=processed)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.one_of(batch_entries(), judged_entries()))
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
@given(st.one_of(batch_entries(), judged_entries(), settings_entries), st.data())
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


def test_entry_without_profiles_keeps_the_older_format() -> None:
    batch = encode(batch_entry([1.0]))
    change = encode(SettingsEntry(DetectorSettings(1, 2, "x", "zscore", {}, {})))
    for name in (b"profiles", b"detectors", b"reason"):
        assert name not in batch
        assert name not in change


def with_head(whole: bytes, old: str, new: str) -> bytes:
    """The entry with other words in its head."""
    length = int.from_bytes(whole[1:5], "little")
    head = whole[5 : 5 + length]
    assert old.encode() in head
    head = head.replace(old.encode(), new.encode())
    return whole[:1] + len(head).to_bytes(4, "little") + head + whole[5 + length :]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"profiles":["default","watchful","delayed"]', '"profiles":["default","watchful"]'),
        ('"profiles":["default","watchful","delayed"]', '"profiles":[]'),
        ('"profiles":["default","watchful","delayed"]', '"profiles":[1,2,3]'),
        ('"profiles":["default","watchful","delayed"]', '"profiles":"abc"'),
        ('"profiles":', '"nothing":'),
        ('"detectors":["zscore","recommended",', '"detectors":["zscore",'),
        ('"detectors":["zscore",', '"detectors":["more","zscore",'),
        ('"detectors":', '"nothing":'),
    ],
)
def test_verdicts_that_do_not_fit_their_names_are_damage(old: str, new: str) -> None:
    processed = Pipeline(TAGS, version(PROFILES)).process(readings(300))
    whole = encode(BatchEntry(1, {"test": 300}, processed))
    assert isinstance(decode(whole), BatchEntry)
    with pytest.raises(JournalDamaged):
        decode(with_head(whole, old, new))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"profiles":{"profiles":', '"profiles":{"others":'),
        ('"name":"default"', '"name":"another"'),
        ('"on_delay":2.0', '"on_delay":-2.0'),
        ('"on_delay":2.0', '"on_delay":NaN'),
        ('"on_delay":2.0', f'"on_delay":1{"0" * 400}'),
        ('"target":0.0', f'"target":1{"0" * 400}'),
        ('"comparison":">"', '"comparison":"~"'),
        ('"profile":"watchful"', '"profile":"nosuch"'),
        ('"reason":"why"', '"reason":7'),
    ],
)
def test_profiles_that_cannot_be_used_are_damage(old: str, new: str) -> None:
    whole = encode(SettingsEntry(replace(version(PROFILES), reason="why")))
    assert decode(whole) == SettingsEntry(replace(version(PROFILES), reason="why"))
    with pytest.raises(JournalDamaged):
        decode(with_head(whole, old, new))


@pytest.mark.parametrize(("column", "value"), [(0, 3), (1, 5), (1, 0xFE), (10, 6)])
def test_verdicts_out_of_range_are_damage(column: int, value: int) -> None:
    """The columns of one byte: the profile, the detector, and after eight of the threshold why withheld."""
    processed = Pipeline(TAGS, version(PROFILES)).process(readings(300))
    whole = bytearray(encode(BatchEntry(1, {"test": 300}, processed)))
    verdicts = processed.scores.verdicts
    assert verdicts is not None
    first = len(whole) - 300 * (11 + 32 * len(verdicts.detectors))
    whole[first + 300 * column] = value
    with pytest.raises(JournalDamaged):
        decode(bytes(whole))


@settings(max_examples=30, deadline=None, derandomize=True)
@given(st.lists(st.one_of(batch_entries(), judged_entries()), min_size=1, max_size=3))
def test_batches_read_together_are_what_each_is_alone(entries: list[BatchEntry]) -> None:
    payloads = [encode(entry) for entry in entries for _ in range(4)]
    for payload, entry in zip(payloads, alike.decode_all(payloads), strict=True):
        assert_same(entry, decode(payload))
