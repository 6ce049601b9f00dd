"""A measurement of a real InfluxDB 1.x, for the contract of connected sources."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tests.support.influxdb import InfluxDB
from tests.support.line_gate import LineGate
from tests.support.rigs.rig import NAME, Sent

_TEXT = """
[sources.{name}]
kind = "influxdb"
url = "{url}"
database = "plant"
query = "SELECT value FROM history WHERE time >= $cursor AND time < $end GROUP BY *"
interval = 0.1
"""


class Rig:
    """See `rigs.rig.Rig`. InfluxDB has no quality: what a failed sensor says is not written."""

    has_times = True
    has_qualities = False
    keeps = True

    def __init__(self, folder: Path, tags: int) -> None:
        del folder  # the server has its own
        self.tags = tuple(f"tag_{number}" for number in range(tags))
        self.environment: dict[str, str] = {}
        self._server = InfluxDB()
        self._server.query("CREATE DATABASE plant")
        self._gate = LineGate(self._server.port)
        self.text = _TEXT.format(name=NAME, url=f"http://127.0.0.1:{self._gate.port}")

    def send(self, values: Sequence[Sent]) -> None:
        """Write them."""
        lines = [f"history,tag={sent.tag} value={sent.value!r} {sent.time}" for sent in values if sent.good]
        if lines:
            self._server.write("plant", "\n".join(lines))

    def go_away(self) -> None:
        """Cut the connections to the server, and refuse new ones."""
        self._gate.shut()

    def come_back(self) -> None:
        """Let connections through again."""
        self._gate.open()

    def close(self) -> None:
        """End the server and remove its files."""
        self._gate.close()
        self._server.stop()
