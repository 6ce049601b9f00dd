"""Benchmarks: `python -m sensormon bench NAME [--json]`.

Each returns named figures with their units. Except for `detection` they depend on the machine, so
compare them only within one run: each benchmark also measures its baseline. `detection` keeps
the figures of others apart, and its JSON has `figures`, `reference`, `ratio` and `load`.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from sensormon.analysis.rescoring import History
from sensormon.analysis.what_if import Known, as_stored, compare, rescored
from sensormon.cli.bench_detection import detection, left_out
from sensormon.cli.bench_detection_table import tables
from sensormon.cli.bench_http import http
from sensormon.detectors import PER_TAG, longest_lead
from sensormon.detectors.zscore import ZScore
from sensormon.ingest.pipeline import Pipeline
from sensormon.journal.codec import encode
from sensormon.journal.journal import Journal
from sensormon.model.entries import BatchEntry, DetectorSettings
from sensormon.model.errors import UsageError
from sensormon.model.profiles import Profile, default_profiles, single
from sensormon.model.readings import Batch, Floats
from sensormon.model.settings import Settings
from sensormon.model.tags import Tag, TagTable, read_tags

Figures = dict[str, float]


def run(options: argparse.Namespace, settings: Settings) -> int:
    """Run a benchmark and print its figures. Raises UsageError for data that it cannot use."""
    if options.name == "detection":
        tags = list(read_tags(settings.tags)) if settings.tags.exists() else None
        for note in left_out(options.data, tags):
            print(f"note: {note}", file=sys.stderr)
        measured = detection(options.data, tags)
        if options.table:
            print(tables(measured))
        elif options.json:
            print(json.dumps(asdict(measured)))
        else:
            _print(measured.figures | measured.reference)
        return 0
    if options.table:
        raise UsageError(f"bench {options.name} has no tables", where="--table", hint="Leave it out")
    if options.data is not None:
        raise UsageError(f"bench {options.name} reads no recordings", where="--data", hint="Leave it out")
    figures = BENCHMARKS[options.name]()
    if options.json:
        print(json.dumps(figures))
    else:
        _print(figures)
    return 0


def _print(figures: Figures) -> None:
    width = max(40, *map(len, figures))
    for name, figure in figures.items():
        print(f"{name:<{width}} {figure:>16,.3f}")


def journal(folder: Path | None = None, rounds: int = 300) -> Figures:
    """The cost of making a batch of 1,000 readings durable, and of a bare write and sync.

    Milliseconds, median and 99th percentile, alternating in one run on one disk.
    """
    entry = _entry(1_000)
    size = len(encode(entry))
    with tempfile.TemporaryDirectory(dir=folder) as name:
        target = Journal(Path(name) / "journal", segment_bytes=1 << 40)
        bare = os.open(Path(name) / "bare", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        data = os.urandom(size)
        appended, synced, encoded = [], [], []
        for _ in range(rounds):
            appended.append(_seconds(lambda: target.append(entry)))
            synced.append(_seconds(lambda: _write_and_sync(bare, data)))
            encoded.append(_seconds(lambda: encode(entry)))
        os.close(bare)
        target.close()
    return {
        "bytes of a batch of 1,000": size,
        **_spread("append, ms", appended),
        **_spread("bare write and fdatasync, ms", synced),
        **_spread("encoding alone, ms", encoded),
        "added to the bare sync, ms p50": _ms(appended, 50) - _ms(synced, 50),
    }


def scoring(points: int = 300_000) -> Figures:
    """Readings per second of the z-score kernel on 3 interleaved tags, and of the naive code."""
    rng = np.random.default_rng(0)
    values = rng.normal(0, 1, points)
    codes = (np.arange(points) % 3).astype(np.int32)
    ok = np.ones(points, dtype=np.bool_)
    times = np.arange(points, dtype=np.int64)
    few = values[:30_000]
    figures: Figures = {}
    for window in (50, 1000):
        state = ZScore(window=window).start(np.zeros(3))
        state.run(codes[:10], values[:10], ok[:10], times[:10])  # compiles it, or loads the compiled code
        fast = points / _seconds(partial(state.run, codes, values, ok, times))
        slow = len(few) / _seconds(partial(_naive, few, window))
        figures[f"window {window}, readings/s"] = fast
        figures[f"window {window}, naive readings/s"] = slow
        figures[f"window {window}, times as fast"] = fast / slow
    return figures


def rescoring(readings: int = 100_000) -> Figures:
    """The cost of a moved slider: a tag's history rescored and compared, ms, the median of five.

    For each detector with its defaults and, if it has a window, with the widest one. The history is
    a reading per second, every 50th a known spike.
    """
    rng = np.random.default_rng(0)
    rows = readings + 2 * longest_lead()
    spikes = rng.random(rows) < 0.02
    time_of = pd.to_datetime(np.arange(rows) * 1_000_000 + 1_700_000_000_000_000, unit="us", utc=True)
    frame = pd.DataFrame(
        {
            "id": np.arange(rows),
            "time": time_of,
            "value": np.round(rng.normal(37.0, 0.2, rows) + 3.0 * spikes, 2),
            "quality": np.zeros(rows, np.uint32),
            "n": np.arange(rows),
            **dict.fromkeys(("score", "expected", "lower", "upper"), np.nan),
            "is_anomaly": spikes,
        }
    )
    tag = Tag("temp", "Temperature", valid=(0.0, 100.0), normal=(36.0, 38.0), resolution=0.01)
    history = History(tag, frame.iloc[:-readings], frame.iloc[-readings:].reset_index(drop=True))
    faults = pd.DataFrame({"tag": "temp", "time": time_of[spikes], "fault": "spike"})
    labelled = pd.DataFrame({"tag": [], "start": [], "end": [], "label": []})
    facts = Known(faults, labelled, frozenset({"temp"}))
    figures: Figures = {}
    for name, cls in PER_TAG.items():
        for window in (
            None,
            *(int(parameter.high) for parameter in cls.PARAMETERS if parameter.name == "window"),
        ):
            profile = single(name, {} if window is None else {"window": window}).default

            def moved(profile: Profile = profile) -> None:
                compare(history, as_stored(history, profile), rescored(history, profile), facts)

            moved()  # compiles it, or loads the compiled code
            taken = [_seconds(moved) for _ in range(5)]
            figures[f"{name}{'' if window is None else f', window {window}'}, ms"] = _ms(taken, 50)
    return figures


def pipeline(readings: int = 100_000, ticks: int = 400) -> Figures:
    """What judging costs on the way in, by the z-score alone and by the profiles of a new data folder.

    Readings per second of 3 tags in batches of 999, and the time of a tick with one reading of each tag,
    ms, with 3 and with 1,000 tags that have had enough readings to be judged. Time of the processor, so
    that other programs do not count.
    """
    figures: Figures = {}
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
            taken = [_busy(partial(judging.process, batch)) for batch in batches[_BEFORE:]]
            figures |= _spread(f"{name}, tick of {tags:,} tags, ms", taken)
        judging = Pipeline(TagTable([Tag(f"tag_{i}", f"Tag {i}") for i in range(3)]), version)
        batches = [_rows(judging.tags.names, first, 333) for first in range(0, readings // 3, 333)]
        judging.process(batches[0])
        taken = [_busy(partial(judging.process, batch)) for batch in batches[1:]]
        figures[f"{name}, readings/s"] = sum(map(len, batches[1:])) / sum(taken)
    return figures


BENCHMARKS: dict[str, Callable[[], Figures]] = {
    "http": http,
    "journal": journal,
    "pipeline": pipeline,
    "rescoring": rescoring,
    "scoring": scoring,
}
"""The benchmarks by name, but for `detection`."""
NAMES = sorted([*BENCHMARKS, "detection"])


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


def _naive(values: Floats, window: int) -> None:
    seen: list[deque[float]] = [deque(maxlen=window) for _ in range(3)]
    for i, value in enumerate(values.tolist()):
        last = seen[i % 3]
        if len(last) >= 50:
            abs(value - np.mean(last)) / np.std(last)
        last.append(value)


def _write_and_sync(fd: int, data: bytes) -> None:
    os.write(fd, data)
    os.fdatasync(fd)


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _busy(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


def _ms(seconds: list[float], percentile: float) -> float:
    return float(np.percentile(seconds, percentile)) * 1e3


def _spread(name: str, seconds: list[float]) -> Figures:
    return {f"{name} p50": _ms(seconds, 50), f"{name} p99": _ms(seconds, 99)}
