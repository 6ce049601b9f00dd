"""What the store keeps of readings that grew old: the shapes of roll-ups, and what is due.

A roll-up is a minute of a tag: lowest, mean and highest value and how many readings, apart by
quality, because a mean of good and bad values is neither. Readings that were flagged stay as
they are (events, labels and their history are made from them) and are counted in their minute
too: so raw readings of a rolled-up day are never added to its roll-ups.
"""

from __future__ import annotations

from dataclasses import dataclass

ROLLUPS = ("tag", "time", "quality", "min", "mean", "max", "count", "kept")
"""The columns of a frame of roll-ups; `quality` is 0 good, 1 uncertain, 2 bad."""


@dataclass(frozen=True)
class Due:
    """A day of a tag to be rolled up: `readings` that will be deleted, in so many minutes.

    `day` is where it begins, µs UTC. Good live readings from `keep_good` on and others from
    `keep_others` on (ids) stay as they are, whatever their time: a restart needs them.
    """

    tag: str
    day: int
    readings: int
    minutes: int
    keep_good: int
    keep_others: int


@dataclass(frozen=True)
class Space:
    """Bytes that the database takes on disk, and how many of these are free for new rows."""

    file: int
    wal: int
    free: int
    readings: int
    rollups: int


@dataclass(frozen=True)
class Arrivals:
    """Live readings that came in since a time: how many, and the first and last of them (µs UTC)."""

    count: int = 0
    first: int = 0
    last: int = 0
    flagged: int = 0
