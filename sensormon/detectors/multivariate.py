"""What the detectors over several tags at once share: a model of the first rows, then one score a row.

A detector here sees rows, one value a tag. The first `baseline` rows are taken as normal and
are not scored; from them `fit` makes a `Model`, which stays as it is. Each later row becomes a
vector q (scaled, perhaps differenced and smoothed) and the statistic is the quadratic form
(q - centre)' M (q - centre). Tag j's contribution is (q - centre)_j times entry j of
M (q - centre), over the limit: the contributions sum to the score, and one may be negative
where correlated tags explain each other.

A value that is not finite is missing. A row is judged on the tags it has, by the `marginal` of the
model and its limit (see `incomplete`), so a lost tag neither blinds the others nor looks like a
fault. A row without any value is neither scored nor learned.

A tag with fewer values among the first rows than half the baseline is left out. Rows that are not flagged
go on to be kept, and once it has as many values among them, the model is made again, with it.
"""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from sensormon.detectors.base import Described, Parameter
from sensormon.detectors.incomplete import KNOWN, forget
from sensormon.detectors.row_kernels import next_row, run_rows, smooth_rows
from sensormon.model.errors import UsageError
from sensormon.model.readings import Bools, Floats

BASELINE = Parameter("baseline", 50, 100_000, 1, "rows", label="Baseline")
"""The parameter that all of them have."""

LEAST = 30
"""The least rows of a model, and the least values of a tag in it."""

LONGEST = 4
"""Baselines of rows kept for tags that are left out; an older row is dropped."""

FORGOTTEN = 1e-6
"""Below this share a lost covariance no longer counts."""

PATTERNS = 1_000
"""Sets of missing tags whose judgement is remembered."""


@dataclass(frozen=True)
class Model:
    """What was learned from the baseline. All arrays are one entry a tag."""

    mean: Floats
    scale: Floats
    differenced: Bools
    step: Floats  # scale of the changes of differenced tags; 1 for the others
    clip: float  # scaled values beyond this count as this
    weight: float  # of the newest row in the moving average; 1 for none
    centre: Floats
    form: Floats  # the matrix M
    covariance: Floats  # of q on normal rows
    rows: int  # that the covariance stands for
    expected: float  # of the statistic on normal rows
    limit: float

    @property
    def averaging(self) -> tuple[Floats, Floats, Bools, Floats, float, float, Floats]:
        """What makes the moving average of rows, in the order in which the kernels take it."""
        return self.mean, self.scale, self.differenced, self.step, self.clip, self.weight, self.centre


@dataclass(frozen=True)
class Judgement:
    """How an incomplete row is judged: the matrix M of the tags it has, and as in `Model`."""

    form: Floats
    expected: float
    limit: float


@dataclass
class Memory:
    """What goes on from row to row: one entry a judged tag, and a matrix of `lost`."""

    last: Floats  # scaled value, NaN before the first
    age: Floats  # rows since the last value
    average: Floats
    lost: Floats  # see `incomplete.forget`

    @property
    def averaged(self) -> tuple[Floats, Floats, Floats]:
        """The moving average and what it goes on from, which the kernels change."""
        return self.last, self.age, self.average

    @classmethod
    def blank(cls, tags: int) -> Memory:
        """Nothing yet."""
        return cls(np.full(tags, np.nan), np.zeros(tags), np.zeros(tags), np.zeros((tags, tags)))

    def copy(self) -> Memory:
        """The same, to go on by itself."""
        return Memory(self.last.copy(), self.age.copy(), self.average.copy(), self.lost.copy())


@dataclass(frozen=True)
class RowScores:
    """One entry a row. `score` is the statistic over its limit: an anomaly above 1."""

    statistic: Floats
    score: Floats
    expected: Floats
    lower: Floats
    upper: Floats
    is_anomaly: Bools
    contributions: Floats  # one column per tag


class RowDetector(Described, ABC):
    """The parameters of a method that judges a row of several tags at once."""

    threshold: ClassVar[float] = 1.0
    """Scores are in units of the limit."""

    baseline: int
    """How many first rows are normal."""

    @abstractmethod
    def fit(self, rows: Floats) -> Model:
        """The model of these normal rows; a missing cell is NaN, and each tag has values enough."""

    @abstractmethod
    def marginal(self, model: Model, lost: Floats, there: Bools) -> Judgement:
        """How a row is judged that has only the tags in `there`; `lost` as in `Memory`."""

    def start(self, tags: int) -> RowsState:
        """A state that has learned nothing. Raises UsageError for fewer than two tags."""
        return RowsState(self, tags)


class RowsState:
    """The rows to learn from, then the model of them and the moving average.

    `judged` says which tags the model has, none before it is made, and `since` how many rows had come
    when each tag was taken into it, 0 before.
    """

    def __init__(self, detector: RowDetector, tags: int) -> None:
        if tags < 2:
            raise UsageError(
                "this detector compares tags with each other and was given fewer than two",
                where="detect",
                hint="Give a column for each of two tags or more",
            )
        self._detector = detector
        self._tags = tags
        self._seen = 0
        self._rows: list[Floats] = []  # those the model is made of
        self._later: list[Floats] = []  # those that tags left out may be learned from
        self._counts = np.zeros(tags, dtype=np.int64)  # values of each tag in both
        self._model: Model | None = None
        self._memory = Memory.blank(0)
        self._known: dict[bytes, Judgement] = {}
        self.judged = np.zeros(tags, dtype=np.bool_)
        self.since = np.zeros(tags, dtype=np.int64)

    @property
    def baseline(self) -> int:
        """How many first rows are normal."""
        return self._detector.baseline

    @property
    def enough(self) -> int:
        """How many values a tag must have before it is judged."""
        return max(LEAST, self._detector.baseline // 2)

    def run(self, values: Floats) -> RowScores:
        """Score, then learn, one row after the other; `values` has one column per tag."""
        values = np.ascontiguousarray(values, dtype=np.float64)
        if values.ndim != 2 or values.shape[1] != self._tags:
            raise ValueError(f"rows of shape {values.shape} for {self._tags} tags")
        count = len(values)
        out = RowScores(
            statistic=np.full(count, np.nan),
            score=np.full(count, np.nan),
            expected=np.full(count, np.nan),
            lower=np.full(count, np.nan),
            upper=np.full(count, np.nan),
            is_anomaly=np.zeros(count, dtype=np.bool_),
            contributions=np.full((count, self._tags), np.nan),
        )
        at = 0
        while self._model is None and at < count:
            self._learn(values[at])
            at += 1
        while at < count:
            stop = self._whole_until(values, at)
            if stop > at:
                self._run_whole(values[at:stop], at, out)
                at = stop
            else:
                self._run_one(values[at], at, out)
                at += 1
        return out

    def peek(self, row: Floats) -> RowScores:
        """The score this row would get now; nothing is learned."""
        other = copy.copy(self)
        other._rows, other._later = list(self._rows), list(self._later)
        other._counts, other._memory = self._counts.copy(), self._memory.copy()
        other.judged, other.since = self.judged.copy(), self.since.copy()
        return other.run(np.reshape(row, (1, -1)))

    def save(self) -> Floats:
        """All it remembers, exactly: `load` of it goes on to the last bit."""
        memory = self._memory
        head = [self._seen, len(self._rows), len(self._later), len(memory.last)]
        parts = [memory.last, memory.age, memory.average, memory.lost, *self._rows, *self._later]
        return np.concatenate([np.array(head, dtype=np.float64), self.since, *map(np.ravel, parts)])

    def load(self, vector: Floats) -> None:
        """Continue from what `save` gave, with the same parameters and tags."""
        tags = self._tags
        seen, rows, later, judged = (int(number) for number in vector[:4])
        sizes = [tags, judged, judged, judged, judged * judged, rows * tags, later * tags]
        if len(vector) != 4 + sum(sizes):
            raise ValueError("this was not saved by a detector of as many tags")
        since, last, age, average, lost, fitted, more = (
            part.copy() for part in np.split(vector[4:], np.cumsum(sizes)[:-1])
        )
        self._seen = seen
        self._rows, self._later = list(fitted.reshape(-1, tags)), list(more.reshape(-1, tags))
        self._counts = sum(
            (np.isfinite(row) for row in (*self._rows, *self._later)), np.zeros(tags, np.int64)
        )
        self.since = since.astype(np.int64)
        self.judged = self.since > 0
        self._known = {}
        self._model = self._detector.fit(self._fitted()) if judged else None
        self._memory = Memory(last, age, average, lost.reshape(judged, judged))

    # -- learning -------------------------------------------------------------------

    def _learn(self, row: Floats) -> None:
        """One more row of the baseline; the model, if they are enough."""
        self._seen += 1
        if np.isfinite(row).any():
            self._keep(self._rows, row)
        judged = self._sufficient(len(self._rows))
        count = int(judged.sum())
        if self._seen >= self._detector.baseline and count >= 2 and len(self._rows) >= rows_for(count):
            self._fit(judged)

    def _sufficient(self, rows: int) -> Bools:
        """The tags with values enough among the kept rows: all, if no value of any is missing."""
        if (self._counts == rows).all():
            return np.ones(self._tags, dtype=np.bool_)
        return np.asarray(self._counts >= self.enough)

    def _keep(self, rows: list[Floats], row: Floats) -> None:
        """Append this row, and drop the oldest of too many; what is not finite becomes NaN."""
        rows.append(np.where(np.isfinite(row), row, np.nan))
        self._counts += np.isfinite(row)
        if len(rows) > max(LONGEST * self._detector.baseline, rows_for(self._tags)):
            self._counts -= np.isfinite(rows.pop(0))

    def _fit(self, judged: Bools) -> None:
        """The model of these tags, from the rows kept so far."""
        self.since[judged & ~self.judged] = self._seen
        self.judged = judged
        rows = self._fitted()
        self._model = self._detector.fit(rows)
        self._memory = Memory.blank(rows.shape[1])
        self._known = {}
        if np.isfinite(rows).all():
            smooth(rows, self._model, self._memory)
            return
        for row in rows:
            self._average(row)

    def _fitted(self) -> Floats:
        """The rows of the model: those that have a value of a judged tag."""
        rows = np.array(self._rows)[:, self.judged]
        return np.ascontiguousarray(rows[np.isfinite(rows).any(axis=1)])

    def _await_tags(self, row: Floats, flagged: bool) -> None:
        """Keep this row for tags that are left out; make the model again once they have values enough."""
        if self.judged.all() or flagged or not np.isfinite(row).any():
            return
        self._keep(self._later, row)
        if (self._counts[~self.judged] >= self.enough).any():
            judged = self.judged | (self._counts >= self.enough)
            if len(self._rows) + len(self._later) >= rows_for(int(judged.sum())):
                self._rows, self._later = [*self._rows, *self._later], []
                self._fit(judged)

    # -- scoring --------------------------------------------------------------------

    def _whole_until(self, values: Floats, at: int) -> int:
        """Up to which row from `at` on no cell is missing, now or in the moving average."""
        if not self.judged.all() or self._memory.lost.any():
            return at
        there = np.isfinite(values[at:])
        broken = there.any(axis=1) & ~there.all(axis=1)
        return at + int(broken.argmax()) if broken.any() else len(values)

    def _run_whole(self, values: Floats, at: int, out: RowScores) -> None:
        """Rows of which each has all values or none."""
        model, memory, rows = self._the_model(), self._memory, slice(at, at + len(values))
        run_rows(
            values,
            *model.averaging,
            model.form,
            *memory.averaged,
            out.statistic[rows],
            out.contributions[rows],
        )
        self._seen += len(values)
        out.score[rows] = out.statistic[rows] / model.limit
        out.contributions[rows] /= model.limit
        scored = np.flatnonzero(np.isfinite(out.score[rows])) + at
        out.expected[scored], out.lower[scored], out.upper[scored] = model.expected, 0.0, model.limit
        with np.errstate(invalid="ignore"):
            out.is_anomaly[rows] = out.score[rows] > self._detector.threshold

    def _run_one(self, row: Floats, at: int, out: RowScores) -> None:
        """A row that lacks values, or whose moving average does."""
        self._seen += 1
        model, memory = self._the_model(), self._memory
        flagged = False
        if self._average(row[self.judged]):
            there = 1.0 - np.diag(memory.lost) > KNOWN
            judgement = self._judgement(there)
            off = (memory.average - model.centre)[there]
            parts = np.zeros(len(there))
            parts[there] = off * (judgement.form @ off)
            statistic = max(float(parts.sum()), 0.0)
            flagged = statistic / judgement.limit > self._detector.threshold
            out.statistic[at], out.score[at] = statistic, statistic / judgement.limit
            out.expected[at], out.lower[at], out.upper[at] = judgement.expected, 0.0, judgement.limit
            out.is_anomaly[at] = flagged
            out.contributions[at, self.judged] = parts / judgement.limit
        self._await_tags(row, flagged)

    def _average(self, row: Floats) -> bool:
        """Take this row of the judged tags into the moving average; whether it had any value."""
        model, memory = self._the_model(), self._memory
        there = np.isfinite(row) & ~(model.differenced & np.isnan(memory.last))
        had = next_row(
            row,
            *model.averaging,
            *memory.averaged,
        )
        if had:
            forget(memory.lost, there, model.weight)
            if memory.lost.max() < FORGOTTEN:
                memory.lost[:] = 0.0
        return bool(had)

    def _judgement(self, there: Bools) -> Judgement:
        """How a row with these tags is judged; remembered if it does not depend on the rows before."""
        model, lost = self._the_model(), self._memory.lost
        if model.weight < 1.0:
            return self._detector.marginal(model, lost, there)
        key = there.tobytes()
        if key not in self._known:
            if len(self._known) >= PATTERNS:
                self._known.clear()
            self._known[key] = self._detector.marginal(model, lost, there)
        return self._known[key]

    def _the_model(self) -> Model:
        if self._model is None:
            raise ValueError("nothing was learned yet")
        return self._model


def rows_for(tags: int) -> int:
    """The least number of rows that a model of so many tags is made of."""
    return max(LEAST, 3 * tags)


def smooth(rows: Floats, model: Model, memory: Memory) -> Floats:
    """The vectors q of these rows, none of them incomplete; the memory goes on."""
    out = np.empty_like(rows)
    smooth_rows(
        rows,
        *model.averaging,
        *memory.averaged,
        out,
    )
    return out
