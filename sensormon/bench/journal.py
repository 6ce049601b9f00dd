"""`bench journal`: the cost of making a batch of 1,000 readings durable, and of a bare write and sync."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import numpy as np

from sensormon.bench.measured import Measured, Size, load_since, machine_load, percentile, seconds, spread
from sensormon.ingest.pipeline import Pipeline
from sensormon.journal.codec import encode
from sensormon.journal.journal import Journal
from sensormon.model.entries import BatchEntry, DetectorSettings
from sensormon.model.readings import Batch
from sensormon.model.tags import Tag, TagTable


def journal(size: Size, folder: Path | None = None, rounds: int = 300) -> Measured:
    """The cost of making a batch of 1,000 readings durable, and of a bare write and sync.

    Milliseconds, median and 99th percentile, alternating in one run on one disk.
    """
    before = machine_load()
    entry = _entry(1_000)
    rounds = 10 * rounds if size.full else rounds
    length = len(encode(entry))
    with tempfile.TemporaryDirectory(dir=folder) as name:
        target = Journal(Path(name) / "journal", segment_bytes=1 << 40)
        bare = os.open(Path(name) / "bare", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        data = os.urandom(length)
        appended, synced, encoded = [], [], []
        for _ in range(rounds):
            appended.append(seconds(lambda: target.append(entry)))
            synced.append(seconds(lambda: _write_and_sync(bare, data)))
            encoded.append(seconds(lambda: encode(entry)))
        os.close(bare)
        target.close()
    figures = {
        "bytes of a batch of 1,000": float(length),
        **spread("append, ms", appended),
        **spread("encoding alone, ms", encoded),
        "added to the bare sync, ms p50": percentile(appended, 50) - percentile(synced, 50),
    }
    reference = spread("bare write and fdatasync, ms", synced)
    ratio = {
        f"append {place}": figures[f"append, ms {place}"] / reference[f"bare write and fdatasync, ms {place}"]
        for place in ("p50", "p99")
    }
    return Measured(figures, reference, ratio, load_since(before))


def _entry(rows: int) -> BatchEntry:
    tags = TagTable([Tag(f"tag_{i}", f"Tag {i}") for i in range(10)])
    settings = DetectorSettings(1, 0, "bench", "zscore", {"window": 50, "threshold": 3.0}, {})
    batch = Batch(
        source="bench",
        received=10**15,
        tags=tags.names,
        tag=(np.arange(rows) % 10).astype(np.int32),
        time=10**15 - rows + np.arange(rows),
        value=np.random.default_rng(0).normal(0, 1, rows),
        quality=np.zeros(rows, dtype=np.uint32),
    )
    return BatchEntry(1, {"bench": rows}, Pipeline(tags, settings).process(batch))


def _write_and_sync(fd: int, data: bytes) -> None:
    os.write(fd, data)
    os.fdatasync(fd)
