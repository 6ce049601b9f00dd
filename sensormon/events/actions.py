"""What people do with events, and how an event stands after it.

Pure functions. An action names a flagged reading, and belongs to the event that this
reading is in: so it stays where it was meant when late readings join two events or other
delays cut them. States and words are those of ANSI/ISA-18.2-2016.
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
"""True: a fault. Benign: real, and no fault (cleaning, a change of setpoint). False: nothing was there."""

MOST_EVENTS = 10_000
"""In one act."""
LONGEST_NOTE = 1_000
LONGEST_SHELVING = 365 * 86_400
"""Seconds."""


class State(StrEnum):
    """Where an event stands."""

    UNACKNOWLEDGED = "unacknowledged"
    RETURNED = "returned, unacknowledged"
    ACKNOWLEDGED = "acknowledged"
    SHELVED = "shelved"


ATTENTION = (State.UNACKNOWLEDGED, State.RETURNED)
"""The states that ask for somebody."""


@dataclass(frozen=True)
class Standing:
    """What all actions on an event come to. Times are µs UTC; 0 and empty where there is none."""

    acknowledged: bool = False
    label: str = ""
    shelved_until: int = 0
    note: str = ""
    who: str = ""  # who acted last, and when
    acted: int = 0

    def state(self, over: bool, now: int) -> State:
        """The state at this moment of an event that is over or not."""
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
    """The action, to be recorded. Raises UsageError, one line, where it cannot be done."""
    name, text = cleaned(who), cleaned(note)
    wrong = ""
    if action not in ACTIONS:
        wrong = f"there is no action {action!r}; choose one of: {', '.join(ACTIONS)}"
    elif not readings:
        wrong = "no event is chosen"
    elif len(readings) > MOST_EVENTS:
        wrong = f"{len(readings):,} events are more than {MOST_EVENTS:,}; choose fewer"
    elif not all(type(one) is int and 0 < one < 1 << 63 for one in readings):
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
    """By event id, how each event stands that somebody acted on.

    `actions` as `Store.event_actions` gives them, oldest first; those on other readings are
    passed over. Of several the last one holds; a note holds until the next note.
    """
    if actions.empty:
        return {}
    event_of = {reading: event.id for event in events for reading in event.ids}
    result: dict[int, Standing] = {}
    for row in actions.to_dict("records"):
        event = event_of.get(row["reading"])
        if event is not None:
            before = result.get(event, Standing())
            result[event] = replace(_after(before, row), who=row["who"], acted=_micros(row["time"]))
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
        return replace(standing, shelved_until=_micros(row["until"]))
    return standing


def _micros(time: pd.Timestamp) -> int:
    return 0 if pd.isna(time) else time.value // 1_000


def action_list(frame: pd.DataFrame) -> list[EventAction]:
    """The actions of a frame as `Store.event_actions` gives it, in its order: rows of one record are one."""
    found: dict[tuple[object, ...], list[int]] = {}
    for row in frame.to_dict("records"):
        key = (
            row["number"],
            _micros(row["time"]),
            row["who"],
            row["action"],
            row["label"],
            _micros(row["until"]),
            row["note"],
        )
        found.setdefault(key, []).append(int(row["reading"]))
    return [
        EventAction(tuple(readings), time, who, action, label, until, note)  # type: ignore[arg-type]
        for (_, time, who, action, label, until, note), readings in found.items()
    ]


def action_frame(numbered: Iterable[tuple[int, EventAction]]) -> pd.DataFrame:
    """Actions by record number as `Store.event_actions` gives them."""
    rows = [
        (reading, number, one.time, one.who, one.action, one.label, one.until or None, one.note)
        for number, one in numbered
        for reading in one.readings
    ]
    frame = pd.DataFrame(
        rows, columns=["reading", "number", "time", "who", "action", "label", "until", "note"]
    )
    for name in ("time", "until"):
        frame[name] = pd.to_datetime(frame[name].astype("Int64"), unit="us", utc=True).dt.as_unit("us")
    return frame.astype({"reading": "int64", "number": "int64"})
