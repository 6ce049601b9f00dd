"""What the page asks of a real server."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from sensormon.model.errors import SourceError
from sensormon.sources.named import Common
from sensormon.sources.opcua.explorer import OpcUaExplorer
from sensormon.sources.opcua.kind import NodeTag, OpcUaSource
from tests.support.opcua_plant import OpcUaPlant
from tests.support.server import free_port

StartPlant = Callable[..., OpcUaPlant]
SECONDS = 30.0


def explorer(url: str, folder: Path, *nodes: tuple[str, str]) -> OpcUaExplorer:
    items = tuple(NodeTag(node, tag) for node, tag in nodes)
    return OpcUaExplorer(OpcUaSource(Common("line"), url, items), lambda: "", folder)


def test_a_test_says_what_it_sees(start_plant: StartPlant, tmp_path: Path) -> None:
    plant = start_plant(nodes=3, furnished=True)
    seen = explorer(plant.plant.url, tmp_path).test(SECONDS)
    assert seen.summary == "connects, sees 9 nodes, 1 answer with bad quality"
    assert "ns=2;i=2050: BadSensorFailure" in seen.problems
    named = explorer(plant.plant.url, tmp_path, ("ns=2;i=1000", "a"), ("ns=2;s=gone", "b")).test(SECONDS)
    assert named.summary == "connects, sees 2 nodes, 1 answer with bad quality"
    assert "ns=2;s=gone: BadNodeIdUnknown" in named.problems


def test_nodes_are_offered_with_value_unit_and_range(start_plant: StartPlant, tmp_path: Path) -> None:
    asked = explorer(start_plant(nodes=0, furnished=True).plant.url, tmp_path)
    (folder,) = [offer for offer in asked.browse("", SECONDS) if offer.label == "Plant"]
    assert folder.has_more
    assert folder.tag is None
    offers = {offer.label: offer for offer in asked.browse(folder.address, SECONDS)}
    analogue = offers["TI-101"]
    assert (analogue.address, analogue.value, analogue.detail) == ("ns=2;i=2000", "36.5 °C", "Double")
    assert analogue.tag is not None
    assert (analogue.tag.name, analogue.tag.unit, analogue.tag.resolution) == ("ti-101", "°C", 0.01)
    assert (analogue.tag.normal, analogue.tag.valid) == ((35.0, 40.0), (0.0, 150.0))
    step, pump, spectrum = offers["Step"], offers["Pump"], offers["Spectrum"]
    assert step.value == "Fill"
    assert step.tag is not None
    assert step.tag.states == ("Idle", "Fill", "CIP")
    assert pump.tag is not None
    assert pump.tag.kind == "boolean"
    assert spectrum.tag is None
    assert "array" in spectrum.detail
    assert "BadSensorFailure" in offers["Broken"].detail


def test_a_thousand_children_are_seen_quickly(start_plant: StartPlant, tmp_path: Path) -> None:
    asked = explorer(start_plant(nodes=1_003).plant.url, tmp_path)
    (folder,) = [offer for offer in asked.browse("", SECONDS) if offer.label == "Plant"]
    began = time.monotonic()
    offers = asked.browse(folder.address, SECONDS)
    assert time.monotonic() - began < 10
    assert len(offers) == 1_000
    assert all(offer.tag is not None for offer in offers)


def test_a_preview_shows_readings_as_they_would_be_stored(start_plant: StartPlant, tmp_path: Path) -> None:
    nodes = [("ns=2;i=2000", "t"), ("ns=2;i=2010", "step"), ("ns=2;i=2030", "pump"), ("ns=2;i=2040", "array")]
    preview = explorer(start_plant(furnished=True).plant.url, tmp_path, *nodes).preview(10, SECONDS)
    assert preview.batch.tags == ("t", "step", "pump")
    assert preview.batch.value[0] == 36.5
    assert np.isnan(preview.batch.value[1:]).all()
    assert preview.batch.words == ("Fill", "true")
    (refused,) = preview.malformed
    assert "an array of 3 values is no reading" in refused.detail


def test_where_nothing_listens_the_error_says_so(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="nothing answers at this address"):
        explorer(f"opc.tcp://127.0.0.1:{free_port()}/", tmp_path).test(SECONDS)
