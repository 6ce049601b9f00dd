"""Values of a real server become durable readings as they stand."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tests.support.opcua_line import Line, source_text
from tests.support.opcua_plant import OpcUaPlant, Relay

StartPlant = Callable[..., OpcUaPlant]
StartLine = Callable[[str], Line]
UNCERTAIN = 0x4093_0000


def test_values_keep_their_own_time_and_status(start_plant: StartPlant, start_line: StartLine) -> None:
    plant = start_plant()
    line = start_line(source_text(plant.plant.url))
    line.connected()
    first = line.now()
    plant.write(("n0", first, 1.5, 0), ("n0", first + 1000, 1.5, 0), ("n0", first + 2000, 2.5, UNCERTAIN))
    line.until(lambda health: health.stored == 6)
    readings = line.readings("tag_0").tail(3)
    assert list(readings["value"]) == [1.5, 1.5, 2.5]
    assert list(readings["quality"]) == [0, 0, UNCERTAIN]
    times = readings["time"].to_numpy(dtype="datetime64[us]").astype(np.int64)
    assert list(times) == [first, first + 1000, first + 2000]


def test_nothing_is_lost_or_doubled_when_the_connection_is_cut(
    start_plant: StartPlant, start_relay: Callable[[int], Relay], start_line: StartLine
) -> None:
    plant = start_plant(nodes=1)
    relay = start_relay(plant.plant.port)
    line = start_line(source_text(f"opc.tcp://127.0.0.1:{relay.port}/plant", nodes=1))
    line.connected()
    first, sent = line.now(), 0
    for cut in range(2):
        for _ in range(10):
            plant.write(("n0", first + sent * 1000, float(sent), 0))
            sent += 1
        relay.cut()
        line.until(lambda health: health.link == "waiting")
        for _ in range(10):
            plant.write(("n0", first + sent * 1000, float(sent), 0))
            sent += 1
        relay.open()
        line.until(lambda health, now=(cut, sent + 1): (health.reconnects - 1, health.stored) == now)
    assert line.values("tag_0") == [float(value) for value in range(sent)]
    assert line.health().gaps == 0


def test_a_source_that_is_removed_ends_within_a_second(
    start_plant: StartPlant, start_line: StartLine
) -> None:
    line = start_line(source_text(start_plant().plant.url))
    line.connected()
    began = line.clock.now()
    line.sources.stop()
    assert line.clock.now() - began < 1_000_000
