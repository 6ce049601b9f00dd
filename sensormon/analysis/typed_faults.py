"""Faults of every kind on clean backgrounds, and whether a detector sees them; pure functions.

A fault happens to the noise or to the true value, before the sensor rounds, holds or loses it;
a stuck sensor repeats the last value that it reported. It begins after `CLEAN` clean readings
or later, at any phase of a day, and lasts 200 readings; a spike is one reading. It is seen if a
reading of it is flagged; a spike if it or the reading after it is.

Flags by chance count too, so `seen` also says how often the same readings are flagged without
the fault. What that leaves out: a flag that chance would have raised and that the fault put off.

>>> series = background("AR(1) 0", 3000, seed=0)
>>> faulty = with_fault(series, "spike", seed=0)
>>> int(np.flatnonzero(faulty.values != series.values)[0]) == faulty.first
True
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from sensormon.analysis.backgrounds import DAY, Background, background
from sensormon.model.readings import Bools, Floats, Ints

Flag = Callable[[Floats, Ints], Bools]
"""Flags a series, given its values (NaN where lost) and its times (µs UTC); one flag a reading."""

SPIKE, SHIFT, DRIFT, STUCK = "spike", "shift", "drift", "stuck"
NOISE, OSCILLATION, QUIET = "noise", "oscillation", "quiet"
FAULTS = {
    SPIKE: "spike 6σ",
    SHIFT: "shift 2σ",
    DRIFT: "drift to 3σ",
    STUCK: "stuck",
    NOISE: "noise x 3",
    OSCILLATION: "oscillation 2σ",
    QUIET: "noise x 0.2",
}
"""The faults and what they are called in tables."""
COUNTED = (SPIKE, SHIFT, DRIFT, STUCK, NOISE, OSCILLATION)
"""The faults that make up the share found; quieter noise is reported beside them."""

CLEAN = 2000
"""Clean readings before a fault, at least; a day more at most."""
LASTS = 200
"""Readings of a fault."""
ROWS = CLEAN + DAY + 2 * LASTS
"""How long a series must be to have a fault."""


@dataclass(frozen=True, eq=False)
class Faulty:
    """A series with a fault, and the readings (first, last) of which a flag counts as having seen it."""

    values: Floats
    times: Ints
    first: int
    last: int

    def is_seen(self, flags: Bools) -> bool:
        """Whether one of those readings is flagged."""
        return bool(flags[self.first : self.last + 1].any())


@dataclass(frozen=True)
class Seen:
    """Of `runs` with a fault, how many a detector saw, and how many it flags there without the fault."""

    runs: int
    seen: int
    by_chance: int

    def __add__(self, other: Seen) -> Seen:
        """The runs of both."""
        return Seen(self.runs + other.runs, self.seen + other.seen, self.by_chance + other.by_chance)

    @property
    def share(self) -> float:
        """The share of the runs in which the fault was seen; NaN without a run."""
        return self.seen / self.runs if self.runs else math.nan

    @property
    def chance(self) -> float:
        """The share of the runs in which chance alone raises a flag; NaN without a run."""
        return self.by_chance / self.runs if self.runs else math.nan


def with_fault(series: Background, fault: str, seed: int) -> Faulty:
    """The series with this fault; where it begins, its direction and its period are drawn.

    A spike comes where a reading is not lost. Raises ValueError for an unknown fault or a
    series shorter than `ROWS`.
    """
    if fault not in FAULTS:
        raise ValueError(f"there is no fault {fault!r}")
    if len(series.times) < ROWS:
        raise ValueError(f"{len(series.times)} readings, fewer than {ROWS}")
    random = np.random.default_rng([seed, *fault.encode()])
    first = CLEAN + int(random.integers(DAY))
    direction = 1.0 if series.one_sided else float(random.choice([-1.0, 1.0]))
    period = float(random.uniform(10, 20))
    if fault == SPIKE:
        first += int(np.argmax(np.isfinite(series.values[first:])))
        noise = series.noise.copy()
        noise[first] += 6 * series.tail * direction
        return Faulty(series.report(series.signal + noise), series.times, first, first + 1)
    part = slice(first, first + LASTS)
    age = np.arange(1, LASTS + 1)
    if fault == STUCK:
        values = series.values.copy()
        received = np.isfinite(values)
        values[part][received[part]] = values[:first][received[:first]][-1]
        return Faulty(values, series.times, first, first + LASTS - 1)
    noise = series.noise.copy()
    if fault == SHIFT:
        noise[part] += 2 * series.sigma * direction
    elif fault == DRIFT:
        noise[part] += 3 * series.sigma * direction * age / LASTS
    elif fault == OSCILLATION:
        noise[part] += 2 * series.sigma * np.sin(2 * np.pi * age / period)
    else:
        noise[part] *= 3.0 if fault == NOISE else 0.2
    return Faulty(series.report(series.signal + noise), series.times, first, first + LASTS - 1)


def faults_seen(
    flag: Flag, name: str, seeds: Iterable[int], faults: Iterable[str] = FAULTS
) -> dict[str, Seen]:
    """How often the detector sees each fault on this background, one run a seed.

    The detector must judge a reading by itself and those before it alone.
    """
    counts = {fault: Seen(0, 0, 0) for fault in faults}
    for seed in seeds:
        series = background(name, ROWS, seed)
        clean = flag(series.values, series.times)
        for fault in counts:
            faulty = with_fault(series, fault, seed)
            if np.array_equal(faulty.values, series.values, equal_nan=True):
                continue
            flags = flag(faulty.values, faulty.times)
            counts[fault] += Seen(1, int(faulty.is_seen(flags)), int(faulty.is_seen(clean)))
    return counts
