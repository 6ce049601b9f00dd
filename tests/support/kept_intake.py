"""An intake that keeps what a source hands over, for tests without a monitor, and a source that runs so."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np

from sensormon.model.clock import Clock, SystemClock
from sensormon.model.readings import Batch, Bools, Rejection
from sensormon.model.source_health import SourceHealth
from sensormon.model.tags import Tag, TagTable
from sensormon.sources.connected import Position, Stopping, Taken
from sensormon.sources.kinds import KINDS
from sensormon.sources.named import NamedSource
from sensormon.sources.report import Report

PATIENCE = 20.0
"""Seconds until what does not come about counts as wrong."""


class KeptIntake:
    """See `sources.connected.Intake`; everything is taken. `take` waits while `go_on` is not set."""

    def __init__(self, clock: Clock | None = None) -> None:
        self.clock = clock or SystemClock()
        self.batches: list[Batch] = []
        self.refused: list[Rejection] = []
        self.offered: list[Tag] = []
        self.go_on = threading.Event()
        self.go_on.set()
        self.positions: list[Position] = []
        self._table = TagTable(())

    def take(
        self, batch: Batch, malformed: Sequence[Rejection] = (), position: Position | None = None
    ) -> Taken:
        """Keep them, once `go_on` is set."""
        assert self.go_on.wait(PATIENCE)
        self.batches.append(batch)
        self.refused.extend(malformed)
        if position is not None:
            self.positions.append(position)
        return Taken(len(batch), 0, len(malformed))

    def position(self) -> Position | None:
        """That of the last batch that had one."""
        return self.positions[-1] if self.positions else None

    def forget(self, position: Position) -> None:
        """Let this be the last position, as if the monitor had been killed then."""
        self.positions.append(position)

    def newest(self, tags: Collection[str]) -> Mapping[str, int]:
        """By tag, the newest own time."""
        times: dict[str, int] = {}
        for batch in list(self.batches):
            for code, moment in zip(batch.tag, batch.time, strict=True):
                name = batch.tags[code]
                if name in tags:
                    times[name] = max(int(moment), times.get(name, int(moment)))
        return times

    def known(self, batch: Batch) -> Bools:
        """Which of them were taken before."""
        taken = {row for kept in list(self.batches) for row in _rows(kept)}
        return np.array([row in taken for row in _rows(batch)], dtype=np.bool_)

    def tags(self) -> TagTable:
        """Those that were offered."""
        return TagTable(self.offered)

    def offer_tags(self, tags: Sequence[Tag]) -> None:
        """Keep those that are new."""
        names = {tag.name for tag in self.offered}
        self.offered.extend(tag for tag in tags if tag.name not in names)

    def values(self, tag: str) -> list[tuple[float | str, int]]:
        """Value (or word) and quality of each reading of this tag, in order of arrival."""
        return [(value, quality) for batch in list(self.batches) for value, quality in rows(batch, tag)]


class Running:
    """A source that runs in a thread of its own, as in a monitor."""

    def __init__(self, config: NamedSource, intake: KeptIntake) -> None:
        self.intake = intake
        self.report = Report(config.name, config.kind, config.place, intake.clock)
        self.stopping = threading.Event()
        self._source = KINDS[config.kind].open(config, str, Path())
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    @property
    def health(self) -> SourceHealth:
        """How it is now."""
        return self.report.health()

    def stop(self) -> float:
        """End it; the seconds that it took."""
        began = time.monotonic()
        self.stopping.set()
        self.intake.go_on.set()
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()
        return time.monotonic() - began

    def _run(self) -> None:
        with suppress(Stopping):
            self._source.run(self.intake, self.report, self.stopping)


@contextmanager
def running(config: NamedSource, intake: KeptIntake | None = None) -> Iterator[Running]:
    """Run this source until the block ends."""
    source = Running(config, intake or KeptIntake())
    try:
        yield source
    finally:
        source.stop()


def _rows(batch: Batch) -> list[tuple[str, int, float]]:
    names = [batch.tags[code] for code in batch.tag]
    return [*zip(names, batch.time.tolist(), batch.value.tolist(), strict=True)]


def rows(batch: Batch, tag: str) -> list[tuple[float | str, int]]:
    """Value (or word) and quality of each reading of this tag."""
    return [
        (
            batch.words[batch.word[row]]
            if batch.word is not None and batch.word[row] >= 0
            else float(batch.value[row]),
            int(batch.quality[row]),
        )
        for row in range(len(batch))
        if batch.tags[batch.tag[row]] == tag
    ]


def until(condition: Callable[[], object], seconds: float = PATIENCE) -> None:
    """Wait until this is so. Raises AssertionError after these seconds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.005)
