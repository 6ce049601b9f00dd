"""Named sources in tests: where one delivers without a protocol, and a sources.toml in force."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from sensormon.intake.known import known_readings, newest_times
from sensormon.intake.named_sources import NamedSources, sources_of
from sensormon.intake.taking import Place, Taking
from sensormon.model.clock import SECOND
from sensormon.model.entries import KeptAnswer
from sensormon.model.readings import Batch, Reading
from sensormon.monitor.monitor import Monitor
from sensormon.sources.named import Common
from sensormon.sources.polled.kind import ReplaySource
from sensormon.sources.report import Report
from tests.support.plant import START

LINE = "line"


class Delivering:
    """A source of the name `LINE` that delivers numbered readings of one tag by hand, with its position."""

    def __init__(self, monitor: Monitor, stored: Callable[[str], Sequence[KeptAnswer]] | None = None) -> None:
        self.stopping = threading.Event()
        config = ReplaySource(Common(LINE), path="recorded.csv")
        self.report = Report(LINE, config.kind, config.place, monitor.clock)
        place = Place(
            monitor.parts.collector,
            stored or monitor.parts.store.entries.answers_to,
            monitor.parts.store.collectors is not None,
            lambda: monitor.tags,
            lambda _: None,
            lambda tags: newest_times(tags, monitor.parts),
            lambda batch: known_readings(batch, monitor.parts),
            monitor.parts.collector.last_value,
        )
        self.taking = Taking(config, place, self.report, monitor.clock, self.stopping)

    @property
    def at(self) -> int:
        """How many readings it has delivered, as its position says."""
        position = self.taking.position()
        return int(position["next"]) if position is not None else 0

    def deliver(self, count: int = 7) -> None:
        """The next `count` readings, and the position after them."""
        first = self.at
        self.taking.take(numbered(first, count), (), {"next": first + count})


def numbered(first: int, count: int, source: str = LINE) -> Batch:
    """Readings number `first` and following, a second apart, each of its own value."""
    rows = [
        Reading("fermenter_temp", START + number * SECOND // 10, 36 + number / 1_000)
        for number in range(first, first + count)
    ]
    return Batch.of(rows, source=source, received=START + first * SECOND // 10)


def received(monitor: Monitor, source: str = LINE) -> int:
    """How many readings of this source came in."""
    return sum(line.received for line in monitor.ledger.now().lines if line.source == source)


class InForce:
    """The named sources of a monitor whose thread does not run: `say` writes the file and looks at it."""

    def __init__(self, monitor: Monitor) -> None:
        self.monitor = monitor
        self.sources: NamedSources = sources_of(monitor)
        self.path: Path = monitor.settings.sources_file

    def say(self, text: str) -> None:
        self.path.write_text(text)
        self.sources.look()

    def link(self, name: str) -> str:
        """What this source does."""
        return {health.name: str(health.link) for health in self.sources.health()}[name]


def simulators(count: int, **keys: str) -> str:
    """A sources.toml with this many simulators of a tag of their own each."""
    more = "".join(f"{key} = {value}\n" for key, value in {"interval": "0.05", **keys}.items())
    return "".join(
        f'[sources.s{number}]\nkind = "simulator"\ntags = ["t{number}"]\n{more}' for number in range(count)
    )


def tag_text(count: int) -> str:
    """A tags.toml with the tags of these simulators."""
    return "".join(
        f"[tags.t{number}]\nvalid = [0, 100]\nnormal = [40, 60]\nnoise = 1\n" for number in range(count)
    )
