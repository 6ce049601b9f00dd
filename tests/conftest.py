"""Fixtures for all tests: a manual clock, a small tag table, batches, monitors in a temporary folder."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import hypothesis
import numpy as np
import pytest

from sensormon.api import Api, make_api
from sensormon.model.clock import SECOND, ManualClock
from sensormon.model.entries import BatchEntry, DetectorSettings, Record
from sensormon.model.readings import Processed
from sensormon.model.settings import Settings
from sensormon.model.tags import Tag, TagTable
from sensormon.monitor import runtime
from sensormon.monitor.monitor import Monitor
from tests.support.api import TOKEN, Start
from tests.support.longest_files import place
from tests.support.plant import START, Adopt, batch_of, own_table
from tests.support.postgresql import PostgreSQL, binaries

hypothesis.settings.register_profile("unhurried", deadline=None)  # test machines are busy
hypothesis.settings.load_profile("unhurried")

REPOSITORY_TABLE = Settings().tags


def _refuse_to_replace_the_repositorys_table(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "os.rename" and os.fspath(arguments[1]) == str(REPOSITORY_TABLE):
        raise AssertionError(
            f"a test writes into {REPOSITORY_TABLE}; give it SENSORMON_TAGS or Settings(tags=…)"
        )


sys.addaudithook(_refuse_to_replace_the_repositorys_table)

collect_ignore = ["support/busy_app.py", "support/lines_app.py"]  # apps: importing one starts a monitor


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that take long come first, each still in one piece; the Makefile keeps xdist to this order."""
    items.sort(key=lambda item: place(item.nodeid))


@pytest.fixture(scope="session", autouse=True)
def repositorys_table(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Commands and servers of tests get a copy of the tag table; the repository's is the same at the end."""
    before = REPOSITORY_TABLE.read_bytes()
    copy = shutil.copy(REPOSITORY_TABLE, tmp_path_factory.mktemp("tags"))
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("SENSORMON_TAGS", str(copy))
        yield
    assert REPOSITORY_TABLE.read_bytes() == before, "tests have changed the repository's tag table"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START)


@pytest.fixture
def tags() -> TagTable:
    return TagTable(
        [
            Tag(
                "temp",
                "Temperature",
                "°C",
                valid=(0.0, 100.0),
                normal=(35.0, 40.0),
                noise=0.1,
                resolution=0.01,
            ),
            Tag("ph", "pH value", "pH", valid=(5.0, 9.0), normal=(6.5, 7.5), noise=0.02, resolution=0.01),
        ]
    )


@pytest.fixture
def detection() -> DetectorSettings:
    params = {"window": 50, "threshold": 3.0}
    return DetectorSettings(1, START, "environment", "zscore", params, params)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data", source="none", tags=own_table(tmp_path))


@pytest.fixture
def processed(tags: TagTable, detection: DetectorSettings) -> Callable[..., Processed]:
    """Makes a processed batch of `count` readings of one tag; each call continues the previous one."""
    from sensormon.ingest.pipeline import Pipeline

    pipeline = Pipeline(tags, detection)
    rows = 0

    def make(count: int = 3, source: str = "test") -> Processed:
        nonlocal rows
        rng = np.random.default_rng(rows)
        at = START + rows * SECOND
        rows += count
        values = [("temp", round(float(value), 2)) for value in rng.normal(37, 0.1, count)]
        return pipeline.process(batch_of(*values, at=at, source=source))

    return make


@pytest.fixture
def records(processed: Callable[..., Processed]) -> Callable[[int, int], list[Record]]:
    """Makes `count` numbered journal records of `rows` readings each, as in one journal."""

    def make(count: int, rows: int = 3, first: int = 1) -> list[Record]:
        records, next_id, received = [], 1 + (first - 1) * rows, (first - 1) * rows
        for number in range(first, first + count):
            batch = processed(rows)
            received += batch.received
            records.append(Record(number, BatchEntry(next_id, {"test": received}, batch)))
            next_id += len(batch.accepted)
        return records

    return make


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    """A server that all tests share, each in a database of its own."""
    if binaries() is None:
        pytest.skip("no PostgreSQL server is installed: apt-get install postgresql")
    server = PostgreSQL()
    yield server
    server.stop()


@pytest.fixture
def adopt() -> Iterator[Adopt]:
    """Makes a monitor the one that pages use; it is stopped after the test."""

    def take(monitor: Monitor) -> Monitor:
        runtime.adopt(monitor)
        return monitor

    yield take
    runtime.stop()


@pytest.fixture
def start(settings: Settings) -> Iterator[Start]:
    """Starts a monitor with its API on the folder of the test; a second call restarts it."""
    running: list[Monitor] = []

    def begin(**changes: Any) -> tuple[Monitor, Api]:
        if running:
            running.pop().stop()
        monitor = Monitor(replace(settings, **{"token": TOKEN, **changes}))
        running.append(monitor)
        monitor.start()
        return monitor, make_api(lambda: monitor)

    yield begin
    for monitor in running:
        monitor.stop()


@pytest.fixture
def full(settings: Settings, adopt: Adopt) -> Monitor:
    """A monitor of the simulated plant after its first start, with all readings stored."""
    monitor = adopt(Monitor(replace(settings, source="simulator"), ManualClock(START)))
    monitor.source.backfill()
    monitor.drain()
    return monitor
