"""The example of the documentation, run against a real broker."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

from sensormon.model.settings import ROOT, Settings
from sensormon.model.source_health import Link
from tests.support.mosquitto import Device, Mosquitto
from tests.support.mqtt_listener import until
from tests.support.mqtt_plant import health, monitoring, stored

PAGE = (ROOT / "docs" / "sources-mqtt.md").read_text(encoding="utf-8")


def test_the_example_reads_what_its_comments_show(
    settings: Settings, mosquitto: Mosquitto, tmp_path: Path
) -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "none.toml").write_text("[tags.other]\n")
    device = Device(mosquitto)
    text = example.replace("mqtt://127.0.0.1:1883", mosquitto.url)
    with monitoring(replace(settings, tags=tmp_path / "none.toml"), text) as monitor:
        until(lambda: health(monitor).link is Link.CONNECTED)
        device.publish("site/t1/value", json.dumps({"v": 21.5, "t": "2026-09-30T12:00:00Z"}))
        device.publish("gateway/g1/readings", re.findall(r"# (\{.*\})", PAGE)[0])
        device.publish("hall/door", "open")
        until(lambda: health(monitor).stored == 3)
        monitor.drain()
        assert {(tag, value) for tag, _, value, _ in stored(monitor)} == {
            ("t1", 21.5),
            ("g1.level", 3.2),
            ("hall_door", 0.0),
        }
        assert monitor.tags["hall_door"].kind == "text"
    device.close()


def test_the_configuration_of_the_broker_is_one_that_it_takes(tmp_path: Path) -> None:
    (lines,) = re.findall(r"```\n(listener.*?)```", PAGE, re.DOTALL)
    more = [line for line in lines.splitlines() if not line.startswith(("listener", "persistence"))]
    broker = Mosquitto(tmp_path / "m", more=more)
    assert "Error" not in broker.log
    broker.close()
