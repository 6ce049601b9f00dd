"""PostgreSQL's exceptions as the `StoreError` that says what to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import errors

from sensormon.model.errors import RowsRefused, StoreBroken, StoreError, StoreFault, StoreUnavailable

_WAIT = "sensormon tries again to load by itself; readings are kept in the journal meanwhile"
_AWAY = f"If the server has stopped, its log says why, and it must be started. {_WAIT}"
_HINTS: dict[type[psycopg.Error], str] = {
    errors.DiskFull: "Free some space on the database server, start it if it stopped; loading then resumes",
    errors.ReadOnlySqlTransaction: "It takes no writes (is it a standby?): SENSORMON_STORE names the primary",
    errors.InvalidPassword: "Check the user and the password in SENSORMON_STORE",
    errors.InsufficientPrivilege: "Grant the user its rights on the database and on schema public",
    errors.TooManyConnections: "Raise max_connections on the server, or close other programs",
    errors.QueryCanceled: "Choose a shorter span or fewer tags; sensormon tries again to load by itself",
}
"""What to do, for those that are best named."""
_PASSING = ("40", "53", "55", "25006", "25P03", "25P04", "57014", "42501", "23514")
"""How the codes begin of what passes by itself, or when somebody has mended it: conflicts of transactions,
resources, locks, a read-only server, a transaction that took longer than the server lets it, a cancelled
statement, missing rights, a partition that was dropped meanwhile (there are no other checks)."""


@contextmanager
def translated(place: str, operation: str) -> Iterator[None]:
    """Raise PostgreSQL's exceptions as the `StoreError` that says what to do; `place` holds no password."""
    where = f"{place} ({operation})"
    try:
        yield
    except psycopg.Error as error:
        raise _translated(error, where) from error


def _translated(error: psycopg.Error, where: str) -> StoreError:
    line, known = _line(error), next((text for kind, text in _HINTS.items() if isinstance(error, kind)), "")
    hint = known or _WAIT
    if (error.sqlstate or "").startswith(_PASSING):
        return StoreUnavailable(line, where=where, hint=hint)
    if isinstance(error, psycopg.DataError | psycopg.IntegrityError):
        return RowsRefused(line, where=where, hint="The rows go to the dead letters")
    if isinstance(error, psycopg.ProgrammingError | psycopg.NotSupportedError):
        return StoreFault(
            line,
            where=where,
            hint="The tables were made by another version or changed by hand; readings stay in the journal",
        )
    # A lost connection is replaced by the next use: nobody needs to close the database and open it again, and
    # however often it happens the tables are whole.
    if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
        return StoreUnavailable(line, where=where, hint=known or _AWAY)
    return StoreBroken(line, where=where, hint="sensormon connects again by itself")


def _line(error: psycopg.Error) -> str:
    text = error.diag.message_primary or str(error) or type(error).__name__
    text = text.partition("Is the server running")[0]  # libpq asks who reads it
    return " ".join(text.split())[:300].rstrip(".")
