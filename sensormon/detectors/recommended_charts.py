"""The charts of the recommended detector: their constants, what they keep of a tag, and the compiled code.

What the detector does and misses is in the docstring of `sensormon.detectors.recommended`. The
constants are here because the compiler's cache looks at the kernels' own file only.
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np

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
from sensormon.model.readings import Floats

WARM_UP = 100
"""Learned readings of a tag before the first is scored."""
ACCEPT = 20
"""Readings in a row beyond the limit to the same side that are a new level."""
QUIET = 150
"""Readings after an alarm in which the same event is not flagged again."""
LEAD = 5000
"""Last readings that rebuild a row well enough in practice."""

# The charts' constants, by chart. A number in standard deviations is one of the forecast's errors. Unless a
# source is named, a number was chosen on the development part of NAB and on simulated faults;
# docs/detection.md names each that matters and says what other values score.


class Forecast(NamedTuple):
    """What the next reading should be: AR(1) around a local level (Alwan and Roberts 1988)."""

    memory: float = 1000.0  # readings: of mean and standard deviation
    coefficients: float = 3000.0  # readings: memory of the two coefficients
    local: float = 20.0  # readings: memory of the local level
    ridge: float = 0.003  # share of the moments: keeps the coefficients finite (ridge regression)
    leverage: float = 2.0  # usual local levels: one further off weighs less in the coefficients
    least: float = 0.3  # share of the mean absolute error: the standard deviation is not less


class Spike(NamedTuple):
    """The chart of single errors (Shewhart 1931); its limit comes from their tail (Siffer et al. 2017)."""

    limit: float = 3.4  # standard deviations, on a normal tail; the score is in units of it
    frequent: float = 5.0  # standard deviations: the limit if spikes are frequent
    frequent_share: float = 0.01  # share of the readings: from here on spikes are frequent
    absurd: float = 1e3  # standard deviations: an error beyond says no more than this


class Tail(NamedTuple):
    """The histogram of large errors, from which it is read whether they are events or the tag's habit."""

    start: float = 4.0  # standard deviations: where it begins
    bins: int = 48
    bin: float = float(np.log(2.0)) / 4.0  # width of a bin, a quarter of an octave, as a logarithm
    memory: float = 5000.0  # readings; also of the mean absolute error and of the longest run
    gap: int = 5  # bins: a factor of 2.4 that is empty between the noise and a spike
    rare: float = 0.001  # share of the readings that a normal tail may hold
    few: float = 2.5  # readings that it may always hold
    common: float = 0.1  # share of the readings: what is as frequent is not an anomaly
    # Spikes that come often stand apart from a few milder outliers:
    crowd: float = 20.0  # at least this many readings,
    often: float = 0.03  # at least this share of the readings,
    outnumber: float = 3.0  # this many times the milder outliers,
    clearing: int = 3  # behind this many bins (a factor of 1.7)
    stray: float = 0.05  # that hold at most this share of the spikes


class Shift(NamedTuple):
    """The CUSUM of lasting shifts (Page 1954)."""

    slack: float = 0.5  # standard deviations: half of the shift looked for
    decision: float = 10.0  # standard deviations
    clip: float = 4.0  # standard deviations that one reading adds at most (Lucas and Crosier 1982)


class Drift(NamedTuple):
    """The EWMA chart of the local level (Roberts 1959)."""

    limit: float = 6.0  # usual deviations of the local level
    floor: float = 0.1  # standard deviations that are added to the usual deviation


class Stuck(NamedTuple):
    """The chart of runs of equal values."""

    surprise: float = 20.0  # nats: how unlikely a flagged run is
    chance: float = 0.2  # probability: a repeat is never taken to be rarer
    memory: float = 1000.0  # readings: of how often values repeat
    repeating: float = 0.5  # share of equal neighbours: from here on a tag has no noise to measure
    held: float = 1000.0  # readings: a value frozen for longer is normal


class Alarms(NamedTuple):
    """What keeps a tag with many events, or with a heavy tail, from flooding."""

    widening: float = 0.2  # share by which each alarm of the last `Tail.memory` readings widens the limits
    soften: float = 0.5  # power of a heavy tail that widens the limits of shift and drift


class Level(NamedTuple):
    """How a new level is taken over."""

    trusted_run: float = 4.0  # readings: a longer run beyond the limit gives the new level by its mean
    newest: float = 15.0  # readings: memory of the mean that otherwise gives it
    settled: float = 30.0  # readings that a new level counts as


FORECAST, SPIKE, TAIL, SHIFT, DRIFT = Forecast(), Spike(), Tail(), Shift(), Drift()
STUCK, ALARMS, LEVEL = Stuck(), Alarms(), Level()

_MEAN_TO_SIGMA = 1.2533  # standard deviations in a mean absolute deviation, on normal noise
_TO_SIGMA = 1.4826  # standard deviations in a median absolute deviation, on normal noise
_STEP_NOISE = 0.2887  # standard deviation of the rounding to a step of 1: 1 / sqrt(12)
_MOST = 1e100  # units: numbers are cut off here, so that their squares are finite


class Places(NamedTuple):
    """Where a tag's row keeps what; place 0 counts what was learned (`kernel.N`).

    Lengths are in the row's unit and from its centre, unless they are in the tag's unit.
    """

    centre: int = 1  # the slow mean, in the tag's unit
    unit: int = 2  # in the tag's unit; 0 in the warm-up
    readings: int = 3  # that the centre stands for
    level: int = 4  # the local level, in the tag's unit
    before: int = 5  # the reading before, or its forecast if it was not learned
    other: int = 6  # the reading before, learned or not
    sigma: int = 7  # standard deviation of the errors
    spread: int = 8  # mean absolute error, large ones included
    moments: int = 9  # five: before², before·lag, lag², off·before, off·lag
    learned: int = 14  # readings that the moments stand for
    weight: int = 15  # readings that the histogram stands for
    alarms: int = 16  # alarms of late
    above: int = 17  # the CUSUM of errors upwards
    below: int = 18  # and downwards
    shift_quiet: int = 19  # readings for which no shift, drift or frozen value is flagged
    burst_quiet: int = 20  # readings for which no spike of a heavy tail is flagged
    largest: int = 21  # the last flagged spike, in standard deviations
    run: int = 22  # readings in a row beyond the limit to the same side
    side: int = 23  # 1 above, -1 below, 0 within the limit
    run_mean: int = 24  # mean of the run
    last: int = 25  # the last value, in the tag's unit
    same: int = 26  # how often it came again
    longest: int = 27  # the longest such run
    repeats: int = 28  # share of readings equal to the one before
    frozen: int = 29  # 1 while a flagged run of equal values lasts
    recent: int = 30  # mean of the newest readings, in the tag's unit
    histogram: int = 31  # `Tail.bins` of them
    first: int = 31 + Tail().bins  # the readings of the warm-up, in the tag's unit
    spoke: int = 31 + Tail().bins + WARM_UP  # the chart that flagged the newest reading, NO_CHART if none
    size: int = 32 + Tail().bins + WARM_UP


AT = Places()

NO_CHART, SPIKES, TAIL_SPIKES, SHIFTS, DRIFTS, FROZEN = range(6)
"""Which chart flagged a reading; a spike over a heavy tail counts apart from a lone one."""


@numba.njit(cache=True)
def _clip(number: float, most: float) -> float:
    return min(max(number, -most), most)


@numba.njit(cache=True)
def begin(resolution: float, row: Floats) -> None:
    """Centre, forecast and noise from the first values, with those far off left out."""
    values = row[AT.first : AT.first + WARM_UP]
    middle = np.sort(values)[WARM_UP // 2]
    size = np.max(np.abs(values))
    unit = max(np.max(np.abs(values - middle)), resolution, ROUNDING * size, 1e-300)
    # Squares of differences in this unit are neither lost nor infinite, whatever the tag's size.
    row[AT.unit] = unit
    off = (values - middle) / unit
    near = 4.0 * max(_TO_SIGMA * np.sort(np.abs(off))[WARM_UP // 2], FORECAST.least * np.mean(np.abs(off)))
    kept, count = 0.0, 0
    for j in range(WARM_UP):
        if abs(off[j]) <= near:
            kept += off[j]
            count += 1
    shift = kept / max(count, 1)
    row[AT.centre] = middle + shift * unit
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
            lag += (now - lag) / FORECAST.local
    spread = np.mean(errors)
    sigma = max(_TO_SIGMA * np.sort(errors)[WARM_UP // 2], FORECAST.least * spread)
    for _ in range(5):
        kept, count = 0.0, 0
        for j in range(WARM_UP):
            if errors[j] <= 4.0 * sigma:
                kept += errors[j]
                count += 1
        sigma = max(_MEAN_TO_SIGMA * kept / max(count, 1), FORECAST.least * spread)
    for j in range(1, WARM_UP):
        if values[j] == values[j - 1]:
            same += 1.0
    row[AT.readings], row[AT.learned], row[AT.weight] = WARM_UP, WARM_UP, WARM_UP
    row[AT.level] = row[AT.centre] + lag * unit
    row[AT.before], row[AT.other] = before, before
    row[AT.recent] = row[AT.level]
    row[AT.sigma], row[AT.spread] = sigma, spread
    row[AT.last], row[AT.repeats] = values[WARM_UP - 1], same / (WARM_UP - 1)


@numba.njit(cache=True)
def _coefficients(row: Floats) -> tuple[float, float]:
    """What the reading before and the local level are worth: least squares with a small ridge."""
    m = row[AT.moments : AT.moments + 5]
    a, d = m[0] * (1.0 + FORECAST.ridge) + 1e-300, m[2] * (1.0 + FORECAST.ridge) + 1e-300
    det = a * d - m[1] * m[1]
    if det <= 1e-12 * a * d:
        return m[3] / a, 0.0
    return (m[3] * d - m[4] * m[1]) / det, (a * m[4] - m[1] * m[3]) / det


@numba.njit(cache=True)
def _weigh(row: Floats, before: float, lag: float, now: float, weight: float) -> None:
    m = row[AT.moments : AT.moments + 5]
    m[0] += (before * before - m[0]) * weight
    m[1] += (before * lag - m[1]) * weight
    m[2] += (lag * lag - m[2]) * weight
    m[3] += (now * before - m[3]) * weight
    m[4] += (now * lag - m[4]) * weight


@numba.njit(cache=True)
def _limit(row: Floats) -> tuple[float, bool]:
    """The limit of a spike, in standard deviations, and whether the tail is a heavy one."""
    histogram = row[AT.histogram : AT.histogram + TAIL.bins]
    total, beyond = row[AT.weight], np.sum(histogram)
    allowed = max(TAIL.rare * total, TAIL.few)
    repeating = row[AT.repeats] >= STUCK.repeating
    near = beyond if repeating else np.sum(histogram[: TAIL.gap])
    if near > allowed or beyond > TAIL.common * total:
        bins, tail = 0, beyond
        while bins < TAIL.bins and beyond > allowed:
            rare = np.sum(histogram[bins : bins + TAIL.clearing]) <= TAIL.stray * beyond
            many = max(TAIL.crowd, TAIL.often * total) <= beyond <= TAIL.common * total
            if bins > 0 and not repeating and rare and many and beyond >= TAIL.outnumber * (tail - beyond):
                return TAIL.start * np.exp(bins * TAIL.bin), False
            beyond -= histogram[bins]
            bins += 1
        return TAIL.start * np.exp(bins * TAIL.bin), True
    return (SPIKE.frequent if beyond > SPIKE.frequent_share * total else SPIKE.limit), False


def judge(params: Floats, facts: Floats, row: Floats, value: float, _time: int, out: Floats) -> None:
    """One reading of one tag; the only parameter is the threshold."""
    chart(params[0], facts[RESOLUTION], row, value, out)


@numba.njit(cache=True, inline="always")
def chart(threshold: float, resolution: float, row: Floats, value: float, out: Floats) -> None:
    """Score a finite reading into `out`, then learn it into `row`, `AT.size` numbers that begin as zeros.

    The first `WARM_UP` readings are only learned, and leave `out` as it is.
    """
    if row[AT.unit] > 0.0:
        step(threshold, resolution, row, value, out)
    else:
        row[AT.first + int(row[AT.readings])] = value
        row[AT.readings] += 1.0
        if row[AT.readings] >= WARM_UP:
            begin(resolution, row)


@numba.njit(cache=True, inline="always")
def step(threshold: float, resolution: float, row: Floats, value: float, out: Floats) -> None:
    """Score a reading, then learn it."""
    unit, centre = row[AT.unit], row[AT.centre]
    off = _clip((value - centre) / unit, _MOST)
    lag = _clip((row[AT.level] - centre) / unit, _MOST)
    predicted, plain = _forecast(row, off, lag)
    error = off - predicted
    least = resolution / unit + ROUNDING * min(max(abs(centre), abs(value)) / unit, _MOST)
    floor = max(_STEP_NOISE * resolution / unit, ROUNDING * abs(centre) / unit, 1e-300)
    sigma = max(row[AT.sigma], FORECAST.least * row[AT.spread], floor)
    z = 0.0
    if abs(error) > least:
        z = _clip(error / max(sigma, abs(error) / HIGHEST), HIGHEST)
    limit, heavy = _limit(row)
    tail = limit / SPIKE.limit
    flood = 1.0 + ALARMS.widening * row[AT.alarms]
    row[AT.shift_quiet] = max(row[AT.shift_quiet] - 1.0, 0.0)
    row[AT.burst_quiet] = max(row[AT.burst_quiet] - 1.0, 0.0)

    exceeds = abs(z) / tail > threshold
    flagged = _spike(row, z, off, exceeds, heavy, abs(z) / tail > threshold * flood)
    lone = exceeds and not heavy and row[AT.run] <= 2.0
    shift = (
        _cusum(row, 0.0 if lone else _clip(z / tail**ALARMS.soften, SHIFT.clip))
        * SPIKE.limit
        / (SHIFT.decision * flood)
    )
    usual = np.sqrt(row[AT.moments + 2]) + DRIFT.floor * sigma
    drift = SPIKE.limit * min(abs(lag) / usual, HIGHEST) / tail**ALARMS.soften / DRIFT.limit
    stuck = SPIKE.limit * _stuck(row, value)
    lasting, frozen = max(shift, drift) > threshold, stuck > threshold
    alarm = (lasting or frozen) and row[AT.shift_quiet] == 0.0
    if frozen:
        row[AT.longest] = row[AT.same]
        row[AT.frozen] = 1.0
    if lasting or alarm:
        row[AT.shift_quiet] = QUIET
    if lasting and heavy:
        row[AT.burst_quiet] = QUIET

    chart = max(shift, drift, stuck)
    score = max(
        abs(z) / tail if flagged else min(abs(z) / tail, threshold), chart if alarm else min(chart, threshold)
    )
    _write(out, score, centre + predicted * unit, max(threshold * tail * sigma, least) * unit)

    row[AT.spoke] = _spoke(flagged, heavy, alarm, frozen, shift > threshold)

    level = (
        row[AT.run_mean]
        if row[AT.run] > LEVEL.trusted_run
        else _clip((row[AT.recent] - centre) / unit, _MOST)
    )
    if lasting or row[AT.run] >= ACCEPT:
        _accept(row, level)
        predicted, plain, off, lag = predicted - level, off - level, off - level, 0.0
    _remember(row, z, 1.0 if alarm or (flagged and heavy) else 0.0)
    # One absurd value must not blind the tag, but off a flat line there is nothing to hold it against.
    most = SPIKE.absurd * sigma if sigma > floor else _MOST
    row[AT.spread] += (min(abs(error), most) - row[AT.spread]) / TAIL.memory
    row[AT.recent] += _clip(value - row[AT.recent], min(most, _MOST) * unit) / LEVEL.newest
    if exceeds or row[AT.frozen] > 0.0:
        row[AT.level] += ((row[AT.centre] + plain * unit) - row[AT.level]) / FORECAST.local
        row[AT.before], row[AT.other] = plain, off
    else:
        _learn(row, predicted, error, lag, sigma, heavy)


@numba.njit(cache=True)
def _spoke(flagged: bool, heavy: bool, alarm: bool, frozen: bool, shift: bool) -> int:
    """Which chart flagged this reading."""
    if frozen and alarm:
        return FROZEN
    if flagged:
        return TAIL_SPIKES if heavy else SPIKES
    if alarm:
        return SHIFTS if shift else DRIFTS
    return NO_CHART


@numba.njit(cache=True)
def _forecast(row: Floats, off: float, lag: float) -> tuple[float, float]:
    """How far off the centre the reading was to be expected; also as if the one before was a spike."""
    first, second = _coefficients(row)
    plain = _clip(first * row[AT.before] + second * lag, _MOST)
    # After a reading that was not learned: either it was a spike, or the tag is now there.
    other = _clip(first * row[AT.other] + second * lag, _MOST)
    return (other if abs(off - other) < abs(off - plain) else plain), plain


@numba.njit(cache=True)
def _spike(row: Floats, z: float, off: float, exceeds: bool, heavy: bool, clear: bool) -> bool:
    """Whether a reading beyond the limit is an event of its own; also counts runs of such."""
    side = (1.0 if z > 0.0 else -1.0) if exceeds else 0.0
    if side != row[AT.side]:
        row[AT.run], row[AT.run_mean] = 0.0, 0.0
    row[AT.side] = side
    if not exceeds:
        return False
    row[AT.run] += 1.0
    row[AT.run_mean] += (off - row[AT.run_mean]) / row[AT.run]
    new = row[AT.burst_quiet] == 0.0 or abs(z) > 2.0 * row[AT.largest]
    flagged = row[AT.run] <= 2.0 and (not heavy or (clear and new))
    if flagged:
        row[AT.largest] = abs(z)
        if heavy:
            row[AT.burst_quiet] = QUIET
    return flagged


@numba.njit(cache=True)
def _write(out: Floats, score: float, expected: float, margin: float) -> None:
    huge = np.finfo(np.float64).max
    out[SCORE] = min(score, HIGHEST)
    out[EXPECTED] = _clip(expected, huge)
    out[LOWER] = _clip(expected - margin, huge)
    out[UPPER] = _clip(expected + margin, huge)


@numba.njit(cache=True)
def _accept(row: Floats, level: float) -> None:
    """The tag's centre is now this far off the old one."""
    row[AT.above], row[AT.below] = 0.0, 0.0
    row[AT.run], row[AT.side], row[AT.run_mean] = 0.0, 0.0, 0.0
    row[AT.centre] = _clip(row[AT.centre] + level * row[AT.unit], np.finfo(np.float64).max)
    row[AT.level], row[AT.recent] = row[AT.centre], row[AT.centre]
    row[AT.readings] = LEVEL.settled
    row[AT.before] = _clip(row[AT.before] - level, _MOST)
    row[AT.other] = _clip(row[AT.other] - level, _MOST)


@numba.njit(cache=True)
def _cusum(row: Floats, z: float) -> float:
    """One more error into the sums; the larger one."""
    row[AT.above] = max(0.0, row[AT.above] + z - SHIFT.slack)
    row[AT.below] = max(0.0, row[AT.below] - z - SHIFT.slack)
    return float(max(row[AT.above], row[AT.below]))


@numba.njit(cache=True)
def _stuck(row: Floats, value: float) -> float:
    """How surprising a run of equal values is, 1 at its limit; also counts it."""
    repeated = value == row[AT.last]
    if repeated:
        row[AT.same] += 1.0
    else:
        row[AT.longest] = max(row[AT.longest] * (1.0 - 1.0 / TAIL.memory), row[AT.same])
        row[AT.same], row[AT.frozen] = 0.0, 0.0
    if row[AT.same] >= STUCK.held:
        row[AT.frozen] = 0.0
    row[AT.last] = value
    row[AT.repeats] += ((1.0 if repeated else 0.0) - row[AT.repeats]) / STUCK.memory
    if row[AT.repeats] >= STUCK.repeating:
        return 0.0
    chance = min(max(row[AT.repeats] - row[AT.same] / STUCK.memory, STUCK.chance), 0.999)
    return float(
        min(-np.log(chance) * row[AT.same] / STUCK.surprise, row[AT.same] / (3.0 * row[AT.longest] + 2.0))
    )


@numba.njit(cache=True)
def _remember(row: Floats, z: float, alarm: float) -> None:
    """Count an error into the tail, flagged or not, and an alarm among the past ones."""
    for j in range(AT.histogram, AT.histogram + TAIL.bins):
        row[j] *= 1.0 - 1.0 / TAIL.memory
    row[AT.weight] += 1.0 - row[AT.weight] / TAIL.memory
    if abs(z) >= TAIL.start:
        row[AT.histogram + min(TAIL.bins - 1, int(np.log(abs(z) / TAIL.start) / TAIL.bin))] += 1.0
    row[AT.alarms] += alarm - row[AT.alarms] / TAIL.memory


@numba.njit(cache=True)
def _learn(row: Floats, predicted: float, error: float, lag: float, sigma: float, heavy: bool) -> None:
    now = predicted + _clip(error, 4.0 * sigma)
    unit, centre = row[AT.unit], row[AT.centre]
    row[AT.readings] = min(row[AT.readings] + 1.0, FORECAST.memory)
    moved = now / row[AT.readings]
    row[AT.centre] = centre + moved * unit
    most = (3.0 if heavy else 4.0) * sigma
    row[AT.sigma] += (min(abs(error), most) * _MEAN_TO_SIGMA - row[AT.sigma]) / FORECAST.memory
    row[AT.learned] = min(row[AT.learned] + 1.0, FORECAST.coefficients)
    far = abs(lag) / (FORECAST.leverage * np.sqrt(row[AT.moments + 2]) + 1e-300)
    _weigh(row, row[AT.before], lag, now, min(1.0, 1.0 / max(far, 1.0) ** 2) / row[AT.learned])
    row[AT.level] += (centre + now * unit - row[AT.level]) / FORECAST.local
    row[AT.before] = now - moved
    row[AT.other] = row[AT.before]


kernel = row_kernel(judge)
