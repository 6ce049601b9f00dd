"""The collectors on a store that several processes use: who they are, how far each is, what it stored.

A dashboard without a source of its own is one of them: what people do in it takes the same way as a reading.
A store that one process at a time uses has no such part. Every call raises `StoreError` if it cannot be
answered.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import pyarrow as pa

LOST = 15.0
"""A collector that has not reported for this long (s) does not run, or does not reach the store."""


def former_name(name: str, writer: str) -> str:
    """What a collector is called from when another journal goes on under its name."""
    return f"{name}{_former(writer)}"


def is_former(name: str, writer: str) -> bool:
    """Whether another journal has gone on under the name of the collector with this one."""
    return name.endswith(_former(writer))


def _former(writer: str) -> str:
    return f" (former journal {writer[:8]})"


@dataclass(frozen=True)
class Report:
    """What a collector says of itself now and then.

    `pending` readings wait in its journal, the oldest since `oldest` (µs UTC). `dead` counts its dead
    letters by source, `wrong` says what is wrong, empty if nothing is.
    """

    source: str
    pending: int = 0
    oldest: int | None = None
    dead: Mapping[str, int] = field(default_factory=dict)
    wrong: str = ""


@dataclass(frozen=True)
class CollectorAccount:
    """A collector, its last report, and its side of the ledger, in readings.

    `writer` is the id of its journal; `seen` is how long ago (s) it reported, by the server's clock.
    `received` counts the readings that came in up to its watermark; these are stored, rejected or dead:
    among its own dead letters, as it reported, or among those `kept` in the store.
    """

    number: int
    name: str
    writer: str
    host: str
    version: str
    seen: float
    report: Report
    received: int = 0
    stored: int = 0
    rejected: int = 0
    kept: int = 0

    @property
    def dead(self) -> int:
        """Its dead letters."""
        return sum(self.report.dead.values()) + self.kept

    @property
    def replaced(self) -> bool:
        """Whether it is gone, with nothing missing, and another journal goes on under its name."""
        return is_former(self.name, self.writer) and not self.runs and not self.difference

    @property
    def runs(self) -> bool:
        """Whether it reported lately."""
        return self.seen < LOST

    @property
    def difference(self) -> int:
        """Readings that are nowhere (above 0) or in two places (below 0)."""
        return self.received - self.stored - self.rejected - self.dead


@dataclass(frozen=True)
class News:
    """What may have changed since one looked last.

    `positions` has by journal the id that its next reading will have at least; `acts` counts changes
    other than readings; `settings` is the highest id of detector settings that are no case's.
    """

    positions: Mapping[str, int]
    acts: int
    settings: int


class Collectors(Protocol):
    """See the module."""

    def enter(self, writer: str, name: str, host: str, version: str) -> int:
        """The number of the collector with this journal, which runs under this name from now on.

        Without a name it is called after its host. A name whose former journal is gone goes on with the
        new one, under a number of its own; for the old one see `former_name`. Raises UsageError if another
        one of this name runs, or if there are too many.
        """

    def report(self, writer: str, report: Report) -> None:
        """Note that this collector runs, and what it says."""

    def accounts(self) -> list[CollectorAccount]:
        """All collectors, in order of their numbers."""

    def news(self) -> News:
        """What may have changed, in one query."""

    def readings(self, first: int, stop: int, number: int, limit: int) -> pa.Table:
        """The oldest `limit` readings of this collector with first <= id < stop, in order of id.

        The columns are those of `StoredReadings.stream`.
        """
