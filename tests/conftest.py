"""What many tests need: a clock that is set, a small tag table, batches, a monitor on a temporary folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import hypothesis
import numpy as np
import pytest

from sensormon.model.clock import SECOND, ManualClock
from sensormon.model.entries import BatchEntry, DetectorSettings, Record
from sensormon.model.readings import Batch, Processed, Reading
from sensormon.model.settings import Settings
from sensormon.model.tags import Tag, TagTable
from sensormon.monitor import runtime
from sensormon.monitor.monitor import Monitor

hypothesis.settings.register_profile("unhurried", deadline=None)  # machines that test are busy
hypothesis.settings.load_profile("unhurried")

START = 1_790_000_000 * SECOND
Adopt = Callable[[Monitor], Monitor]
"""Makes a monitor the one that pages find; see the fixture."""


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START)


@pytest.fixture
def tags() -> TagTable:
    return TagTable(
        [
            Tag(
                "temp",
                "Temperature",
                "°C",
                valid=(0.0, 100.0),
                normal=(35.0, 40.0),
                noise=0.1,
                resolution=0.01,
            ),
            Tag("ph", "pH value", "pH", valid=(5.0, 9.0), normal=(6.5, 7.5), noise=0.02, resolution=0.01),
        ]
    )


@pytest.fixture
def detection() -> DetectorSettings:
    params = {"window": 50, "threshold": 3.0}
    return DetectorSettings(1, START, "environment", "zscore", params, params)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data", source="none")


def batch_of(
    *readings: tuple[str, float], at: int = START, source: str = "test", seconds: float = 1.0
) -> Batch:
    """Readings (tag, value), `seconds` apart from `at` on, that all came in at the last one's time."""
    rows = [Reading(tag, at + round(i * seconds * SECOND), value) for i, (tag, value) in enumerate(readings)]
    return Batch.of(rows, source=source, received=rows[-1].time if rows else at)


@pytest.fixture
def processed(tags: TagTable, detection: DetectorSettings) -> Callable[..., Processed]:
    """Makes a processed batch of `count` readings of one tag; later calls go on where it stopped."""
    from sensormon.ingest.pipeline import Pipeline

    pipeline = Pipeline(tags, detection)
    made = {"rows": 0}

    def make(count: int = 3, source: str = "test") -> Processed:
        rng = np.random.default_rng(made["rows"])
        at = START + made["rows"] * SECOND
        made["rows"] += count
        values = [("temp", round(float(value), 2)) for value in rng.normal(37, 0.1, count)]
        return pipeline.process(batch_of(*values, at=at, source=source))

    return make


@pytest.fixture
def records(processed: Callable[..., Processed]) -> Callable[[int, int], list[Record]]:
    """Makes numbered journal records of `rows` readings each, as one journal would hold them."""

    def make(count: int, rows: int = 3, first: int = 1) -> list[Record]:
        made, next_id, received = [], 1 + (first - 1) * rows, (first - 1) * rows
        for number in range(first, first + count):
            batch = processed(rows)
            received += batch.received
            made.append(Record(number, BatchEntry(next_id, {"test": received}, batch)))
            next_id += len(batch.accepted)
        return made

    return make


@pytest.fixture
def stop_monitors() -> Iterator[list[object]]:
    """Monitors put into this list are stopped after the test."""
    started: list[object] = []
    yield started
    for one in started:
        one.stop()  # type: ignore[attr-defined]


@pytest.fixture
def adopt() -> Iterator[Adopt]:
    def take(monitor: Monitor) -> Monitor:
        runtime.adopt(monitor)
        return monitor

    yield take
    runtime.stop()


@pytest.fixture
def full(settings: Settings, adopt: Adopt) -> Monitor:
    """A simulated plant after its first start, all of it stored."""
    monitor = adopt(Monitor(replace(settings, source="simulator"), ManualClock(START)))
    monitor.backfill()
    monitor.drain()
    return monitor
