"""Why a rolling z-score let a reading pass: spikes in its window that made the standard deviation wide.

Pure: values in, numbers out. What it is not: another judgement; it says what the score would have been
without the spikes, and nothing where the window at hand is not the one that the detector had.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from sensormon.model.readings import Floats

_MAD = 1.4826
"""Median absolute deviations of normal noise in a standard deviation."""
_SAME = 1e-6
"""Relative difference up to which two standard deviations are the same but for rounding."""


@dataclass(frozen=True)
class Masking:
    """`spikes` of the `window` readings made sigma what it is.

    `calm` is sigma without them, and `score` the z that the reading would have had then.
    """

    spikes: int
    window: int
    sigma: float
    calm: float
    score: float


def masked_by_spikes(window: Floats, value: float, threshold: float, sigma: float) -> Masking | None:
    """The spikes without which this value would have been flagged; None if none masked it.

    `window` are the learned values before it, `sigma` the standard deviation that it was held against. A
    spike is farther from the median than `threshold` robust standard deviations. None also if `sigma` is not
    that of this window.
    """
    if len(window) < 3 or not math.isfinite(sigma) or sigma <= 0:
        return None
    if abs(float(window.std()) - sigma) > _SAME * sigma:
        return None
    middle = np.median(window)
    spread = _MAD * float(np.median(np.abs(window - middle)))
    wild = np.abs(window - middle) > threshold * spread
    calm = window[~wild]
    if spread <= 0 or not wild.any() or len(calm) < 3:
        return None
    narrow = float(calm.std())
    score = abs(value - float(calm.mean())) / narrow if narrow > 0 else math.inf
    return Masking(int(wild.sum()), len(window), sigma, narrow, score) if score > threshold else None
