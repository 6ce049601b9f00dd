"""`bench tick`: from a source's readings to their acknowledgement, beside a bare write and sync."""

from __future__ import annotations

import os
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from sensormon.bench.judging import KINDS, WARM_UP, rows, tag_table
from sensormon.bench.measured import Figures, Measured, Size, load_since, machine_load, seconds, spread
from sensormon.bench.way_in import WayIn
from sensormon.model.readings import Batch

COUNTS = (3, 1_000)
PACE = 0.05
"""Seconds between two ticks of each plant."""


@dataclass(frozen=True)
class _Plant:
    """A number of tags under some profiles, with what its ticks took (s)."""

    tags: int
    kind: str
    way: WayIn
    bare: int  # a file descriptor, for as many bytes
    record: bytes
    taken: list[float] = field(default_factory=list)
    synced: list[float] = field(default_factory=list)

    @property
    def name(self) -> str:
        return f"{self.tags:,} tags, {self.kind}, ms"

    def tick(self, batch: Batch) -> None:
        """Take the batch in, then write and sync as many bytes."""
        self.taken.append(seconds(lambda: self.way.collector.submit(batch)))
        self.synced.append(seconds(partial(_write_and_sync, self.bare, self.record)))


def tick(size: Size, ticks: int = 400) -> Measured:
    """How long one reading of each of 3 and of 1,000 tags takes until it is acknowledged, ms p50 and p99.

    That is validation, scoring, the journal with its sync, and what is kept in memory, by the z-score
    alone and by the profiles of a new data folder. The loader of each works beside, as in a monitor, at a
    tick every 50 ms. The reference is a bare write and sync of as many bytes, after each tick.
    """
    before = machine_load()
    ticks = 10 * ticks if size.full else ticks
    with tempfile.TemporaryDirectory() as name, ExitStack() as running:
        plants = [_plant(Path(name), tags, kind) for tags in COUNTS for kind in KINDS]
        for plant in plants:
            running.callback(plant.way.close)
            running.callback(os.close, plant.bare)
            running.enter_context(plant.way.loading())
        _run(plants, ticks)
    figures: Figures = {}
    reference: Figures = {}
    for plant in plants:
        figures |= spread(plant.name, plant.taken)
        reference |= spread(f"{plant.name} of a bare write and sync", plant.synced)
    ratio = {
        f"{plant.name.removesuffix(', ms')} p99": figures[f"{plant.name} p99"]
        / reference[f"{plant.name} of a bare write and sync p99"]
        for plant in plants
    }
    return Measured(figures, reference, ratio, load_since(before))


def _run(plants: Sequence[_Plant], ticks: int) -> None:
    never = threading.Event()
    for number in range(WARM_UP, WARM_UP + ticks):
        started = time.perf_counter()
        for plant in plants:
            plant.tick(rows(plant.way.tags, number, 1))
        never.wait(max(0.0, PACE - (time.perf_counter() - started)))


def _plant(folder: Path, tags: int, kind: str) -> _Plant:
    """A plant whose detectors have had enough readings to judge."""
    way = WayIn(folder / f"{tags} {kind}", tag_table(tags), KINDS[kind])
    size = 0
    for number in range(WARM_UP):
        size = way.journal.size
        way.collector.submit(rows(way.tags, number, 1))
    bare = os.open(folder / f"{tags} {kind} bare", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    return _Plant(tags, kind, way, bare, os.urandom(way.journal.size - size))


def _write_and_sync(fd: int, data: bytes) -> None:
    os.write(fd, data)
    os.fdatasync(fd)
