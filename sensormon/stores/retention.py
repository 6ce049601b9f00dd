"""What a store does with old readings: the days that are due, and their roll-ups.

A roll-up is a minute of a tag: lowest, mean and highest value and count of readings, separately by
quality, because a mean of good and bad values is neither. Readings that were flagged stay as
they are (events, labels and their history are made from them) and are counted in their minute
too: so raw readings of a rolled-up day are never added to its roll-ups.

What a store guarantees: a day of a tag is rolled up in one transaction, so that after a kill
it is either unchanged or done; a second run changes nothing; readings that a restart reads back
(`StoredReadings.histories`) and those from a case are never rolled up. Every call raises
`StoreError` if it cannot be answered.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import pandas as pd


@dataclass(frozen=True)
class Due:
    """A day of a tag to be rolled up: `readings` that will be deleted, in `minutes` roll-ups.

    `day` is where it begins, µs UTC. Good live readings from `keep_good` on and others from
    `keep_others` on (ids) stay as they are, however old: a restart needs them.
    """

    tag: str
    day: int
    readings: int
    minutes: int
    keep_good: int
    keep_others: int


@dataclass(frozen=True)
class Space:
    """Bytes that the database takes on disk, and how many of these are free for new rows."""

    file: int
    wal: int
    free: int
    readings: int
    rollups: int


@dataclass(frozen=True)
class Arrivals:
    """Live readings received since a time: their number, and the first and last arrival (µs UTC)."""

    count: int = 0
    first: int = 0
    last: int = 0
    flagged: int = 0


class StoredRetention(Protocol):
    """See the module. `roll_up` comes from one thread, beside a load; the reads from any."""

    def due(self, before: int, keep: int) -> list[Due]:
        """The days to roll up, of readings with time < before, in order of time.

        Excluded are the newest `keep` good live readings of each tag, as many others, and readings
        from a case. Flagged readings are due until they are counted.
        """

    def roll_up(self, due: Due) -> int:
        """Roll up this day of a tag, in one transaction; returns how many readings were deleted.

        Late readings are merged into the existing roll-ups. A second call changes nothing.
        """

    def rollups(self, tags: Sequence[str] | None, since: int, until: int) -> pd.DataFrame:
        """The minutes that begin at since <= time < until, in order of time and tag.

        Columns: tag, time (of its beginning), quality (0 good, 1 uncertain, 2 and 3 bad),
        min, mean, max, count, kept. One row per quality that occurred in the minute. The count includes
        all readings of the minute, also the flagged ones that are `kept` in `readings`.
        """

    def rolled_up(self) -> pd.DataFrame:
        """For `verify`: tag, minute (µs UTC), source, quality, low, high and `gone`, the number deleted."""

    def rolled_until(self, tag: str) -> int | None:
        """The end of the last day of this tag that was rolled up (µs UTC); None if none was.

        Before it only flagged and late readings are left at full resolution.
        """

    def rolled_ends(self, tags: Sequence[str]) -> dict[str, int]:
        """`rolled_until` of those of these tags that have a day rolled up."""

    def space(self) -> Space:
        """The size of the database on disk, and the free space inside it."""

    def arrivals(self, since: int) -> Arrivals:
        """The stored live readings received since then."""
