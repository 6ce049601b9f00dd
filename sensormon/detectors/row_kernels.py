"""Scaled rows of several tags, and the compiled loop that scores each by itself.

What it is not: a place for what is normal; see `multivariate.Model`.
"""

from __future__ import annotations

import numba
import numpy as np

from sensormon.detectors.kernel import ROUNDING
from sensormon.model.readings import Floats

LARGEST = 1e6
"""Scaled values are cut off here, so that every score is finite."""


def scaled(rows: Floats, mean: Floats, spread: Floats) -> tuple[Floats, Floats]:
    """The scale of each tag, a constant one's being its rounding, and the scaled rows."""
    scale = np.maximum(spread, np.maximum(ROUNDING * np.abs(mean), 1e-290))
    return scale, np.clip(rows / scale - mean / scale, -LARGEST, LARGEST)


@numba.njit(cache=True)
def run_rows(
    rows: Floats, mean: Floats, scale: Floats, form: Floats, statistic: Floats, contributions: Floats
) -> None:
    """The quadratic form of each scaled row and each tag's part of it; rows without values are skipped."""
    tags = rows.shape[1]
    offs = np.empty(tags)
    for i in range(len(rows)):
        if not np.isfinite(rows[i]).any():
            continue
        for j in range(tags):
            offs[j] = min(max(rows[i, j] / scale[j] - mean[j] / scale[j], -LARGEST), LARGEST)
        total = 0.0
        for j in range(tags):
            part = 0.0
            for k in range(tags):
                part += form[j, k] * offs[k]
            contributions[i, j] = part * offs[j]
            total += part * offs[j]
        statistic[i] = max(total, 0.0)
