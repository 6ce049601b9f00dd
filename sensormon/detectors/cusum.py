"""The tabular CUSUM: small shifts that stay, added up until they are sure."""

from __future__ import annotations

from dataclasses import dataclass

from sensormon.detectors import baseline
from sensormon.detectors.base import Detector, Parameter, TagFacts
from sensormon.detectors.baseline import COUNT, LEAD, clipped, expected, inflation, learn, residual, sigma
from sensormon.detectors.judged import Judged, Sentence, conclude
from sensormon.detectors.kernel import EXPECTED, HIGHEST, LOWER, RESOLUTION, SCORE, UPPER, row_kernel
from sensormon.detectors.row_state import RowState
from sensormon.model.readings import Floats
from sensormon.model.tags import Tag

MEMORY = 500
"""The baseline follows the tag with this memory, in readings."""

_ABOVE, _BELOW = baseline.SIZE, baseline.SIZE + 1
SIZE = baseline.SIZE + 2
"""How many places of a row are taken."""
_MARGIN = 5.0
"""The sums go no further than this above h, so that they are down again soon after a fault."""


@dataclass(frozen=True)
class Cusum(Detector):
    """Adds up how far the readings are off their normal mean, above and below, beyond a slack of `k`.

    After each reading z standard deviations off what was expected, the sum above becomes
    max(0, sum + z - k), the one below max(0, sum - z - k); the score is the larger one and
    an anomaly is a score above `h`. The normal mean and standard deviation come from
    `sensormon.detectors.baseline`: warm-up 100 readings, flagged readings not learned,
    autocorrelation taken out. A single reading adds at most 4, so that a lone spike does not
    set it off for long. lower and upper are where the next reading would flag.

    Catches: shifts of 1 standard deviation and more that stay (2 standard deviations within
    about 5 readings on independent noise), fast drifts.
    Misses: lone spikes (prefer `hampel`), changes of the noise (`variance`), stuck sensors
    (`stuck`), shifts that are small beside a tag's own wandering. For slow drifts `ewma` is
    about as good and its line is easier to read; for the fewest alarms take `page_hinkley`.

    Parameters: `k` in standard deviations, half the shift to be found, 0.1 to 3; `h` in
    standard deviations, 2 to 100; `accept` in readings, 100 to 10000: a new level is normal
    after that many flagged readings.

    References: Page, Biometrika 41 (1954) 100; Lucas and Crosier, Communications in
    Statistics A 11 (1982) 2669.

    >>> import numpy as np
    >>> values = np.random.default_rng(0).normal(37.0, 0.2, 300)
    >>> values[200:] += 0.4
    >>> rows = np.zeros(300, np.int32), values, np.ones(300, bool), np.arange(300)
    >>> flagged = np.flatnonzero(Cusum().start(np.zeros(1)).run(*rows).is_anomaly)
    >>> int(flagged[0]), len(flagged)
    (206, 94)
    """

    k: float = 0.5
    h: float = 8.0
    accept: int = 300

    title = "CUSUM"
    score_name = "CUSUM"
    sensitivity = "h"
    needed = baseline.WARM_UP
    PARAMETERS = (
        Parameter("k", 0.1, 3.0, 0.05, "standard deviations", label="Slack k", terms=("CUSUM's k",)),
        Parameter("h", 2.0, 100.0, 0.5, "standard deviations", label="Threshold h", terms=("CUSUM's h",)),
        Parameter("accept", 100, 10_000, 1, "readings", label="Accept"),
    )

    @property
    def threshold(self) -> float:
        """The score above which a reading is an anomaly."""
        return self.h

    def start(self, tags: TagFacts | Floats) -> RowState:
        """A state that has learned nothing of these tags; an array is their resolutions."""
        params = (self.k, self.h, self.accept, MEMORY)
        return RowState(kernel, params, tags, size=SIZE, lead=LEAD, threshold=self.h)

    def sentence(self, reading: Judged, tag: Tag) -> Sentence:
        """Why it flagged this reading, or why it did not."""
        return conclude(
            reading,
            f"the deviations from the expected {tag.render(reading.expected)} add up to "
            f"{self.numbers(reading)} (standard deviations)",
        )


def judge(params: Floats, facts: Floats, row: Floats, value: float, _time: int, out: Floats) -> None:
    """One reading of one tag; `params` are k, h, accept and the baseline's memory."""
    k, h, accept, memory = params
    resolution = facts[RESOLUTION]
    flagged = False
    if row[COUNT] > 0.0:
        wider = inflation(row)
        z = residual(row, resolution, value) / wider
        score = min(max(row[_ABOVE] + z - k, row[_BELOW] - z - k, 0.0), HIGHEST)
        flagged = score > h
        out[SCORE] = score
        out[EXPECTED] = expected(row)
        scale = sigma(row, resolution) * wider
        out[UPPER] = out[EXPECTED] + (h + k - row[_ABOVE]) * scale
        out[LOWER] = out[EXPECTED] - (h + k - row[_BELOW]) * scale
        z = clipped(z)
        row[_ABOVE] = min(max(row[_ABOVE] + z - k, 0.0), h + _MARGIN)
        row[_BELOW] = min(max(row[_BELOW] - z - k, 0.0), h + _MARGIN)
    if learn(row, resolution, value, flagged, memory, accept):
        row[_ABOVE] = row[_BELOW] = 0.0


kernel = row_kernel(judge)
