"""DuckDB takes a bounded part of the memory, and a query that needs more is an error, not an end."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from sensormon.model.entries import Record
from sensormon.model.errors import StoreUnavailable
from sensormon.stores import duckdb_memory
from sensormon.stores.duckdb_database import Database
from sensormon.stores.opening import open_store


def written(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_the_usable_memory_is_that_of_the_tightest_control_group(tmp_path: Path) -> None:
    groups, membership = tmp_path / "cgroup", tmp_path / "self"
    whole = duckdb_memory.usable_memory(groups, membership)
    assert whole > 1 << 20, "without any group it is the machine's"
    written(membership, "0::/system.slice/sensormon.service\n")
    written(groups / "system.slice" / "memory.max", "max\n")
    assert duckdb_memory.usable_memory(groups, membership) == whole
    written(groups / "system.slice" / "sensormon.service" / "memory.max", f"{700_000}\n")
    assert duckdb_memory.usable_memory(groups, membership) == 700_000
    written(groups / "memory.max", "600000\n")  # a container sees its own group as the root
    assert duckdb_memory.usable_memory(groups, membership) == 600_000


def test_control_groups_of_version_1_count_too(tmp_path: Path) -> None:
    groups, membership = tmp_path / "cgroup", tmp_path / "self"
    written(membership, "9:cpu,cpuacct:/a\n4:memory:/docker/b\n")
    written(groups / "memory" / "docker" / "b" / "memory.limit_in_bytes", "500000\n")
    assert duckdb_memory.usable_memory(groups, membership) == 500_000


def test_a_database_is_opened_with_these_limits(tmp_path: Path) -> None:
    database = Database(tmp_path / "store.duckdb", read_only=False)
    database.open()
    settings = ("memory_limit", "temp_directory", "max_temp_directory_size")
    (row,) = database.rows("SELECT " + ", ".join(f"current_setting('{name}')" for name in settings))
    assert row[0] in ("244.1 MiB", "256.0 MB") or duckdb_memory.usable_memory() < 8 * duckdb_memory.MOST
    assert row[1] == str(tmp_path / "store.duckdb.tmp")
    assert row[2].endswith(("GiB", "MiB"))
    database.close()


def test_a_query_that_needs_too_much_is_one_line_and_the_store_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, records: Callable[..., list[Record]]
) -> None:
    limits = {"memory_limit": "32MB", "max_temp_directory_size": "1MB"}
    monkeypatch.setattr(duckdb_memory, "config", lambda _: limits)
    path = tmp_path / "store.duckdb"
    store, database = open_store(str(path)), Database(path, read_only=False)
    database.open()
    with pytest.raises(StoreUnavailable, match="more memory than the database may use") as refused:
        database.rows("SELECT count(DISTINCT hash(i)) FROM range(20_000_000) AS t(i)")
    assert "\n" not in str(refused.value)
    assert database.rows("SELECT 1") == [(1,)]
    store.open()
    store.load("w", records(3, 1_000))
    store.checkpoint()
    assert store.readings.count(None, 0, 10**17) == 3_000
    store.close()
    database.close()


def test_what_a_loader_that_is_behind_stores_does_not_pile_up_in_memory(
    tmp_path: Path, records: Callable[..., list[Record]]
) -> None:
    path = tmp_path / "store.duckdb"
    store, database = open_store(str(path)), Database(path, read_only=False)
    database.open()
    store.open()
    for record in records(10, 20_000):
        store.load("w", [record])
    ((held,),) = database.rows(
        "SELECT sum(memory_usage_bytes) FROM duckdb_memory() WHERE tag = 'IN_MEMORY_TABLE'"
    )
    assert held < 30_000_000
    assert store.readings.count(None, 0, 10**17) == 200_000
    store.close()
    database.close()
