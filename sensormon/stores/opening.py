"""Which store a setting names."""

from __future__ import annotations

from pathlib import Path

from sensormon.model.errors import UsageError
from sensormon.stores.duckdb_store import DuckDBStore
from sensormon.stores.protocol import Store


def open_store(url: str, *, read_only: bool = False) -> Store:
    """The store that this path or URL names; not connected yet. `read_only`: it is not written."""
    if url.startswith(("postgresql://", "postgres://")):
        raise UsageError(
            "PostgreSQL is not supported by this version",
            where="SENSORMON_STORE",
            hint="Leave it unset to use DuckDB in the data folder",
        )
    return DuckDBStore(Path(url), read_only=read_only)
