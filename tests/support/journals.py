"""Journals with small numbered entries, and what they give back."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from sensormon.journal.journal import Journal
from sensormon.model.entries import BatchEntry, DetectorSettings, SettingsEntry
from sensormon.model.readings import Batch, Processed, Scores, Verdicts
from tests.support.plant import START


def open_journal(folder: Path, **options: Any) -> Journal:
    """The journal in this folder, without a reserve on the disk."""
    return Journal(folder, reserve_bytes=0, **options)


def settings_entry(i: int) -> SettingsEntry:
    """A small entry that can be recognised by its number."""
    return SettingsEntry(DetectorSettings(i, START, "who", "zscore", {"window": 50}, {}))


def batch_entry(values: list[float]) -> BatchEntry:
    """Readings of one tag with these values, accepted and not scored."""
    rows = len(values)
    batch = Batch(
        source="test",
        received=1,
        tags=("a",),
        tag=np.zeros(rows, dtype=np.int32),
        time=np.arange(rows, dtype=np.int64),
        value=np.array(values, dtype=np.float64),
        quality=np.zeros(rows, dtype=np.uint32),
    )
    nan = np.full(rows, np.nan)
    scores = Scores(
        n=np.arange(rows, dtype=np.int64),
        score=nan,
        expected=nan,
        lower=nan,
        upper=nan,
        is_anomaly=np.zeros(rows, dtype=np.bool_),
    )
    return BatchEntry(1, {"test": rows}, Processed(batch, scores, 1, ()))


def filled(folder: Path, count: int, **options: Any) -> Path:
    """The folder, with a closed journal of `settings_entry(1)` to `settings_entry(count)` in it."""
    journal = open_journal(folder, **options)
    for i in range(1, count + 1):
        assert journal.append(settings_entry(i)) == i
    journal.close()
    return folder


def ids(journal: Journal, after: int = 0) -> list[int]:
    """The numbers of all records above `after`. Fails unless each holds the entry of its number."""
    numbers: list[int] = []
    while records := journal.read(after, 10):
        for record in records:
            assert isinstance(record.entry, SettingsEntry)
            assert record.entry.settings.id == record.number
            numbers.append(record.number)
        after = numbers[-1]
    return numbers


def assert_same(value: object, other: object) -> None:
    """Equal in type and content at every level; arrays in dtype and bits."""
    assert type(value) is type(other)
    if isinstance(value, np.ndarray):
        assert isinstance(other, np.ndarray)
        assert value.dtype == other.dtype
        assert value.tobytes() == other.tobytes()
    elif isinstance(value, BatchEntry | Processed | Batch | Scores | Verdicts):
        for field in fields(value):
            if field.compare:  # how a batch was read is not its content
                assert_same(getattr(value, field.name), getattr(other, field.name))
    else:
        assert value == other
