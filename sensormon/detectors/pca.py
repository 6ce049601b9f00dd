"""Principal components of a baseline, and the control limits of the two statistics on them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from statistics import NormalDist

import numpy as np

from sensormon.detectors.incomplete import OVERLAP, paired
from sensormon.detectors.multivariate import Model
from sensormon.detectors.row_kernels import scaled
from sensormon.model.readings import Floats


@dataclass(frozen=True)
class Components:
    """Eigenvalues (largest first) and eigenvectors of the covariance of scaled tags; `kept` of them are used.

    `rows` is how many rows the covariance stands for.
    """

    mean: Floats
    scale: Floats
    covariance: Floats
    rows: int
    values: Floats
    vectors: Floats
    kept: int


def components(rows: Floats, variance: float) -> Components:
    """The principal components of these rows that hold this share of variance; missing cells are NaN.

    At least one component and at least one residual are kept. Tags are scaled to
    standard deviation 1.
    """
    if np.isfinite(rows).all():
        mean = rows.mean(axis=0)
        scale, z = scaled(rows, mean, rows.std(axis=0, ddof=1))
        covariance, count = np.cov(z.T), len(rows)
    else:
        mean = np.nanmean(rows, axis=0)
        scale, z = scaled(rows, mean, np.nanstd(rows, axis=0, ddof=1))
        covariance, counts = paired(z)
        count = int(counts[counts >= OVERLAP].min())
    values, vectors = np.linalg.eigh(covariance)
    values, vectors = np.maximum(values[::-1], 0.0), vectors[:, ::-1]
    share = np.cumsum(values) / max(values.sum(), 1e-300)
    kept = min(int(np.searchsorted(share, variance)) + 1, len(values) - 1)
    return Components(mean, scale, covariance, count, values, vectors, kept)


def still(of: Components, form: Floats, expected: float, limit: float) -> Model:
    """A model that judges each row by itself."""
    return Model(
        mean=of.mean,
        scale=of.scale,
        form=np.ascontiguousarray(form),
        covariance=of.covariance,
        rows=of.rows,
        expected=expected,
        limit=limit,
    )


@cache
def t2_limit(kept: int, rows: int, alpha: float) -> float:
    """Hotelling's limit for a new row: k (n-1) (n+1) / (n (n-k)) times the F quantile of k and n-k."""
    a, b = kept / 2, (rows - kept) / 2
    low, high = 0.0, 1.0
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if beta_cdf(middle, a, b) < 1 - alpha else (low, middle)
    # A beta quantile x is the F quantile b x / (a (1 - x)).
    return kept * (rows - 1) * (rows + 1) / (rows * (rows - kept)) * b * low / (a * (1 - low))


def spe_limit(residual: Floats, alpha: float) -> float:
    """The limit of a sum of squares with these variances (Jackson and Mudholkar 1979)."""
    first, second, third = (float((residual**power).sum()) for power in (1, 2, 3))
    if first <= ROUNDING_VARIANCE:
        return 1.0  # nothing is left over: any residual of a scaled unit is a break
    h = 1 - 2 * first * third / (3 * second**2)
    h = h if abs(h) > 1e-3 else 1e-3
    quantile = NormalDist().inv_cdf(1 - alpha)
    inside = quantile * math.sqrt(2 * second * h * h) / first + 1 + second * h * (h - 1) / first**2
    return float(first * max(inside, 1e-3) ** (1 / h))


ROUNDING_VARIANCE = 1e-12


def beta_cdf(x: float, a: float, b: float) -> float:
    """The regularised incomplete beta function, by its continued fraction (DLMF 8.17.22).

    >>> round(beta_cdf(0.5, 2.0, 3.0), 6)
    0.6875
    """
    if x <= 0 or x >= 1:
        return float(x >= 1)
    if x > (a + 1) / (a + b + 2):
        return 1 - beta_cdf(1 - x, b, a)
    fraction = 0.0
    for m in range(200, 0, -1):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        fraction = even / (1 + odd / (1 + fraction))
    first = -(a + b) * x / (a + 1)
    front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    return math.exp(front) / (a * (1 + first / (1 + fraction)))
