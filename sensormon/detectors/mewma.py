"""A multivariate EWMA that knows which tags wander; `recommended` for several tags."""

from __future__ import annotations

from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np

from sensormon.detectors.base import Parameter
from sensormon.detectors.multivariate import BASELINE, Model, RowDetector, scaled, smooth
from sensormon.model.readings import Floats

WANDERS = 0.7
"""A tag whose successive baseline values correlate by more than this is watched by its changes."""

CLIP = 10.0
"""No single value counts for more than this many standard deviations."""

SHRINK = 0.2
"""How far the covariance is drawn to its diagonal: few independent rows remain after smoothing."""


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
    Kourti, Control Eng. Practice 3 (1995) 403.

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
        tags = rows.shape[1]
        mean = np.median(rows, axis=0)
        scale, z = scaled(rows, mean, _spread(rows))
        calm = np.clip(z, -5.0, 5.0)
        calm = calm - calm.mean(axis=0)
        power = np.maximum((calm**2).sum(axis=0), 1e-300)
        wanders = (calm[1:] * calm[:-1]).sum(axis=0) / power > WANDERS
        step = np.where(wanders, np.maximum(_spread(np.diff(z, axis=0)), 1e-9), 1.0)
        chi = tags * (1 - 2 / (9 * tags) + NormalDist().inv_cdf(0.999) * np.sqrt(2 / (9 * tags))) ** 3
        limit = float(self.margin**2 * chi)
        model = Model(
            mean, scale, wanders, step, CLIP, self.weight, np.zeros(tags), np.eye(tags), float(tags), limit
        )
        average = smooth(rows, model, np.full(tags, np.nan), np.zeros(tags))[20:]
        covariance = np.cov(average.T)
        own = np.diag(covariance)
        own = np.where(own > 0, own, self.weight / (2 - self.weight))
        form = np.linalg.inv((1 - SHRINK) * covariance + SHRINK * np.diag(own))
        return replace(model, centre=average.mean(axis=0), form=np.ascontiguousarray(form))


def _spread(rows: Floats) -> Floats:
    """Standard deviation by the median absolute deviation; the plain one if that is zero."""
    robust = 1.4826 * np.median(np.abs(rows - np.median(rows, axis=0)), axis=0)
    return np.asarray(np.where(robust > 0, robust, rows.std(axis=0)))
