"""The stores that the contract tests run on; listing a new one here is enough to test it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sensormon.stores.opening import open_store
from sensormon.stores.protocol import Store

STORES: dict[str, Callable[[Path], Store]] = {
    "duckdb": lambda folder: open_store(str(folder / "store.duckdb")),
}
"""By name, how to make an empty one, not opened yet, in a folder of its own."""


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """An empty store, opened."""
    opened = STORES[request.param](tmp_path)
    opened.open()
    yield opened
    opened.close()
