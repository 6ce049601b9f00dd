"""What a page sees of a broker, without taking anything from the source."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sensormon.model.errors import SourceError
from sensormon.sources.connected import Explorer
from sensormon.sources.kinds import KINDS
from sensormon.sources.mqtt.offers import row_of
from sensormon.sources.mqtt.session import broker_of
from sensormon.sources.named_text import parse_sources
from tests.support.mosquitto import Device, Mosquitto
from tests.support.mqtt_listener import Listener, until
from tests.support.mqtt_plant import sources
from tests.support.server import free_port

ROWS = """
topic = "site/+/value"
tag = "{1}"
value = "$.v"
time = "$.t"
"""


def explorer(broker: Mosquitto, rows: str = ROWS) -> Explorer:
    config = parse_sources(sources(broker, rows))["line"]
    return KINDS["mqtt"].explore(config, lambda: "", Path())


@contextmanager
def publishing(broker: Mosquitto, topic: str, payload: str) -> Iterator[None]:
    """Publish again and again, as a device does."""
    device, stopping = Device(broker, topic), threading.Event()

    def work() -> None:
        while not stopping.wait(0.02):
            device.publish(topic, payload)

    thread = threading.Thread(target=work)
    thread.start()
    yield
    stopping.set()
    thread.join()
    device.close()


def test_a_test_says_what_is_seen_and_what_the_broker_may_lose(mosquitto: Mosquitto) -> None:
    payload = json.dumps({"v": 1, "t": 1_790_000_000})
    with publishing(mosquitto, "site/a/value", payload), publishing(mosquitto, "site/b/value", "{}"):
        seen = explorer(mosquitto).test(0.5)
    assert "Connects to mosquitto version" in seen.summary
    assert "of 2 topics" in seen.summary
    assert "when it is killed, it forgets some of them" in seen.summary
    assert len(seen.problems) == 1
    assert "topic site/b/value: nothing at $.v (.v is not there) (" in seen.problems[0]


def test_topics_are_browsed_with_their_values_paths_and_tags(mosquitto: Mosquitto) -> None:
    device = Device(mosquitto)
    for topic, payload in (
        ("site/a/value", '{"v": 21.5, "t": "2026-01-01T00:00:00Z"}'),
        ("other/x", '{"temp": 1, "valve": "open", "ts": 1790000000}'),
        ("other/list", '{"r": [{"id": "a", "v": 1, "t": 1790000000}]}'),
        ("bare/on", "true"),
        ("bare/Temp 1", "12.5"),
        ("bare/binary", b"\xff\x00"),
    ):
        last = device.publish(topic, payload, retain=True)
    device.flush(last)
    offers = {offer.address: offer for offer in explorer(mosquitto, 'topic = "#"').browse("", 0.3)}
    assert set(offers) == {
        *("site/a/value $.v", "other/x $.temp", "other/x $.valve"),
        *("other/list $.r[*].id", "other/list $.r[*].v", "bare/on", "bare/Temp 1", "bare/binary"),
    }
    tags = {address: offer.tag and (offer.tag.name, offer.tag.kind) for address, offer in offers.items()}
    assert tags["other/x $.valve"] == ("other/x/valve", "text")
    assert tags["bare/on"] == ("bare/on", "boolean")
    assert tags["bare/Temp 1"] == ("bare/Temp_1", "number")
    assert tags["bare/binary"] is None
    assert offers["other/list $.r[*].v"].detail == "kept by the broker, time $.r[*].t"
    assert row_of("other/x $.temp", offers["other/x $.temp"].detail) == {
        "topic": "other/x",
        "value": "$.temp",
        "time": "$.ts",
    }
    own = explorer(mosquitto).browse("", 0.3)
    assert [(offer.address, offer.value, offer.tag and offer.tag.name) for offer in own] == [
        ("site/a/value $.v", "21.5", "a")
    ]
    below = explorer(mosquitto).browse("bare", 0.3)
    assert [offer.address for offer in below] == ["bare/Temp 1", "bare/binary", "bare/on"]
    device.close()


def test_a_preview_takes_nothing_from_the_source(mosquitto: Mosquitto) -> None:
    own = broker_of(mosquitto.url, "sensormon-line")
    Listener(own, [("site/+/value", 1)]).until_connected().stop()
    payload = json.dumps({"v": 7, "t": 1_790_000_000})
    with publishing(mosquitto, "site/a/value", payload), publishing(mosquitto, "site/b/value", "no"):
        preview = explorer(mosquitto).preview(10, 5)
    assert len(preview.batch) + len(preview.malformed) == 10
    assert set(preview.batch.value) == {7.0}
    assert preview.malformed[0].detail == "topic site/b/value: the payload is no JSON (Expecting value)"
    listener = Listener(own, [("site/+/value", 1)])
    until(lambda: len(listener.arrived) >= 10)
    listener.stop()


def test_no_broker_is_an_error_in_words(mosquitto: Mosquitto) -> None:
    mosquitto.port = free_port()
    with pytest.raises(SourceError, match="nothing listens there"):
        explorer(mosquitto).test(1)
