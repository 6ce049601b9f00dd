"""The tables of a DuckDB file as a whole. See `sensormon.stores.tables`."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import duckdb
import pyarrow as pa

from sensormon.model.errors import StoreFault
from sensormon.stores.duckdb_database import Database
from sensormon.stores.tables import (
    PIECE,
    TABLES,
    UNFINISHED,
    Piece,
    another_copy,
    another_history,
    not_next,
)

MADE_HERE = frozenset({"minutes", "marked", "summarised", "sensormon_version"})
"""The tables that the store makes by itself: from the readings, and the version of its tables."""

_TYPES = {
    pa.string(): "VARCHAR",
    pa.float64(): "DOUBLE",
    pa.uint8(): "UTINYINT",
    TABLES["readings"].field("own").type: (
        "STRUCT(detector VARCHAR, score DOUBLE, expected DOUBLE, lower DOUBLE, upper DOUBLE)[]"
    ),
}
"""Of the columns that a file of an earlier version may lack."""
_BEGUN = "SELECT 1 FROM duckdb_tables() WHERE table_name = ?"


class DuckDBCopies:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._readers = 0

    @property
    def is_read(self) -> bool:
        """Whether somebody reads a snapshot now."""
        return self._readers > 0

    @contextmanager
    def snapshot(self) -> Iterator[_Snapshot]:
        with self._counted(), self._database.snapshot() as cursor:
            yield _Snapshot(cursor, self._columns(cursor))

    @contextmanager
    def _counted(self) -> Iterator[None]:
        with self._lock:
            self._readers += 1
        try:
            yield
        finally:
            with self._lock:
                self._readers -= 1

    def _columns(self, cursor: duckdb.DuckDBPyConnection) -> dict[str, set[str]]:
        """The columns of each table that the file has. Raises StoreFault for any that are not known here."""
        columns: dict[str, set[str]] = {}
        for table, column in cursor.execute(
            "SELECT table_name, column_name FROM duckdb_columns() WHERE NOT internal"
        ).fetchall():
            columns.setdefault(table, set()).add(column)
        for table in columns.keys() - MADE_HERE - {UNFINISHED}:
            if beyond := columns[table] - set(TABLES[table].names if table in TABLES else ()):
                raise StoreFault(
                    f"a newer version has written it: {table}.{min(beyond)} is not known here",
                    where=str(self._database.path),
                    hint="Use the version of sensormon that wrote it, or a newer one",
                )
        return columns

    def users(self) -> int:
        return 0  # DuckDB lets no second process open the file

    def is_unfinished(self) -> bool:
        return bool(self._database.rows(_BEGUN, [UNFINISHED]))

    def begin(self, origin: str) -> dict[str, int]:
        place = str(self._database.path)
        with self._database.transaction("begin a copy") as cursor:
            if not cursor.execute(_BEGUN, [UNFINISHED]).fetchall():
                if any(_count(cursor, table) for table in TABLES):
                    raise another_history(place)
                cursor.execute(f"CREATE TABLE {UNFINISHED} (origin VARCHAR, name VARCHAR, place BIGINT)")
                for table in TABLES:
                    cursor.execute(f"INSERT INTO {UNFINISHED} VALUES (?, ?, 0)", [origin, table])
            rows = cursor.execute(f"SELECT origin, name, place FROM {UNFINISHED}").fetchall()
            if {each for each, _, _ in rows} != {origin}:
                raise another_copy(place)
            return {name: int(reached) for _, name, reached in rows}

    def append(self, table: str, piece: Piece) -> None:
        schema = TABLES[table]
        rows = piece.rows.cast(pa.schema([(field.name, _without_zone(field.type)) for field in schema]))
        with self._database.transaction("copy") as cursor:
            ((moved,),) = cursor.execute(
                f"UPDATE {UNFINISHED} SET place = ? WHERE name = ? AND place = ?",
                [piece.after, table, piece.before],
            ).fetchall()
            if not moved:
                raise not_next(str(self._database.path), table)
            cursor.register("incoming", rows)
            cursor.execute(f"INSERT INTO {table} BY NAME SELECT * FROM incoming")
            cursor.unregister("incoming")

    def finish(self) -> None:
        with self._database.transaction("finish a copy") as cursor:
            cursor.execute(f"DROP TABLE IF EXISTS {UNFINISHED}")
        self._database.checkpoint()


class _Snapshot:
    """On a cursor within a transaction; `columns` has those of each table that the file has."""

    def __init__(self, cursor: duckdb.DuckDBPyConnection, columns: dict[str, set[str]]) -> None:
        self._cursor = cursor
        self._columns = columns

    def counts(self) -> dict[str, int]:
        return {table: _count(self._cursor, table) if table in self._columns else 0 for table in TABLES}

    def pieces(self, table: str, after: int = 0) -> Iterator[Piece]:
        if table not in self._columns:
            return iter(())
        return self._readings(after) if table == "readings" else self._rows(table, after)

    def _readings(self, after: int) -> Iterator[Piece]:
        ((highest,),) = self._cursor.execute("SELECT max(id) FROM readings").fetchall()
        query = f"SELECT {self._selected('readings')} FROM readings WHERE id > ? AND id <= ? ORDER BY id"
        while highest is not None and after < highest:
            rows = self._cursor.sql(query, params=[after, after + PIECE]).to_arrow_table()
            if rows.num_rows:
                yield Piece(after, after + PIECE, rows.cast(TABLES["readings"]))
                after += PIECE
            else:  # ids may leave out millions
                ((following,),) = self._cursor.execute(
                    "SELECT min(id) FROM readings WHERE id > ?", [after]
                ).fetchall()
                after = int(following) - 1

    def _rows(self, table: str, after: int) -> Iterator[Piece]:
        query = f"SELECT {self._selected(table)} FROM {table} ORDER BY rowid OFFSET {int(after)}"
        for batch in self._cursor.sql(query).to_arrow_reader(PIECE):
            rows = pa.Table.from_batches([batch]).cast(TABLES[table])
            yield Piece(after, after + rows.num_rows, rows)
            after += rows.num_rows

    def _selected(self, table: str) -> str:
        return ", ".join(self._expression(table, field) for field in TABLES[table])

    def _expression(self, table: str, field: pa.Field) -> str:
        if field.name not in self._columns[table]:
            return f'{"0" if field.name == "withheld" else "NULL"}::{_TYPES[field.type]} AS "{field.name}"'
        if field.name == "withheld":
            return "coalesce(withheld, 0)::UTINYINT AS withheld"
        return f'"{field.name}"'


def _count(cursor: duckdb.DuckDBPyConnection, table: str) -> int:
    ((count,),) = cursor.execute(f"SELECT count(*) FROM {table}").fetchall()
    return int(count)


def _without_zone(kind: pa.DataType) -> pa.DataType:
    """The type as the file has it: DuckDB would turn a time with a zone into local time."""
    return pa.timestamp("us") if pa.types.is_timestamp(kind) else kind
