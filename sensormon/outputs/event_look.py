"""The events of the last day as outputs see them, read once for all of them, and each tag's state.

An event is worded by the same sentence that pages and notifications show. What it is not: a judgement of
what has been published; see `published`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import pandas as pd

from sensormon.model.clock import HOUR, SECOND
from sensormon.model.readings import Bools, Ints
from sensormon.model.timestamps import micros
from sensormon.monitor.monitor import Monitor
from sensormon.notify.facts import facts_of, never_quiet
from sensormon.notify.imported import ImportedIds
from sensormon.notify.messages import ToldEvent
from sensormon.notify.notices import LATEST
from sensormon.notify.told_events import describer, told_event

AHEAD = HOUR
"""How far after now an event's own time can be (µs); more than validation lets in."""
PACE = 1.0
"""Seconds between two readings of the events."""
SHARE = 10
"""A reading of the events is followed by a pause of this many times the processor's time that it took."""
LONGEST = 10.0
"""Seconds of that pause at most."""
SENTENCES = 100
"""Sentences that one look works out for what is flagged now; others have the numbers alone until the next."""


class FlagState(StrEnum):
    """Of a tag."""

    OK = "ok"
    FLAGGED = "flagged"
    SILENT = "silent"


@dataclass(frozen=True)
class TagFlag:
    """A tag's state; `event` is the newest one that goes on, `since` when that began (µs UTC)."""

    tag: str
    state: FlagState
    event: ToldEvent | None = None

    @property
    def since(self) -> int | None:
        return self.event.began if self.event else None


@dataclass(frozen=True, eq=False)
class EventLook:
    """Live events at one moment, in order of start: an item of each column for each. Times are µs UTC, 0 for
    none. `readings` are the ids of all flagged readings, from `edges[i]` up to `edges[i + 1]` those of event
    i; `row` its place in `frame`. `whole` is False if the oldest had to be left out.
    """

    now: int
    frame: pd.DataFrame
    row: Ints
    id: Ints
    start: Ints
    tag: tuple[str, ...]
    over: Bools
    acknowledged: Ints
    readings: Ints
    edges: Ints
    whole: bool

    def at(self, place: int) -> Mapping[Any, Any]:
        """The row of the frame that this event has."""
        row: Mapping[Any, Any] = self.frame.iloc[int(self.row[place])].to_dict()
        return row


class EventLooks:
    """Of one monitor. Thread-safe: whoever asks within `PACE` gets the same look."""

    def __init__(self, monitor: Monitor) -> None:
        self._monitor = monitor
        self._imported = ImportedIds(monitor.parts.store.imports)
        self._lock = threading.Lock()
        self._look: EventLook | None = None
        self._next = 0
        self._worded: dict[tuple[int, int], ToldEvent] = {}

    def current(self) -> EventLook:
        """As of `PACE` ago at most, in a flood of events longer. Raises StoreError."""
        with self._lock:
            now = self._monitor.clock.now()
            if self._look is None or not 0 <= self._next - now <= LONGEST * SECOND:
                began = time.thread_time()
                self._look = self._taken(now)
                took = time.thread_time() - began
                self._next = now + round(min(max(PACE, SHARE * took), LONGEST) * SECOND)
            return self._look

    def worded(self, look: EventLook, place: int) -> ToldEvent:
        """This event with its sentence. Raises StoreError if its peak cannot be read."""
        row = look.at(place)
        key = int(row["id"]), int(row["peak_id"])
        with self._lock:
            known = self._worded.get(key)
        if known is None:
            monitor = self._monitor
            versions = monitor.detection.by_id()
            known = describer(monitor.tags, versions, monitor.stored, monitor.readings.verdicts)(row)
            with self._lock:
                self._worded[key] = known
        return known

    def flags(self, look: EventLook, takes: Callable[[str], bool]) -> dict[str, TagFlag]:
        """The state of every tag that this takes. Raises StoreError."""
        monitor = self._monitor
        flags = {
            age.tag: TagFlag(age.tag, FlagState.SILENT if age.silent else FlagState.OK)
            for age in monitor.tag_ages()
            if takes(age.tag)
        }
        going_on = {look.tag[place]: place for place in np.flatnonzero(~look.over).tolist()}
        left = SENTENCES
        for tag, place in going_on.items():
            if not takes(tag) or tag not in monitor.tags:
                continue
            row = look.at(place)
            with self._lock:
                known = (int(row["id"]), int(row["peak_id"])) in self._worded
            left -= not known
            event = self.worded(look, place) if known or left >= 0 else told_event(row, monitor.tags, {})
            flags[tag] = TagFlag(tag, FlagState.FLAGGED, event)
        return flags

    def _taken(self, now: int) -> EventLook:
        """The lock is held."""
        monitor = self._monitor
        events = monitor.events.between(None, now - LATEST, now + AHEAD)
        facts, ids, edges = facts_of(events, monitor.tags, never_quiet, self._imported.ranges(), now)
        live = np.flatnonzero(~facts.imported)
        counts = np.diff(edges)[live]
        own = np.repeat(~facts.imported, np.diff(edges))
        acknowledged = events["acknowledged_at"]
        times = np.where(acknowledged.isna().to_numpy(), 0, micros(acknowledged))
        tags = events["tag"].to_numpy(dtype=object)[facts.row[live]]
        known = set(facts.id[live].tolist())
        self._worded = {key: event for key, event in self._worded.items() if key[0] in known}
        return EventLook(
            now,
            events.drop(columns="ids"),
            facts.row[live],
            facts.id[live],
            facts.start[live],
            tuple(tags.tolist()),
            facts.over[live],
            times[facts.row[live]],
            ids[own],
            np.concatenate([[0], np.cumsum(counts)]),
            bool(events.attrs.get("complete", True)),
        )
