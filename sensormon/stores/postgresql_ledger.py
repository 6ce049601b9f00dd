"""The ledger of the PostgreSQL store. See `sensormon.stores.ledger`."""

from __future__ import annotations

from collections.abc import Mapping

from sensormon.model.ledger import add_up
from sensormon.stores.entries import KEPT_DEAD_LETTERS
from sensormon.stores.ledger import Accounts, Recount, Watermark
from sensormon.stores.postgresql_collectors import dead_letters
from sensormon.stores.postgresql_database import LONG_SECONDS, Cursor, Database


class PostgreSQLLedger:
    def __init__(self, database: Database) -> None:
        self._database = database

    def watermark(self, writer: str) -> Watermark | None:
        rows = self._database.rows("SELECT number, next_id FROM watermarks WHERE writer = %s", [writer])
        return Watermark(int(rows[0][0]), int(rows[0][1])) if rows else None

    def next_id(self) -> int:
        ((highest,),) = self._database.rows(
            "SELECT greatest(coalesce((SELECT max(next_id) FROM watermarks), 1),"
            " coalesce((SELECT max(id) + 1 FROM latest), 1))"
        )
        return int(highest)

    def accounts(self) -> Accounts:
        received: dict[str, dict[str, int]] = {}
        with self._database.snapshot() as cursor:
            positions = dict(cursor.execute("SELECT writer, number FROM watermarks").fetchall())
            totals = cursor.execute("SELECT writer, source, received FROM received_totals").fetchall()
            stored = _by_source(
                cursor, "SELECT source, sum(stored)::bigint FROM stored_totals GROUP BY source"
            )
            rejected = cursor.execute(
                "SELECT source, reason, sum(rejected)::bigint FROM rejected_totals GROUP BY source, reason"
            ).fetchall()
            dead = dead_letters(cursor)
            kept = _by_source(cursor, KEPT_DEAD_LETTERS)
            undone = dict(cursor.execute("SELECT source, undone FROM undone_totals").fetchall())
        for writer, source, count in totals:
            received.setdefault(writer, {})[source] = count
        return Accounts(
            positions=positions,
            received=received,
            stored=stored,
            rejected={(source, reason): count for source, reason, count in rejected},
            undone=undone,
            dead=dead,
            kept=kept,
        )

    def recount(self) -> Recount:
        with self._database.snapshot(LONG_SECONDS) as cursor:
            ((count, distinct),) = cursor.execute(
                "SELECT count(*), count(DISTINCT id) FROM readings"
            ).fetchall()
            return Recount(
                rows=count,
                distinct_ids=distinct,
                stored=_by_source(cursor, "SELECT source, count(*) FROM readings GROUP BY source"),
                rejected=add_up(
                    _by_source(cursor, "SELECT source, count(*) FROM rejected GROUP BY source"),
                    _by_source(
                        cursor, "SELECT source, sum(rejected)::bigint FROM rejected_unlisted GROUP BY source"
                    ),
                ),
                rolled_up=_by_source(
                    cursor, "SELECT source, sum(count - kept)::bigint FROM rollups GROUP BY source"
                ),
            )

    def values_between(self, first: int, stop: int) -> Mapping[int, float]:
        query = "SELECT id, value FROM readings WHERE id >= %s AND id < %s"
        return dict(self._database.rows(query, [first, stop], LONG_SECONDS))


def _by_source(cursor: Cursor, query: str) -> dict[str, int]:
    return dict(cursor.execute(query).fetchall())
