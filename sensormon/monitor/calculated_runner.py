"""Evaluates the formulas of calculated tags live and submits what they give like any other reading.

A row waits until each of its tags has a reading of its time or a later one, or until `WAIT` seconds after
it came in. Its value depends on readings up to its time alone (`sensormon.formulas`), so that an evaluation
of the history gives the same bits. A restart goes on after the last stored reading of the tag, with rows
made of stored readings; it waits until the store has all that the journal held, so that none is made twice
or left out. A reading that comes for a time that was done changes nothing: it is counted as late.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from sensormon.formulas.checking import Formula
from sensormon.formulas.evaluating import NO_READINGS, Course, evaluate
from sensormon.formulas.order import checked, levels_of
from sensormon.ingest.collector import Collector
from sensormon.model.clock import DAY, HOUR, SECOND, Clock
from sensormon.model.errors import FormulaError, JournalError, StoreError
from sensormon.model.readings import CALCULATED, Batch, Floats, Ints, Origin, is_good
from sensormon.model.state_words import Words
from sensormon.model.tags import TagTable
from sensormon.model.timestamps import micros
from sensormon.monitor.formula_courses import courses_of, times_of
from sensormon.monitor.model_place import ModelPlace
from sensormon.stores.recent import RecentReadings
from sensormon.stores.streams import ReadingStreams

EVERY = 0.25
"""Seconds between two looks at the newest readings."""
WAIT = 2 * SECOND
"""µs for which a row waits for its other tags; longer for one that uses calculated tags, by level."""
CATCH_UP = DAY
"""How far back (µs) a restart goes on from; what is older is for an evaluation of the history."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class CalculatedStatus:
    """What a calculated tag does now: its last value's time (µs UTC), 0 before the first.

    `values` it gave, `without` rows with no value, and readings that came too `late`, since the start.
    `problem` says why it does not run, if it does not.
    """

    tag: str
    time: int = 0
    values: int = 0
    without: int = 0
    late: int = 0
    problem: str = ""


@dataclass(frozen=True)
class _Placed:
    """A calculated tag as `ModelPlace` wants it."""

    name: str
    columns: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class _Arrived:
    """What came in of a tag: all times, the course, and of the reading with the last time when it arrived."""

    times: Ints
    course: Course
    latest: tuple[int, int]


class CalculatedRunner:
    """Of one monitor. `tags` returns its table; `loaded`, whether the store has what the journal held."""

    def __init__(
        self,
        tags: Callable[[], TagTable],
        collector: Collector,
        newest: RecentReadings,
        streams: ReadingStreams,
        place: ModelPlace,
        loaded: Callable[[], bool],
        clock: Clock,
    ) -> None:
        self._tags = tags
        self._collector = collector
        self._newest = newest
        self._streams = streams
        self._place = place
        self._loaded = loaded
        self._clock = clock
        self._seen: TagTable | None = None
        self._formulas: dict[str, Formula] = {}
        self._levels: dict[str, int] = {}
        self._wrong: dict[str, FormulaError] = {}
        self._running: dict[str, _Running] = {}
        self._waiting = ""

    def run(self, stopping: threading.Event) -> None:
        """Step until `stopping` is set."""
        while not stopping.is_set():
            try:
                self.step()
                self._waiting = ""
            except (StoreError, JournalError) as error:
                self._waiting = f"waits: {error}"
                _log.warning("the calculated tags wait: %s", error)
            self._clock.wait(stopping, EVERY)

    def step(self) -> None:
        """Evaluate the rows that the newest readings complete. Raises StoreError and JournalError.

        After an error nothing is lost: the next step goes on where this one stopped.
        """
        self._look()
        if not self._formulas:
            return
        if not self._loaded():
            self._waiting = "waits until the database has what the journal held at the start"
            return
        for level in sorted(set(self._levels.values())):
            self._step([name for name, own in self._levels.items() if own == level])

    def done_until(self, tag: str) -> int | None:
        """The time (µs UTC) up to which live values were made here; None if it does not run here."""
        running = self._running.get(tag)
        return None if running is None else running.done

    def status(self) -> list[CalculatedStatus]:
        """Every calculated tag, in the order of the table."""
        lines = []
        for tag in self._tags():
            if not tag.formula:
                continue
            running = self._running.get(tag.name)
            status = CalculatedStatus(tag.name) if running is None else running.status()
            error = self._wrong.get(tag.name)
            lines.append(replace(status, problem=str(error) if error is not None else self._waiting))
        return lines

    def _look(self) -> None:
        """Check the formulas again if the table is another one."""
        tags = self._tags()
        if tags is self._seen:
            return
        self._formulas, self._wrong = checked(tags)
        self._levels = levels_of(self._formulas)
        self._running = {
            name: running
            for name, running in self._running.items()
            if self._formulas.get(name) == running.formula
        }
        for name, error in self._wrong.items():
            _log.warning("%s is not calculated: %s", name, error)
        self._seen = tags

    def _step(self, names: list[str]) -> None:
        """One level: its rows go in as one batch, and count as done once they are durable."""
        ready: list[tuple[_Running, Ints, Floats]] = []
        now = self._clock.now()
        here = [running for name in names if (running := self._running_here(name)) is not None]
        for place in {running.place for running in here}:  # one, but for what has just begun
            self._take([running for running in here if running.place == place], place)
        for running in here:
            times, values = running.ready(now, self._collector.words.of_tags(running.formula.tags))
            if len(times):
                ready.append((running, times, values))
        batch = _batch([(own.tag, times, values) for own, times, values in ready], now)
        if len(batch):
            self._collector.submit(batch)
        for running, times, values in ready:
            running.finish(times, values)

    def _take(self, running: list[_Running], place: int) -> None:
        """Give these what came in after this place, read once for all of them."""
        tags = list(dict.fromkeys(tag for own in running for tag in own.formula.tags))
        readings, places = self._newest.after(place, tags, 0)
        if len(places):
            arrived = _arrived(readings)
            for own in running:
                own.take(arrived, int(places[-1]))

    def _running_here(self, name: str) -> _Running | None:
        formula = self._formulas[name]
        if not self._place.is_here(_Placed(name, formula.tags)):
            self._running.pop(name, None)
            return None
        if name not in self._running:
            self._running[name] = self._begin(name, formula)
        return self._running[name]

    def _begin(self, name: str, formula: Formula) -> _Running:
        """Go on after the tag's last reading, or from now on."""
        now = self._clock.now()
        done = now
        for reach in (HOUR, CATCH_UP):
            times = times_of(self._streams, name, now - reach, now + HOUR)
            if len(times):
                done = int(times.max())
                break
        place = self._newest.newest_place
        since = done - formula.back - formula.tolerance
        courses = courses_of(self._streams, formula.tags, since, now + HOUR, live=True)
        return _Running(name, formula, courses, place, done, WAIT * (1 + self._levels[name]), now)


class _Running:
    """A formula at work; rows up to `done` (µs UTC) are done. `began` is when it began (µs UTC)."""

    def __init__(
        self,
        tag: str,
        formula: Formula,
        courses: Mapping[str, Course],
        place: int,
        done: int,
        wait: int,
        began: int,
    ) -> None:
        self.tag = tag
        self.formula = formula
        self.place = place
        """Up to here the readings in memory were taken."""
        self.done = done
        self._courses = dict(courses)
        self._wait = wait
        self._newest = {name: int(own.times[-1]) for name, own in courses.items() if len(own.times)}
        waiting = [own.times[own.times > done] for own in courses.values()]
        self._waiting = [(int(times[-1]), began) for times in waiting if len(times)]
        self._time = self._values = self._without = self._late = 0

    def take(self, arrived: Mapping[str, _Arrived], place: int) -> None:
        """Take in what came in up to this place."""
        self.place = place
        latest: list[tuple[int, int]] = []
        for name in self.formula.tags:
            if (own := arrived.get(name)) is None:
                continue
            self._late += int((own.times <= self.done).sum())
            self._courses[name] = self._courses.get(name, NO_READINGS).joined(own.course)
            self._newest[name] = max(self._newest.get(name, 0), own.latest[0])
            latest.append(own.latest)
        if latest:
            self._waiting.append(max(latest))

    def ready(self, now: int, words: Words) -> tuple[Ints, Floats]:
        """The times and values of the rows that wait for nothing more."""
        limit = self._complete(now)
        if limit <= self.done:
            return np.zeros(0, dtype=np.int64), np.zeros(0)
        times, values = evaluate(self.formula, self._courses, words, after=self.done)
        rows = int(np.searchsorted(times, limit, side="right"))
        return times[:rows], values[:rows]

    def finish(self, times: Ints, values: Floats) -> None:
        """These rows are durable, as far as they have a value."""
        usable = np.isfinite(values)
        self.done = int(times[-1])
        self._values += int(usable.sum())
        self._without += int((~usable).sum())
        if usable.any():
            self._time = int(times[usable][-1])
        self._waiting = [entry for entry in self._waiting if entry[0] > self.done]
        start = self.done - self.formula.back - self.formula.tolerance
        self._courses = {name: own.since(start) for name, own in self._courses.items()}

    def status(self) -> CalculatedStatus:
        """What it does now."""
        return CalculatedStatus(self.tag, self._time, self._values, self._without, self._late)

    def _complete(self, now: int) -> int:
        """The time up to which rows wait for nothing more."""
        waited = [time for time, received in self._waiting if now - received >= self._wait]
        all_there = min((self._newest.get(name, 0) for name in self.formula.tags), default=0)
        return max([all_there, *waited])


def _arrived(readings: pd.DataFrame) -> dict[str, _Arrived]:
    """These readings by tag; imported ones are left out: they are for an evaluation of the history."""
    readings = readings[readings["origin"] != str(Origin.IMPORT)]
    codes, names = pd.factorize(readings["tag"])
    times, received = micros(readings["time"]), micros(readings["received"])
    values = readings["value"].to_numpy(dtype=np.float64)
    good = is_good(readings["quality"].to_numpy(dtype=np.uint32))
    arrived: dict[str, _Arrived] = {}
    for code, name in enumerate(names):
        rows = np.flatnonzero(codes == code)
        last = rows[int(np.argmax(times[rows]))]
        course = Course.of(times[rows], values[rows], good[rows])
        arrived[str(name)] = _Arrived(times[rows], course, (int(times[last]), int(received[last])))
    return arrived


def _batch(parts: list[tuple[str, Ints, Floats]], now: int) -> Batch:
    """The rows that have a value as readings, in order of time."""
    time = np.concatenate([np.zeros(0, dtype=np.int64), *(times for _, times, _ in parts)])
    value = np.concatenate([np.zeros(0), *(values for *_, values in parts)])
    tag = np.repeat(np.arange(len(parts), dtype=np.int32), [len(times) for _, times, _ in parts])
    rows = np.flatnonzero(np.isfinite(value))
    rows = rows[np.argsort(time[rows], kind="stable")]
    return Batch(
        source=CALCULATED,
        received=now,
        tags=tuple(name for name, *_ in parts),
        tag=tag[rows],
        time=time[rows],
        value=value[rows],
        quality=np.zeros(len(rows), dtype=np.uint32),
    )
