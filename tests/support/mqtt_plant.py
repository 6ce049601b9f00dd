"""Monitors with an MQTT source, in this process or in one that a test kills."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sensormon.intake import named_sources
from sensormon.model.settings import ROOT, Settings
from sensormon.model.source_health import SourceHealth
from sensormon.monitor.monitor import Monitor
from tests.support.mosquitto import Mosquitto

FOREVER = 1 << 52


def sources(broker: Mosquitto, rows: str, more: str = "") -> str:
    """The text of a sources.toml with these rows, each a table of [[sources.line.topics]]."""
    head = f'[sources.line]\nkind = "mqtt"\nurl = "{broker.url}"\n{more}\n'
    return head + "".join(f"[[sources.line.topics]]\n{row.strip()}\n" for row in rows.split("---"))


@contextmanager
def monitoring(settings: Settings, text: str) -> Iterator[Monitor]:
    """A monitor that runs with these sources."""
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    settings.sources_file.write_text(text)
    monitor = Monitor(settings)
    named_sources.accompany(monitor)
    monitor.start()
    try:
        yield monitor
    finally:
        monitor.stop()


def health(monitor: Monitor) -> SourceHealth:
    """How the source is."""
    return named_sources.sources_of(monitor).health()[0]


def stored(monitor: Monitor, *tags: str) -> list[tuple[str, int, float, int]]:
    """What is stored: tag, time (µs UTC), value, quality, in the order of their times."""
    frame = monitor.parts.store.readings.frame(list(tags) or None, 0, FOREVER)
    times = [int(time.value) // 1_000 for time in frame["time"]]
    return sorted(zip(frame["tag"], times, frame["value"], frame["quality"], strict=True))


class Collecting:
    """`python -m sensormon collect` in this folder, which a test may kill."""

    def __init__(self, folder: Path, text: str, tags: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "sources.toml").write_text(text)
        self._environment = os.environ | {
            "SENSORMON_DATA_DIR": str(folder),
            "SENSORMON_SOURCE": "none",
            "SENSORMON_TAGS": str(tags),
        }
        self._log = (folder / "collect.log").open("ab")
        self._process = self._launch()

    def kill(self) -> None:
        """End it with SIGKILL."""
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def start(self) -> None:
        """Start it again."""
        self._process = self._launch()

    def close(self) -> None:
        """End it, whatever it does."""
        if self._process.poll() is None:
            self.kill()
        self._log.close()

    def _launch(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "sensormon", "collect"]
        return subprocess.Popen(command, cwd=ROOT, env=self._environment, stdout=self._log, stderr=self._log)
