"""A monitor whose readings go to PostgreSQL: the setting alone changes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sensormon.model.clock import ManualClock
from sensormon.model.settings import Settings
from sensormon.monitor.monitor import Monitor
from sensormon.monitor.offline import StoppedMonitor
from sensormon.monitor.verify import verify
from tests.support.plant import START, batch_of
from tests.support.postgresql import PostgreSQL


@pytest.fixture
def on_server(settings: Settings, postgresql: PostgreSQL) -> Settings:
    return replace(settings, store=postgresql.new_database())


def test_readings_are_stored_found_again_and_verified(on_server: Settings, clock: ManualClock) -> None:
    monitor = Monitor(on_server, clock)
    monitor.submit(batch_of(*(("fermenter_ph", 7.0 + i % 3 / 100) for i in range(200)), seconds=-1.0))
    monitor.drain()
    assert monitor.ledger.now().total.stored == 200
    assert monitor.status().store.name == "PostgreSQL"
    assert monitor.parts.store.readings.count(None, 0, START + 1) == 200
    monitor.stop()
    assert not list(on_server.data_dir.glob("*.duckdb*"))
    report = verify(StoppedMonitor(on_server.data_dir, on_server.store_url))
    assert not report.findings
    assert not report.unchecked
    again = Monitor(on_server, clock)
    again.submit(batch_of(("fermenter_ph", 7.0), at=START + 1))
    again.drain()
    assert again.ledger.now().total.stored == 201
    assert again.ledger.now().total.difference == 0
    again.stop()


def test_sizes_count_the_server_apart(on_server: Settings, clock: ManualClock) -> None:
    monitor = Monitor(on_server, clock)
    monitor.submit(batch_of(("fermenter_ph", 7.0)))
    monitor.drain()
    sizes = monitor.disk_usage.measure()
    assert sizes.elsewhere > 1_000_000
    assert sizes.database == sizes.wal == 0
    assert sizes.whole == sum(path.stat().st_size for path in on_server.data_dir.rglob("*") if path.is_file())
    monitor.stop()
