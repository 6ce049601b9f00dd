"""What each tag is doing now: its newest value and its state, the worst state first.

The states are those of the list of what is wrong (`active_feed`), for all tags instead of the worst hundred.
Viewers share one answer. Nothing here raises if the store is unavailable. What it is not: a judge; a state
says what the events, the watchdog and the people have said.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from enum import IntEnum
from typing import Any

import numpy as np

from sensormon.events.actions import State
from sensormon.events.active import Active, ActiveList, Kind
from sensormon.events.quiet import SHELVED
from sensormon.model.clock import SECOND
from sensormon.model.errors import StoreError
from sensormon.model.events import Severity
from sensormon.model.readings import Origin
from sensormon.model.tags import Tag
from sensormon.model.timestamps import micros
from sensormon.monitor.monitor import Monitor
from sensormon.view.active_feed import ActiveFeed, active_of
from sensormon.view.severity import OPEN_SYMBOLS, SYMBOLS
from sensormon.view.shared import Shared
from sensormon.view.state_bands import word_of

Answer = dict[str, Any]


class TagState(IntEnum):
    """The state of a tag now; the lower, the sooner somebody has to look at it."""

    HIGH = 0
    HIGH_OVER = 1
    MEDIUM = 2
    MEDIUM_OVER = 3
    LOW = 4
    ACKNOWLEDGED = 5
    SILENT = 6
    NO_DATA = 7
    SHELVED = 8
    MAINTENANCE = 9
    NORMAL = 10


STATE_WORDS: Mapping[TagState, str] = {
    TagState.HIGH: f"{SYMBOLS[Severity.HIGH]} high",
    TagState.HIGH_OVER: f"{OPEN_SYMBOLS[Severity.HIGH]} high, ended",
    TagState.MEDIUM: f"{SYMBOLS[Severity.MEDIUM]} medium",
    TagState.MEDIUM_OVER: f"{OPEN_SYMBOLS[Severity.MEDIUM]} medium, ended",
    TagState.LOW: f"{SYMBOLS[Severity.LOW]} low",
    TagState.ACKNOWLEDGED: "✓ acknowledged",
    TagState.SILENT: "silent",
    TagState.NO_DATA: "no data",
    TagState.SHELVED: "shelved",
    TagState.MAINTENANCE: "maintenance",
    TagState.NORMAL: "",
}
"""What the page says of each; the symbol of an event that is over but not acknowledged is open."""

CALLING = TagState.SILENT
"""States up to this one are abnormal: they have colour, and groups count them."""

FRESH = SECOND
"""How old a shared answer may be (µs)."""
LATELY = 10 * SECOND
"""How old the states may be for the choice of the cards that are open at first (µs)."""
RECENT = 60 * SECOND
"""How far back the first look for values goes in memory (µs)."""
FOUND_AT_ONCE = 20
"""Tags without a value in memory whose newest one is read from the store in one go."""

_OF_SEVERITY = {
    Severity.HIGH: (TagState.HIGH, TagState.HIGH_OVER),
    Severity.MEDIUM: (TagState.MEDIUM, TagState.MEDIUM_OVER),
    Severity.LOW: (TagState.LOW, TagState.LOW),
}


def severity_of(state: TagState) -> str:
    """The severity of the event that a tag in this state has, as text; empty if it calls for nobody."""
    return next((str(severity) for severity, states in _OF_SEVERITY.items() if state in states), "")


class LiveNow:
    """Answers for one monitor."""

    def __init__(self, monitor: Monitor, active: ActiveFeed) -> None:
        self._monitor = monitor
        self._active = active
        self._shared = Shared(monitor.clock, 1)
        self._values: dict[str, tuple[int, float]] = {}  # by tag: own time (µs UTC) and value
        self._place = 0  # up to which reading in memory these are known
        self._begun = False
        self._tried: set[str] = set()  # not in memory, and looked for in the store

    def answer(self) -> Answer:
        """The tags in the table's order as columns: `names`, `values` as text, `states` as numbers.

        Of tags with an event that is open or waits to be acknowledged `events` has its id.
        """
        answer: Answer = self._shared.of("now", self._active.key(), self._make, FRESH)
        return answer

    def states(self) -> dict[str, TagState]:
        """The state of each tag in the table, at most `LATELY` old: for a click nobody waits for a look."""
        kept = self._shared.kept("now", self._active.key(), LATELY)
        answer = self.answer() if kept is None else kept.value
        return {name: TagState(state) for name, state in zip(answer["names"], answer["states"], strict=True)}

    def _make(self) -> Answer:
        m = self._monitor
        tags = list(m.tags)
        self._follow([tag.name for tag in tags])
        listed, events = self._active.listed()
        states = states_of(listed)
        words = m.state_words([tag.name for tag in tags if tag.has_states])
        return {
            "names": [tag.name for tag in tags],
            "values": [self._text(tag, words.get(tag.name, {})) for tag in tags],
            "states": [
                int(states.get(tag.name, TagState.NORMAL if tag.name in self._values else TagState.NO_DATA))
                for tag in tags
            ],
            "events": events,
        }

    def _text(self, tag: Tag, words: Mapping[float, str]) -> str:
        if tag.name not in self._values:
            return ""
        value = self._values[tag.name][1]
        return word_of(words, value) if tag.has_states else tag.render(value)

    def _follow(self, names: Sequence[str]) -> None:
        """Take the readings that came in since the last look; of tags without any, their newest one."""
        m = self._monitor
        place = m.newest.newest_place  # read before the readings, so that none is missed
        since = 0 if self._begun else m.clock.now() - RECENT
        self._take(m.newest.after(self._place if self._begun else -1, names, since, place)[0])
        if not self._begun:
            self._take(m.newest.frame(0, self._without(names)))
        self._place, self._begun = place, True
        missing = [name for name in self._without(names) if name not in self._tried]
        if missing:
            with suppress(StoreError):
                self._find(missing[:FOUND_AT_ONCE])

    def _without(self, names: Iterable[str]) -> list[str]:
        return [name for name in names if name not in self._values]

    def _take(self, frame: Any) -> None:
        live = (frame["origin"] != str(Origin.IMPORT)).to_numpy(dtype=bool)
        frame = frame[live].sort_values("time", kind="stable").drop_duplicates("tag", keep="last")
        columns = frame["tag"], micros(frame["time"]).tolist(), frame["value"].to_numpy(dtype=np.float64)
        for name, time, value in zip(*columns, strict=True):
            if time >= self._values.get(str(name), (time, 0.0))[0]:  # a late one is not the newest
                self._values[str(name)] = time, float(value)

    def _find(self, names: Sequence[str]) -> None:
        """Read the newest value of these tags from the store. Raises StoreError."""
        stored = self._monitor.stored
        arrivals = stored.last_arrivals()
        for name in names:
            if name in arrivals:
                time = arrivals[name].time
                self._take(stored.frame([name], time, time + 1))
            self._tried.add(name)


def now_of(monitor: Monitor) -> LiveNow:
    """The answers of this monitor, which the pages and the API share."""
    return monitor.kept_beside("live-now", lambda m: LiveNow(m, active_of(m)))


def states_of(listed: ActiveList) -> dict[str, TagState]:
    """The state of each tag on the list; those not on it are normal, or have no data."""
    quiet = {item.tag: _quiet_state(item) for item in listed.quiet}
    return quiet | {item.tag: _state(item) for item in listed.items if item.kind is not Kind.MONITOR}


def _state(item: Active) -> TagState:
    if item.kind is Kind.SILENCE and not item.calling:
        return TagState.SILENT  # its severity is that of the silence
    if item.unacknowledged and item.state == State.ACKNOWLEDGED:
        return TagState.LOW  # those that wait call for nobody; one that does would be the item itself
    if item.unacknowledged:
        return _OF_SEVERITY[item.severity][item.over]
    return TagState.SILENT if item.kind is Kind.SILENCE else TagState.ACKNOWLEDGED


def _quiet_state(item: Active) -> TagState:
    return TagState.SHELVED if item.quiet and item.quiet.kind == SHELVED else TagState.MAINTENANCE


def worst_first(states: Mapping[str, TagState], names: Iterable[str]) -> list[str]:
    """These tags by their state, the worst first; those of the same state keep their order."""
    return sorted(names, key=lambda name: states.get(name, TagState.NORMAL))
