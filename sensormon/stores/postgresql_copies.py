"""The tables of a PostgreSQL database as a whole. See `sensormon.stores.tables`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

import pyarrow as pa

from sensormon.stores import postgresql_partitions
from sensormon.stores.postgresql_database import LONG_SECONDS, Cursor, Database
from sensormon.stores.postgresql_queries import COLUMNS_AND_OWN
from sensormon.stores.postgresql_tables import as_kept, copy_in, fetched, with_own
from sensormon.stores.tables import (
    IN_ORDER,
    PIECE,
    TABLES,
    UNFINISHED,
    Piece,
    another_copy,
    another_history,
    not_next,
)

_USERS = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND application_name = 'sensormon'
    AND pid <> pg_backend_pid() AND pid <> ALL(%s)
"""
_BEGUN = "SELECT to_regclass(%s) IS NOT NULL"
_SUMMED = {
    "stored_totals": "(SELECT source, sum(stored)::bigint AS stored FROM stored_totals GROUP BY source) AS t",
    "rejected_totals": "(SELECT source, reason, sum(rejected)::bigint AS rejected FROM rejected_totals"
    " GROUP BY source, reason) AS t",
}
"""What is counted here by journal, as other stores count it."""
_OF_ONE = "UPDATE {table} SET writer = (SELECT min(writer) FROM watermarks) WHERE writer = ''"
_READINGS = f"SELECT {COLUMNS_AND_OWN} FROM readings WHERE id > %s ORDER BY id LIMIT {PIECE}"


class PostgreSQLCopies:
    """`today` gives the time by which partitions are made."""

    def __init__(self, database: Database, today: Callable[[], datetime]) -> None:
        self._database = database
        self._today = today

    @contextmanager
    def snapshot(self) -> Iterator[_Snapshot]:
        with self._database.long_snapshot() as cursor:
            yield _Snapshot(self._database, cursor)

    def users(self) -> int:
        ((count,),) = self._database.rows(_USERS, [self._database.pids()])
        return int(count)

    def is_unfinished(self) -> bool:
        ((begun,),) = self._database.rows(_BEGUN, [UNFINISHED])
        return bool(begun)

    def begin(self, origin: str) -> dict[str, int]:
        place = self._database.place
        with self._database.transaction("begin a copy", LONG_SECONDS) as cursor:
            # Two that begin at once: the second waits here and then sees what the first has made.
            cursor.execute("LOCK TABLE watermarks IN ACCESS EXCLUSIVE MODE")
            ((begun,),) = cursor.execute(_BEGUN, [UNFINISHED]).fetchall()
            if not begun:
                for table in TABLES:
                    if cursor.execute(f"SELECT 1 FROM {table} LIMIT 1").fetchall():
                        raise another_history(place)
                cursor.execute(f"CREATE TABLE {UNFINISHED} (origin text, name text, place bigint)")
                cursor.execute(
                    f"INSERT INTO {UNFINISHED} SELECT %s, unnest(%s::text[]), 0", [origin, list(TABLES)]
                )
            rows = cursor.execute(f"SELECT origin, name, place FROM {UNFINISHED}").fetchall()
            if {each for each, _, _ in rows} != {origin}:
                raise another_copy(place)
            return {name: int(reached) for _, name, reached in rows}

    def append(self, table: str, piece: Piece) -> None:
        rows = piece.rows
        if table == "readings":
            # Before the transaction that needs them: making one waits for all who use the table.
            times = rows["time"].cast(pa.int64()).to_numpy()
            postgresql_partitions.make_missing(self._database, times, self._today())
            rows = as_kept(rows)
        with self._database.transaction("copy", LONG_SECONDS) as cursor:
            cursor.execute(
                f"UPDATE {UNFINISHED} SET place = %s WHERE name = %s AND place = %s",
                [piece.after, table, piece.before],
            )
            if not cursor.rowcount:
                raise not_next(self._database.place, table)
            copy_in(cursor, table, rows)

    def finish(self) -> None:
        with self._database.transaction("finish a copy") as cursor:
            cursor.execute(f"DROP TABLE IF EXISTS {UNFINISHED}")
            ((journals,),) = cursor.execute("SELECT count(*) FROM watermarks").fetchall()
            for table in _SUMMED if journals == 1 else ():  # then all is its own
                cursor.execute(_OF_ONE.format(table=table))
        with self._database.connection("analyse", LONG_SECONDS) as connection:
            connection.execute("ANALYZE")  # the server knows nothing yet of what is in the tables


class _Snapshot:
    """On a cursor within one transaction, each of whose queries has a deadline of its own."""

    def __init__(self, database: Database, cursor: Cursor) -> None:
        self._database = database
        self._cursor = cursor

    def counts(self) -> dict[str, int]:
        with self._database.deadline(self._cursor, LONG_SECONDS):
            return {
                table: int(
                    self._cursor.execute(f"SELECT count(*) FROM {_SUMMED.get(table, table)}").fetchall()[0][0]
                )
                for table in TABLES
            }

    def pieces(self, table: str, after: int = 0) -> Iterator[Piece]:
        return self._readings(after) if table == "readings" else self._rows(table, after)

    def _readings(self, after: int) -> Iterator[Piece]:
        while True:
            with self._database.deadline(self._cursor, LONG_SECONDS):
                rows = with_own(fetched(self._cursor, _READINGS, [after])).cast(TABLES["readings"])
            if not rows.num_rows:
                return
            last = int(rows["id"][-1].as_py())
            yield Piece(after, last, rows)
            after = last

    def _rows(self, table: str, after: int) -> Iterator[Piece]:
        schema = TABLES[table]
        names = ", ".join(f'"{name}"' for name in schema.names)
        order = "number" if table in IN_ORDER else names
        cursor = self._cursor
        with self._database.deadline(cursor, LONG_SECONDS):
            cursor.execute(f"DECLARE pieces CURSOR FOR SELECT {names} FROM {_from(table)} ORDER BY {order}")
            cursor.execute(f"MOVE FORWARD {int(after)} FROM pieces")
        while True:
            with self._database.deadline(cursor, LONG_SECONDS):
                fetch = cursor.execute(f"FETCH FORWARD {PIECE} FROM pieces").fetchall()
            columns = [*zip(*fetch, strict=True)] or [()] * len(schema)
            rows = pa.table(
                [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)],
                schema=schema,
            )
            if not rows.num_rows:
                break
            yield Piece(after, after + rows.num_rows, rows)
            after += rows.num_rows
        cursor.execute("CLOSE pieces")


def _from(table: str) -> str:
    """What holds the rows of this table as other stores have them."""
    return _SUMMED.get(table, table)
