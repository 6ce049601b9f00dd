"""The charts of the recommended detector: the compiled code that scores a reading and learns it.

What the detector does and misses is in the docstring of `sensormon.detectors.recommended`. The
charts' constants and what they keep of a tag are in `recommended_row`.
"""

from __future__ import annotations

import numba
import numpy as np

from sensormon.detectors.few_values import middle_of, ordered
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
from sensormon.detectors.recommended_levels import (
    NOWHERE,
    beyond_all,
    follow,
    go,
    known_level,
    settle,
    take_in,
)
from sensormon.detectors.recommended_row import (
    ACCEPT,
    ALARMS,
    AT,
    DRIFT,
    DRIFTS,
    FORECAST,
    FROZEN,
    JUMPS,
    LEAD,
    LEVEL,
    NO_CHART,
    QUIET,
    REACH,
    SHIFT,
    SHIFTS,
    SPIKE,
    SPIKES,
    STUCK,
    TAIL,
    TAIL_SPIKES,
    WARM_UP,
)
from sensormon.detectors.recommended_tail import fade, limit, tally, tally_run
from sensormon.model.readings import Floats

__all__ = [
    "ACCEPT",
    "AT",
    "DRIFTS",
    "FROZEN",
    "LEAD",
    "NO_CHART",
    "QUIET",
    "SHIFTS",
    "SPIKE",
    "SPIKES",
    "STUCK",
    "TAIL",
    "TAIL_SPIKES",
    "WARM_UP",
    "begin",
    "chart",
    "kernel",
    "step",
]

_MEAN_TO_SIGMA = 1.2533  # standard deviations in a mean absolute deviation, on normal noise
_TO_SIGMA = 1.4826  # standard deviations in a median absolute deviation, on normal noise
_STEP_NOISE = 0.2887  # standard deviation of the rounding to a step of 1: 1 / sqrt(12)
_MOST = 1e100  # units: numbers are cut off here, so that their squares are finite


@numba.njit(cache=False)
def _clip(number: float, most: float) -> float:
    return min(max(number, -most), most)


@numba.njit(cache=False)
def _flattened(values: Floats) -> Floats:
    """The first values, those before a jump as if the tag had been at its last level then."""
    flat, lasts = values.copy(), JUMPS.lasts
    steps = np.empty(len(values) - 1)
    for j in range(1, len(values)):
        steps[j - 1] = abs(values[j] - values[j - 1])
    usual = _TO_SIGMA * ordered(steps)[len(values) // 2] / np.sqrt(2.0)
    for j in range(lasts, len(values) - lasts + 1):
        jump = abs(values[j] - values[j - 1])
        if usual > 0.0 and jump > JUMPS.first * usual:
            change = middle_of(values[j : j + lasts]) - middle_of(values[j - lasts : j])
            if abs(abs(change) - jump) <= JUMPS.alike * jump:
                for i in range(j):
                    flat[i] += change
    return flat


@numba.njit(cache=False)
def begin(resolution: float, row: Floats) -> None:
    """Centre, forecast and noise from the first values, with those far off left out."""
    values = _flattened(row[AT.first : AT.first + WARM_UP])
    middle = ordered(values)[WARM_UP // 2]
    size, farthest = 0.0, 0.0
    for j in range(WARM_UP):
        size, farthest = max(size, abs(values[j])), max(farthest, abs(values[j] - middle))
    unit = max(farthest, resolution, ROUNDING * size, 1e-300)
    # Squares of differences in this unit are neither lost nor infinite, whatever the tag's size.
    row[AT.unit] = unit
    off, distances, total = np.empty(WARM_UP), np.empty(WARM_UP), 0.0
    for j in range(WARM_UP):
        off[j] = (values[j] - middle) / unit
        distances[j] = abs(off[j])
        total += distances[j]
    near = 4.0 * max(_TO_SIGMA * ordered(distances)[WARM_UP // 2], FORECAST.least * (total / WARM_UP))
    kept, count = 0.0, 0
    for j in range(WARM_UP):
        if abs(off[j]) <= near:
            kept += off[j]
            count += 1
    shift = kept / max(count, 1)
    row[AT.centre] = middle + shift * unit
    errors = np.empty(WARM_UP)
    before, lag = 0.0, 0.0
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
    total = 0.0
    for j in range(WARM_UP):
        total += errors[j]
    spread = total / WARM_UP
    sigma = _noise(errors, spread)
    for j in range(WARM_UP):
        if sigma > 0.0 and errors[j] < TAIL.start * np.exp(TAIL.gap * TAIL.bin) * sigma:
            tally(row, errors[j] / sigma, 1.0)
    row[AT.readings], row[AT.learned], row[AT.weight] = WARM_UP, WARM_UP, WARM_UP
    row[AT.level] = row[AT.centre] + lag * unit
    row[AT.before], row[AT.other] = before, before
    row[AT.recent], row[AT.near], row[AT.length] = row[AT.level], row[AT.level], REACH.first
    row[AT.low], row[AT.high] = row[AT.level], row[AT.level]
    row[AT.sigma], row[AT.spread] = sigma, spread
    repeats = 0.0
    for j in range(AT.first + 1, AT.first + WARM_UP):
        repeats += 1.0 if row[j] == row[j - 1] else 0.0
    row[AT.last], row[AT.repeats] = row[AT.first + WARM_UP - 1], repeats / (WARM_UP - 1)


@numba.njit(cache=False)
def _noise(errors: Floats, spread: float) -> float:
    """The standard deviation of the errors that are not far off."""
    sigma = max(_TO_SIGMA * ordered(errors)[WARM_UP // 2], FORECAST.least * spread)
    for _ in range(5):
        kept, count = 0.0, 0
        for error in errors:
            if error <= 4.0 * sigma:
                kept += error
                count += 1
        sigma = max(_MEAN_TO_SIGMA * kept / max(count, 1), FORECAST.least * spread)
    return float(sigma)


@numba.njit(cache=False)
def _coefficients(row: Floats) -> tuple[float, float]:
    """What the reading before and the local level are worth: least squares with a small ridge."""
    m = row[AT.moments : AT.moments + 5]
    a, d = m[0] * (1.0 + FORECAST.ridge) + 1e-300, m[2] * (1.0 + FORECAST.ridge) + 1e-300
    det = a * d - m[1] * m[1]
    if det <= 1e-12 * a * d:
        return m[3] / a, 0.0
    return (m[3] * d - m[4] * m[1]) / det, (a * m[4] - m[1] * m[3]) / det


@numba.njit(cache=False)
def _weigh(row: Floats, before: float, lag: float, now: float, weight: float) -> None:
    m = row[AT.moments : AT.moments + 5]
    m[0] += (before * before - m[0]) * weight
    m[1] += (before * lag - m[1]) * weight
    m[2] += (lag * lag - m[2]) * weight
    m[3] += (now * before - m[3]) * weight
    m[4] += (now * lag - m[4]) * weight


def judge(params: Floats, facts: Floats, row: Floats, value: float, _time: int, out: Floats) -> None:
    """One reading of one tag; the only parameter is the threshold."""
    chart(params[0], facts[RESOLUTION], row, value, out)


@numba.njit(cache=False, inline="always")
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


@numba.njit(cache=False)
def step(threshold: float, resolution: float, row: Floats, value: float, out: Floats) -> None:
    """Score a reading, then learn it."""
    off, lag, predicted, plain = _forecast(row, value)
    unit = row[AT.unit]
    least, floor = _rounding(row, value, resolution)
    sigma = max(row[AT.sigma], FORECAST.least * row[AT.spread], floor)
    z = _standardised(off - predicted, sigma, least)
    spike_limit, heavy = limit(row)
    tail = spike_limit / SPIKE.limit
    flood = 1.0 + ALARMS.widening * row[AT.alarms]
    _pass(row)

    exceeds = abs(z) / tail > threshold
    # Around a level the tag varies as much as its errors, or more if it is autocorrelated.
    around = max(sigma, np.sqrt(row[AT.moments])) * unit
    target = known_level(row, value, around) if exceeds else NOWHERE
    late = _late(row, z, exceeds, target) / tail
    if target != NOWHERE:
        off = _clip((value - row[AT.centre]) / unit, _MOST)
        lag, predicted, plain = 0.0, 0.0, 0.0
        z, exceeds = _clip(off / sigma, SPIKE.limit), False
    flagged = _spike(
        row, sigma, z, off, exceeds, heavy, spike_limit > SPIKE.mild, abs(z) / tail > threshold * flood
    )
    soft = tail**ALARMS.soften
    lone = exceeds and not heavy and row[AT.run] <= 2.0
    shift = _cusum(row, 0.0 if lone else _clip(z / soft, SHIFT.clip)) / flood
    drift = _drift(row, lag, sigma) / soft
    reach = SPIKE.limit * beyond_all(row, sigma * unit) / soft / flood
    stuck = SPIKE.limit * _stuck(row, value)
    lasting, frozen = max(shift, drift) > threshold, stuck > threshold
    # What is no news: a jump of which the first reading was flagged, and new levels where they are usual.
    stale = (row[AT.run] > 2.0 and not heavy) or row[AT.strays] >= JUMPS.habit
    alarm = ((lasting and not stale) or reach > threshold or frozen) and row[AT.shift_quiet] == 0.0
    _note(row, lasting, reach > threshold, frozen, alarm, heavy)

    chart = max(shift, drift, reach, stuck)
    score = max(
        late,
        abs(z) / tail if flagged else min(abs(z) / tail, threshold),
        chart if alarm else min(chart, threshold),
    )
    centre = row[AT.centre]
    _write(out, score, centre + predicted * unit, max(threshold * tail * sigma, least) * unit)
    lasting_chart = SHIFTS if shift > threshold else DRIFTS
    spiked = flagged or late > threshold
    row[AT.spoke] = _spoke(frozen and alarm, spiked, heavy, lasting_chart if alarm else NO_CHART)

    follow(row, centre + (plain if exceeds else predicted + _clip(off - predicted, 4.0 * sigma)) * unit)
    error = off - predicted
    if lasting or row[AT.run] >= ACCEPT:
        level = _new_level(row, around)
        _accept(row, level)
        predicted, plain, off, lag = predicted - level, off - level, off - level, 0.0
    fade(row, alarm or (flagged and heavy))
    # One absurd value must not blind the tag, but off a flat line there is nothing to hold it against.
    most = SPIKE.absurd * sigma if sigma > floor else _MOST
    row[AT.spread] += (min(abs(error), most) - row[AT.spread]) / TAIL.memory
    row[AT.recent] += _clip(value - row[AT.recent], min(most, _MOST) * unit) / LEVEL.newest
    if exceeds or row[AT.frozen] > 0.0:
        _hold(row, plain, off)
    else:
        _learn(row, predicted, error, lag, sigma, heavy)


@numba.njit(cache=False)
def _spoke(frozen: bool, spiked: bool, heavy: bool, lasting: int) -> int:
    """The chart that flagged a reading."""
    if frozen:
        return FROZEN
    if spiked:
        return TAIL_SPIKES if heavy else SPIKES
    return lasting


@numba.njit(cache=False)
def _hold(row: Floats, plain: float, off: float) -> None:
    """Go on from what was expected, not from the reading."""
    row[AT.level] += ((row[AT.centre] + plain * row[AT.unit]) - row[AT.level]) / FORECAST.local
    row[AT.before], row[AT.other] = plain, off


@numba.njit(cache=False)
def _rounding(row: Floats, value: float, resolution: float) -> tuple[float, float]:
    """The least error that is one, and the least standard deviation of errors."""
    unit, centre = row[AT.unit], abs(row[AT.centre])
    least = resolution / unit + ROUNDING * min(max(centre, abs(value)) / unit, _MOST)
    return least, max(_STEP_NOISE * resolution / unit, ROUNDING * centre / unit, 1e-300)


@numba.njit(cache=False)
def _standardised(error: float, sigma: float, least: float) -> float:
    return _clip(error / max(sigma, abs(error) / HIGHEST), HIGHEST) if abs(error) > least else 0.0


@numba.njit(cache=False)
def _pass(row: Floats) -> None:
    """One reading less of the quiet times, one more at the level."""
    row[AT.shift_quiet] = max(row[AT.shift_quiet] - 1.0, 0.0)
    row[AT.burst_quiet] = max(row[AT.burst_quiet] - 1.0, 0.0)
    row[AT.stay] += 1.0


@numba.njit(cache=False)
def _late(row: Floats, z: float, exceeds: bool, target: int) -> float:
    """The size of a spike that only this reading shows to be one, 0 if none; lets the tag be at `target`."""
    waiting, row[AT.waiting] = row[AT.waiting], 0.0
    if target != NOWHERE:
        return abs(z) if go(row, target) else 0.0
    is_back = not exceeds or (z > 0.0) != (row[AT.side] > 0.0)
    return float(waiting) if is_back or row[AT.strays] < JUMPS.habit else 0.0


@numba.njit(cache=False)
def _note(row: Floats, lasting: bool, beyond: bool, frozen: bool, alarm: bool, heavy: bool) -> None:
    """What follows from what the charts say."""
    if frozen:
        row[AT.longest] = row[AT.same]
        row[AT.frozen] = 1.0
    if beyond:
        take_in(row)
    if lasting or alarm:
        row[AT.shift_quiet] = QUIET
    if lasting and heavy:
        row[AT.burst_quiet] = QUIET


@numba.njit(cache=False)
def _new_level(row: Floats, around: float) -> float:
    """Where the tag is now, off the centre; the end of the run that led there."""
    if row[AT.run] <= LEVEL.trusted_run:
        tally_run(row)
        return float(_clip((row[AT.recent] - row[AT.centre]) / row[AT.unit], _MOST))
    level = row[AT.run_mean]
    known = settle(row, row[AT.centre] + level * row[AT.unit], around)
    # A jump that comes again says nothing of the tail, and a new one counts once, however long it took.
    row[AT.run] = 0.0 if known else 1.0
    tally_run(row)
    return float(level)


@numba.njit(cache=False)
def _forecast(row: Floats, value: float) -> tuple[float, float, float, float]:
    """How far off the centre are the reading, the local level and what was to be expected.

    The last of the four is what was to be expected if the reading before was a spike.
    """
    off = _clip((value - row[AT.centre]) / row[AT.unit], _MOST)
    lag = _clip((row[AT.level] - row[AT.centre]) / row[AT.unit], _MOST)
    first, second = _coefficients(row)
    plain = _clip(first * row[AT.before] + second * lag, _MOST)
    # After a reading that was not learned: either it was a spike, or the tag is now there.
    other = _clip(first * row[AT.other] + second * lag, _MOST)
    return off, lag, (other if abs(off - other) < abs(off - plain) else plain), plain


@numba.njit(cache=False)
def _spike(
    row: Floats, sigma: float, z: float, off: float, exceeds: bool, heavy: bool, crowded: bool, clear: bool
) -> bool:
    """Whether a reading beyond the limit is an event of its own; also counts runs of such."""
    side = (1.0 if z > 0.0 else -1.0) if exceeds else 0.0
    if side != row[AT.side]:
        tally_run(row)
    row[AT.side] = side
    if not exceeds:
        tally(row, abs(z), 1.0)
        return False
    # The second at the height of the first goes on with it, unless spikes are frequent.
    again = not crowded and row[AT.run] == 1.0 and abs(off - row[AT.run_mean]) <= JUMPS.near * sigma
    row[AT.run] += 1.0
    row[AT.run_mean] += (off - row[AT.run_mean]) / row[AT.run]
    row[AT.run_size] += (abs(z) - row[AT.run_size]) / row[AT.run]
    new = row[AT.burst_quiet] == 0.0 or abs(z) > 2.0 * row[AT.largest]
    flagged = row[AT.run] <= 2.0 and not again and (not heavy or (clear and new))
    if flagged:
        row[AT.largest] = abs(z)
        if heavy:
            row[AT.burst_quiet] = QUIET
        elif row[AT.lately] >= JUMPS.habit:
            # A tag that jumps: the next reading says whether this is a spike or the way to another level.
            row[AT.waiting] = abs(z)
            return False
    return flagged


@numba.njit(cache=False)
def _write(out: Floats, score: float, expected: float, margin: float) -> None:
    huge = np.finfo(np.float64).max
    out[SCORE] = min(score, HIGHEST)
    out[EXPECTED] = _clip(expected, huge)
    out[LOWER] = _clip(expected - margin, huge)
    out[UPPER] = _clip(expected + margin, huge)


@numba.njit(cache=False)
def _accept(row: Floats, level: float) -> None:
    """The tag's centre is now this far off the old one."""
    row[AT.above], row[AT.below] = 0.0, 0.0
    row[AT.run], row[AT.side], row[AT.run_mean] = 0.0, 0.0, 0.0
    row[AT.centre] = _clip(row[AT.centre] + level * row[AT.unit], np.finfo(np.float64).max)
    row[AT.level], row[AT.recent] = row[AT.centre], row[AT.centre]
    row[AT.readings] = LEVEL.settled
    row[AT.before] = _clip(row[AT.before] - level, _MOST)
    row[AT.other] = _clip(row[AT.other] - level, _MOST)


@numba.njit(cache=False)
def _cusum(row: Floats, z: float) -> float:
    """One more error into the sums; the larger one in units of its limit."""
    row[AT.above] = max(0.0, row[AT.above] + z - SHIFT.slack)
    row[AT.below] = max(0.0, row[AT.below] - z - SHIFT.slack)
    return float(max(row[AT.above], row[AT.below]) * SPIKE.limit / SHIFT.decision)


@numba.njit(cache=False)
def _drift(row: Floats, lag: float, sigma: float) -> float:
    usual = np.sqrt(row[AT.moments + 2]) + DRIFT.floor * sigma
    return float(SPIKE.limit * min(abs(lag) / usual, HIGHEST) / DRIFT.limit)


@numba.njit(cache=False)
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


@numba.njit(cache=False)
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
