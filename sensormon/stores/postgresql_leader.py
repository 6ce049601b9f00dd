"""The leader among the processes on a PostgreSQL database: who holds an advisory lock.

The lock belongs to a connection of its own, so the server releases it with the connection: at once if
the process is killed, within `IDLE` if it hangs or its machine is gone. See `sensormon.stores.leader`.
"""

from __future__ import annotations

import threading
from collections.abc import Collection
from hashlib import blake2b
from typing import Any

import psycopg

from sensormon.model.errors import StoreUnavailable
from sensormon.stores.postgresql_database import Database
from sensormon.stores.postgresql_errors import translated

IDLE = 15
"""Seconds without a question after which the server ends the connection: whoever leads asks more often.

Servers before version 14 do not know this; there a process that was stopped leads until it goes on."""
ANSWER = 5.0
"""Seconds within which the server has to answer."""
_ALIVE = "SET tcp_keepalives_idle = 5; SET tcp_keepalives_interval = 3; SET tcp_keepalives_count = 3"
"""What the server does to notice that the other machine is gone."""

_CLAIM = """
WITH gone AS MATERIALIZED (SELECT count(pg_advisory_unlock(key)) AS count FROM unnest(%s::bigint[]) AS key),
taken AS MATERIALIZED (SELECT key FROM unnest(%s::bigint[]) AS key WHERE pg_try_advisory_lock(key))
SELECT pg_backend_pid(), (SELECT array_agg(key) FROM taken) FROM gone
"""

_Connection = psycopg.Connection[tuple[Any, ...]]


class PostgreSQLLeader:
    def __init__(self, database: Database, name: str) -> None:
        self._database = database
        self._number = _number(name)
        self._lock = threading.Lock()
        self._connection: _Connection | None = None
        self._process = 0

    def leads(self) -> bool:
        return self._asked(take=True)

    def holds(self) -> bool:
        return self._asked(take=False)

    def resign(self) -> None:
        with self._lock:
            self._drop()

    def _asked(self, *, take: bool) -> bool:
        with self._lock:
            try:
                if self._connection is not None:
                    return self._holds(self._connection)
                return take and self._take()
            except BaseException:
                self._drop()
                raise

    def _take(self) -> bool:
        """Try to get the lock. Only who gets it keeps the connection."""
        connection = self._connection = self._database.connect_apart(ANSWER)
        place = self._database.place
        with translated(place, "ask who sends"), self._database.watched(connection, ANSWER):
            _prepare(connection)
            row = connection.execute(
                "SELECT pg_try_advisory_lock(%s), pg_backend_pid()", [self._number]
            ).fetchone()
        held, self._process = row if row is not None else (False, 0)
        if not held:
            self._drop()
        return bool(held)

    def _holds(self, connection: _Connection) -> bool:
        """Whether the connection with the lock still stands.

        Raises StoreUnavailable if it does not, or leads to another process of the server through a pool.
        """
        place = self._database.place
        with translated(place, "ask who sends"), self._database.watched(connection, ANSWER):
            row = connection.execute("SELECT pg_backend_pid()").fetchone()
        if row != (self._process,):
            raise _pooled(place)
        return True

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


class PostgreSQLClaims:
    """See `Claims`: the locks of all its things belong to one connection."""

    def __init__(self, database: Database, kind: str) -> None:
        self._database = database
        self._kind = kind
        self._lock = threading.Lock()
        self._connection: _Connection | None = None
        self._process = 0
        self._held: frozenset[str] = frozenset()

    def hold(self, names: Collection[str]) -> frozenset[str]:
        with self._lock:
            try:
                self._held = self._taken(frozenset(names)) if names or self._connection else frozenset()
            except BaseException:
                self._drop()
                raise
            return self._held

    def resign(self) -> None:
        with self._lock:
            self._drop()

    def _taken(self, wanted: frozenset[str]) -> frozenset[str]:
        """The lock of a name is asked for once, since the server counts how often one has it."""
        place, is_new = self._database.place, self._connection is None
        connection = self._connection = self._connection or self._database.connect_apart(ANSWER)
        with translated(place, "ask who reads"), self._database.watched(connection, ANSWER):
            if is_new:
                _prepare(connection)
            new, gone = ([*names] for names in (wanted - self._held, self._held - wanted))
            rows = connection.execute(_CLAIM, [self._numbers(gone), self._numbers(new)]).fetchall()
        process, taken = rows[0]
        if not is_new and process != self._process:
            raise _pooled(place)
        self._process = process
        got = {name for name, number in zip(new, self._numbers(new), strict=True) if number in (taken or ())}
        return (self._held & wanted) | got

    def _numbers(self, names: Collection[str]) -> list[int]:
        return [_number(f"{self._kind} {name}") for name in names]

    def _drop(self) -> None:
        connection, self._connection, self._held = self._connection, None, frozenset()
        if connection is not None:
            connection.close()


def _number(name: str) -> int:
    """That of the lock of this name."""
    return int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), signed=True)


def _prepare(connection: _Connection) -> None:
    """Let the server end the connection of a process that hangs or is gone."""
    if connection.info.server_version >= 140_000:
        connection.execute(f"SET idle_session_timeout = '{IDLE}s'")
    connection.execute(_ALIVE)


def _pooled(place: str) -> StoreUnavailable:
    return StoreUnavailable(
        "its connections are shared out by a pool, so none can hold a lock",
        where=place,
        hint="Name the server itself in SENSORMON_STORE, or a pool in session mode",
    )
