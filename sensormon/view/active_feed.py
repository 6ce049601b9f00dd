"""What is wrong now, as bell and wall screen poll for it: plain text and numbers, times in ms UTC.

Viewers share one answer. What it is not: the judge of what is wrong; see `events.active`.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from json import dumps
from typing import Any

import pandas as pd

from sensormon.events.active import SHIFT, Active, ActiveList, Kind, active
from sensormon.model.clock import SECOND
from sensormon.model.errors import StoreError
from sensormon.model.status import Status
from sensormon.monitor.monitor import Monitor
from sensormon.view.explanation import Scales, peak_words
from sensormon.view.plain_alarms import plain_alarms
from sensormon.view.shared import Shared

Answer = dict[str, Any]

MOST = 100
"""The most items that are sent, of what is wrong and of what is quiet; all are counted."""
MOST_CALLS = 3
"""The most events of an item that are sent as calls: the newest."""
EVERY = 2 * SECOND
"""How old a shared answer may be (µs)."""
_SHOWN = ["id", "settings", "profile", "detector", "value", "expected", "upper", "score", "threshold"]
"""The columns of an event that its item shows."""


@dataclass(frozen=True)
class _Look(ActiveList):
    """The list, the events that it is of, and from when those are if they cannot be read now."""

    events: pd.DataFrame | None = None
    as_of: float = 0.0


class ActiveFeed:
    """Answers for one monitor. While the store is away nothing raises: the events are those read last."""

    def __init__(self, monitor: Monitor) -> None:
        self._monitor = monitor
        self._shared = Shared(monitor.clock, 2)
        self._events: tuple[int, pd.DataFrame | None] = (monitor.started, None)

    def answer(self, known: str = "") -> Answer:
        """The list, or only its version if that is the one already `known`.

        `items` are what is wrong, worst first, `quiet` what nobody is called for. `attention` counts what
        nobody has dealt with and `worst` is its severity; `count` and `quiet_count` are of all items.
        `events` is from when the events are if they cannot be read now, otherwise 0. Of an item `waiting`
        events are to be acknowledged, `newest` is the highest of their ids; `calls` are what is called for.
        """
        whole: Answer = self._shared.of("active", self.key(), self._make, EVERY)
        return {"version": known} if whole["version"] == known else whole

    def listed(self) -> tuple[ActiveList, dict[str, int]]:
        """The whole list, and by tag the id of its worst event; as old as an answer may be."""
        look = self._look()
        items = [item for item in (*look.quiet, *look.items) if item.event >= 0]
        if look.events is None:
            return look, {}
        ids = look.events["id"].to_numpy()
        return look, {item.tag: int(ids[item.event]) for item in items}

    def key(self) -> tuple[object, ...]:
        """Another one once somebody has acted, or the tags have changed: what was made before is old then."""
        return *acts_of(self._monitor), self._monitor.tags.digest

    def _look(self) -> _Look:
        """What is wrong, read anew after `EVERY`, or once somebody has acted."""

        def look() -> _Look:
            m = self._monitor
            now = m.clock.now()
            as_of, events = self._read(now)
            status = m.status()
            silent = [silence for silence in status.silent if silence.tag in m.tags]
            listed = active(events, silent, problems(status), m.quiet.why, now)
            return _Look(listed.items, listed.quiet, events, as_of)

        return self._shared.of("look", self.key(), look, EVERY)

    def _make(self) -> Answer:
        m = self._monitor
        listed = self._look()
        as_of, events = listed.as_of, listed.events
        scales = Scales(m.detection.readable())
        content = {
            "count": len(listed.items),
            "attention": listed.attention,
            "worst": listed.worst or "",
            "items": self._items(listed.items, events, scales),
            "quiet_count": len(listed.quiet),
            "quiet": self._items(listed.quiet, events, scales),
            "events": as_of,
        }
        version = blake2b(dumps(content).encode(), digest_size=12).hexdigest()
        return {"version": version, **content}

    def _read(self, now: int) -> tuple[float, pd.DataFrame | None]:
        """The events of a shift, and 0; while the store is away those read last, and from when (ms UTC)."""
        m = self._monitor
        try:
            events = m.events.between(None, now - SHIFT, now + 1)
            known = m.readings.live_tags().intersection(m.tags.names)
        except StoreError:
            time, kept = self._events
            return time / 1e3, kept
        self._events = now, events[events["tag"].isin(known)].reset_index(drop=True)
        return 0.0, self._events[1]

    def _items(self, items: Sequence[Active], events: pd.DataFrame | None, scales: Scales) -> list[Answer]:
        sent = items[:MOST]
        places = [item.event for item in sent if item.event >= 0]
        rows = [] if events is None else events.iloc[places][_SHOWN].to_dict("records")
        by_place = dict(zip(places, rows, strict=True))
        return [self._item(item, by_place.get(item.event), scales) for item in sent]

    def _item(self, item: Active, row: Mapping[Hashable, Any] | None, scales: Scales) -> Answer:
        sent: Answer = {
            "key": item.tag or problem_key(item.text),
            "kind": item.kind,
            "severity": item.severity,
            "tag": item.tag,
            "label": self._monitor.tags.title(item.tag) if item.tag else "This monitor",
            "what": item.text or "No readings arrive",
            "since": round(item.since / SECOND) * 1_000,
            "over": item.over,
            "attention": item.needs_attention,
            "who": item.who,
            "when": item.when / 1e3,
            "waiting": len(item.unacknowledged),
            "newest": max(item.unacknowledged, default=0),
            "calls": _calls(item),
        }
        if row is not None:
            peak = peak_words(self._monitor.tags[item.tag], row, scales)
            sent["event"] = int(row["id"])
            lacks = "; no readings arrive" if item.silent else ""
            sent["what"] = f"No readings arrive; {peak}" if item.kind is Kind.SILENCE else f"{peak}{lacks}"
        if item.quiet is not None:
            quiet = item.quiet
            sent["quiet"] = {
                "kind": quiet.kind,
                "until": quiet.until / 1e3,
                "who": quiet.who,
                "reason": quiet.reason,
            }
        return sent


def acts_of(m: Monitor) -> tuple[int, ...]:
    """Changes once somebody has acted on events, shelved a tag or planned maintenance."""
    return m.actions.count, m.shelved_tags.changes, m.maintenance.changes


def active_of(monitor: Monitor) -> ActiveFeed:
    """The answers of this monitor, which all who ask share."""
    return monitor.kept_beside("active-feed", ActiveFeed)


def to_acknowledge(m: Monitor, tag: str, newest: int) -> tuple[int, ...]:
    """The ids of this tag's events on the list that nobody has acknowledged, none after `newest`.

    Raises StoreError.
    """
    now = m.clock.now()
    events = m.events.between([tag], now - SHIFT, now + 1)
    listed = active(events, (), (), lambda *_: None, now)
    return tuple(number for item in listed.items for number in item.unacknowledged if number <= newest)


def problems(status: Status) -> tuple[str, ...]:
    """The monitor's own problems, a sentence or two each: silent tags are apart."""
    texts = plain_alarms(replace(status, silent=()))
    return (*texts, *(f"{text.rstrip('.')}." for text in status.attention))


def problem_key(text: str) -> str:
    """What stays the same of a problem while its durations and counts change: its first words."""
    return "monitor " + " ".join(text.split()[:3])


def _calls(item: Active) -> list[str]:
    """What somebody is called for once: each event of medium or high severity, a silence, a problem."""
    calls = [str(number) for number in item.calling[-MOST_CALLS:]]
    if item.kind is not Kind.EVENT or item.silent:
        calls.append(f"silent {item.tag}" if item.tag else problem_key(item.text))
    return [] if item.quiet is not None else calls
