"""A PostgreSQL database by psycopg, which the base install has."""

from __future__ import annotations

import socket
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import psycopg
from psycopg import conninfo, errors, sql

from sensormon.model.errors import SourceError
from sensormon.sources.connected import Secret
from sensormon.sources.sql.columns import Column
from sensormon.sources.sql.database import CONNECT_SECONDS, MOST_OFFERS, STALLED, Away
from sensormon.sources.sql.kind import SqlSource, with_cursor
from sensormon.sources.sql.rows import Row

_KINDS = {
    16: "bool",
    20: "int",
    21: "int",
    23: "int",
    25: "text",
    700: "float",
    701: "float",
    1042: "text",
    1043: "text",
    1082: "date",
    1114: "local",
    1184: "time",
    1700: "decimal",
}
"""By the number of a type."""
_TABLES = """
SELECT format('%%s.%%s', n.nspname, c.relname), greatest(c.reltuples, 0)::bigint, c.relkind IN ('v', 'm')
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition
  AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg_toast%%'
  AND has_table_privilege(c.oid, 'SELECT')
ORDER BY 1 LIMIT %s
"""
_COLUMNS = """
SELECT a.attname, format_type(a.atttypid, a.atttypmod), a.atttypid::bigint
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE format('%%s.%%s', n.nspname, c.relname) = %s AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attnum LIMIT %s
"""


class PostgreSQLDatabase:
    """See `Database`. The transaction is read-only; a statement may take `timeout` seconds."""

    def __init__(self, source: SqlSource, secret: Secret) -> None:
        self._source = source
        self._secret = secret
        # A % of the query is doubled, since psycopg marks parameters with it.
        query = with_cursor(source.query.replace("%", "%%"), "%(cursor)s")
        self._query = sql.SQL(query)
        self._connection: psycopg.Connection[tuple[Any, ...]] | None = None

    def __enter__(self) -> PostgreSQLDatabase:
        with self._translated():
            # Also without a secret: libpq would send PGPASSWORD, which is that of the monitor's own store.
            whole = conninfo.make_conninfo(
                self._source.url_of_libpq, password=self._secret(), user=self._source.user or None
            )
            self._connection = psycopg.connect(
                whole,
                autocommit=True,
                connect_timeout=CONNECT_SECONDS,
                application_name="sensormon",
                keepalives_idle=10,
                keepalives_interval=5,
                keepalives_count=3,
            )
        return self

    def __exit__(self, *_: object) -> None:
        if self._connection is not None:
            self._connection.close()

    def version(self) -> str:
        """See `Database.version`."""
        with self._reading() as cursor:
            return f"PostgreSQL {cursor.connection.info.server_version // 10_000}"

    def columns(self) -> Sequence[Column]:
        """See `Database.columns`."""
        query = sql.SQL("SELECT * FROM ({}) AS asked LIMIT 0").format(self._query)
        with self._reading() as cursor:
            cursor.execute(query, {"cursor": None})
            types = cursor.connection.adapters.types
            return [
                Column(
                    each.name,
                    each.type_display if types.get(each.type_code) else "",
                    _KINDS.get(each.type_code, "other"),
                )
                for each in cursor.description or ()
            ]

    def pages(self, bound: Any, size: int) -> Generator[Sequence[Row]]:
        """See `Database.pages`."""
        with self._reading() as cursor, cursor.connection.cursor("sensormon") as rows:
            rows.execute(self._query, {"cursor": bound})
            while page := rows.fetchmany(size):
                yield page

    def count(self, bound: Any) -> int:
        """See `Database.count`."""
        query = sql.SQL("SELECT count(*) FROM ({}) AS asked").format(self._query)
        with self._reading() as cursor:
            ((rows,),) = cursor.execute(query, {"cursor": bound}).fetchall()
            return int(rows)

    def tables(self) -> Sequence[tuple[str, str]]:
        """See `Database.tables`."""
        with self._reading() as cursor:
            return [
                (name, "view" if is_view else f"about {rows:,} rows")
                for name, rows, is_view in cursor.execute(_TABLES, [MOST_OFFERS])
            ]

    def table_columns(self, table: str) -> Sequence[Column]:
        """See `Database.table_columns`."""
        with self._reading() as cursor:
            return [
                Column(name, type_name, _KINDS.get(number, "other"))
                for name, type_name, number in cursor.execute(_COLUMNS, [table, MOST_OFFERS])
            ]

    def cancel(self) -> None:
        """See `Database.cancel`."""
        if (connection := self._connection) is None or connection.closed:
            return
        with suppress(psycopg.Error, OSError):
            connection.cancel_safe(timeout=0.3)
        with (
            suppress(psycopg.Error, OSError),  # a server that hangs ends nothing
            socket.socket(fileno=socket.dup(connection.fileno())) as line,
        ):
            line.shutdown(socket.SHUT_RDWR)

    @contextmanager
    def _reading(self) -> Iterator[psycopg.Cursor[tuple[Any, ...]]]:
        if self._connection is None:
            raise Away("the database is not connected", where=self._source.place)
        with self._translated(), self._connection.transaction(force_rollback=True):
            cursor = self._connection.cursor()
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            for name, seconds in (
                ("statement_timeout", self._source.timeout),
                ("idle_in_transaction_session_timeout", STALLED),
            ):
                limit = sql.SQL("SET LOCAL {} = {}").format(sql.Identifier(name), round(seconds * 1_000))
                cursor.execute(limit)
            cursor.execute("SET LOCAL TimeZone = 'UTC'")
            yield cursor

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """psycopg's exceptions as ours. They name the host and the user, never the password."""
        try:
            yield
        except errors.QueryCanceled as error:
            raise SourceError(
                f"the query took longer than {self._source.timeout:g} s",
                where=self._source.place,
                hint=f"Make an index on {self._source.cursor}, or set timeout",
            ) from error
        except errors.InsufficientPrivilege as error:
            raise SourceError(
                _sentence(error), where=self._source.place, hint="Allow this user to SELECT from it"
            ) from error
        except errors.InvalidPassword as error:
            raise self._refused(error) from error
        except psycopg.OperationalError as error:
            if "password" in str(error):  # of a connection that was not made: it has no code
                raise self._refused(error) from error
            raise Away(
                _sentence(error),
                where=self._source.place,
                hint="sensormon tries again by itself: does the server run, and is it reachable from here?",
            ) from error
        except psycopg.Error as error:
            raise SourceError(_sentence(error), where=self._source.place, hint="Correct the query") from error

    def _refused(self, error: psycopg.Error) -> SourceError:
        return SourceError(
            _sentence(error),
            where=self._source.place,
            hint="Check user, and the secret that password_env or password_file names",
        )


def _sentence(error: psycopg.Error) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0][:300] if lines else type(error).__name__
