"""The leader among the processes on a PostgreSQL database: who holds an advisory lock.

The lock belongs to a connection of its own, so the server releases it with the connection: at once if
the process is killed, within `IDLE` if it hangs or its machine is gone. See `sensormon.stores.leader`.
"""

from __future__ import annotations

import threading
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


_Connection = psycopg.Connection[tuple[Any, ...]]


class PostgreSQLLeader:
    def __init__(self, database: Database, name: str) -> None:
        self._database = database
        self._number = int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), signed=True)
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
            if connection.info.server_version >= 140_000:
                connection.execute(f"SET idle_session_timeout = '{IDLE}s'")
            connection.execute(_ALIVE)
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
            raise StoreUnavailable(
                "its connections are shared out by a pool, so none can hold a lock",
                where=place,
                hint="Name the server itself in SENSORMON_STORE, or a pool in session mode",
            )
        return True

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
