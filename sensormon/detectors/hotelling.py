"""Hotelling's T2 on the retained principal components of a baseline."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sensormon.detectors.base import Parameter
from sensormon.detectors.incomplete import imputing
from sensormon.detectors.multivariate import BASELINE, FixedDetector, Judgement, Model
from sensormon.detectors.pca import ROUNDING_VARIANCE, components, still, t2_limit
from sensormon.model.readings import Bools, Floats

TOLD = 0.1
"""The least share of a direction's variance that the tags of an incomplete row must tell."""


@dataclass(frozen=True)
class Hotelling(FixedDetector):
    """How far a row is off the baseline's mean, along the ways its tags move together.

    The score is T2 over its limit; a row is an anomaly above 1. The model is made once.

    Catches: rows that go too far in a usual direction, though each tag may be within bounds.
    Misses: tags that part from each other (prefer `spe`), small lasting shifts and, by
    flagging them forever, slow drifts of the whole plant (prefer `recommended`).

    Parameters: `baseline` in rows, 50 to 100,000; `variance`, the share of variance kept
    by the components, 0.5 to 0.99; `alpha`, the share of normal rows flagged, 0.0001 to
    0.05, on rows that are Gaussian and independent in time.

    References: Hotelling, Multivariate Quality Control (1947); Jackson and Mudholkar,
    Technometrics 21 (1979) 341; MacGregor and Kourti, Control Eng. Practice 3 (1995) 403;
    for missing cells Arteaga and Ferrer, J. Chemometrics 16 (2002) 408.

    >>> rows = np.random.default_rng(0).normal(size=(501, 3))
    >>> rows[500] = 9.0
    >>> bool(Hotelling().start(3).run(rows).is_anomaly[500])
    True
    """

    baseline: int = 400
    variance: float = 0.9
    alpha: float = 0.001

    title = "Hotelling's T²"
    score_name = "T² over its limit"
    PARAMETERS = (
        BASELINE,
        Parameter("variance", 0.5, 0.99, 0.01, "share of variance", label="Variance kept"),
        Parameter("alpha", 0.0001, 0.05, 0.0001, "share of rows", label="Share flagged"),
    )

    def fit(self, rows: Floats) -> Model:
        """The model of these normal rows."""
        of = components(rows, self.variance)
        used = of.values[: of.kept] > ROUNDING_VARIANCE
        vectors = of.vectors[:, : of.kept][:, used]
        form = (vectors / of.values[: of.kept][used]) @ vectors.T
        count = max(int(used.sum()), 1)
        return still(of, np.asarray(form), float(count), self._limit(count, of.rows))

    def marginal(self, model: Model, there: Bools) -> Judgement:
        """T2 of those directions of the components that the tags in `there` tell something of."""
        expectation, root, inverse = imputing(model.covariance, there)
        imputed = expectation @ root
        known, vectors = np.linalg.eigh(imputed.T @ model.form @ imputed)
        used = known > TOLD
        used[-1:] = True
        directions = vectors[:, used].T @ inverse
        count = max(int(used.sum()), 1)
        return Judgement(directions.T @ directions, float(count), self._limit(count, model.rows))

    def _limit(self, count: int, rows: int) -> float:
        return t2_limit(count, max(rows, count + 10), self.alpha)
