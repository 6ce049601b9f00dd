"""The search for similar stretches over a stored history, and what it refuses."""

from __future__ import annotations

from base64 import b64decode
from dataclasses import replace
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from sensormon.model.clock import SECOND, ManualClock
from sensormon.model.errors import UsageError
from sensormon.model.settings import Settings
from sensormon.monitor import similar as similar_search
from sensormon.monitor.monitor import Monitor
from sensormon.monitor.similar import Wanted
from sensormon.view.palette import LIGHT
from sensormon.view.similar import (
    before_or_after,
    earlier_choice,
    likeness,
    no_close_match,
    overlay,
    search_words,
)
from tests.support.plant import START, batch_of

TAG, OTHER = "fermenter_ph", "fermenter_temp"
HUMP = np.exp(-(((np.arange(300) - 100) / 30) ** 2))
AT = (600, 2_000, 3_217)


@pytest.fixture
def monitor(settings: Settings) -> Monitor:
    running = Monitor(settings, ManualClock(START + 7_200 * SECOND))
    rng = np.random.default_rng(6)
    course = 7.0 + 0.02 * np.cumsum(rng.normal(size=4_000)) / np.sqrt(np.arange(1, 4_001))
    for place, at in enumerate(AT):
        course[at : at + 300] += 0.5 * (1 + place / 4) * HUMP
    running.submit(batch_of(*[(TAG, float(v)) for v in course[:2_800]], at=START))
    running.submit(batch_of(*[(TAG, float(v)) for v in course[2_900:]], at=START + 2_900 * SECOND))
    running.submit(batch_of(*[(OTHER, float(v)) for v in 30 + course], at=START))
    running.drain()
    return running


def wanted(first: int = AT[0], last: int = AT[0] + 300, *tags: str) -> Wanted:
    return Wanted(TAG, START + first * SECOND, START + last * SECOND, tags or (TAG,))


def test_the_same_shape_is_placed_to_the_second(monitor: Monitor) -> None:
    result = monitor.explorer.similar(monitor.tags, wanted())
    assert (result.since, result.until) == (START + AT[0] * SECOND, START + (AT[0] + 300) * SECOND)
    assert [round((match.since - START) / SECOND) for match in result.matches[:2]] in (
        [AT[1], AT[2]],
        [AT[2], AT[1]],
    )
    assert result.matches[0].correlation > 0.95
    assert result.matches[2].correlation < result.matches[1].correlation
    spans = sorted([(result.since, result.until), *((match.since, match.until) for match in result.matches)])
    assert all(end <= start for (_, end), (start, _) in pairwise(spans))
    gap = (START + 2_800 * SECOND, START + 2_900 * SECOND)
    assert not any(start < gap[1] and end > gap[0] for start, end in spans)
    monitor.stop()


def test_another_tag_is_searched_by_shape_but_by_level_only_in_the_same_unit(monitor: Monitor) -> None:
    both = monitor.explorer.similar(monitor.tags, wanted(AT[0], AT[0] + 300, TAG, OTHER))
    assert set(both.searched) == {TAG, OTHER}
    here = [match for match in both.matches if match.tag == OTHER and match.since == both.since]
    assert here[0].correlation == pytest.approx(1, abs=0.02), "the other tag may match at the same time"
    level = replace(wanted(AT[0], AT[0] + 300, TAG, OTHER), level=True)
    result = monitor.explorer.similar(monitor.tags, level)
    assert set(result.searched) == {TAG}
    assert result.left_out == {OTHER: "is in °C, not pH"}
    assert result.matches[0].distance < result.matches[-1].distance
    assert "pH apart (root mean square)" in likeness(result.matches[0], monitor.tags[TAG], level=True)
    assert search_words(result, monitor.tags, ZoneInfo("UTC"))[-1].startswith("Not searched:")
    monitor.stop()


@pytest.mark.parametrize(
    ("first", "last", "reason"),
    [
        (600, 605, "a shape needs at least 16"),
        (2_700, 3_000, "1 min 40 s without good readings"),
        (6_000, 7_000, "a shape needs at least 16"),
    ],
)
def test_a_stretch_without_a_shape_is_refused(monitor: Monitor, first: int, last: int, reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        monitor.explorer.similar(monitor.tags, wanted(first, last))
    monitor.stop()


def test_a_flat_stretch_is_refused_by_shape_alone(settings: Settings) -> None:
    monitor = Monitor(settings, ManualClock(START + 7_200 * SECOND))
    monitor.submit(batch_of(*[(TAG, 7.0)] * 600, *[(TAG, 7.0 + i / 100) for i in range(50)], at=START))
    monitor.drain()
    flat = wanted(0, 200)
    with pytest.raises(UsageError, match="the stretch is flat: it varies by no more than the sensor"):
        monitor.explorer.similar(monitor.tags, flat)
    assert monitor.explorer.similar(monitor.tags, replace(flat, level=True)).matches[0].distance == 0
    monitor.stop()


def test_a_stretch_as_long_as_the_history_has_nothing_to_compare_with(monitor: Monitor) -> None:
    result = monitor.explorer.similar(monitor.tags, wanted(100, 2_700))
    assert result.matches == []
    assert "No other stretch of 43 min" in search_words(result, monitor.tags, ZoneInfo("UTC"))[0]
    monitor.stop()


def test_matches_are_told_in_words_and_drawn(monitor: Monitor) -> None:
    result = monitor.explorer.similar(monitor.tags, wanted())
    best, tag = result.matches[0], monitor.tags[TAG]
    assert likeness(best, tag, level=False).startswith(("almost identical", "very similar"))
    assert not no_close_match(result, level=False)
    far = replace(result, matches=[replace(best, correlation=0.3)])
    assert "Nothing in this history looks much like it" in no_close_match(far, level=False)
    assert before_or_after(best, result.since).endswith(" later")
    assert earlier_choice(-86_400 * SECOND, "other") == ("a day earlier", "")
    assert earlier_choice(1_400_500_000, "other") == ("other", "1400.5 s")
    drawn = overlay(result.cells, best.cells, LIGHT, level=False, alt='a "b"')
    assert b64decode(drawn.split("base64,")[1].rstrip('">')).count(b"<polyline") == 2
    assert 'alt="a &quot;b&quot;"' in drawn
    assert search_words(result, monitor.tags, ZoneInfo("UTC"))[0].startswith("Compared with 8")
    monitor.stop()


def test_grids_read_together_are_those_of_each_tag(monitor: Monitor, monkeypatch: pytest.MonkeyPatch) -> None:
    later = "agitator_rpm"
    monitor.submit(batch_of(*[(later, 300.0 + i % 90) for i in range(1_500)], at=START + 4_321 * SECOND))
    monitor.drain()
    spans, retention = monitor.explorer._store.spans, monitor.explorer._store.retention
    names, step = [TAG, "nobody", later, OTHER], 7 * SECOND
    for longest in (1_000_000, 1_000):  # all at once, each by itself
        monkeypatch.setattr(similar_search, "LONGEST", longest)
        grids = list(similar_search._others(spans, retention, names, step))
        assert [grid is None for grid in grids] == [False, True, False, False]
        for grid in grids:
            if grid is not None:
                span = spans.extent([grid.tag])
                assert span is not None
                alone = similar_search._grid(spans, grid.tag, (span[0], span[1] + 1), step, grid.interval)
                assert (grid.since, len(grid.cells)) == (alone.since, len(alone.cells))
                assert grid.cells == pytest.approx(alone.cells, nan_ok=True)
    monitor.stop()
