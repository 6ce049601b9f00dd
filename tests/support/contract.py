"""A monitor with one named source on a protocol's rig, for the contract of connected sources."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections import Counter
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

from sensormon.intake import named_sources
from sensormon.intake.named_sources import NamedSources
from sensormon.model.clock import SystemClock
from sensormon.model.entries import BatchEntry
from sensormon.model.settings import Settings
from sensormon.model.source_health import Link, SourceHealth
from sensormon.model.tags import TagTable
from sensormon.monitor.monitor import Monitor
from tests.support.bus import wait_until
from tests.support.journals import open_journal
from tests.support.rigs.rig import NAME, Rig, Sent

_COLLECT = """
import importlib, sys
from sensormon.__main__ import main
importlib.import_module(sys.argv[1])  # a rig may have a protocol of its own
sys.exit(main(["collect"]))
"""
PATIENCE = 30.0
"""Seconds within which something comes about, on a machine that does much else."""


class Line:
    """See the module. It can be started again after `stop`, on the same folder."""

    def __init__(self, rig: Rig, folder: Path) -> None:
        self.rig = rig
        self.folder = folder / "data"
        self._tags = folder / "tags.toml"
        self._file = folder / "sources.toml"
        self._file.write_text(rig.text)
        self._tags.write_text(
            "".join(f"[tags.{tag}]\nvalid = [-1e9, 1e9]\nsimulated = false\n" for tag in rig.tags)
        )
        self._monitor: Monitor | None = None

    @property
    def monitor(self) -> Monitor:
        assert self._monitor is not None
        return self._monitor

    @property
    def sources(self) -> NamedSources:
        return named_sources.sources_of(self.monitor)

    def start(self) -> None:
        """Begin, and wait until the source is connected."""
        settings = Settings(
            data_dir=self.folder, tags=self._tags, sources=self._file, source="none", journal_quota=1
        )
        self._monitor = Monitor(settings, SystemClock())
        self._monitor.beside[named_sources.NAME] = NamedSources(self._monitor, self.rig.environment)
        named_sources.accompany(self._monitor)
        self._monitor.start()
        wait_until(lambda: self.health().link is Link.CONNECTED, PATIENCE)

    def stop(self) -> None:
        """End the monitor."""
        if self._monitor is not None:
            self._monitor.stop()
            self._monitor = None

    def switch(self, *, on: bool) -> None:
        """Stop or start the source alone, as the page does."""
        off = self.rig.text.replace(f"[sources.{NAME}]\n", f"[sources.{NAME}]\non = false\n")
        self._file.write_text(self.rig.text if on else off)
        self.sources.look()
        if on:
            wait_until(lambda: self.health().link is Link.CONNECTED, PATIENCE)

    def process(self) -> subprocess.Popen[bytes]:
        """The same as a process that can be killed."""
        environment = {
            **os.environ,
            **self.rig.environment,
            "SENSORMON_SOURCE": "none",
            "SENSORMON_DATA_DIR": str(self.folder),
            "SENSORMON_TAGS": str(self._tags),
            "SENSORMON_SOURCES": str(self._file),
        }
        return subprocess.Popen([sys.executable, "-c", _COLLECT, type(self.rig).__module__], env=environment)

    def journaled(self) -> set[float]:
        """The values of the source's readings that the journal on disk has now."""
        values: set[float] = set()
        with TemporaryDirectory() as place:
            copy = Path(place) / "journal"
            with suppress(FileNotFoundError, shutil.Error):  # the process is at work in it
                shutil.copytree(self.folder / "journal", copy)
            if not copy.exists():
                return values
            journal, after = open_journal(copy), 0
            while records := journal.read(after):
                after = records[-1].number
                for entry in (record.entry for record in records):
                    if isinstance(entry, BatchEntry) and entry.processed.accepted.source == NAME:
                        values |= set(entry.processed.accepted.value.tolist())
            journal.close()
        return values

    def until_more_is_journaled(self, than: set[float]) -> None:
        """Wait until something is durable that was not before."""
        wait_until(lambda: bool(self.journaled() - than), 2 * PATIENCE)

    def time(self) -> int:
        """Now (µs UTC), in whole milliseconds as protocols have them."""
        return SystemClock().now() // 1_000 * 1_000

    def deliver(self, *values: Sent) -> None:
        """Let the devices have these values, and wait until all are taken."""
        if self.rig.has_times:
            self.rig.send(values)
            wanted = {each.value for each in values}
            wait_until(lambda: wanted <= self.values(), PATIENCE)
            return
        for each in values:  # a device that is polled has one value at a time
            self.rig.send([each])
            self._wait_for(each.value)

    def _wait_for(self, value: float) -> None:
        wait_until(lambda: value in self.values(), PATIENCE)

    def frame(self) -> pd.DataFrame:
        """What is known of the source's readings, stored or not."""
        frame = self.monitor.readings.recent(0)
        return frame[frame["source"].astype(str) == NAME]

    def values(self) -> set[float]:
        """The values that were taken."""
        return set(self.frame()["value"].tolist())

    def taken(self, tag: str) -> int:
        """How many readings of this tag were taken."""
        return int((self.frame()["tag"].astype(str) == tag).sum())

    def health(self) -> SourceHealth:
        (health,) = self.sources.health()
        return health

    def forget(self, tag: str) -> None:
        """Somebody removes this tag from the table."""
        self.monitor.running_tags.retag(TagTable(each for each in self.monitor.tags if each.name != tag))

    def refused(self) -> Counter[str]:
        """How many readings were refused, by reason."""
        reasons: Counter[str] = Counter()
        for (source, reason), count in self.monitor.parts.store.ledger.accounts().rejected.items():
            if source == NAME:
                reasons[reason] += count
        return reasons

    def balances(self) -> None:
        """Nothing is missing in the ledger."""
        self.switch(on=False)  # a source that polls would go on between two looks
        wait_until(lambda: self.monitor.ledger.now().total.pending == 0, PATIENCE)
        total = self.monitor.ledger.now().total
        assert total.difference == 0
        assert total.stored == len(self.frame())
