"""The state of a detector that remembers each tag in one row of numbers, and what states check.

Such a detector is its parameters, its docstring and one compiled `judge`. The same compiled
loop runs over a live tick and over a year of history, so both give the same scores to the
last bit.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sensormon.detectors.base import TagFacts
from sensormon.detectors.kernel import EXPECTED, LOWER, SCORE, UPPER, Kernel, N, column
from sensormon.model.readings import Bools, Floats, Ints, Scores


class RowState:
    """The state of a detector that remembers each tag as one row of numbers: see `State`.

    A reading is an anomaly when its score is above `threshold`; kernels need not say so.
    """

    def __init__(
        self,
        kernel: Kernel,
        params: Sequence[float],
        tags: TagFacts | Floats,
        *,
        size: int,
        lead: int,
        threshold: float,
        recursive: bool = True,
    ) -> None:
        self.lead = lead
        self.recursive = recursive
        self.rows = np.zeros((len(tags), size))
        self._kernel = kernel
        self._params = np.array(params, dtype=np.float64)
        self._facts = TagFacts.of(tags).table
        self._threshold = float(threshold)

    def run(self, tag: NDArray[np.int32], value: Floats, ok: Bools, time: Ints) -> Scores:
        """Score, then learn, one reading after the other."""
        check_rows(len(self.rows), tag, value, ok, time)
        return self._run(self._facts, self.rows, tag, value, ok, time)

    def peek(self, tag: int, value: float, time: int) -> Scores:
        """The one-row score this value would get at this time; nothing is learned."""
        check_code(len(self.rows), tag)
        row = slice(tag, tag + 1)
        return self._run(
            self._facts[row],
            self.rows[row].copy(),
            np.zeros(1, np.int32),
            np.array([value]),
            np.ones(1, np.bool_),
            np.array([time]),
        )

    def restore(self, tag: int, n: int, values: Floats, times: Ints) -> None:
        """Continue as if `n` values had been learned: a blank row learns the last of them."""
        check_code(len(self.rows), tag)
        if len(values) < min(n, self.lead):
            n = len(values)
        rows = min(n, self.lead)
        first = len(values) - rows
        self.rows[tag] = 0.0
        row = slice(tag, tag + 1)
        self._run(
            self._facts[row],
            self.rows[row],
            np.zeros(rows, np.int32),
            values[first:],
            np.ones(rows, np.bool_),
            times[first:],
        )
        self.rows[tag, N] = n

    def save(self, tag: int) -> Floats:
        """All that is remembered of this tag, as a vector of its own."""
        check_code(len(self.rows), tag)
        vector: Floats = self.rows[tag].copy()
        return vector

    def load(self, tag: int, vector: Floats) -> None:
        """Go on, to the last bit, from what `save` gave with the same parameters."""
        check_code(len(self.rows), tag)
        check_vector(self.rows.shape[1], vector)
        self.rows[tag] = vector

    def _run(
        self,
        facts: NDArray[np.float64],
        rows: NDArray[np.float64],
        tag: NDArray[np.int32],
        value: Floats,
        ok: Bools,
        time: Ints,
    ) -> Scores:
        n = np.zeros(len(value), dtype=np.int64)
        out = np.full((4, len(value)), np.nan)
        self._kernel(
            column(tag, np.int32),
            column(value, np.float64),
            column(time, np.int64),
            column(ok, np.bool_),
            self._params,
            facts,
            rows,
            n,
            out,
        )
        return Scores(
            n=n,
            score=out[SCORE],
            expected=out[EXPECTED],
            lower=out[LOWER],
            upper=out[UPPER],
            is_anomaly=out[SCORE] > self._threshold,
        )


def check_code(tags: int, tag: int) -> None:
    """Raise IndexError for a code that no tag has: compiled code would touch foreign memory."""
    if not 0 <= tag < tags:
        raise IndexError(f"tag codes must be from 0 to {tags - 1}")


def check_rows(tags: int, tag: NDArray[np.int32], value: Floats, ok: Bools, time: Ints) -> None:
    """Raise IndexError or ValueError for columns that compiled code must not see."""
    if len(tag) and not 0 <= tag.min() <= tag.max() < tags:
        raise IndexError(f"tag codes must be from 0 to {tags - 1}")
    if not len(tag) == len(value) == len(ok) == len(time):
        raise ValueError(f"columns of {len(tag)}, {len(value)}, {len(ok)} and {len(time)} rows")


def check_vector(size: int, vector: Floats) -> None:
    """Raise ValueError for a vector that other parameters have saved."""
    if vector.shape != (size,):
        raise ValueError(f"a vector of {size} numbers is needed, not one of shape {vector.shape}")


def no_scores(n: Ints) -> Scores:
    """Columns to be filled: nothing scored yet, nothing flagged."""
    rows = len(n)
    return Scores(
        n=n,
        score=np.full(rows, np.nan),
        expected=np.full(rows, np.nan),
        lower=np.full(rows, np.nan),
        upper=np.full(rows, np.nan),
        is_anomaly=np.zeros(rows, dtype=np.bool_),
    )
