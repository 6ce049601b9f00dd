"""The detector for data nobody has looked at: five charts on one self-tuning forecast."""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np

from sensormon.detectors.base import Detector, Parameter, TagFacts
from sensormon.detectors.judged import Judged, Rule, Sentence, conclude, position
from sensormon.detectors.kernel import (
    EXPECTED,
    HIGHEST,
    LOWER,
    RESOLUTION,
    ROUNDING,
    SCORE,
    UPPER,
    row_kernel,
)
from sensormon.detectors.row_state import RowState
from sensormon.model.readings import Floats
from sensormon.model.tags import Tag

WARM_UP = 100
"""A tag is scored once so many of its values have been learned."""
ACCEPT = 20
"""So many readings in a row off to the same side are a new level."""
QUIET = 150
"""For so many readings the same event is not flagged again."""
LEAD = 5000
"""So many readings rebuild a row well enough in practice."""

_BASE = 3.4  # the limit of a normal tail; the other charts' limits are stated for this threshold
_MEMORY = 1000.0  # of mean and standard deviation, in readings
_LONG = 5000.0  # of the tail, of past alarms and of the spread
_LEARNING = 3000.0  # of the forecast's coefficients
_FAST = 20.0  # of the local level
_SEEN = 4.0  # a longer run beyond the limit says itself where the new level is
_SETTLED = 30.0  # a new level counts as the mean of so many readings
_NEWEST = 15.0  # of the mean that is taken for a new level
_RIDGE = 0.003
_LEVERAGE = 2.0  # a local level further off, in its usual ones, has less to say about the coefficients
_LEAST = 0.3  # the standard deviation is not less than this part of the mean absolute error
_MEAN_TO_SIGMA = 1.2533  # of a mean absolute deviation, on normal noise
_TO_SIGMA = 1.4826  # of a median absolute deviation
_STEP_NOISE = 0.2887  # standard deviation of the rounding to a step of 1

_BINS = 48
_TAIL = 4.0  # where the tail begins, in standard deviations; a bin is a quarter of an octave
_BIN = float(np.log(2.0)) / 4.0
_GAP = 5  # bins that are empty between the noise and a spike
_RARE = 0.001  # share of the readings in a tail that is still a normal one
_FEW = 2.5
_COMMON = 0.1  # what is as frequent is no anomaly
_POPULATED = 0.01  # from this share of spikes on they have a limit of their own
_CLEAR = 5.0
# Spikes that come often stand apart from a few milder outliers: so many of them, this share of
# the readings, so many times the milder ones, behind bins that hold almost nothing.
_CROWD, _OFTEN, _OUTNUMBER, _CLEARING, _STRAY = 20.0, 0.03, 3.0, 3, 0.05

_SLACK, _DECISION, _CLIP = 0.5, 10.0, 4.0  # of the CUSUM, in standard deviations
_DRIFT = 6.0  # of the local level, in its usual deviations
_SOFTEN = 0.5  # the share, as a power, of a heavy tail that widens CUSUM and drift limits
_FLOOD = 0.2  # each alarm of the last _LONG readings widens the limits by this part
_REPEATING = 0.5  # from this share of equal neighbours on a tag has no noise to measure
_SURPRISE = 20.0  # of a run of equal values, in nats
_CHANCE = 0.2  # a repeat is never taken to be rarer
_REPEAT_MEMORY = 1000.0
_HELD = 1000.0  # a frozen value is normal after so many readings
_MOST = 1e100
_ABSURD = 1e3  # an error of more standard deviations says no more than this

_CENTRE, _UNIT, _COUNT, _LEVEL, _BEFORE, _OTHER, _SIGMA, _SPREAD = range(1, 9)
_MOMENTS = 9  # before², before·lag, lag², off·before, off·lag
_LEARNED, _WEIGHT, _ALARMS, _ABOVE, _BELOW, _SHIFT_QUIET, _BURST_QUIET, _LARGEST = range(14, 22)
_RUN, _SIDE, _RUN_MEAN, _LAST, _SAME, _LONGEST, _REPEATS, _FROZEN, _RECENT = range(22, 31)
_HISTOGRAM = 31
_FIRST = _HISTOGRAM + _BINS
_SIZE = _FIRST + WARM_UP


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

    >>> values = np.random.default_rng(0).normal(37.0, 0.2, 400)
    >>> values[[250, 251, 300]] += 3.0, -3.0, 1.6
    >>> rows = np.zeros(400, np.int32), values, np.ones(400, bool), np.arange(400)
    >>> np.flatnonzero(Recommended().start(np.zeros(1)).run(*rows).is_anomaly).tolist()
    [250, 251, 300]
    """

    threshold: float = _BASE

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
        return RowState(kernel, (self.threshold,), tags, size=_SIZE, lead=LEAD, threshold=self.threshold)

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


@numba.njit(cache=True)
def judge(params: Floats, facts: Floats, row: Floats, value: float, _time: int, out: Floats) -> None:
    """One reading of one tag; the only parameter is the threshold."""
    if row[_UNIT] > 0.0:
        _step(params[0], facts[RESOLUTION], row, value, out)
    else:
        row[_FIRST + int(row[_COUNT])] = value
        row[_COUNT] += 1.0
        if row[_COUNT] >= WARM_UP:
            _begin(facts[RESOLUTION], row)


@numba.njit(cache=True)
def _clip(number, most):  # type: ignore[no-untyped-def]  # pragma: no cover
    return min(max(number, -most), most)


@numba.njit(cache=True)
def _begin(resolution, row):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Centre, forecast and noise from the first values, with those far off left out."""
    values = row[_FIRST : _FIRST + WARM_UP]
    middle = np.sort(values)[WARM_UP // 2]
    size = np.max(np.abs(values))
    unit = max(np.max(np.abs(values - middle)), resolution, ROUNDING * size, 1e-300)
    # Squares of differences in this unit are neither lost nor infinite, whatever the tag's size.
    row[_UNIT] = unit
    off = (values - middle) / unit
    near = 4.0 * max(_TO_SIGMA * np.sort(np.abs(off))[WARM_UP // 2], _LEAST * np.mean(np.abs(off)))
    kept, count = 0.0, 0
    for j in range(WARM_UP):
        if abs(off[j]) <= near:
            kept += off[j]
            count += 1
    shift = kept / max(count, 1)
    row[_CENTRE] = middle + shift * unit
    errors = np.empty(WARM_UP)
    before, lag, same = 0.0, 0.0, 0.0
    for weigh in (True, False):
        before, lag = 0.0, 0.0
        first, second = _coefficients(row)
        for j in range(WARM_UP):
            now = off[j] - shift
            predicted = first * before + second * lag
            errors[j] = abs(now - predicted)
            if errors[j] > near:
                now = predicted
            if weigh:
                _weigh(row, before, lag, now, 1.0 / (j + 1.0))
            before = now
            lag += (now - lag) / _FAST
    spread = np.mean(errors)
    sigma = max(_TO_SIGMA * np.sort(errors)[WARM_UP // 2], _LEAST * spread)
    for _ in range(5):
        kept, count = 0.0, 0
        for j in range(WARM_UP):
            if errors[j] <= 4.0 * sigma:
                kept += errors[j]
                count += 1
        sigma = max(_MEAN_TO_SIGMA * kept / max(count, 1), _LEAST * spread)
    for j in range(1, WARM_UP):
        if values[j] == values[j - 1]:
            same += 1.0
    row[_COUNT], row[_LEARNED], row[_WEIGHT] = WARM_UP, WARM_UP, WARM_UP
    row[_LEVEL] = row[_CENTRE] + lag * unit
    row[_BEFORE], row[_OTHER] = before, before
    row[_RECENT] = row[_LEVEL]
    row[_SIGMA], row[_SPREAD] = sigma, spread
    row[_LAST], row[_REPEATS] = values[WARM_UP - 1], same / (WARM_UP - 1)


@numba.njit(cache=True)
def _coefficients(row):  # type: ignore[no-untyped-def]  # pragma: no cover
    """What the reading before and the local level are worth: least squares with a small ridge."""
    m = row[_MOMENTS : _MOMENTS + 5]
    a, d = m[0] * (1.0 + _RIDGE) + 1e-300, m[2] * (1.0 + _RIDGE) + 1e-300
    det = a * d - m[1] * m[1]
    if det <= 1e-12 * a * d:
        return m[3] / a, 0.0
    return (m[3] * d - m[4] * m[1]) / det, (a * m[4] - m[1] * m[3]) / det


@numba.njit(cache=True)
def _weigh(row, before, lag, now, weight):  # type: ignore[no-untyped-def]  # pragma: no cover
    m = row[_MOMENTS : _MOMENTS + 5]
    m[0] += (before * before - m[0]) * weight
    m[1] += (before * lag - m[1]) * weight
    m[2] += (lag * lag - m[2]) * weight
    m[3] += (now * before - m[3]) * weight
    m[4] += (now * lag - m[4]) * weight


@numba.njit(cache=True)
def _limit(row):  # type: ignore[no-untyped-def]  # pragma: no cover
    """The limit of a spike, in standard deviations, and whether the tail is a heavy one."""
    histogram = row[_HISTOGRAM : _HISTOGRAM + _BINS]
    total, beyond = row[_WEIGHT], np.sum(histogram)
    allowed = max(_RARE * total, _FEW)
    near = beyond if row[_REPEATS] >= _REPEATING else np.sum(histogram[:_GAP])
    if near > allowed or beyond > _COMMON * total:
        bins, tail = 0, beyond
        while bins < _BINS and beyond > allowed:
            rare = np.sum(histogram[bins : bins + _CLEARING]) <= _STRAY * beyond
            many = max(_CROWD, _OFTEN * total) <= beyond <= _COMMON * total
            if bins > 0 and rare and many and beyond >= _OUTNUMBER * (tail - beyond):
                return _TAIL * np.exp(bins * _BIN), False
            beyond -= histogram[bins]
            bins += 1
        return _TAIL * np.exp(bins * _BIN), True
    return (_CLEAR if beyond > _POPULATED * total else _BASE), False


@numba.njit(cache=True)
def _step(threshold, resolution, row, value, out):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Score a reading, then learn it."""
    unit, centre = row[_UNIT], row[_CENTRE]
    off = _clip((value - centre) / unit, _MOST)
    lag = _clip((row[_LEVEL] - centre) / unit, _MOST)
    predicted, plain = _forecast(row, off, lag)
    error = off - predicted
    least = resolution / unit + ROUNDING * min(max(abs(centre), abs(value)) / unit, _MOST)
    floor = max(_STEP_NOISE * resolution / unit, ROUNDING * abs(centre) / unit, 1e-300)
    sigma = max(row[_SIGMA], _LEAST * row[_SPREAD], floor)
    z = 0.0
    if abs(error) > least:
        z = _clip(error / max(sigma, abs(error) / HIGHEST), HIGHEST)
    limit, heavy = _limit(row)
    tail = limit / _BASE
    flood = 1.0 + _FLOOD * row[_ALARMS]
    row[_SHIFT_QUIET] = max(row[_SHIFT_QUIET] - 1.0, 0.0)
    row[_BURST_QUIET] = max(row[_BURST_QUIET] - 1.0, 0.0)

    exceeds = abs(z) / tail > threshold
    flagged = _spike(row, z, off, exceeds, heavy, abs(z) / tail > threshold * flood)
    lone = exceeds and not heavy and row[_RUN] <= 2.0
    shift = _cusum(row, 0.0 if lone else _clip(z / tail**_SOFTEN, _CLIP)) * _BASE / (_DECISION * flood)
    usual = np.sqrt(row[_MOMENTS + 2]) + 0.1 * sigma
    drift = _BASE * min(abs(lag) / usual, HIGHEST) / tail**_SOFTEN / _DRIFT
    stuck = _BASE * _stuck(row, value)
    lasting, frozen = max(shift, drift) > threshold, stuck > threshold
    alarm = (lasting or frozen) and row[_SHIFT_QUIET] == 0.0
    if frozen:
        row[_LONGEST] = row[_SAME]
        row[_FROZEN] = 1.0
    if lasting or alarm:
        row[_SHIFT_QUIET] = QUIET
    if lasting and heavy:
        row[_BURST_QUIET] = QUIET

    chart = max(shift, drift, stuck)
    score = max(
        abs(z) / tail if flagged else min(abs(z) / tail, threshold), chart if alarm else min(chart, threshold)
    )
    _write(out, score, centre + predicted * unit, max(threshold * tail * sigma, least) * unit)

    level = row[_RUN_MEAN] if row[_RUN] > _SEEN else _clip((row[_RECENT] - centre) / unit, _MOST)
    if lasting or row[_RUN] >= ACCEPT:
        _accept(row, level)
        predicted, plain, off, lag = predicted - level, off - level, off - level, 0.0
    _remember(row, z, 1.0 if alarm or (flagged and heavy) else 0.0)
    # One absurd value must not blind the tag, but off a flat line there is nothing to hold it against.
    most = _ABSURD * sigma if sigma > floor else _MOST
    row[_SPREAD] += (min(abs(error), most) - row[_SPREAD]) / _LONG
    row[_RECENT] += _clip(value - row[_RECENT], min(most, _MOST) * unit) / _NEWEST
    if exceeds or row[_FROZEN] > 0.0:
        row[_LEVEL] += ((row[_CENTRE] + plain * unit) - row[_LEVEL]) / _FAST
        row[_BEFORE], row[_OTHER] = plain, off
    else:
        _learn(row, predicted, error, lag, sigma, heavy)


@numba.njit(cache=True)
def _forecast(row, off, lag):  # type: ignore[no-untyped-def]  # pragma: no cover
    """How far off the centre the reading was to be expected; also as if the one before was a spike."""
    first, second = _coefficients(row)
    plain = _clip(first * row[_BEFORE] + second * lag, _MOST)
    # After a reading that was not learned: either it was a spike, or the tag is now there.
    other = _clip(first * row[_OTHER] + second * lag, _MOST)
    return (other if abs(off - other) < abs(off - plain) else plain), plain


@numba.njit(cache=True)
def _spike(row, z, off, exceeds, heavy, clear):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Whether a reading beyond the limit is an event of its own; also counts runs of such."""
    side = (1.0 if z > 0.0 else -1.0) if exceeds else 0.0
    if side != row[_SIDE]:
        row[_RUN], row[_RUN_MEAN] = 0.0, 0.0
    row[_SIDE] = side
    if not exceeds:
        return False
    row[_RUN] += 1.0
    row[_RUN_MEAN] += (off - row[_RUN_MEAN]) / row[_RUN]
    new = row[_BURST_QUIET] == 0.0 or abs(z) > 2.0 * row[_LARGEST]
    flagged = row[_RUN] <= 2.0 and (not heavy or (clear and new))
    if flagged:
        row[_LARGEST] = abs(z)
        if heavy:
            row[_BURST_QUIET] = QUIET
    return flagged


@numba.njit(cache=True)
def _write(out, score, expected, margin):  # type: ignore[no-untyped-def]  # pragma: no cover
    huge = np.finfo(np.float64).max
    out[SCORE] = min(score, HIGHEST)
    out[EXPECTED] = _clip(expected, huge)
    out[LOWER] = _clip(expected - margin, huge)
    out[UPPER] = _clip(expected + margin, huge)


@numba.njit(cache=True)
def _accept(row, level):  # type: ignore[no-untyped-def]  # pragma: no cover
    """The tag's centre is now this far off the old one."""
    row[_ABOVE], row[_BELOW] = 0.0, 0.0
    row[_RUN], row[_SIDE], row[_RUN_MEAN] = 0.0, 0.0, 0.0
    row[_CENTRE] = _clip(row[_CENTRE] + level * row[_UNIT], np.finfo(np.float64).max)
    row[_LEVEL], row[_RECENT] = row[_CENTRE], row[_CENTRE]
    row[_COUNT] = _SETTLED
    row[_BEFORE] = _clip(row[_BEFORE] - level, _MOST)
    row[_OTHER] = _clip(row[_OTHER] - level, _MOST)


@numba.njit(cache=True)
def _cusum(row, z):  # type: ignore[no-untyped-def]  # pragma: no cover
    """One more error into the sums; the larger one."""
    row[_ABOVE] = max(0.0, row[_ABOVE] + z - _SLACK)
    row[_BELOW] = max(0.0, row[_BELOW] - z - _SLACK)
    return max(row[_ABOVE], row[_BELOW])


@numba.njit(cache=True)
def _stuck(row, value):  # type: ignore[no-untyped-def]  # pragma: no cover
    """How surprising a run of equal values is, 1 at its limit; also counts it."""
    repeated = value == row[_LAST]
    if repeated:
        row[_SAME] += 1.0
    else:
        row[_LONGEST] = max(row[_LONGEST] * (1.0 - 1.0 / _LONG), row[_SAME])
        row[_SAME], row[_FROZEN] = 0.0, 0.0
    if row[_SAME] >= _HELD:
        row[_FROZEN] = 0.0
    row[_LAST] = value
    row[_REPEATS] += ((1.0 if repeated else 0.0) - row[_REPEATS]) / _REPEAT_MEMORY
    if row[_REPEATS] >= _REPEATING:
        return 0.0
    chance = min(max(row[_REPEATS] - row[_SAME] / _REPEAT_MEMORY, _CHANCE), 0.999)
    return min(-np.log(chance) * row[_SAME] / _SURPRISE, row[_SAME] / (3.0 * row[_LONGEST] + 2.0))


@numba.njit(cache=True)
def _remember(row, z, alarm):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Count an error into the tail, flagged or not, and an alarm among the past ones."""
    for j in range(_HISTOGRAM, _HISTOGRAM + _BINS):
        row[j] *= 1.0 - 1.0 / _LONG
    row[_WEIGHT] += 1.0 - row[_WEIGHT] / _LONG
    if abs(z) >= _TAIL:
        row[_HISTOGRAM + min(_BINS - 1, int(np.log(abs(z) / _TAIL) / _BIN))] += 1.0
    row[_ALARMS] += alarm - row[_ALARMS] / _LONG


@numba.njit(cache=True)
def _learn(row, predicted, error, lag, sigma, heavy):  # type: ignore[no-untyped-def]  # pragma: no cover
    now = predicted + _clip(error, 4.0 * sigma)
    unit, centre = row[_UNIT], row[_CENTRE]
    row[_COUNT] = min(row[_COUNT] + 1.0, _MEMORY)
    moved = now / row[_COUNT]
    row[_CENTRE] = centre + moved * unit
    most = (3.0 if heavy else 4.0) * sigma
    row[_SIGMA] += (min(abs(error), most) * _MEAN_TO_SIGMA - row[_SIGMA]) / _MEMORY
    row[_LEARNED] = min(row[_LEARNED] + 1.0, _LEARNING)
    far = abs(lag) / (_LEVERAGE * np.sqrt(row[_MOMENTS + 2]) + 1e-300)
    _weigh(row, row[_BEFORE], lag, now, min(1.0, 1.0 / max(far, 1.0) ** 2) / row[_LEARNED])
    row[_LEVEL] += (centre + now * unit - row[_LEVEL]) / _FAST
    row[_BEFORE] = now - moved
    row[_OTHER] = row[_BEFORE]


kernel = row_kernel(judge)
