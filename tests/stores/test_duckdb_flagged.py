"""The table of flagged readings of a DuckDB store, in files that were changed without it, and far ids."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from sensormon.model.clock import DAY
from sensormon.stores.opening import open_store
from tests.support.changes import Changes
from tests.support.plant import START

FAR = START + 1000 * DAY


def test_flagged_readings_removed_by_an_earlier_version_are_gone_at_the_next_start(tmp_path: Path) -> None:
    path = tmp_path / "store.duckdb"
    store = open_store(str(path))
    store.open()
    changes = Changes(store, 7)
    for _ in range(4):
        changes.load()
    store.summarise(least=1)
    store.close()
    with duckdb.connect(str(path)) as connection:  # as an earlier version would
        connection.execute("DELETE FROM readings WHERE id = (SELECT max(id) FROM readings WHERE is_anomaly)")
    store.open()
    for _ in range(2):
        rows = store.readings.frame(None, 0, FAR)
        expected = rows[rows["is_anomaly"]]["id"].tolist()
        assert sorted(store.readings.anomalies(None, 0, FAR)["id"]) == expected
        store.summarise(least=1)
    store.close()


def test_ids_that_leave_out_millions_are_summarised_at_once(tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "store.duckdb"))
    store.open()
    changes = Changes(store, 7)
    changes.load()
    changes.skip(10**15)
    changes.load()
    store.summarise(least=1)
    store.summarise(least=1)
    assert not store.summarise(least=1)
    assert store.check_summary() == 0
    assert store.readings.count(None, 0, FAR) == len(store.readings.frame(None, 0, FAR))
    store.close()


def test_a_file_from_before_the_table_gets_it_in_pieces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sensormon.stores.duckdb_summary.PIECE", 5)
    path = tmp_path / "store.duckdb"
    store = open_store(str(path))
    store.open()
    changes = Changes(store, 7)
    for _ in range(6):
        changes.load()
    store.close()
    with duckdb.connect(str(path)) as connection:
        for table in ("minutes", "marked", "summarised"):
            connection.execute(f"DROP TABLE {table}")
    older = open_store(str(path), read_only=True)
    older.open()
    expected = older.readings.anomalies(None, 0, FAR)["id"].tolist()
    older.close()
    assert expected
    store.open()
    for _ in range(10):
        assert store.readings.anomalies(None, 0, FAR)["id"].tolist() == expected
        store.summarise(least=1)
    store.close()
    with duckdb.connect(str(path)) as connection:
        assert connection.execute("SELECT count(*) FROM marked WHERE is_anomaly").fetchall() == [
            (len(expected),)
        ]
