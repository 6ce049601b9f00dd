"""What a kill costs: nothing if the monitor is killed; of the broker, what it had confirmed too early."""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from sensormon.model.clock import SECOND, SystemClock
from sensormon.model.settings import Settings
from sensormon.model.source_health import Link
from sensormon.monitor.monitor import Monitor
from tests.support.mosquitto import SAFEST, UNLIMITED, Device, Mosquitto, binary
from tests.support.mqtt_listener import until
from tests.support.mqtt_plant import Collecting, health, monitoring, sources, stored

pytestmark = pytest.mark.skipif(binary() is None, reason="no Mosquitto: apt-get install mosquitto")

_log = logging.getLogger(__name__)
ROW = 'topic = "plant/+"\ntag = "{1}"\nvalue = "$.v"\ntime = "$.t"'
TAGS = 5


def tag_table(folder: Path) -> Path:
    path = folder / "plant.toml"
    path.write_text("".join(f"[tags.tag_{number}]\nvalid = [-1e9, 1e9]\n" for number in range(TAGS)))
    return path


def publish(device: Device, numbers: Sequence[int], began: int) -> int:
    """Publish a reading with each of these values; returns the last message's number."""
    last = 0
    for number in numbers:
        payload = {"v": number, "t": (began + number * 1_000) // 1_000}
        last = device.publish(f"plant/tag_{number % TAGS}", json.dumps(payload))
    return last


def journaled(folder: Path) -> int:
    """Bytes of the journal."""
    return sum(path.stat().st_size for path in (folder / "journal").glob("*.seg"))


@pytest.mark.long
@pytest.mark.parametrize("version", ["5", "3.1.1"])
def test_a_killed_monitor_loses_and_doubles_nothing(
    tmp_path: Path, mosquitto: Mosquitto, version: str
) -> None:
    folder, tags, count = tmp_path / "data", tag_table(tmp_path), 3_000
    text = sources(mosquitto, ROW, f'version = "{version}"')
    collecting = Collecting(folder, text, tags)
    until(lambda: "sensormon-line" in mosquitto.log, 60)
    device, began, step = Device(mosquitto), SystemClock().now() - 3_600 * SECOND, count // 3
    for kill in range(2):
        before = journaled(folder)
        publish(device, range(kill * step, (kill + 1) * step), began)
        until(lambda before=before: journaled(folder) > before + 5_000, 60)
        collecting.kill()
        if kill == 0:
            collecting.start()
    collecting.close()
    with monitoring(Settings(data_dir=folder, source="none", tags=tags), text) as monitor:
        device.flush(publish(device, range(2 * step, count), began))
        until(lambda: len(stored_values(monitor)) >= count, 60)
        values = stored_values(monitor)
        lost, doubled = count - len(values), sum(values.values()) - len(values)
        _log.info(
            "MQTT %s: lost %d, doubled %d, repeats %d", version, lost, doubled, health(monitor).repeated
        )
        assert (lost, doubled) == (0, 0)
        assert monitor.ledger.now().total.difference == 0
    device.close()


def stored_values(monitor: Monitor) -> Counter[float]:
    """How often each value is stored."""
    monitor.drain()
    return Counter(value for _, _, value, _ in stored(monitor))


@pytest.mark.long
@pytest.mark.parametrize(
    ("configuration", "count", "most"),
    [(UNLIMITED, 6_000, 6_000), (SAFEST, 1_500, 100)],
    ids=["usual", "safest"],
)
def test_a_killed_broker_loses_only_what_it_confirmed_too_early(
    tmp_path: Path, configuration: Sequence[str], count: int, most: int
) -> None:
    mosquitto = Mosquitto(tmp_path / "mosquitto", more=configuration)
    settings = Settings(data_dir=tmp_path / "data", source="none", tags=tag_table(tmp_path))
    with monitoring(settings, sources(mosquitto, ROW)) as monitor:
        until(lambda: health(monitor).link is Link.CONNECTED)
        device, began, step = Device(mosquitto), SystemClock().now() - 3_600 * SECOND, count // 3
        for kill in range(2):
            publish(device, range(kill * step, (kill + 1) * step), began)
            until(lambda kill=kill: health(monitor).stored > (kill + 0.3) * step)
            mosquitto.kill()
            mosquitto.start()
        device.flush(publish(device, range(2 * step, count), began))
        until(lambda: device.waiting == 0, 60)
        publish(device, [count], began)
        until(lambda: count in stored_values(monitor), 60)
        values = stored_values(monitor)
        lost, doubled = count + 1 - len(values), sum(values.values()) - len(values)
        _log.info("broker killed twice: %d of %d lost, %d doubled", lost, count, doubled)
        assert doubled == 0
        assert lost <= most
        assert health(monitor).reconnects >= 2
    device.close()
    mosquitto.close()
