"""Rows of several tags of which cells are missing: what can be learned of them, and what can be judged.

Pure functions on arrays; a missing cell is NaN. The model of normal rows is a normal distribution, and the
tags that a row has follow that distribution's marginal, whatever the other tags would have been.
So a row is judged on the tags it has, against the limit for those tags, and a lost tag
neither hides a fault of the others nor looks like one.

- Correlations are learned from pairs of tags, each from the rows that have both (`paired`).
  Such a matrix need not be one that data can have; `positive` gives the nearest that
  it can be, by its eigenvalues.
- A moving average in which cells were missing has moved less, and with fewer rows in common: `averaged`
  says by how much.
- `imputing` is the regression of all tags on those of a row (known data regression).

What it is not: a way to fill gaps in readings.

References: Little and Rubin, Statistical Analysis with Missing Data (1987), for the marginal and
for available cases; Rousseeuw and Molenberghs, Communications in Statistics: Theory and Methods 22
(1993) 965, for the correction by eigenvalues; Arteaga and Ferrer, J. Chemometrics 16 (2002) 408,
for known data regression.
"""

from __future__ import annotations

import numba
import numpy as np

from sensormon.model.readings import Bools, Floats

OVERLAP = 30
"""Rows that two tags must have in common before they count as related."""

_SINGULAR = 1e-10
"""Eigenvalues below this share of the largest are none."""


def paired(rows: Floats, least: float = 0.0) -> tuple[Floats, Floats]:
    """Mean products of the columns' cells, each over the rows that have both, and the number of these rows.

    Pairs with fewer rows than `OVERLAP` have the product 0. The eigenvalues of the correlations are at
    least `least`.
    """
    there = np.isfinite(rows)
    filled = np.where(there, rows, 0.0)
    counts = there.T.astype(np.float64) @ there.astype(np.float64)
    products = filled.T @ filled / np.maximum(counts - 1.0, 1.0)
    return covariance(products, counts >= OVERLAP, least), counts


def covariance(products: Floats, known: Bools, least: float) -> Floats:
    """The covariance nearest to these mean products, of which those not `known` count as 0."""
    sd = np.sqrt(np.maximum(np.diag(products), 0.0))
    outer = np.outer(sd, sd)
    correlation = np.where(known & (outer > 0.0), products / np.where(outer > 0.0, outer, 1.0), 0.0)
    correlation = np.clip(correlation, -1.0, 1.0)
    np.fill_diagonal(correlation, 1.0)
    return np.asarray(positive(correlation, least) * outer)


def positive(correlation: Floats, least: float) -> Floats:
    """The correlations with the eigenvalues below `least` raised to it, and ones on the diagonal again."""
    values, vectors = np.linalg.eigh(correlation)
    if values[0] >= least:
        return correlation
    raised = (vectors * np.maximum(values, least)) @ vectors.T
    sd = np.sqrt(np.maximum(np.diag(raised), 1e-300))
    return np.asarray(raised / np.outer(sd, sd))


def imputing(whole: Floats, there: Bools) -> tuple[Floats, Floats, Floats]:
    """For rows that have the tags in `there`, of a normal distribution with this covariance:

    the matrix from these tags to the expectation of all, and a root of their covariance and its inverse.
    """
    own = whole[np.ix_(there, there)]
    values, vectors = np.linalg.eigh(own)
    used = values > _SINGULAR * max(float(values[-1]), 1e-300)
    root = vectors[:, used] * np.sqrt(values[used])
    inverse = (vectors[:, used] / np.sqrt(values[used])).T
    expectation = np.zeros((len(whole), int(there.sum())))
    expectation[~there] = whole[np.ix_(~there, there)] @ inverse.T @ inverse
    expectation[there] = np.eye(int(there.sum()))
    return expectation, root, np.asarray(inverse)


@numba.njit(cache=True)
def averaged(rows: Floats, weight: float, skipped: int) -> tuple[Floats, Floats]:
    """Of the moving averages of these columns, whose mean is 0: sums of products and what they are sums of.

    A missing cell counts as 0. Over the rows from `skipped` on, the first is the sum of the products of two
    averages, and the second the sum of the shares of whole rows' covariance that these products have.
    """
    count, tags = rows.shape
    kept = (1.0 - weight) ** 2
    average = np.zeros(tags)
    shares = np.zeros((tags, tags))
    products = np.zeros((tags, tags))
    total = np.zeros((tags, tags))
    for i in range(count):
        for j in range(tags):
            new = rows[i, j] if np.isfinite(rows[i, j]) else 0.0
            average[j] += weight * (new - average[j])
        for j in range(tags):
            for k in range(j + 1):
                both = 1.0 if np.isfinite(rows[i, j]) and np.isfinite(rows[i, k]) else 0.0
                shares[j, k] = kept * shares[j, k] + (1.0 - kept) * both
                if i >= skipped:
                    products[j, k] += average[j] * average[k]
                    total[j, k] += shares[j, k]
    for j in range(tags):
        for k in range(j):
            products[k, j] = products[j, k]
            total[k, j] = total[j, k]
    return products, total
