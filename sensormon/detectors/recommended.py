"""The detector for data nobody has looked at: five charts on one self-tuning forecast."""

from __future__ import annotations

from dataclasses import dataclass

from sensormon.detectors.base import Detector, Parameter, TagFacts
from sensormon.detectors.judged import Judged, Rule, Sentence, conclude, position
from sensormon.detectors.recommended_charts import AT, LEAD, QUIET, SPIKE, WARM_UP, kernel
from sensormon.detectors.row_state import RowState
from sensormon.model.readings import Floats
from sensormon.model.tags import Tag


@dataclass(frozen=True)
class Recommended(Detector):
    """Five charts on the errors of a forecast that learns each tag's own noise, tail and memory.

    The forecast is a slow mean plus what the reading before and the local level are worth on
    this tag, so that slow courses and autocorrelation are taken out. Its errors, in robust
    standard deviations, go to a spike chart (Shewhart), a CUSUM of shifts, an EWMA chart of the
    local level (drift) and, with how often values repeat, a chart of runs of equal values
    (stuck); a wider noise shows as spikes. The score is the largest chart, each in units of its
    own limit times 3.4. Above `threshold` is an anomaly.

    What a spike is depends on the tail. Where errors above 4 are rare, or lie beyond an empty
    gap of a factor 2.4 and are less than 10 % of the readings, each is an event of its own; so are
    spikes of 3 to 10 % that outnumber the milder outliers by three and stand a factor 1.7 apart.
    Where the tail is heavy (counts, cloud metrics) or most values repeat, the limit is what
    only 1 reading in 1,000 exceeds, and one flag stands for 150 readings unless a spike
    is twice as large. Each alarm but spikes over a normal tail widens the limits by 20 % for
    some 5,000 readings, so that a tag with many events does not flood.

    Scores begin after 100 readings. A flagged spike, what goes on beyond the limit and a
    frozen value are not learned. A new level is normal once 20 readings in a row are beyond
    the limit to the same side, or at the CUSUM's alarm, a frozen value after 1,000. Of an event
    that lasts the start is flagged (at most two spikes in a row to one side, then one alarm
    in 150 readings). On clean normal noise it flags 0.07 % of the readings, autocorrelated or not.

    Catches: on independent noise spikes of 6 standard deviations, shifts of 2, drifts of 3
    within 200 readings, frozen values after some 13, noise that grows threefold.
    Misses: readings wrong for the time of day but usual for the tag, less noise than usual,
    slow drifts over thousands of readings, any drift in the first 300 or so, shifts small beside
    a tag's own wandering, a third clear spike in a row to one side, and what happens in the 150
    readings after another event unless it is a clear spike.

    Parameters: `threshold` in standard deviations, 2 to 20; lower is more sensitive.

    References: Shewhart, Economic Control of Quality of Manufactured Product (1931); Page,
    Biometrika 41 (1954) 100; Roberts, Technometrics 1 (1959) 239; Alwan and Roberts, Journal of
    Business and Economic Statistics 6 (1988) 87 (charts on forecast errors); Siffer, Fouque,
    Termier and Largouet, KDD 2017 (limits from the tail); Lavin and Ahmad, ICMLA 2015.

    >>> import numpy as np
    >>> values = np.random.default_rng(0).normal(37.0, 0.2, 400)
    >>> values[[250, 251, 300]] += 3.0, -3.0, 1.6
    >>> rows = np.zeros(400, np.int32), values, np.ones(400, bool), np.arange(400)
    >>> np.flatnonzero(Recommended().start(np.zeros(1)).run(*rows).is_anomaly).tolist()
    [250, 251, 300]
    """

    threshold: float = SPIKE.limit

    title = "Recommended"
    score_name = "score"
    sensitivity = "threshold"
    needed = WARM_UP
    PARAMETERS = (
        Parameter(
            "threshold",
            2.0,
            20.0,
            0.05,
            "standard deviations",
            label="Threshold",
            terms=("threshold", "score"),
        ),
    )

    def start(self, tags: TagFacts | Floats) -> RowState:
        """A state that has learned nothing of these tags; an array is their resolutions."""
        return RowState(kernel, (self.threshold,), tags, size=AT.size, lead=LEAD, threshold=self.threshold)

    def sentence(self, reading: Judged, tag: Tag) -> Sentence:
        """Why it flagged this reading, or why it did not."""
        if reading.is_anomaly:
            if reading.is_outside:
                return Rule.FLAGGED, f"{position(reading, tag)} ({self.numbers(reading)})"
            return Rule.FLAGGED, (
                f"a shift, a drift or a frozen value ({self.numbers(reading)}); the reading itself lies "
                f"within {tag.render_band(reading.expected, reading.upper)}"
            )
        if reading.is_outside or reading.score >= self.threshold:
            return Rule.HELD_BACK, (
                f"{position(reading, tag)}, beyond a limit, and held back: it goes on with an event that was "
                f"flagged before, of which the start counts (two in a row, one alarm in {QUIET} readings)"
            )
        return conclude(reading, f"{position(reading, tag)} ({self.numbers(reading)})")

    def sigma(self, reading: Judged, tag: Tag) -> float:
        """The errors' standard deviation on a normal tail, from the width of the band."""
        return (reading.upper - reading.expected) / self.threshold
