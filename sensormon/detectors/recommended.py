"""The detector for data nobody has looked at: unlike views of a tag's course, and charts of its noise."""

from __future__ import annotations

from dataclasses import dataclass

from sensormon.detectors.base import Detector, Parameter, TagFacts
from sensormon.detectors.judged import Judged, Rule, Sentence, conclude, position
from sensormon.detectors.recommended_charts import SPIKE, WARM_UP
from sensormon.detectors.recommended_kernel import AT, LEAD, Reason, kernel, reason_of
from sensormon.detectors.row_state import RowState
from sensormon.model.readings import Floats
from sensormon.model.tags import Tag

_FOR_TIME = "wrong for the time of day or week: "
_WORDS = {
    Reason.SHIFT: "a shift that lasts",
    Reason.FROZEN: "a frozen value",
    Reason.RECORD: "beyond all {n:,} readings so far",
    Reason.SHAPE: "8 readings of a shape unlike all that are remembered of {n:,}",
    Reason.COURSE: "32 readings of a course unlike all that are remembered of {n:,}",
    Reason.ORDER: "levels follow one another as seldom before in {n:,} readings",
    Reason.RECORD_FOR_TIME: _FOR_TIME + "farther off the usual than all {n:,} readings so far",
    Reason.SHAPE_FOR_TIME: _FOR_TIME + "8 readings of a shape unlike all that are remembered of {n:,}",
    Reason.COURSE_FOR_TIME: _FOR_TIME + "32 readings of a course unlike all that are remembered of {n:,}",
    Reason.ORDER_FOR_TIME: _FOR_TIME + "levels follow one another as seldom before in {n:,} readings",
}


@dataclass(frozen=True)
class Recommended(Detector):
    """What is new by several unlike views of a tag's course, and what charts of its noise say.

    Three inputs are looked at: the value, the value without what is usual at this hour of the week, and
    without what is usual at this quarter of an hour of the day. Of each, four views say how new it is: by how
    much of the range so far it lies beyond it (record), how far its last 8 readings and its last 32 are
    from every shape that is remembered (shape, course), and how unlikely its levels follow one
    another (order). Each is in standard deviations above its own mean so far. An anomaly is

    - a mean of all views above 2.25;
    - a record, of the value or of the value for the hour of the week, by 2 % of the range, by more for
      a young tag;
    - a shift by the CUSUM of the errors of a forecast that learns each tag's own noise, tail and memory,
      if the views see something as well;
    - a lone spike by the errors' Shewhart chart, not over a heavy tail: beyond 4 standard deviations if the
      views see something as well, else beyond 7, from the 200th reading on and only if the tag came back
      from its last spikes, so that steps are none;
    - a run of equal values that is unlikely by how often values repeat (stuck).

    The charts remember up to eight levels with the noise of each: a jump to a level where the tag has
    stayed before is no event, and a tag that jumps often has a spike flagged one reading late.

    Of an event that lasts the start is flagged: after a flag the detector is quiet for 5 % of the tag's
    age, at least 20 readings and at most 500, but for frozen values and for spikes beyond 7. The score
    is the largest of all these, each in units of its own limit times 3.4, and names what it was: the
    binary places of a flagged score from the eleventh on are the number of its reason, which `sentence`
    says. expected, lower and upper are those of the forecast and of the charts' limit.

    Scores begin after 100 readings, the views after 150 that are not all equal; a tag that was constant
    from the start is judged by its charts. On independent normal noise 0.05 % of the readings are
    flagged, 0.09 % of the first 1,000. Ages, shapes and quiet times are in readings, hours and quarters
    in time (UTC): they say nothing before the same hour has come again.

    Catches: values, shapes and orders of levels that the tag has never shown, readings wrong for the time of
    the day or week, spikes of 6 standard deviations, shifts of 2, drifts of 3 within 200 readings, frozen
    values after some 13, noise that grows threefold, oscillations.
    Misses: what the tag has done before, less noise than usual, an event while it is quiet after another
    unless it is a clear spike or a frozen value, slow drifts within the range so far, shifts small beside
    a tag's own steps, frozen values where most values repeat.

    Parameters: `threshold` in standard deviations, 2 to 20; lower is more sensitive, for all parts alike.

    References: Shewhart, Economic Control of Quality of Manufactured Product (1931); Page,
    Biometrika 41 (1954) 100; Alwan and Roberts, Journal of Business and Economic Statistics 6
    (1988) 87 (charts on forecast errors); Siffer, Fouque, Termier and Largouet, KDD 2017 (limits from
    the tail); Yeh et al., ICDM 2016 (shapes); Cleary and Witten, IEEE Transactions on Communications 32
    (1984) 396, and Moffat, the same 38 (1990) 1917 (orders of levels); Lavin and Ahmad, ICMLA 2015.

    >>> import numpy as np
    >>> values = np.random.default_rng(1).normal(37.0, 0.2, 400)
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
            reason = reason_of(reading.score)
            if reason is None or reason is Reason.SPIKE:
                return Rule.FLAGGED, f"{position(reading, tag)} ({self.numbers(reading)})"
            return Rule.FLAGGED, (
                f"{_WORDS[reason].format(n=reading.n)} ({self.numbers(reading)}); {position(reading, tag)}"
            )
        if reading.is_outside or reading.score >= self.threshold:
            return Rule.HELD_BACK, (
                f"{position(reading, tag)}, beyond a limit, and held back: it goes on with an event that was "
                f"flagged before, of which the start counts"
            )
        return conclude(reading, f"{position(reading, tag)} ({self.numbers(reading)})")

    def sigma(self, reading: Judged, tag: Tag) -> float:
        """The errors' standard deviation on a normal tail, from the width of the band."""
        return (reading.upper - reading.expected) / self.threshold
