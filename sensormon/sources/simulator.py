"""The simulator: every tag of the table, once an interval, with spikes and faults on demand.

A value is a pure function of the seed, the tag's name and the tick's time, so a restart
goes on where it was and the same seed at the same times gives the same readings. Every
spike and fault is recorded beside the readings as `InjectedFault`, never in them.

Is: a fermentation-like plant for demonstrations and tests. Is not: a process model; the
tags move independently of each other.
"""

from __future__ import annotations

import math
import threading
import tomllib
from pathlib import Path

import numpy as np

from sensormon.clock import SECOND
from sensormon.errors import UsageError
from sensormon.readings import Batch, Bools, Floats, InjectedFault, Ints, Origin
from sensormon.sources.courses import Courses, band
from sensormon.sources.draws import Draws
from sensormon.sources.faults import FAULTS, Fault
from sensormon.tags import TagTable

SPIKE_RATE = 0.05
"""Share of the readings of each tag that are spikes."""
SPIKE_SIZE = (12.0, 20.0)
"""Smallest and largest spike, in standard deviations of the tag's noise."""
_NOISE, _SPIKES = 3, 4


class Simulator:
    """See the module; a `Source`. `interval` in seconds, `spike_rate` from 0 to 1."""

    name = "simulator"

    def __init__(
        self, tags: TagTable, *, seed: int = 0, interval: float = 1.0, spike_rate: float = SPIKE_RATE
    ) -> None:
        self.interval = interval
        self.tags = tuple(tags)
        self._step = round(interval * SECOND)
        self._rate = spike_rate
        self._draws = Draws(seed, tags.names)
        self._courses = Courses(self.tags, self._draws)
        self._code = {name: code for code, name in enumerate(tags.names)}
        bands = np.array([band(tag) for tag in tags], dtype=np.float64)
        self._noise = np.array([tag.noise for tag in tags], dtype=np.float64)
        # A tag without noise still spikes: by a share of its band.
        self._unit = np.where(self._noise > 0, self._noise, (bands[:, 1] - bands[:, 0]) / 100)
        self._step_of = np.array([tag.resolution for tag in tags], dtype=np.float64)
        self._valid = np.array([tag.valid for tag in tags], dtype=np.float64)
        self._next: int | None = None
        self._lock = threading.Lock()
        self._faults: tuple[Fault, ...] = ()

    # -- as a source --------------------------------------------------------------

    def due(self, now: int) -> int | None:
        """The next tick on the grid of the interval; ticks that were slept through are left out."""
        if self._next is None or self._next + self._step < now or self._next > now + 2 * self._step:
            self._next = now - now % self._step + self._step
        return self._next

    def read(self, now: int) -> Batch:
        """The readings of the tick that is due."""
        tick = now - now % self._step
        self._next = tick + self._step
        return self._batch(np.array([tick], dtype=np.int64), now, Origin.LIVE)

    def backfill(self, until: int, minutes: float = 15.0) -> Batch:
        """The readings of the ticks in the minutes before `until`, marked as made up later."""
        last = until - until % self._step
        first = last - round(minutes * 60 * SECOND)
        ticks = np.arange(first - first % self._step, last, self._step, dtype=np.int64)
        return self._batch(ticks, until, Origin.BACKFILL)

    # -- faults -------------------------------------------------------------------

    def inject(self, fault: str, tag: str, start: int, seconds: float, size: float | None = None) -> None:
        """Have the tag show this fault from `start` (µs UTC) on; `size` as `faults.FAULTS` says."""
        if fault not in FAULTS:
            raise UsageError(
                f"there is no fault {fault!r}", where="simulator", hint=f"Choose one of: {', '.join(FAULTS)}"
            )
        if tag not in self._code:
            raise UsageError(f"there is no tag {tag!r}", where="simulator", hint="See tags.toml")
        if not 0 < seconds <= 86_400:
            raise UsageError(
                f"a fault cannot last {seconds:g} s", where="simulator", hint="Give 1 to 86400 seconds"
            )
        one = Fault(
            fault, tag, start, start + round(seconds * SECOND), FAULTS[fault] if size is None else size
        )
        with self._lock:
            running = tuple(other for other in self._faults if other.end > start)
            self._faults = (*running, one)

    def active(self, now: int) -> tuple[Fault, ...]:
        """The faults that are on, in the order they were switched on."""
        return tuple(one for one in self._faults if one.covers(now))

    def clear(self) -> None:
        """Switch all faults off."""
        with self._lock:
            self._faults = ()

    # -- the values ---------------------------------------------------------------

    def _batch(self, ticks: Ints, received: int, origin: Origin) -> Batch:
        value, spike = self._values(ticks)
        rows, count = len(ticks), len(self.tags)
        keep = np.ones((rows, count), dtype=np.int64)  # how often each reading comes
        injected = [
            InjectedFault(self.tags[code].name, int(ticks[row]), "spike") for row, code in np.argwhere(spike)
        ]
        faults = self._faults
        for row, tick in enumerate(ticks.tolist()) if faults else ():
            for fault in faults:
                if fault.covers(tick):
                    code = self._code[fault.tag]
                    value[row, code] = self._faulty(fault, tick, float(value[row, code]))
                    keep[row, code] = {"gap": 0, "duplicates": 2}.get(fault.fault, keep[row, code])
                    injected.append(InjectedFault(fault.tag, tick, fault.fault))
        times = keep.reshape(-1)
        codes = np.tile(np.arange(count, dtype=np.int32), rows)
        return Batch(
            source=self.name,
            received=received,
            tags=tuple(tag.name for tag in self.tags),
            tag=np.repeat(codes, times),
            time=np.repeat(np.repeat(ticks, count), times),
            value=np.repeat(value.reshape(-1), times),
            quality=np.zeros(int(times.sum()), dtype=np.uint32),
            origin=origin,
            injected=tuple(injected),
        )

    def _values(self, ticks: Ints) -> tuple[Floats, Bools]:
        """Values and where they are spikes, shape (ticks, tags), without the faults."""
        course = self._courses.at(ticks)
        value = course + self._noise * self._gauss(ticks)
        chance, size, side, _ = self._draws.at(ticks, _SPIKES)
        spike = chance < self._rate
        low, high = SPIKE_SIZE
        height = (low + (high - low) * size) * self._unit
        up = np.where(side < 0.5, 1.0, -1.0)
        up = np.where(value + up * height > self._valid[:, 1], -1.0, up)
        up = np.where(value + up * height < self._valid[:, 0], 1.0, up)
        value = np.where(spike, value + up * height, value)
        return self._rounded(np.clip(value, self._valid[:, 0], self._valid[:, 1])), spike

    def _gauss(self, ticks: Ints) -> Floats:
        """Standard normal numbers, by Box and Muller (1958)."""
        radius, angle, *_ = self._draws.at(ticks, _NOISE)
        normal: Floats = np.sqrt(-2 * np.log(radius)) * np.cos(2 * math.pi * angle)
        return normal

    def _rounded(self, value: Floats) -> Floats:
        step = np.where(self._step_of > 0, self._step_of, 1.0)
        decimals = np.array([tag.decimals for tag in self.tags])
        scale = 10.0**decimals
        rounded: Floats = np.where(
            self._step_of > 0, np.round(np.round(value / step) * step * scale) / scale, value
        )
        return rounded

    def _faulty(self, fault: Fault, tick: int, value: float) -> float:
        code = self._code[fault.tag]
        unit = float(self._unit[code])
        low, high = (float(end) for end in self._valid[code])
        if fault.fault == "out_of_range":
            end = high if math.isfinite(high) else low
            return end + math.copysign(max(abs(end), 1.0) * 0.1, 1 if math.isfinite(high) else -1)
        if fault.fault == "stuck":
            first = -(-fault.start // self._step) * self._step
            return float(self._values(np.array([first], dtype=np.int64))[0][0, code])
        if fault.fault == "level_shift":
            value += self._away(value, fault.size * unit, low, high)
        elif fault.fault == "drift":
            part = (tick - fault.start) / (fault.end - fault.start)
            value += self._away(value, fault.size * unit, low, high) * part
        elif fault.fault == "noise_burst":
            course = float(self._courses.at(np.array([tick], dtype=np.int64))[0, code])
            value = course + (value - course) * fault.size
        rows = np.full((1, len(self.tags)), min(max(value, low), high))
        return float(self._rounded(rows)[0, code])

    @staticmethod
    def _away(value: float, size: float, low: float, high: float) -> float:
        return -size if value + size > high and value - size >= low else size


def read_spike_rate(path: Path) -> float:
    """`spike_rate` of the table [simulator] in tags.toml; SPIKE_RATE where it is not given."""
    table = tomllib.loads(path.read_text(encoding="utf-8")).get("simulator", {})
    where = f"{path}, [simulator]"
    if not isinstance(table, dict):
        raise UsageError("it must be a table", where=where, hint="Write spike_rate = 0.05 below it")
    unknown = sorted(set(table) - {"spike_rate"})
    if unknown:
        raise UsageError(f"unknown key {unknown[0]!r}", where=where, hint="Known keys: spike_rate")
    rate = table.get("spike_rate", SPIKE_RATE)
    if isinstance(rate, bool) or not isinstance(rate, int | float) or not 0 <= rate <= 1:
        raise UsageError(
            f"spike_rate must be a number from 0 to 1, not {rate!r}", where=where, hint="Try 0.05"
        )
    return float(rate)
