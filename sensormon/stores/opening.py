"""Which store a setting names."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

from sensormon.model.durable_files import sync_folder
from sensormon.model.errors import StoreUnavailable
from sensormon.model.settings import POSTGRESQL
from sensormon.stores.duckdb_database import wal
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


UNFINISHED_FILE = ".copying"
"""What the name of a file ends in while a history is being copied into it."""


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


@contextmanager
def opened_to_fill(url: str) -> Iterator[tuple[Store, Callable[[], None]]]:
    """The store that this path or URL names, open for a copy (`Store.tables`), and what ends it.

    That is to be called once the copy is finished. A file has another name until then, so that nobody opens
    half a history; one that has its own name already is open for reading only. Raises StoreError.
    """
    if url.startswith(POSTGRESQL):
        store: Store = import_module("sensormon.stores.postgresql_store").PostgreSQLStore(url, filling=True)
        part = path = None
    else:
        path = Path(url)
        part = path.with_name(path.name + UNFINISHED_FILE)
        store = DuckDBStore(path, read_only=True) if path.exists() else DuckDBStore(part)
    store.open()

    def put_in_place() -> None:
        store.close()
        if path is not None and part is not None and part.exists():
            _rename(part, path)

    try:
        yield store, put_in_place
    finally:
        store.close()


def _rename(part: Path, path: Path) -> None:
    """Give a finished file its name. Raises StoreUnavailable if that is taken."""
    if path.exists() or (wal(part).exists() and wal(part).stat().st_size):
        raise StoreUnavailable(
            "somebody else has made a database here meanwhile, or still uses the copy",
            where=str(path),
            hint=f"The copy is {part.name}; stop what uses the folder, and run that again",
        )
    part.rename(path)
    sync_folder(path.parent)
