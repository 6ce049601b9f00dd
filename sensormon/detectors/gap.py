"""The watchdog: readings that come later than they should, and tags that have fallen silent."""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from sensormon.detectors.base import Detector, Parameter, TagFacts
from sensormon.detectors.judged import Judged, Rule, Sentence, conclude, distinct
from sensormon.detectors.kernel import EXPECTED, HIGHEST, LOWER, SCORE, UPPER, row_kernel
from sensormon.detectors.row_state import RowState
from sensormon.model.readings import Bools, Floats, Ints
from sensormon.model.tags import Tag

WARM_UP = 20
"""Intervals before the first is judged, and flagged ones in a row before they are normal."""

MEMORY = 200
"""The usual interval follows the tag with this memory, in readings."""

LEAD = 1000
"""Last readings that show the usual interval."""

_LAST, _KNOWN, _INTERVALS, _MEAN, _DEVIATION, _FLAGGED, _RING = 1, 2, 3, 4, 5, 6, 7


@dataclass(frozen=True)
class Gap(Detector):
    """How long before this reading the tag's last one was, in usual intervals.

    More than `factor` is an anomaly, and it is the first reading after the silence that is
    flagged: a gap is no reading. While it lasts, `GapState.silent` tells it from the clock.
    The usual interval is the mean of the tag's intervals and twice their mean deviation, so
    that a tag which reports at random times is given longer; flagged ones are not learned
    until 20 come in a row. A reading that is not later than the latest has the score 0.
    Readings that are not good do not end a silence. expected, lower and upper are the value
    itself, which is not judged.

    Catches: gaps, a source that has slowed down.
    Misses: everything about the values (a tag that sends the same forever: prefer `stuck`).

    Parameters: `factor` in usual intervals, 1.5 to 1000.

    Reference: the watchdog timer of IEC 61131 controllers; for the limit, Shewhart,
    Economic Control of Quality of Manufactured Product (1931).

    >>> time = np.arange(60) * 1_000_000
    >>> time[50:] += 30_000_000
    >>> rows = np.zeros(60, np.int32), np.full(60, 37.0), np.ones(60, bool), time
    >>> state = Gap().start(np.zeros(1))
    >>> np.flatnonzero(state.run(*rows).is_anomaly).tolist()
    [50]
    >>> [bool(state.silent(int(time[-1]) + s * 1_000_000)[0]) for s in (2, 10)]
    [False, True]
    """

    factor: float = 5.0

    title = "Gap watchdog"
    score_name = "usual intervals"
    sensitivity = "factor"
    needed = WARM_UP + 1
    PARAMETERS = (Parameter("factor", 1.5, 1000.0, 0.5, "usual intervals", label="Silence"),)

    @property
    def threshold(self) -> float:
        """The score above which a reading is an anomaly."""
        return self.factor

    def start(self, tags: TagFacts | Floats) -> GapState:
        """A state that has learned nothing of these tags."""
        return GapState(kernel, (self.factor,), tags, size=_RING + WARM_UP, lead=LEAD, threshold=self.factor)

    def sentence(self, reading: Judged, tag: Tag) -> Sentence:
        """Why it flagged this reading, or why it did not."""
        if reading.score == 0.0:
            return Rule.BELOW, "it is not later than the latest reading: not flagged"
        score, threshold = distinct(reading.score, self.threshold)
        link = "more than" if reading.is_anomaly else "limit"
        return conclude(reading, f"it came {score} usual intervals after the one before, {link} {threshold}")


class GapState(RowState):
    """What the watchdog remembers, and who is silent now."""

    @property
    def learned(self) -> Bools:
        """For each tag, whether its usual interval is known."""
        learned: Bools = self.rows[:, _INTERVALS] >= WARM_UP
        return learned

    def silent(self, now: int | Ints) -> Bools:
        """For each tag, whether it has been silent at `now` (µs UTC) for longer than it should."""
        return silent(self.rows, self._threshold, now)


def silent(rows: NDArray[np.float64], factor: float, now: int | Ints) -> Bools:
    """For each row of a watchdog's state, whether the tag is overdue at `now` (µs UTC).

    Never while its usual interval is not known yet.
    """
    usual = rows[:, _MEAN] + 2.0 * rows[:, _DEVIATION]
    overdue: Bools = (rows[:, _INTERVALS] >= WARM_UP) & (now - rows[:, _LAST] > factor * usual)
    return overdue


def judge(params: Floats, _facts: Floats, row: Floats, value: float, time: int, out: Floats) -> None:
    """One reading of one tag; the only parameter is the factor."""
    factor = params[0]
    interval = time - row[_LAST]
    later = row[_KNOWN] > 0.0 and interval > 0.0
    score = 0.0
    if row[_INTERVALS] >= WARM_UP:
        if later:
            score = min(interval / (row[_MEAN] + 2.0 * row[_DEVIATION]), HIGHEST)
        out[SCORE] = score
        out[EXPECTED] = out[LOWER] = out[UPPER] = value
    if later:
        row[_RING + int(row[_INTERVALS]) % WARM_UP] = interval
        row[_INTERVALS] += 1.0
        row[_FLAGGED] = row[_FLAGGED] + 1.0 if score > factor else 0.0
        if row[_INTERVALS] == WARM_UP or row[_FLAGGED] == WARM_UP:
            _begin(row)
        elif row[_INTERVALS] > WARM_UP and score <= factor:
            # Before the weights are even, each interval counts as much as those of the warm-up.
            weight = 1.0 / min(row[_INTERVALS], MEMORY)
            row[_DEVIATION] += weight * (abs(interval - row[_MEAN]) - row[_DEVIATION])
            row[_MEAN] += weight * (interval - row[_MEAN])
    if row[_KNOWN] == 0.0 or later:
        row[_KNOWN], row[_LAST] = 1.0, time


@numba.njit(cache=True)
def _begin(row: Floats) -> None:
    """The usual interval from the last WARM_UP, without the two longest, which may have been gaps."""
    intervals = row[_RING : _RING + WARM_UP].copy()
    for _ in range(2):
        longest = np.argmax(intervals)
        intervals[longest] = 0.0
    kept = WARM_UP - 2
    mean = np.sum(intervals) / kept
    deviation = 0.0
    for x in intervals:
        if x > 0.0:
            deviation += abs(x - mean) / kept
    row[_MEAN] = mean
    row[_DEVIATION] = deviation
    row[_FLAGGED] = 0.0


kernel = row_kernel(judge)
