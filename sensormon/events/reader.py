"""Events read from the store, each whole, with people's actions on them.

Events are rebuilt from the flagged readings at each call. What it is not: a place that
keeps events, or acts on them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from sensormon.analysis.versions import Versions
from sensormon.events.actions import Standing, action_frame, standings
from sensormon.events.grouping import group_flags, is_over, join_events, lasting
from sensormon.ingest.detection_log import DetectionLog
from sensormon.ingest.unstored import Unstored
from sensormon.model.clock import SECOND, Clock
from sensormon.model.entries import DetectorSettings
from sensormon.model.events import Delays, Event
from sensormon.stores.protocol import Store
from sensormon.stores.recent import RecentReadings

MOST_FLAGS = 100_000
"""The most flagged readings read; if a span has more, the oldest events are left out."""

FARTHEST = 7 * 86_400
"""An event is followed back at most this many seconds before the span."""

_TIMES = ("start", "end", "peak_time", "acted", "shelved_until")
_COLUMNS = (
    "id",
    "tag",
    "start",
    "end",
    "seconds",
    "readings",
    "value",
    "score",
    "threshold",
    "expected",
    "lower",
    "upper",
    "severity",
    "over",
    "state",
    "label",
    "note",
    "who",
    "acted",
    "shelved_until",
    "settings",
    "detector",
    "profile",
    "peak_id",
    "peak_time",
    "ids",
)


class EventReader:
    """Reads from the store and, for what is not stored yet, from memory."""

    def __init__(
        self,
        store: Store,
        recent: RecentReadings,
        unstored: Unstored,
        detection: DetectionLog,
        clock: Clock,
        delays: Delays | None = None,
    ) -> None:
        self._store = store
        self._recent = recent
        self._unstored = unstored
        self._detection = detection
        self._clock = clock
        self.delays = delays or Delays()

    def between(self, tags: Sequence[str] | None, since: int, until: int) -> pd.DataFrame:
        """Events with a flagged reading at since <= time < until, newest first, one row per event.

        Columns: id, tag, start, end, seconds (from the first flag to the last), readings
        (flagged), value, score, threshold, expected, lower and upper at the peak, severity, over,
        state, label, note, who (acted last) and acted (when), shelved_until, settings, detector (which
        spoke at the peak), profile, peak_id, peak_time, ids (of all flagged readings). Times as
        datetime64[us, UTC]. An event that began before `since` is whole, one that continues after `until`
        is cut there.
        `attrs["complete"]` is False if the oldest had to be left out.
        """
        now = self._clock.now()
        versions = self._detection.by_id()
        longest = self._longest(versions)
        events, complete = self._find(tags, since, until, Versions(versions), longest)
        events = lasting(events, self.delays)
        stand: dict[int, Standing] = {}
        if events:
            first, last = min(min(event.ids) for event in events), max(max(event.ids) for event in events)
            stand = standings(events, self.actions(first, last))
        recent = now - longest
        newest = self._recent.newest({event.tag for event in events if event.end >= recent}, recent)
        rows = [
            _row(
                event,
                stand.get(event.id, Standing()),
                is_over(event, now, newest.get(event.tag), self.delays),
                now,
            )
            for event in reversed(events)
        ]
        frame = pd.DataFrame(rows, columns=list(_COLUMNS))
        for name in _TIMES:
            frame[name] = pd.to_datetime(frame[name].astype("Int64"), unit="us", utc=True).dt.as_unit("us")
        frame.attrs["complete"] = complete
        return frame

    def actions(self, first: int, last: int) -> pd.DataFrame:
        """People's actions on events, by readings with first <= id <= last, stored or not, oldest first."""
        waiting = action_frame(self._unstored.actions())  # before the store, or one could slip through
        stored = self._store.entries.event_actions(first, last)
        waiting = waiting[waiting["reading"].between(first, last)]
        if waiting.empty:
            return stored
        known = set(zip(stored["reading"], stored["number"], stored["time"], strict=True))
        keys = zip(waiting["reading"], waiting["number"], waiting["time"], strict=True)
        fresh = waiting[[key not in known for key in keys]]
        both = pd.concat([stored, fresh], ignore_index=True) if len(stored) else fresh
        return both.sort_values(["time", "number", "reading"], kind="stable", ignore_index=True)

    def _find(
        self, tags: Sequence[str] | None, since: int, until: int, versions: Versions, longest: int
    ) -> tuple[list[Event], bool]:
        rows = self._store.readings.anomalies(tags, since, until, 0.0, MOST_FLAGS)
        events = group_flags(rows, versions, self.delays)
        if len(rows) == MOST_FLAGS:
            cut = min(event.start for event in events)
            return [event for event in events if event.start - cut > longest], False
        edge, reach = since, longest
        while edge > since - FARTHEST * SECOND:
            cut_off = sorted(
                {event.tag for event in events if event.end >= since and event.start - edge <= longest}
            )
            before = (
                self._store.readings.anomalies(cut_off, edge - reach, edge, 0.0, MOST_FLAGS)
                if cut_off
                else rows[:0]
            )
            if before.empty:
                break
            events = join_events(group_flags(before, versions, self.delays), events, self.delays)
            edge, reach = edge - reach, 2 * reach
        return [event for event in events if event.end >= since], True

    def _longest(self, versions: Mapping[int, DetectorSettings]) -> int:
        """The longest time (µs) by which two flags of one event may be apart."""
        profiles = (profile for version in versions.values() for profile in version.in_use.profiles)
        seconds = max((profile.off_delay for profile in profiles), default=0.0)
        return round(max(self.delays.longest, seconds) * SECOND)


def _row(event: Event, stand: Standing, over: bool, now: int) -> tuple[object, ...]:
    return (
        event.id,
        event.tag,
        event.start,
        event.end,
        (event.end - event.start) / SECOND,
        event.readings,
        event.peak_value,
        event.peak_score,
        event.threshold,
        event.expected,
        event.lower,
        event.upper,
        str(event.severity),
        over,
        str(stand.state(over, now)),
        stand.label,
        stand.note,
        stand.who,
        stand.acted or None,
        stand.shelved_until or None,
        event.settings,
        event.detector,
        event.profile,
        event.peak_id,
        event.peak_time,
        event.ids,
    )
