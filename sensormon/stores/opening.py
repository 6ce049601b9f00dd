"""Which store a setting names."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

from sensormon.model.settings import POSTGRESQL
from sensormon.stores.duckdb_store import DuckDBStore
from sensormon.stores.protocol import Store


def open_store(url: str, *, read_only: bool = False) -> Store:
    """The store that this path or URL names; not connected yet. `read_only`: it is not written."""
    if url.startswith(POSTGRESQL):
        # Its library takes a tenth of a second and 13 MB, which a monitor with a file does not need.
        module = import_module("sensormon.stores.postgresql_store")
        store: Store = module.PostgreSQLStore(url, read_only=read_only)
        return store
    return DuckDBStore(Path(url), read_only=read_only)


@contextmanager
def opened_to_read(url: str) -> Iterator[Store | None]:
    """The store that this path or URL names, open for reading; None if there is no database (yet).

    Raises StoreError if there is one that cannot be read.
    """
    if "://" not in url and not Path(url).exists():
        yield None
        return
    store = open_store(url, read_only=True)
    store.open()
    try:
        yield store
    finally:
        store.close()
