"""A DuckDB file and the one connection to it: opened, closed, set aside, queried.

Each call has its own cursor. What it is not: shared. DuckDB lets no second process open the
file, even to read. It knows only the tables that schema.sql makes.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing, contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa

from sensormon.model.errors import StoreCorrupt, StoreNewer, StoreUnavailable
from sensormon.stores import duckdb_memory
from sensormon.stores.duckdb_errors import translated
from sensormon.stores.duckdb_queries import COLUMNS, OLDER_COLUMNS, OLDER_OWN

VERSION = 1
"""Of the tables; one that earlier programs would read or write wrongly has the next."""
CHECKPOINT_AT = "16MB"
"""DuckDB checkpoints by itself once its write-ahead file would be longer than this.

The loader checkpoints every minute, which suffices at a steady pace. A loader that is behind stores more in
that minute, and DuckDB keeps in memory, uncompressed, what is not in the file itself yet: 250 B a reading.
"""
_TIMES = ("time", "received", "applied")
_HAS_PROFILES = "SELECT 1 FROM duckdb_columns() WHERE table_name = 'readings' AND column_name = 'threshold'"


class Database:
    """`path` is the file; with `read_only` it is neither made nor changed. Thread-safe.

    Everything but the constructor raises `StoreError`.
    """

    def __init__(self, path: Path, read_only: bool) -> None:
        self.path = path
        self._read_only = read_only
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._leaving: list[duckdb.DuckDBPyConnection] = []
        self._inode = 0
        self._older = False  # a file of before there were profiles that is not written
        self._harm: StoreCorrupt | None = None

    # -- connection ---------------------------------------------------------------

    def open(self) -> bool:
        """Connect, and make the tables that are missing; returns whether it was closed before."""
        with self._lock:
            if self._connection is not None:
                return False
            self._let_go()
            if self._leaving:  # if opened now, DuckDB would keep using the old file
                raise StoreUnavailable(
                    "a reader still uses the old connection",
                    where=str(self.path),
                    hint="sensormon tries again by itself",
                )
            with translated(self.path, "open"):
                connection = _connect(self.path, self._read_only)
            with translated(self.path, "read its version"):
                version = _version_of(connection)
            if version > VERSION:
                connection.close()
                raise StoreNewer(
                    f"its tables are of version {version}, this program knows version {VERSION}",
                    where=str(self.path),
                    hint="Use the version of sensormon that wrote it, or a newer one",
                )
            if not self._read_only:
                with translated(self.path, "make the tables"):
                    connection.execute(files("sensormon.stores").joinpath("schema.sql").read_text())
                    if version < VERSION:
                        connection.execute("DELETE FROM sensormon_version")
                        connection.execute("INSERT INTO sensormon_version VALUES (?)", [VERSION])
            with translated(self.path, "read the tables"):
                named = connection.execute(_HAS_PROFILES).fetchall()
            self._older = not named
            try:
                self._inode = os.stat(self.path).st_ino
            except FileNotFoundError as error:
                connection.close()  # DuckDB knows the path and gave us the old file, which a reader still has
                raise StoreUnavailable(
                    "the database file was removed and a reader still has it open",
                    where=str(self.path),
                    hint="sensormon tries again by itself",
                ) from error
            self._connection = connection
            return True

    def close(self) -> None:
        """Release the connection; a reader that still uses it can finish."""
        with self._lock:
            if self._connection is not None:
                self._leaving.append(self._connection)
                self._connection = None
            self._let_go()

    def _let_go(self) -> None:
        """Close released connections; one that a reader still uses stays for the next try."""
        for connection in list(self._leaving):
            try:
                connection.close()
            except duckdb.ResourceInUseException:
                continue
            self._leaving.remove(connection)

    def set_aside(self) -> str:
        """Close it and move the file out of the way; returns its new path."""
        self.close()
        self._harm = None
        target = _free_name(self.path)
        for path in (self.path, wal(self.path)):
            if path.exists():
                path.rename(target.with_name(path.name.replace(self.path.name, target.name)))
        return str(target)

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """A new cursor. Raises StoreUnavailable if closed."""
        with self._lock:
            if self._connection is None:
                raise StoreUnavailable(
                    "the database is not open",
                    where=str(self.path),
                    hint="sensormon tries again by itself; the Pipeline page shows when",
                )
            return self._connection.cursor()

    # -- writing ------------------------------------------------------------------

    def check_file(self) -> None:
        """Raise StoreCorrupt if a reader met damage, or the file was deleted or replaced."""
        if self._harm is not None:
            raise self._harm
        try:
            inode = os.stat(self.path).st_ino
        except FileNotFoundError:
            inode = -1
        except OSError as error:
            raise StoreUnavailable(str(error), where=str(self.path), hint="Check the disk") from error
        if inode != self._inode:
            raise StoreCorrupt(
                "the database file was deleted or replaced while it was in use",
                where=str(self.path),
                hint="It is rebuilt from the journal",
            )

    @contextmanager
    def transaction(self, operation: str) -> Iterator[duckdb.DuckDBPyConnection]:
        """Commit what is done inside, on disk when it returns, or nothing of it."""
        # DuckDB refuses a checkpoint during a writing transaction, which would look like a fault.
        with self._writing, self._begun(operation) as cursor:
            yield cursor
            cursor.commit()

    @contextmanager
    def trial(self, operation: str) -> Iterator[duckdb.DuckDBPyConnection]:
        """A transaction that is always rolled back: for consistent reads, or for a trial."""
        with self._begun(operation) as cursor:
            yield cursor
            cursor.rollback()

    @contextmanager
    def _begun(self, operation: str) -> Iterator[duckdb.DuckDBPyConnection]:
        cursor = self.cursor()
        with translated(self.path, operation):
            cursor.begin()
            try:
                yield cursor
            except BaseException:
                _roll_back(cursor)
                raise

    def checkpoint(self) -> None:
        """Write everything committed into the file itself."""
        cursor = self.cursor()
        with self._writing, translated(self.path, "checkpoint"):
            cursor.execute("CHECKPOINT")

    # -- reading ------------------------------------------------------------------

    @contextmanager
    def reading(self) -> Iterator[None]:
        """A reader that meets damage notifies the loader; only the loader may set the file aside."""
        try:
            with translated(self.path, "read"):
                yield
        except StoreCorrupt as error:
            self._harm = error
            raise

    @contextmanager
    def snapshot(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A cursor whose queries all see the same moment; it writes nothing."""
        with self.reading(), self._begun("read") as cursor:
            yield cursor
            cursor.rollback()

    def rows(self, query: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """The result of this query."""
        cursor = self.cursor()
        with self.reading():
            return cursor.execute(query, list(values)).fetchall()

    def has(self, table: str) -> bool:
        """Whether there is this table; a file opened for reading may be older than it."""
        if not self._read_only:
            return True  # `open` makes the tables that are missing
        return bool(self.rows("SELECT 1 FROM duckdb_tables() WHERE table_name = ?", [table]))

    @property
    def columns(self) -> str:
        """The columns of a reading, as frames have them."""
        return OLDER_COLUMNS if self._older else COLUMNS

    @property
    def columns_and_own(self) -> str:
        """The same and what each detector said, as streams have them."""
        return f"{self.columns}, {OLDER_OWN if self._older else 'own'}"

    @property
    def is_older(self) -> bool:
        """Whether the file is of before there were profiles and not written, so that columns are missing."""
        return self._older

    def frame(
        self, query: str, values: Sequence[object] = (), times: Collection[str] = _TIMES
    ) -> pd.DataFrame:
        """The result of this query, the columns in `times` as datetime64[us, UTC]."""
        with self.reading():
            return frame_of(self.cursor(), query, values, times)

    def table(self, query: str, values: Sequence[object] = ()) -> pa.Table:
        """The result of this query, the times of readings and of arrivals as timestamp[us, UTC]."""
        cursor = self.cursor()
        with closing(cursor), self.reading():
            return _zoned(cursor.sql(query, params=list(values)).to_arrow_table())


def frame_of(
    cursor: duckdb.DuckDBPyConnection,
    query: str,
    values: Sequence[object] = (),
    times: Collection[str] = _TIMES,
) -> pd.DataFrame:
    """The result of this query on this cursor, the columns in `times` as datetime64[us, UTC]."""
    frame = cursor.execute(query, list(values)).df()
    for column in frame.columns.intersection(list(times)):
        frame[column] = frame[column].astype("datetime64[us]").dt.tz_localize("UTC")
    return frame


def _zoned(table: pa.Table) -> pa.Table:
    for name in ("time", "received"):
        place = table.schema.get_field_index(name)
        if pa.types.is_timestamp(table.schema.field(place).type):  # the time of a rejected reading is text
            table = table.set_column(place, name, table.column(name).cast(pa.timestamp("us", "UTC")))
    return table


def wal(path: Path) -> Path:
    """DuckDB's own write-ahead file."""
    return path.with_name(path.name + ".wal")


def _version_of(connection: duckdb.DuckDBPyConnection) -> int:
    """Of the tables; 0 in a new file, and in one from before versions were kept."""
    present = connection.execute(
        "SELECT 1 FROM duckdb_tables() WHERE table_name = 'sensormon_version'"
    ).fetchall()
    rows = connection.execute("SELECT max(version) FROM sensormon_version").fetchall() if present else []
    return int(rows[0][0] or 0) if rows else 0


def _connect(path: Path, read_only: bool) -> duckdb.DuckDBPyConnection:
    """Open the file, with every download by DuckDB disabled, and its memory bounded."""
    return duckdb.connect(
        str(path),
        read_only=read_only,
        config={
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "checkpoint_threshold": CHECKPOINT_AT,
            "threads": "2",
            **duckdb_memory.config(path),
        },
    )


def _roll_back(cursor: duckdb.DuckDBPyConnection) -> None:
    """Roll back if possible."""
    try:
        cursor.rollback()
    except duckdb.Error:
        cursor.close()  # a lost connection has nothing left to roll back; the first error is the news


def _free_name(path: Path) -> Path:
    """Where a damaged file is moved: PATH.damaged-1, -2 …"""
    number = 1
    while True:
        name = path.with_name(f"{path.name}.damaged-{number}")
        if not name.exists() and not wal(name).exists():
            return name
        number += 1
