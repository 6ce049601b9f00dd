"""PostgreSQL fails while devices publish: no reading is lost, doubled or out of order."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sensormon.model.settings import Settings
from tests.support.bus import wait_until
from tests.support.bus_plant import Plant
from tests.support.nats import Nats
from tests.support.postgresql import PostgreSQL, binaries

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(binaries() is None, reason="no PostgreSQL server: apt-get install postgresql"),
]

COUNT = 2_000
AWAY = 0.5
HANGS = 8.0
"""Seconds; longer than a worker may be silent in a transaction, and than JetStream waits for an
acknowledgement."""


@pytest.fixture
def database() -> Iterator[PostgreSQL]:
    """A server of this test alone, which syncs to disk."""
    server = PostgreSQL(durable=True)
    yield server
    server.stop()


@pytest.fixture
def plant(bus: Nats, database: PostgreSQL, settings: Settings, tmp_path: Path) -> Iterator[Plant]:
    running = Plant(bus, database.new_database(), settings, tmp_path, COUNT)
    yield running
    running.stop()


def _kill(database: PostgreSQL) -> None:
    database.kill()
    time.sleep(AWAY)
    database.start()


def _restart(database: PostgreSQL) -> None:
    database.halt()
    time.sleep(AWAY)
    database.start()


def _hang(database: PostgreSQL) -> None:
    with database.hanging():
        time.sleep(HANGS)


@pytest.mark.parametrize(("fault", "times"), [(_kill, 2), (_restart, 1), (_hang, 1)])
def test_every_reading_published_meanwhile_is_stored_once(
    plant: Plant, database: PostgreSQL, fault: Callable[[PostgreSQL], None], times: int
) -> None:
    plant.worker("a")
    plant.worker("b")
    devices = plant.publish()
    for _ in range(times):
        before = plant.stored()
        fault(database)
        wait_until(lambda least=before: plant.stored() > least, 40)
    plant.check(devices)
