"""Clean series of many kinds, for one tag and for several: what a detector should leave alone.

Plain seeded functions: the same name, rows and seed give the same series. A `Background` keeps
apart what goes on (`signal`), the noise on it and what the sensor makes of both (`report`), so
that a fault can be put where it happens, before the sensor rounds, holds or loses a reading;
`sensormon.analysis.typed_faults` does so. Readings are five minutes apart, 288 a day, from
a Monday, midnight UTC, on.

The size of a fault is measured in `sigma`, the noise's standard deviation. The noise of a random
walk is what is left of it between straight lines over 200 readings, the length of a fault. The
size of a spike is measured in `tail`: the standard deviation of the normal noise that goes as far
out as this noise in one of 2,000 readings. So a spike of 6 lies 1.7 times as far out as what is
seen once in 2,000 readings on every background: on heavy tails too, where 6 standard
deviations are nothing special.

>>> background("t3", 1000, seed=0).values.shape
(1000,)
>>> rows_background("one of six late", 1000, seed=0).values.shape
(1000, 6)
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sensormon.analysis.synthetic import autoregressive, correlated_rows
from sensormon.model.readings import Floats, Ints

Report = Callable[[Floats], Floats]
"""What a sensor reports of the true values, NaN where a reading is lost."""

DAY = 288
"""Readings of a day."""
STEP = 300_000_000
"""Time between readings, µs."""
MONDAY = 1_704_067_200_000_000
"""The time of the first reading, 2024-01-01 00:00 UTC, in µs."""
BRIDGE = 200
"""A walk's noise is its distance from straight lines over this many readings."""
RARE = 1 / 2000
"""The share of the readings that defines the unit of a spike."""

_SETTLE = 1000  # readings to leave out until an autoregression has forgotten its start
_NORMAL_TAIL = 3.4808  # standard deviations that one of 2,000 normal readings exceeds, up or down


@dataclass(frozen=True, eq=False)
class Background:
    """A clean series of one tag: signal plus noise as its sensor reports them, and the times (µs UTC).

    `sigma` and `tail` are the units of faults and of spikes. `one_sided`: values cannot fall
    below 0, as counts cannot, so a spike goes up.
    """

    signal: Floats
    noise: Floats
    times: Ints
    report: Report
    sigma: float
    tail: float
    one_sided: bool = False

    @property
    def values(self) -> Floats:
        """What is recorded; NaN where a reading is lost."""
        return self.report(self.signal + self.noise)


@dataclass(frozen=True, eq=False)
class RowsBackground:
    """Clean rows of several tags, one column a tag, NaN where a cell is lost, and their times (µs UTC)."""

    values: Floats
    times: Ints


def background(name: str, rows: int, seed: int) -> Background:
    """This many readings of the background with this name, one of BACKGROUNDS."""
    return BACKGROUNDS[name](rows, np.random.default_rng([seed, *name.encode()]))


def rows_background(name: str, rows: int, seed: int) -> RowsBackground:
    """This many rows of the background with this name, one of ROWS_BACKGROUNDS."""
    values = ROWS_BACKGROUNDS[name](rows, np.random.default_rng([seed, *name.encode()]))
    return RowsBackground(values, steady_times(rows))


def steady_times(rows: int) -> Ints:
    """Times (µs UTC) of readings five minutes apart."""
    return MONDAY + np.arange(rows, dtype=np.int64) * STEP


# -- what sensors do ------------------------------------------------------------


def whole(values: Floats) -> Floats:
    """The values as they are."""
    return values


def _counted(random: np.random.Generator, rows: int) -> Report:
    """Whole numbers from 0 on; a fraction is the chance of the next one, so that a mean remains."""
    chance = random.random(rows)
    return lambda values: np.maximum(np.floor(values + chance), 0.0)


def _held(deadband: float) -> Report:
    """The last reported value until the true one has left its deadband."""

    def report(values: Floats) -> Floats:
        held = np.empty(len(values))
        last = math.inf
        for i, value in enumerate(values.tolist()):
            if abs(value - last) > deadband:
                last = value
            held[i] = last
        return held

    return report


def _losing(random: np.random.Generator, rows: int) -> Report:
    """A tenth of the readings lost one by one, another tenth in gaps of 20 on average."""
    lost = random.random(rows) < 0.1
    for start in np.flatnonzero(random.random(rows) < 0.1 / 20):
        lost[start : start + random.geometric(1 / 20)] = True
    return lambda values: np.where(lost, np.nan, values)


# -- one tag --------------------------------------------------------------------


def _plain(
    noise: Floats,
    signal: Floats | float = 0.0,
    *,
    sigma: float = 1.0,
    tail: float | None = None,
    report: Report = whole,
    one_sided: bool = False,
) -> Background:
    rows = len(noise)
    course = np.broadcast_to(np.asarray(signal, dtype=np.float64), (rows,))
    unit = sigma if tail is None else tail
    return Background(course, noise, steady_times(rows), report, sigma, unit, one_sided)


def _settled(phi: float, rows: int, random: np.random.Generator) -> Floats:
    return autoregressive(phi, rows + _SETTLE, random)[_SETTLE:]


def _ar(phi: float) -> Callable[[int, np.random.Generator], Background]:
    return lambda rows, random: _plain(_settled(phi, rows, random))


def _ar2(rows: int, random: np.random.Generator) -> Background:
    """A damped wave of period 20: complex roots with modulus 0.97."""
    first, second = 2 * 0.97 * math.cos(2 * math.pi / 20), -(0.97**2)
    share = (1 + second) * ((1 - second) ** 2 - first**2) / (1 - second)
    drawn = math.sqrt(share) * random.normal(size=rows + _SETTLE)
    noise = np.empty(len(drawn))
    before = last = 0.0
    for i, new in enumerate(drawn.tolist()):
        before, last = last, first * last + second * before + new
        noise[i] = last
    return _plain(noise[_SETTLE:])


def _walk(rows: int, random: np.random.Generator) -> Background:
    walk = np.cumsum(random.normal(size=rows))
    knots = np.append(np.arange(0, rows - 1, BRIDGE), rows - 1)
    lines = np.interp(np.arange(rows), knots, walk[knots])
    return _plain(walk - lines, lines, sigma=math.sqrt(BRIDGE / 6))


def _phase(times: Ints) -> Floats:
    """The share of the day that has gone by, 0 to below 1."""
    return (times % (DAY * STEP)) / (DAY * STEP)


def _sine(rows: int, random: np.random.Generator) -> Background:
    wave: Floats = 5 * np.sin(2 * np.pi * _phase(steady_times(rows)))
    return _plain(random.normal(size=rows), wave)


def _square(rows: int, random: np.random.Generator) -> Background:
    phase = _phase(steady_times(rows))
    return _plain(random.normal(size=rows), np.where((phase >= 0.375) & (phase < 0.75), 10.0, 0.0))


def _by_hour(rows: int, random: np.random.Generator) -> Background:
    """A standard deviation of 0.36 at midnight and of 1.48 at noon."""
    wave: Floats = 0.85 - 0.52 * np.cos(2 * np.pi * _phase(steady_times(rows)))
    spread = wave / math.sqrt(0.85**2 + 0.52**2 / 2)
    return _plain(spread * random.normal(size=rows), tail=1.28)


def _garch(rows: int, random: np.random.Generator) -> Background:
    """GARCH(1,1), 0.1 and 0.85 (Bollerslev 1986): calm and lively times that cluster."""
    noise = np.empty(rows + _SETTLE)
    variance, last = 1.0, 0.0
    for i, new in enumerate(random.normal(size=len(noise)).tolist()):
        variance = 0.05 + 0.1 * last * last + 0.85 * variance
        last = math.sqrt(variance) * new
        noise[i] = last
    return _plain(noise[_SETTLE:], tail=1.25)


def _t3(rows: int, random: np.random.Generator) -> Background:
    """Student's t with 3 degrees of freedom, of standard deviation 1."""
    return _plain(random.standard_t(3, rows) / math.sqrt(3), tail=16.326 / math.sqrt(3) / _NORMAL_TAIL)


def _lognormal(rows: int, random: np.random.Generator) -> Background:
    """The exponential of normal noise with standard deviation 0.6."""
    mean = math.exp(0.18)
    sigma = mean * math.sqrt(math.exp(0.36) - 1)
    far = math.exp(0.6 * 3.2905) - mean
    return _plain(
        np.exp(0.6 * random.normal(size=rows)) - mean,
        mean,
        sigma=sigma,
        tail=far / _NORMAL_TAIL,
        one_sided=True,
    )


def _integers(rows: int, random: np.random.Generator) -> Background:
    """Whole numbers of which two thirds are the same: the noise is half a step."""
    return _plain(0.5 * random.normal(size=rows), 20.0, sigma=0.5, report=np.round)


def _deadband(rows: int, random: np.random.Generator) -> Background:
    return _plain(_settled(0.9, rows, random), report=_held(0.5))


def _poisson(mean: float, rare: float) -> Callable[[int, np.random.Generator], Background]:
    """Counts; `rare` is the least count that fewer than one of 2,000 readings reach."""

    def draw(rows: int, random: np.random.Generator) -> Background:
        counts = random.poisson(mean, rows).astype(np.float64)
        return _plain(
            counts - mean,
            mean,
            sigma=math.sqrt(mean),
            tail=(rare - mean) / _NORMAL_TAIL,
            report=_counted(random, rows),
            one_sided=True,
        )

    return draw


def _bursts(rows: int, random: np.random.Generator) -> Background:
    """0, but for a burst of 5 readings on average every 100, exponential around its own height."""
    values = np.zeros(rows)
    for start in np.flatnonzero(random.random(rows) < 1 / 100):
        burst = values[start : start + int(random.geometric(1 / 5))]
        burst[:] = random.uniform(5, 15) * random.exponential(size=len(burst))
    return _plain(values, sigma=3.2, tail=14.7, one_sided=True)


def _stays(rows: int, random: np.random.Generator, shortest: int, longest: int) -> Ints:
    """The number of the stay each reading belongs to; a stay lasts `shortest` to `longest` readings."""
    lengths = random.integers(shortest, longest + 1, size=rows // shortest + 1)
    return np.repeat(np.arange(len(lengths), dtype=np.int64), lengths)[:rows]


def _set_points(rows: int, random: np.random.Generator) -> Background:
    """A level that changes every 200 to 800 readings, within a range of 20."""
    stay = _stays(rows, random, 200, 800)
    return _plain(random.normal(size=rows), random.uniform(0, 20, size=int(stay[-1]) + 1)[stay])


def _missing(rows: int, random: np.random.Generator) -> Background:
    return _plain(random.normal(size=rows), report=_losing(random, rows))


def _irregular(rows: int, random: np.random.Generator) -> Background:
    """A daily sine at times with exponential gaps of five minutes on average."""
    gaps = np.maximum(random.exponential(STEP, rows), 1e6).astype(np.int64)
    times = MONDAY + np.cumsum(gaps)
    signal = 5 * np.sin(2 * np.pi * _phase(times))
    return Background(signal, random.normal(size=rows), times, whole, 1.0, 1.0)


def batch_course(rows: int, random: np.random.Generator) -> Floats:
    """From 0 to 10 in 80 readings, 60 held, back in 20, and an idle time of 20 to 60."""
    ramp = np.concatenate([np.linspace(0, 10, 80), np.full(60, 10.0), np.linspace(10, 0, 20)])
    batches = []
    for idle in random.integers(20, 61, size=rows // 180 + 2).tolist():
        batches += [ramp, np.zeros(idle)]
    start = int(random.integers(160))
    return np.concatenate(batches)[start : start + rows]


def _batch(rows: int, random: np.random.Generator) -> Background:
    return _plain(random.normal(size=rows), batch_course(rows, random))


def _pump(rows: int, random: np.random.Generator) -> Background:
    """Off for 40 to 80 readings, on for 20 to 40."""
    off = random.integers(40, 81, size=rows // 60 + 1)
    on = random.integers(20, 41, size=rows // 60 + 1)
    states = np.tile([0.0, 10.0], len(off))
    return _plain(random.normal(size=rows), np.repeat(states, np.stack([off, on], 1).ravel())[:rows])


BACKGROUNDS: dict[str, Callable[[int, np.random.Generator], Background]] = {
    "AR(1) 0": _ar(0.0),
    "AR(1) 0.5": _ar(0.5),
    "AR(1) 0.9": _ar(0.9),
    "AR(1) 0.99": _ar(0.99),
    "AR(2) period 20": _ar2,
    "random walk": _walk,
    "daily sine": _sine,
    "daily square": _square,
    "variance by hour": _by_hour,
    "GARCH": _garch,
    "t3": _t3,
    "lognormal": _lognormal,
    "integers": _integers,
    "deadband": _deadband,
    "Poisson 0.1": _poisson(0.1, 3),
    "Poisson 3": _poisson(3.0, 11),
    "sparse bursts": _bursts,
    "set-point steps": _set_points,
    "20 % missing": _missing,
    "irregular times": _irregular,
    "batch ramps": _batch,
    "pump on/off": _pump,
}
"""The kinds of clean series of one tag, by name."""


# -- several tags ---------------------------------------------------------------

TAGS = 8
LATE = 370
"""Rows that the late tag misses."""


def _correlated(phi: float) -> Callable[[int, np.random.Generator], Floats]:
    return lambda rows, random: correlated_rows(phi, rows + _SETTLE, TAGS, random)[_SETTLE:]


def _gains(random: np.random.Generator) -> Floats:
    """How much each tag follows what all have in common, up or down."""
    gains: Floats = random.uniform(0.5, 1.5, TAGS) * random.choice([-1.0, 1.0], TAGS)
    return gains


def _related(rows: int, random: np.random.Generator) -> Floats:
    """Noise of standard deviation 1, half of its variance common to all tags."""
    common = random.normal(size=(rows, 1)) * np.sign(_gains(random))
    return (common + random.normal(size=(rows, TAGS))) / math.sqrt(2)


def _slow_walk(rows: int, random: np.random.Generator) -> Floats:
    """Noise on walks of 0.03 a row, a standard deviation in about 1,100 rows."""
    return _related(rows, random) + np.cumsum(0.03 * random.normal(size=(rows, TAGS)), axis=0)


def _long_cycle(rows: int, random: np.random.Generator) -> Floats:
    """A sine of 1,440 rows and of 2 to 6 standard deviations, of which a baseline sees a quarter."""
    wave = 2 * np.pi * np.arange(rows)[:, None] / 1440
    cycle = 4 * _gains(random) * np.sin(wave + random.uniform(0, 2 * np.pi, TAGS))
    values: Floats = _related(rows, random) + cycle
    return values


def _one_set_point(rows: int, random: np.random.Generator) -> Floats:
    """One tag changes its level, by up to 10 standard deviations, every 1,000 to 2,000 rows."""
    values = _related(rows, random)
    stay = _stays(rows, random, 1000, 2000)
    values[:, 0] += random.uniform(0, 10, size=int(stay[-1]) + 1)[stay]
    return values


def _one_late(rows: int, random: np.random.Generator) -> Floats:
    values = _related(rows, random)[:, :6].copy()
    values[:LATE, 5] = np.nan
    return values


def _cells_lost(share: float) -> Callable[[int, np.random.Generator], Floats]:
    def draw(rows: int, random: np.random.Generator) -> Floats:
        values = _related(rows, random)
        values[random.random(values.shape) < share] = np.nan
        return values

    return draw


def _batches(rows: int, random: np.random.Generator) -> Floats:
    values: Floats = _related(rows, random) + _gains(random) * batch_course(rows, random)[:, None]
    return values


ROWS_BACKGROUNDS: dict[str, Callable[[int, np.random.Generator], Floats]] = {
    "AR(1) 0": _correlated(0.0),
    "AR(1) 0.5": _correlated(0.5),
    "AR(1) 0.9": _correlated(0.9),
    "AR(1) 0.99": _correlated(0.99),
    "slow walk": _slow_walk,
    "cycle of 1,440": _long_cycle,
    "set-point steps of one": _one_set_point,
    "one of six late": _one_late,
    "10 % of cells lost": _cells_lost(0.1),
    "20 % of cells lost": _cells_lost(0.2),
    "batch": _batches,
}
"""The kinds of clean rows of several tags, by name."""
