"""A multivariate EWMA that knows which tags wander; `recommended` for several tags."""

from __future__ import annotations

from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np

from sensormon.detectors.base import Parameter
from sensormon.detectors.incomplete import OVERLAP, averaged, covariance
from sensormon.detectors.multivariate import (
    BASELINE,
    Judgement,
    Memory,
    Model,
    RowDetector,
    smooth,
)
from sensormon.detectors.row_kernels import scaled
from sensormon.model.readings import Bools, Floats

WANDERS = 0.7
"""A tag whose successive baseline values correlate by more than this is watched by its changes."""

CLIP = 10.0
"""No single value counts for more than this many standard deviations."""

SHRINK = 0.2
"""How far the covariance is drawn to its diagonal: few independent rows remain after smoothing."""

WARM_UP = 20
"""Rows before the averages are measured."""


@dataclass(frozen=True)
class Mewma(RowDetector):
    """A moving average of all tags is off the baseline's by more than it ever wandered there.

    Tags that wander already in the baseline, such as temperatures, have no level to be off;
    of them the changes are averaged. The covariance of the averages is measured on the
    baseline, so autocorrelation widens the limits by itself. The limit is `margin` squared
    times the 0.999 quantile of chi-square. The score is the statistic over its limit; a row
    is an anomaly above 1. The model is made once.

    Catches: lasting shifts of steady tags, and sudden moves of wandering ones.
    Misses: single odd rows (prefer `hotelling` or `spe`), a drift slower than the tag's usual
    changes, and the rest of a shift of a wandering tag. It goes on for a while after the
    fault's end, until the average is back.

    Parameters: `baseline` in rows, 50 to 100,000; `weight` of the newest row, 0.01 to 1;
    `margin`, by what factor normal rows may exceed the limit in standard deviations, 1 to 5.

    References: Lowry, Woodall, Champ and Rigdon, Technometrics 34 (1992) 46; MacGregor and
    Kourti, Control Eng. Practice 3 (1995) 403; for missing cells see `incomplete`.

    >>> rows = np.random.default_rng(0).normal(size=(600, 3))
    >>> rows[500:, 0] += 3.0
    >>> bool(Mewma().start(3).run(rows).is_anomaly[520:].all())
    True
    """

    baseline: int = 400
    weight: float = 0.1
    margin: float = 1.3

    title = "MEWMA"
    score_name = "MEWMA over its limit"
    PARAMETERS = (
        BASELINE,
        Parameter("weight", 0.01, 1.0, 0.01, "share of the newest row", label="Weight λ"),
        Parameter("margin", 1.0, 5.0, 0.1, "times the standard limit", label="Margin"),
    )

    def fit(self, rows: Floats) -> Model:
        """The model of these normal rows."""
        if not np.isfinite(rows).all():
            return self._fit_incomplete(rows)
        tags = rows.shape[1]
        mean = np.median(rows, axis=0)
        scale, z = scaled(rows, mean, _spread(rows))
        calm = np.clip(z, -5.0, 5.0)
        calm = calm - calm.mean(axis=0)
        power = np.maximum((calm**2).sum(axis=0), 1e-300)
        wanders = (calm[1:] * calm[:-1]).sum(axis=0) / power > WANDERS
        step = np.where(wanders, np.maximum(_spread(np.diff(z, axis=0)), 1e-9), 1.0)
        model = self._blank(mean, scale, wanders, step, len(rows))
        average = smooth(rows, model, Memory.blank(tags))[WARM_UP:]
        measured = np.cov(average.T)
        own = np.diag(measured)
        own = np.where(own > 0, own, self.weight / (2 - self.weight))
        shrunk = (1 - SHRINK) * measured + SHRINK * np.diag(own)
        form = np.ascontiguousarray(np.linalg.inv(shrunk))
        return replace(model, centre=average.mean(axis=0), form=form, covariance=shrunk)

    def marginal(self, model: Model, lost: Floats, there: Bools) -> Judgement:
        """The statistic of the averages of these tags, which moved less by what is lost."""
        own = (model.covariance * (1.0 - lost))[np.ix_(there, there)]
        tags = int(there.sum())
        return Judgement(np.asarray(np.linalg.inv(own)), float(tags), self._limit(tags))

    def _fit_incomplete(self, rows: Floats) -> Model:
        """The same from rows with missing cells: a tag from its own values, a pair from what both have."""
        mean = np.nanmedian(rows, axis=0)
        own_values = [column[np.isfinite(column)] for column in rows.T]
        spread = np.array([float(_spread(values[:, None])[0]) for values in own_values])
        scale, z = scaled(rows, mean, spread)
        changes = _changes(z)
        wanders = np.array([_lag(column[np.isfinite(column)]) > WANDERS for column in z.T])
        steps = np.array([_spread(column[np.isfinite(column)][:, None])[0] for column in changes.T])
        step = np.where(wanders, np.maximum(steps, 1e-9), 1.0)
        model = self._blank(mean, scale, wanders, step, len(rows))
        new = np.clip(np.where(wanders, changes / step, z), -CLIP, CLIP)
        centre = np.nanmean(new, axis=0)
        products, shares = averaged(new - centre, self.weight, WARM_UP)
        products = products / np.maximum(shares, 1.0)
        own = np.diag(products).copy()
        np.fill_diagonal(products, np.where(own > 0, own, self.weight / (2 - self.weight)))
        measured = covariance(products, shares >= OVERLAP, 0.0)
        shrunk = (1 - SHRINK) * measured + SHRINK * np.diag(np.diag(measured))
        form = np.ascontiguousarray(np.linalg.inv(shrunk))
        return replace(model, centre=centre, form=form, covariance=shrunk)

    def _blank(self, mean: Floats, scale: Floats, wanders: Bools, step: Floats, rows: int) -> Model:
        """The model before the averages are measured."""
        tags = len(mean)
        return Model(
            mean=mean,
            scale=scale,
            differenced=wanders,
            step=step,
            clip=CLIP,
            weight=self.weight,
            centre=np.zeros(tags),
            form=np.eye(tags),
            covariance=np.eye(tags),
            rows=rows,
            expected=float(tags),
            limit=self._limit(tags),
        )

    def _limit(self, tags: int) -> float:
        chi = tags * (1 - 2 / (9 * tags) + NormalDist().inv_cdf(0.999) * np.sqrt(2 / (9 * tags))) ** 3
        return float(self.margin**2 * chi)


def _changes(z: Floats) -> Floats:
    """The change of each value since the tag's last one, over the root of the rows between; NaN without."""
    changes = np.full_like(z, np.nan)
    for j in range(z.shape[1]):
        at = np.flatnonzero(np.isfinite(z[:, j]))
        changes[at[1:], j] = np.diff(z[at, j]) / np.sqrt(np.diff(at))
    return changes


def _lag(values: Floats) -> float:
    """The lag-1 correlation of these values, those far out cut."""
    calm = np.clip(values, -5.0, 5.0)
    calm = calm - calm.mean()
    return float((calm[1:] * calm[:-1]).sum() / max(float((calm**2).sum()), 1e-300))


def _spread(rows: Floats) -> Floats:
    """Standard deviation by the median absolute deviation; the plain one if that is zero."""
    robust = 1.4826 * np.median(np.abs(rows - np.median(rows, axis=0)), axis=0)
    return np.asarray(np.where(robust > 0, robust, rows.std(axis=0)))
