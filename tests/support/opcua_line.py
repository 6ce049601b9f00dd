"""A monitor with one OPC UA source, and what tests ask of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd

from sensormon.intake.named_sources import NamedSources, sources_of
from sensormon.model.clock import SECOND, Clock, SystemClock
from sensormon.model.settings import Settings
from sensormon.model.source_health import SourceHealth
from sensormon.monitor.monitor import Monitor
from tests.support.bus import wait_until
from tests.support.opcua_plant import nodes_text
from tests.support.opcua_server import FIRST

NAME = "line"
EARLY = pd.Timestamp("2021-01-01", tz="UTC")
"""All values that tests write are newer than this, and those that the plant begins with older."""
LONGEST = 60.0
"""Seconds to wait for what takes a second on a machine that is not busy."""


def source_text(url: str, nodes: int = 3, more: str = "", first: int = FIRST) -> str:
    """sources.toml that reads the first nodes of a plant into tag_0, tag_1 and so on."""
    head = f'[sources.{NAME}]\nkind = "opcua"\nurl = "{url}"\npublishing = 0.1\nsampling = 0.1\n{more}'
    return head + nodes_text([(f"ns=2;i={first + place}", f"tag_{place}") for place in range(nodes)], NAME)


class Line:
    """The monitor in this folder; `again` starts another on the same folder, as after a restart."""

    def __init__(self, settings: Settings, text: str, clock: Clock | None = None) -> None:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        (settings.data_dir / "sources.toml").write_text(text, encoding="utf-8")
        self.clock = clock or SystemClock()
        self.monitor = Monitor(replace(settings, source="none"), self.clock)
        self.sources: NamedSources = sources_of(self.monitor)
        self.monitor.accompany(self.sources.worker, self.sources.status)
        self.monitor.start()

    @property
    def folder(self) -> Path:
        """Of the source's own files."""
        return self.monitor.settings.data_dir / "opcua"

    def health(self) -> SourceHealth:
        """Of the source."""
        self.sources.look()
        return self.sources.health()[0]

    def until(self, condition: Callable[[SourceHealth], bool]) -> SourceHealth:
        """Wait until the source is like this."""
        try:
            wait_until(lambda: condition(self.health()), LONGEST)
        except AssertionError as error:
            raise AssertionError(f"{error}: {self.health()}") from error
        return self.health()

    def connected(self) -> SourceHealth:
        """Wait until it is connected."""
        return self.until(lambda health: health.link == "connected")

    def readings(self, tag: str) -> pd.DataFrame:
        """All readings of the tag, stored or not yet, in the order of their own times."""
        return self.monitor.readings.recent(0, [tag]).sort_values("time", kind="stable")

    def values(self, tag: str) -> list[float]:
        """Their values; the one that the plant has from long ago is left out."""
        readings = self.readings(tag)
        return [float(value) for value in readings[readings["time"] > EARLY]["value"]]

    def now(self) -> int:
        """The clock's time, in whole milliseconds, as asyncua keeps it."""
        return self.clock.now() // (SECOND // 1000) * (SECOND // 1000)

    def close(self) -> None:
        """Stop the monitor."""
        self.monitor.stop()
