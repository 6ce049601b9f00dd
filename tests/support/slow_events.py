"""A slow reference for events: one object per event, joined piece by piece, one action after another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from sensormon.analysis.versions import Versions, texts
from sensormon.events.actions import State
from sensormon.model.clock import SECOND
from sensormon.model.entries import EventAction
from sensormon.model.events import HIGH, MEDIUM, Delays


@dataclass(frozen=True)
class SlowEvent:
    """An event, as `sensormon.events.grouping.Events` has many."""

    tag: str
    ids: tuple[int, ...]
    start: int
    end: int
    last_n: int
    peak_id: int
    peak_time: int
    peak_value: float
    peak_score: float
    threshold: float
    settings: int
    detector: str
    profile: str
    severity: str
    off_seconds: float

    @property
    def id(self) -> int:
        return self.ids[0]

    @property
    def ratio(self) -> float:
        return self.peak_score / self.threshold if self.threshold > 0 else 0.0


@dataclass(frozen=True)
class Standing:
    """What people did with an event."""

    acknowledged: bool = False
    label: str = ""
    shelved_until: int = 0
    note: str = ""
    who: str = ""
    acted: int = 0

    def state(self, over: bool, now: int) -> State:
        if self.shelved_until > now:
            return State.SHELVED
        if self.acknowledged:
            return State.ACKNOWLEDGED
        return State.RETURNED if over else State.UNACKNOWLEDGED


def slow_events(readings: pd.DataFrame, versions: Versions, delays: Delays) -> list[SlowEvent]:
    """The events of these readings that last the on-delay, in order of start, one reading at a time."""
    rows = readings[readings["is_anomaly"].astype(bool)].sort_values(["tag", "time", "id"])
    thresholds = versions.thresholds(rows).tolist() if len(rows) else []
    speakers = versions.of_each(rows, lambda *key: key[2])
    events: list[SlowEvent] = []
    for row, threshold, speaker, profile in zip(
        rows.to_dict("records"), thresholds, speakers, texts(rows, "profile"), strict=True
    ):
        now = _next(row, threshold, speaker, profile, versions, delays)
        before = events[-1] if events and events[-1].tag == now.tag else None
        if before is not None and _follows(before, now.start, now.last_n, delays):
            peak = now if now.ratio > before.ratio else before
            events[-1] = replace(
                peak,
                ids=before.ids + now.ids,
                start=before.start,
                end=now.end,
                last_n=now.last_n,
                off_seconds=now.off_seconds,
            )
        else:
            events.append(now)
    lasting = [
        event
        for event in events
        if len(event.ids) >= delays.on_readings and event.end - event.start >= delays.on_seconds * SECOND
    ]
    return sorted(lasting, key=lambda event: (event.start, event.tag, event.id))


def slow_over(event: SlowEvent, now: int, newest: tuple[int, int] | None, delays: Delays) -> bool:
    """Whether the off-delay has passed."""
    if now - event.end > max(delays.longest, event.off_seconds) * SECOND:
        return True
    if newest is None or newest[0] <= event.end:
        return False
    return not _follows(event, *newest, delays)


def slow_standings(
    readings: Mapping[int, int], actions: Iterable[tuple[int, EventAction]]
) -> dict[int, Standing]:
    """The standing of each event by its id; `readings` has the event of each reading."""
    result: dict[int, Standing] = {}
    for _, action in actions:
        for reading in action.readings:
            event = readings.get(reading)
            if event is None:
                continue
            standing = replace(result.get(event, Standing()), who=action.who, acted=action.time)
            if action.note:
                standing = replace(standing, note=action.note)
            if action.action in ("acknowledge", "unacknowledge"):
                standing = replace(standing, acknowledged=action.action == "acknowledge")
            elif action.action == "label":
                standing = replace(standing, label=action.label)
            elif action.action in ("shelve", "unshelve"):
                standing = replace(standing, shelved_until=action.until)
            result[event] = standing
    return result


def _next(
    row: Mapping[Any, Any], threshold: float, speaker: str, name: str, versions: Versions, delays: Delays
) -> SlowEvent:
    """The event of this reading alone."""
    profile = versions.profile(int(row["settings"]), name) if name else None
    ratio = row["score"] / threshold if threshold > 0 else 0.0
    by_peak = "high" if ratio >= HIGH else "medium" if ratio >= MEDIUM else "low"
    time = row["time"].value // 1_000
    return SlowEvent(
        tag=row["tag"],
        ids=(row["id"],),
        start=time,
        end=time,
        last_n=row["n"],
        peak_id=row["id"],
        peak_time=time,
        peak_value=row["value"],
        peak_score=row["score"],
        threshold=threshold,
        settings=row["settings"],
        detector=speaker,
        profile=name,
        severity=(profile.severity if profile else "") or by_peak,
        off_seconds=profile.off_delay if profile else delays.off_seconds,
    )


def _follows(event: SlowEvent, time: int, n: int, delays: Delays) -> bool:
    passed, readings = time - event.end, n - event.last_n
    near = 0 < readings <= delays.off_readings and passed <= delays.longest * SECOND
    return near or passed <= event.off_seconds * SECOND
