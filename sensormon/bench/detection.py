"""`bench detection`: what our detectors flag and find, and what others do, at their defaults.

Clean backgrounds first, then faults of every kind on them, several tags, normal noise for every
chart, the simulator's spikes, and labelled recordings if a folder has them. Nothing is
downloaded. Everything is seeded: but for readings per second, the figures do not depend on the
machine. Other libraries are measured on fewer series, where they are installed.
"""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from sensormon.analysis import nab
from sensormon.analysis.backgrounds import BACKGROUNDS, ROWS_BACKGROUNDS, background
from sensormon.analysis.flag_rates import FlagRows, clean_flags, clean_rows_flagged, longest_event
from sensormon.analysis.nab_starts import (
    STARTS,
    NabSeries,
    Spread,
    folder_of,
    folders,
    leave_one_folder_out,
    points,
    read_nab,
    score_starts,
    wrong_flags,
)
from sensormon.analysis.skab_runs import SkabRun, read_skab, skab_counts
from sensormon.analysis.typed_faults import COUNTED, FAULTS, ROWS, Flag, faults_seen
from sensormon.bench import charts as control_charts
from sensormon.bench.measured import Figures, Measured, load_since, machine_load
from sensormon.bench.references import REFERENCES, Reference
from sensormon.detectors import MULTIVARIATE, detect, make
from sensormon.model.errors import UsageError
from sensormon.model.readings import Bools, Floats, Ints
from sensormon.model.tags import Tag

OURS, SEED = "recommended", "zscore"
"""The detector for any data, and the one it is held against, beside those of other libraries."""
BASELINE = 400
"""Rows that the detectors of several tags take as normal."""

FOUND = "faults found, %"
CHANCE = "alarms by chance in as many readings, %"
BEYOND = "faults found beyond chance, %"
MEDIAN, WORST = "flags per 1,000 readings, median background", "flags per 1,000 readings, worst background"
YOUNG, YOUNGEST = "flags per 1,000 of the first 1,000, median", "flags per 1,000 of the first 1,000, worst"
SPEED = "readings/s"
LEFT_OUT = "NAB standard, threshold chosen on the other folders, points"
LIVE, BYTES = "tags at 1 Hz live on one core", "bytes a tag"
LONGEST = "longest event after a set-point step, rows"
NAB, LOW_FP = "NAB standard, points", "NAB reward_low_FP, points"
F1, FAR = "SKAB, F1 of rows, share", "SKAB, false-alarm rate of rows, %"


@dataclass(frozen=True)
class Sizes:
    """How much is measured: runs of each fault on each background, clean series and readings of each.

    Several tags are measured over `rows` after the baseline, for so many `seeds` of each
    background, and NAB from these `starts`.
    """

    runs: int
    series: int
    readings: int
    seeds: int
    rows: int
    starts: tuple[int, ...] = STARTS


OUR_SIZES = Sizes(runs=10, series=4, readings=10_000, seeds=3, rows=3_000)
OTHERS = Sizes(runs=1, series=1, readings=ROWS, seeds=1, rows=1_000, starts=STARTS[:1])
"""Other libraries need up to 14 ms a reading."""


@dataclass(frozen=True)
class ChartSizes:
    """Of normal noise: runs of each fault, clean series and their readings; simulated readings of a tag."""

    runs: int
    series: int
    rows: int
    simulated: int


CHARTS = ChartSizes(runs=200, series=20, rows=10_000, simulated=20_000)


def detection(
    data: Path | None = None,
    tags: list[Tag] | None = None,
    *,
    ours: Sizes = OUR_SIZES,
    others: Sizes = OTHERS,
    charts: ChartSizes = CHARTS,
    references: Sequence[Reference] = REFERENCES,
) -> Measured:
    """All figures, in percent if the name says so; see `left_out` for `data` and `tags`.

    Of `references` those that are installed are measured; a ratio is to the best of them.

    Raises UsageError for a folder with neither of the recordings, and for recordings that
    cannot be read.
    """
    before = machine_load()
    if data is not None and not ((data / "nab").is_dir() or (data / "skab").is_dir()):
        raise UsageError(
            "there is neither a folder nab nor a folder skab",
            where=str(data),
            hint="See docs/detection.md for what a folder must have",
        )
    # The recordings first, so that a wrong folder is reported before the long measurements.
    series = read_nab(data / "nab") if data is not None and (data / "nab").is_dir() else []
    runs = read_skab(data / "skab") if data is not None and (data / "skab").is_dir() else []
    figures = one_tag(OURS, flag_of(OURS), series, ours) | _live(OURS, ours.readings // 10)
    if series:
        figures |= _chosen_elsewhere(series, ours)
    for name in MULTIVARIATE:
        figures |= several_tags(name, flag_rows_of(name), runs, ours)
    figures |= control_charts.clean_noise(charts.series, charts.rows)
    figures |= control_charts.faults(charts.runs)
    figures |= control_charts.simulated(tags or [], charts.simulated)
    reference = one_tag(SEED, flag_of(SEED), series, ours) | _live(SEED, ours.readings // 10)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the others' own, of libraries that they use
        for other in references:
            if other.installed and other.flag is not None:
                reference |= one_tag(other.name, other.flag, series, others)
            if other.installed and other.rows is not None:
                reference |= several_tags(other.name, other.rows(BASELINE), runs, others)
    return Measured(figures, reference, ratios(figures, reference), load_since(before))


def left_out(data: Path | None, tags: list[Tag] | None) -> list[str]:
    """A sentence for each part that `detection` has to leave out.

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
    missing = sorted({other.library for other in REFERENCES if not other.installed})
    if missing:
        notes.append(f"{', '.join(missing)} left out: not installed (pip install -e '.[bench]')")
    return notes


def flag_of(detector: str, **params: float) -> Flag:
    """The flags of our detector of one tag with this name, at its defaults but for these parameters."""

    def flag(values: Floats, times: Ints) -> Bools:
        rows = len(values)
        state = make(detector, **params).start(np.zeros(1))
        codes, every = np.zeros(rows, dtype=np.int32), np.ones(rows, dtype=np.bool_)
        return state.run(codes, values, every, times).is_anomaly

    return flag


def flag_rows_of(detector: str) -> FlagRows:
    """The flags of our detector of several tags with this name, at its defaults."""

    def flag(values: Floats) -> Bools:
        frame = pd.DataFrame(values, columns=[f"tag {column}" for column in range(values.shape[1])])
        result = detect(frame, detector=detector, baseline=BASELINE)
        return result["is_anomaly"].to_numpy(dtype=np.bool_)

    return flag


def one_tag(name: str, flag: Flag, series: list[NabSeries], sizes: Sizes) -> Figures:
    """Every figure of a detector of one tag."""
    return {
        f"{name}, {figure}": value
        for figure, value in {
            **_clean(flag, sizes),
            **_faults(flag, sizes),
            **(_recorded(flag, series, sizes) if series else {}),
            SPEED: _speed(flag, sizes.readings),
        }.items()
    }


def _clean(flag: Flag, sizes: Sizes) -> Figures:
    counts = {name: clean_flags(flag, name, sizes.readings, range(sizes.series)) for name in BACKGROUNDS}
    rates = [count.per_thousand for count in counts.values()]
    young = [count.young_per_thousand for count in counts.values()]
    return {
        MEDIAN: float(np.median(rates)),
        WORST: max(rates),
        YOUNG: float(np.median(young)),
        YOUNGEST: max(young),
        **{f"flags per 1,000 on {name}": count.per_thousand for name, count in counts.items()},
        **{f"flags per 1,000 of the first on {name}": c.young_per_thousand for name, c in counts.items()},
    }


def _faults(flag: Flag, sizes: Sizes) -> Figures:
    """Shares in percent; the share found is a mean over faults and backgrounds, all alike.

    Beyond chance counts the runs that chance alone leaves without a flag. A fault that never
    changed a reading of a background (stuck at 0 between two bursts) is left out.
    """
    seen = {name: faults_seen(flag, name, range(sizes.runs)) for name in BACKGROUNDS}
    counted = [counts[fault] for counts in seen.values() for fault in COUNTED]
    share, chance = _percent(seen.share for seen in counted), _percent(seen.chance for seen in counted)
    figures = {FOUND: share, CHANCE: chance}
    if chance < 100:
        figures[BEYOND] = 100 * (share - chance) / (100 - chance)
    for fault, title in FAULTS.items():
        figures[f"found of {title}, %"] = _percent(counts[fault].share for counts in seen.values())
    for name, counts in seen.items():
        figures[f"found on {name}, %"] = _percent(counts[fault].share for fault in COUNTED)
        for fault, title in FAULTS.items():
            figures[f"found of {title} on {name}, %"] = 100 * counts[fault].share
    return {figure: value for figure, value in figures.items() if not math.isnan(value)}


def _percent(shares: Iterable[float]) -> float:
    """Their mean in percent, without those of no run; NaN of none."""
    known = [share for share in shares if not math.isnan(share)]
    return 100 * float(np.mean(known)) if known else math.nan


def _recorded(flag: Flag, series: list[NabSeries], sizes: Sizes) -> Figures:
    """The points of each profile over all files and over each folder with a window, and wrong flags."""
    scores = score_starts(flag, series, sizes.starts)
    spreads = {f"NAB {profile}, points": points(scores, profile) for profile in nab.PROFILES}
    for folder in folders(scores):
        for profile in nab.PROFILES:
            spreads[f"NAB {folder}, {profile}, points"] = points(scores, profile, [folder])
        spreads[f"NAB {folder}, wrong flags"] = wrong_flags(scores, folder)
    return {name: value for figure, spread in spreads.items() for name, value in _named(figure, spread)}


def _chosen_elsewhere(series: list[NabSeries], sizes: Sizes) -> Figures:
    """The score with a threshold 10 % lower, as it is, or 10 % higher, chosen without the folder scored.

    Nothing without two folders with a window.
    """
    if len({folder_of(whole.file) for whole in series if whole.windows}) < 2:
        return {}
    default = make(OURS).threshold
    candidates = {
        f"{threshold:g}": score_starts(flag_of(OURS, threshold=threshold), series, sizes.starts)
        for threshold in (0.9 * default, default, 1.1 * default)
    }
    return dict(_named(f"{OURS}, {LEFT_OUT}", leave_one_folder_out(candidates)[0]))


def _named(figure: str, spread: Spread) -> list[tuple[str, float]]:
    pairs = [(figure, spread.mean), (f"{figure}, spread", spread.deviation)]
    return [(name, value) for name, value in pairs if not math.isnan(value)]


def _speed(flag: Flag, readings: int) -> float:
    series = background("AR(1) 0.5", readings, 0)
    flag(series.values, series.times)  # compiles it, or loads the compiled code
    started = time.perf_counter()
    flag(series.values, series.times)
    return readings / (time.perf_counter() - started)


def _live(detector: str, tags: int) -> Figures:
    """How many tags one core judges at a reading a second each, and what is remembered of a tag.

    Measured over ticks of one reading of each of so many tags, after 200 readings of each.
    """
    random = np.random.default_rng(3)
    state = make(detector).start(np.zeros(tags))
    codes, every = np.arange(tags, dtype=np.int32), np.ones(tags, dtype=np.bool_)

    def tick(second: int) -> None:
        state.run(codes, random.normal(size=tags), every, np.full(tags, second * 1_000_000, dtype=np.int64))

    for second in range(200):
        tick(second)
    ticks = 100
    started = time.perf_counter()
    for second in range(200, 200 + ticks):
        tick(second)
    seconds = time.perf_counter() - started
    return {
        f"{detector}, {LIVE}": tags * ticks / seconds,
        f"{detector}, {BYTES}": float(state.save(0).nbytes),
    }


def several_tags(name: str, flag: FlagRows, runs: list[SkabRun], sizes: Sizes) -> Figures:
    """Every figure of a detector of several tags, in percent of the rows after the baseline."""
    figures = {
        f"{name}, rows flagged on {clean}, %": 100
        * clean_rows_flagged(flag, clean, sizes.rows, BASELINE, range(sizes.seeds))
        for clean in ROWS_BACKGROUNDS
    }
    figures[f"{name}, {LONGEST}"] = float(
        max(
            longest_event(flag, "set-point steps of one", sizes.rows, BASELINE, seed)
            for seed in range(sizes.seeds)
        )
    )
    if runs:
        counts = skab_counts(flag, runs, BASELINE)
        figures[f"{name}, {F1}"] = counts.f1
        figures[f"{name}, {FAR}"] = 100 * counts.far
        figures[f"{name}, SKAB, missed-alarm rate of rows, %"] = 100 * counts.mar
    return figures


def ratios(figures: Figures, reference: Figures) -> Figures:
    """Ours to the best reference, for the main figures that both have and that are above 0.

    The best has the most of what should be high, and the least of what should be low.
    """
    best: dict[str, Callable[[list[float]], float]] = {
        FOUND: max,
        BEYOND: max,
        MEDIAN: min,
        WORST: min,
        YOUNG: min,
        NAB: max,
        LOW_FP: max,
        F1: max,
        SPEED: max,
    }
    result = {}
    for figure, choose in best.items():
        others = [value for name, value in reference.items() if name.endswith(f", {figure}")]
        own = figures.get(f"{OURS}, {figure}")
        if others and own is not None and choose(others) > 0:
            result[figure] = own / choose(others)
    return result
