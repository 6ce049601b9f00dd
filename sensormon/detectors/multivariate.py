"""What the detectors over several tags at once share: a model of the first rows, then one score a row.

A detector here sees rows, one value a tag. The first `baseline` rows are taken as normal and
are not scored; from them `fit` makes a `Model`, which stays as it is. Each later row becomes a
vector q (scaled, perhaps differenced and smoothed) and the statistic is the quadratic form
(q - centre)' M (q - centre). Tag j's contribution is (q - centre)_j times entry j of
M (q - centre), over the limit: the contributions sum to the score, and one may be negative
where correlated tags explain each other.

A value that is not finite counts as expected, so one lost tag blinds no other. A row
without any value is neither scored nor learned.
"""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numba
import numpy as np

from sensormon.detectors.base import Described, Parameter
from sensormon.detectors.kernel import ROUNDING
from sensormon.model.errors import UsageError
from sensormon.model.readings import Bools, Floats

BASELINE = Parameter("baseline", 50, 100_000, 1, "rows", label="Baseline")
"""The parameter that all of them have."""

LARGEST = 1e6
"""Scaled values are cut off here, so that every score is finite."""


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
    expected: float  # of the statistic on normal rows
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


class RowDetector(Described, ABC):
    """The parameters of a method that judges a row of several tags at once."""

    threshold: ClassVar[float] = 1.0
    """Scores are in units of the limit."""

    baseline: int
    """How many first rows are normal."""

    @abstractmethod
    def fit(self, rows: Floats) -> Model:
        """The model of these normal rows, all of them finite."""

    def start(self, tags: int) -> RowsState:
        """A state that has learned nothing. Raises UsageError for fewer than two tags."""
        return RowsState(self, tags)


class RowsState:
    """The baseline so far, then the model of it and the moving average."""

    def __init__(self, detector: RowDetector, tags: int) -> None:
        if tags < 2:
            raise UsageError(
                "this detector compares tags with each other and was given fewer than two",
                where="detect",
                hint="Give a column for each of two tags or more",
            )
        self._detector = detector
        self._seen = 0
        self._rows: list[Floats] = []
        self._tags = tags
        self._model: Model | None = None
        self._last = np.full(tags, np.nan)
        self._average = np.zeros(tags)

    def run(self, values: Floats) -> RowScores:
        """Score, then learn, one row after the other; `values` has one column per tag."""
        values = np.ascontiguousarray(values, dtype=np.float64)
        if values.ndim != 2 or values.shape[1] != self._tags:
            raise ValueError(f"rows of shape {values.shape} for {self._tags} tags")
        count = len(values)
        statistic = np.full(count, np.nan)
        contributions = np.full((count, self._tags), np.nan)
        at = 0
        while self._model is None and at < count:
            self._learn(values[at])
            at += 1
        bounds = np.full((3, count), np.nan)
        score = np.full(count, np.nan)
        model = self._model
        if model is not None and at < count:
            _run(
                values[at:],
                model.mean,
                model.scale,
                model.differenced,
                model.step,
                model.clip,
                model.weight,
                model.centre,
                model.form,
                self._last,
                self._average,
                statistic[at:],
                contributions[at:],
            )
            score[at:] = statistic[at:] / model.limit
            contributions[at:] /= model.limit
            scored = np.isfinite(score)
            bounds[:, scored] = np.array([[model.expected], [0.0], [model.limit]])
        with np.errstate(invalid="ignore"):
            flagged = score > self._detector.threshold
        return RowScores(statistic, score, bounds[0], bounds[1], bounds[2], flagged, contributions)

    def peek(self, row: Floats) -> RowScores:
        """The score this row would get now; nothing is learned."""
        other = copy.copy(self)
        other._rows = list(self._rows)
        other._last, other._average = self._last.copy(), self._average.copy()
        return other.run(np.reshape(row, (1, -1)))

    def save(self) -> Floats:
        """All it remembers, exactly: `load` of it goes on to the last bit."""
        kept = np.array(self._rows).ravel()
        return np.concatenate([[float(self._seen), float(len(self._rows))], self._last, self._average, kept])

    def load(self, vector: Floats) -> None:
        """Continue from what `save` gave, with the same parameters and tags."""
        tags = self._tags
        rows = int(vector[1])
        if len(vector) != 2 + (2 + rows) * tags:
            raise ValueError("this was not saved by a detector of as many tags")
        self._seen = int(vector[0])
        self._rows = list(vector[2 + 2 * tags :].reshape(rows, tags).copy())
        self._model = self._detector.fit(np.array(self._rows)) if self._ready() else None
        self._last, self._average = vector[2 : 2 + tags].copy(), vector[2 + tags : 2 + 2 * tags].copy()

    def _ready(self) -> bool:
        return self._seen >= self._detector.baseline and len(self._rows) >= max(30, 3 * self._tags)

    def _learn(self, row: Floats) -> None:
        self._seen += 1
        if np.isfinite(row).all():
            self._rows.append(row.copy())
        if self._ready():
            rows = np.array(self._rows)
            self._model = self._detector.fit(rows)
            smooth(rows, self._model, self._last, self._average)


def smooth(rows: Floats, model: Model, last: Floats, average: Floats) -> Floats:
    """The vectors q of these rows; `last` and `average` go on."""
    out = np.empty_like(rows)
    _smooth(
        rows,
        model.mean,
        model.scale,
        model.differenced,
        model.step,
        model.clip,
        model.weight,
        model.centre,
        last,
        average,
        out,
    )
    return out


def scaled(rows: Floats, mean: Floats, spread: Floats) -> tuple[Floats, Floats]:
    """The scale of each tag, a constant one's being its rounding, and the scaled rows."""
    scale = np.maximum(spread, np.maximum(ROUNDING * np.abs(mean), 1e-290))
    return scale, np.clip(rows / scale - mean / scale, -LARGEST, LARGEST)


@numba.njit(cache=True)
def _next(
    row: Floats,
    mean: Floats,
    scale: Floats,
    differenced: Bools,
    step: Floats,
    clip: float,
    weight: float,
    centre: Floats,
    last: Floats,
    average: Floats,
) -> bool:
    """One row into the moving average; whether it had any value."""
    has_value = False
    for j in range(len(row)):
        if np.isfinite(row[j]):
            has_value = True
    if not has_value:
        return False
    for j in range(len(row)):
        new = centre[j]
        if np.isfinite(row[j]):
            z = min(max(row[j] / scale[j] - mean[j] / scale[j], -LARGEST), LARGEST)
            if not differenced[j]:
                new = min(max(z, -clip), clip)
            elif np.isfinite(last[j]):
                new = min(max((z - last[j]) / step[j], -clip), clip)
            last[j] = z
        average[j] += weight * (new - average[j])
    return True


@numba.njit(cache=True)
def _smooth(
    rows: Floats,
    mean: Floats,
    scale: Floats,
    differenced: Bools,
    step: Floats,
    clip: float,
    weight: float,
    centre: Floats,
    last: Floats,
    average: Floats,
    out: Floats,
) -> None:
    for i in range(len(rows)):
        _next(rows[i], mean, scale, differenced, step, clip, weight, centre, last, average)
        out[i] = average


@numba.njit(cache=True)
def _run(
    rows: Floats,
    mean: Floats,
    scale: Floats,
    differenced: Bools,
    step: Floats,
    clip: float,
    weight: float,
    centre: Floats,
    form: Floats,
    last: Floats,
    average: Floats,
    statistic: Floats,
    contributions: Floats,
) -> None:
    tags = rows.shape[1]
    for i in range(len(rows)):
        if not _next(rows[i], mean, scale, differenced, step, clip, weight, centre, last, average):
            continue
        total = 0.0
        for j in range(tags):
            part = 0.0
            for k in range(tags):
                part += form[j, k] * (average[k] - centre[k])
            part *= average[j] - centre[j]
            contributions[i, j] = part
            total += part
        statistic[i] = max(total, 0.0)
