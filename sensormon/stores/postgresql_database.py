"""A PostgreSQL database and the connections to it: opened, closed, queried.

Connections are made as they are needed, at most `MOST` at once, and kept for the next use. One that
failed is closed. Every use has a deadline; see `sensormon.stores.postgresql_watchdog`. The tables are made
and brought to this version when it is opened to write, by one process at a time.
"""

from __future__ import annotations

import select
import threading
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from importlib.resources import files
from typing import Any

import pandas as pd
import psycopg
import pyarrow as pa
from psycopg import conninfo, sql

from sensormon.model.errors import StoreFault, StoreNewer, StoreUnavailable, UsageError
from sensormon.model.settings import store_place
from sensormon.stores.postgresql_errors import translated
from sensormon.stores.postgresql_tables import fetched
from sensormon.stores.postgresql_watchdog import Watchdog
from sensormon.stores.tables import UNFINISHED

MOST = 16
"""Connections at once; more uses wait for one."""
PATIENCE = 30.0
"""Seconds to wait for a connection."""
QUERY_SECONDS = 60.0
"""For one query or load; the server cancels a statement that takes longer."""
LONG_SECONDS = 3_600.0
"""For what reads or deletes whole tables, in the background: a scrub, a recount, a roll-up."""
GRACE = 5.0
"""Seconds beyond these until the socket is shut down."""
VERSION = 4
"""Of the tables; see `_migrate`."""
_STEPS = (
    "postgresql_schema.sql",
    "postgresql_version_2.sql",
    "postgresql_version_3.sql",
    "postgresql_version_4.sql",
)
"""What makes them: each file brings the tables to the next version."""

_MIGRATIONS = 7_362_415_908_113_530
"""The number of the advisory lock under which the tables are made; any number that nobody else uses."""
_SETTINGS = (
    "-c TimeZone=UTC -c lock_timeout=30000 -c jit=off -c extra_float_digits=3 -c search_path=public"
    # A plan made without the values of a query cannot tell which partitions and how many rows they mean.
    " -c plan_cache_mode=force_custom_plan"
)

Cursor = psycopg.Cursor[tuple[Any, ...]]
_Connection = psycopg.Connection[tuple[Any, ...]]


class Database:
    """`url` names the database; with `read_only` nothing is made or changed. Thread-safe.

    `place` is the same without user and password, for messages. Everything but the constructor raises
    `StoreError`. Raises UsageError for a URL that is none. Only with `filling` it opens one into which a
    history is being copied.
    """

    def __init__(self, url: str, read_only: bool, filling: bool = False) -> None:
        _check_url(url)
        self.place = store_place(url)
        self._url = url
        self._read_only = read_only
        self._filling = filling
        self._watchdog = Watchdog()
        self._lock = threading.Lock()
        self._opening = threading.Lock()
        self._turns = threading.BoundedSemaphore(MOST)
        self._idle: list[_Connection] = []
        self._generation = 0  # connections of an earlier one are closed when they come back
        self._opened = False

    # -- connection ---------------------------------------------------------------

    def open(self) -> bool:
        """Connect, and make the tables that are missing; returns whether it was closed before."""
        with self._opening:
            if self._opened:
                return False
            connection = self._connect()
            try:
                with translated(self.place, "make the tables"), self._watched(connection, LONG_SECONDS):
                    if _version(connection.cursor(), self.place) < VERSION:
                        if self._read_only:
                            raise _missing(self.place)
                        _migrate(connection, self.place)
                    if not self._filling:
                        _check_whole(connection.cursor(), self.place)
            except BaseException:
                connection.close()
                raise
            with self._lock:
                self._opened = True
                self._idle.append(connection)
            return True

    def close(self) -> None:
        """Release the connections; what still uses one can finish."""
        with self._opening, self._lock:
            self._opened = False
            self._generation += 1
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()
        self._watchdog.close()

    def connect_apart(self, seconds: float) -> _Connection:
        """A connection that is the caller's alone, who closes it; made within this time."""
        if not self._opened:
            raise _closed(self.place)
        return self._connect(seconds)

    def _connect(self, seconds: float = 10.0) -> _Connection:
        with translated(self.place, "open"):
            return psycopg.connect(
                self._url,
                autocommit=True,
                connect_timeout=round(seconds),
                options=_SETTINGS,
                application_name="sensormon",
                keepalives_idle=10,
                keepalives_interval=5,
                keepalives_count=3,
            )

    def watched(self, connection: _Connection, seconds: float) -> AbstractContextManager[None]:
        """Wraps the use of a connection, which is lost if it takes longer than this."""
        return self._watchdog.watching(connection, seconds)

    def _watched(self, connection: _Connection, seconds: float) -> AbstractContextManager[None]:
        return self.watched(connection, seconds + GRACE)

    @contextmanager
    def connection(self, operation: str, seconds: float = QUERY_SECONDS) -> Iterator[_Connection]:
        """A connection for this operation, which may take this long."""
        if not self._opened:
            raise _closed(self.place)
        if not self._turns.acquire(timeout=PATIENCE):
            raise StoreUnavailable(
                f"all {MOST} connections are in use", where=self.place, hint="Ask again later"
            )
        try:
            generation, connection = self._take()
            try:
                with translated(self.place, operation), self._watched(connection, seconds):
                    yield connection
            finally:
                self._give_back(connection, generation)
        finally:
            self._turns.release()

    def _take(self) -> tuple[int, _Connection]:
        """A connection, and its generation."""
        while True:
            with self._lock:
                generation = self._generation
                idle = self._idle.pop() if self._idle else None
            if idle is None:
                return generation, self._connect()
            if _is_alive(idle):
                return generation, idle
            idle.close()

    def _give_back(self, connection: _Connection, generation: int) -> None:
        usable = connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
        with self._lock:
            if usable and generation == self._generation and self._opened:
                self._idle.append(connection)
                return
        connection.close()

    # -- writing ------------------------------------------------------------------

    @contextmanager
    def transaction(self, operation: str, seconds: float = QUERY_SECONDS) -> Iterator[Cursor]:
        """Commit what is done inside, on disk when it returns, or nothing of it."""
        with self.connection(operation, seconds) as connection, connection.transaction():
            cursor = connection.cursor()
            _limit(cursor, seconds)
            # What is acknowledged must be on disk, whatever the server or the role sets.
            cursor.execute("SET LOCAL synchronous_commit = on")
            yield cursor

    @contextmanager
    def trial(self, operation: str) -> Iterator[Cursor]:
        """A transaction that is always rolled back."""
        with self.connection(operation) as connection, connection.transaction(force_rollback=True):
            cursor = connection.cursor()
            _limit(cursor, QUERY_SECONDS)
            yield cursor

    # -- reading ------------------------------------------------------------------

    @contextmanager
    def snapshot(self, seconds: float = QUERY_SECONDS) -> Iterator[Cursor]:
        """A cursor whose queries all see the same moment; it writes nothing."""
        with self.connection("read", seconds) as connection, connection.transaction():
            cursor = connection.cursor()
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            _limit(cursor, seconds)
            yield cursor

    @contextmanager
    def long_snapshot(self) -> Iterator[Cursor]:
        """The same for hours, also while nothing is asked; each query stands within `deadline`."""
        with self.connection("read") as connection, connection.transaction():
            cursor = connection.cursor()
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            _limit(cursor, LONG_SECONDS)
            cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
            self._watchdog.forget(connection)
            yield cursor

    def deadline(self, cursor: Cursor, seconds: float) -> AbstractContextManager[None]:
        """Wraps queries of a long snapshot that take at most this many seconds."""
        return self._watched(cursor.connection, seconds)

    def pids(self) -> list[int]:
        """The numbers of the server's processes for the connections that are not in use here."""
        with self._lock:
            return [connection.info.backend_pid for connection in self._idle]

    def rows(
        self, query: str, values: Sequence[object] = (), seconds: float = QUERY_SECONDS
    ) -> list[tuple[Any, ...]]:
        """The result of this query, whose values stand where it has %s."""
        with self.snapshot(seconds) as cursor:
            return cursor.execute(query, list(values)).fetchall()

    def table(self, query: str, values: Sequence[object] = ()) -> pa.Table:
        """The result of this query, times as timestamp[us, UTC]; see `fetched` for the types."""
        with self.snapshot() as cursor:
            return fetched(cursor, query, values)

    def frame(self, query: str, values: Sequence[object] = ()) -> pd.DataFrame:
        """The result of this query; times as datetime64[us, UTC], NULL as NaN, NaT or None."""
        frame: pd.DataFrame = self.table(query, values).to_pandas()
        return frame


def _check_url(url: str) -> None:
    try:
        conninfo.conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        raise UsageError(
            "this is not the URL of a PostgreSQL database",
            where="SENSORMON_STORE",
            hint="Write postgresql://USER@HOST:PORT/DATABASE, the password in ~/.pgpass or PGPASSWORD",
        ) from None  # its text may hold the password


def _is_alive(connection: _Connection) -> bool:
    """Whether an idle connection is as it was left: whatever can be read from it is that it was ended."""
    try:
        return not select.select([connection.fileno()], [], [], 0)[0]
    except (psycopg.OperationalError, ValueError):
        return False


def _limit(cursor: Cursor, seconds: float) -> None:
    """Let the server cancel statements of this transaction that take longer."""
    # No query: the isolation level can still be set after it.
    cursor.execute(sql.SQL("SET LOCAL statement_timeout = {}").format(int(seconds * 1000)))


def _migrate(connection: _Connection, place: str) -> None:
    """Make the tables, or bring those of an earlier version to this one, while no other process does."""
    # Before the transaction: one that has begun does not learn of tables that others make meanwhile.
    connection.execute("SET lock_timeout = 0")
    connection.execute("SELECT pg_advisory_lock(%s)", [_MIGRATIONS])
    try:
        with connection.transaction():
            cursor = connection.cursor()
            version = _version(cursor, place)  # another process may have made them meanwhile
            if version == 0:
                cursor.execute("CREATE TABLE sensormon_version (version integer NOT NULL)")
                cursor.execute("INSERT INTO sensormon_version VALUES (0)")
            for step in _STEPS[version:]:
                cursor.execute(files("sensormon.stores").joinpath(step).read_bytes())
            cursor.execute("UPDATE sensormon_version SET version = %s", [VERSION])
    finally:
        if not connection.closed:
            connection.execute("SELECT pg_advisory_unlock(%s)", [_MIGRATIONS])
            connection.execute("RESET lock_timeout")


def _version(cursor: Cursor, place: str) -> int:
    """Of the tables; 0 if there are none. Raises StoreNewer if it is newer than ours."""
    ((present,),) = cursor.execute("SELECT to_regclass('sensormon_version') IS NOT NULL").fetchall()
    rows = cursor.execute("SELECT version FROM sensormon_version").fetchall() if present else []
    version = int(rows[0][0]) if rows else 0
    if version > VERSION:
        raise StoreNewer(
            f"its tables are of version {version}, this program knows version {VERSION}",
            where=place,
            hint="Use the version of sensormon that wrote it, or a newer one",
        )
    return version


def _check_whole(cursor: Cursor, place: str) -> None:
    """Raise StoreFault if a history is being copied into these tables."""
    ((copying,),) = cursor.execute("SELECT to_regclass(%s) IS NOT NULL", [UNFINISHED]).fetchall()
    if copying:
        raise StoreFault(
            "a history is being copied into it, or such a copy has stopped half-way",
            where=place,
            hint="Run the same migrate or restore again: it goes on where it was",
        )


def _closed(place: str) -> StoreUnavailable:
    return StoreUnavailable(
        "the database is not open",
        where=place,
        hint="sensormon tries again by itself; the Pipeline page shows when",
    )


def _missing(place: str) -> StoreFault:
    return StoreFault(
        "the tables of this version are missing", where=place, hint="Start the collector on it first"
    )
