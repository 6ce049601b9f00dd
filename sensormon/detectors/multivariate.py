"""What the detectors over several tags at once share: rows to learn from, then one score a row.

A detector here sees rows, one value a tag. The first `baseline` rows are taken as normal and are not
scored. From then on the statistic is a quadratic form q' M q of a vector q of the tags, and tag j's
contribution is q_j (M q)_j over the limit: the contributions sum to the score, and one may be
negative where correlated tags explain each other.

`FixedDetector` is for those that judge each row by itself by a `Model` that stays as it is; q is the
row scaled to the baseline. The one that follows its rows is in `mewma`.

A value that is not finite is missing, and a row without any value is neither scored nor learned. A fixed
model judges a row on the tags it has, by its `marginal` (see `incomplete`), so a lost tag
neither blinds the others nor looks like a fault.

A tag with fewer values among the first rows than half the baseline is left out. Rows that are not flagged
go on to be kept, and once it has as many values among them, the model is made again, with it.
"""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np

from sensormon.detectors.base import Described, Parameter
from sensormon.detectors.row_kernels import LARGEST, run_rows
from sensormon.model.errors import UsageError
from sensormon.model.readings import Bools, Floats, Ints

BASELINE = Parameter("baseline", 50, 100_000, 1, "rows", label="Baseline")
"""The parameter that all of them have."""

LEAST = 30
"""The least rows of a model, and the least values of a tag in it."""

LONGEST = 4
"""Baselines of rows kept for tags that are left out; an older row is dropped."""

PATTERNS = 1_000
"""Sets of missing tags whose judgement is remembered."""


@dataclass(frozen=True)
class Model:
    """What a fixed model learned from the baseline. All arrays are one entry a tag."""

    mean: Floats
    scale: Floats
    form: Floats  # the matrix M
    covariance: Floats  # of scaled normal rows
    rows: int  # that the covariance stands for
    expected: float  # of the statistic on normal rows
    limit: float


@dataclass(frozen=True)
class Judgement:
    """How an incomplete row is judged: the matrix M of the tags it has, and as in `Model`."""

    form: Floats
    expected: float
    limit: float


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


class RowsState(Protocol):
    """What a detector over several tags remembers of the rows."""

    judged: Bools
    """The tags that are judged; none while the baseline is learned."""

    since: Ints
    """How many rows had come when each tag was taken into the model; 0 before."""

    new_states: list[int]
    """After how many rows the model was made again, because the process had come to a new state."""

    @property
    def baseline(self) -> int:
        """How many first rows are normal."""

    @property
    def enough(self) -> int:
        """How many values a tag must have before it is judged."""

    def run(self, values: Floats) -> RowScores:
        """Score, then learn, one row after the other; `values` has one column per tag."""

    def peek(self, row: Floats) -> RowScores:
        """The score this row would get now; nothing is learned."""

    def save(self) -> Floats:
        """All that is remembered, as a vector."""

    def load(self, vector: Floats) -> None:
        """Go on, to the last bit, from what `save` gave with the same parameters and tags.

        Raises ValueError for a vector that was saved by a detector of other tags.
        """


class RowDetector(Described, ABC):
    """The parameters of a method that judges a row of several tags at once."""

    threshold: ClassVar[float] = 1.0
    """Scores are in units of the limit."""

    baseline: int
    """How many first rows are normal."""

    @abstractmethod
    def start(self, tags: int) -> RowsState:
        """A state that has learned nothing. Raises UsageError for fewer than two tags."""


class FixedDetector(RowDetector):
    """A method that judges each row by itself, by a model that stays as it is."""

    @abstractmethod
    def fit(self, rows: Floats) -> Model:
        """The model of these normal rows; a missing cell is NaN, and each tag has values enough."""

    @abstractmethod
    def marginal(self, model: Model, there: Bools) -> Judgement:
        """How a row is judged that has only the tags in `there`."""

    def start(self, tags: int) -> FixedState:
        """A state that has learned nothing. Raises UsageError for fewer than two tags."""
        return FixedState(self, tags)


class FixedState:
    """The rows to learn from, then the model of them: see `RowsState`."""

    def __init__(self, detector: FixedDetector, tags: int) -> None:
        few_tags(tags)
        self._detector = detector
        self._tags = tags
        self._seen = 0
        self._rows: list[Floats] = []  # those the model is made of
        self._later: list[Floats] = []  # those that tags left out may be learned from
        self._counts = np.zeros(tags, dtype=np.int64)  # values of each tag in both
        self._model: Model | None = None
        self._known: dict[bytes, Judgement] = {}
        self.new_states: list[int] = []
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

    @classmethod
    def trained(cls, detector: FixedDetector, model: Model) -> FixedState:
        """A state with this model, which scores from the first row on; `save` and `load` are not for it."""
        state = cls(detector, len(model.mean))
        state._model = model
        state.judged[:] = True
        return state

    def run(self, values: Floats) -> RowScores:
        """Score, then learn, one row after the other; `values` has one column per tag."""
        values = np.ascontiguousarray(values, dtype=np.float64)
        if values.ndim != 2 or values.shape[1] != self._tags:
            raise ValueError(f"rows of shape {values.shape} for {self._tags} tags")
        count = len(values)
        out = unscored(count, self._tags)
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
        other._counts, other._known = self._counts.copy(), {}
        other.judged, other.since = self.judged.copy(), self.since.copy()
        return other.run(np.reshape(row, (1, -1)))

    def save(self) -> Floats:
        """All it remembers, exactly: `load` of it goes on to the last bit."""
        head = [self._seen, len(self._rows), len(self._later)]
        parts = [np.array(head), self.since, *self._rows, *self._later]
        return np.concatenate([np.asarray(part, dtype=np.float64) for part in parts])

    def load(self, vector: Floats) -> None:
        """Continue from what `save` gave, with the same parameters and tags."""
        tags = self._tags
        seen, rows, later = (int(number) for number in vector[:3])
        if len(vector) != 3 + tags * (1 + rows + later):
            raise ValueError("this was not saved by a detector of as many tags")
        since, *kept = vector[3:].copy().reshape(-1, tags)
        self._seen = seen
        self._rows, self._later = kept[:rows], kept[rows:]
        self._counts = sum((np.isfinite(row) for row in kept), np.zeros(tags, np.int64))
        self.since = since.astype(np.int64)
        self.judged = self.since > 0
        self._known = {}
        self._model = self._detector.fit(self._fitted()) if self.judged.any() else None

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
        self._model = self._detector.fit(self._fitted())
        self._known = {}

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
        """Up to which row from `at` on no cell is missing."""
        if not self.judged.all():
            return at
        finite = np.isfinite(values[at:])
        broken = finite.any(axis=1) & ~finite.all(axis=1)
        return at + int(broken.argmax()) if broken.any() else len(values)

    def _run_whole(self, values: Floats, at: int, out: RowScores) -> None:
        """Rows of which each has all values or none."""
        model, rows = self._the_model(), slice(at, at + len(values))
        run_rows(values, model.mean, model.scale, model.form, out.statistic[rows], out.contributions[rows])
        self._seen += len(values)
        out.score[rows] = out.statistic[rows] / model.limit
        out.contributions[rows] /= model.limit
        scored = np.flatnonzero(np.isfinite(out.score[rows])) + at
        out.expected[scored], out.lower[scored], out.upper[scored] = model.expected, 0.0, model.limit
        out.is_anomaly[scored] = out.score[scored] > self._detector.threshold

    def _run_one(self, row: Floats, at: int, out: RowScores) -> None:
        """A row that lacks values."""
        self._seen += 1
        own = np.isfinite(row[self.judged])
        flagged = False
        if own.any():
            judgement = self._judgement(own)
            off = scaled_by(row[self.judged], self._the_model())[own]
            parts = np.zeros(len(own))
            parts[own] = off * (judgement.form @ off)
            statistic = max(float(parts.sum()), 0.0)
            flagged = statistic / judgement.limit > self._detector.threshold
            out.statistic[at], out.score[at] = statistic, statistic / judgement.limit
            out.expected[at], out.lower[at], out.upper[at] = judgement.expected, 0.0, judgement.limit
            out.is_anomaly[at] = flagged
            out.contributions[at, self.judged] = parts / judgement.limit
        self._await_tags(row, flagged)

    def _judgement(self, own: Bools) -> Judgement:
        """How a row with these tags is judged."""
        key = own.tobytes()
        if key not in self._known:
            if len(self._known) >= PATTERNS:
                self._known.clear()
            self._known[key] = self._detector.marginal(self._the_model(), own)
        return self._known[key]

    def _the_model(self) -> Model:
        if self._model is None:
            raise ValueError("nothing was learned yet")
        return self._model


def rows_for(tags: int) -> int:
    """The fewest rows from which a model of this many tags can be made."""
    return max(LEAST, 3 * tags)


def scaled_by(row: Floats, model: Model) -> Floats:
    """The row's values in standard deviations of the baseline's."""
    return np.asarray(np.clip(row / model.scale - model.mean / model.scale, -LARGEST, LARGEST))


def few_tags(tags: int) -> None:
    """Raise UsageError for fewer than two tags."""
    if tags < 2:
        raise UsageError(
            "this detector compares tags with each other and was given fewer than two",
            where="detect",
            hint="Give a column for each of two tags or more",
        )


def unscored(rows: int, tags: int) -> RowScores:
    """Columns to be filled: nothing scored yet, nothing flagged."""
    return RowScores(
        statistic=np.full(rows, np.nan),
        score=np.full(rows, np.nan),
        expected=np.full(rows, np.nan),
        lower=np.full(rows, np.nan),
        upper=np.full(rows, np.nan),
        is_anomaly=np.zeros(rows, dtype=np.bool_),
        contributions=np.full((rows, tags), np.nan),
    )
