"""How the recommended detector judges a reading: the views' mean, records, and what the charts say.

What the detector does and misses is in the docstring of `sensormon.detectors.recommended`. A tag has three
inputs: its value, the value without what is usual at the hour of the week, and without what is usual at the
quarter of an hour of the day. The views look at all three, the charts at the value itself.

What this module compiles in is not cached by itself: see `kernel.row_kernel`.
"""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

import numba
import numpy as np

from sensormon.detectors import recommended_charts as charts
from sensormon.detectors import recommended_views as views
from sensormon.detectors import weekly_profile as profile
from sensormon.detectors.kernel import EXPECTED, HIGHEST, RESOLUTION, ROUNDING, SCORE, N, row_kernel
from sensormon.model.readings import Floats

LEAD = charts.LEAD
INPUTS = 3


class Limits(NamedTuple):
    """From where on a reading is an anomaly, at a threshold of `charts.SPIKE.limit`."""

    mean: float = 2.25  # the mean of all views of all inputs
    record: float = 0.02  # share of the range by which a record exceeds it,
    young: float = 2000.0  # times 1 + this / age: a young tag breaks records all the time
    backing: float = 0.25  # share of their limit that the views must reach for a shift, and for
    spike: float = 4.0  # standard deviations of the forecast's errors: a lone spike,
    clear: float = 7.0  # or one so far out, in the quiet time after a flag, too,
    habit: float = 0.5  # unless the tag did not come back after more than this share of its last spikes,
    known: float = 200.0  # or has fewer readings than this


class Quiet(NamedTuple):
    """For how long after a flag only clear spikes and frozen values are flagged."""

    share: float = 0.05  # of the tag's age in readings
    least: float = 20.0  # readings
    most: float = 500.0  # readings


class Watch(NamedTuple):
    """How it is learned whether spikes are spikes, or steps to where the tag stays."""

    readings: float = 3.0  # after which a spike is over
    memory: float = 3.0  # spikes


LIMITS, QUIET, WATCH = Limits(), Quiet(), Watch()


class Reason(IntEnum):
    """What spoke loudest when a reading was flagged."""

    SPIKE = 1
    SHIFT = 2
    FROZEN = 3
    RECORD = 4
    SHAPE = 5
    COURSE = 6
    ORDER = 7
    RECORD_FOR_TIME = 8
    SHAPE_FOR_TIME = 9
    COURSE_FOR_TIME = 10
    ORDER_FOR_TIME = 11


# As plain numbers, for compiled code.
_SPIKE, _SHIFT, _FROZEN = int(Reason.SPIKE), int(Reason.SHIFT), int(Reason.FROZEN)
_VIEW, _VIEW_FOR_TIME = int(Reason.RECORD), int(Reason.RECORD_FOR_TIME)
_GRAIN, _REASONS = 1024.0, 16.0

_FAR = 1e15  # units: an input is cut off here, so that squares of 32-bit differences are finite
_LIMIT = charts.SPIKE.limit


class Places(NamedTuple):
    """Where a tag's row keeps what; the charts have the first places, of which place 0 is `kernel.N`."""

    unit: int = charts.AT.size  # range of the first values, 0 until they are known and not all equal
    origin: int = charts.AT.size + 1  # the first value
    seen: int = charts.AT.size + 2  # readings that the views have seen, or that wait for them
    quiet: int = charts.AT.size + 3  # readings that are still quiet
    watched: int = charts.AT.size + 4  # readings until it is seen whether the last spike was one
    spiked: int = charts.AT.size + 5  # that spike, in the tag's unit,
    before: int = charts.AT.size + 6  # and what was expected
    stayed: int = charts.AT.size + 7  # share of the last spikes after which the tag did not come back
    mean: int = charts.AT.size + 8  # the slow mean
    weekly: int = charts.AT.size + 8 + profile.AT.size
    daily: int = charts.AT.size + 8 + profile.AT.size + profile.size(profile.HOURS)
    blocks: int = (
        charts.AT.size + 8 + profile.AT.size + profile.size(profile.HOURS) + profile.size(profile.QUARTERS)
    )  # one an input; at first they hold the values and times of the warm-up
    size: int = (
        charts.AT.size
        + 8
        + profile.AT.size
        + profile.size(profile.HOURS)
        + profile.size(profile.QUARTERS)
        + INPUTS * views.BLOCK.size
    )


AT = Places()


def judge(params: Floats, facts: Floats, row: Floats, value: float, time: int, out: Floats) -> None:
    """One reading of one tag; the only parameter is the threshold."""
    threshold = params[0]
    charts.chart(threshold, facts[RESOLUTION], row[: charts.AT.size], value, out)
    _look(facts[RESOLUTION], row, value, time)
    if row[N] >= charts.WARM_UP:
        out[SCORE] = _score(threshold, row, out[SCORE])
        _watch(row, value, out[EXPECTED])


@numba.njit(cache=False)
def _look(resolution: float, row: Floats, value: float, time: int) -> None:
    """Show a reading to the views; the first ones wait until it is known how far apart they are."""
    if row[AT.unit] == 0.0:
        _wait(resolution, row, value, time)
    else:
        _see(resolution, row, value, time)


@numba.njit(cache=False)
def _wait(resolution: float, row: Floats, value: float, time: int) -> None:
    """Keep one of the first readings; once there are enough and they differ, the views see them all."""
    kept, most = int(row[AT.seen]), views.WARM_UP
    values = row[AT.blocks : AT.blocks + most]
    times = row[AT.blocks + most : AT.blocks + 2 * most]
    if kept < most:
        values[kept], times[kept] = value, time
        row[AT.seen] += 1.0
    if row[AT.seen] < most:
        return
    half = max(np.max(values), value) / 2.0 - min(np.min(values), value) / 2.0
    if half <= 0.0:
        return
    first, first_times = values.copy(), times.copy()
    row[AT.blocks : AT.size] = 0.0
    # Two small levels of the code are one step of the sensor.
    row[AT.unit] = max(2.0 * min(half, 8e307), views.ORDERS.levels / 2.0 * resolution)
    row[AT.origin] = first[0]
    row[AT.seen] = 0.0
    for j in range(most):
        _see(resolution, row, first[j], int(first_times[j]))
    if kept == most:
        _see(resolution, row, value, time)


@numba.njit(cache=False)
def _see(resolution: float, row: Floats, value: float, time: int) -> None:
    """Show a reading to the views of all inputs."""
    n, unit = int(row[AT.seen]), row[AT.unit]
    x = min(max(value / unit - row[AT.origin] / unit, -_FAR), _FAR)
    least = resolution / unit + ROUNDING * min(abs(value) / unit, _FAR)
    off, since = profile.deviation(row[AT.mean : AT.weekly], n, x, time)
    weekly = profile.usual(row[AT.weekly : AT.daily], profile.hour_of_week(time), off, since)
    daily = profile.usual(row[AT.daily : AT.blocks], profile.quarter_of_day(time), off, since)
    size = views.BLOCK.size
    views.look(row[AT.blocks : AT.blocks + size], n, x, least)
    views.look(row[AT.blocks + size : AT.blocks + 2 * size], n, x - weekly, least)
    views.look(row[AT.blocks + 2 * size : AT.blocks + 3 * size], n, x - daily, least)
    row[AT.seen] += 1.0


@numba.njit(cache=False)
def _score(threshold: float, row: Floats, chart: float) -> float:
    """The score of a reading that charts and views have seen; it names its reason if it is flagged."""
    spoke = int(row[charts.AT.spoke])
    quiet = row[AT.quiet] > 0.0
    row[AT.quiet] = max(row[AT.quiet] - 1.0, 0.0)
    score, reason = _novelty(row)
    backed = score > LIMITS.backing * _LIMIT
    # What is flagged in the quiet time, too.
    clear, clear_reason = 0.0, _SPIKE
    if spoke == charts.FROZEN:
        clear, clear_reason = chart, _FROZEN
    elif spoke == charts.SPIKES:
        size = max(row[charts.AT.largest], chart)
        if backed or (row[AT.stayed] <= LIMITS.habit and row[N] >= LIMITS.known):
            clear = _scaled(size, LIMITS.clear)
        if backed and _scaled(size, LIMITS.spike) > score:
            score, reason = _scaled(size, LIMITS.spike), _SPIKE
    elif spoke == charts.SHIFTS and backed and chart > score:
        score, reason = chart, _SHIFT
    if clear > threshold and (quiet or clear > score):
        score, reason = clear, clear_reason
    elif quiet or score <= threshold:
        return min(max(score, chart), threshold)
    row[AT.quiet] = min(max(QUIET.share * row[N], QUIET.least), QUIET.most)
    return named(score, reason)


@numba.njit(cache=False)
def _watch(row: Floats, value: float, expected: float) -> None:
    """Learn from the reading some time after a lone spike whether the tag comes back from such."""
    if row[AT.watched] > 0.0:
        row[AT.watched] -= 1.0
        if row[AT.watched] == 0.0:
            stayed = 1.0 if abs(value - row[AT.spiked]) < abs(value - row[AT.before]) else 0.0
            row[AT.stayed] += (stayed - row[AT.stayed]) / WATCH.memory
    elif row[charts.AT.spoke] == charts.SPIKES:
        row[AT.watched], row[AT.spiked], row[AT.before] = WATCH.readings, value, expected


@numba.njit(cache=False)
def _scaled(size: float, limit: float) -> float:
    """The score of a spike of this many standard deviations, with this many as its limit."""
    return size if size >= HIGHEST else size * _LIMIT / limit


@numba.njit(cache=False)
def _novelty(row: Floats) -> tuple[float, int]:
    """What the views say, in units of their limit times `charts.SPIKE.limit`, and which says most."""
    if row[AT.unit] == 0.0:
        return 0.0, _VIEW
    total, most, record = 0.0, -1.0, 0.0
    loudest, farthest = _VIEW, _VIEW
    for i in range(INPUTS):
        block = row[AT.blocks + i * views.BLOCK.size : AT.blocks + (i + 1) * views.BLOCK.size]
        first = _VIEW if i == 0 else _VIEW_FOR_TIME
        for view in range(views.VIEWS):
            said = views.largest(block, view)
            total += said
            if said > most:
                most, loudest = said, first + view
            if view == views.RECORD and i < INPUTS - 1 and said > record:
                record, farthest = said, first
    mean = total / (INPUTS * views.VIEWS) / LIMITS.mean
    least = views.RECORDS.gain * LIMITS.record * (1.0 + LIMITS.young / max(row[AT.seen], 1.0))
    if record / least > mean:
        return _LIMIT * record / least, farthest
    return _LIMIT * mean, loudest


@numba.njit(cache=False)
def named(score: float, reason: int) -> float:
    """The score, raised by less than 0.002; its binary places from the eleventh on name the reason."""
    return float(np.floor(score * _GRAIN) / _GRAIN + 1.0 / _GRAIN + reason / (_GRAIN * _REASONS))


def reason_of(score: float) -> Reason | None:
    """What the score of a flagged reading names as its reason; None if it names none."""
    number = score * _GRAIN * _REASONS % _REASONS
    return Reason(int(number)) if number in list(Reason) else None


kernel = row_kernel(judge)
