"""Benchmarks, as commands: `python -m sensormon bench NAME [--json]`.

Each gives named figures with their unit. The machine decides the figures, so compare
within one run only: each benchmark measures beside what it costs what it is compared with.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

import numpy as np

from sensormon.bench_http import http
from sensormon.detectors import PER_TAG, make
from sensormon.detectors.base import TagFacts
from sensormon.detectors.zscore import ZScore
from sensormon.journal import Journal
from sensormon.pipeline import Pipeline
from sensormon.readings import Batch, Bools, Floats, Ints
from sensormon.records import BatchEntry, DetectorSettings, encode
from sensormon.tags import Tag, TagTable

Figures = dict[str, float]


def journal(folder: Path | None = None, rounds: int = 300) -> Figures:
    """What making a batch of 1,000 readings durable costs, and the bare write and sync beside it.

    Milliseconds, median and 99th percentile, alternating in one run on one disk.
    """
    entry = _entry(1_000)
    size = len(encode(entry))
    with tempfile.TemporaryDirectory(dir=folder) as name:
        made = Journal(Path(name) / "journal", segment_bytes=1 << 40)
        bare = os.open(Path(name) / "bare", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        data = os.urandom(size)
        appended, synced, encoded = [], [], []
        for _ in range(rounds):
            appended.append(_seconds(lambda: made.append(entry)))
            synced.append(_seconds(lambda: _write_and_sync(bare, data)))
            encoded.append(_seconds(lambda: encode(entry)))
        os.close(bare)
        made.close()
    return {
        "bytes of a batch of 1,000": size,
        **_spread("append, ms", appended),
        **_spread("bare write and fdatasync, ms", synced),
        **_spread("encoding alone, ms", encoded),
        "added to the bare sync, ms p50": _ms(appended, 50) - _ms(synced, 50),
    }


def scoring(points: int = 300_000) -> Figures:
    """Readings a second through the z-score's kernel over 3 interleaved tags, and the naive way beside it."""
    rng = np.random.default_rng(0)
    values = rng.normal(0, 1, points)
    codes = (np.arange(points) % 3).astype(np.int32)
    ok = np.ones(points, dtype=np.bool_)
    times = np.arange(points, dtype=np.int64)
    few = values[:30_000]
    figures: Figures = {}
    for window in (50, 1000):
        state = ZScore(window=window).start(np.zeros(3))
        state.run(codes[:10], values[:10], ok[:10], times[:10])  # compiles, or loads what was compiled
        fast = points / _seconds(lambda state=state: state.run(codes, values, ok, times))  # type: ignore[misc]
        slow = len(few) / _seconds(lambda window=window: _naive(few, window))  # type: ignore[misc]
        figures[f"window {window}, readings/s"] = fast
        figures[f"window {window}, naive readings/s"] = slow
        figures[f"window {window}, times as fast"] = fast / slow
    return figures


PHI = (0.0, 0.5, 0.9, 0.99)
"""Lag-1 coefficients of the clean series in `detection`: independent noise to slow wandering."""

_AT, _LASTS = 1000, 200


def detection(tags: int = 200, rows: int = 5_000) -> Figures:
    """What each detector flags at its defaults, in percent of the readings.

    Of clean series with standard deviation 1 (a fifth of `tags` of them, of `rows` readings
    each), for each lag-1 coefficient; and of the readings of a fault in `tags` series, 200
    of them after 1,000 clean independent ones.
    """
    rng = np.random.default_rng(0)
    clean = [_wandering(rng, phi, max(1, tags // 5), rows) for phi in PHI]
    normal = _wandering(rng, 0.0, tags, _AT + 2 * _LASTS)
    faulty = {name: _with_fault(normal, name) for name in FAULTS}
    band = 4.0  # the normal band of a tag, for detectors that know it, in standard deviations
    figures: Figures = {}
    for name in PER_TAG:
        for phi, values in zip(PHI, clean, strict=True):
            share = _flagged(name, values, _seconds_apart(values), band).mean()
            figures[f"{name}, flagged of clean readings with coefficient {phi:g}, %"] = 100 * float(share)
        for fault, (values, times) in faulty.items():
            lasts = 1 if fault in ("spike of 6", "gap of 60 s") else _LASTS
            share = _flagged(name, values, times, band)[:, _AT : _AT + lasts].mean()
            figures[f"{name}, flagged of {fault}, %"] = 100 * float(share)
    return figures


FAULTS = (
    "spike of 6", "shift of 2", "drift to 3", "stuck", "noise x 3", "noise x 0.2", "gap of 60 s",
)  # fmt: skip
"""The faults of `detection`, in standard deviations of the clean readings, which are a second apart."""

BENCHMARKS: dict[str, Callable[[], Figures]] = {
    "detection": detection,
    "http": http,
    "journal": journal,
    "scoring": scoring,
}
"""The benchmarks by name."""


def _wandering(rng: np.random.Generator, phi: float, tags: int, rows: int) -> Floats:
    """Normal series of standard deviation 1 in which each reading is phi times the last and noise."""
    noise = rng.normal(0, 1, (rows, tags))
    values = np.empty_like(noise)
    values[0] = noise[0]
    for i in range(1, rows):
        values[i] = phi * values[i - 1] + np.sqrt(1 - phi * phi) * noise[i]
    return np.ascontiguousarray(values.T)


def _seconds_apart(values: Floats) -> Ints:
    return np.broadcast_to(np.arange(values.shape[1], dtype=np.int64) * 1_000_000, values.shape)


def _with_fault(normal: Floats, fault: str) -> tuple[Floats, Ints]:
    values, times = normal.copy(), _seconds_apart(normal).copy()
    during = values[:, _AT : _AT + _LASTS]
    match fault:
        case "spike of 6":
            during[:, 0] += 6
        case "shift of 2":
            during += 2
        case "drift to 3":
            during += 3 * np.arange(1, _LASTS + 1) / _LASTS
        case "stuck":
            during[:] = values[:, _AT - 1 : _AT]
        case "noise x 3":
            during *= 3
        case "noise x 0.2":
            during *= 0.2
        case "gap of 60 s":
            times[:, _AT:] += 60_000_000
    return values, times


def _flagged(detector: str, values: Floats, times: Ints, band: float) -> Bools:
    """What the detector flags at its defaults, of one series a row."""
    tags, rows = values.shape
    none = np.full(tags, np.inf)
    facts = TagFacts(np.zeros(tags), np.full(tags, -band), np.full(tags, band), -none, none)
    codes = np.repeat(np.arange(tags, dtype=np.int32), rows)
    scores = make(detector).start(facts).run(codes, values.ravel(), np.ones(values.size, bool), times.ravel())
    return scores.is_anomaly.reshape(tags, rows)


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


def _ms(seconds: list[float], percentile: float) -> float:
    return float(np.percentile(seconds, percentile)) * 1e3


def _spread(name: str, seconds: list[float]) -> Figures:
    return {f"{name} p50": _ms(seconds, 50), f"{name} p99": _ms(seconds, 99)}
