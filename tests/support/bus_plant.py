"""A plant on a bus: a database, workers as processes of their own, and devices that publish."""

from __future__ import annotations

import logging
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from sensormon.model.clock import SECOND
from sensormon.model.errors import StoreError
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
from tests.support.nats import Nats

_log = logging.getLogger(__name__)

RATE = 200.0
COUNT = 4_000
AT_MOST = 40_000
"""Readings that the devices have: more than they publish while a test waits on a busy machine."""
_FOREVER = 1 << 52


class Plant:
    """See the module. The devices publish `RATE` readings a second until the check, at least `count`."""

    def __init__(
        self, bus: Nats, database: str, settings: Settings, folder: Path, count: int = COUNT
    ) -> None:
        self.bus = bus
        self._count = count
        self._database = database
        self._folder = folder
        self._settings = replace(settings, tags=tag_table(folder))
        self.workers: list[WorkerProcess] = []
        self.store: Store = open_store(database)
        self.store.open()
        self._rows = some_rows(AT_MOST)
        self._at = time.time_ns() // 1000 // SECOND * SECOND - 2 * AT_MOST * SECOND

    def worker(self, name: str) -> WorkerProcess:
        """Start a worker."""
        tags = self._settings.tags
        self.workers.append(WorkerProcess(name, self.bus, self._database, tags, self._folder))
        return self.workers[-1]

    def stored(self) -> int:
        """How many readings are stored, as far as the database says now."""
        with suppress(StoreError):
            return sum(self.store.ledger.accounts().stored.values())
        return -1

    def publish(self) -> Devices:
        """Let the devices begin; returns once the workers have some of it."""
        wait_until(lambda: "error" not in self.bus.ask("STREAM.INFO.sensormon"), 60)
        devices = Devices(self.bus, self._rows, self._at, RATE, self._count)
        wait_until(lambda: self.stored() >= self._count // 10, 60)
        return devices

    def positions(self) -> dict[str, int]:
        return dict(self.store.ledger.accounts().positions)

    def moves_on(self, since: dict[str, int]) -> float:
        """How long it takes until every partition that was in use is stored further (s)."""
        used = [writer for writer, number in since.items() if writer.startswith("partition-") and number]
        return wait_until(lambda: all(self.positions()[writer] > since[writer] for writer in used), 40)

    def check(self, devices: Devices) -> None:
        """Once all is published and stored: each reading once, in order, judged as by one process."""
        devices.enough()
        devices.join(120)
        rows = self._rows[: devices.published]
        wait_until(lambda: self.stored() >= len(rows), 60)
        wait_until(lambda: self.bus.ask("STREAM.INFO.sensormon")["state"]["messages"] == 0, 30)
        frame = self.store.readings.frame(None, 0, _FOREVER)
        distinct = len(frame.drop_duplicates(["tag", "time"]))
        _log.info(
            "published %d, stored %d, lost %d, doubled %d",
            devices.published,
            len(frame),
            devices.published - distinct,
            len(frame) - distinct,
        )
        assert_stored_as_by_one_process(self.store, rows, self._at, self._settings, self._folder)

    def stop(self) -> None:
        self.store.close()
        for worker in self.workers:
            worker.stop()
