"""One device that speaks Modbus TCP, for the contract of connected sources."""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from pathlib import Path

from tests.support.modbus_devices import Devices
from tests.support.rigs.rig import NAME, Sent

INTERVAL = 1.0
"""Seconds: long enough for a test to look at ledger and store between two polls."""
WIDTH = 4
"""Registers of a float64."""


class Rig:
    """See `Rig`. Its values are those of the moment of a poll: what comes between two polls is never seen."""

    has_times = False
    has_qualities = True
    keeps = False

    def __init__(self, folder: Path, tags: int) -> None:
        del folder
        self.tags = tuple(f"tag_{number}" for number in range(tags))
        self.environment: dict[str, str] = {}
        self._devices = Devices({1: {"holding": [0] * (WIDTH * tags)}})
        head = f'kind = "modbus"\nurl = "modbus://127.0.0.1:{self._devices.port}"\ninterval = {INTERVAL}\n'
        rows = (
            f'[[sources.{NAME}.registers]]\ntag = "{tag}"\naddress = {WIDTH * number}\ntype = "float64"\n'
            for number, tag in enumerate(self.tags)
        )
        self.text = f"[sources.{NAME}]\n{head}{''.join(rows)}"

    def send(self, values: Sequence[Sent]) -> None:
        """See `Rig.send`. A failed sensor is a float that is no number."""
        last = {sent.tag: sent.value if sent.good else math.nan for sent in values}
        self._devices.set_many(
            (1, "holding", WIDTH * self.tags.index(tag), struct.unpack(">4H", struct.pack(">d", value)))
            for tag, value in last.items()
        )

    def go_away(self) -> None:
        """See `Rig.go_away`."""
        self._devices.stop_listening()

    def come_back(self) -> None:
        """See `Rig.come_back`."""
        self._devices.listen()

    def close(self) -> None:
        """See `Rig.close`."""
        self._devices.close()
