"""Events read from the store, each whole, with people's actions on them.

Events are rebuilt from the flagged readings at each call; the newest of these are held in memory. What it is
not: a place that keeps events, or acts on them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from sensormon.analysis.versions import Texts, Versions
from sensormon.events.actions import action_frame, standings
from sensormon.events.flags import HeldFlags
from sensormon.events.grouping import Events, are_over, group_flags, lasting
from sensormon.ingest.detection_log import DetectionLog
from sensormon.ingest.unstored import Unstored
from sensormon.model.clock import SECOND, Clock
from sensormon.model.entries import DetectorSettings
from sensormon.model.events import Delays
from sensormon.model.readings import Ints
from sensormon.stores.protocol import Store
from sensormon.stores.recent import RecentReadings

MOST_FLAGS = 100_000
"""The most flagged readings read; if a span has more, the oldest events are left out."""

FARTHEST = 7 * 86_400
"""An event is followed back at most this many seconds before the span."""


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
        self._flags = HeldFlags(store.readings, MOST_FLAGS)
        self._recent = recent
        self._unstored = unstored
        self._detection = detection
        self._clock = clock
        self.delays = delays or Delays()

    def between(self, tags: Sequence[str] | None, since: int, until: int) -> pd.DataFrame:
        """Events with a flagged reading at since <= time < until, newest first, one row per event.

        Columns: id, tag, start, end, seconds (from the first flag to the last), readings
        (flagged), value, score, threshold, expected, lower and upper at the peak, severity, over,
        state, label, note, who (acted last) and acted (when), acknowledged_by and acknowledged_at (the last
        acknowledgement, even if it was undone), shelved_until, settings, detector (which
        spoke at the peak), profile, peak_id, peak_time, ids (of all flagged readings, a list). Times as
        datetime64[us, UTC]. An event that began before `since` is whole, one that continues after `until`
        is cut there.
        `attrs["complete"]` is False if the oldest had to be left out.
        """
        now = self._clock.now()
        versions = self._detection.by_id()
        longest = self._longest(versions)
        events, complete = self._find(tags, since, until, Versions(versions), longest)
        events = lasting(events, self.delays)
        ids, edges = events.ids
        acted = self.actions(int(ids.min()), int(ids.max())) if len(events) else action_frame([])
        stand = standings(ids, edges, acted)
        recent = now - longest
        lately = events.flags.tags[np.unique(events.tag[events.end >= recent])]
        over = are_over(events, now, self._recent.newest(lately.tolist(), recent), self.delays)
        names = pa.array(events.flags.tags, pa.large_string())
        frame = pd.DataFrame(
            {
                "id": events.id,
                "tag": pd.Series(names.take(pa.array(events.tag)), dtype="str"),
                "start": _moments(events.start),
                "end": _moments(events.end),
                "seconds": (events.end - events.start) / SECOND,
                "readings": events.readings,
                "value": events.peak_value,
                "score": events.peak_score,
                "threshold": events.threshold,
                "expected": events.expected,
                "lower": events.lower,
                "upper": events.upper,
                "severity": _words(events.severity),
                "over": over,
                "state": _words(stand.states(over, now)),
                "label": _words(stand.label),
                "note": _words(stand.note),
                "who": _words(stand.who),
                "acted": _moments(stand.acted, missing=0),
                "acknowledged_by": _words(stand.acknowledged_by),
                "acknowledged_at": _moments(stand.acknowledged_at, missing=0),
                "shelved_until": _moments(stand.shelved_until, missing=0),
                "settings": events.settings,
                "detector": _words(events.detector),
                "profile": _words(events.profile),
                "peak_id": events.peak_id,
                "peak_time": _moments(events.peak_time),
                "ids": _lists(ids, edges),
            }
        )
        frame = frame.iloc[::-1].reset_index(drop=True)
        frame.attrs["complete"] = complete
        return frame

    def actions(self, first: int, last: int) -> pd.DataFrame:
        """People's actions on events, by readings with first <= id <= last, stored or not, oldest first."""
        unstored = self._unstored.actions()  # before the store, or one could slip through
        stored = self._store.entries.event_actions(first, last)
        if not unstored:
            return stored
        waiting = action_frame(unstored)
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
    ) -> tuple[Events, bool]:
        edge, reach = since - longest, 2 * longest  # most events that are cut off begin no earlier
        flags = self._flags.newest(tags, edge, until, MOST_FLAGS)
        if flags.num_rows == MOST_FLAGS:
            oldest = flags["time"][0].as_py()
            if oldest >= since:
                events = group_flags(flags, versions, self.delays)
                return events.where(events.start - oldest > longest), False
            flags, edge, reach = flags.filter(pc.greater_equal(flags["time"], since)), since, longest
        events = group_flags(flags, versions, self.delays)
        while edge > since - FARTHEST * SECOND:
            near = (events.end >= since) & (events.start - edge <= longest)
            cut_off = events.flags.tags[np.unique(events.tag[near])].tolist()
            before = self._flags.newest(cut_off, edge - reach, edge, MOST_FLAGS) if cut_off else flags[:0]
            if not before.num_rows:
                break
            flags = pa.concat_tables([before, flags])
            events = group_flags(flags, versions, self.delays)
            edge, reach = edge - reach, 2 * reach
        return events.where(events.end >= since), True

    def _longest(self, versions: Mapping[int, DetectorSettings]) -> int:
        """The longest time (µs) by which two flags of one event may be apart."""
        profiles = (profile for version in versions.values() for profile in version.in_use.profiles)
        seconds = max((profile.off_delay for profile in profiles), default=0.0)
        return round(max(self.delays.longest, seconds) * SECOND)


def _moments(times: Ints, missing: int | None = None) -> pd.Series[Any]:
    """Times (µs UTC) as timestamps; `missing` stands for none."""
    moments = pd.Series(times.view("datetime64[us]")).dt.tz_localize("UTC")
    return moments if missing is None else moments.where(times != missing)


def _words(words: Texts) -> pd.Series[Any]:
    """A column of few different words."""
    places, different = pd.factorize(words)
    return pd.Series(pa.array(different, pa.large_string()).take(pa.array(places)), dtype="str")


def _lists(items: Ints, edges: Ints) -> pd.Series[Any]:
    """A column of lists, the items from each edge up to the next: no Python object for any of them."""
    lists = pa.LargeListArray.from_arrays(pa.array(edges), pa.array(items))
    return pd.Series(lists, dtype=pd.ArrowDtype(lists.type))
