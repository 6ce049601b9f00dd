"""`bench pipeline`: what a reading costs on the way in."""

from __future__ import annotations

from functools import partial

import numpy as np

from sensormon.bench.measured import (
    Figures,
    Measured,
    Size,
    load_since,
    machine_load,
    processor_seconds,
    spread,
)
from sensormon.ingest.pipeline import Pipeline
from sensormon.model.entries import DetectorSettings
from sensormon.model.profiles import default_profiles, single
from sensormon.model.readings import Batch
from sensormon.model.tags import Tag, TagTable


def pipeline(size: Size, readings: int = 100_000, ticks: int = 400) -> Measured:
    """What judging costs on the way in, by the z-score alone and by the profiles of a new data folder.

    Readings per second of 3 tags in batches of 999, and the time of a tick with one reading of each tag,
    ms, with 3 and with 1,000 tags that have had enough readings to be judged. Time of the processor, so
    that other programs do not count.
    """
    before = machine_load()
    figures: Figures = {}
    readings = size.readings or readings
    kinds = {
        "z-score": single("zscore", {"window": 50, "threshold": 3.0}),
        "default": default_profiles(50, 3),
    }
    for name, profiles in kinds.items():
        version = DetectorSettings.of(profiles, id=1, applied=0, who="bench", base={}, reason="")
        for tags in (3, 1_000):
            judging = Pipeline(TagTable([Tag(f"tag_{i}", f"Tag {i}") for i in range(tags)]), version)
            batches = [_rows(judging.tags.names, tick, 1) for tick in range(_BEFORE + ticks)]
            for batch in batches[:_BEFORE]:
                judging.process(batch)
            taken = [processor_seconds(partial(judging.process, batch)) for batch in batches[_BEFORE:]]
            figures |= spread(f"{name}, tick of {tags:,} tags, ms", taken)
        judging = Pipeline(TagTable([Tag(f"tag_{i}", f"Tag {i}") for i in range(3)]), version)
        batches = [_rows(judging.tags.names, first, 333) for first in range(0, readings // 3, 333)]
        judging.process(batches[0])
        taken = [processor_seconds(partial(judging.process, batch)) for batch in batches[1:]]
        figures[f"{name}, readings/s"] = sum(map(len, batches[1:])) / sum(taken)
    return Measured(figures, {}, {}, load_since(before))


_BEFORE = 128
"""Ticks before the clock runs: as many readings as a detector needs before it judges."""


def _rows(tags: tuple[str, ...], first: int, ticks: int) -> Batch:
    """One reading a second of each tag, from second `first` on."""
    rows = len(tags) * ticks
    return Batch(
        source="bench",
        received=10**15,
        tags=tags,
        tag=(np.arange(rows) % len(tags)).astype(np.int32),
        time=10**15 - 10**12 + (first + np.arange(rows) // len(tags)) * 1_000_000,
        value=np.round(np.random.default_rng(first).normal(0, 1, rows), 2),
        quality=np.zeros(rows, dtype=np.uint32),
    )
