"""A multivariate EWMA that follows its tags while they are quiet; `recommended` for several tags."""

from __future__ import annotations

from dataclasses import dataclass

from sensormon.detectors.base import Parameter
from sensormon.detectors.mewma_state import MewmaState
from sensormon.detectors.multivariate import BASELINE, RowDetector


@dataclass(frozen=True)
class Mewma(RowDetector):
    """Moving averages of what is new in each tag are off by more than they ever were on the baseline.

    New is what a tag's reference did not foretell: a slow average for steady tags, the last
    value for those that wander already in the baseline, such as temperatures. The
    covariance of the averages is measured on the baseline, so autocorrelation widens the
    limits by itself. The limit is `margin` squared times the 0.999 quantile of chi-square.
    The score is the statistic over its limit; a row is an anomaly above 1.

    It follows a slow drift of the process, and a tag that becomes livelier than on its
    baseline gets wider limits. During an alarm the steady tags that are off stay where they
    were. The alarm ends after 40 rows that are under the limit or have fallen to a tenth of
    its peak. A tag that jumped and has been steady at its new level for 60 rows is taken to be
    set there, unless its sensor is too coarse to tell or more than half of the tags are off.
    After 1,000 rows in alarm the process is in a new state, of which a model is made from the
    last 400 rows.

    Catches: lasting shifts of steady tags, and sudden moves of wandering ones.
    Misses: single odd rows (prefer `hotelling` or `spe`), a drift slower than some hundred
    rows, and the rest of a shift of a wandering tag. It goes on for a while after the
    fault's end, until the average is back. Tags that walk by a twentieth to a tenth of
    their noise a row are followed too slowly and flagged at times.

    Parameters: `baseline` in rows, 50 to 100,000; `weight` of the newest row, 0.01 to 1;
    `margin`, by what factor normal rows may exceed the limit in standard deviations, 1 to 5.

    References: Lowry, Woodall, Champ and Rigdon, Technometrics 34 (1992) 46; MacGregor and
    Kourti, Control Eng. Practice 3 (1995) 403; for charts on forecast errors Alwan and
    Roberts, Journal of Business and Economic Statistics 6 (1988) 87.

    >>> import numpy as np
    >>> rows = np.random.default_rng(0).normal(size=(600, 3))
    >>> rows[500:, 0] += 3.0
    >>> bool(Mewma().start(3).run(rows).is_anomaly[520:560].all())
    True
    """

    baseline: int = 400
    weight: float = 0.1
    margin: float = 1.25

    title = "MEWMA"
    score_name = "MEWMA over its limit"
    PARAMETERS = (
        BASELINE,
        Parameter("weight", 0.01, 1.0, 0.01, "share of the newest row", label="Weight λ"),
        Parameter("margin", 1.0, 5.0, 0.05, "times the standard limit", label="Margin"),
    )

    def start(self, tags: int) -> MewmaState:
        """A state that has learned nothing. Raises UsageError for fewer than two tags."""
        return MewmaState(tags, baseline=int(self.baseline), weight=self.weight, margin=self.margin)
