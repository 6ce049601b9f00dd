"""People's actions on events, and the resulting state of an event.

Pure functions. An action names a flagged reading and belongs to the event that has this reading.
So it stays with the right event when late readings join two events or other delays divide one.
States and words are those of ANSI/ISA-18.2-2016.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from sensormon.analysis.versions import Texts
from sensormon.model.clock import SECOND
from sensormon.model.entries import EventAction
from sensormon.model.errors import UsageError
from sensormon.model.readings import Bools, Ints
from sensormon.model.text import LONGEST_NAME, cleaned

ACTIONS = ("acknowledge", "unacknowledge", "label", "shelve", "unshelve", "note")
LABEL_WORDS: Mapping[str, str] = MappingProxyType(
    {"true": "True fault", "benign": "Expected", "false": "False alarm", "undetermined": "Unclear"}
)
"""The labels of events as people read them, by the value that files and the API have."""
LABELS = tuple(LABEL_WORDS)
"""True: a fault. Benign: real but no fault (cleaning, a new setpoint). False: nothing happened."""

MOST_EVENTS = 10_000
"""The most events in one action."""
LONGEST_NOTE = 1_000
"""Characters."""
LONGEST_SHELVING = 365 * 86_400
"""Seconds."""


class State(StrEnum):
    """The state of an event: whether somebody has dealt with it, and whether it is over."""

    UNACKNOWLEDGED = "unacknowledged"
    RETURNED = "returned, unacknowledged"
    ACKNOWLEDGED = "acknowledged"
    SHELVED = "shelved"


ATTENTION = (State.UNACKNOWLEDGED, State.RETURNED)
"""The states in which an event needs somebody's attention."""


@dataclass(frozen=True, eq=False)
class Standings:
    """The sum of all actions on events, an item of each column for each event.

    Times are µs UTC; 0 or empty if there is none. `who` acted last, and when is `acted`;
    `acknowledged_by` acknowledged it last, at `acknowledged_at`, which holds while it is `acknowledged`.
    """

    acknowledged: Bools
    acknowledged_by: Texts
    acknowledged_at: Ints
    label: Texts
    shelved_until: Ints
    note: Texts
    who: Texts
    acted: Ints

    def states(self, over: Bools, now: int) -> Texts:
        """The states at `now` (µs UTC); `over` is whether each event has ended."""
        states: Texts = np.where(over, str(State.RETURNED), str(State.UNACKNOWLEDGED)).astype(object)
        states[self.acknowledged] = str(State.ACKNOWLEDGED)
        states[self.shelved_until > now] = str(State.SHELVED)
        return states


def checked(
    readings: Sequence[int],
    action: str,
    who: str,
    now: int,
    *,
    label: str = "",
    note: str = "",
    until: int | None = None,
) -> EventAction:
    """The action, ready to be recorded. Raises UsageError, one line, if it is not possible."""
    name, text = cleaned(who), cleaned(note)
    wrong = ""
    if action not in ACTIONS:
        wrong = f"there is no action {action!r}; choose one of: {', '.join(ACTIONS)}"
    elif not readings:
        wrong = "no event is chosen"
    elif len(readings) > MOST_EVENTS:
        wrong = f"{len(readings):,} events are more than {MOST_EVENTS:,}; choose fewer"
    elif not all(type(reading) is int and 0 < reading < 1 << 63 for reading in readings):
        wrong = "an event is named by the id of its first reading, a whole number above 0"
    elif not 1 <= len(name) <= LONGEST_NAME:
        wrong = f"a name of 1 to {LONGEST_NAME} characters is needed"
    elif len(text) > LONGEST_NOTE:
        wrong = f"the note has {len(text):,} characters, {LONGEST_NOTE:,} are the most"
    elif action == "label" and label not in LABELS:
        wrong = f"there is no label {label!r}; choose one of: {', '.join(LABELS)}"
    elif action == "shelve" and not (until is not None and 0 < until - now <= LONGEST_SHELVING * SECOND):
        wrong = "an event is shelved until a time to come, within a year"
    elif action == "note" and not text:
        wrong = "the note is empty"
    if wrong:
        raise UsageError(wrong, where="events")
    return EventAction(
        readings=tuple(dict.fromkeys(readings)),
        time=now,
        who=name,
        action=action,
        label=label if action == "label" else "",
        until=until or 0 if action == "shelve" else 0,
        note=text,
    )


def standings(readings: Ints, edges: Ints, actions: pd.DataFrame) -> Standings:
    """The standing of each event; event i has the readings from edges[i] up to edges[i + 1].

    `actions` come from the store, oldest first; those on other readings are ignored. The last
    action of a kind holds; a note holds until the next note.
    """
    events = len(edges) - 1
    event, rows = _on_events(readings, edges, actions["reading"].to_numpy(dtype=np.int64))
    if not len(rows):
        none, empty = np.zeros(events, dtype=np.int64), np.full(events, "", dtype=object)
        return Standings(none == 1, empty, none, empty, none, empty, empty, none)
    act, label, note, who = (
        actions[name].to_numpy(dtype=object)[rows] for name in ("action", "label", "note", "who")
    )
    time, until = _times(actions["time"])[rows], _times(actions["until"])[rows]

    def last(which: Bools) -> tuple[Ints, Ints]:
        """The events that have such actions, and the last of these on each."""
        newest = np.full(events, -1, dtype=np.int64)
        places = np.flatnonzero(which)
        newest[event[places]] = places  # of equal indices the last one is assigned
        having = np.flatnonzero(newest >= 0)
        return having, newest[having]

    def words(column: Texts, which: Bools) -> Texts:
        result: Texts = np.full(events, "", dtype=object)
        having, places = last(which)
        result[having] = column[places]
        return result

    def numbers(column: Ints, which: Bools) -> Ints:
        result = np.zeros(events, dtype=np.int64)
        having, places = last(which)
        result[having] = column[places]
        return result

    every = np.ones(len(rows), dtype=np.bool_)
    acknowledged = (act == "acknowledge").astype(np.int64)
    return Standings(
        acknowledged=numbers(acknowledged, (act == "acknowledge") | (act == "unacknowledge")) == 1,
        acknowledged_by=words(who, act == "acknowledge"),
        acknowledged_at=numbers(time, act == "acknowledge"),
        label=words(label, act == "label"),
        shelved_until=numbers(until, (act == "shelve") | (act == "unshelve")),
        note=words(note, note != ""),
        who=words(who, every),
        acted=numbers(time, every),
    )


def _on_events(readings: Ints, edges: Ints, acted_on: Ints) -> tuple[Ints, Ints]:
    """For each action on one of these readings the place of its event; and the places of these actions."""
    if not len(readings):
        return readings, readings
    order = np.argsort(readings)
    place = np.minimum(np.searchsorted(readings, acted_on, sorter=order), len(readings) - 1)
    reading = order[place]
    rows = np.flatnonzero(readings[reading] == acted_on)
    event: Ints = np.searchsorted(edges, reading[rows], side="right") - 1
    return event, rows


def _times(column: pd.Series[Any]) -> Ints:
    """Times as µs UTC, 0 for none."""
    times: Ints = column.dt.as_unit("us").astype("int64").to_numpy(copy=True)
    times[column.isna().to_numpy()] = 0
    return times


def _time_of(time: pd.Timestamp) -> int:
    return 0 if pd.isna(time) else time.value // 1_000


def action_list(frame: pd.DataFrame) -> list[EventAction]:
    """The actions of a frame from the store, in its order; the rows of one record are one action."""
    readings: dict[tuple[int, EventAction], list[int]] = {}
    for row in frame.to_dict("records"):
        action = EventAction(
            readings=(),
            time=_time_of(row["time"]),
            who=row["who"],
            action=row["action"],
            label=row["label"],
            until=_time_of(row["until"]),
            note=row["note"],
        )
        readings.setdefault((row["number"], action), []).append(int(row["reading"]))
    return [replace(action, readings=tuple(ids)) for (_, action), ids in readings.items()]


def action_frame(numbered: Iterable[tuple[int, EventAction]]) -> pd.DataFrame:
    """Actions with their record numbers as a frame like the store's, one row per reading."""
    rows = [
        (reading, number, act.time, act.who, act.action, act.label, act.until or None, act.note)
        for number, act in numbered
        for reading in act.readings
    ]
    frame = pd.DataFrame(
        rows, columns=["reading", "number", "time", "who", "action", "label", "until", "note"]
    )
    for name in ("time", "until"):
        frame[name] = pd.to_datetime(frame[name].astype("Int64"), unit="us", utc=True).dt.as_unit("us")
    return frame.astype({"reading": "int64", "number": "int64"})
