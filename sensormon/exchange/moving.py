"""A whole history copied into an empty store, and compared with what it was copied from.

Is: moving a history from one store to another, and putting a back-up back. A copy that was killed goes on
where it was; nothing is in the store twice. Is not: the journal, which stays in the data folder and goes on
after the watermark that was copied, or a copy of a history that changes meanwhile.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from sensormon.model import timestamps
from sensormon.model.clock import DAY
from sensormon.model.jobs import Progress
from sensormon.stores import digests
from sensormon.stores.digests import Digest, TagDay
from sensormon.stores.tables import TABLES, Snapshot, StoredTables, another_history

NAMED_BY = ("received_totals", "stored_totals", "rejected_totals", "undone_totals", "watermarks")
"""The tables that, with all counts, say which history it is."""


@dataclass(frozen=True)
class Contents:
    """The digests of a history: of the readings by tag and day, and of each other table."""

    readings: dict[TagDay, Digest] = field(default_factory=dict)
    tables: dict[str, Digest] = field(default_factory=dict)

    @property
    def whole(self) -> int:
        """How many readings it has."""
        return sum(digest.rows for digest in self.readings.values())


@dataclass(frozen=True)
class Moved:
    """What a copy has done: how many rows were copied now, how many were there before, and what it all is.

    `differing` names where the copy differs from the original; then it was not finished.
    """

    copied: int
    before: int
    contents: Contents
    differing: tuple[str, ...] = ()


def move(
    source: Snapshot, target: StoredTables, settle: Callable[[Progress], None], progress: Progress
) -> Moved:
    """Copy the history, or the rest of it, and compare; a target that has all of it is only compared.

    `settle` has the target make what it makes of its rows by itself. Raises UsageError if the target holds
    another history, and StoreError.
    """
    counts = source.counts()
    whole = sum(counts.values())
    finished = not target.is_unfinished()
    if finished:
        with target.snapshot() as present:
            finished = any(present.counts().values())
            if finished and origin_of(present) != origin_of(source):
                raise another_history("TO")
    copied, before = (0, whole) if finished else _fill(source, target, progress, whole)
    if not finished:
        settle(progress)
    expected = contents_of(source, progress, whole, "reading again")
    with target.snapshot() as present:
        actual = contents_of(present, progress, whole, "comparing")
    differing = tuple(_differing(expected, actual))
    if not differing and not finished:
        target.finish()
    return Moved(copied, before, actual, differing)


def origin_of(source: Snapshot) -> str:
    """A name for this history as it is now, the same in every store: it changes with every load."""
    parts = [f"{table}={count}" for table, count in sorted(source.counts().items())]
    parts += [f"{table}={digests.of_table(table, source.pieces(table))}" for table in NAMED_BY]
    return hashlib.sha256(" ".join(parts).encode()).hexdigest()


def contents_of(source: Snapshot, progress: Progress, whole: int, words: str) -> Contents:
    """Read everything and digest it; `whole` rows are expected."""
    contents, done = Contents(), 0
    for table in TABLES:
        for piece in source.pieces(table) if table == "readings" else ():
            digests.add_readings(contents.readings, piece.rows)
            done += piece.rows.num_rows
            progress.step(f"{words} {table}: {done:,} of {whole:,} rows", done, whole)
        if table != "readings":
            contents.tables[table] = digests.of_table(table, source.pieces(table))
            done += contents.tables[table].rows
            progress.step(f"{words} {table}: {done:,} of {whole:,} rows", done, whole)
    return contents


def _fill(source: Snapshot, target: StoredTables, progress: Progress, whole: int) -> tuple[int, int]:
    """Copy what the target does not have yet; how many rows now, and how many it had."""
    reached = target.begin(origin_of(source))
    with target.snapshot() as present:
        before = sum(present.counts().values())
    done = before
    progress.step(f"copying: {done:,} of {whole:,} rows", done, whole)
    for table in TABLES:
        for piece in source.pieces(table, reached[table]):
            target.append(table, piece)
            done += piece.rows.num_rows
            progress.step(f"copying {table}: {done:,} of {whole:,} rows", done, whole)
    return done - before, before


def _differing(expected: Contents, actual: Contents) -> Iterator[str]:
    none = Digest()
    for key in sorted({*expected.readings, *actual.readings}):
        if expected.readings.get(key, none) != actual.readings.get(key, none):
            tag, day = key
            yield f"{tag} on {timestamps.render(day * DAY)[:10]}"
    for table in TABLES:
        if expected.tables.get(table, none) != actual.tables.get(table, none):
            yield f"the table {table}"
