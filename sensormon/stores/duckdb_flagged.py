"""The flagged readings once more, in a table of their own: one reading in a hundred or fewer.

Looking for them among all readings would read all of history. The table `flagged` has every flagged
reading up to the id in `flagged_until`, in the format of `readings`; those above it are still looked
for in `readings`. The loader has what came since copied in pieces, as it has it summarised, so that a file
from before there was the table gets it in the background. Readings below that id that are stored late
(dead letters) or removed (undone imports) are so in both tables, in one transaction.
What it is not: another source of truth. If the table disagrees with `readings`, it is made anew.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import duckdb

from sensormon.model.entries import BatchEntry, Record, UndoEntry
from sensormon.stores.duckdb_database import Database

PIECE = 500_000
"""Ids looked through in a transaction."""

_UNTIL = "SELECT coalesce(max(id), 0) FROM flagged_until"
_DIFFER = (
    "SELECT (SELECT count(*) FROM flagged) <> count(*),"
    " (SELECT coalesce(bit_xor(hash(id)), 0) FROM flagged) <> coalesce(bit_xor(hash(id)), 0)"
    " FROM readings WHERE is_anomaly AND id <= ?"
)

_log = logging.getLogger(__name__)


class Flagged:
    """Of one database. `rewritten` changes whenever readings are removed, or stored below an id that was
    stored before, and before and after that: who has read the flagged ones then has to read them again."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._checked = False
        self.rewritten = 0

    def opened(self) -> None:
        """Note that the database was opened, or set aside: everything may have changed."""
        self._checked = False
        self.rewritten += 1

    def rows(self) -> str:
        """What to select from to get every flagged reading stored."""
        if not self._database.has("flagged"):
            return "(SELECT * FROM readings WHERE is_anomaly)"
        ((until,),) = self._database.rows(_UNTIL)
        # Bounded at both ends: the table may grow before this is asked.
        return (
            f"(SELECT * FROM flagged WHERE id <= {int(until)}"
            f" UNION ALL SELECT * FROM readings WHERE id > {int(until)} AND is_anomaly)"
        )

    # -- in the transactions that change readings ---------------------------------------------------

    def rewrites(self, cursor: duckdb.DuckDBPyConnection, records: Sequence[Record]) -> bool:
        """Whether loading these records removes readings, or adds some below the highest id so far."""
        if any(isinstance(record.entry, UndoEntry) for record in records):
            return True
        spans = list(_ids(records))
        if not spans:
            return False
        ((next_id,),) = cursor.execute("SELECT coalesce(max(next_id), 0) FROM watermarks").fetchall()
        return min(spans)[0] < int(next_id)

    @contextmanager
    def rewriting(self) -> Iterator[None]:
        """Wraps a change of readings that were stored before; counted before and after."""
        self.rewritten += 1
        try:
            yield
        finally:
            self.rewritten += 1

    def copy_late(self, cursor: duckdb.DuckDBPyConnection, records: Sequence[Record]) -> None:
        """Copy the flagged readings of these records that are below `flagged_until`, just written."""
        ((until,),) = cursor.execute(_UNTIL).fetchall()
        for first, last in _ids(records):
            if first <= until:
                cursor.execute(
                    "INSERT INTO flagged SELECT * FROM readings WHERE id >= ? AND id <= ? AND is_anomaly"
                    " AND id NOT IN (SELECT id FROM flagged WHERE id >= ? AND id <= ?)",
                    [first, min(last, until), first, last],
                )

    # -- in the background ---------------------------------------------------------------------------

    def extend(self, least: int) -> bool:
        """Copy the flagged readings of the next ids; returns whether as much is left as to go on.

        Does nothing if fewer than `least` ids wait.
        """
        self._check()
        with self._database.transaction("copy flagged readings") as cursor:
            ((until, last),) = cursor.execute(
                f"SELECT ({_UNTIL}), (SELECT coalesce(max(id), 0) FROM readings)"
            ).fetchall()
            if last - until < max(1, least):
                return False
            upto = min(until + PIECE, last)
            piece = "FROM readings WHERE id > ? AND id <= ?"
            if cursor.execute(f"SELECT 1 {piece} LIMIT 1", [until, upto]).fetchall():
                cursor.execute(f"INSERT INTO flagged SELECT * {piece} AND is_anomaly", [until, upto])
            else:  # ids may leave out millions
                ((upto,),) = cursor.execute(
                    "SELECT min(id) - 1 FROM readings WHERE id > ?", [upto]
                ).fetchall()
            cursor.execute("DELETE FROM flagged_until")
            cursor.execute("INSERT INTO flagged_until VALUES (?)", [upto])
        return bool(last - upto >= max(1, least))

    def _check(self) -> None:
        """Empty the table if an earlier version changed the readings without it."""
        if self._checked:
            return
        with self._database.transaction("check the flagged readings") as cursor:
            ((until,),) = cursor.execute(_UNTIL).fetchall()
            ((counts, ids),) = cursor.execute(_DIFFER, [until]).fetchall()
            if counts or ids:
                _log.warning("the table of flagged readings differs from the readings: it is made anew")
                cursor.execute("DELETE FROM flagged")
                cursor.execute("DELETE FROM flagged_until")
        self._checked = True


def differs(database: Database) -> bool:
    """Whether the table lacks flagged readings below its mark, or has others."""
    if not database.has("flagged"):
        return False
    ((until,),) = database.rows(_UNTIL)
    ((counts, ids),) = database.rows(_DIFFER, [until])
    return bool(counts or ids)


def _ids(records: Sequence[Record]) -> Iterator[tuple[int, int]]:
    """The first and last ids of the readings of each of these records."""
    for record in records:
        entry = record.entry
        if isinstance(entry, BatchEntry) and len(entry.processed.accepted):
            yield entry.first_id, entry.first_id + len(entry.processed.accepted) - 1
