"""The strip of many tags: cells that follow the clock, what they count, and where a reading was due."""

from __future__ import annotations

import sys
import threading
import time
from typing import Any

import numpy as np
import pandas as pd
import pytest

from sensormon.model.clock import SECOND
from sensormon.model.timestamps import micros
from sensormon.view.live_strip import LiveStrip, cell_width, holes
from tests.support.plant import START, Make, batch_of

SPAN = 900


def cells(answer: dict[str, Any], name: str) -> dict[int, tuple[str, int, int]]:
    """What is drawn of this tag: by the time a cell begins (ms) its kind, count and readings."""
    (row,) = [row for row in answer["rows"] if row["name"] == name]
    begins = [round(answer["since"] + part * answer["width"]) for part in range(answer["parts"])]
    shown = {begins[part]: ("flag", count, readings) for part, count, readings in row["flagged"]}
    shown |= {begins[part]: ("doubt", 0, 0) for part in row["doubtful"]}
    holes_in = [part for first, end in row["empty"] for part in range(first, end)]
    return shown | {begins[part]: ("empty", 0, 0) for part in holes_in}


def test_cells_begin_at_round_times_and_cover_the_span(make: Make) -> None:
    m = make()
    for span in (300, 900, 3_600, 21_600, 86_400):
        answer = LiveStrip(m).answer(span)
        assert answer["width"] == cell_width(span) * 1_000
        assert answer["since"] % answer["width"] == 0
        assert answer["since"] <= START / 1e3 - span * 1_000
        assert answer["since"] + answer["parts"] * answer["width"] > START / 1e3


def test_strip_counts_the_readings_of_each_cell(make: Make) -> None:
    m = make(source="simulator")
    m.source.backfill()
    m.drain()
    strip = LiveStrip(m).answer(SPAN)
    since, width = round(strip["since"] * 1e3), round(strip["width"] * 1e3)
    frame = m.stored.frame(None, since, START + 1)
    counts = []
    for row in strip["rows"]:
        rows = frame[frame["tag"] == row["name"]]
        part = (micros(rows["time"]) - since) // width
        flagged = np.bincount(part[rows["is_anomaly"].to_numpy()], minlength=strip["parts"])
        readings = np.bincount(part, minlength=strip["parts"])
        expected = [[p, int(n), int(readings[p])] for p, n in enumerate(flagged) if n]
        assert row["flagged"] == expected
        assert (row["count"], row["seen"]) == (flagged.sum(), len(rows))
        counts.append(row["count"])
    assert max(counts) > 0


def test_a_cell_keeps_its_shade_once_its_time_is_over(make: Make) -> None:
    m = make()
    strip, span = LiveStrip(m), 300
    width = cell_width(span) * 1_000
    rng = np.random.default_rng(3)
    history: dict[int, tuple[str, int, int] | None] = {}
    for first in range(0, 560, 7):
        due = [second for second in range(first, first + 7) if not 200 <= second < 230]
        values = {second: 9.5 if second % 60 in (5, 6) else 7.0 + rng.normal(0, 0.02) for second in due}
        if due:
            at = START + due[0] * SECOND
            m.submit(batch_of(*(("fermenter_ph", float(value)) for value in values.values()), at=at))
        m.clock.advance(7.0)
        m.drain()
        answer = strip.answer(span)
        drawn = cells(answer, "fermenter_ph")
        for part in range(answer["parts"] - 1):
            begins = round(answer["since"] + part * width)
            if begins >= START / 1e3 and begins + width + 1_000 < m.clock.now() / 1e3:
                assert history.setdefault(begins, drawn.get(begins)) == drawn.get(begins), (first, part)
    kinds = [shade[0] for shade in history.values() if shade]
    assert kinds.count("flag") >= 2
    assert kinds.count("empty") >= 5


def test_viewers_who_wait_for_a_shared_strip_take_it(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    m = make()
    strip, times = LiveStrip(m), []
    activity = m.readings.activity

    def waited_for() -> bool:
        frame = sys._current_frames().get(second.ident or 0)
        return frame is not None and frame.f_code.co_name == "of"

    def slow(since: int, until: int, width: int) -> pd.DataFrame:
        times.append(until)
        if len(times) == 1:
            second.start()
            deadline = time.monotonic() + 30
            while not waited_for() and time.monotonic() < deadline:
                pass
        m.clock.advance(1.0)
        return activity(since, until, width)

    monkeypatch.setattr(m.readings, "activity", slow)
    second = threading.Thread(target=strip.answer, args=(SPAN,))
    strip.answer(SPAN)
    second.join(30)
    assert len(times) == 1


def test_holes_are_where_a_reading_was_due() -> None:
    parts = 90
    every = np.arange(parts)
    assert holes(every, np.full(parts, 10), parts).tolist() == []
    assert holes(np.array([], dtype=np.int64), np.array([], dtype=np.int64), parts).tolist() == every.tolist()
    torn = np.setdiff1d(every, [*range(40), 50, 60, 61])
    assert holes(torn, np.full(len(torn), 10), parts).tolist() == [*range(40), 50, 60, 61]
    stopped = every[:70]
    assert holes(stopped, np.full(70, 10), parts).tolist() == list(range(70, 89)), "the last has only begun"
    slow = every[::6]
    assert holes(slow, np.ones(len(slow), dtype=np.int64), parts).tolist() == [], "a tag that reports seldom"
    missed = np.setdiff1d(slow, [24, 30, 36])
    assert holes(missed, np.ones(len(missed), dtype=np.int64), parts).tolist() == list(range(19, 42))
