"""A database file that cannot be written: readings wait in the journal until it can."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sensormon.model.clock import SECOND, ManualClock
from sensormon.model.settings import Settings
from sensormon.model.status import StoreState, WriteState
from sensormon.monitor.monitor import Monitor
from sensormon.monitor.offline import StoppedMonitor
from sensormon.monitor.verify import verify
from tests.support.plant import START, batch_of


@pytest.fixture
def freeze() -> Iterator[Callable[[Path], Callable[[], None]]]:
    """Makes a file read-only, even for root, by a mount of its own; returns the function that undoes it."""
    frozen: list[Path] = []

    def thaw() -> None:
        for path in frozen:
            subprocess.run(["umount", "-l", str(path)], check=True)
        frozen.clear()

    def make(path: Path) -> Callable[[], None]:
        bound = subprocess.run(["mount", "--bind", str(path), str(path)], capture_output=True, check=False)
        if bound.returncode:
            pytest.skip(f"nothing can be mounted here: {bound.stderr.decode().strip()}")
        frozen.append(path)
        subprocess.run(["mount", "-o", "remount,bind,ro", str(path)], check=True)
        return thaw

    yield make
    thaw()


def submit(monitor: Monitor, clock: ManualClock, count: int) -> None:
    for _ in range(count):
        clock.advance(1)
        at = clock.now()
        monitor.submit(batch_of(("fermenter_ph", 7 + (at // SECOND % 50) / 1000), at=at))


def test_readings_wait_while_the_database_is_read_only(
    settings: Settings, freeze: Callable[[Path], Callable[[], None]]
) -> None:
    clock = ManualClock(START)
    monitor = Monitor(settings, clock)
    submit(monitor, clock, 20)
    monitor.drain()
    monitor.stop()
    thaw = freeze(Path(settings.store_url))
    monitor = Monitor(settings, clock)
    submit(monitor, clock, 20)
    monitor.drain()
    status = monitor.status()
    assert status.store.state is StoreState.RETRYING
    assert status.writing is WriteState.SPOOLING
    assert "read" in status.store.problem.lower()
    assert monitor.ledger.now().total.received >= 20
    thaw()
    clock.advance(31)
    monitor.drain()
    assert monitor.status().writing is WriteState.HEALTHY
    total = monitor.ledger.now().total
    assert (total.received, total.stored, total.difference) == (40, 40, 0)
    monitor.stop()
    assert verify(StoppedMonitor(settings.data_dir, settings.store_url)).findings == ()
