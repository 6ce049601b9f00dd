"""The detectors, by name, and `detect` to use one on a series without the app.

>>> from sensormon.detectors import detect
>>> result = detect([7.0, 7.1] * 30 + [9.0])
>>> bool(result["is_anomaly"].iloc[-1])
True
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np
import pandas as pd

from sensormon.detectors.base import Detector
from sensormon.detectors.cusum import Cusum
from sensormon.detectors.ewma import Ewma
from sensormon.detectors.gap import Gap
from sensormon.detectors.hampel import Hampel
from sensormon.detectors.hotelling import Hotelling
from sensormon.detectors.inputs import Values, rows_of, times_given, times_of_index, values_of
from sensormon.detectors.limits import Limits
from sensormon.detectors.mewma import Mewma
from sensormon.detectors.multivariate import RowDetector
from sensormon.detectors.notes import nothing_scored, row_notes, series_notes
from sensormon.detectors.page_hinkley import PageHinkley
from sensormon.detectors.rate_of_change import RateOfChange
from sensormon.detectors.recommended import Recommended
from sensormon.detectors.spe import Spe
from sensormon.detectors.stuck import Stuck
from sensormon.detectors.variance import Variance
from sensormon.detectors.zscore import ZScore
from sensormon.model.errors import UsageError
from sensormon.model.readings import Ints

DEFAULT = "zscore"
"""The detector that judges until somebody chooses another."""

PER_TAG: dict[str, type[Any]] = {
    "zscore": ZScore,
    "hampel": Hampel,
    "cusum": Cusum,
    "page_hinkley": PageHinkley,
    "ewma": Ewma,
    "variance": Variance,
    "stuck": Stuck,
    "rate_of_change": RateOfChange,
    "limits": Limits,
    "gap": Gap,
    "recommended": Recommended,
}
"""Detectors that judge each tag by itself."""

MULTIVARIATE: dict[str, type[Any]] = {
    "hotelling": Hotelling,
    "spe": Spe,
    "recommended": Mewma,
}
"""Detectors that judge a row of several tags at once."""

DETECTORS: dict[str, type[Any]] = {**MULTIVARIATE, **PER_TAG}
"""Every name that `detect` takes; if a name is in both tables, the values decide."""


def make(detector: str, /, **params: float) -> Detector:
    """The detector of this name that judges each tag by itself; defaults for what is not given.

    Raises UsageError for a name or a parameter that does not exist, or a wrong value.
    """
    judge: Detector = _make(PER_TAG, detector, params)
    return judge


def longest_lead() -> int:
    """How many readings before a reading decide its score, of the detector that looks back furthest."""
    widest: list[Detector] = [
        cls(
            **{
                parameter.name: int(parameter.high)
                for parameter in cls.PARAMETERS
                if parameter.name == "window"
            }
        )
        for cls in PER_TAG.values()
    ]
    return max(detector.start(np.zeros(1)).lead for detector in widest)


def _make(table: dict[str, type[Any]], detector: str, params: dict[str, float]) -> Any:
    if detector not in table:
        raise UsageError(
            f"there is no detector {detector!r}",
            where="detector",
            hint=f"Choose one of: {', '.join(table)}",
        )
    known = [field.name for field in fields(table[detector])]
    for name in params:
        if name not in known:
            raise UsageError(
                f"{detector} has no parameter {name!r}",
                where="detector settings",
                hint=f"Its parameters: {', '.join(known)}",
            )
    return table[detector](**params)


def detect(
    values: Values | pd.DataFrame,
    times: object = None,
    detector: str = DEFAULT,
    *,
    resolution: float = 0.0,
    **params: float,
) -> pd.DataFrame:
    """Score a series, one row per value: value, score, threshold, expected, lower, upper, is_anomaly.

    `detector` is one of DETECTORS, `params` are its parameters by name: help(DETECTORS["cusum"])
    says what it catches, what it misses and which parameters it has. "zscore", the default, is
    the rolling z-score over `window` (50) values with a `threshold` (3.0); "recommended" is the
    one for data nobody has looked at.

    Causal: row i depends on the values up to i alone. `times`, one per value, becomes the
    index: dates, periods (their start), timedeltas, ISO 8601 text (UTC if it names no zone), or
    numbers of seconds. Without them a Series keeps its index, whose times are used, text
    and Arrow's included; if it only numbers the values, they are a second apart.
    `resolution` is the sensor's smallest step in the values' unit.
    A tag's limits are parameters here. If there is nothing to judge by (warm-up) or to
    judge (NaN, infinity, null, NA or masked) the score and the bounds are NaN, nothing is
    flagged, and the sentences in `attrs["notes"]` of the result say why.

    A DataFrame with one column per tag goes to the detectors in MULTIVARIATE: its first
    `baseline` rows (a parameter, 400 by default) are taken as normal and not scored;
    `value` is the statistic, `expected` its mean on normal rows, `upper` its limit, the
    score their ratio, and the column with a tag's name that tag's part of the score
    (`contribution_<tag>` for a tag whose name is that of another column). A row that lacks
    values is judged on those it has; a tag that has fewer than half the `baseline` is left
    out until it has them. `resolution` is not used for a DataFrame; its index is kept, not used.

    Raises UsageError for an unknown detector or parameter, for values that are not numbers,
    for times that cannot be read and for a DataFrame of which no row can be scored; and
    WrongArgument, a TypeError, for a Series whose index is neither times nor numbers.

    >>> series = np.random.default_rng(0).normal(37.0, 0.2, 500)
    >>> series[400] = 39.0
    >>> result = detect(series, detector="recommended")
    >>> bool(result["is_anomaly"][400])
    True

    Two tags that go together, until one of them does not:

    >>> frame = pd.DataFrame({"inlet": series, "outlet": 2 * series})
    >>> frame.loc[450:, "outlet"] -= 3.0
    >>> result = detect(frame, detector="recommended", baseline=300)
    >>> bool(result["is_anomaly"].iloc[-1])
    True
    >>> list(result.columns[7:])
    ['inlet', 'outlet']
    """
    if isinstance(values, pd.DataFrame):
        return _detect_rows(values, times, detector, params)
    judge = make(detector, **params)
    column = values_of(values)
    state = judge.start(np.array([resolution], dtype=np.float64))
    rows = len(column)
    index = values.index if isinstance(values, pd.Series) else None
    time: Ints | None = None
    if times is not None:
        index, time = times_given(times, rows)
    elif index is not None:
        time = times_of_index(index)
    if time is None:
        time = np.arange(rows, dtype=np.int64) * 1_000_000
    scores = state.run(np.zeros(rows, dtype=np.int32), column, np.ones(rows, dtype=np.bool_), time)
    result = pd.DataFrame(
        {
            "value": column,
            "score": scores.score,
            "threshold": np.full(rows, judge.threshold),
            "expected": scores.expected,
            "lower": scores.lower,
            "upper": scores.upper,
            "is_anomaly": scores.is_anomaly,
        },
        index=index,
    )
    result.attrs["notes"] = series_notes(column, scores.score)
    return result


def _detect_rows(frame: pd.DataFrame, times: object, detector: str, params: dict[str, float]) -> pd.DataFrame:
    judge: RowDetector = _make(MULTIVARIATE, detector, params)
    rows = rows_of(frame)
    index = frame.index if times is None else times_given(times, len(rows))[0]
    state = judge.start(rows.shape[1])
    scores = state.run(rows)
    if len(rows) > state.baseline and np.isnan(scores.score).all():
        raise nothing_scored(state, rows, frame.columns)
    result = pd.DataFrame(
        {
            "value": scores.statistic,
            "score": scores.score,
            "threshold": np.full(len(rows), judge.threshold),
            "expected": scores.expected,
            "lower": scores.lower,
            "upper": scores.upper,
            "is_anomaly": scores.is_anomaly,
        },
        index=index,
    )
    own = set(result.columns)
    names = [f"contribution_{name}" if name in own else name for name in frame.columns]
    parts = pd.DataFrame(scores.contributions, index=index, columns=names)
    result = pd.concat([result, parts], axis=1)
    result.attrs["notes"] = row_notes(state, rows, scores.score, frame.columns)
    return result
