"""Figures of frames: as a plain loop has them, and courses aligned by time or by share."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sensormon.analysis.envelope import STEPS
from sensormon.analysis.event_frames import Frame, Outcome
from sensormon.analysis.frame_figures import Samples, course_of, figures
from sensormon.model.clock import SECOND

spans = st.lists(st.tuples(st.integers(0, 50), st.integers(1, 20)), max_size=5)


@given(st.dictionaries(st.integers(0, 60), st.floats(-9, 9), max_size=20), spans)
def test_lowest_mean_and_highest_are_those_of_a_plain_loop(
    rows: dict[int, float], drawn: list[tuple[int, int]]
) -> None:
    time = np.array(sorted(rows), dtype=np.int64)
    value = np.array([rows[at] for at in sorted(rows)])
    frames = [Frame(start, start + length) for start, length in drawn]
    known = figures(Samples(time, value, time, value, 0), frames)
    for row, frame in enumerate(frames):
        inside = [rows[at] for at in sorted(rows) if frame.start <= at < frame.end]
        if not inside:
            assert math.isnan(known.low[row])
            assert math.isnan(known.mean[row])
            continue
        assert known.low[row] == min(inside)
        assert known.high[row] == max(inside)
        assert math.isclose(known.mean[row], sum(inside) / len(inside), abs_tol=1e-9)


def test_by_share_every_complete_frame_fills_all_steps() -> None:
    time = np.arange(0, 1_000 * SECOND, SECOND)
    value = time / SECOND
    samples = Samples(time, value, time, value, 0)
    short, long = Frame(0, 240 * SECOND), Frame(300 * SECOND, 780 * SECOND)
    for frame in (short, long):
        assert np.isfinite(course_of(samples, frame, seconds=240.0, by_share=True)).all()
    by_time = course_of(samples, short, seconds=480.0, by_share=False)
    assert np.isfinite(by_time).sum() == STEPS / 2
    beyond = course_of(samples, long, seconds=240.0, by_share=False)
    assert beyond[-1] < 541, "what is beyond the steps is left out, not put into the last one"
    open_ = Frame(0, 120 * SECOND, Outcome.OPEN)
    assert np.isfinite(course_of(samples, open_, seconds=240.0, by_share=True)).sum() == STEPS / 2
