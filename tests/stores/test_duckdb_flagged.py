"""The table of flagged readings of a DuckDB store, in files that were changed without it."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from sensormon.model.clock import DAY
from sensormon.stores.opening import open_store
from tests.support.changes import Changes
from tests.support.plant import START

FAR = START + 1000 * DAY


def test_a_table_that_differs_from_the_readings_is_reported_and_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "store.duckdb"
    store = open_store(str(path))
    store.open()
    changes = Changes(store, 7)
    for _ in range(4):
        changes.load()
    store.summarise(least=1)
    assert not store.ledger.recount().flags_differ
    store.close()
    with duckdb.connect(str(path)) as connection:  # as an earlier version would, which does not know it
        connection.execute("DELETE FROM readings WHERE id = (SELECT max(id) FROM readings WHERE is_anomaly)")
    store.open()
    assert store.ledger.recount().flags_differ
    store.summarise(least=1)
    assert not store.ledger.recount().flags_differ
    rows = store.readings.frame(None, 0, FAR)
    assert sorted(store.readings.anomalies(None, 0, FAR)["id"]) == rows[rows["is_anomaly"]]["id"].tolist()
    store.close()


def test_a_file_from_before_the_table_gets_it_in_pieces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sensormon.stores.duckdb_flagged.PIECE", 5)
    path = tmp_path / "store.duckdb"
    store = open_store(str(path))
    store.open()
    changes = Changes(store, 7)
    for _ in range(6):
        changes.load()
    store.close()
    with duckdb.connect(str(path)) as connection:
        connection.execute("DROP TABLE flagged")
        connection.execute("DROP TABLE flagged_until")
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
        assert connection.execute("SELECT count(*) FROM flagged").fetchall() == [(len(expected),)]
