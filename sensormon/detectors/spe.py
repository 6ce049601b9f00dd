"""The squared prediction error (Q) off the principal components of a baseline."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sensormon.detectors.base import Parameter
from sensormon.detectors.incomplete import imputing
from sensormon.detectors.multivariate import BASELINE, FixedDetector, Judgement, Model
from sensormon.detectors.pca import components, spe_limit, still
from sensormon.model.readings import Bools, Floats


@dataclass(frozen=True)
class Spe(FixedDetector):
    """How far a row is off the ways in which the baseline's tags move together.

    The score is SPE over its limit; a row is an anomaly above 1. The model is made once.

    Catches: a tag that parts from those it used to follow, such as one biased sensor, and
    any move of a tag that was constant.
    Misses: rows that go too far in a usual direction (prefer `hotelling`); drifts are
    flagged forever (prefer `recommended`).

    Parameters: `baseline` in rows, 50 to 100,000; `variance`, the share of variance kept
    by the components, 0.5 to 0.99; `alpha`, the share of normal rows flagged, 0.0001 to
    0.05, on rows that are Gaussian and independent in time.

    References: Jackson and Mudholkar, Technometrics 21 (1979) 341; MacGregor and Kourti,
    Control Eng. Practice 3 (1995) 403; for missing cells Arteaga and Ferrer, J. Chemometrics
    16 (2002) 408.

    >>> random = np.random.default_rng(0)
    >>> rows = random.normal(size=(501, 1)) + 0.1 * random.normal(size=(501, 3))
    >>> rows[500, 1] += 2.0
    >>> bool(Spe().start(3).run(rows).is_anomaly[500])
    True
    """

    baseline: int = 400
    variance: float = 0.9
    alpha: float = 0.001

    title = "Squared prediction error"
    score_name = "SPE over its limit"
    PARAMETERS = (
        BASELINE,
        Parameter("variance", 0.5, 0.99, 0.01, "share of variance", label="Variance kept"),
        Parameter("alpha", 0.0001, 0.05, 0.0001, "share of rows", label="Share flagged"),
    )

    def fit(self, rows: Floats) -> Model:
        """The model of these normal rows."""
        of = components(rows, self.variance)
        left = of.vectors[:, of.kept :]
        values = of.values[of.kept :]
        return still(of, np.asarray(left @ left.T), float(values.sum()), spe_limit(values, self.alpha))

    def marginal(self, model: Model, there: Bools) -> Judgement:
        """The squared prediction error of the row with its missing tags as the others predict them."""
        expectation, root, _ = imputing(model.covariance, there)
        form = expectation.T @ model.form @ expectation
        values = np.maximum(np.linalg.eigvalsh(root.T @ form @ root), 0.0)
        return Judgement(form, float(values.sum()), spe_limit(values, self.alpha))
