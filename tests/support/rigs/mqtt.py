"""The rig of MQTT: a real Mosquitto, and a device that publishes JSON with its own times."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from sensormon.model.clock import SECOND
from tests.support.line_gate import LineGate
from tests.support.mosquitto import Device, Mosquitto
from tests.support.rigs.rig import NAME, Sent


class Rig:
    """See `tests.support.rigs.rig.Rig`. It goes away as a broker does that is stopped: messages are kept."""

    has_times = True
    has_qualities = True
    keeps = True

    def __init__(self, folder: Path, tags: int) -> None:
        self.tags = tuple(f"tag_{number}" for number in range(tags))
        self.environment: dict[str, str] = {}
        self._broker = Mosquitto(folder / "mosquitto")
        self._device = Device(self._broker)
        self._gate = LineGate(self._broker.port)
        self.text = f"""
[sources.{NAME}]
kind = "mqtt"
url = "mqtt://127.0.0.1:{self._gate.port}"
[[sources.{NAME}.topics]]
topic = "plant/+"
tag = "{{1}}"
value = "$.v"
time = "$.t"
quality = "$.q"
"""

    def send(self, values: Sequence[Sent]) -> None:
        """See `Rig.send`."""
        number = None
        for value in values:
            seconds, micros = divmod(value.time, SECOND)
            payload = {"v": value.value, "t": "@", "q": "Good" if value.good else "BadSensorFailure"}
            text = json.dumps(payload).replace('"@"', f"{seconds}.{micros:06d}")
            number = self._device.publish(f"plant/{value.tag}", text)
        if number is not None:
            self._device.flush(number)

    def go_away(self) -> None:
        """See `Rig.go_away`."""
        self._gate.shut()

    def come_back(self) -> None:
        """See `Rig.come_back`."""
        self._gate.open()

    def close(self) -> None:
        """See `Rig.close`."""
        self._gate.close()
        self._device.close()
        self._broker.close()
