"""What the multivariate EWMA remembers from row to row: its model, an alarm that goes on, the last rows."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np

from sensormon.detectors import mewma_kernel as kernel
from sensormon.detectors.mewma_fit import Fitted, fit
from sensormon.detectors.multivariate import LEAST, LONGEST, RowScores, few_tags, rows_for, unscored
from sensormon.model.readings import Bools, Floats, Ints

RECENT = 400
"""The rows of which the model of a new state is made."""

WIDTH = 10
"""Numbers of a tag, see the kernel's columns."""


class MewmaState:
    """Learns from the baseline, then scores each row and follows it.

    `judged` says which tags the model has, none before it is made; `since` how many rows had come
    when each tag was taken into it, 0 before; and `new_states` after how many rows it was made again
    because an alarm had lasted so long that the state of the process is a new one.
    """

    def __init__(self, tags: int, *, baseline: int, weight: float, margin: float) -> None:
        few_tags(tags)
        self.baseline = baseline
        self.judged: Bools = np.zeros(tags, dtype=np.bool_)
        self.since: Ints = np.zeros(tags, dtype=np.int64)
        self.new_states: list[int] = []
        self._weight = weight
        self._margin = margin
        self._tags = np.zeros((0, WIDTH))
        self._form = np.zeros((0, 0))
        self._alarm = np.zeros(4)
        self._counts: Ints = np.zeros(3, dtype=np.int64)
        self._values: Ints = np.zeros(tags, dtype=np.int64)
        self._ring = np.full((self._capacity(), tags + 1), np.nan)

    @classmethod
    def trained(cls, fitted: Fitted, *, weight: float, margin: float) -> MewmaState:
        """A state that has learned this, and scores from the first row on."""
        state = cls(len(fitted.mean), baseline=RECENT, weight=weight, margin=margin)
        state.judged[:] = True
        state._set(fitted)
        state._resize()
        return state

    @property
    def enough(self) -> int:
        """How many values a tag must have before it is judged."""
        return max(LEAST, self.baseline // 2)

    @property
    def limit(self) -> float:
        """Of the statistic: `margin` squared times the 0.999 quantile of chi-square (Wilson and Hilferty)."""
        tags = max(int(self.judged.sum()), 1)
        cube = 1 - 2 / (9 * tags) + NormalDist().inv_cdf(0.999) * np.sqrt(2 / (9 * tags))
        return float(self._margin**2 * tags * cube**3)

    def run(self, values: Floats) -> RowScores:
        """Score, then learn, one row after the other; `values` has one column per tag."""
        values = np.ascontiguousarray(values, dtype=np.float64)
        if values.ndim != 2 or values.shape[1] != len(self.judged):
            raise ValueError(f"rows of shape {values.shape} for {len(self.judged)} tags")
        out = unscored(*values.shape)
        at = 0
        while at < len(values) and not self.judged.any():
            self._learn(values[at])
            at += 1
        while at < len(values):
            at = self._follow(values, at, out)
        return out

    def peek(self, row: Floats) -> RowScores:
        """The score this row would get now; nothing is learned."""
        other = MewmaState(len(self.judged), baseline=self.baseline, weight=self._weight, margin=self._margin)
        other.load(self.save())
        return other.run(np.reshape(row, (1, -1)))

    def save(self) -> Floats:
        """All it remembers, exactly: `load` of it goes on to the last bit."""
        head = [len(self._tags), len(self._ring), len(self.new_states)]
        parts = [
            self._counts,
            self.judged,
            self.since,
            self._values,
            self.new_states,
            self._alarm,
            self._tags,
            self._form,
            self._ring[: self._counts[kernel.KEPT]],
        ]
        return np.concatenate([np.asarray(part, dtype=np.float64).ravel() for part in (head, *parts)])

    def load(self, vector: Floats) -> None:
        """Continue from what `save` gave, with the same parameters and tags."""
        tags = len(self.judged)
        try:
            judged, capacity, states, _, _, kept = (int(number) for number in vector[:6])
            sizes = [3, 3, tags, tags, tags, states, 4, judged * WIDTH, judged**2, kept * (tags + 1)]
            _, counts, flags, since, own, states_at, alarm, model, form, ring = (
                part.copy() for part in np.split(vector, np.cumsum(sizes)[:-1])
            )
        except ValueError as error:
            raise ValueError("this was not saved by a detector of as many tags") from error
        if len(vector) != sum(sizes) or int(flags.sum()) != judged:
            raise ValueError("this was not saved by a detector of as many tags")
        self._counts, self._values = counts.astype(np.int64), own.astype(np.int64)
        self.judged, self.since = flags > 0, since.astype(np.int64)
        self.new_states = [int(row) for row in states_at]
        self._alarm, self._tags = alarm, model.reshape(judged, WIDTH)
        self._form = form.reshape(judged, judged)
        self._ring = np.full((capacity, tags + 1), np.nan)
        self._ring[:kept] = ring.reshape(kept, tags + 1)

    def _capacity(self) -> int:
        """Rows to keep: for a new state, or for the tags that still lack values."""
        tags = len(self.judged)
        least = max(RECENT, rows_for(tags))
        return least if self.judged.all() else max(least, LONGEST * self.baseline)

    def _learn(self, row: Floats) -> None:
        """One more row of the baseline; the model, if they are enough."""
        self._counts[kernel.SEEN] += 1
        if np.isfinite(row).any():
            kernel.keep_row(row, True, self._ring, self._counts, self._values)
        kept = int(self._counts[kernel.KEPT])
        whole = bool((self._values == kept).all())
        judged = np.ones_like(self.judged) if whole else self._values >= self.enough
        count = int(judged.sum())
        if self._counts[kernel.SEEN] >= self.baseline and count >= 2 and kept >= rows_for(count):
            self._make(judged, self._last(kept))

    def _follow(self, values: Floats, at: int, out: RowScores) -> int:
        """Score the rows from `at` on until the model changes; the row after the last that was scored."""
        limit, judged = self.limit, np.flatnonzero(self.judged)
        stop, why = kernel.follow_rows(
            values,
            at,
            judged,
            self._weight,
            limit,
            self.enough,
            self._tags,
            self._form,
            self._alarm,
            self._ring,
            self._counts,
            self._values,
            out.score,
            out.contributions,
        )
        rows = slice(at, stop)
        out.statistic[rows] = out.score[rows] * limit
        scored = np.flatnonzero(np.isfinite(out.score[rows])) + at
        out.expected[scored], out.lower[scored], out.upper[scored] = float(len(judged)), 0.0, limit
        out.is_anomaly[scored] = out.score[scored] > 1.0
        if why == kernel.RENEW:
            self._renew()
        elif why == kernel.TAG_READY:
            rows_kept = self._last(int(self._counts[kernel.KEPT]))
            quiet = rows_kept[rows_kept[:, -1] > 0]
            judged_now = self.judged | (self._values >= self.enough)
            if len(quiet) >= rows_for(int(judged_now.sum())):
                self._make(judged_now, quiet)
        return int(stop)

    def _renew(self) -> None:
        """The model of a new state, from the last rows, of the tags that have values enough in them."""
        recent = self._last(min(RECENT, int(self._counts[kernel.KEPT])))
        judged = np.isfinite(recent[:, :-1]).sum(axis=0) >= max(LEAST, len(recent) // 2)
        if judged.sum() >= 2:
            self.new_states.append(int(self._counts[kernel.SEEN]))
            self._make(judged, recent)
        else:
            self._alarm[:] = 0.0

    def _last(self, rows: int) -> Floats:
        """The newest `rows` of the kept rows, oldest first."""
        places = (self._counts[kernel.HEAD] - rows + np.arange(rows)) % len(self._ring)
        return np.asarray(self._ring[places])

    def _make(self, judged: Bools, kept: Floats) -> None:
        """Make the model of these tags, from these kept rows."""
        self.since[judged & ~self.judged] = self._counts[kernel.SEEN]
        self.judged = np.asarray(judged)
        rows = kept[:, :-1][:, judged]
        self._set(fit(np.ascontiguousarray(rows[np.isfinite(rows).any(axis=1)]), self._weight))
        self._resize()

    def _set(self, fitted: Fitted) -> None:
        tags = np.ones((len(fitted.mean), WIDTH))
        columns = {
            kernel.MEAN: fitted.mean,
            kernel.SCALE: fitted.scale,
            kernel.GAIN: fitted.gain,
            kernel.STEP: fitted.step,
            kernel.SPREAD: np.sqrt(np.diag(fitted.covariance)),
            kernel.REFERENCE: fitted.reference,
            kernel.AGE: fitted.age,
            kernel.AVERAGE: fitted.average,
            kernel.UNCUT: fitted.average,
        }
        for column, numbers in columns.items():
            tags[:, column] = numbers
        self._tags, self._form, self._alarm = tags, fitted.form, np.zeros(4)

    def _resize(self) -> None:
        """Keep as many rows as are needed from now on."""
        rows = self._last(min(int(self._counts[kernel.KEPT]), self._capacity()))
        self._ring = np.full((self._capacity(), len(self.judged) + 1), np.nan)
        self._ring[: len(rows)] = rows
        self._counts[kernel.HEAD] = len(rows) % len(self._ring)
        self._counts[kernel.KEPT] = len(rows)
        self._values = np.isfinite(rows[rows[:, -1] > 0][:, :-1]).sum(axis=0)
