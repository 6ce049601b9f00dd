"""What a tag usually does at an hour of the week and at a quarter of an hour of the day, learned as it goes.

A profile has one bin for each such time. A bin's number is the mean, over its last visits, of how far the tag
then was from its slow mean; a visit counts once, however many readings it had, and only when it is over. So
nothing is expected of a time that comes for the first time. How much of the profile is expected is learned as
well, by regression: a tag that does not care for the time of day has a gain near 0.

Hours and quarters are of UTC: where clocks change in spring and autumn, a profile of local habits
is an hour off until it has learned them again. Memories are in time where readings come often, and in
readings where they come seldom.

These functions are compiled into the kernel that uses them. They are not cached by
themselves: see `kernel.row_kernel`.
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np

from sensormon.model.readings import Floats

HOURS = 168
"""The bins of a week."""
QUARTERS = 96
"""The bins of a day."""
_HOUR, _QUARTER = 3_600_000_000, 900_000_000  # µs


class Memory(NamedTuple):
    """How long what is learned counts; a time in µs."""

    visits: float = 7.0  # of a bin
    mean: float = 1000.0  # readings: the slow mean, at least
    mean_time: float = 3.0e11  # and for this long (83 hours)
    gain: float = 3000.0  # readings: the regression, at least
    gain_time: float = 9.0e11  # and for this long (ten days)
    clip: float = 4.0  # root mean squares: one reading deviates by no more
    settled: float = 100.0  # first readings, which are not clipped


MEMORY = Memory()


class Places(NamedTuple):
    """Where the slow mean keeps what."""

    mean: int = 0
    square: int = 1  # mean square of the deviations
    time: int = 2  # of the reading before, µs
    size: int = 3


class BinPlaces(NamedTuple):
    """Where a profile keeps what."""

    bin: int = 0  # that is being visited
    total: int = 1  # of the visit's deviations
    readings: int = 2  # of the visit
    square: int = 3  # moments of the regression: of the profile
    product: int = 4  # and of profile and deviation
    learned: int = 5  # readings that they stand for
    first: int = 6  # the bins, and then how often each was visited


AT, BINS = Places(), BinPlaces()


def size(bins: int) -> int:
    """How many numbers a profile with this many bins keeps."""
    return BINS.first + 2 * bins


@numba.njit(cache=False)
def deviation(row: Floats, n: int, value: float, time: int) -> tuple[float, float]:
    """How far reading `n`, counted from 0, is from the slow mean, clipped, and the time since the one before.

    Then the mean takes it in. `row` has `AT.size` numbers; the time is in µs and not negative.
    """
    if n == 0:
        row[AT.mean] = value
    since = max(time - row[AT.time], 0.0) if n > 0 else 0.0
    row[AT.time] = time
    off = value - row[AT.mean]
    most = MEMORY.clip * np.sqrt(row[AT.square]) if n >= MEMORY.settled else abs(off)
    # The mean square takes in twice as much, so that it can grow.
    square = min(abs(off), 2.0 * most) ** 2
    row[AT.square] += (square - row[AT.square]) / min(n + 1.0, MEMORY.gain)
    row[AT.mean] += off * _weight(n + 1.0, since / MEMORY.mean_time, MEMORY.mean)
    return min(max(off, -most), most), since


@numba.njit(cache=False)
def _weight(n: float, share: float, memory: float) -> float:
    """What reading `n` counts in a mean: 1/n at first, then its share of the time, 1/`memory` at most."""
    return max(1.0 / n, min(share, 1.0 / memory))


@numba.njit(cache=False)
def hour_of_week(time: int) -> int:
    """From 0; the week begins on a Thursday, as 1970 did."""
    return int(time // _HOUR % HOURS)


@numba.njit(cache=False)
def quarter_of_day(time: int) -> int:
    """The quarter of an hour, from 0."""
    return int(time // _QUARTER % QUARTERS)


@numba.njit(cache=False)
def usual(row: Floats, now: int, off: float, since: float) -> float:
    """What the profile expects in the bin `now`; then it learns that the tag was `off` its mean.

    `since` is the time since the reading before, µs. `row` has `size` numbers.
    """
    bins = (len(row) - BINS.first) // 2
    values, visits = row[BINS.first : BINS.first + bins], row[BINS.first + bins :]
    before = int(row[BINS.bin])
    if now != before:
        if row[BINS.readings] > 0.0:
            visits[before] += 1.0
            mean = row[BINS.total] / row[BINS.readings]
            values[before] += (mean - values[before]) / min(visits[before], MEMORY.visits)
        row[BINS.bin], row[BINS.total], row[BINS.readings] = now, 0.0, 0.0
    expected = 0.0
    if visits[now] > 0.0:
        profile = values[now]
        if row[BINS.square] > 0.0:
            expected = profile * min(max(row[BINS.product] / row[BINS.square], 0.0), 1.0)
        row[BINS.learned] += 1.0
        weight = _weight(row[BINS.learned], since / MEMORY.gain_time, MEMORY.gain)
        row[BINS.square] += (profile * profile - row[BINS.square]) * weight
        row[BINS.product] += (profile * off - row[BINS.product]) * weight
    row[BINS.total] += off
    row[BINS.readings] += 1.0
    return expected
