"""The database of a source, by psycopg or by SQLAlchemy."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

from sensormon.model.errors import SourceError
from sensormon.sources.connected import HOW_TO_GET, Secret
from sensormon.sources.sql.database import Database
from sensormon.sources.sql.kind import SqlSource
from sensormon.sources.sql.postgresql import PostgreSQLDatabase


def database_of(source: SqlSource, secret: Secret) -> Database:
    """Not connected yet. Raises SourceError if a package is missing."""
    if source.is_postgresql:
        return PostgreSQLDatabase(source, secret)
    if find_spec("sqlalchemy") is None:
        raise SourceError(
            f"databases other than PostgreSQL need SQLAlchemy, which is not installed: {HOW_TO_GET}",
            where=source.place,
            hint="Install it and start again",
        )
    database: Database = import_module("sensormon.sources.sql.alchemy").AlchemyDatabase(source, secret)
    return database
