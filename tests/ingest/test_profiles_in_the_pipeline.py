"""Profiles on the way in: undo, restart, other tags or settings leave each verdict as it would have been."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensormon.ingest.detector_state import read_states, write_states
from sensormon.ingest.pipeline import Pipeline
from sensormon.ingest.tag_memory import KEPT
from sensormon.model.clock import SECOND
from sensormon.model.errors import UsageError
from sensormon.model.profiles import Assignment, Choice, Condition, Profile, Profiles, default_profiles
from sensormon.model.readings import Batch, Floats, Processed, Reading, Withheld, is_good, is_learned
from sensormon.model.state_words import StateWords
from sensormon.model.tags import Tag, TagTable
from tests.support.plant import START, batch_of
from tests.support.watched_plant import PROFILES, TAGS, ZSCORE, assert_same, readings, version


def histories(done: list[Processed]) -> dict[str, tuple[int, Floats, Floats, Floats, Floats]]:
    """What a restart reads back: by tag n, times, values, learned and good."""
    by_tag = {}
    for code, name in enumerate(TAGS.names):
        rows = [np.flatnonzero(each.accepted.tag == code) for each in done]
        parts = list(zip(done, rows, strict=True))
        quality = np.concatenate([each.accepted.quality[row] for each, row in parts])
        learned = is_learned(quality, np.concatenate([each.scores.withheld[row] for each, row in parts]))
        time, value = (
            np.concatenate([getattr(each.accepted, column)[row] for each, row in parts])
            for column in ("time", "value")
        )
        by_tag[name] = (int(learned.sum()), time, value, learned, is_good(quality))
    return by_tag


@settings(max_examples=12, deadline=None)
@given(st.lists(st.sampled_from([1, 2, 40, 700, 1300, 4000]), min_size=1, max_size=8), st.integers(0, 1000))
def test_an_undone_batch_leaves_no_trace_in_any_profile(sizes: list[int], seed: int) -> None:
    plain, other = Pipeline(TAGS, version(PROFILES)), Pipeline(TAGS, version(PROFILES))
    first = 0
    for size in sizes:
        batch = readings(size, first, seed)
        first += size
        other.process(readings(size // 2 + 1, first, seed + 1))
        other.undo()
        left, right = plain.process(batch), other.process(batch)
        assert not right.rejected
        assert_same(left.scores, right.scores)


def test_batches_undone_again_and_again_leave_no_trace() -> None:
    plain, other = Pipeline(TAGS, version(PROFILES)), Pipeline(TAGS, version(PROFILES))
    for first in range(0, 12_000, 600):
        batch = readings(600, first)
        for _ in range(3):
            other.process(batch)
            other.undo()
        assert_same(plain.process(batch).scores, other.process(batch).scores)


@pytest.mark.parametrize("since", [0, 3, 400, 2400])
def test_a_restart_gives_the_same_bits_under_delays_and_conditions(since: int, tmp_path: Path) -> None:
    whole, after = Pipeline(TAGS, version(PROFILES)), Pipeline(TAGS, version(PROFILES))
    done = [whole.process(readings(9000 - since))]
    write_states(tmp_path, whole.settings, whole.saved_states())
    if since:
        done.append(whole.process(readings(since, 9000 - since)))
    remembered = read_states(tmp_path, after.settings)
    assert set(remembered) == set(TAGS.names)
    kept = histories(done)
    for name, (n, time, value, learned, _) in kept.items():
        last = slice(-2 * KEPT, None)
        after.restore(name, n, time[last], value[last], learned[last], remembered[name])
    for name, (_, time, value, _, good) in kept.items():
        after.recall(name, time[good][-KEPT:], value[good][-KEPT:])
    batch = readings(4000, 9000)
    expected = whole.process(batch).scores
    assert expected.is_anomaly.any()
    assert set(np.unique(expected.withheld).tolist()) == {*map(int, Withheld)} - {int(Withheld.LATE)}
    assert_same(expected, after.process(batch).scores)


def test_a_condition_withholds_readings_from_scoring_and_learning() -> None:
    pipeline = Pipeline(TAGS, version(PROFILES))
    values = [("temp", 0.1 * (i % 7)) for i in range(5)]
    before = pipeline.process(batch_of(*values)).scores
    assert before.withheld.tolist() == [Withheld.CONDITION] * 5, "the other tag has had no reading yet"
    assert before.n.tolist() == [0] * 5
    assert np.isnan(before.score).all()
    pipeline.process(batch_of(("speed", 4.0), at=START + 10 * SECOND))
    settling = pipeline.process(batch_of(*values, at=START + 11 * SECOND)).scores
    assert settling.withheld.tolist() == [Withheld.SETTLING] * 2 + [Withheld.NOTHING] * 3
    assert settling.n.tolist() == [0, 0, 0, 1, 2]
    again = pipeline.process(batch_of(*values, at=START + 11 * SECOND))
    assert {str(rejection.reason) for rejection in again.rejected} == {"duplicate"}, "withheld ones are known"


def test_a_duplicate_of_a_watched_tag_changes_no_condition() -> None:
    pipeline = Pipeline(TAGS, version(PROFILES))
    pipeline.process(batch_of(("speed", -1.0)))
    pipeline.process(batch_of(("speed", 4.0), at=START + 10 * SECOND))
    assert pipeline.process(batch_of(("speed", -1.0))).rejected
    done = pipeline.process(batch_of(("temp", 0.0), at=START + 20 * SECOND))
    assert done.scores.withheld.tolist() == [Withheld.NOTHING]


def test_new_profiles_carry_on_what_stays_and_begin_the_rest_from_memory() -> None:
    plain, changed = (Pipeline(TAGS, version(default_profiles(50, 3.0))) for _ in range(2))
    for pipeline in (plain, changed):
        pipeline.process(readings(2700))
    more = Profile("default", (ZSCORE, Choice("recommended"), Choice("hampel")))
    changed.apply(version(Profiles((more,)), 2))
    batch = readings(600, 2700)
    left, right = plain.process(batch).scores.verdicts, changed.process(batch).scores.verdicts
    assert left is not None
    assert right is not None
    assert right.detectors == ("zscore", "recommended", "hampel")
    assert left.own.tobytes() == np.ascontiguousarray(right.own[:, :2]).tobytes()
    assert np.isfinite(right.own[is_good(batch.quality), 2, 0]).all(), "hampel knows the last readings"


def test_a_tag_of_another_group_gets_the_profile_of_the_group_at_once() -> None:
    profiles = Profiles(
        (*default_profiles(50, 3.0).profiles, Profile("other", (Choice("cusum"),))),
        (Assignment("other", "group", "drive"),),
    )
    plain, changed = Pipeline(TAGS, version(profiles)), Pipeline(TAGS, version(profiles))
    for pipeline in (plain, changed):
        pipeline.process(readings(1800))
    moved = [replace(tag, group="" if tag.group else "drive") for tag in TAGS if tag.name != "temp"]
    changed.retag(TagTable([TAGS["temp"], *moved]))
    batch = readings(300, 1800)
    left, right = plain.process(batch).scores, changed.process(batch).scores
    assert left.verdicts is not None
    assert right.verdicts is not None
    temp, speed = batch.tag == 0, batch.tag == 1
    assert_same(left.take(temp), right.take(temp))
    assert {left.verdicts.profiles[code] for code in left.verdicts.profile[speed]} == {"other"}
    assert {right.verdicts.profiles[code] for code in right.verdicts.profile[speed]} == {"default"}
    good = speed & is_good(batch.quality)
    assert np.isfinite(right.score[good]).all(), "the other detectors begin from the last readings"


def test_what_another_profile_remembers_of_a_tag_is_not_loaded(tmp_path: Path) -> None:
    """Both profiles remember as much, so that only the name tells them apart."""
    profiles = Profiles(
        (Profile("default", (Choice("ewma"),)), Profile("other", (Choice("ewma", {"weight": 0.9}),))),
        (Assignment("other", "group", "drive"),),
    )
    pipeline = Pipeline(TAGS, version(profiles))
    done = [pipeline.process(readings(900))]
    write_states(tmp_path, pipeline.settings, pipeline.saved_states())
    moved = TagTable([replace(tag, group="") for tag in TAGS])
    states, (n, time, value, learned, _) = read_states(tmp_path, pipeline.settings), histories(done)["speed"]
    restarted, fresh = Pipeline(moved, version(profiles)), Pipeline(moved, version(profiles))
    restarted.restore("speed", n, time, value, learned, states["speed"])
    fresh.restore("speed", n, time, value, learned)
    batch = readings(300, 900)
    assert_same(restarted.process(batch).scores, fresh.process(batch).scores)


def test_profiles_with_an_unknown_detector_change_nothing() -> None:
    pipeline, plain = Pipeline(TAGS, version(PROFILES)), Pipeline(TAGS, version(PROFILES))
    for each in (pipeline, plain):
        each.process(readings(900))
    with pytest.raises(UsageError, match="no detector 'nosuch'"):
        pipeline.apply(version(Profiles((Profile("default", (Choice("nosuch"),)),)), 2))
    assert pipeline.settings.id == 1
    batch = readings(300, 900)
    assert_same(pipeline.process(batch).scores, plain.process(batch).scores)


def test_a_tag_is_judged_only_in_the_step_that_its_condition_names() -> None:
    tags = TagTable([Tag("temp", "Temperature"), Tag("step", "Step", states=("heat", "CIP"))])
    words = StateWords()
    words.register(tags)
    code = words.code("step", "CIP")
    assert code is not None
    condition = Condition("step", "=", float(code), word="CIP")
    profiles = Profiles((Profile("default", (ZSCORE,), condition=condition),))
    pipeline = Pipeline(tags, version(profiles), words)
    rows = [("step", "heat"), ("temp", 1.0), ("step", "CIP"), ("temp", 2.0), ("step", "heat"), ("temp", 3.0)]
    batch = Batch.of(
        [Reading(tag, START + place * SECOND, value) for place, (tag, value) in enumerate(rows)],
        source="test",
        received=START + 60 * SECOND,
    )
    done = pipeline.process(batch)
    withheld = done.scores.withheld[done.accepted.tag == done.accepted.tags.index("temp")]
    assert withheld.tolist() == [Withheld.CONDITION, Withheld.NOTHING, Withheld.CONDITION]
    assert str(condition) == "only while step = CIP"
