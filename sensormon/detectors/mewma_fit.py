"""What the multivariate EWMA learns of normal rows: each tag's centre, spread and kind, how averages vary.

A tag is *steady* if a slow reference (gain `SLOW`) foretells its next value nearly as well as the best
of several exponential smoothers does; else it *wanders*, and its last value is the reference. What counts
is the innovation: the value less the reference, in units of the baseline's innovations. A missing cell has
the innovation 0, which is what was expected.

Reference: Brown, Smoothing, Forecasting and Prediction of Discrete Time Series (1963), for the smoothers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np

from sensormon.detectors.incomplete import OVERLAP, averaged, covariance
from sensormon.detectors.row_kernels import scaled
from sensormon.model.readings import Floats

SLOW = 0.006
"""The gain of a steady tag's reference."""

GAINS = np.array([SLOW, 0.03, 0.1, 0.3, 1.0])
"""Of the smoothers that are compared."""

STEADY = 1.5
"""A tag is steady if the slow reference's mean squared error is at most this many times the best one's."""

ERROR_CUT = 5.0
"""Errors beyond this many spreads count as this in the comparison."""

CLIP = 10.0
"""No single innovation counts for more than this many standard deviations."""

SHRINK = 0.2
"""How far the covariance is drawn to its diagonal: few independent rows remain after smoothing."""

WARM_UP = 20
"""Rows before errors and averages are measured."""


@dataclass(frozen=True)
class Fitted:
    """What was learned, one entry a tag, and where the baseline's last row left the averages."""

    mean: Floats
    scale: Floats
    gain: Floats  # SLOW for steady tags, 1 for those that wander
    step: Floats  # standard deviation of the innovations, in units of `scale`
    form: Floats  # the inverse of `covariance`
    covariance: Floats  # of the averages of whole normal rows
    reference: Floats
    average: Floats
    age: Floats  # rows since the last value


def fit(rows: Floats, weight: float) -> Fitted:
    """The model of these normal rows, of which each tag has at least 30 values; a missing cell is NaN."""
    mean = np.nanmedian(rows, axis=0)
    scale, z = scaled(rows, mean, _spread(rows))
    losses = np.stack([_losses(z, gain) for gain in GAINS])
    steady = losses[0] <= STEADY * losses.min(axis=0)
    gain = np.where(steady, SLOW, 1.0)
    step = np.sqrt(np.maximum(np.where(steady, losses[0], losses[-1]), 1e-18))
    innovations, reference, average, age = _innovations(z, gain, step, weight)
    products, shares = averaged(innovations, weight, WARM_UP)
    products = products / np.maximum(shares, 1.0)
    own = np.diag(products).copy()
    np.fill_diagonal(products, np.where(own > 0, own, weight / (2 - weight)))
    measured = covariance(products, shares >= OVERLAP, 0.0)
    shrunk = (1 - SHRINK) * measured + SHRINK * np.diag(np.diag(measured))
    form = np.ascontiguousarray(np.linalg.inv(shrunk))
    return Fitted(mean, scale, gain, step, form, shrunk, reference, average, age)


def _spread(rows: Floats) -> Floats:
    """Of each tag the larger of two robust standard deviations; the plain one if both are zero.

    The median absolute deviation of a coarsely rounded tag may be 0 or tiny, its 5-95 % range is not.
    """
    deviation = 1.4826 * np.nanmedian(np.abs(rows - np.nanmedian(rows, axis=0)), axis=0)
    low, high = np.nanquantile(rows, (0.05, 0.95), axis=0)
    robust = np.maximum(deviation, (high - low) / 3.29)
    return np.asarray(np.where(robust > 0, robust, np.nanstd(rows, axis=0)))


@numba.njit(cache=True)
def _losses(z: Floats, gain: float) -> Floats:
    """Each tag's mean squared error of one step of a smoother with this gain."""
    losses = np.empty(z.shape[1])
    for j in range(z.shape[1]):
        reference, age, count, total = 0.0, 0.0, 0, 0.0
        for i in range(len(z)):
            age += 1.0
            if np.isfinite(z[i, j]):
                error = z[i, j] - reference
                if gain == 1.0:
                    error /= np.sqrt(age)
                if i >= WARM_UP:
                    total += min(error * error, ERROR_CUT * ERROR_CUT)
                    count += 1
                reference += (
                    gain * min(max(z[i, j] - reference, -ERROR_CUT), ERROR_CUT)
                    if gain < 1.0
                    else z[i, j] - reference
                )
                age = 0.0
        losses[j] = total / max(count, 1)
    return losses


@numba.njit(cache=True)
def _innovations(
    z: Floats, gain: Floats, step: Floats, weight: float
) -> tuple[Floats, Floats, Floats, Floats]:
    """The cut innovations of the rows, and each tag's reference, average and age after them."""
    count, tags = z.shape
    out = np.full((count, tags), np.nan)
    reference, average, age = np.zeros(tags), np.zeros(tags), np.zeros(tags)
    for j in range(tags):
        begun = gain[j] < 1.0
        for i in range(count):
            age[j] += 1.0
            new = 0.0
            if np.isfinite(z[i, j]):
                error = z[i, j] - reference[j]
                unit = step[j] if gain[j] < 1.0 else step[j] * np.sqrt(age[j])
                if begun:
                    new = min(max(error / unit, -CLIP), CLIP)
                    out[i, j] = new
                begun = True
                reference[j] += gain[j] * new * unit if gain[j] < 1.0 else error
                age[j] = 0.0
            average[j] += weight * (new - average[j])
    return out, reference, average, age
