"""How often a detector raises false alarms and how often it sees a fault, on synthetic series.

Plain functions of a `Detect`, which flags a series. All are seeded: the same call returns the same
figures. The series are normal noise with standard deviation 1, so that the size of a fault is in
standard deviations. They show what a detector can do at best, not what it does on a plant's own
data: `backgrounds` has other kinds of noise, `nab_starts` and `skab_runs` score labelled recordings.

>>> share = detection_share(flags_of("recommended"), "spike", runs=20)
>>> share > 0.9
True
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sensormon.analysis.event_scores import EventCounts, count_events
from sensormon.detectors import detect
from sensormon.model.readings import Bools, Floats, Ints
from sensormon.model.tags import Tag
from sensormon.sources.simulator import Simulator

Detect = Callable[[Floats], Bools]
"""Flags a series, one flag per value."""

PHIS = (0.0, 0.5, 0.9, 0.99)
"""Autocorrelations of clean noise, from independent to slowly wandering."""

SPIKE, LEVEL_SHIFT, DRIFT, STUCK = "spike", "level_shift", "drift", "stuck"
NOISE, QUIET = "noise", "quiet"
SIZES = {SPIKE: 6.0, LEVEL_SHIFT: 2.0, DRIFT: 3.0, STUCK: 0.0, NOISE: 3.0, QUIET: 0.2}
"""The faults and their usual sizes in standard deviations; for noise and quiet the factor of the noise."""

FAULT_ROWS = 200
"""How many readings a fault lasts; a spike is a single one of them."""

_SETTLE = 1000  # readings to leave out until an autoregression has forgotten its start


def flags_of(detector: str, **params: float) -> Detect:
    """The flags of the detector with this name, with these parameters and defaults for the others."""

    def flags(values: Floats) -> Bools:
        return detect(values, detector=detector, **params)["is_anomaly"].to_numpy(dtype=np.bool_)

    return flags


def autoregressive(phi: float, rows: int, random: np.random.Generator) -> Floats:
    """Stationary normal noise with standard deviation 1 and lag-1 autocorrelation `phi`.

    Raises ValueError unless 0 <= phi < 1.
    """
    if not 0.0 <= phi < 1.0:
        raise ValueError(f"phi = {phi} is not from 0 to below 1")
    drawn = random.normal(size=rows)
    if phi == 0.0:
        return drawn
    values = np.empty(rows)
    value = 0.0
    share = float(np.sqrt(1.0 - phi * phi))
    for i, new in enumerate(drawn.tolist()):
        value = phi * value + share * new if i else new
        values[i] = value
    return values


def with_fault(
    values: Floats, fault: str, start: int, random: np.random.Generator, size: float | None = None
) -> Floats:
    """The series with a fault from row `start` to its end; `size` defaults to that of `SIZES`.

    A spike changes one row, up or down, drawn from `random`. Raises ValueError for an unknown
    fault, or a start without rows before and after it.
    """
    if fault not in SIZES:
        raise ValueError(f"there is no fault {fault!r}")
    if not 0 < start < len(values):
        raise ValueError(f"a fault from row {start} of {len(values)}")
    size = SIZES[fault] if size is None else size
    faulty = np.array(values, dtype=np.float64)
    rows = len(values) - start
    if fault == SPIKE:
        faulty[start + random.integers(rows)] += size * random.choice([-1.0, 1.0])
    elif fault == LEVEL_SHIFT:
        faulty[start:] += size
    elif fault == DRIFT:
        faulty[start:] += size * np.arange(1, rows + 1) / rows
    elif fault == STUCK:
        faulty[start:] = faulty[start - 1]
    else:
        faulty[start:] *= size
    return faulty


def seconds_apart(rows: int, gap_before: int | None = None, gap: float = 60.0) -> Ints:
    """Times (µs) of readings a second apart, with `gap` seconds more before row `gap_before`."""
    times = np.arange(rows, dtype=np.int64) * 1_000_000
    if gap_before is not None:
        times[gap_before:] += round(gap * 1e6)
    return times


def correlated_rows(phi: float, rows: int, tags: int, random: np.random.Generator) -> Floats:
    """Normal rows of several tags, one column per tag: a random mixture of independent series.

    Each call draws another mixture.
    """
    sources = [autoregressive(phi, rows, random) for _ in range(tags)]
    return np.stack(sources, axis=1) @ random.normal(size=(tags, tags))


def rounded(values: Floats, resolution: float) -> Floats:
    """The values as a sensor of this resolution reports them; 0 leaves them as they are."""
    return np.round(values / resolution) * resolution if resolution > 0 else values


def false_alarm_rate(
    flags: Detect, phi: float = 0.0, series: int = 20, rows: int = 20_000, seed: int = 0
) -> float:
    """The share of readings of clean noise that are flagged; the warm-up counts as not flagged."""
    random = np.random.default_rng(seed)
    count = 0
    for _ in range(series):
        count += int(flags(autoregressive(phi, rows + _SETTLE, random)[_SETTLE:]).sum())
    return count / (series * rows)


def detection_share(
    flags: Detect,
    fault: str,
    clean: int = 1000,
    runs: int = 200,
    resolution: float = 0.0,
    size: float | None = None,
    seed: int = 0,
) -> float:
    """The share of the runs in which a reading of the fault is flagged, after `clean` clean readings.

    The noise is independent; `resolution` is in its standard deviations. A false alarm during the
    fault counts too; `false_alarm_rate` says how rare that is.
    """
    random = np.random.default_rng(seed)
    detected = 0
    for _ in range(runs):
        noise = random.normal(size=clean + FAULT_ROWS)
        detected += bool(
            flags(rounded(with_fault(noise, fault, clean, random, size), resolution))[clean:].any()
        )
    return detected / runs


def simulated_spikes(
    flags: Detect, tag: Tag, rows: int = 20_000, first: int = 200, seed: int = 0
) -> EventCounts:
    """Spikes at the simulator's usual rate on this tag, one reading per second; each spike is an event."""
    end = 1_700_000_000_000_000
    batch = Simulator([tag], seed, 1.0).backfill(end, minutes=rows / 60)
    spikes = np.isin(batch.time, [fault.time for fault in batch.injected])
    return count_events(flags(batch.value), spikes, first)
