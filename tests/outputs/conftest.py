"""A monitor that runs with outputs, and a real broker."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sensormon.model.clock import SystemClock
from sensormon.model.settings import Settings
from sensormon.monitor.monitor import Monitor
from sensormon.outputs import outputs
from tests.support.mosquitto import Mosquitto, binary
from tests.support.plant import own_table

Start = Callable[[str], Monitor]


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    if binary() is None:
        pytest.skip("no Mosquitto: apt-get install mosquitto")
    running = Mosquitto(tmp_path / "broker")
    yield running
    running.close()


@pytest.fixture
def plant(tmp_path: Path) -> Settings:
    """A data folder without a source."""
    folder = tmp_path / "plant"
    folder.mkdir()
    return Settings(data_dir=folder, source="none", tags=own_table(tmp_path))


@pytest.fixture
def start(plant: Settings) -> Iterator[Start]:
    """Starts a monitor with this outputs.toml; a second call ends the one before."""
    running: list[Monitor] = []

    def go(text: str) -> Monitor:
        while running:
            running.pop().stop()
        plant.outputs_file.write_text(text)
        monitor = Monitor(plant, SystemClock())
        outputs.accompany(monitor)
        monitor.start()
        running.append(monitor)
        return monitor

    yield go
    while running:
        running.pop().stop()
