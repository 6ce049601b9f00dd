"""What judging alone costs on the way in, a part of `bench pipeline`; and rows for benchmarks to judge."""

from __future__ import annotations

from functools import partial

import numpy as np

from sensormon.bench.measured import Figures, processor_seconds, spread
from sensormon.ingest.pipeline import Pipeline
from sensormon.model.entries import DetectorSettings
from sensormon.model.profiles import Profiles, default_profiles, single
from sensormon.model.readings import Batch
from sensormon.model.tags import Tag, TagTable

KINDS: dict[str, Profiles] = {
    "z-score": single("zscore", {"window": 50, "threshold": 3.0}),
    "default": default_profiles(50, 3),
}
"""The z-score alone, and the profiles of a new data folder."""


def judging(readings: int, ticks: int) -> Figures:
    """What judging costs on the way in, by the z-score alone and by the profiles of a new data folder.

    Readings per second of 3 tags in batches of 999, and the time of a tick with one reading of each tag,
    ms, with 3 and with 1,000 tags that have had enough readings to be judged. Time of the processor, so
    that other programs do not count.
    """
    figures: Figures = {}
    for name, profiles in KINDS.items():
        version = version_of(profiles)
        for tags in (3, 1_000):
            pipeline = Pipeline(tag_table(tags), version)
            batches = [rows(pipeline.tags.names, tick, 1) for tick in range(WARM_UP + ticks)]
            for batch in batches[:WARM_UP]:
                pipeline.process(batch)
            taken = [processor_seconds(partial(pipeline.process, batch)) for batch in batches[WARM_UP:]]
            figures |= spread(f"judging alone, {name}, tick of {tags:,} tags, ms", taken)
        pipeline = Pipeline(tag_table(3), version)
        batches = [rows(pipeline.tags.names, first, 333) for first in range(0, readings // 3, 333)]
        pipeline.process(batches[0])
        taken = [processor_seconds(partial(pipeline.process, batch)) for batch in batches[1:]]
        figures[f"judging alone, {name}, readings/s"] = sum(map(len, batches[1:])) / sum(taken)
    return figures


def version_of(profiles: Profiles) -> DetectorSettings:
    """The settings under which these profiles judge."""
    return DetectorSettings.of(profiles, id=1, applied=0, who="bench", base={}, reason="")


def tag_table(tags: int) -> TagTable:
    """A table with this many tags, none of which has limits."""
    return TagTable([Tag(f"tag_{place}", f"Tag {place}") for place in range(tags)])


WARM_UP = 128
"""Ticks before the clock runs: as many readings as a detector needs before it judges."""


def rows(tags: tuple[str, ...], first: int, ticks: int) -> Batch:
    """One reading a second of each tag, from second `first` on."""
    count = len(tags) * ticks
    return Batch(
        source="bench",
        received=10**15,
        tags=tags,
        tag=(np.arange(count) % len(tags)).astype(np.int32),
        time=10**15 - 10**12 + (first + np.arange(count) // len(tags)) * 1_000_000,
        value=np.round(np.random.default_rng(first).normal(0, 1, count), 2),
        quality=np.zeros(count, dtype=np.uint32),
    )
