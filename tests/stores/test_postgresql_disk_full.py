"""A PostgreSQL server whose disk is really full: readings wait in the journal, and people are told why."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from sensormon.bench.postgresql_server import own_home
from sensormon.model.clock import SECOND, ManualClock
from sensormon.model.settings import Settings
from sensormon.model.status import StoreState, WriteState
from sensormon.monitor.monitor import Monitor
from sensormon.monitor.offline import StoppedMonitor
from sensormon.monitor.verify import verify
from sensormon.view.status import alarms
from tests.support.plant import START, batch_of
from tests.support.postgresql import PostgreSQL, binaries
from tests.support.small_disk import fill, small_disk

READINGS = 500
"""Of a batch."""
TRIES = 40
LONGEST_WAIT = 31
"""Seconds after which a loader tries again in any case."""

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(binaries() is None, reason="no PostgreSQL server: apt-get install postgresql"),
]


@pytest.fixture
def disk() -> Iterator[Path]:
    """A file system of its own, of which an empty server takes 40 MB."""
    with tempfile.TemporaryDirectory(dir=own_home()) as name:
        Path(name).chmod(0o755)
        with small_disk(Path(name), 128) as mounted:
            yield mounted


@pytest.fixture
def server(disk: Path) -> Iterator[PostgreSQL]:
    """A server that syncs to this disk."""
    running = PostgreSQL(durable=True, home=disk)
    yield running
    running.stop()


class Plant:
    """A monitor on this server, and how many readings it has acknowledged."""

    def __init__(self, settings: Settings, server: PostgreSQL) -> None:
        self.settings = replace(settings, store=server.new_database(), source="none")
        self.clock = ManualClock(START)
        self.monitor = Monitor(self.settings, self.clock)
        self.acknowledged = 0

    def go_on(self) -> None:
        """Submit a batch, which must be acknowledged, and let the loader try what it does with it."""
        rows = [("fermenter_ph", 7 + 0.001 * (i % 50)) for i in range(READINGS)]
        self.monitor.submit(batch_of(*rows, at=START + self.acknowledged * SECOND))
        self.acknowledged += READINGS
        self.clock.advance(LONGEST_WAIT)
        self.monitor.drain()

    def assert_all_stored_once(self) -> None:
        """Without a person, once the server takes readings again."""
        self.clock.advance(LONGEST_WAIT)
        self.monitor.drain()
        status, total = self.monitor.status(), self.monitor.ledger.now().total
        assert (status.store.state, status.problems) == (StoreState.HEALTHY, ())
        assert (total.received, total.stored, total.difference) == (self.acknowledged, self.acknowledged, 0)
        recount = self.monitor.parts.store.ledger.recount()
        assert recount.rows == recount.distinct_ids == self.acknowledged
        self.monitor.stop()
        report = verify(StoppedMonitor(self.settings.data_dir, self.settings.store_url))
        assert report.findings == ()


def test_readings_wait_in_the_journal_until_there_is_space_again(
    disk: Path, server: PostgreSQL, settings: Settings
) -> None:
    plant = Plant(settings, server)
    plant.go_on()
    assert plant.monitor.status().store.state is StoreState.HEALTHY
    ballast = fill(disk)
    for _ in range(5):
        plant.go_on()
    status = plant.monitor.status()
    assert (status.store.state, status.writing) == (StoreState.RETRYING, WriteState.SPOOLING)
    (problem,) = status.problems
    assert "No space left on device" in problem
    assert "Free some space on the database server" in problem
    (alarm,) = alarms(status)
    assert alarm.startswith("Nothing reaches the database for ")
    assert "readings safe in the journal" in alarm
    assert problem.rstrip(".") in alarm
    assert server.process.poll() is None
    ballast.unlink()
    plant.assert_all_stored_once()


def test_a_server_that_stops_because_its_log_has_no_space_is_waited_for(
    disk: Path, server: PostgreSQL, settings: Settings
) -> None:
    plant = Plant(settings, server)
    plant.go_on()
    ballast = fill(disk)
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute("SELECT pg_switch_wal()")  # its log needs a new file now, as any will in the end
    for _ in range(TRIES):
        plant.go_on()
        if server.process.poll() is not None:
            break
    assert server.process.wait(30) == 1, "it stops when it cannot recover either"
    with pytest.raises(TimeoutError, match="No space left on device"):
        server.start()
    plant.go_on()
    (problem,) = plant.monitor.status().problems
    assert (
        "Connection refused. If the server has stopped, its log says why, and it must be started" in problem
    )
    assert "It began with: could not" in problem
    assert problem.endswith("No space left on device")
    ballast.unlink()
    server.start()
    plant.assert_all_stored_once()
