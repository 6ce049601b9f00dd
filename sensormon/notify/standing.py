"""The events of a message as they are now, for the page that its link opens.

Read again at each look, like everything about events. What it is not: what the message said; of an event that
cannot be read any more only that is left.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from sensormon.events.actions import State
from sensormon.model.clock import HOUR, MINUTE
from sensormon.model.entries import DetectorSettings
from sensormon.model.errors import StoreError
from sensormon.model.tag_models import SOURCE
from sensormon.model.timestamps import micros
from sensormon.monitor.monitor import Monitor
from sensormon.notify.messages import ToldEvent
from sensormon.notify.told_events import peak_sentence

_RECENT = 15 * MINUTE
"""µs within which the newest reading of a tag counts as its value now."""
_AHEAD = HOUR
"""How far after now a reading's own time can be (µs)."""


@dataclass(frozen=True)
class Standing:
    """An event now. `state` is empty if it cannot be read: the rest is then what the message said.

    Times are µs UTC, 0 for none. `peak` and `latest` are values with their unit, `latest` of the tag's newest
    reading, empty if there is none of late. `ended` is 0 while the event goes on.
    """

    id: int
    title: str
    severity: str
    began: int
    peak: str
    why: str
    state: str = ""
    ended: int = 0
    latest: str = ""
    latest_time: int = 0
    acknowledged_by: str = ""
    acknowledged: int = 0
    shelved_until: int = 0
    label: str = ""
    note: str = ""


Row = Mapping[Any, Any]
"""An event of the reader's frame."""
_Who = tuple[str, int]
"""By whom and when."""


def standings_of(monitor: Monitor, told: Sequence[ToldEvent]) -> tuple[Standing, ...]:
    """How these events are now, in their order; never raises for a store that is away."""
    if not told:
        return ()
    try:
        tags = sorted({event.tag for event in told})
        first, now = min(event.began for event in told), monitor.clock.now()
        frame = monitor.events.between(tags, first, now + _AHEAD)
        rows = _rows_by_id(frame, {event.id for event in told})
        acknowledgements = _acknowledgements(monitor, rows.values())
    except StoreError:
        return tuple(_as_told(event) for event in told)
    latest, versions = _latest(monitor, tags, now), monitor.detection.readable()
    return tuple(
        _now(monitor, event, rows[event.id], acknowledgements, latest, versions)
        if event.id in rows
        else _as_told(event)
        for event in told
    )


def _rows_by_id(frame: pd.DataFrame, ids: set[int]) -> dict[int, Row]:
    """The event that has the reading with each of these ids, where there is one.

    An event may have been joined with another since, and then has another id.
    """
    rows: dict[int, Row] = {}
    for place, readings in enumerate(frame["ids"]):
        for reading in ids.intersection(readings):
            rows[int(reading)] = frame.iloc[place].to_dict()
    return rows


def _acknowledgements(monitor: Monitor, rows: Iterable[Row]) -> dict[int, _Who]:
    """By reading, who acknowledged last, unless that was taken back."""
    ids = [int(reading) for row in rows for reading in row["ids"]]
    if not ids:
        return {}
    actions = monitor.events.actions(min(ids), max(ids))
    actions = actions[actions["reading"].isin(set(ids))]
    standing: dict[int, _Who] = {}
    columns = (actions["reading"], actions["action"], actions["who"], micros(actions["time"]))
    for reading, action, who, time in zip(*columns, strict=True):
        if action == "acknowledge":
            standing[int(reading)] = (str(who), int(time))
        elif action == "unacknowledge":
            standing.pop(int(reading), None)
    return standing


def _latest(monitor: Monitor, tags: Sequence[str], now: int) -> dict[str, tuple[float, int]]:
    """The newest value of each of these tags that reported of late, and its time."""
    frame = monitor.readings.recent(now - _RECENT, tags)
    newest = frame.sort_values(["time", "id"], kind="stable").groupby("tag").tail(1)
    columns = (newest["tag"], newest["value"], micros(newest["time"]))
    return {str(tag): (float(value), int(time)) for tag, value, time in zip(*columns, strict=True)}


def _now(
    monitor: Monitor,
    told: ToldEvent,
    row: Row,
    acknowledgements: Mapping[int, _Who],
    latest: Mapping[str, tuple[float, int]],
    versions: Mapping[int, DetectorSettings],
) -> Standing:
    tag = monitor.tags[told.tag]
    value, time = latest.get(told.tag, (0.0, 0))
    given = [acknowledgements[int(i)] for i in row["ids"] if int(i) in acknowledgements]
    who, when = max(given, key=lambda pair: pair[1], default=("", 0))
    acknowledged = row["state"] == State.ACKNOWLEDGED
    return Standing(
        id=told.id,
        title=monitor.tags.title(told.tag),
        severity=str(row["severity"]),
        began=_micros(row["start"]),
        peak=tag.render(float(row["value"])),
        why=_why(monitor, row, versions) or told.why,
        state=str(row["state"]),
        ended=_micros(row["end"]) if row["over"] else 0,
        latest=tag.render(value) if time else "",
        latest_time=time,
        acknowledged_by=who if acknowledged else "",
        acknowledged=when if acknowledged else 0,
        shelved_until=_micros(row["shelved_until"]) if row["state"] == State.SHELVED else 0,
        label=str(row["label"]),
        note=str(row["note"]),
    )


def _why(monitor: Monitor, row: Row, versions: Mapping[int, DetectorSettings]) -> str:
    """The sentence on the peak; empty if what it needs cannot be read."""
    time, peak = _micros(row["peak_time"]), int(row["peak_id"])
    frame = monitor.readings.recent(time, [str(row["tag"])], time + 1)
    readings = frame[frame["id"] == peak].to_dict("records")
    if not readings or readings[0].get("source") == SOURCE:
        return ""
    own = monitor.readings.verdicts(peak)
    return peak_sentence(monitor.tags[str(row["tag"])], readings[0], versions.get(int(row["settings"])), own)


def _as_told(event: ToldEvent) -> Standing:
    return Standing(event.id, event.title, event.severity, event.began, event.value, event.why)


def _micros(moment: Any) -> int:
    """µs UTC of a timestamp, 0 for none."""
    return 0 if pd.isna(moment) else int(pd.Timestamp(moment).value // 1_000)
