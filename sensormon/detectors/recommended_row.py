"""What the recommended detector's charts keep of a tag, and their constants.

What the detector does and misses is in the docstring of `sensormon.detectors.recommended`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

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
    mild: float = 4.2  # standard deviations: the limit if many readings are just beyond the usual one
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
    grown: float = 1000.0  # readings: a younger heavy tail reaches farther than was seen of it,
    growth: float = 0.5  # by this power of the age that it lacks
    mild: float = 0.0016  # share of the readings between a spike's limit and the tail's start
    mildly: float = 2.5  # readings that may always be there; more of them raise the limit
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


class Jumps(NamedTuple):
    """The memory of the levels between which a tag jumps, as a pump does."""

    levels: int = 8  # levels remembered
    near: float = 3.5  # standard deviations: a reading so near a level is at it
    visits: float = 2.0  # a level that the tag came to so often is known,
    stay: float = 300.0  # readings: and so is one at which it stayed for so long
    habit: float = 4.0  # jumps of late: from here on they are the tag's habit
    short: float = 3.0  # a visit this many times shorter than the shortest is a spike
    first: float = 7.0  # standard deviations of a jump in the warm-up
    lasts: int = 5  # readings before and after it that tell it from a spike
    alike: float = 0.3  # share by which their change may differ from the jump


class Reach(NamedTuple):
    """The chart of levels beyond all levels so far: a shift of a tag that goes up and down by itself."""

    memory: float = 10.0  # readings: of the level
    stretches: int = 8  # of equal length, whose ends are remembered; when full, two become one
    first: float = 64.0  # readings of the first ones
    least: int = 4  # stretches that must have passed
    margin: float = 1.0  # standard deviations beyond the farthest end,
    spread: float = 2.0  # and this many times the distance of the ends' quartiles


class Visits(NamedTuple):
    """Where it is kept of a level what."""

    centre: int = 0  # in the tag's unit
    readings: int = 1  # that the centre stands for
    visits: int = 2  # how often the tag came here; 0 for a free place
    shortest: int = 3  # readings of the shortest visit
    last: int = 4  # number of the jump by which the tag left last
    sigma: int = 5  # standard deviation of the errors here
    size: int = 6


FORECAST, SPIKE, TAIL, SHIFT, DRIFT = Forecast(), Spike(), Tail(), Shift(), Drift()
STUCK, ALARMS, LEVEL, JUMPS, REACH, OF = Stuck(), Alarms(), Level(), Jumps(), Reach(), Visits()


_LATER = 31 + Tail().bins + WARM_UP
"""The place behind the readings of the warm-up."""


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
    mild: int = _LATER  # readings between the limit of a spike and the start of the histogram
    run_size: int = _LATER + 1  # mean of the run, in standard deviations
    waiting: int = _LATER + 2  # a spike that is told by the next reading from a jump, in standard deviations
    spoke: int = _LATER + 3  # the chart that flagged the newest reading, NO_CHART if none
    here: int = _LATER + 4  # number of the level at which the tag is
    stay: int = _LATER + 5  # readings since it came there
    previous: int = _LATER + 6  # number of the level before
    previous_stay: int = _LATER + 7  # readings that it was there
    jumps: int = _LATER + 8  # jumps so far
    lately: int = _LATER + 9  # jumps of late
    strays: int = _LATER + 10  # jumps of late to levels that were not remembered
    near: int = _LATER + 11  # the level of the newest readings, in the tag's unit
    low: int = _LATER + 12  # its lowest and
    high: int = _LATER + 13  # highest in the present stretch
    length: int = _LATER + 14  # readings of a stretch
    passed: int = _LATER + 15  # readings of the present one
    ends: int = _LATER + 16  # stretches whose ends are remembered
    lows: int = _LATER + 17  # the stretches' lowest levels
    highs: int = _LATER + 17 + Reach().stretches  # and highest
    levels: int = _LATER + 17 + 2 * Reach().stretches  # `Jumps.levels` times `Visits.size`
    size: int = _LATER + 17 + 2 * Reach().stretches + Jumps().levels * Visits().size


AT = Places()

NO_CHART, SPIKES, TAIL_SPIKES, SHIFTS, DRIFTS, FROZEN = range(6)
"""Which chart flagged a reading; a spike over a heavy tail counts apart from a lone one."""
