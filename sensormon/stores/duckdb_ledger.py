"""The ledger of the DuckDB store. See `sensormon.stores.ledger`."""

from __future__ import annotations

from collections.abc import Mapping

import duckdb

from sensormon.model.ledger import add_up
from sensormon.stores.duckdb_database import Database
from sensormon.stores.duckdb_errors import translated
from sensormon.stores.duckdb_retention import gone
from sensormon.stores.entries import KEPT_DEAD_LETTERS
from sensormon.stores.ledger import Accounts, Recount, Watermark


class DuckDBLedger:
    def __init__(self, database: Database) -> None:
        self._database = database

    def watermark(self, writer: str) -> Watermark | None:
        cursor = self._database.cursor()
        with translated(self._database.path, "read the watermark"):
            return watermark(cursor, writer)

    def next_id(self) -> int:
        (highest,) = self._database.rows(
            "SELECT greatest(coalesce((SELECT max(next_id) FROM watermarks), 1),"
            " coalesce((SELECT max(id) + 1 FROM latest), 1))"
        )[0]
        return int(highest)

    def accounts(self) -> Accounts:
        received: dict[str, dict[str, int]] = {}
        with self._database.trial("read the accounts") as cursor:
            positions = dict(cursor.execute("SELECT writer, number FROM watermarks").fetchall())
            totals = cursor.execute("SELECT writer, source, received FROM received_totals").fetchall()
            stored = dict(cursor.execute("SELECT source, stored FROM stored_totals").fetchall())
            rejected = cursor.execute("SELECT source, reason, rejected FROM rejected_totals").fetchall()
            undone = (
                dict(cursor.execute("SELECT source, undone FROM undone_totals").fetchall())
                if self._database.has("undone_totals")
                else {}
            )
            kept = (
                dict(cursor.execute(KEPT_DEAD_LETTERS).fetchall()) if self._database.has("documents") else {}
            )
        for writer, source, count in totals:
            received.setdefault(writer, {})[source] = count
        return Accounts(
            positions=positions,
            received=received,
            stored=stored,
            rejected={(source, reason): count for source, reason, count in rejected},
            undone=undone,
            kept=kept,
        )

    def recount(self) -> Recount:
        rows = self._database.rows
        ((count, distinct),) = rows("SELECT count(*), count(DISTINCT id) FROM readings")
        return Recount(
            rows=count,
            distinct_ids=distinct,
            stored=dict(rows("SELECT source, count(*) FROM readings GROUP BY source")),
            rejected=add_up(
                dict(rows("SELECT source, count(*) FROM rejected GROUP BY source")), self._unlisted()
            ),
            rolled_up=gone(self._database),
        )

    def _unlisted(self) -> dict[str, int]:
        # A read-only database of an earlier version does not have the table.
        if not self._database.rows("SELECT 1 FROM duckdb_tables() WHERE table_name = 'rejected_unlisted'"):
            return {}
        query = "SELECT source, sum(rejected)::BIGINT FROM rejected_unlisted GROUP BY source"
        return dict(self._database.rows(query))

    def values_between(self, first: int, stop: int) -> Mapping[int, float]:
        query = "SELECT id, value FROM readings WHERE id >= ? AND id < ?"
        return dict(self._database.rows(query, [first, stop]))


def watermark(cursor: duckdb.DuckDBPyConnection, writer: str) -> Watermark | None:
    """How far this journal has been loaded; None if it never was."""
    # A result that is not fully fetched keeps the connection busy, so never fetchone.
    rows = cursor.execute("SELECT number, next_id FROM watermarks WHERE writer = ?", [writer]).fetchall()
    return Watermark(int(rows[0][0]), int(rows[0][1])) if rows else None
