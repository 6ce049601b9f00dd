"""Which of several processes on one store judges by a model: each row is to be scored once.

It is the process that collects the model's first tag; of several that do, the one with the lowest number.
The ids of the readings say who collects, so that all processes come to the same answer without asking
each other. A process that has just become the one waits for `TAKING_OVER`, so that it sees the last rows of
the one before; it goes on after these, and no row is left out. What it is not: a lock. If two collect the
tag while the store is away for longer than that, rows of that time may be scored by both.
"""

from __future__ import annotations

from typing import Protocol

from sensormon.model.clock import SECOND, Clock
from sensormon.model.reading_ids import collector_of
from sensormon.model.readings import Origin
from sensormon.model.timestamps import micros
from sensormon.stores.recent import RecentReadings

COLLECTS = 60 * SECOND
"""µs for which a process counts as one that collects a tag, after its last reading of it."""
TAKING_OVER = 10 * SECOND
"""µs until a process judges by a model that another one may have judged by before."""


class Placed(Protocol):
    """What judges or calculates by readings of some tags: a model, a formula."""

    @property
    def name(self) -> str: ...

    @property
    def columns(self) -> tuple[str, ...]: ...


class ModelPlace:
    """Of the process with this number; None if it has the store for itself, and judges by every model."""

    def __init__(self, number: int | None, newest: RecentReadings, clock: Clock) -> None:
        self._number = number
        self._newest = newest
        self._clock = clock
        self._places: dict[str, int] = {}
        self._arrived: dict[str, dict[int, int]] = {}  # by tag and collector, when its last reading came in
        self._since: dict[str, int] = {}

    def is_here(self, model: Placed) -> bool:
        """Whether this process judges by this model now."""
        if self._number is None:
            return True
        if self._collecting(model.columns[0]) != self._number:
            self._since.pop(model.name, None)
            return False
        now = self._clock.now()
        since = self._since.setdefault(model.name, now)
        return not 0 <= now - since < TAKING_OVER

    def _collecting(self, tag: str) -> int | None:
        """The number of the process that collects this tag; None while nothing of it has come in."""
        arrived = self._arrived.setdefault(tag, {})
        readings, places = self._newest.after(self._places.get(tag, 0), [tag], 0)
        if len(places):
            self._places[tag] = int(places[-1])
            readings = readings[readings["origin"] != str(Origin.IMPORT)]
        for reading, time in zip(readings["id"].tolist(), micros(readings["received"]).tolist(), strict=True):
            number = collector_of(reading)
            arrived[number] = max(arrived.get(number, 0), time)
        last = max(arrived.values(), default=0)
        return min((number for number, time in arrived.items() if last - time < COLLECTS), default=None)
