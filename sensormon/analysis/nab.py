"""The score of the Numenta Anomaly Benchmark for the rows a detector flagged; pure functions.

A labelled anomaly is a window of rows. The earliest flagged row in a window gains points, more
the earlier it is; further flags in it neither gain nor cost. A window without a flag costs
points, and so does every flagged row outside, less shortly after a window. The first rows of a
series are probation and are not scored. A sum over series is normalised: 0 is a detector
that never flags, 100 one that flags the first row of every window and nothing else; it
has no lower limit.

What it does not do: choose a threshold. It scores flags as they are.

References: Lavin and Ahmad, Evaluating Real-time Anomaly Detection Algorithms - the
Numenta Anomaly Benchmark, ICMLA 2015 (arXiv 1510.03336), and for the weights and the
positions at the edges of a window version 1.1 of the benchmark.

>>> flags = np.zeros(1000, dtype=bool)
>>> flags[500] = True
>>> score_series(flags, [(500, 599)]).total
1.0
>>> normalised([score_series(flags, [(500, 599)])])
100.0
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from sensormon.model.readings import Bools

PROBATION = 0.15
"""This share of a series is not scored."""
PROBATION_ROWS = 750
"""The most rows of probation."""

Window = tuple[int, int]
"""The first and the last row of a labelled anomaly, both included."""


@dataclass(frozen=True)
class Profile:
    """The gain of a detected window, the cost of a wrong flag and of a missed window."""

    detected: float
    wrong: float
    missed: float


PROFILES = {
    "standard": Profile(detected=1.0, wrong=0.11, missed=1.0),
    "reward_low_FP": Profile(detected=1.0, wrong=0.22, missed=1.0),
    "reward_low_FN": Profile(detected=1.0, wrong=0.11, missed=2.0),
}
"""The three profiles of the benchmark."""

STANDARD_NAME = "standard"
STANDARD = PROFILES[STANDARD_NAME]


@dataclass(frozen=True)
class SeriesScore:
    """The raw score of one series; `perfect` flags the start of every window, `null` flags nothing."""

    total: float
    perfect: float
    null: float
    windows: int
    detected: int
    wrong: int


def scaled_sigmoid(position: float) -> float:
    """0.987 at -1, a window's left edge, 0 at its right edge, -1 far behind it."""
    return -1.0 if position >= 3.0 else 2.0 / (1.0 + math.exp(5.0 * position)) - 1.0


def probation(rows: int) -> int:
    """How many first rows of a series of this length are not scored."""
    return min(int(PROBATION * rows), PROBATION_ROWS)


def score_series(flags: Bools, windows: Sequence[Window], profile: Profile = STANDARD) -> SeriesScore:
    """Score the flags of one series, one a row, against its windows of rows, in order.

    A window that lies wholly in the probation neither gains nor costs. Raises ValueError for
    windows that overlap, are out of order or lie outside the series.
    """
    edges = [edge for window in windows for edge in window]
    if edges != sorted(edges) or (edges and not 0 <= edges[0] <= edges[-1] < len(flags)):
        raise ValueError(f"windows {windows} of a series of {len(flags)} rows")
    start = probation(len(flags))
    rows = np.flatnonzero(flags)
    rows = rows[rows >= start]
    scored = [(left, right) for left, right in windows if right >= start]
    inside = np.zeros(len(rows), dtype=np.bool_)
    gain, hit = 0.0, 0
    for left, right in scored:
        hits = (rows >= left) & (rows <= right)
        inside |= hits
        if hits.any():
            hit += 1
            width = right - left + 1
            position = -(right - int(rows[hits][0]) + 1) / width
            gain += profile.detected * scaled_sigmoid(position) / scaled_sigmoid(-1.0)
    wrong = rows[~inside].tolist()
    cost = profile.missed * (len(scored) - hit)
    cost -= profile.wrong * sum(scaled_sigmoid(_behind(row, windows)) for row in wrong)
    return SeriesScore(
        total=gain - cost,
        perfect=profile.detected * len(scored),
        null=-profile.missed * len(scored),
        windows=len(scored),
        detected=hit,
        wrong=len(wrong),
    )


def normalised(scores: Iterable[SeriesScore]) -> float:
    """The score of several series: 0 for a detector that never flags, 100 for a perfect one.

    NaN if there is no window at all.
    """
    kept = list(scores)
    null, perfect = sum(score.null for score in kept), sum(score.perfect for score in kept)
    if perfect == null:
        return math.nan
    return 100.0 * (sum(score.total for score in kept) - null) / (perfect - null)


def _behind(row: int, windows: Sequence[Window]) -> float:
    """The distance of a row from the last window before it, in widths of that window."""
    before = [window for window in windows if window[1] < row]
    if not before:
        return math.inf
    left, right = before[-1]
    return (row - right) / (right - left) if right > left else math.inf
