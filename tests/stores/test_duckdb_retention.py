"""DuckDB alone: a roll-up that is interrupted at any statement."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from sensormon.model.clock import DAY, SECOND
from sensormon.stores.opening import open_store
from tests.support.rollups import FAR, FIRST, Loading, check_ledger, roll


def test_interrupted_roll_up_leaves_the_day_unchanged(tmp_path: Path) -> None:
    path = tmp_path / "store.duckdb"
    store = open_store(str(path))
    store.open()
    loading = Loading(store)
    loading.load([("a", FIRST + i * SECOND, float(i), 0, i == 9) for i in range(120)])
    loading.load([("a", FIRST + DAY, 0.0, 0, False)])
    (due, *_) = store.retention.due(FIRST + DAY, 1)
    from sensormon.stores.duckdb_retention import roll_up

    for part in range(7):  # let this many statements pass, then fail the transaction
        with pytest.raises(RuntimeError), store._database.transaction("cut off") as cursor:
            roll_up(Failing(cursor, part), due)
        assert len(store.readings.frame(None, 0, FAR)) == 121
        assert store.retention.rollups(None, 0, FAR).empty
        check_ledger(store, loading)
    store.close()
    store.open()
    assert roll(store, FIRST + DAY) == 119
    check_ledger(store, loading)
    store.close()


class Failing:
    """A cursor that fails after this many calls."""

    def __init__(self, cursor: duckdb.DuckDBPyConnection, calls: int) -> None:
        self._cursor, self._left = cursor, calls

    def __getattr__(self, name: str) -> Callable[..., object]:
        self._left -= 1
        if self._left < 0:
            raise RuntimeError(name)
        attribute: Callable[..., object] = getattr(self._cursor, name)
        return attribute
