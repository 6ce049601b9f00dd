"""A disk that is really full, for the journal and for the database."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from sensormon.model.clock import SECOND, ManualClock
from sensormon.model.errors import JournalFull
from sensormon.model.settings import Settings
from sensormon.model.status import SourceState, StoreState
from sensormon.monitor.monitor import Monitor
from sensormon.monitor.offline import StoppedMonitor
from sensormon.monitor.verify import verify
from tests.support.plant import START, batch_of
from tests.support.small_disk import fill, small_disk


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own with 6 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    with small_disk(folder, 6) as disk:
        yield disk


def submit(monitor: Monitor, count: int, first: int) -> int:
    """Submit readings one by one; returns how many were acknowledged before the first refusal."""
    for i in range(first, first + count):
        try:
            monitor.submit(batch_of(("fermenter_ph", 7 + 0.001 * (i % 50)), at=START + i * SECOND))
        except JournalFull:
            return i - first
    return count


def test_full_journal_disk_refuses_readings_and_loses_none(disk: Path, settings: Settings) -> None:
    settings = replace(settings, data_dir=disk / "data", store=str(disk.parent / "store.duckdb"))
    clock = ManualClock(START)
    monitor = Monitor(settings, clock)
    assert submit(monitor, 50, 0) == 50
    ballast = fill(disk)
    taken = submit(monitor, 20_000, 50)
    assert taken < 20_000
    status = monitor.status()
    assert "no space left" in status.source.problem
    assert status.source.state in (SourceState.REFUSING, SourceState.STARTING)
    assert monitor.ledger.now().total.received == 50 + taken, "a refused reading was counted as received"
    ballast.unlink()
    assert submit(monitor, 30, 50 + taken) == 30, "the refused reading itself is taken when it comes again"
    assert monitor.status().source.problem == ""
    monitor.drain()
    monitor.stop()
    report = verify(StoppedMonitor(settings.data_dir, settings.store_url))
    assert report.findings == ()
    assert report.ledger is not None
    assert report.ledger.total.stored == 80 + taken


def test_full_database_disk_keeps_readings_in_the_journal(disk: Path, settings: Settings) -> None:
    settings = replace(settings, store=str(disk / "store.duckdb"))
    clock = ManualClock(START)
    monitor = Monitor(settings, clock)
    submit(monitor, 50, 0)
    monitor.drain()
    ballast = fill(disk)
    for i in range(12):
        submit(monitor, 50, 50 + 50 * i)
        clock.advance(31)
        monitor.drain()
    status = monitor.status()
    assert status.store.state is StoreState.RETRYING
    assert "space" in status.store.problem.lower()
    assert monitor.ledger.now().balanced
    ballast.unlink()
    for _ in range(3):
        clock.advance(31)
        monitor.drain()
    assert monitor.ledger.now().total.stored == 650
    monitor.stop()
    assert verify(StoppedMonitor(settings.data_dir, settings.store_url)).findings == ()
