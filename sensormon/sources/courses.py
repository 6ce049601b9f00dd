"""Where each simulated tag would be without noise: the slow course of a fermentation batch.

A tag's course is the sum of
- its profile's points as a smooth curve that repeats with the batch and turns back to its
  first point at the end, without a jump (monotone cubic, Fritsch and Carlson, SIAM J. Numer.
  Anal. 17, 1980, so it never swings past its points);
- a wander, three slow sines of seeded periods that have no common multiple;
- its profile's ripple, a smooth sawtooth.

A tag without a profile gets a seeded course, no faster than its noise allows: a course that
outruns the noise within a detector's window would itself look like an anomaly.

Keys of a profile, all optional: `simulate` (false: the tag is left alone),
`period_hours`, `course` (a list of [part of the batch in 0 to below 1, part of the normal band in
0 to 1], at least two), `ripple` (`amplitude` in the tag's unit, `period_minutes`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from sensormon.model.clock import SECOND
from sensormon.model.errors import UsageError
from sensormon.model.readings import Floats, Ints
from sensormon.model.tags import Tag
from sensormon.sources.draws import Draws

DEFAULT_HOURS = 8.0
"""Length of a batch if the profile does not give it."""

_SLOPE = 0.004
"""Fastest seeded movement, in standard deviations of the noise a second."""
_WANDER = 0.025
"""Half the height of the wander, as a part of the normal band, if the noise allows it."""
_WANDER_MINUTES = (25.0, 90.0)
_DEFAULT_SWING = 0.3
_SAWTOOTH_PEAK = 1.299038105676658  # the highest value of sin x + sin(2x) / 2
_COURSE, _WANDER_STREAM = 1, 2


def band(tag: Tag) -> tuple[float, float]:
    """The band that the simulator keeps this tag in, in its unit.

    The normal band; without one the middle half of the valid range; without that, one
    unit at the finite end of the range, or 0 to 1.
    """
    if tag.normal and all(map(math.isfinite, tag.normal)):
        return tag.normal
    low, high = tag.valid
    if math.isfinite(low) and math.isfinite(high):
        return low + (high - low) / 4, high - (high - low) / 4
    if math.isfinite(low):
        return low, low + 1.0
    return (high - 1.0, high) if math.isfinite(high) else (0.0, 1.0)


class Courses:
    """The courses of these tags. Raises UsageError, naming tag and key, for a wrong profile."""

    def __init__(self, tags: Sequence[Tag], draws: Draws) -> None:
        profiles = [_Profile(tag) for tag in tags]
        bands = np.array([band(tag) for tag in tags], dtype=np.float64).reshape(-1, 2)
        self._low, self._width = bands[:, 0], bands[:, 1] - bands[:, 0]
        noise = np.array([tag.noise for tag in tags], dtype=np.float64)
        slope = np.where(noise > 0, _SLOPE * noise, np.inf)  # unit a second

        kinds = np.arange(3, dtype=np.int64)
        wait, phase, *_ = draws.at(kinds, _WANDER_STREAM)
        shortest, longest = _WANDER_MINUTES
        periods = 60.0 * (shortest + (longest - shortest) * wait)  # seconds
        self._turn = 2 * math.pi / periods
        self._phase = 2 * math.pi * phase
        self._wander = np.minimum(_WANDER * self._width, slope / self._turn.sum(axis=0)) / len(kinds)

        self._period = np.array([profile.period for profile in profiles])  # seconds
        middle, *_ = draws.at(np.zeros(1, dtype=np.int64), _COURSE)
        fastest = 2.0 * math.pi / self._period
        swing = np.minimum(_DEFAULT_SWING, slope / fastest / self._width / 2)
        points = [
            profile.course or _seeded(float(start), float(height))
            for profile, start, height in zip(profiles, middle[0], swing, strict=True)
        ]
        self._curve = _Curve(points)
        ripples = np.array([profile.ripple for profile in profiles], dtype=np.float64).reshape(-1, 2)
        self._ripple, self._ripple_turn = ripples[:, 0], 2 * math.pi / ripples[:, 1]

    def at(self, times: Ints) -> Floats:
        """The value of each tag at each time (µs UTC), in its unit: shape (times, tags)."""
        seconds = (times / SECOND)[:, None]
        smooth = self._low + self._width * self._curve.at((seconds % self._period) / self._period)
        for turn, phase in zip(self._turn, self._phase, strict=True):
            smooth += self._wander * np.sin(turn * seconds + phase)
        if self._ripple.any():
            angle = self._ripple_turn * seconds
            smooth += self._ripple / _SAWTOOTH_PEAK * (np.sin(angle) + np.sin(2 * angle) / 2)
        inside: Floats = np.clip(smooth, self._low, self._low + self._width)
        return inside


def _seeded(start: float, swing: float) -> list[tuple[float, float]]:
    """A course around the middle of the band, `swing` (a part of the band) up and down."""
    return [(k / 8, 0.5 + swing * math.sin(2 * math.pi * (k / 8 + start))) for k in range(8)]


class _Curve:
    """Periodic monotone cubics through the points of each tag; the period is 1."""

    def __init__(self, courses: Sequence[Sequence[tuple[float, float]]]) -> None:
        most = max(map(len, courses), default=0) + 2
        shape = (len(courses), most)
        # Unused places hold a knot that no fraction reaches.
        self._x, self._y, self._slope = np.full(shape, np.inf), np.zeros(shape), np.zeros(shape)
        for row, course in enumerate(courses):
            # The last point a period earlier and the first a period later close the curve.
            (first, low), (last, high) = course[0], course[-1]
            x, y = np.array([(last - 1, high), *course, (first + 1, low)]).T
            self._x[row, : len(x)], self._y[row, : len(x)] = x, y
            self._slope[row, : len(x)] = _slopes(x, y)

    def at(self, fraction: Floats) -> Floats:
        """The curves at these parts of the period, 0 to below 1: shape (times, tags)."""
        left = (fraction[:, :, None] >= self._x[None, :, :]).sum(axis=2) - 1
        row = np.arange(len(self._x))
        x0, x1 = self._x[row, left], self._x[row, left + 1]
        y0, y1 = self._y[row, left], self._y[row, left + 1]
        wide = x1 - x0
        t = (fraction - x0) / wide
        s0, s1 = self._slope[row, left] * wide, self._slope[row, left + 1] * wide
        curve: Floats = y0 + t * (s0 + t * (3 * (y1 - y0) - 2 * s0 - s1 + t * (s0 + s1 - 2 * (y1 - y0))))
        return curve


def _slopes(x: Floats, y: Floats) -> Floats:
    """Slopes at the knots: 0 at a turn, else the weighted harmonic mean of both sides.

    The first knot is the last but one a period earlier, and the last the second a period later.
    """
    wide, rise = np.diff(x), np.diff(y) / np.diff(x)
    slopes = np.zeros(len(x))
    for k in range(1, len(x)):
        after = k if k < len(wide) else 1
        before = k - 1
        if rise[before] * rise[after] > 0:
            first = wide[before] + 2 * wide[after]
            second = 2 * wide[before] + wide[after]
            slopes[k] = (first + second) / (first / rise[before] + second / rise[after])
    slopes[0] = slopes[-2]
    return slopes


class _Profile:
    """A tag's profile, checked: `period` in seconds, `course`, `ripple` (unit, seconds)."""

    def __init__(self, tag: Tag) -> None:
        self._where = f"tags.toml, [tags.{tag.name}.profile]"
        self._known(tag.profile, ("period_hours", "course", "ripple", "simulate"))
        self.period = 3600.0 * self._positive(tag.profile, "period_hours", DEFAULT_HOURS)
        self.course = self._points(tag.profile.get("course", []))
        ripple = tag.profile.get("ripple", {})
        if not isinstance(ripple, Mapping):
            raise self._wrong(f"ripple must be a table, not {ripple!r}", "Give amplitude and period_minutes")
        self._known(ripple, ("amplitude", "period_minutes"))
        amplitude = self._positive(ripple, "amplitude", 0.0) if ripple else 0.0
        self.ripple = amplitude, 60.0 * self._positive(ripple, "period_minutes", 15.0)

    def _wrong(self, what: str, hint: str) -> UsageError:
        return UsageError(what, where=self._where, hint=hint)

    def _known(self, table: Mapping[str, Any], keys: Sequence[str]) -> None:
        unknown = sorted(set(table) - set(keys))
        if unknown:
            raise self._wrong(f"unknown key {unknown[0]!r}", f"Known keys: {', '.join(keys)}")

    def _positive(self, table: Mapping[str, Any], key: str, default: float) -> float:
        value = table.get(key, default)
        if not _is_number(value) or (key in table and not 0 < value < math.inf):
            raise self._wrong(f"{key} must be a number above 0, not {value!r}", "Correct it or leave it out")
        return float(value)

    def _points(self, given: Any) -> list[tuple[float, float]]:
        hint = "Write course = [[0.0, 0.3], [0.5, 0.7]]: part of the batch, part of the normal band"
        shaped = isinstance(given, list) and all(
            isinstance(point, list) and len(point) == 2 and all(map(_is_number, point)) for point in given
        )
        if not shaped or len(given) == 1:
            raise self._wrong(f"course must be a list of two or more points, not {given!r}", hint)
        points = [(float(x), float(y)) for x, y in given]
        for x, y in points:
            if not (0 <= x < 1 and 0 <= y <= 1):
                raise self._wrong(f"course has a point [{x:g}, {y:g}] outside [0 to below 1, 0 to 1]", hint)
        if any(earlier[0] >= later[0] for earlier, later in pairwise(points)):
            raise self._wrong("the points of course are not in order of the batch", hint)
        return points


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
