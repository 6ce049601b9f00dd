"""People's actions on events, and the resulting state of an event.

Pure functions. An action names a flagged reading and belongs to the event that has this reading.
So it stays with the right event when late readings join two events or other delays divide one.
States and words are those of ANSI/ISA-18.2-2016.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import pandas as pd

from sensormon.model.clock import SECOND
from sensormon.model.entries import EventAction
from sensormon.model.errors import UsageError
from sensormon.model.events import Event
from sensormon.model.text import LONGEST_NAME, cleaned

ACTIONS = ("acknowledge", "unacknowledge", "label", "shelve", "unshelve", "note")
LABELS = ("true", "benign", "false", "undetermined")
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


@dataclass(frozen=True)
class Standing:
    """The sum of all actions on an event. Times are µs UTC; 0 or empty if there is none."""

    acknowledged: bool = False
    label: str = ""
    shelved_until: int = 0
    note: str = ""
    who: str = ""  # who acted last, and when
    acted: int = 0

    def state(self, over: bool, now: int) -> State:
        """The state at `now` (µs UTC); `over` is whether the event has ended."""
        if self.shelved_until > now:
            return State.SHELVED
        if self.acknowledged:
            return State.ACKNOWLEDGED
        return State.RETURNED if over else State.UNACKNOWLEDGED


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


def standings(events: Iterable[Event], actions: pd.DataFrame) -> dict[int, Standing]:
    """The standing of each event that somebody acted on, by event id.

    `actions` come from the store, oldest first; those on other readings are ignored. The last
    action of a kind holds; a note holds until the next note.
    """
    if actions.empty:
        return {}
    event_of = {reading: event.id for event in events for reading in event.ids}
    result: dict[int, Standing] = {}
    for row in actions.to_dict("records"):
        event = event_of.get(row["reading"])
        if event is not None:
            before = result.get(event, Standing())
            result[event] = replace(_after(before, row), who=row["who"], acted=_time_of(row["time"]))
    return result


def _after(standing: Standing, row: Mapping[Any, Any]) -> Standing:
    action = row["action"]
    if row["note"]:
        standing = replace(standing, note=row["note"])
    if action in ("acknowledge", "unacknowledge"):
        return replace(standing, acknowledged=action == "acknowledge")
    if action == "label":
        return replace(standing, label=row["label"])
    if action in ("shelve", "unshelve"):
        return replace(standing, shelved_until=_time_of(row["until"]))
    return standing


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
