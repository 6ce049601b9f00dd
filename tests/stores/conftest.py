"""The stores that the contract tests run on; listing a new one here is enough to test it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sensormon.stores.opening import open_store
from sensormon.stores.protocol import Store
from tests.support.postgresql import PostgreSQL

STORES = ("duckdb", "postgresql")
"""The names of all stores; for each of them `new_store` makes an empty one."""


@pytest.fixture(params=STORES)
def new_store(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Store]:
    """Makes an empty store, not opened yet."""
    if request.param == "duckdb":
        return lambda: open_store(str(tmp_path / "store.duckdb"))
    server: PostgreSQL = request.getfixturevalue("postgresql")
    return lambda: open_store(server.new_database())


@pytest.fixture
def store(new_store: Callable[[], Store]) -> Iterator[Store]:
    """An empty store, opened."""
    opened = new_store()
    opened.open()
    yield opened
    opened.close()
