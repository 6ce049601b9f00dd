"""`bench tick`: from a source's readings to their acknowledgement, beside a bare write and sync."""

from __future__ import annotations

import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from sensormon.api.server import SWITCH_INTERVAL
from sensormon.bench.judging import KINDS, WARM_UP, rows, tag_table
from sensormon.bench.measured import Figures, Measured, Size, load_since, machine_load, seconds, spread
from sensormon.bench.way_in import WayIn
from sensormon.ingest.loader import PACE as LOADER_PACE

COUNTS = (3, 1_000)
PACE = 0.05
"""Seconds between two ticks."""


def tick(size: Size, ticks: int = 400) -> Measured:
    """How long one reading of each of 3 and of 1,000 tags takes until it is acknowledged, ms p50 and p99.

    That is validation, scoring, the journal with its sync, and what is kept in memory, by the z-score
    alone and by the profiles of a new data folder, one plant after the other. The loader works beside, and
    threads take turns, as in a monitor, at a tick every 50 ms. The reference is a bare write and sync of as
    many bytes, after each tick.
    """
    before = machine_load()
    ticks = 10 * ticks if size.full else ticks
    figures: Figures = {}
    reference: Figures = {}
    ratio: Figures = {}
    with as_the_server():
        for tags in COUNTS:
            for kind in KINDS:
                with tempfile.TemporaryDirectory() as folder:
                    taken, synced = _ticks(Path(folder), tags, kind, ticks)
                name = f"{tags:,} tags, {kind}, ms"
                figures |= spread(name, taken)
                reference |= spread(f"{name} of a bare write and sync", synced)
                ratio[f"{tags:,} tags, {kind} p99"] = (
                    figures[f"{name} p99"] / reference[f"{name} of a bare write and sync p99"]
                )
    return Measured(figures, reference, ratio, load_since(before))


def _ticks(folder: Path, tags: int, kind: str, ticks: int) -> tuple[list[float], list[float]]:
    """What each tick took, and the write and sync of as many bytes after it (s), once detectors judge."""
    way = WayIn(folder / "plant", tag_table(tags), KINDS[kind])
    bare = os.open(folder / "bare", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    taken, synced = [], []
    never = threading.Event()
    try:
        size = 0
        for number in range(WARM_UP):
            size = way.journal.size
            way.collector.submit(rows(way.tags, number, 1))
        record = os.urandom(way.journal.size - size)
        way.drain()
        with way.loading(LOADER_PACE):
            for number in range(WARM_UP, WARM_UP + ticks):
                batch, started = rows(way.tags, number, 1), time.perf_counter()
                taken.append(seconds(partial(way.collector.submit, batch)))
                synced.append(seconds(partial(_write_and_sync, bare, record)))
                never.wait(max(0.0, PACE - (time.perf_counter() - started)))
    finally:
        os.close(bare)
        way.close()
    return taken, synced


@contextmanager
def as_the_server() -> Iterator[None]:
    """Threads of this process take turns as often as in the server."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_INTERVAL)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def _write_and_sync(fd: int, data: bytes) -> None:
    os.write(fd, data)
    os.fdatasync(fd)
