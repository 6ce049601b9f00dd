"""Nodes of other kinds, nodes that go and come, and servers that must be polled."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from sensormon.sources.opcua import connected
from tests.support.opcua_line import NAME, Line, source_text
from tests.support.opcua_plant import OpcUaPlant, nodes_text

StartPlant = Callable[..., OpcUaPlant]
StartLine = Callable[[str], Line]


def test_states_come_as_words_and_arrays_are_refused_with_the_reason(
    start_plant: StartPlant, start_line: StartLine
) -> None:
    plant = start_plant(nodes=0, furnished=True)
    nodes = [
        ("nsu=urn:plant;i=2000", "ti"),
        ("ns=2;i=2010", "step"),
        ("ns=2;i=2020", "product"),
        ("ns=2;i=2030", "pump"),
        ("ns=2;i=2040", "spectrum"),
    ]
    line = start_line(source_text(plant.plant.url, 0) + nodes_text(nodes, NAME))
    line.until(lambda health: (health.stored, health.refused) == (4, 1))
    tags = line.monitor.tags
    assert (tags["ti"].unit, tags["ti"].valid, tags["ti"].normal) == ("°C", (0.0, 150.0), (35.0, 40.0))
    assert not tags["ti"].simulated
    assert tags["step"].states == ("Idle", "Fill", "CIP")
    assert (tags["product"].kind, tags["pump"].kind) == ("text", "boolean")
    assert list(line.readings("step")["value"]) == [1.0]
    now = line.now()
    plant.write(("Step", now, 2, 0), ("Product", now, "Ale", 0), ("Pump", now, False, 0))
    line.until(lambda health: health.stored == 7)
    assert list(line.readings("step")["value"]) == [1.0, 2.0]
    assert list(line.readings("pump")["value"]) == [1.0, 0.0]


def test_a_node_that_goes_is_named_and_read_again_when_it_is_back(
    start_plant: StartPlant, start_line: StartLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connected, "RETRY", 0.5)
    plant = start_plant(nodes=2)
    line = start_line(source_text(plant.plant.url, 3))  # the third is not there
    line.until(lambda health: health.stored == 2 and "1 not there" in health.detail)
    assert "ns=2;i=1002: BadNodeIdUnknown" in line.health().notes
    plant.do(do="add", name="late", number=1002, value=0.0)
    line.until(lambda health: health.stored == 3 and health.detail == "3 nodes")
    plant.do(do="delete", name="n1")
    line.until(lambda health: "ns=2;i=1001: BadNodeIdUnknown" in health.notes)
    now = line.now()
    plant.write(("n0", now, 1.0, 0), ("late", now, 2.0, 0))
    line.until(lambda health: health.stored == 5)
    plant.do(do="add", name="n1", number=1001, value=0.0)
    line.until(lambda health: health.detail == "3 nodes")
    plant.write(("n1", now, 3.0, 0))
    line.until(lambda health: health.stored == 6)
    assert [line.values(f"tag_{place}") for place in range(3)] == [[1.0], [3.0], [2.0]]


@pytest.mark.parametrize("more", ["", 'mode = "poll"\n'])
def test_a_server_without_subscriptions_is_polled(
    start_plant: StartPlant, start_line: StartLine, more: str
) -> None:
    plant = start_plant(nodes=2, no_subscriptions=True)
    line = start_line(source_text(plant.plant.url, 2, f"interval = 0.1\n{more}"))
    line.until(lambda health: health.stored == 2 and "2 read every 0.1 s" in health.detail)
    refused = any("refuses subscriptions (BadTooManySubscriptions)" in note for note in line.health().notes)
    assert refused == (not more)
    now = line.now()
    for value in range(3):
        plant.write(("n0", now + value * 1000, float(value), 0), ("n1", now + value * 1000, 1.0, 0))
        line.until(lambda health, expected=4 + 2 * value: health.stored == expected)
    assert line.values("tag_0") == [0.0, 1.0, 2.0]
    assert line.values("tag_1") == [1.0, 1.0, 1.0]


def test_values_without_a_time_have_that_of_their_arrival(
    start_plant: StartPlant, start_line: StartLine
) -> None:
    plant = start_plant(nodes=1)
    line = start_line(source_text(plant.plant.url, 1))
    line.until(lambda health: health.stored == 1)
    before = line.clock.now()
    plant.write(("n0", None, 5.0, 0))
    line.until(lambda health: health.stored == 2)
    (time,) = line.readings("tag_0").tail(1)["time"].to_numpy(dtype="datetime64[us]").astype(np.int64)
    assert before <= time <= line.clock.now()
