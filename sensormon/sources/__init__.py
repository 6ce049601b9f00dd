"""Where readings come from: the protocol of a source, and the source that the settings name.

A source is asked: no thread, no clock and no sleeping in it. To add one, write a class that
fits `Source`, name it in `open_source`, and let `tests/test_every_source.py` run over it.
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
    """Something that has readings at certain times. Times are µs UTC."""

    @property
    def name(self) -> str:
        """What the ledger calls it; never changes."""

    @property
    def interval(self) -> float:
        """Seconds between two readings of a tag, 0 where there is no fixed interval."""

    @property
    def tags(self) -> tuple[Tag, ...]:
        """The tags it delivers."""

    def due(self, now: int) -> int | None:
        """When the next batch is due, before `now` where it is late; None after the last."""

    def read(self, now: int) -> Batch:
        """The batch that is due, with no reading later than `now`; empty where none is."""


def open_source(settings: Settings, tags: TagTable, now: int) -> Source | None:
    """The source that SENSORMON_SOURCE names, to begin at `now` (µs UTC); None for "none".

    Raises UsageError where its file, its speed or its part of tags.toml is wrong.
    """
    kind, _, argument = settings.source.partition(":")
    if settings.source == "none":
        return None
    if settings.source == "simulator":
        spike_rate = read_spike_rate(settings.tags)
        return Simulator(tags, settings.seed, settings.interval, spike_rate)
    if kind == "replay" and argument:
        replay = Replay(*parse_replay(argument))
        replay.check_end(now)
        return replay
    raise UsageError(
        f"{settings.source!r} cannot be used",
        where="SENSORMON_SOURCE",
        hint="Use simulator, none, replay:FILE or replay:FILE@SPEED",
    )
