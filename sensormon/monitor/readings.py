"""Readings stored or not: the store has the old ones, memory the newest.

Works without the store, from memory. What it is not: a reader of long histories; see
`ReadingStreams`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import suppress

import pandas as pd

from sensormon.model.clock import SECOND, Clock
from sensormon.model.errors import StoreError
from sensormon.model.readings import OwnScore
from sensormon.stores.readings import StoredReadings
from sensormon.stores.recent import RecentReadings

_AHEAD = 3_600 * SECOND
"""How far after now a reading's own time can be (µs); more than validation lets in."""


class Readings:
    """Of one monitor."""

    def __init__(self, stored: StoredReadings, newest: RecentReadings, clock: Clock) -> None:
        self._stored = stored
        self._newest = newest
        self._clock = clock
        self._live_tags: frozenset[str] = frozenset()

    def recent(self, since: int, tags: Sequence[str] | None = None, until: int | None = None) -> pd.DataFrame:
        """Readings with time >= since, and < until, in order of arrival, stored or not; never raises.

        `attrs["complete"]` is False if the store was unavailable; then only those in memory are returned.
        `attrs["place"]` is that of the newest reading in memory, for `RecentReadings.after`.
        """
        memory, first, place = self._newest.part(since, tags)
        memory.attrs["place"] = place
        if until is not None:
            memory = memory[memory["time"] < pd.Timestamp(until, unit="us", tz="UTC")]
        until = until or self._clock.now() + _AHEAD
        try:
            stored = self._stored.frame(tags, since, until, below_id=first)
        except StoreError:
            memory.attrs["complete"] = False
            return memory
        if memory.empty:
            both = stored
        else:
            both = pd.concat([stored, memory], ignore_index=True) if len(stored) else memory
        both.attrs |= {"complete": True, "place": place}
        return both

    def verdicts(self, reading: int) -> dict[str, OwnScore]:
        """What each detector that judged the reading with this id said of it, by the detector's name.

        Empty if none did, for readings from before there were profiles, and for one that is neither in
        memory nor, as far as the store is available, stored; never raises.
        """
        own = self._newest.own([reading])
        if reading not in own:
            with suppress(StoreError):
                own = self._stored.own([reading])
        return {score.detector: score for score in own.get(reading, ())}

    def newest_times(self, tags: Collection[str]) -> dict[str, int]:
        """By tag, the newest own time (µs UTC) of its live readings, as far as the store is available; those
        of the good ones since the start. Never raises.
        """
        newest = {tag: time for tag, (time, _) in self._newest.newest(tags, 0).items()}
        with suppress(StoreError):
            for tag, arrival in self._stored.last_arrivals().items():
                if tag in tags:
                    newest[tag] = max(arrival.time, newest.get(tag, arrival.time))
        return newest

    def live_tags(self) -> frozenset[str]:
        """The tags with readings that were not imported, as far as the store is available; never raises."""
        if not self._live_tags:  # later readings are in memory
            with suppress(StoreError):
                self._live_tags = frozenset(self._stored.live_tags())
        return self._live_tags | {name for name, *_ in self._newest.last_scores()}

    def peaks(self, since: int) -> pd.DataFrame:
        """Each tag with readings with time >= since, stored or not: tag, flagged, score; never raises.

        See `StoredReadings.peaks`. Without the store only of the readings in memory.
        """
        memory, first = self._newest.peaks(since)
        try:
            stored = self._stored.peaks(since, self._clock.now() + _AHEAD, below_id=first)
        except StoreError:
            return memory
        both = (
            pd.concat([stored, memory]) if len(stored) and len(memory) else stored if len(stored) else memory
        )
        return both.groupby("tag", as_index=False).agg({"flagged": "sum", "score": "max"})

    def activity(self, since: int, until: int, width: int) -> pd.DataFrame:
        """Stored readings by tag and part of the span. See `StoredReadings.activity`."""
        return self._stored.activity(since, until, width)
