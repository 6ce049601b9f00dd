"""A plant's worth of nodes, and a monitor that is killed; these take a while."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable

import pytest

from sensormon.model.clock import SystemClock
from sensormon.model.settings import Settings
from tests.support.bus import wait_until
from tests.support.opcua_line import LONGEST, Line, source_text
from tests.support.opcua_plant import OpcUaPlant, Relay
from tests.support.server import ROOT

pytestmark = pytest.mark.long
StartPlant = Callable[..., OpcUaPlant]


def test_a_thousand_nodes_at_one_hertz_lose_nothing_in_an_outage(
    start_plant: StartPlant, start_relay: Callable[[int], Relay], start_line: Callable[[str], Line]
) -> None:
    plant = start_plant(nodes=1_000)
    relay = start_relay(plant.plant.port)
    line = start_line(source_text(f"opc.tcp://127.0.0.1:{relay.port}/plant", 1_000))
    line.until(lambda health: health.stored == 1_000)
    changing = threading.Thread(target=plant.do, kwargs={"do": "run", "hertz": 1.0, "seconds": 12.0})
    changing.start()
    line.until(lambda health: health.stored >= 3_000)
    relay.cut()
    line.until(lambda health: health.link == "waiting")
    relay.open()
    changing.join()
    health = line.until(lambda health: health.stored >= 13_000)
    assert (health.stored, health.gaps, health.refused) == (13_000, 0, 0)
    assert line.values("tag_999") == [float(value) for value in range(1, 13)]


def test_a_monitor_that_is_killed_loses_and_doubles_nothing(
    start_plant: StartPlant, settings: Settings
) -> None:
    plant = start_plant(nodes=20)
    settings.data_dir.mkdir(parents=True)
    (settings.data_dir / "sources.toml").write_text(source_text(plant.plant.url, 20), encoding="utf-8")
    environment = os.environ | {
        "SENSORMON_DATA_DIR": str(settings.data_dir),
        "SENSORMON_TAGS": str(settings.tags),
        "SENSORMON_SOURCE": "none",
    }
    written = 0
    for _ in range(3):
        monitor = subprocess.Popen([sys.executable, "-m", "sensormon", "collect"], cwd=ROOT, env=environment)
        try:
            wait_until(lambda: plant.do(do="waiting") == 0, 2 * LONGEST)
            base = _now() - 60_000_000
            for turn in range(40):
                rows = [(f"n{node}", base + turn * 1000, float(written), 0) for node in range(20)]
                plant.write(*rows)
                written += 1
        finally:
            monitor.kill()  # whatever it is doing
            monitor.wait()
    line = Line(settings, source_text(plant.plant.url, 20))
    try:
        line.connected()
        write_last = [(f"n{node}", _now(), float(written), 0) for node in range(20)]
        plant.write(*write_last)
        written += 1
        wait_until(lambda: line.values("tag_19")[-1:] == [float(written - 1)], LONGEST)
        for tag in range(20):
            assert line.values(f"tag_{tag}") == [float(value) for value in range(written)]
        assert line.health().gaps == 0
    finally:
        line.close()


def _now() -> int:
    return SystemClock().now() // 1000 * 1000
