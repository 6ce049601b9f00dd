"""What a tag did in each frame: lowest, mean and highest value, and its course step by step from the start.

Pure functions on arrays. Times are microseconds UTC. What it is not: a reader of the store.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sensormon.analysis.envelope import STEPS, aligned
from sensormon.analysis.event_frames import Frame
from sensormon.model.clock import SECOND
from sensormon.model.readings import Floats, Ints


@dataclass(frozen=True, eq=False)
class Samples:
    """The good readings of a tag that frames are compared by, in order of time.

    If there are too many, these are means over `step` (µs) each; otherwise that is 0. `extremes` are the
    lowest and highest readings, or all, and `at` their times.
    """

    time: Ints
    value: Floats
    at: Ints
    extremes: Floats
    step: int


@dataclass(frozen=True, eq=False)
class Figures:
    """Of each frame, in the tag's unit; NaN for a frame without a reading."""

    low: Floats
    mean: Floats
    high: Floats


def figures(samples: Samples, frames: Sequence[Frame]) -> Figures:
    """The lowest, mean and highest value of the tag in each of these frames."""
    means = _reduced(np.add, samples.time, samples.value, frames)
    counts = _reduced(np.add, samples.time, np.ones(len(samples.time)), frames)
    low = _reduced(np.minimum, samples.at, samples.extremes, frames)
    high = _reduced(np.maximum, samples.at, samples.extremes, frames)
    return Figures(low, means / counts, high)


def course_of(samples: Samples, frame: Frame, *, seconds: float, by_share: bool) -> Floats:
    """The tag's course in this frame, in steps of the whole of `seconds`, or of its own length.

    The length of an open frame is not known; it is taken to be `seconds`, too.
    """
    own = by_share and frame.whole
    width = (frame.end - frame.start if own else seconds * SECOND) / STEPS
    left, right = np.searchsorted(samples.time, (frame.start, frame.end))
    return aligned(samples.time[left:right], samples.value[left:right], (frame.start, frame.end), width)


def _reduced(how: np.ufunc, time: Ints, value: Floats, frames: Sequence[Frame]) -> Floats:
    """The values of each frame reduced by `how`; NaN for a frame without any."""
    starts = np.searchsorted(time, [frame.start for frame in frames])
    ends = np.searchsorted(time, [frame.end for frame in frames])
    result = np.full(len(frames), np.nan)
    if not len(time) or not len(frames):
        return result
    places = np.column_stack((starts, ends)).ravel()
    reduced = how.reduceat(np.append(value, 0.0), places)[::2]
    some = ends > starts
    result[some] = reduced[some]
    return result
