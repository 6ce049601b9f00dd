"""The Page-Hinkley test: lasting shifts against the mean of all that came before, with few alarms."""

from __future__ import annotations

from dataclasses import dataclass

from sensormon.detectors.base import Detector, Parameter, TagFacts
from sensormon.detectors.baseline import LEAD, WARM_UP
from sensormon.detectors.cusum import SIZE, kernel
from sensormon.detectors.judged import Judged, Sentence, conclude
from sensormon.detectors.row_state import RowState
from sensormon.model.readings import Floats
from sensormon.model.tags import Tag

MEMORY = 2000
"""The mean is over this many learned readings at most; older ones fade."""


@dataclass(frozen=True)
class PageHinkley(Detector):
    """How far the summed deviations from the long-run mean have come up from their lowest point.

    The sum grows by z - `delta` for a reading z standard deviations off; the score is its
    distance from its minimum (and, for falls, that of the sum of z + delta from its
    maximum); an anomaly is a score above `threshold`. The mean is over all learned readings
    (up to 2000), the standard deviation likewise, by `sensormon.detectors.baseline`: warm-up
    100 readings, flagged readings not learned, autocorrelation taken out. A single reading
    adds at most 4. lower and upper are where the next reading would flag. The distance is
    computed by Page's recursion (as in `cusum`), which is the same and has no growing sum.

    Catches: shifts and drifts that last, with hardly a false alarm: a shift of 2 standard
    deviations within about 13 readings.
    Misses: what is over sooner, spikes (prefer `hampel`), changes of the noise (`variance`),
    stuck sensors (`stuck`). It is a CUSUM with a longer memory and a higher threshold:
    prefer `cusum` if a fault must be reported within seconds, or if the tag's usual level
    moves within a few thousand readings.

    Parameters: `delta` in standard deviations, deviations that do not count, 0 to 3;
    `threshold` (lambda) in standard deviations, 2 to 200; `accept` in readings, 100 to 10000:
    a new level is normal after that many flagged readings.

    References: Page, Biometrika 41 (1954) 100; Hinkley, Biometrika 58 (1971) 509.

    >>> import numpy as np
    >>> values = np.random.default_rng(0).normal(37.0, 0.2, 300)
    >>> values[200:] += 0.4
    >>> rows = np.zeros(300, np.int32), values, np.ones(300, bool), np.arange(300)
    >>> flagged = np.flatnonzero(PageHinkley().start(np.zeros(1)).run(*rows).is_anomaly)
    >>> 205 < int(flagged[0]) < 225, int(flagged[-1])
    (True, 299)
    """

    delta: float = 0.5
    threshold: float = 20.0
    accept: int = 300

    title = "Page-Hinkley"
    score_name = "distance"
    sensitivity = "threshold"
    needed = WARM_UP
    PARAMETERS = (
        Parameter("delta", 0.0, 3.0, 0.05, "standard deviations", label="Slack delta"),
        Parameter(
            "threshold", 2.0, 200.0, 0.5, "standard deviations", label="Threshold", terms=("threshold",)
        ),
        Parameter("accept", 100, 10_000, 1, "readings", label="Accept"),
    )

    def start(self, tags: TagFacts | Floats) -> RowState:
        """A state that has learned nothing of these tags; an array is their resolutions."""
        params = (self.delta, self.threshold, self.accept, MEMORY)
        return RowState(kernel, params, tags, size=SIZE, lead=LEAD, threshold=self.threshold)

    def sentence(self, reading: Judged, tag: Tag) -> Sentence:
        """Why it flagged this reading, or why it did not."""
        return conclude(
            reading,
            f"the summed deviations from the long-run mean {tag.render(reading.expected)} have come "
            f"from their lowest point by {self.numbers(reading)} (standard deviations)",
        )
