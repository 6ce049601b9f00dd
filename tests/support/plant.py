"""A small plant for tests: when its clock starts, and batches of readings from it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from sensormon.model.clock import SECOND
from sensormon.model.readings import Batch, Reading
from sensormon.model.settings import Settings
from sensormon.monitor.monitor import Monitor

START = 1_790_000_000 * SECOND
"""Where the fixture `clock` starts: 2026-09-21T14:13:20Z, in µs."""

Adopt = Callable[[Monitor], Monitor]
"""What the fixture `adopt` gives: a function that makes a monitor the one that pages use."""

Make = Callable[..., Monitor]
"""What the fixture `make` of the tests of `view` gives; its arguments are changed settings."""


def batch_of(
    *readings: tuple[str, float], at: int = START, source: str = "test", seconds: float = 1.0
) -> Batch:
    """Readings (tag, value), `seconds` apart from `at` on, all received at the time of the last one."""
    rows = [Reading(tag, at + round(i * seconds * SECOND), value) for i, (tag, value) in enumerate(readings)]
    return Batch.of(rows, source=source, received=rows[-1].time if rows else at)


def own_table(folder: Path) -> Path:
    """A copy of the repository's tag table in this folder, which a test may change."""
    return Path(shutil.copy(Settings().tags, folder / "tags.toml"))
