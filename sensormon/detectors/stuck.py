"""The frozen sensor: reports that go on and on saying the same."""

from __future__ import annotations

from dataclasses import dataclass

from sensormon.detectors.base import Detector, Parameter, TagFacts
from sensormon.detectors.judged import Judged, Rule, Sentence, conclude
from sensormon.detectors.kernel import EXPECTED, LOWER, RESOLUTION, ROUNDING, SCORE, UPPER, row_kernel
from sensormon.detectors.row_state import RowState
from sensormon.model.readings import Floats
from sensormon.model.tags import Tag

WARM_UP = 100
"""Good readings of a tag before the first is judged."""

RUNS = 30
"""Changes before a tag is judged: a tag that never changes cannot be told apart from a frozen sensor."""

LEAD = 1000
"""Last readings that show how long the tag's runs usually are."""

_FORGETTING = 1.0 - 1.0 / 500.0

_SEEN, _START, _RUN, _RUNS, _LONGEST = 1, 2, 3, 4, 5


@dataclass(frozen=True)
class Stuck(Detector):
    """For how many reports the value has stayed within one step of the resolution.

    A run of such reports is an anomaly once it is `readings` long and longer than
    `times` the longest run that is normal for the tag, so that a tag which often repeats its
    value is given longer. The score is the run over what is allowed. Normal runs are learned
    when they end (the longest fades by 1/500 with each); runs that were flagged are not,
    until one has lasted `accept` readings: from there on it is normal. Judged by reports: a
    tag that is silent is not stuck (prefer `gap`). expected is the value of the run, lower
    and upper one step around it.

    Catches: a frozen sensor, a value that is sent again and again.
    Misses: a sensor that is frozen but noisy (prefer `variance`), a run shorter than what is
    allowed, a tag that has never changed, or fewer than 30 times.

    Parameters: `readings` in readings, 3 to 10000; `times` the longest normal run, 1 to 20;
    `accept` in readings, 100 to 100000.

    References: WMO-No. 8, Guide to Instruments and Methods of Observation (2018), volume V
    (persistence test); Sharma, Golubchik and Govindan, ACM Transactions on Sensor Networks 6
    (2010) 23.

    >>> import numpy as np
    >>> values = np.random.default_rng(0).normal(37.0, 0.2, 400)
    >>> values[300:] = values[299]
    >>> rows = np.zeros(400, np.int32), values, np.ones(400, bool), np.arange(400)
    >>> flagged = np.flatnonzero(Stuck().start(np.zeros(1)).run(*rows).is_anomaly)
    >>> int(flagged[0]), len(flagged)
    (318, 82)
    """

    readings: int = 20
    times: float = 3.0
    accept: int = 1000

    title = "Stuck sensor"
    score_name = "run over what is allowed"
    threshold = 1.0  # a run longer than what is allowed
    sensitivity = "readings"
    needed = WARM_UP
    PARAMETERS = (
        Parameter("readings", 3, 10_000, 1, "readings", label="Run"),
        Parameter("times", 1.0, 20.0, 0.5, "times the longest normal run", label="Times"),
        Parameter("accept", 100, 100_000, 1, "readings", label="Accept"),
    )

    def start(self, tags: TagFacts | Floats) -> RowState:
        """A state that has learned nothing of these tags; an array is their resolutions."""
        params = (self.readings, self.times, self.accept)
        return RowState(kernel, params, tags, size=6, lead=LEAD, threshold=1.0)

    def sentence(self, reading: Judged, tag: Tag) -> Sentence:
        """Why it flagged this reading, or why it did not."""
        if reading.score == 0.0:
            return Rule.NO_BASIS, (
                f"the tag has changed fewer than {RUNS} times, too few to know a frozen sensor: not flagged"
            )
        return conclude(
            reading,
            f"the value has stayed at {tag.render(reading.expected)} for {reading.score:.2f} times as many "
            "reports as are allowed for this tag",
        )


def judge(params: Floats, facts: Floats, row: Floats, value: float, _time: int, out: Floats) -> None:
    """One reading of one tag; `params` are readings, times and accept."""
    readings, times, accept = params
    allowed = max(readings - 1.0, times * row[_LONGEST])
    least = facts[RESOLUTION] + ROUNDING * abs(row[_START])
    judged = row[_SEEN] >= WARM_UP and row[_RUNS] >= RUNS
    if row[_SEEN] > 0.0 and abs(value - row[_START]) <= least:
        row[_RUN] += 1.0
        if judged and row[_RUN] >= accept:
            row[_LONGEST] = row[_RUN]
    else:
        if row[_SEEN] > 0.0:
            row[_RUNS] += 1.0
            if not judged or row[_RUN] <= allowed:
                row[_LONGEST] = max(row[_LONGEST] * _FORGETTING, row[_RUN])
        row[_START] = value
        row[_RUN] = 1.0
    if row[_SEEN] >= WARM_UP:
        out[SCORE] = row[_RUN] / allowed if judged else 0.0
        out[EXPECTED] = row[_START]
        out[LOWER] = row[_START] - least
        out[UPPER] = row[_START] + least
    row[_SEEN] += 1.0


kernel = row_kernel(judge)
