"""An intake that keeps what it is given, and can be killed between two batches as a process is."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence

import numpy as np

from sensormon.model.clock import Clock
from sensormon.model.readings import Batch, Bools, Origin, Rejection
from sensormon.model.tags import Tag
from sensormon.sources.connected import Position, Taken

Stored = tuple[str, int, float | str]
"""A reading: tag, time (µs UTC), value or word."""


class Killed(BaseException):
    """The process ended here; nothing of this batch is durable."""


class RecordingIntake:
    """What is durable outlives a kill: `readings` in order, `refused`, the position.

    `kills` are how many batches are still taken before each kill.
    """

    def __init__(self, clock: Clock, kills: Sequence[int] = ()) -> None:
        self.clock = clock
        self.readings: list[Stored] = []
        self.qualities: list[int] = []
        self.origins: list[Origin] = []
        self.refused: list[Rejection] = []
        self.tags: dict[str, Tag] = {}
        self.largest = 0
        self.looked_up = 0
        self._kills = list(kills)
        self._position: Position | None = None
        self._known: set[Stored] = set()

    def take(
        self, batch: Batch, malformed: Sequence[Rejection] = (), position: Position | None = None
    ) -> Taken:
        """See `Intake.take`."""
        if self._kills:
            if self._kills[0] <= 0:
                self._kills.pop(0)
                raise Killed
            self._kills[0] -= 1
        rows = rows_of(batch)
        self.readings += rows
        self.qualities += batch.quality.tolist()
        self.origins += [batch.origin] * len(rows)
        self._known |= set(rows)
        self.refused += malformed
        self.largest = max(self.largest, len(rows))
        if position is not None:
            self._position = json.loads(json.dumps(position))
        return Taken(len(rows), 0, len(malformed))

    def position(self) -> Position | None:
        """See `Intake.position`."""
        return self._position

    def known(self, batch: Batch) -> Bools:
        """See `Intake.known`."""
        self.looked_up += len(batch)
        return np.array([row in self._known for row in rows_of(batch)], dtype=np.bool_)

    def newest(self, tags: Collection[str]) -> Mapping[str, int]:
        """See `Intake.newest`."""
        return {tag: max(time for name, time, _ in self.readings if name == tag) for tag in tags}

    def offer_tags(self, tags: Sequence[Tag]) -> None:
        """See `Intake.offer_tags`."""
        self.tags |= {tag.name: tag for tag in tags}


def rows_of(batch: Batch) -> list[Stored]:
    """The readings of a batch; of a state its word."""
    values: list[float | str] = list(batch.value.tolist())
    if batch.word is not None:
        values = [
            batch.words[word] if word >= 0 else value
            for word, value in zip(batch.word.tolist(), values, strict=True)
        ]
    return list(
        zip((batch.tags[tag] for tag in batch.tag.tolist()), batch.time.tolist(), values, strict=True)
    )
