"""`bench detection`: every detector's false alarms and detected faults, at its defaults.

Synthetic series first (from `sensormon.analysis.synthetic`, with standard deviation 1), then the
simulator's spikes, then labelled recordings if a folder has them. Nothing is downloaded.
Everything is seeded: the figures do not depend on the machine.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from sensormon.analysis import nab
from sensormon.analysis.event_scores import EventCounts
from sensormon.analysis.synthetic import (
    DRIFT,
    FAULT_ROWS,
    LEVEL_SHIFT,
    NOISE,
    PHIS,
    QUIET,
    SPIKE,
    STUCK,
    autoregressive,
    correlated_rows,
    flags_of,
    nab_scores,
    nab_series,
    seconds_apart,
    simulated_spikes,
    skab_counts,
    with_fault,
)
from sensormon.detectors import MULTIVARIATE, PER_TAG, make
from sensormon.detectors.base import TagFacts
from sensormon.model.errors import UsageError
from sensormon.model.readings import Bools, Floats, Ints
from sensormon.model.tags import Tag

Figures = dict[str, float]

GAP = "gap"
FAULTS = {
    SPIKE: "spike of 6",
    LEVEL_SHIFT: "shift of 2",
    DRIFT: "drift to 3",
    STUCK: "stuck",
    NOISE: "noise x 3",
    QUIET: "noise x 0.2",
    GAP: "gap of 60 s",
}
"""The faults and their names in the figures; readings are a second apart."""

CLEAN = 1000
"""Readings before a fault."""
BAND = 4.0
"""Half the width of the normal band that the detectors get, in standard deviations."""
TAGS = 8
"""The number of tags that the multivariate detectors get."""
BASELINE = 400


def detection(
    data: Path | None = None,
    tags: list[Tag] | None = None,
    *,
    runs: int = 1_000,
    series: int = 20,
    rows: int = 20_000,
    simulated: int = 20_000,
) -> Figures:
    """All figures; in percent if the name says so, NAB's in its own points.

    There are `runs` series for each fault, `series` of `rows` readings for each kind of clean noise,
    `simulated` readings of each of `tags`. See `left_out` for `data` and `tags`.
    Raises UsageError for a folder with neither of the recordings.
    """
    if data is not None and not ((data / "nab").is_dir() or (data / "skab").is_dir()):
        raise UsageError(
            "there is neither a folder nab nor a folder skab",
            where=str(data),
            hint="See docs/detection.md for what a folder must have",
        )
    # The recordings first, so that a wrong folder is reported before the long measurements.
    recorded: Figures = {}
    if data is not None and (data / "nab").is_dir():
        recorded |= _nab(data / "nab")
    if data is not None and (data / "skab").is_dir():
        recorded |= _skab(data / "skab")
    return {
        **_clean_noise(series, rows),
        **_faults(runs),
        **_clean_rows(max(1, series // 2), rows),
        **_simulator(tags or [], simulated),
        **recorded,
    }


def left_out(data: Path | None, tags: list[Tag] | None) -> list[str]:
    """A sentence for each benchmark that `detection` has to leave out.

    `data` is a folder with `nab/` (windows.json and the CSV files it names) or `skab/` (CSV
    files at any depth); `tags` are simulated.
    """
    notes = []
    if not tags:
        notes.append("the simulator's spikes are left out: there is no tag table")
    for name, title in (("nab", "NAB"), ("skab", "SKAB")):
        if data is None:
            notes.append(f"{title} is left out: give --data DIR, a folder with {name}/ in it")
        elif not (data / name).is_dir():
            notes.append(f"{title} is left out: there is no folder {data / name}")
    return notes


def _clean_noise(series: int, rows: int) -> Figures:
    random = np.random.default_rng(0)
    figures: Figures = {}
    for phi in PHIS:
        values = np.stack([autoregressive(phi, rows, random) for _ in range(series)])
        for name in PER_TAG:
            share = _flags(name, values, seconds_apart(rows)).mean()
            figures[f"{name}, flagged of clean readings with coefficient {phi:g}, %"] = 100 * float(share)
    return figures


def _faults(runs: int) -> Figures:
    """The share of runs in which a reading of the fault is flagged, and the share of its readings.

    Also the share of runs without a fault with a flag in as many readings: false alarms.
    """
    random = np.random.default_rng(1)
    noise = random.normal(size=(runs, CLEAN + FAULT_ROWS))
    steady = seconds_apart(noise.shape[1])
    figures: Figures = {}
    for name in PER_TAG:
        chance = _flags(name, noise, steady)[:, CLEAN:].any(axis=1).mean()
        figures[f"{name}, runs with an alarm in {FAULT_ROWS} clean readings, %"] = 100 * float(chance)
    for fault, title in FAULTS.items():
        values, times = noise, steady
        during = np.zeros(noise.shape, dtype=np.bool_)
        during[:, CLEAN:] = True
        if fault == GAP:
            times = seconds_apart(noise.shape[1], CLEAN)
            during[:, CLEAN + 1 :] = False
        else:
            values = np.stack([with_fault(clean, fault, CLEAN, random) for clean in noise])
        if fault == SPIKE:
            during = values != noise
        for name in PER_TAG:
            seen = _flags(name, values, times) & during
            figures[f"{name}, runs that see {title}, %"] = 100 * float(seen.any(axis=1).mean())
            figures[f"{name}, flagged of {title}, %"] = 100 * float(seen.sum() / during.sum())
    return figures


def _flags(detector: str, values: Floats, times: Ints) -> Bools:
    """The flags of the detector at its defaults; `values` has a series per row, all at the same times."""
    series, rows = values.shape
    none = np.full(series, np.inf)
    facts = TagFacts(np.zeros(series), np.full(series, -BAND), np.full(series, BAND), -none, none)
    codes = np.repeat(np.arange(series, dtype=np.int32), rows)
    every = np.ones(values.size, dtype=np.bool_)
    scores = make(detector).start(facts).run(codes, values.ravel(), every, np.tile(times, series))
    return scores.is_anomaly.reshape(series, rows)


def _clean_rows(runs: int, rows: int) -> Figures:
    """The share of correlated normal rows after the baseline that are flagged."""
    figures: Figures = {}
    for phi in PHIS:
        random = np.random.default_rng(2)
        drawn = [correlated_rows(phi, BASELINE + rows, TAGS, random) for _ in range(runs)]
        for name in MULTIVARIATE:
            detector = MULTIVARIATE[name](baseline=BASELINE)
            share = np.mean(
                [detector.start(TAGS).run(sample).is_anomaly[BASELINE:].mean() for sample in drawn]
            )
            figures[f"{name} of {TAGS} tags, flagged of clean rows with coefficient {phi:g}, %"] = (
                100 * float(share)
            )
    return figures


def _simulator(tags: list[Tag], rows: int) -> Figures:
    figures: Figures = {}
    counts = {tag.name: simulated_spikes(flags_of("recommended"), tag, rows) for tag in tags}
    if counts:
        tables = list(counts.values())
        counts["all tags"] = EventCounts(
            detected=sum(table.detected for table in tables),
            wrong=sum(table.wrong for table in tables),
            missed=sum(table.missed for table in tables),
        )
    for name, count in counts.items():
        figures[f"recommended, simulator's spikes, {name}, precision of events, %"] = 100 * count.precision
        figures[f"recommended, simulator's spikes, {name}, recall of events, %"] = 100 * count.recall
    return figures


def _nab(folder: Path) -> Figures:
    """The score of each profile, over all files and over each folder with a window, and the wrong flags."""
    labels = folder / "windows.json"
    try:
        windows = json.loads(labels.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UsageError(
            f"it is not JSON ({error})", where=str(labels), hint="Use combined_windows.json of the benchmark"
        ) from error
    scores = nab_series(flags_of("recommended"), folder, windows)
    figures = {f"recommended, NAB, {name}, points": score for name, score in nab_scores(scores).items()}
    for part in sorted({file.partition("/")[0] for file in scores}):
        own = {file: score for file, score in scores.items() if file.partition("/")[0] == part}
        if any(score[nab.STANDARD_NAME].windows for score in own.values()):
            for name, score in nab_scores(own).items():
                figures[f"recommended, NAB {part}, {name}, points"] = score
        wrong = sum(score[nab.STANDARD_NAME].wrong for score in own.values())
        figures[f"recommended, NAB {part}, wrong flags, readings"] = float(wrong)
    return figures


def _skab(folder: Path) -> Figures:
    files = sorted(folder.rglob("*.csv"))
    if not files:
        raise UsageError("there is no csv file", where=str(folder), hint="Put SKAB's runs there")
    figures: Figures = {}
    for name in MULTIVARIATE:
        counts = skab_counts(name, files, BASELINE)
        figures[f"{name}, SKAB, F1 of rows, share"] = counts.f1
        figures[f"{name}, SKAB, false-alarm rate of rows, %"] = 100 * counts.far
        figures[f"{name}, SKAB, missed-alarm rate of rows, %"] = 100 * counts.mar
    return figures
