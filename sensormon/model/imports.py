"""Imports: what each journal record of one adds, and an import as people see it.

The counts of an import are the sums over its records, so that they are exact after a kill. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from sensormon.model.entries import BatchEntry
from sensormon.model.readings import Reason

COLLECTION = "imports"
"""The collection of documents that says which file was imported, when and by whom."""


class ImportState(StrEnum):
    """How far an import is."""

    RUNNING = "running"
    PARTIAL = "partial"  # it ended early; the same file continues it
    DONE = "done"
    UNDOING = "undoing"  # durable; the database still has its readings
    UNDONE = "undone"


@dataclass(frozen=True)
class ImportTotals:
    """Counts of an import or of one of its records.

    `known` readings were there already. `since` and `until` are the first and last time of those
    stored (µs UTC), None without any. `last` is the number of the newest record.
    """

    import_id: int
    stored: int = 0
    known: int = 0
    rejected: int = 0
    flagged: int = 0
    since: int | None = None
    until: int | None = None
    last: int = 0

    def plus(self, other: ImportTotals) -> ImportTotals:
        """The sum of both."""
        since = [time for time in (self.since, other.since) if time is not None]
        until = [time for time in (self.until, other.until) if time is not None]
        return ImportTotals(
            self.import_id,
            self.stored + other.stored,
            self.known + other.known,
            self.rejected + other.rejected,
            self.flagged + other.flagged,
            min(since, default=None),
            max(until, default=None),
            max(self.last, other.last),
        )


@dataclass(frozen=True)
class ImportedPart:
    """What one record adds to an import. Its stored readings have the ids from `first_id` on."""

    first_id: int
    totals: ImportTotals


@dataclass(frozen=True)
class Undone:
    """An import that was undone: by whom, when (µs UTC), and how many readings were removed."""

    import_id: int
    who: str
    time: int
    readings: int = 0


@dataclass(frozen=True)
class Import:
    """An import as people see it. Times are µs UTC, 0 for none; `tags` are those it made.

    `rows` are the readings that were read from the file; each was stored, was `known` (there
    already), or was rejected. `key` says which file, read in which way, so that it can go on.
    """

    id: int
    files: tuple[str, ...]
    who: str
    began: int
    ended: int
    state: ImportState
    key: str
    totals: ImportTotals
    skipped: int = 0  # readings of parts that were imported before as a whole
    tags: tuple[str, ...] = ()
    undone: Undone | None = None

    @property
    def known(self) -> int:
        """Readings that were there already."""
        return self.totals.known + self.skipped

    @property
    def rows(self) -> int:
        return self.totals.stored + self.known + self.totals.rejected

    @property
    def undoable(self) -> bool:
        """Whether it is of the kind that can be undone now."""
        return self.state in (ImportState.DONE, ImportState.PARTIAL)

    def to_dict(self) -> dict[str, object]:
        """For JSON."""
        return {
            "id": self.id,
            "files": list(self.files),
            "who": self.who,
            "began": self.began,
            "ended": self.ended,
            "state": str(self.state),
            "rows": self.rows,
            "stored": self.totals.stored,
            "already_there": self.known,
            "rejected": self.totals.rejected,
            "flagged": self.totals.flagged,
            "since": self.totals.since,
            "until": self.totals.until,
            "tags": list(self.tags),
            "undone_by": self.undone.who if self.undone else "",
            "undone_at": self.undone.time if self.undone else 0,
        }


def part_of(entry: BatchEntry, number: int) -> ImportedPart | None:
    """What this record adds to its import; None if it belongs to none."""
    if not entry.import_id:
        return None
    processed = entry.processed
    times = processed.accepted.time
    known = processed.unlisted.get(Reason.DUPLICATE, 0)
    return ImportedPart(
        entry.first_id,
        ImportTotals(
            entry.import_id,
            stored=len(times),
            known=known,
            rejected=processed.refused - known,
            flagged=int(processed.scores.is_anomaly.sum()),
            since=int(times.min()) if len(times) else None,
            until=int(times.max()) if len(times) else None,
            last=number,
        ),
    )


def added_up(stored: Iterable[ImportTotals], waiting: Iterable[ImportTotals]) -> dict[int, ImportTotals]:
    """The totals of each import; of those waiting, the ones that are stored meanwhile count once."""
    totals = {each.import_id: each for each in stored}
    last = {number: each.last for number, each in totals.items()}
    for part in waiting:
        if part.last > last.get(part.import_id, 0):
            before = totals.get(part.import_id, ImportTotals(part.import_id))
            totals[part.import_id] = before.plus(part)
    return totals
