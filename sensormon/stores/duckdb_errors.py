"""DuckDB's exceptions as the `StoreError` that says what to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from sensormon.model.errors import (
    RowsRefused,
    StoreBroken,
    StoreCorrupt,
    StoreError,
    StoreFault,
    StoreUnavailable,
)


@contextmanager
def translated(path: Path, operation: str) -> Iterator[None]:
    """Raise DuckDB's exceptions as the `StoreError` that says what to do."""
    where = f"{path} ({operation})"
    try:
        yield
    except duckdb.FatalException as error:
        if _is_damage(error):
            raise _corrupt(error, where) from error
        raise StoreBroken(_line(error), where=where, hint="It is reopened by itself") from error
    except (duckdb.ConversionException, duckdb.ConstraintException) as error:
        raise RowsRefused(_line(error), where=where, hint="The rows go to the dead letters") from error
    except (duckdb.CatalogException, duckdb.BinderException, duckdb.ParserException) as error:
        raise StoreFault(
            _line(error),
            where=where,
            hint="The database was made by another version or changed by hand; readings stay in the journal",
        ) from error
    except duckdb.IOException as error:
        raise _io_error(error, path, where) from error
    except duckdb.ConnectionException as error:
        raise StoreBroken(_line(error), where=where, hint="It is reopened by itself") from error
    except duckdb.OutOfMemoryException as error:
        raise StoreUnavailable(
            "this needs more memory than the database may use",
            where=where,
            hint="Choose a shorter span or fewer tags; sensormon tries again to load by itself",
        ) from error
    except duckdb.TransactionException as error:
        raise StoreUnavailable(_line(error), where=where, hint=_hint(_line(error))) from error
    except duckdb.Error as error:
        if operation == "open" or _is_damage(error):
            raise _corrupt(error, where) from error
        raise StoreBroken(_line(error), where=where, hint="It is reopened by itself") from error


def _io_error(error: duckdb.Error, path: Path, where: str) -> StoreError:
    text = _line(error)
    if _is_damage(error):
        return _corrupt(error, where)
    known = ("lock", "Permission denied", "Read-only", "No space", "No such file", "Is a directory")
    if any(word in text for word in known) or not path.exists():
        return StoreUnavailable(text, where=where, hint=_hint(text))
    if "(open)" in where:
        return _corrupt(error, where)
    return StoreBroken(text, where=where, hint="It is reopened by itself")


def _is_damage(error: Exception) -> bool:
    """Whether DuckDB reports that the file is damaged; the kind of exception varies."""
    text = str(error)
    return "orrupt" in text or "checksum" in text or "Could not read enough bytes" in text


def _corrupt(error: Exception, where: str) -> StoreCorrupt:
    return StoreCorrupt(_line(error), where=where, hint="It is set aside and rebuilt from the journal")


def _hint(text: str) -> str:
    if "lock" in text:
        return "Another program has the database open; close it, loading resumes by itself"
    if "No space" in text:
        return "Free some space on this disk; loading resumes by itself"
    if "Permission denied" in text or "Read-only" in text:
        return "Make the file and its folder writable; loading resumes by itself"
    return "sensormon tries again to load by itself"


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:300].rstrip(".")
