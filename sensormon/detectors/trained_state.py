"""A trained model of several tags that runs live: row after row, and kept as a vector in between.

What it is not: training; see `sensormon.detectors.training`.
"""

from __future__ import annotations

import numpy as np

from sensormon.detectors.mewma import Mewma
from sensormon.detectors.mewma_fit import Fitted
from sensormon.detectors.mewma_state import MewmaState
from sensormon.detectors.multivariate import FixedDetector, FixedState, Model, RowScores
from sensormon.detectors.training import TrainedModel
from sensormon.detectors.training_stretch import steady_elsewhere
from sensormon.model.errors import UsageError
from sensormon.model.readings import Floats

STEADY = 600
"""Rows that must be steady elsewhere before another training is due."""


class TrainedState:
    """What a trained model remembers of the rows it has scored.

    Columns are the model's tags in its order; a missing cell is NaN. Each row gets its score, which is
    over the limit above 1, and each tag's part of it: see `RowScores`. `steady` is how many last rows
    `elsewhere` looks at.
    """

    def __init__(self, model: TrainedModel, steady: int = STEADY) -> None:
        if steady < 1:
            raise UsageError(f"{steady} rows cannot be steady", where="training", hint="Give 1 or more")
        self.model = model
        self._steady = steady
        self._recent = np.zeros((0, len(model.names)))
        self._state = _start(model)

    @property
    def threshold(self) -> float:
        """The score above which a row is an anomaly."""
        return self.model.detector.threshold

    @property
    def new_states(self) -> list[int]:
        """After how many rows "recommended" took a lasting alarm for a new state; the others never do."""
        return self._state.new_states

    def run(self, rows: Floats) -> RowScores:
        """Score, then learn, one row after the other."""
        scores = self._state.run(rows)
        self._recent = np.concatenate([self._recent, rows])[-self._steady :]
        return scores

    def peek(self, row: Floats) -> RowScores:
        """The score this row would get now; nothing is learned."""
        return self._state.peek(row)

    def elsewhere(self) -> list[str]:
        """The tags that have settled at another level than the trained one over the last `steady` rows.

        None before as many rows have come, or while a tag is on its way, has no values or does not change:
        if there are some, the model can be trained again on these rows. To ask costs some 1 ms.
        """
        if len(self._recent) < self._steady:
            return []
        learned = self.model.learned
        return steady_elsewhere(self.model.names, learned.mean, learned.scale, self._recent)

    def without_values(self, rows: int) -> list[str]:
        """The tags that have no value in any of the last `rows` rows; none before as many have come."""
        last = self._recent[-rows:]
        if len(last) < rows:
            return []
        return [self.model.names[place] for place in np.flatnonzero(~np.isfinite(last).any(axis=0)).tolist()]

    def save(self) -> Floats:
        """All it remembers, exactly: `load` of it goes on to the last bit."""
        inner = self._state.save() if isinstance(self._state, MewmaState) else np.zeros(0)
        return np.concatenate([np.array([len(self._recent)], dtype=np.float64), self._recent.ravel(), inner])

    def load(self, vector: Floats) -> None:
        """Continue from what `save` gave, with the same model. Raises ValueError for another vector."""
        tags = len(self.model.names)
        count = int(vector[0]) if len(vector) and np.isfinite(vector[0]) else -1
        recent, inner = vector[1 : 1 + count * tags], vector[1 + count * tags :]
        fits = len(recent) == count * tags and (isinstance(self._state, MewmaState) or len(inner) == 0)
        if count < 0 or not fits:
            raise ValueError("this was not saved by a detector of as many tags")
        if isinstance(self._state, MewmaState):
            self._state.load(inner)
        self._recent = recent.reshape(count, tags)[-self._steady :].copy()


def _start(model: TrainedModel) -> FixedState | MewmaState:
    """A state of what the model has learned, which scores from the first row on."""
    detector, learned = model.detector, model.learned
    if isinstance(detector, Mewma) and isinstance(learned, Fitted):
        return MewmaState.trained(learned, weight=detector.weight, margin=detector.margin)
    if isinstance(detector, FixedDetector) and isinstance(learned, Model):
        return FixedState.trained(detector, learned)
    raise ValueError(f"a {type(learned).__name__} was not learned by {model.kind}")
