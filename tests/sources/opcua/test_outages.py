"""What is lost in outages and what is not: of the journal, the network, the server, the monitor."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sensormon.model.settings import Settings
from sensormon.sources.opcua import connected
from sensormon.sources.opcua.history import fill
from tests.support.bus import wait_until
from tests.support.opcua_line import LONGEST, Line, source_text
from tests.support.opcua_plant import OpcUaPlant

StartPlant = Callable[..., OpcUaPlant]
StartLine = Callable[[str], Line]


def write(plant: OpcUaPlant, line: Line, values: range, name: str = "n0") -> None:
    """These values, one a millisecond, each newer than those before.

    None at a whole second: the server cannot read such a time from its history again.
    """
    base = line.now() - 60_000_000 + 7
    plant.write(*((name, base + value * 1000, float(value), 0) for value in values))


def test_nothing_is_acknowledged_or_dropped_while_the_journal_takes_nothing(
    start_plant: StartPlant, start_line: StartLine
) -> None:
    plant = start_plant(nodes=1)
    line = start_line(source_text(plant.plant.url, 1))
    line.connected()
    line.until(lambda health: health.stored == 1)
    wait_until(lambda: plant.do(do="count") == [0], LONGEST)
    with line.monitor.parts.collector.turn():  # nobody else can hand anything in
        write(plant, line, range(10))
        wait_until(lambda: plant.do(do="count") == [1], LONGEST)  # sent, and waiting for the journal
        for start in range(10, 5_000, 500):
            write(plant, line, range(start, min(start + 500, 5_000)))
        assert plant.do(do="count") == [1], "it went on to ask for news that it could not store"
    line.until(lambda health: health.stored == 5_001)
    wait_until(lambda: plant.do(do="count") == [0], LONGEST)
    assert sorted(line.values("tag_0")) == [float(value) for value in range(5_000)]
    assert line.health().gaps == 0


def test_a_server_that_restarted_fills_the_gap_from_its_history_in_order(
    start_plant: StartPlant, start_line: StartLine, tmp_path: Path
) -> None:
    history = str(tmp_path / "history.db")
    plant = start_plant(nodes=2, history=history)
    line = start_line(source_text(plant.plant.url, 2))
    line.connected()
    write(plant, line, range(5))
    line.until(lambda health: health.stored == 7)
    plant.do(do="expire")  # the server forgets the subscription, and with it what comes now
    write(plant, line, range(5, 2_500))
    health = line.until(lambda health: health.filled > 0 and health.stored >= 2_502)
    write(plant, line, range(2_500, 2_510))
    health = line.until(lambda health: health.stored >= 2_512)
    assert line.values("tag_0") == [float(value) for value in range(2_510)]
    assert health.filled == 2_495
    assert health.gaps == 0


@pytest.mark.long
def test_a_connection_that_ends_while_a_gap_is_filled_leaves_no_gap(
    start_plant: StartPlant, start_line: StartLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[object] = []

    async def cut(*asked: Any) -> set[int]:
        calls.append(asked)
        if len(calls) == 1:
            raise ConnectionError("cut")
        return await fill(*asked)

    plant = start_plant(nodes=2, history=str(tmp_path / "history.db"))
    line = start_line(source_text(plant.plant.url, 2))
    line.connected()
    write(plant, line, range(5))
    line.until(lambda health: health.stored == 7)
    monkeypatch.setattr(connected, "fill", cut)
    plant.do(do="expire")
    write(plant, line, range(5, 500))
    line.until(lambda health: health.stored >= 502)
    assert len(calls) == 2
    assert line.values("tag_0") == [float(value) for value in range(500)]


def test_a_gap_without_a_history_is_told(start_plant: StartPlant, start_line: StartLine) -> None:
    plant = start_plant(nodes=1)
    line = start_line(source_text(plant.plant.url, 1))
    line.connected()
    write(plant, line, range(3))
    line.until(lambda health: health.stored == 4)
    plant.do(do="expire")
    health = line.until(lambda health: health.gaps == 1)
    assert any("no history" in note for note in health.notes)
    write(plant, line, range(10, 13))
    line.until(lambda health: health.stored == 7)


def test_a_shorter_queue_than_asked_for_is_told(start_plant: StartPlant, start_line: StartLine) -> None:
    line = start_line(source_text(start_plant(nodes=1).plant.url, 1, "queue = 20000\n"))
    line.until(
        lambda health: any("queues 10,000 values of a node, not 20,000" in note for note in health.notes)
    )


def test_a_monitor_that_restarts_takes_up_its_subscription(
    start_plant: StartPlant, settings: Settings
) -> None:
    plant = start_plant(nodes=1)
    text = source_text(plant.plant.url, 1)
    line = Line(settings, text)
    try:
        line.connected()
        write(plant, line, range(10))
        line.until(lambda health: health.stored == 11)
        line.close()
        write(plant, line, range(10, 500))
        line = Line(settings, text)
        line.until(lambda health: health.stored == 490)
        assert line.values("tag_0") == [float(value) for value in range(500)]
        assert line.health().gaps == 0
        assert len(plant.do(do="count")) == 1
    finally:
        line.close()


def test_without_a_bridge_nothing_stays_on_the_server(start_plant: StartPlant, settings: Settings) -> None:
    plant = start_plant(nodes=1)
    line = Line(settings, source_text(plant.plant.url, 1, "bridge = 0\n"))
    try:
        line.connected()
        line.until(lambda health: health.stored == 1)
        assert len(plant.do(do="count")) == 1
    finally:
        line.close()
    wait_until(lambda: plant.do(do="count") == [], LONGEST)
