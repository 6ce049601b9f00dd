"""From an edge node to the store: what is stored is what was measured, also when the monitor is killed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from sensormon.intake import named_sources
from sensormon.model.clock import SECOND, SystemClock
from sensormon.model.settings import ROOT, Settings
from sensormon.monitor.monitor import Monitor
from sensormon.sources.sparkplug import source
from sensormon.sources.sparkplug.payload import DataType
from tests.support.edge_node import EdgeNode, Initial
from tests.support.mosquitto import Mosquitto
from tests.support.mqtt_listener import until

DEVICES: Mapping[str, Initial] = {
    "pump": {"Speed": (DataType.INT32, -1), "Step": (DataType.STRING, "CIP"), "On": (DataType.BOOLEAN, True)}
}
BEGAN = SystemClock().now() // SECOND * SECOND - 3_600 * SECOND


def sources(broker: Mosquitto) -> str:
    return f'[sources.line]\nkind = "sparkplug"\nurl = "{broker.url}"\ngroup = "plant"\n'


@pytest.fixture
def plain(settings: Settings, tmp_path: Path) -> Settings:
    """Settings with a table of one tag that nobody sends."""
    tags = tmp_path / "plain.toml"
    tags.write_text("[tags.known]\nvalid = [0, 100]\n")
    return replace(settings, tags=tags, source="none", data_dir=tmp_path / "data")


@contextmanager
def monitoring(settings: Settings, text: str) -> Iterator[Monitor]:
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    settings.sources_file.write_text(text)
    monitor = Monitor(settings)
    named_sources.accompany(monitor)
    monitor.start()
    try:
        yield monitor
    finally:
        monitor.stop()


def stored(monitor: Monitor, tag: str) -> list[tuple[int, float, int]]:
    """Time (µs UTC), value and quality of each stored reading, in the order of their times."""
    monitor.drain()
    frame = monitor.parts.store.readings.frame([tag], 0, 1 << 52)
    times = [int(time.value) // 1_000 for time in frame["time"]]
    return sorted(zip(times, frame["value"], frame["quality"], strict=True))


def test_values_states_and_deaths_reach_the_store(plain: Settings, mosquitto: Mosquitto) -> None:
    with monitoring(plain, sources(mosquitto)) as monitor:
        until(lambda: named_sources.sources_of(monitor).health()[0].link == "connected")
        node = EdgeNode(mosquitto.port, DEVICES)
        node.data("pump", {"Speed": -7, "Step": "fill", "On": False}, time=BEGAN)
        node.data("pump", {"Step": "CIP"}, time=BEGAN + SECOND)
        node.flush()
        node.crash()
        until(lambda: named_sources.sources_of(monitor).health()[0].stored == 10)
        assert [row[1:] for row in stored(monitor, "edge/pump/Speed")] == [
            (-7.0, 0),
            (-1.0, 0),
            (-7.0, 0x8031_0000),
        ]
        assert stored(monitor, "edge/pump/Speed")[0][0] == BEGAN
        on = [int(value) for _, value, _ in stored(monitor, "edge/pump/On")]
        assert on == [0, 1, 0]
        assert monitor.tags["edge/pump/Step"].kind == "text"
        assert not monitor.tags["edge/pump/Speed"].simulated
        (health,) = named_sources.sources_of(monitor).health()
        assert (health.refused, health.gaps) == (0, 0)
        assert monitor.ledger.now().total.difference == 0
        node.start()
        node.close()


@pytest.mark.long
def test_a_kill_loses_nothing_unseen_and_stores_nothing_wrong(plain: Settings, mosquitto: Mosquitto) -> None:
    plain.data_dir.mkdir()
    plain.sources_file.write_text(sources(mosquitto))
    node = EdgeNode(mosquitto.port, DEVICES)
    sent: dict[int, float] = {}

    def send(count: int) -> None:
        for _ in range(count):
            number = len(sent)
            sent[BEGAN + number * 10_000] = float(number)
            node.data("pump", {"Speed": number}, time=BEGAN + number * 10_000)
        node.flush()

    def answered() -> bool:
        send(1)
        return node.requests == 1

    with collecting(plain) as process:
        until(answered)
        send(500)
        process.kill()
        process.wait()
    send(500)
    with monitoring(plain, sources(mosquitto)) as monitor:
        until(lambda: node.requests == 2)
        send(500)
        until(lambda: max(sent) in {time for time, *_ in stored(monitor, "edge/pump/Speed")})
        rows = stored(monitor, "edge/pump/Speed")
        rejected = monitor.parts.store.readings.rejected(2_000)
        (health,) = named_sources.sources_of(monitor).health()
        assert health.notes[source.AWAY] == 1
        assert monitor.ledger.now().total.difference == 0
    node.close()
    own = {time: value for time, value, quality in rows if time in sent and not quality}
    assert own.items() <= sent.items(), "nothing is stored that was not measured"
    assert {*sorted(sent)[-500:]} <= own.keys(), "what came after the new birth is there"
    assert health.refused >= 500, "what came by alias before the new birth is seen"
    assert any("before a birth certificate" in detail for detail in rejected["detail"])


@contextmanager
def collecting(settings: Settings) -> Iterator[subprocess.Popen[bytes]]:
    """`python -m sensormon collect` on this folder."""
    environment = os.environ | {
        "SENSORMON_DATA_DIR": str(settings.data_dir),
        "SENSORMON_SOURCE": "none",
        "SENSORMON_TAGS": str(settings.tags),
    }
    with (settings.data_dir / "collect.log").open("ab") as log:
        command = [sys.executable, "-m", "sensormon", "collect"]
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
