"""Frames over long spans: found in few readings exactly as in all of them, stored or not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from sensormon.analysis.event_frames import Course, find_frames
from sensormon.analysis.frame_rules import CHANGES, FrameRule, Trigger
from sensormon.model.clock import DAY, MINUTE, SECOND, ManualClock
from sensormon.model.readings import Quality
from sensormon.model.settings import Settings
from sensormon.model.timestamps import micros
from sensormon.monitor import frame_reader
from sensormon.monitor.frame_reader import MOST_STRETCHES
from sensormon.monitor.monitor import Monitor
from tests.support.plant import START
from tests.support.states import states_of, with_states

HOURS = 5
END = START + HOURS * 3_600 * SECOND


def value_at(second: int) -> float:
    """A batch of 20 minutes every 50, with noise at its edges."""
    inside = second % 3_000
    noise = (second * 7_919 % 100) / 25.0
    if inside < 300:
        return 40.0 + inside / 6.0 + noise
    return 90.0 + noise if inside < 1_500 else 40.0 + noise


@pytest.fixture
def monitor(settings: Settings, tmp_path: Path) -> Iterator[Monitor]:
    running = Monitor(with_states(settings, tmp_path), ManualClock(END))
    for run in (
        range(0, 7_000, 2),
        range(7_600, HOURS * 3_600 - 120, 2),
    ):  # a gap between them
        readings = [("temp", value_at(second)) for second in run]
        running.submit(states_of(*readings, at=START + run[0] * SECOND, seconds=2.0))
    running.drain()
    yield running
    running.stop()


RULES = [
    FrameRule(Trigger("temp", ">", 80.0)),
    FrameRule(Trigger("temp", ">", 80.0, hysteresis=5.0)),
    FrameRule(Trigger("temp", ">=", 60.0), Trigger("temp", "<", 50.0)),
    FrameRule(Trigger("temp", "<", 45.0, hold=10.0)),
    FrameRule(Trigger("temp", "=", 92.0, hysteresis=1.0)),
    FrameRule(Trigger("temp", "!=", 42.0, hysteresis=1.5)),
]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: str(rule.start.comparison))
def test_frames_from_parts_of_the_span_are_those_from_every_reading(
    monitor: Monitor, rule: FrameRule, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frame_reader, "PARTS", 100)
    read = monitor.frame_reader.conditions(rule.triggers, {}, START, END)
    frame = monitor.stored.frame(["temp"], START, END)
    every = Course(
        micros(frame["time"]), frame["value"].to_numpy(dtype=np.float64), END, read.courses["temp"].gaps
    )
    assert read.edge == 0
    assert len(read.courses["temp"].gaps) == 2
    frames = find_frames(rule, read.courses, END)
    assert frames == find_frames(rule, {"temp": every}, END)
    assert frames.frames
    assert read.extremes["temp"] == (every.value.min(), every.value.max())


def test_only_what_may_change_is_read_at_full_resolution(
    monitor: Monitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frame_reader, "PARTS", 100)
    read = monitor.frame_reader.conditions([Trigger("temp", ">", 80.0)], {}, START, END)
    assert len(read.courses["temp"].time) < monitor.explorer.count("temp", START, END) / 3


def test_what_is_not_stored_yet_counts_too(monitor: Monitor) -> None:
    monitor.submit(states_of(*[("temp", 99.0)] * 60, at=END - 60 * SECOND))
    rule = FrameRule(Trigger("temp", ">", 98.0))
    read = monitor.frame_reader.conditions(rule.triggers, {}, START, END)
    live = find_frames(rule, read.courses, END).live
    assert live is not None
    assert live.start == END - 60 * SECOND
    samples = monitor.frame_reader.samples("temp", START, END, [(live.start, live.end)])
    assert samples.value.tolist().count(99.0) == 60
    assert samples.step == 0


def test_readings_that_are_not_good_neither_start_nor_end_a_frame(
    monitor: Monitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frame_reader, "PARTS", 100)
    at = START + 3_000 * SECOND - 601 * SECOND
    monitor.submit(states_of(*[("temp", 99.0)] * 5, at=at, seconds=100.0, quality=Quality.UNCERTAIN))
    monitor.drain()
    rule = FrameRule(Trigger("temp", ">", 98.0))
    read = monitor.frame_reader.conditions(rule.triggers, {}, START, END)
    assert find_frames(rule, read.courses, END).frames == ()


def test_states_are_read_change_by_change(monitor: Monitor) -> None:
    steps = ["idle", "heat", "hold", "cool"]
    monitor.submit(states_of(*[("step", steps[i % 4]) for i in range(40)], at=START, seconds=60.0))
    words = monitor.state_words(["step"])
    rule = FrameRule(Trigger("step", "=", word="heat"), Trigger("step", "=", word="cool"))
    read = monitor.frame_reader.conditions(rule.triggers, words, START, END)
    frames = find_frames(rule, read.courses, END).frames
    assert [frame.start for frame in frames] == [START + (1 + 4 * i) * MINUTE for i in range(10)]
    assert {frame.seconds for frame in frames} == {120.0}
    changes = find_frames(FrameRule(Trigger("step", CHANGES)), read.courses, END).frames
    assert len(changes) == 39


def test_too_many_readings_to_refine_are_said(monitor: Monitor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frame_reader, "PARTS", 100)
    monkeypatch.setattr(frame_reader, "MOST_REFINED", 10)
    read = monitor.frame_reader.conditions([Trigger("temp", ">", 80.0)], {}, START, END)
    assert read.edge == 2 * MINUTE


def test_few_readings_among_very_many_of_other_tags_are_means_too(
    monitor: Monitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frame_reader, "MOST_AMONG", 1_000)
    assert monitor.frame_reader.samples("temp", START, END, [(START, END)]).step == MINUTE


def test_long_comparisons_use_means_and_the_extremes_of_parts(
    monitor: Monitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frame_reader, "MOST_SAMPLES", 1_000)
    samples = monitor.frame_reader.samples("temp", START, END, [(START, END)])
    assert samples.step == MINUTE
    assert samples.extremes.max() == max(value_at(second) for second in range(0, HOURS * 3_600 - 120, 2))
    assert 40 < np.median(samples.value) < 95
    assert monitor.frame_reader.samples("temp", START - DAY, END, []).step == 0


@pytest.mark.parametrize("most", [200_000, 2_000])
def test_several_tags_have_the_samples_of_each(
    monitor: Monitor, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr(frame_reader, "MOST_SAMPLES", most)
    late = [("valve", float(number // 7 % 2)) for number in range(900)]
    monitor.submit(states_of(*late, at=START + 60 * SECOND, seconds=3.0))
    monitor.drain()
    monitor.submit(states_of(("temp", 44.0), ("temp", 45.0), at=END - 60 * SECOND, seconds=2.0))  # not stored
    reader, names = monitor.frame_reader, ["temp", "valve", "nobody"]
    for spans in ([(START + 100 * SECOND, END)], [(START, START + 900 * SECOND), (END - 90 * SECOND, END)]):
        several = reader.samples_of(names, START, END, spans)
        assert len(several["valve"].time) > 100
        for name in names:
            alone = reader.samples(name, START, END, spans)
            for field in ("time", "value", "at", "extremes"):
                assert getattr(several[name], field).tolist() == getattr(alone, field).tolist()
            assert several[name].step == alone.step


def test_many_pieces_are_joined_where_they_are_nearest() -> None:
    pieces = [(start, start + 3) for start in range(0, 10_000, 10)]
    joined = frame_reader._joined([*pieces, (20_000, 20_005)], MOST_STRETCHES)
    assert len(joined) == MOST_STRETCHES
    assert joined[-1] == (20_000, 20_005)
    assert frame_reader._joined([(0, 5), (5, 9), (20, 21), (40, 41)], 100) == [(0, 9), (20, 21), (40, 41)]
    assert frame_reader._joined([(0, 5), (6, 9)], 100) == [(0, 9)], "one piece, as it is hardly more"
