"""The composition with a broker, by its own files: Mosquitto, and a monitor that reads sources.toml."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import replace
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from sensormon.intake.named_sources import accompany, sources_of
from sensormon.model.settings import Settings
from sensormon.monitor.monitor import Monitor
from tests.support.bus import wait_until
from tests.support.compose import FOLDER, read
from tests.support.mosquitto import binary
from tests.support.server import ROOT, free_port

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(binary() is None, reason="no Mosquitto is installed: apt-get install mosquitto"),
]
READINGS = 50


def make_secrets(folder: Path) -> None:
    """By the lines of docs/deployment.md."""
    text = (ROOT / "docs" / "deployment.md").read_text(encoding="utf-8")
    lines = re.findall(
        r"^.*secrets/broker-(?:password|users)(?: && mosquitto_passwd.*)?$", text, re.MULTILINE
    )
    made = [line for line in lines if " > " in line]
    assert len(made) == 2
    (folder / "secrets").mkdir()
    subprocess.run(["sh", "-ec", "\n".join(made)], cwd=folder, check=True, capture_output=True)
    (folder / "secrets" / "broker-password").chmod(0o600)


def broker_of(folder: Path, port: int) -> subprocess.Popen[bytes]:
    """With mosquitto.conf, but for port and paths."""
    text = (FOLDER / "mosquitto.conf").read_text(encoding="utf-8")
    for theirs, ours in (
        ("listener 1883", f"listener {port} 127.0.0.1\nuser root"),
        ("/run/secrets/broker_users", str(folder / "secrets" / "broker-users")),
        ("/mosquitto/data/", f"{folder}/"),
    ):
        assert text.count(theirs) == 1, theirs
        text = text.replace(theirs, ours)
    path = folder / "mosquitto.conf"
    path.write_text(text)
    return subprocess.Popen(
        [str(binary()), "-c", str(path)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def test_what_devices_publish_is_stored(settings: Settings, tmp_path: Path) -> None:
    make_secrets(tmp_path)
    port = free_port()
    environment = read("one-process.yaml", "plant.yaml")["services"]["pages"]["environment"]
    text = (FOLDER / "sources.toml").read_text(encoding="utf-8")
    assert environment["SENSORMON_SOURCE"] == "none"
    sources = tmp_path / "sources.toml"
    password = tmp_path / "secrets" / "broker-password"
    sources.write_text(
        text.replace("broker:1883", f"127.0.0.1:{port}").replace(
            "/run/secrets/broker_password", str(password)
        )
    )
    broker = broker_of(tmp_path, port)
    monitor = Monitor(replace(settings, source="none", sources=sources))
    accompany(monitor)
    monitor.start()
    try:
        wait_until(lambda: sources_of(monitor).status().words == "1 source delivers", 30)
        device = mqtt.Client(CallbackAPIVersion.VERSION2)
        device.username_pw_set("sensormon", password.read_text().strip())
        device.connect("127.0.0.1", port)
        device.loop_start()
        now = monitor.clock.now() / 1e6
        for number in range(READINGS):
            payload = json.dumps({"t": now - READINGS + number, "v": 20 + number / 10})
            device.publish("plant/line1_temp/value", payload, qos=1).wait_for_publish(20)
        device.loop_stop()
        wait_until(lambda: monitor.ledger.now().total.stored >= READINGS, 30)
        assert "line1_temp" in monitor.tags
        total = monitor.ledger.now().total
        assert (total.stored, total.rejected, total.difference) == (READINGS, 0, 0)
    finally:
        monitor.stop()
        broker.terminate()
        broker.wait(20)
