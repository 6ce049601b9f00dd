"""Runs a source that is asked when something is due, as a named one."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sensormon.model.clock import SECOND, SystemClock
from sensormon.model.errors import SourceError, UsageError
from sensormon.model.format import counted
from sensormon.model.readings import Batch
from sensormon.model.tags import Tag, TagTable
from sensormon.sources.connected import ConnectedSource, Explorer, Intake, Offer, Preview, Secret, Seen
from sensormon.sources.named import NamedSource
from sensormon.sources.polled.kind import ReplaySource, SimulatorSource
from sensormon.sources.replay import Replay
from sensormon.sources.report import Report
from sensormon.sources.simulator import Simulator

LOOK = 1.0
"""Seconds after which a wait for the next reading looks at the table of tags again."""
_FAR = 1 << 62


def open_source(config: NamedSource, secret: Secret) -> ConnectedSource:
    """A source that can run."""
    del secret
    return Polled(config)


def explore(config: NamedSource, secret: Secret) -> Explorer:
    """What a page asks of it."""
    del secret
    if isinstance(config, ReplaySource):
        return ReplayExplorer(config)
    return SimulatorExplorer(config)


@dataclass(frozen=True)
class Polled:
    """See the module."""

    config: NamedSource

    def run(self, intake: Intake, report: Report, stopping: threading.Event) -> None:
        """Deliver what is due until `stopping` is set or nothing is left. Raises UsageError for a wrong file
        or a tag that cannot be simulated.
        """
        table = intake.tags()
        source, take_up = _opened(self.config, table)
        if self.config.common.new_tags:
            intake.offer_tags([replace(tag, simulated=False) for tag in source.tags])
        report.connected(counted(len(source.tags), "tag"))
        while not stopping.is_set():
            if (now_table := intake.tags()) is not table:
                table = now_table
                take_up(table)
                report.connected(counted(len(source.tags), "tag"))
            now = intake.clock.now()
            due = source.due(now)
            if due is None:
                return
            if intake.clock.wait(stopping, min(LOOK, (due - now) / SECOND)):
                return
            batch = source.read(intake.clock.now())
            if len(batch) or batch.injected:
                intake.take(replace(batch, source=self.config.source))


def _opened(
    config: NamedSource, table: TagTable
) -> tuple[Simulator | Replay, Callable[[Iterable[Tag]], None]]:
    """The source, and how it takes up another table."""
    if isinstance(config, SimulatorSource):
        simulator = Simulator(table, config.seed, config.interval, config.spike_rate)
        return simulator, simulator.retag
    if isinstance(config, ReplaySource):
        return Replay(Path(config.path).expanduser(), config.speed, table), lambda _: None
    raise SourceError(f"{config.kind} is not a source that is polled", where=config.name)


@dataclass(frozen=True)
class ReplayExplorer:
    """What a page asks of a replay: what is in the file."""

    config: ReplaySource

    def test(self, seconds: float) -> Seen:
        """Raises SourceError if the file cannot be played."""
        del seconds
        replay = self._replay()
        return Seen(f"{counted(len(replay), 'reading')} of {counted(len(replay.tags), 'tag')}")

    def browse(self, below: str, seconds: float) -> Sequence[Offer]:
        """The tags of the file."""
        del below, seconds
        return [Offer(tag.name, tag.label, False, tag) for tag in self._replay().tags[:1_000]]

    def preview(self, count: int, seconds: float) -> Preview:
        """The first readings, at the times that they would get now."""
        del seconds
        replay = self._replay()
        begin = SystemClock().now()
        replay.due(begin)
        batch: Batch = replay.read(_FAR)
        first = replace(batch, source=self.config.source, received=begin)
        return Preview(first.take(first.time.argsort(kind="stable")[:count]))

    def _replay(self) -> Replay:
        try:
            return Replay(Path(self.config.path).expanduser(), self.config.speed)
        except UsageError as error:
            raise SourceError(error.what, where=error.where, hint=error.hint) from error


@dataclass(frozen=True)
class SimulatorExplorer:
    """What a page asks of a simulator, which has nothing to connect to."""

    config: NamedSource

    def test(self, seconds: float) -> Seen:
        """Always works."""
        del seconds
        return Seen(f"makes up readings of the tags {', '.join(self.config.simulates)}")

    def browse(self, below: str, seconds: float) -> Sequence[Offer]:
        """Nothing: its tags are those of the table."""
        del below, seconds
        return []

    def preview(self, count: int, seconds: float) -> Preview:
        """Raises SourceError."""
        del count, seconds
        raise SourceError(
            "a simulator has nothing to read before it runs",
            where=self.config.name,
            hint="Start it, and look at its tags on the page Live",
        )
