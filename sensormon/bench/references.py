"""What a user would take instead: detectors of river, stumpy, adtk and pyod, at their defaults.

They are measured by `bench detection` where they are installed (`pip install -e '.[bench]'`); the
monitor needs none of them. Where a library has no default, the value is stated here:

- river's scores need a limit: its own filter at the quantile `Q`, as a threshold of theirs
  that flags about as rarely as ours. Both judge from the first reading on, score first, then learn.
- stumpy has no default window: `WINDOW` readings, as our rolling z-score. Each window is held against
  those of the first 15 %, and its last reading is flagged if the nearest of them is farther than
  all but 0.1 % of them are from each other (their incremental profile takes 14 ms a reading).
- adtk and pyod learn from the first 15 % of a series, or from the baseline rows, and judge the
  rest with their own limits. pyod judges it as a whole, so that ECOD looks ahead.

A reading that is lost is left out before they see the series, and a row with a lost cell too,
but for river, which takes rows as they are. Of adtk, `PersistAD`, `LevelShiftAD`,
`VolatilityShiftAD` and `AutoregressionAD` fail with pandas 3, which refuses the missing
values that they write into truth values; `ThresholdAD` and `QuantileAD` have no defaults, and
`SeasonalAD` fails on a series without a season.
"""

from __future__ import annotations

import importlib
import importlib.util
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from sensormon.analysis.flag_rates import FlagRows
from sensormon.analysis.nab import PROBATION
from sensormon.analysis.typed_faults import Flag
from sensormon.model.readings import Bools, Floats, Ints

Q = 0.999
"""The quantile of all scores above which a reading is flagged, for libraries that only score."""
WINDOW = 50
"""Readings of stumpy's window."""
FEWEST = 10
"""Readings or rows that a detector must have to learn from."""


@dataclass(frozen=True)
class Reference:
    """A detector of another library; `flag` judges one tag, `rows` several, None if it cannot.

    `rows` takes the number of baseline rows.
    """

    name: str
    library: str
    flag: Flag | None = None
    rows: Callable[[int], FlagRows] | None = None

    @property
    def installed(self) -> bool:
        """Whether its library can be imported."""
        return importlib.util.find_spec(self.library) is not None


def _received(flag: Flag) -> Flag:
    """The same detector on the readings that arrived; lost ones are not flagged."""

    def received(values: Floats, times: Ints) -> Bools:
        arrived = np.isfinite(values)
        flags = np.zeros(len(values), dtype=np.bool_)
        flags[arrived] = flag(values[arrived], times[arrived])
        return flags

    return received


def _first_rows(judge: Callable[[Floats, Floats], Bools]) -> Callable[[int], FlagRows]:
    """A detector of rows that learns from the whole rows of the baseline and judges whole rows."""

    def of_baseline(baseline: int) -> FlagRows:
        def flag(values: Floats) -> Bools:
            whole = ~np.isnan(values.sum(axis=1))
            learned, judged = values[:baseline][whole[:baseline]], values[whole]
            flags = np.zeros(len(values), dtype=np.bool_)
            if len(learned) >= FEWEST:
                flags[whole] = judge(learned, judged)
            return flags

        return flag

    return of_baseline


def _first_share(judge: Callable[[Floats, Floats], Bools]) -> Flag:
    """A detector that learns from the first 15 % of a series and judges the rest."""

    def flag(values: Floats, _times: Ints) -> Bools:
        first = int(PROBATION * len(values))
        flags = np.zeros(len(values), dtype=np.bool_)
        if first >= FEWEST:
            flags[first:] = judge(values[:first, None], values[first:, None])
        return flags

    return _received(flag)


# -- river ----------------------------------------------------------------------


def _half_space_trees() -> Any:
    anomaly, preprocessing = (
        importlib.import_module(f"river.{part}") for part in ("anomaly", "preprocessing")
    )
    trees = anomaly.QuantileFilter(anomaly.HalfSpaceTrees(seed=0), q=Q)
    return preprocessing.MinMaxScaler() | trees


def _trees(values: Floats, _times: Ints) -> Bools:
    return _trees_of_rows(0)(values[:, None])


def _trees_of_rows(_baseline: int) -> FlagRows:
    def flag(values: Floats) -> Bools:
        model = _half_space_trees()
        limit = model["QuantileFilter"]
        flags = np.zeros(len(values), dtype=np.bool_)
        for i, row in enumerate(values.tolist()):
            known = {tag: value for tag, value in enumerate(row) if math.isfinite(value)}
            flags[i] = limit.classify(model.score_one(known))
            model.learn_one(known)
        return flags

    return flag


def _gaussian(values: Floats, _times: Ints) -> Bools:
    anomaly = importlib.import_module("river.anomaly")
    model = anomaly.QuantileFilter(anomaly.GaussianScorer(), q=Q)
    flags = np.zeros(len(values), dtype=np.bool_)
    for i, value in enumerate(values.tolist()):
        flags[i] = model.classify(model.score_one(None, value))
        model.learn_one(None, value)
    return flags


# -- stumpy ---------------------------------------------------------------------


def _discords(learned: Floats, judged: Floats) -> Bools:
    stumpy = importlib.import_module("stumpy")
    flags = np.zeros(len(judged), dtype=np.bool_)
    if len(learned) < 2 * WINDOW or len(judged) < WINDOW:
        return flags
    first, rest = learned[:, 0], judged[:, 0]
    usual = np.asarray(stumpy.stump(first, WINDOW).P_, dtype=np.float64)
    profile = stumpy.stump(rest, WINDOW, first, ignore_trivial=False)
    distances = np.asarray(profile.P_, dtype=np.float64)
    flags[WINDOW - 1 :] = distances > np.quantile(usual[np.isfinite(usual)], Q)
    return flags


# -- adtk and pyod --------------------------------------------------------------


def _adtk(model: str) -> Callable[[Floats, Floats], Bools]:
    def judge(learned: Floats, judged: Floats) -> Bools:
        detector = getattr(importlib.import_module("adtk.detector"), model)()
        # It wants increasing times and uses nothing else of them.
        index = pd.date_range("2024-01-01", periods=len(learned) + len(judged), freq="5min")
        tables = (pd.DataFrame(learned, index[: len(learned)]), pd.DataFrame(judged, index[len(learned) :]))
        first, rest = (table[0] if table.shape[1] == 1 else table for table in tables)
        detector.fit(first)
        flags: Bools = np.asarray(detector.detect(rest), dtype=np.bool_)
        return flags

    return judge


def _pyod(module: str, model: str, **settings: Any) -> Callable[[Floats, Floats], Bools]:
    def judge(learned: Floats, judged: Floats) -> Bools:
        detector = getattr(importlib.import_module(f"pyod.models.{module}"), model)(**settings)
        detector.fit(learned)
        flags: Bools = np.asarray(detector.predict(judged)) > 0
        return flags

    return judge


_FOREST = _pyod("iforest", "IForest", random_state=0)
_ECOD = _pyod("ecod", "ECOD")

REFERENCES = (
    Reference("river HalfSpaceTrees", "river", _received(_trees), _trees_of_rows),
    Reference("river GaussianScorer", "river", _received(_gaussian)),
    Reference("stumpy discords", "stumpy", _first_share(_discords)),
    Reference("adtk InterQuartileRangeAD", "adtk", _first_share(_adtk("InterQuartileRangeAD"))),
    Reference("adtk PcaAD", "adtk", rows=_first_rows(_adtk("PcaAD"))),
    Reference("pyod IForest", "pyod", _first_share(_FOREST), _first_rows(_FOREST)),
    Reference("pyod ECOD", "pyod", _first_share(_ECOD), _first_rows(_ECOD)),
)
"""The detectors of other libraries."""
