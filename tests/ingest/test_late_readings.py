"""Readings that come after later ones of their tag are stored, but neither judged nor learned."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sensormon.analysis.rescoring import History
from sensormon.ingest.pipeline import Pipeline
from sensormon.model.clock import SECOND, ManualClock
from sensormon.model.entries import DetectorSettings
from sensormon.model.readings import Batch, Quality, Reading, Withheld
from sensormon.model.settings import Settings
from sensormon.model.tags import TagTable
from sensormon.monitor.monitor import Monitor
from tests.support.named import Delivering
from tests.support.plant import START
from tests.support.watched_plant import assert_same


def batch(times: list[int], seed: int = 0, tag: str = "temp", quality: int = 0) -> Batch:
    """Readings at these seconds, each with the value that its tag has then."""
    values = np.random.default_rng(seed).normal(37, 0.1, 1_000).round(2)
    rows = [Reading(tag, START + t * SECOND, float(values[t]), quality) for t in times]
    return Batch.of(rows, source="line", received=START + 1_000 * SECOND)


def late_by_hand(batches: list[Batch]) -> list[bool]:
    """For each reading whether a learned one of its tag, in a batch before, is later; reading by reading."""
    learned: dict[str, list[int]] = {}
    late: list[bool] = []
    for each in batches:
        before = {tag: max(times) for tag, times in learned.items()}
        for code, time, quality in zip(each.tag, each.time, each.quality, strict=True):
            tag, good = each.tags[code], quality >> 30 == 0
            late.append(bool(good and time < before.get(tag, 0)))
            if good and not late[-1]:
                learned.setdefault(tag, []).append(int(time))
    return late


def test_what_is_late_is_what_a_look_at_each_reading_gives(
    tags: TagTable, detection: DetectorSettings
) -> None:
    rng = np.random.default_rng(7)
    pipeline, batches, withheld = Pipeline(tags, detection), [], []
    for number in range(40):
        times = np.sort(rng.choice(900, 12, replace=False) // (1 + number % 3)).tolist()
        bad = Quality.BAD if rng.random() < 0.2 else Quality.GOOD
        each = batch(times, seed=number, tag=("temp", "ph")[number % 2 and number > 20], quality=bad)
        if each.tags == ("ph",):
            each = replace(each, value=each.value / 6)
        processed = pipeline.process(each, late=True)
        batches.append(processed.accepted)
        withheld += processed.scores.withheld.tolist()
    late = late_by_hand(batches)
    assert [reason == Withheld.LATE for reason in withheld] == late
    assert 0 < sum(late) < len(late)


def test_the_others_are_judged_as_if_there_were_none(tags: TagTable, detection: DetectorSettings) -> None:
    pipeline, alone = Pipeline(tags, detection), Pipeline(tags, detection)
    first, second = batch([*range(100), *range(200, 300)]), batch(list(range(300, 360)))
    pipeline.process(first, late=True)
    alone.process(first)
    gap = pipeline.process(batch(list(range(100, 200))), late=True)
    assert set(gap.scores.withheld) == {Withheld.LATE}
    assert not gap.scores.is_anomaly.any()
    assert np.isnan(gap.scores.score).all()
    assert set(gap.scores.n) <= {0, 200}
    assert_same(pipeline.process(second, late=True).scores, alone.process(second).scores)


def test_without_the_option_all_are_judged_as_they_come(tags: TagTable, detection: DetectorSettings) -> None:
    pipeline = Pipeline(tags, detection)
    pipeline.process(batch(list(range(100, 200))))
    assert set(pipeline.process(batch(list(range(50)))).scores.withheld) == {Withheld.NOTHING}


def test_an_undone_batch_makes_nothing_late(tags: TagTable, detection: DetectorSettings) -> None:
    pipeline = Pipeline(tags, detection)
    pipeline.process(batch(list(range(100))), late=True)
    pipeline.process(batch(list(range(500, 600))), late=True)
    pipeline.undo()
    assert set(pipeline.process(batch(list(range(200, 300))), late=True).scores.withheld) == {0}


@pytest.mark.parametrize("drained", [True, False])
def test_late_readings_survive_a_restart_and_rescoring(
    settings: Settings, tmp_path: Path, drained: bool
) -> None:
    """From the store and from the journal, to the last bit."""
    text = "[tags.temp]\nvalid = [0, 100]\nresolution = 0.01\n"
    (tmp_path / "plant.toml").write_text(text)
    settings = replace(settings, tags=tmp_path / "plant.toml")
    one, through = (replace(settings, data_dir=tmp_path / name) for name in ("restarted", "through"))
    parts = [[*range(80), *range(200, 280)], [*range(80, 200), *range(280, 290)], [*range(250, 400)]]
    monitors = Monitor(one, ManualClock(START)), Monitor(through, ManualClock(START))
    for number, times in enumerate(parts):
        for monitor in monitors:
            Delivering(monitor).taking.take(batch(times))
        if number == 1:
            if drained:
                monitors[0].drain()
            monitors[0].stop()
            monitors = Monitor(one, ManualClock(START)), monitors[1]
    for monitor in monitors:
        monitor.drain()
    restarted, other = (monitor.readings.recent(0) for monitor in monitors)
    columns = ["time", "value", "n", "score", "expected", "is_anomaly", "withheld"]
    pd.testing.assert_frame_equal(restarted[columns], other[columns], check_exact=True, check_dtype=False)
    assert (other["withheld"] == Withheld.LATE).sum() == 120
    rows = other[["id", "time", "value", "quality", "n", "withheld"]].reset_index(drop=True)
    in_force = monitors[1].detection.in_force.in_use.default
    rescored = History(monitors[1].tags["temp"], rows.iloc[:0], rows).scored(in_force)
    for column in ("withheld", "n", "score"):
        np.testing.assert_array_equal(rescored[column], other[column])
    for monitor in monitors:
        monitor.stop()
