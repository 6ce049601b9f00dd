"""Where readings come from: the `Source` protocol, and which source a setting names.

A source has no thread and no clock: the collector asks when the next batch is due and
takes it then. `tests/test_every_source.py` is the contract.
"""

from __future__ import annotations

from typing import Protocol

from sensormon.readings import Batch
from sensormon.settings import Settings
from sensormon.tags import Tag, TagTable


class Source(Protocol):
    """`name` is the source's line in the ledger. `interval` is in seconds, 0 where it varies."""

    name: str
    interval: float
    tags: tuple[Tag, ...]

    def due(self, now: int) -> int | None:
        """When the next batch is due (µs UTC), from now or earlier on; None at the end."""

    def read(self, now: int) -> Batch:
        """What is due by `now`; possibly empty."""


def open_source(settings: Settings, tags: TagTable, now: int) -> Source | None:
    """The source that the settings name; None for `none`. Touches nothing.

    Raises UsageError for a file or a simulator table that cannot be used.
    """
    from sensormon.sources.replay import Replay, read_recording, split_speed  # noqa: PLC0415
    from sensormon.sources.simulator import Simulator, read_spike_rate  # noqa: PLC0415

    if settings.source == "none":
        return None
    if settings.source == "simulator":
        return Simulator(
            tags,
            seed=settings.seed,
            interval=settings.interval,
            spike_rate=read_spike_rate(settings.tags),
        )
    path, speed = split_speed(settings.source.removeprefix("replay:"))
    return Replay(read_recording(path), speed, start=now)
