"""What a page is shown of a group before it is read."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping

import pytest

from sensormon.model.errors import SourceError
from sensormon.model.tags import Tag
from sensormon.sources.named_text import parse_sources
from sensormon.sources.sparkplug.explorer import SparkplugExplorer
from sensormon.sources.sparkplug.kind import SparkplugSource
from sensormon.sources.sparkplug.payload import DataType
from tests.support.edge_node import EdgeNode, Initial
from tests.support.mosquitto import Mosquitto
from tests.support.server import free_port

DEVICES: Mapping[str, Initial] = {
    "": {"Load": (DataType.FLOAT, 0.5)},
    "pump": {"Motor/Speed": (DataType.INT32, -5), "Running": (DataType.BOOLEAN, True)},
}
FACTS = {("", "Load"): {"engUnit": "kW", "engLow": 0.0, "engHigh": 2.0}}


@pytest.fixture
def node(mosquitto: Mosquitto) -> Iterator[EdgeNode]:
    edge = EdgeNode(mosquitto.port, DEVICES, properties=FACTS)
    yield edge
    edge.close()


def explorer(url: str, more: str = "browse_rebirth = true") -> SparkplugExplorer:
    text = f'[sources.line]\nkind = "sparkplug"\nurl = "{url}"\ngroup = "plant"\n{more}\n'
    config = parse_sources(text)["line"]
    assert isinstance(config, SparkplugSource)
    return SparkplugExplorer(config, str)


@pytest.fixture
def talking(node: EdgeNode) -> Iterator[EdgeNode]:
    """A node that says something every now and then."""
    ending = threading.Event()

    def talk() -> None:
        while not ending.wait(0.05):
            node.data("pump", {"Motor/Speed": node.requests})

    thread = threading.Thread(target=talk)
    thread.start()
    yield node
    ending.set()
    thread.join()


def test_the_tree_goes_from_nodes_to_devices_to_metrics(mosquitto: Mosquitto, talking: EdgeNode) -> None:
    page = explorer(mosquitto.url)
    (top,) = page.browse("", 8)
    assert (top.address, top.label, top.has_more, top.tag) == ("edge", "edge", True, None)
    device, load = page.browse("edge", 8)
    assert (device.address, device.has_more) == ("edge/pump", True)
    assert (load.address, load.value, load.detail) == ("edge//Load", "0.5 kW", "float")
    assert load.tag == Tag("edge/Load", "Load", unit="kW", group="edge", normal=(0.0, 2.0), simulated=False)
    speed, running = page.browse("edge/pump", 8)
    assert (speed.address, speed.has_more) == ("edge/pump/Motor/Speed", False)
    assert running.tag is not None
    assert running.tag.kind == "boolean"
    assert talking.requests == 3


def test_nobody_is_asked_unless_it_is_allowed(mosquitto: Mosquitto, talking: EdgeNode) -> None:
    (top,) = explorer(mosquitto.url, "").browse("", 2)
    assert top.detail == "edge node, 0 metrics seen"
    assert talking.requests == 0


def test_a_test_says_what_is_seen_and_what_is_wrong(mosquitto: Mosquitto, talking: EdgeNode) -> None:
    seen = explorer(mosquitto.url).test(8)
    assert seen.summary == "connects, sees 1 edge node with 3 metrics"
    assert any("nothing is encrypted" in problem for problem in seen.problems)
    quiet = explorer(mosquitto.url, "").test(3)
    assert talking.requests == 1
    assert any("sent no birth certificate" in problem for problem in quiet.problems)
    other = explorer(mosquitto.url, "nodes = ['other']").test(1)
    assert other.summary == "connects, sees 0 edge nodes with 0 metrics"


def test_a_preview_has_readings_as_they_would_be_stored(mosquitto: Mosquitto, talking: EdgeNode) -> None:
    preview = explorer(mosquitto.url).preview(5, 8)
    assert len(preview.batch) == 5
    assert set(preview.batch.tags) <= {"edge/Load", "edge/pump/Motor/Speed", "edge/pump/Running"}
    assert preview.malformed
    assert talking.requests == 1


def test_a_broker_that_is_not_there_is_said_at_once() -> None:
    with pytest.raises(SourceError, match="nothing listens there"):
        explorer(f"mqtt://127.0.0.1:{free_port()}").test(20)


def test_an_empty_group_is_said(mosquitto: Mosquitto) -> None:
    seen = explorer(mosquitto.url).test(1)
    assert "nothing of the group 'plant' came in 1 seconds" in seen.problems
