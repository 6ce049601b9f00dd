"""Validation, duplicates, scoring and undo: what happens to a batch before the journal."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensormon.detectors import PER_TAG, make
from sensormon.ingest.detector_state import FILE, read_states, write_states
from sensormon.ingest.pipeline import Pipeline
from sensormon.ingest.refusals import reason_of
from sensormon.ingest.tag_memory import KEPT, TagMemory
from sensormon.ingest.validation import FUTURE, ValidRanges, parse_rows
from sensormon.model.clock import SECOND
from sensormon.model.entries import DetectorSettings
from sensormon.model.readings import Batch, Quality, Reading, Reason
from sensormon.model.tags import Tag, TagTable
from sensormon.model.timestamps import parse
from tests.support.plant import START, batch_of


@pytest.fixture
def pipeline(tags: TagTable, detection: DetectorSettings) -> Pipeline:
    return Pipeline(tags, detection)


@pytest.mark.parametrize(
    ("reading", "reason"),
    [
        (Reading("nope", START, 1.0), Reason.UNKNOWN_TAG),
        (Reading("temp", START, 100.01), Reason.OUT_OF_RANGE),
        (Reading("temp", START, -0.01), Reason.OUT_OF_RANGE),
        (Reading("temp", START, math.nan), Reason.NOT_FINITE),
        (Reading("temp", START, math.inf), Reason.NOT_FINITE),
        (Reading("temp", START + FUTURE + 1, 37.0), Reason.FUTURE_TIMESTAMP),
        (Reading("temp", -(10**17), 37.0), Reason.BAD_TIMESTAMP),
    ],
)
def test_invalid_readings_are_rejected_with_their_reason(
    pipeline: Pipeline, reading: Reading, reason: Reason
) -> None:
    good = Reading("temp", START, 37.0)
    done = pipeline.process(Batch.of([good, reading, good], source="test", received=START))
    assert [rejection.reason for rejection in done.rejected] == [reason, Reason.DUPLICATE]
    assert [rejection.index for rejection in done.rejected] == [1, 2]
    assert len(done.accepted) == 1
    assert done.received == 3


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"tag": 7, "value": 1}, Reason.UNKNOWN_TAG),
        ({"tag": "temp", "value": [37]}, Reason.NOT_A_NUMBER),
        ({"tag": "temp", "value": " "}, Reason.NOT_A_NUMBER),
        ({"tag": "temp", "value": "x" * 201}, Reason.NOT_A_NUMBER),
        ({"tag": "temp", "value": "on\u202e"}, Reason.NOT_A_NUMBER),
        ({"tag": "temp", "value": 37, "quality": "so-so"}, Reason.MALFORMED),
        ({"tag": "temp", "value": 37, "quality": True}, Reason.MALFORMED),
        ({"tag": "temp", "value": 37, "quality": 10**400}, Reason.MALFORMED),
        ({"tag": "temp"}, Reason.NOT_A_NUMBER),
        ({"tag": "temp", "value": 10**400}, Reason.NOT_FINITE),
        ({"tag": "temp", "value": 37, "timestamp": "yesterday"}, Reason.BAD_TIMESTAMP),
        ({"tag": "temp", "value": 37, "timestamp": 1790000000}, Reason.BAD_TIMESTAMP),
        ({"tag": "temp", "value": 37, "timestamp": "2026-13-01T00:00:00Z"}, Reason.BAD_TIMESTAMP),
    ],
)
def test_malformed_rows_are_rejected_with_their_position(row: dict[str, object], reason: Reason) -> None:
    fine = {"tag": "temp", "value": 37, "timestamp": "2026-09-21T13:33:20"}
    batch, positions, rejected = parse_rows([row, fine], source="test", received=START)
    assert [(rejection.index, rejection.reason) for rejection in rejected.listed] == [(0, reason)]
    assert list(positions) == [1]
    assert batch.time.tolist() == [1789997600 * SECOND], "a time without a zone is UTC"


@pytest.mark.parametrize("value", ["37", True, "high"])
def test_word_for_a_tag_of_numbers_is_rejected(pipeline: Pipeline, value: object) -> None:
    rows = [{"tag": "temp", "value": 37}, {"tag": "temp", "value": value}, {"tag": "nope", "value": value}]
    batch, positions, _ = parse_rows(rows, source="test", received=START)
    done = pipeline.process(batch, positions)
    assert [(rejection.index, rejection.reason) for rejection in done.rejected] == [
        (1, Reason.NOT_A_NUMBER),
        (2, Reason.UNKNOWN_TAG),
    ]
    word = str(value).lower() if value is True else value
    assert done.rejected[0].value == word
    assert done.rejected[0].detail == f"the value must be a number, not {word!r}"


def test_rows_have_the_quality_they_say() -> None:
    said = [None, "Good", "Bad sensor failure", "uncertain", 192, 0x8000_0000]
    rows = [{"tag": "temp", "value": 37, "quality": quality} for quality in said]
    batch, _, refused = parse_rows(rows, source="test", received=START)
    assert not len(refused)
    assert batch.quality.tolist() == [0, 0, Quality.BAD_SENSOR_FAILURE, Quality.UNCERTAIN, 0, Quality.BAD]


def test_reading_before_the_earliest_time_is_rejected(tags: TagTable, detection: DetectorSettings) -> None:
    day = parse("1990-01-01")
    rows = [Reading("temp", time, 37.0) for time in (1_769_860, day - 1, day)]
    batch = Batch.of(rows, source="test", received=START)
    done = Pipeline(tags, detection).process(batch)
    assert [rejection.reason for rejection in done.rejected] == [Reason.BAD_TIMESTAMP] * 2
    assert "is before 1990: check the precision" in done.rejected[0].detail
    assert "SENSORMON_EARLIEST" in done.rejected[0].detail
    allowing = Pipeline(tags, detection, earliest=parse("1970-01-01"))
    allowing.retag(TagTable(tags))
    assert len(allowing.process(batch).accepted) == 3
    strict = ValidRanges(tags, parse("2027-06-05"))
    assert strict.rejection(batch, 2, 2, Reason.BAD_TIMESTAMP).detail.startswith(
        "1990-01-01T00:00:00.000Z is before 2027-06-05: "
    )


def test_rejected_text_is_shortened_and_storable() -> None:
    row: dict[str, object] = {"tag": "x" * 10_000, "value": "\x00\ud800" + "y" * 10_000}
    ((rejection,)) = parse_rows([row], source="test", received=START)[2].listed
    assert len(rejection.value) <= 201
    rejection.value.encode("utf-8")
    assert "\x00" not in rejection.value


def test_duplicate_has_the_same_tag_time_and_value(pipeline: Pipeline) -> None:
    first = batch_of(("temp", 37.0), ("temp", 37.1))
    again = batch_of(("temp", 37.0), ("temp", 37.2), ("ph", 7.0))
    assert len(pipeline.process(first).accepted) == 2
    done = pipeline.process(again)
    assert [(rejection.index, rejection.reason) for rejection in done.rejected] == [(0, Reason.DUPLICATE)]
    assert len(done.accepted) == 2


def test_bad_readings_are_kept_but_not_scored_or_learned(pipeline: Pipeline) -> None:
    rng = np.random.default_rng(1)
    values = [("temp", float(v)) for v in rng.normal(37, 0.1, 60)]
    pipeline.process(batch_of(*values))
    bad = Reading("temp", START + 100 * SECOND, 60.0, Quality.BAD_SENSOR_FAILURE)
    done = pipeline.process(Batch.of([bad], source="test", received=START + 100 * SECOND))
    assert len(done.accepted) == 1
    assert math.isnan(done.scores.score[0])
    after = pipeline.process(batch_of(("temp", 60.0), at=START + 101 * SECOND))
    assert after.scores.is_anomaly.all(), "a bad reading taught the detector"


@pytest.mark.parametrize("detector", PER_TAG)
@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(1, 130), min_size=1, max_size=8), st.integers(0, 2**31))
def test_undone_batch_leaves_no_trace(detector: str, sizes: list[int], seed: int) -> None:
    from sensormon.model.tags import Tag

    tags = TagTable([Tag("temp", "T", normal=(-2.0, 2.0))])
    detection = DetectorSettings(1, START, "x", detector, {}, {})
    plain, other = Pipeline(tags, detection), Pipeline(tags, detection)
    rng = np.random.default_rng(seed)
    at = START
    for size in sizes:
        batch = batch_of(*[("temp", float(v)) for v in rng.normal(0, 1, size)], at=at)
        at += size * SECOND
        other.process(batch)
        other.undo()
        left, right = plain.process(batch), other.process(batch)
        assert not right.rejected
        assert np.array_equal(left.scores.score, right.scores.score, equal_nan=True)
        assert left.scores.n.tolist() == right.scores.n.tolist()


def test_detector_uses_the_limits_of_each_tag() -> None:
    from sensormon.model.tags import Tag

    tags = TagTable([Tag("temp", "T", normal=(36.0, 38.0), valid=(0.0, 100.0)), Tag("ph", "P")])
    pipeline = Pipeline(tags, DetectorSettings(1, START, "x", "limits", {}, {}))
    done = pipeline.process(batch_of(("temp", 37.0), ("ph", 39.0), ("temp", 39.0)))
    assert done.scores.is_anomaly.tolist() == [False, False, True]
    assert done.scores.upper.tolist()[::2] == [38.0, 38.0]


@pytest.mark.parametrize("detector", PER_TAG)
def test_restart_from_recent_readings_scores_nearly_the_same(detector: str) -> None:
    from sensormon.model.tags import Tag

    tags = TagTable([Tag("temp", "T", normal=(-2.0, 2.0))])
    detection = DetectorSettings(1, START, "x", detector, {}, {})
    values = np.random.default_rng(7).normal(0.0, 1.0, 3000)
    values[2800:2900] += 6.0
    whole, after = Pipeline(tags, detection), Pipeline(tags, detection)
    before = whole.process(batch_of(*[("temp", float(v)) for v in values[:2500]])).accepted
    kept = min(2500, max(KEPT, make(detector).start(np.zeros(1)).lead))
    last = slice(-kept, None)
    after.restore("temp", 2500, before.time[last], before.value[last], np.ones(kept, bool))
    rest = batch_of(*[("temp", float(v)) for v in values[2500:]], at=START + 2500 * SECOND)
    scores, other = whole.process(rest).scores, after.process(rest).scores
    assert (scores.n - other.n).min() == (scores.n - other.n).max()
    assert (scores.is_anomaly == other.is_anomaly).mean() > 0.97


def test_memory_forgets_the_oldest_readings() -> None:
    memory = TagMemory(1)
    zeros = np.zeros(KEPT + 10, np.int32)
    times = np.arange(KEPT + 10, dtype=np.int64)
    learned = np.ones(KEPT + 10, dtype=np.bool_)
    assert not memory.duplicates(zeros, times, times * 1.0).any()
    memory.add(zeros, times, times * 1.0, learned)
    assert memory.learned(0)[0].tolist() == (times[10:] * 1.0).tolist()
    old = memory.duplicates(zeros[:11], times[:11], times[:11] * 1.0)
    assert old.tolist() == [False] * 10 + [True], "what fell out of the memory is not recognised"
    newest = memory.duplicates(zeros[:1], times[-1:], times[-1:] * 1.0)
    assert newest.tolist() == [True]


def test_new_settings_start_from_recent_readings(pipeline: Pipeline) -> None:
    rng = np.random.default_rng(2)
    pipeline.process(batch_of(*[("temp", float(v)) for v in rng.normal(37, 0.1, 200)]))
    pipeline.apply(DetectorSettings(2, START, "x", "zscore", {"window": 100, "threshold": 4.0}, {}))
    done = pipeline.process(batch_of(("temp", 50.0), at=START + 300 * SECOND))
    assert done.settings == 2
    assert done.scores.n.tolist() == [200]
    assert done.scores.is_anomaly.all()


@pytest.mark.parametrize("detector", PER_TAG)
@pytest.mark.parametrize("since", [0, 1, 600, 1500])
def test_saved_detector_state_continues_bit_for_bit(detector: str, since: int, tmp_path: Path) -> None:
    from sensormon.model.tags import Tag

    tags = TagTable([Tag("temp", "T", normal=(-2.0, 2.0))])
    detection = DetectorSettings(1, START, "x", detector, {}, {})
    values = np.random.default_rng(8).normal(0.0, 1.0, 4000)
    values[2700:2900] += 4.0
    whole, after = Pipeline(tags, detection), Pipeline(tags, detection)
    whole.process(batch_of(*[("temp", float(v)) for v in values[: 3000 - since]]))
    write_states(tmp_path, detection, whole.saved_states())
    at = START + (3000 - since) * SECOND
    if since:
        whole.process(batch_of(*[("temp", float(v)) for v in values[3000 - since : 3000]], at=at))
    time = START + np.arange(3000 - KEPT, 3000) * SECOND
    remembered = read_states(tmp_path, detection)["temp"]
    after.restore("temp", 3000, time, values[3000 - KEPT : 3000], np.ones(KEPT, bool), remembered)
    rest = batch_of(*[("temp", float(v)) for v in values[3000:]], at=START + 3000 * SECOND)
    scores, other = whole.process(rest).scores, after.process(rest).scores
    if since <= KEPT:
        assert scores.n.tolist() == other.n.tolist()
        assert np.array_equal(scores.score, other.score, equal_nan=True)
        assert scores.is_anomaly.tolist() == other.is_anomaly.tolist()
    else:
        assert (scores.is_anomaly == other.is_anomaly).mean() > 0.97


def test_damaged_or_outdated_detector_state_is_ignored(
    pipeline: Pipeline, detection: DetectorSettings, tmp_path: Path
) -> None:
    assert read_states(tmp_path, detection) == {}
    pipeline.process(batch_of(*[("temp", 37 + i / 100) for i in range(60)]))
    write_states(tmp_path, detection, pipeline.saved_states())
    assert read_states(tmp_path, detection)["temp"].n == 60
    assert read_states(tmp_path, replace(detection, id=2)) == {}
    whole = (tmp_path / FILE).read_bytes()
    for length in range(0, len(whole), 37):
        (tmp_path / FILE).write_bytes(whole[:length])
        assert read_states(tmp_path, detection) == {}
    flips = random.Random(1).sample(range(len(whole) * 8), 300)  # noqa: S311  which bits flip need not be secret
    kept = pipeline.saved_states()["temp"].vector.tobytes()
    for bit in flips:
        flipped = bytearray(whole)
        flipped[bit // 8] ^= 1 << (bit % 8)
        (tmp_path / FILE).write_bytes(flipped)
        state = read_states(tmp_path, detection).get("temp")
        assert state is None or (state.n == 60 and state.vector.tobytes() == kept)


@pytest.mark.parametrize(
    ("ahead", "says"),
    [(601, "601 s"), (3 * 3_600, "3 hours"), (50 * 3_600, "2 days"), (5_431_043_292, "172 years")],
)
def test_future_reading_is_reported_in_a_sensible_unit(ahead: int, says: str) -> None:
    batch = Batch.of([Reading("temp", START + ahead * SECOND, 37.0)], source="test", received=START)
    ranges = ValidRanges(TagTable([Tag("temp", "Temperature")]))
    (code,) = ranges.check(batch)
    rejection = ranges.rejection(batch, 0, 0, reason_of(int(code)))
    assert rejection.detail == f"{says} ahead of the clock; at most 10 minutes are accepted"
