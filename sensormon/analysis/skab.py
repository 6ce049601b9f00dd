"""The row scores of the Skoltech Anomaly Benchmark: F1, false-alarm rate and missed-alarm rate.

All rows of all runs make one confusion matrix, except the baseline rows of each run, which are
known to be normal. Flagging every row gives an F1 of about 0.70 here, so an F1 means something
only beside its false-alarm rate. Source: Katser and Kozitsin, SKAB (2020).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from sensormon.model.readings import Bools


@dataclass(frozen=True)
class RowCounts:
    """A confusion matrix over rows. A rate with a denominator of 0 is NaN."""

    true_positive: int
    false_positive: int
    false_negative: int
    true_negative: int

    @property
    def f1(self) -> float:
        """2 TP / (2 TP + FP + FN)."""
        return _ratio(
            2 * self.true_positive, 2 * self.true_positive + self.false_positive + self.false_negative
        )

    @property
    def far(self) -> float:
        """False-alarm rate: FP / (FP + TN)."""
        return _ratio(self.false_positive, self.false_positive + self.true_negative)

    @property
    def mar(self) -> float:
        """Missed-alarm rate: FN / (FN + TP)."""
        return _ratio(self.false_negative, self.false_negative + self.true_positive)


def score_rows(runs: Iterable[tuple[Bools, Bools]], baseline: int = 400) -> RowCounts:
    """Count the rows after the first `baseline` of each run, which is a pair of labels and flags.

    Raises ValueError if a run has not as many flags as labels.
    """
    counts = np.zeros(4, dtype=np.int64)
    for labels, flags in runs:
        if len(labels) != len(flags):
            raise ValueError(f"{len(labels)} labels for {len(flags)} flags")
        label = np.asarray(labels, dtype=np.bool_)[baseline:]
        flag = np.asarray(flags, dtype=np.bool_)[baseline:]
        counts += [(label & flag).sum(), (~label & flag).sum(), (label & ~flag).sum(), (~label & ~flag).sum()]
    return RowCounts(*counts.tolist())


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")
