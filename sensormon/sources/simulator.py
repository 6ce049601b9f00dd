"""A simulated plant: every tag of the table, with spikes and faults recorded as ground truth.

A reading is a slow course (`courses`), Gaussian noise (`Tag.noise`), now and then a spike,
rounded to `Tag.resolution`. It depends only on the seed, the tag and its time, so that a
restart continues where the last run stopped, and the same seed gives the same readings.

Whatever is put in on purpose, a spike or a fault of `faults`, is recorded as ground truth in
`Batch.injected`, by tag and time, once for each active fault. Of a fault that hides another
(a gap has no readings) only the former is recorded.

What it is not: a model of a real fermentation.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from sensormon.model.clock import SECOND
from sensormon.model.errors import UsageError
from sensormon.model.readings import SIMULATOR, Batch, Bools, Floats, InjectedFault, Ints, Origin, Quality
from sensormon.model.tags import Tag
from sensormon.model.toml_text import read_toml
from sensormon.sources.courses import Courses, band
from sensormon.sources.draws import Draws
from sensormon.sources.faults import HIDDEN_BY, SPIKE, Fault, make_fault, outside

SPIKE_RATE = 0.05
"""Share of the readings of each tag that are spikes."""
SPIKE_SIGMA = (12.0, 20.0)
"""Height of a spike, in standard deviations of the noise."""

_NOISELESS = 1 / 200
"""Replaces the standard deviation if there is no noise: this part of the band."""
_READINGS = 0
PIECE = 20_000
"""About this many readings of a history make a batch: one record of the journal, which is read as a whole."""
_CELLS = 200_000
_KEYS = ("spike_rate",)


def simulated(tags: Iterable[Tag]) -> tuple[Tag, ...]:
    """The tags of numbers, except those with `simulated = false`, such as tags made by an import."""
    return tuple(tag for tag in tags if tag.simulated and not tag.has_states)


class Simulator:
    """Readings of all `tags` every `interval` seconds, at whole multiples of it since 1970.

    `seed` is 0 to 2**32 - 1, `spike_rate` a share of 0 to 1. `retag`, `inject`, `cancel`, `clear`
    and `active` may be called from other threads than the one that reads. Raises UsageError for a
    wrong profile, interval or rate.
    """

    name = SIMULATOR

    def __init__(
        self, tags: Iterable[Tag], seed: int, interval: float, spike_rate: float = SPIKE_RATE
    ) -> None:
        if not 0 <= spike_rate <= 1:
            raise UsageError(
                f"{spike_rate!r} cannot be used", where="spike_rate", hint="Give a share of 0 to 1"
            )
        self.interval = interval
        self._step = round(interval * SECOND) if 0 < interval < math.inf else 0
        if self._step < 1:
            raise UsageError(
                f"{interval!r} cannot be used", where="interval", hint="Give a number of seconds above 0"
            )
        self._spike_rate = spike_rate
        self._seed = seed
        self._next: int | None = None
        self._faults: tuple[Fault, ...] = ()
        self._changing = threading.RLock()
        self._take_up(simulated(tags))

    def check(self, tags: Iterable[Tag]) -> None:
        """Raise UsageError, naming tag and key, if these tags have a wrong profile."""
        rows = simulated(tags)
        Courses(rows, Draws(self._seed, [tag.name for tag in rows]))

    def retag(self, tags: Iterable[Tag]) -> None:
        """Simulate these tags from the next tick on; those that stay keep their values.

        The faults of removed tags end. Raises UsageError like the constructor; then nothing
        has changed.
        """
        rows = simulated(tags)
        with self._changing:
            self._take_up(rows)
            self._faults = tuple(fault for fault in self._faults if fault.tag in self._by_name)

    def _take_up(self, tags: tuple[Tag, ...]) -> None:
        """Compute all that depends on the tags; whatever can raise comes first."""
        names = tuple(tag.name for tag in tags)
        draws = Draws(self._seed, names)
        self._courses = Courses(tags, draws)
        self.tags, self._names, self._draws = tags, names, draws
        self._column = {name: column for column, name in enumerate(names)}
        self._by_name = {tag.name: tag for tag in tags}
        self._noise = np.array([tag.noise for tag in self.tags], dtype=np.float64)
        self._resolution = np.array([tag.resolution for tag in self.tags], dtype=np.float64)
        self._digits = np.array([1 / tag.resolution if tag.resolution else 1.0 for tag in self.tags])
        bands = np.array([band(tag) for tag in self.tags], dtype=np.float64).reshape(-1, 2)
        self._sigma = np.where(self._noise > 0, self._noise, _NOISELESS * (bands[:, 1] - bands[:, 0]))
        limits = np.array([tag.valid for tag in self.tags], dtype=np.float64).reshape(-1, 2)
        # The outermost steps of the sensor that are still valid.
        stepped = self._resolution > 0
        self._low = np.where(stepped, np.ceil(limits[:, 0] * self._digits) / self._digits, limits[:, 0])
        self._high = np.where(stepped, np.floor(limits[:, 1] * self._digits) / self._digits, limits[:, 1])

    def due(self, now: int) -> int:
        """When the next readings are due; never None. Missed ticks are skipped.

        Starts over from `now` if the clock was set back by more than an interval.
        """
        ahead = -(-now // self._step) * self._step
        if self._next is None or self._next > now + self._step:
            self._next = ahead
        elif self._next + self._step <= now:
            self._next = now // self._step * self._step
        return self._next

    def read(self, now: int) -> Batch:
        """The readings of the tick that is due; an empty batch if none is."""
        with self._changing:
            time = self.due(now)
            times = np.array([time] if time <= now else [], dtype=np.int64)
            self._next = time + self._step * len(times)
            return self._batch(times, now, Origin.LIVE)

    def backfill(self, until: int, minutes: float = 15) -> Batch:
        """The readings of the `minutes` before `until`, as they would have been delivered, tick by tick."""
        with self._changing:
            return self._batch(self._ticks(until, minutes), until, Origin.BACKFILL)

    def backfill_pieces(self, until: int, minutes: float = 15, most: int = PIECE) -> Iterator[Batch]:
        """The same in batches of whole ticks, of at most `most` readings if a tick has no more."""
        ticks = self._ticks(until, minutes)
        at_once = max(1, most // max(1, len(self.tags)))
        for first in range(0, len(ticks), at_once):
            with self._changing:
                piece = self._batch(ticks[first : first + at_once], until, Origin.BACKFILL)
            yield piece

    def _ticks(self, until: int, minutes: float) -> Ints:
        first = -(-(until - round(minutes * 60 * SECOND)) // self._step)
        return np.arange(first, -(-until // self._step), dtype=np.int64) * self._step

    def inject(self, fault: str, tag: str, start: int, seconds: float, size: float | None = None) -> Fault:
        """Switch on a fault of one tag from `start` (µs UTC) on; `faults` lists them.

        `size` is in standard deviations of the tag's noise; None is the fault's usual size.
        Raises UsageError for an unknown fault or tag, or impossible numbers.
        """
        with self._changing:
            injected = make_fault(fault, tag, self._by_name, start, seconds, size)
            read = self._next  # faults that ended before it can be dropped
            kept = (earlier for earlier in self._faults if read is None or earlier.end > read)
            self._faults = (*kept, injected)
        return injected

    def active(self, now: int) -> tuple[Fault, ...]:
        """The faults active at this moment, in the order they were switched on."""
        return tuple(fault for fault in self._faults if fault.runs(now))

    def cancel(self, fault: Fault) -> None:
        """Switch this fault off as if it had never been on; delivered readings stay."""
        with self._changing:
            self._faults = tuple(kept for kept in self._faults if kept != fault)

    def clear(self) -> None:
        """Switch all faults off."""
        with self._changing:
            self._faults = ()

    def _batch(self, times: Ints, received: int, origin: Origin) -> Batch:
        faults = self._faults
        at_once = max(1, _CELLS // max(1, len(self.tags)))
        parts = [self._readings(times[k : k + at_once], faults) for k in range(0, len(times), at_once)]
        values = np.concatenate([np.empty((0, len(self.tags))), *(part[0] for part in parts)])
        copies = np.concatenate([np.empty(values[:0].shape, dtype=np.int64), *(part[1] for part in parts)])
        tag = np.tile(np.arange(len(self.tags), dtype=np.int32), len(times))
        copied = copies.ravel()
        value = np.repeat(values.ravel(), copied)
        return Batch(
            source=self.name,
            received=received,
            tags=self._names,
            tag=np.repeat(tag, copied),
            time=np.repeat(np.repeat(times, len(self.tags)), copied),
            value=value,
            quality=np.full(len(value), Quality.GOOD, dtype=np.uint32),
            origin=origin,
            injected=tuple(truth for part in parts for truth in part[2]),
        )

    def _readings(self, times: Ints, faults: tuple[Fault, ...]) -> tuple[Floats, Ints, list[InjectedFault]]:
        """Values and how often each is delivered, shape (times, tags), and the ground truth."""
        values, scatter, spike_draw, height_draw = self._plain(times)
        copies = np.ones(values.shape, dtype=np.int64)
        running = [(fault, _rows(fault, times)) for fault in faults]
        running = [(fault, rows) for fault, rows in running if len(rows)]
        for fault, rows in running:
            column = self._column[fault.tag]
            size = fault.size * float(self._sigma[column])
            if fault.fault == "level_shift":
                values[rows, column] += size
            elif fault.fault == "drift":
                values[rows, column] += size * (times[rows] - fault.start) / (fault.end - fault.start)
            elif fault.fault == "noise_burst":
                values[rows, column] += (size - self._noise[column]) * scatter[rows, column]
            elif fault.fault == "duplicates":
                copies[rows, column] = 2
        values, spike = self._spiked(values, spike_draw < self._spike_rate, height_draw)
        values = self._rounded(values)
        # In the order of HIDDEN_BY: the reading shows the later fault.
        for name in ("stuck", "out_of_range", "gap"):
            for fault, rows in running:
                column = self._column[fault.tag]
                if fault.fault != name:
                    continue
                if name == "stuck":
                    values[rows, column] = self._held(fault)
                elif name == "out_of_range":
                    values[rows, column] = self._outside(fault)
                else:
                    copies[rows, column] = 0
        return values, copies, self._truth(times, spike, running)

    def _plain(self, times: Ints) -> tuple[Floats, Floats, Floats, Floats]:
        """Unrounded values, their standard normal scatter, and two uniform draws for the spikes."""
        first, second, third, fourth = self._draws.at(times, _READINGS)
        scatter = np.sqrt(-2 * np.log(first)) * np.cos(2 * math.pi * second)
        values = self._courses.at(times) + self._noise * scatter
        return np.clip(values, self._low, self._high), scatter, third, fourth

    def _spiked(self, values: Floats, spike: Bools, draw: Floats) -> tuple[Floats, Bools]:
        """The values with their spikes, and which of the spikes fit into the valid range."""
        least, most = SPIKE_SIGMA
        height = self._sigma * (least + (most - least) * (2 * draw % 1))
        # At least two steps of the sensor: one could be rounded away.
        height = np.maximum(height, 2 * self._resolution)
        above, below = self._high - self._resolution - values, values - self._low - self._resolution
        fits_above, fits_below = height <= above, height <= below
        either = np.where(fits_above & fits_below, draw < 0.5, above > below)
        upward = np.where(fits_above != fits_below, fits_above, either)
        height = np.minimum(height, np.where(upward, above, below))
        spike = spike & (height >= 2 * self._resolution) & (height > 0)
        return values + np.where(spike, np.where(upward, height, -height), 0.0), spike

    def _rounded(self, values: Floats) -> Floats:
        """Round to the sensor's steps; dividing keeps 36.3 from becoming 36.300000000000004."""
        rounded: Floats = np.where(
            self._resolution > 0, np.rint(values * self._digits) / self._digits, values
        )
        return rounded

    def _held(self, fault: Fault) -> float:
        """The value a stuck sensor repeats: that of the last tick before or at the start."""
        tick = np.array([fault.start // self._step * self._step], dtype=np.int64)
        return float(self._rounded(self._plain(tick)[0])[0, self._column[fault.tag]])

    def _outside(self, fault: Fault) -> float:
        column = self._column[fault.tag]
        return outside(self.tags[column], fault.size * float(self._sigma[column]))

    def _truth(self, times: Ints, spike: Bools, running: list[tuple[Fault, Ints]]) -> list[InjectedFault]:
        """The injected faults that are visible, in order of time."""
        shown: list[tuple[str, int, Ints]] = [
            (SPIKE, int(column), np.flatnonzero(spike[:, column]))
            for column in np.flatnonzero(spike.any(axis=0))
        ]
        shown += [(fault.fault, self._column[fault.tag], rows) for fault, rows in running]
        truth: dict[InjectedFault, None] = {}
        for name, column, rows in shown:
            seen = np.ones(len(times), dtype=np.bool_)
            for other, hidden in running:
                if self._column[other.tag] == column and other.fault in HIDDEN_BY[name]:
                    seen[hidden] = False
            for time in times[rows[seen[rows]]].tolist():
                truth[InjectedFault(self._names[column], time, name)] = None
        return sorted(truth, key=lambda fault: fault.time)


def _rows(fault: Fault, times: Ints) -> Ints:
    return np.flatnonzero((times >= fault.start) & (times < fault.end))


def read_spike_rate(path: Path) -> float:
    """`spike_rate` of the table [simulator] in this tags.toml, or its default.

    Raises UsageError, naming the key, if the file or the table is wrong.
    """
    where = f"{path}, [simulator]"
    try:
        table = read_toml(path.read_text(encoding="utf-8")).get("simulator", {})
    except (OSError, ValueError) as error:
        raise UsageError(
            f"the file cannot be read ({error})", where=where, hint="Point SENSORMON_TAGS at a tags.toml"
        ) from error
    if not isinstance(table, dict):
        raise UsageError("it must be a table", where=where, hint="Write [simulator] and its keys below it")
    unknown = sorted(set(table) - set(_KEYS))
    if unknown:
        raise UsageError(f"unknown key {unknown[0]!r}", where=where, hint=f"Known keys: {', '.join(_KEYS)}")
    rate = table.get("spike_rate", SPIKE_RATE)
    if isinstance(rate, bool) or not isinstance(rate, int | float) or not 0 <= rate <= 1:
        raise UsageError(
            f"spike_rate must be a share of 0 to 1, not {rate!r}",
            where=where,
            hint=f"The usual rate is {SPIKE_RATE}",
        )
    return float(rate)
