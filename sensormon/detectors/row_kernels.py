"""The compiled loops of the detectors over several tags: scaled rows, their moving average, its statistic.

What it is not: a place for what is normal; see `multivariate.Model`.
"""

from __future__ import annotations

import numba
import numpy as np

from sensormon.detectors.kernel import ROUNDING
from sensormon.model.readings import Bools, Floats

LARGEST = 1e6
"""Scaled values are cut off here, so that every score is finite."""


def scaled(rows: Floats, mean: Floats, spread: Floats) -> tuple[Floats, Floats]:
    """The scale of each tag, a constant one's being its rounding, and the scaled rows."""
    scale = np.maximum(spread, np.maximum(ROUNDING * np.abs(mean), 1e-290))
    return scale, np.clip(rows / scale - mean / scale, -LARGEST, LARGEST)


@numba.njit(cache=True)
def next_row(
    row: Floats,
    mean: Floats,
    scale: Floats,
    differenced: Bools,
    step: Floats,
    clip: float,
    weight: float,
    centre: Floats,
    last: Floats,
    age: Floats,
    average: Floats,
) -> bool:
    """One row into the moving average; whether it had any value.

    The change over n rows counts as one over their root, as that of a random walk has n times the variance.
    """
    has_value = False
    for j in range(len(row)):
        age[j] += 1.0
        if np.isfinite(row[j]):
            has_value = True
    if not has_value:
        return False
    for j in range(len(row)):
        new = centre[j]
        if np.isfinite(row[j]):
            z = min(max(row[j] / scale[j] - mean[j] / scale[j], -LARGEST), LARGEST)
            if not differenced[j]:
                new = min(max(z, -clip), clip)
            elif np.isfinite(last[j]):
                new = min(max((z - last[j]) / (step[j] * np.sqrt(age[j])), -clip), clip)
            last[j] = z
            age[j] = 0.0
        average[j] += weight * (new - average[j])
    return True


@numba.njit(cache=True)
def smooth_rows(
    rows: Floats,
    mean: Floats,
    scale: Floats,
    differenced: Bools,
    step: Floats,
    clip: float,
    weight: float,
    centre: Floats,
    last: Floats,
    age: Floats,
    average: Floats,
    out: Floats,
) -> None:
    for i in range(len(rows)):
        next_row(rows[i], mean, scale, differenced, step, clip, weight, centre, last, age, average)
        out[i] = average


@numba.njit(cache=True)
def run_rows(
    rows: Floats,
    mean: Floats,
    scale: Floats,
    differenced: Bools,
    step: Floats,
    clip: float,
    weight: float,
    centre: Floats,
    form: Floats,
    last: Floats,
    age: Floats,
    average: Floats,
    statistic: Floats,
    contributions: Floats,
) -> None:
    tags = rows.shape[1]
    for i in range(len(rows)):
        if not next_row(rows[i], mean, scale, differenced, step, clip, weight, centre, last, age, average):
            continue
        total = 0.0
        for j in range(tags):
            part = 0.0
            for k in range(tags):
                part += form[j, k] * (average[k] - centre[k])
            part *= average[j] - centre[j]
            contributions[i, j] = part
            total += part
        statistic[i] = max(total, 0.0)
