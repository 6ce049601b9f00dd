"""A part of `bench detection`: every detector of one tag on normal noise, at its defaults.

The series are from `sensormon.analysis.synthetic` and have a standard deviation of 1; the spikes
are the simulator's. Everything is seeded: the figures do not depend on the machine.
"""

from __future__ import annotations

import numpy as np

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
    flags_of,
    seconds_apart,
    simulated_spikes,
    with_fault,
)
from sensormon.detectors import PER_TAG, make
from sensormon.detectors.base import TagFacts
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


def clean_noise(series: int, rows: int) -> Figures:
    """The share of the readings of so many series of clean noise that each detector flags, %."""
    random = np.random.default_rng(0)
    figures: Figures = {}
    for phi in PHIS:
        values = np.stack([autoregressive(phi, rows, random) for _ in range(series)])
        for name in PER_TAG:
            share = _flags(name, values, seconds_apart(rows)).mean()
            figures[f"{name}, flagged of clean readings with coefficient {phi:g}, %"] = 100 * float(share)
    return figures


def faults(runs: int) -> Figures:
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


def simulated(tags: list[Tag], rows: int) -> Figures:
    """Precision and recall of `recommended` on the spikes in so many simulated readings of each tag, %."""
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
