"""Any other database by its SQLAlchemy URL, with the extra `[plant]`. Tested with SQLite."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import islice
from typing import Any
from urllib.parse import quote

import sqlalchemy
from sqlalchemy import exc

from sensormon.model.errors import SourceError
from sensormon.sources.connected import Secret
from sensormon.sources.sql.columns import Column
from sensormon.sources.sql.database import CONNECT_SECONDS, MOST_OFFERS, Away
from sensormon.sources.sql.kind import SqlSource
from sensormon.sources.sql.rows import Row

_COLON = re.compile(r"(?<!:):(?!:|cursor\b)")
"""Of which SQLAlchemy would make a parameter."""
_KINDS = (
    ("bool", sqlalchemy.types.Boolean),
    ("int", sqlalchemy.types.Integer),
    ("decimal", sqlalchemy.types.Numeric),
    ("float", sqlalchemy.types.Float),
    ("text", sqlalchemy.types.String),
)
_READ_ONLY = {
    "mysql": "SET TRANSACTION READ ONLY",
    "mariadb": "SET TRANSACTION READ ONLY",
    "oracle": "SET TRANSACTION READ ONLY",
}


class AlchemyDatabase:
    """See `Database`. A statement takes as long as the server lets it; what can be read-only is."""

    def __init__(self, source: SqlSource, secret: Secret) -> None:
        self._source = source
        self._secret = secret
        self._query = _COLON.sub(r"\:", source.query)
        self._connection: sqlalchemy.Connection | None = None

    def __enter__(self) -> AlchemyDatabase:
        with self._translated():
            self._connection = self._engine().connect()
        return self

    def __exit__(self, *_: object) -> None:
        if self._connection is not None:
            with suppress(exc.SQLAlchemyError):
                self._connection.close()
            self._connection.engine.dispose()

    def version(self) -> str:
        """See `Database.version`."""
        dialect = self._open.dialect
        version = dialect.server_version_info or ()
        return " ".join(
            (dialect.name.capitalize().replace("Sqlite", "SQLite"), ".".join(map(str, version)))
        ).strip()

    def columns(self) -> Sequence[Column]:
        """See `Database.columns`. Kinds only where no row is needed to tell."""
        with self._reading() as connection:  # no row is after NULL
            names = list(connection.execute(sqlalchemy.text(self._query), {"cursor": None}).keys())
        # Any value of SQLite is greater than the least number, so reading can begin with it.
        kind = (
            "int" if self._open.dialect.name == "sqlite" and not isinstance(self._source.start, str) else ""
        )
        return [Column(name, "", kind if name == self._source.cursor else "") for name in names]

    def pages(self, bound: Any, size: int) -> Generator[Sequence[Row]]:
        """See `Database.pages`."""
        with self._reading() as connection:
            streaming = connection.execution_options(stream_results=True, max_row_buffer=size)
            result = streaming.execute(sqlalchemy.text(self._query), {"cursor": bound})
            while page := result.fetchmany(size):
                yield [tuple(row) for row in page]

    def count(self, bound: Any) -> int:
        """See `Database.count`."""
        asked = sqlalchemy.text(self._query).columns().subquery("asked")
        query = sqlalchemy.select(sqlalchemy.func.count()).select_from(asked)
        with self._reading() as connection:
            return int(connection.execute(query, {"cursor": bound}).scalar_one())

    def tables(self) -> Sequence[tuple[str, str]]:
        """See `Database.tables`."""
        with self._translated():
            inspector = sqlalchemy.inspect(self._open)
            named = [(name, "table") for name in inspector.get_table_names()]
            named += [(name, "view") for name in inspector.get_view_names()]
            return sorted(named)[:MOST_OFFERS]

    def table_columns(self, table: str) -> Sequence[Column]:
        """See `Database.table_columns`."""
        with self._translated():
            try:
                columns = sqlalchemy.inspect(self._open).get_columns(table)
            except exc.NoSuchTableError:
                return []
            return [
                Column(each["name"], str(each["type"]), _kind(each["type"]))
                for each in islice(columns, MOST_OFFERS)
            ]

    def cancel(self) -> None:
        """See `Database.cancel`; of a driver that can do neither the statement goes on."""
        if (connection := self._connection) is None or connection.closed:
            return
        with suppress(exc.SQLAlchemyError, connection.dialect.loaded_dbapi.Error, OSError):
            driver = connection.connection.driver_connection
            end = getattr(driver, "interrupt", None) or getattr(driver, "cancel", None)
            if end is not None:
                end()

    @property
    def _open(self) -> sqlalchemy.Connection:
        if self._connection is None:
            raise Away("the database is not connected", where=self._source.place)
        return self._connection

    def _engine(self) -> sqlalchemy.Engine:
        """One connection and no pool. A file of SQLite is opened as it is, never made."""
        url = sqlalchemy.make_url(self._source.url)
        if self._source.user:
            url = url.set(username=self._source.user)
        if secret := self._secret():
            url = url.set(password=secret)
        pool = sqlalchemy.pool.NullPool
        if url.get_backend_name() != "sqlite":
            return sqlalchemy.create_engine(url, poolclass=pool, hide_parameters=True)
        path = f"file:{quote(url.database or '')}?mode=ro"

        def connect() -> sqlite3.Connection:
            return sqlite3.connect(path, uri=True, timeout=CONNECT_SECONDS, check_same_thread=False)

        return sqlalchemy.create_engine("sqlite://", creator=connect, poolclass=pool, hide_parameters=True)

    @contextmanager
    def _reading(self) -> Iterator[sqlalchemy.Connection]:
        with self._translated(), self._open.begin() as transaction:
            if statement := _READ_ONLY.get(self._open.dialect.name):
                self._open.execute(sqlalchemy.text(statement))
            try:
                yield self._open
            finally:
                if transaction.is_active:
                    transaction.rollback()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """SQLAlchemy's exceptions as ours, without parameters and without the URL, which has the password."""
        try:
            yield
        except exc.DBAPIError as error:
            hint = "Correct the query, or the URL"
            problem = _sentence(error)
            if error.connection_invalidated or isinstance(error, exc.InterfaceError):
                raise Away(
                    problem, where=self._source.place, hint="sensormon tries again by itself"
                ) from None
            if "unable to open database file" in problem:
                hint = "Name a file that exists, by its whole path: sqlite:////data/readings.db"
            raise SourceError(problem, where=self._source.place, hint=hint) from None
        except exc.NoSuchModuleError:
            raise SourceError(
                "SQLAlchemy knows no such database",
                where=self._source.place,
                hint="Install its driver, and write its name as SQLAlchemy's documentation has it",
            ) from None
        except ModuleNotFoundError as error:
            raise SourceError(
                f"the driver {error.name} is not installed",
                where=self._source.place,
                hint=f"pip install {error.name}",
            ) from None
        except (exc.SQLAlchemyError, ValueError) as error:
            raise SourceError(
                f"the database cannot be read ({type(error).__name__})",
                where=self._source.place,
                hint="Look at url, query and tags",
            ) from None


def _kind(column_type: Any) -> str:
    return next((kind for kind, base in _KINDS if isinstance(column_type, base)), "other")


def _sentence(error: exc.DBAPIError) -> str:
    lines = [line.strip() for line in str(error.orig).splitlines() if line.strip()]
    return lines[0][:300] if lines else type(error).__name__
