"""A detector as somebody would add it: this file alone, and a line in the registry."""

from __future__ import annotations

from dataclasses import dataclass

from sensormon.detectors.base import Detector, Parameter, TagFacts
from sensormon.detectors.judged import Judged, Sentence, conclude
from sensormon.detectors.kernel import EXPECTED, LOWER, SCORE, UPPER, N, row_kernel
from sensormon.detectors.row_state import RowState
from sensormon.model.readings import Floats
from sensormon.model.tags import Tag

_LAST = N + 1
"""The place of the last value in a row."""


@dataclass(frozen=True)
class Jump(Detector):
    """Flags a reading that lies more than `limit` off the reading before it.

    Catches: sudden jumps of any tag.
    Misses: everything slow.
    """

    limit: float = 1.0

    title = "Jump watch"
    score_name = "jump"
    sensitivity = "limit"
    needed = 1
    PARAMETERS = (Parameter("limit", 0.01, 1_000.0, 0.01, "units of the tag", label="Largest jump"),)

    @property
    def threshold(self) -> float:
        """The score above which a reading is an anomaly."""
        return self.limit

    def start(self, tags: TagFacts | Floats) -> RowState:
        """A state that has learned nothing of these tags."""
        return RowState(kernel, (self.limit,), tags, size=_LAST + 1, lead=1, threshold=self.limit)

    def sentence(self, reading: Judged, tag: Tag) -> Sentence:
        """Why it flagged this reading, or why it did not."""
        return conclude(reading, f"{tag.label} jumped by {self.numbers(reading)}")


def judge(params: Floats, _facts: Floats, row: Floats, value: float, _time: int, out: Floats) -> None:
    """One reading of one tag; `params` holds the limit."""
    if row[N] > 0.0:
        out[SCORE] = abs(value - row[_LAST])
        out[EXPECTED] = row[_LAST]
        out[LOWER] = row[_LAST] - params[0]
        out[UPPER] = row[_LAST] + params[0]
    row[_LAST] = value


kernel = row_kernel(judge)
