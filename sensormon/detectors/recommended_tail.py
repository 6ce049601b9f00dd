"""The tail of the recommended detector's errors: what is counted into it, and the limit it gives."""

from __future__ import annotations

import numba
import numpy as np

from sensormon.detectors.recommended_row import AT, SPIKE, STUCK, TAIL
from sensormon.model.readings import Floats


@numba.njit(cache=False)
def limit(row: Floats) -> tuple[float, bool]:
    """The limit of a spike, in standard deviations, and whether the tail is a heavy one."""
    histogram = row[AT.histogram : AT.histogram + TAIL.bins]
    total, beyond = row[AT.weight], np.sum(histogram)
    allowed = max(TAIL.rare * total, TAIL.few)
    repeating = row[AT.repeats] >= STUCK.repeating
    near = beyond if repeating else np.sum(histogram[: TAIL.gap])
    if near > allowed or beyond > TAIL.common * total:
        bins, tail = 0, beyond
        while bins < TAIL.bins and beyond > allowed:
            rare = np.sum(histogram[bins : bins + TAIL.clearing]) <= TAIL.stray * beyond
            many = max(TAIL.crowd, TAIL.often * total) <= beyond <= TAIL.common * total
            # Where most values repeat, the rare ones are the tag's habit, however far they stand apart.
            if bins > 0 and not repeating and rare and many and beyond >= TAIL.outnumber * (tail - beyond):
                return TAIL.start * np.exp(bins * TAIL.bin), False
            beyond -= histogram[bins]
            bins += 1
        young = max(1.0, TAIL.grown / total) ** TAIL.growth
        return TAIL.start * np.exp(bins * TAIL.bin) * young, True
    if beyond > SPIKE.frequent_share * total:
        return SPIKE.frequent, False
    return (SPIKE.mild if row[AT.mild] > max(TAIL.mild * total, TAIL.mildly) else SPIKE.limit), False


@numba.njit(cache=False)
def tally(row: Floats, size: float, readings: float) -> None:
    """Count errors of this size, in standard deviations, into the tail."""
    if SPIKE.limit <= size < TAIL.start:
        row[AT.mild] += readings
    elif size >= TAIL.start:
        row[AT.histogram + min(TAIL.bins - 1, int(np.log(size / TAIL.start) / TAIL.bin))] += readings


@numba.njit(cache=False)
def tally_run(row: Floats) -> None:
    """Count the readings of a run beyond the limit into the tail, flagged or not; the run is over."""
    tally(row, row[AT.run_size], row[AT.run])
    row[AT.run], row[AT.side], row[AT.run_mean], row[AT.run_size] = 0.0, 0.0, 0.0, 0.0


@numba.njit(cache=False)
def fade(row: Floats, alarm: bool) -> None:
    """Let one reading pass over all that is counted of late, and count its alarm."""
    kept = 1.0 - 1.0 / TAIL.memory
    for j in range(AT.histogram, AT.histogram + TAIL.bins):
        row[j] *= kept
    row[AT.weight] += 1.0 - row[AT.weight] / TAIL.memory
    row[AT.mild] *= kept
    row[AT.alarms] = row[AT.alarms] * kept + (1.0 if alarm else 0.0)
    row[AT.lately] *= kept
    row[AT.strays] *= kept
