"""Where readings come from: the protocol of a source, and the factory that opens the configured one.

A source is polled: it has no thread, no clock and never sleeps. To add one, write a class that
fits `Source`, name it in `open_source`, and let `tests/sources/test_every_source.py` run over it.
"""

from __future__ import annotations

from typing import Protocol

from sensormon.model.errors import UsageError
from sensormon.model.readings import Batch
from sensormon.model.settings import Settings
from sensormon.model.tags import Tag, TagTable
from sensormon.sources.replay import Replay, parse_replay
from sensormon.sources.simulator import Simulator, read_spike_rate


class Source(Protocol):
    """Something that delivers readings at certain times. Times are µs UTC."""

    @property
    def name(self) -> str:
        """Its name in the ledger; never changes."""

    @property
    def interval(self) -> float:
        """Seconds between two readings of a tag, 0 without a fixed interval."""

    @property
    def tags(self) -> tuple[Tag, ...]:
        """The tags it delivers."""

    def due(self, now: int) -> int | None:
        """When the next batch is due, before `now` if it is late; None after the last."""

    def read(self, now: int) -> Batch:
        """The batch that is due, with no reading later than `now`; empty if none is due."""


def open_source(settings: Settings, tags: TagTable, now: int) -> Source | None:
    """The source that SENSORMON_SOURCE names, to begin at `now` (µs UTC); None for "none".

    Raises UsageError if its file, its speed or its part of tags.toml is wrong.
    """
    kind, _, argument = settings.source.partition(":")
    if settings.source == "none":
        return None
    if settings.source == "simulator":
        spike_rate = read_spike_rate(settings.tags)
        return Simulator(tags, settings.seed, settings.interval, spike_rate)
    if kind == "replay" and argument:
        path, speed = parse_replay(argument)
        replay = Replay(path, speed, tags)
        replay.check_end(now)
        return replay
    raise UsageError(
        f"{settings.source!r} cannot be used",
        where="SENSORMON_SOURCE",
        hint="Use simulator, none, replay:FILE or replay:FILE@SPEED",
    )
