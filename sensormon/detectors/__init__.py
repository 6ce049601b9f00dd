"""The detectors, by name, and `detect` to use one on a series without the app.

>>> from sensormon.detectors import detect
>>> result = detect([7.0, 7.1] * 30 + [9.0])
>>> bool(result["is_anomaly"].iloc[-1])
True
"""

from __future__ import annotations

from collections.abc import Sequence
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
from sensormon.detectors.limits import Limits
from sensormon.detectors.mewma import Mewma
from sensormon.detectors.multivariate import RowDetector
from sensormon.detectors.page_hinkley import PageHinkley
from sensormon.detectors.rate_of_change import RateOfChange
from sensormon.detectors.recommended import Recommended
from sensormon.detectors.spe import Spe
from sensormon.detectors.stuck import Stuck
from sensormon.detectors.variance import Variance
from sensormon.detectors.zscore import ZScore
from sensormon.model import timestamps
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


def make(detector: str, **params: float) -> Detector:
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
    values: Sequence[float] | np.ndarray[Any, Any] | pd.Series[Any] | pd.DataFrame,
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
    index: dates, ISO 8601 text (UTC if it names no zone), or numbers of seconds. Without
    them a Series keeps its index, whose dates are used if it has any; otherwise the readings
    are a second apart. `resolution` is the sensor's smallest step in the values' unit.
    A tag's limits are parameters here. If there is nothing to judge by (warm-up) or to
    judge (NaN, infinity) the score and the bounds are NaN and nothing is flagged.

    A DataFrame with one column per tag goes to the detectors in MULTIVARIATE: its first
    `baseline` rows (a parameter, 400 by default) are taken as normal and not scored;
    `value` is the statistic, `expected` its mean on normal rows, `upper` its limit, the
    score their ratio, and the column with a tag's name that tag's part of the score
    (`contribution_<tag>` for a tag whose name is that of another column).
    `resolution` is not used for a DataFrame.

    Raises UsageError for an unknown detector or parameter, for values that are not numbers
    and for times that cannot be read.

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
    try:
        column = np.array(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise UsageError(
            f"the values must be numbers ({error})", where="detect", hint="Convert them first"
        ) from error
    if column.ndim != 1:
        raise UsageError(f"the values have {column.ndim} dimensions", where="detect", hint="Give one series")
    state = judge.start(np.array([resolution], dtype=np.float64))
    rows = len(column)
    index = values.index if isinstance(values, pd.Series) else None
    if times is not None:
        index = pd.Index(times, name="time")  # type: ignore[call-overload]  # pandas-stubs: any sequence
        if len(index) != rows:
            raise UsageError(
                f"there are {len(index)} times for {rows} values",
                where="detect",
                hint="Give one time per value",
            )
    if index is not None and (times is not None or isinstance(index, pd.DatetimeIndex)):
        time = _index_times(index)
    else:
        time = np.arange(rows, dtype=np.int64) * 1_000_000
    scores = state.run(np.zeros(rows, dtype=np.int32), column, np.ones(rows, dtype=np.bool_), time)
    return pd.DataFrame(
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


def _index_times(times: pd.Index[Any]) -> Ints:
    """These times in µs UTC."""
    try:
        if isinstance(times, pd.DatetimeIndex):
            if times.hasnans:
                raise ValueError("one of them is missing")
            return np.array(times.as_unit("us").asi8, dtype=np.int64)
        if pd.api.types.is_numeric_dtype(times.dtype):
            seconds = times.to_numpy(dtype=np.float64)
            if not (np.abs(seconds) < 1e12).all():
                raise ValueError("a number of seconds is out of range")
            return np.round(seconds * 1e6).astype(np.int64)
        return np.array([timestamps.parse(str(time)) for time in times], dtype=np.int64)
    except ValueError as error:
        raise UsageError(
            f"the times cannot be read ({error})",
            where="detect",
            hint="Give dates, ISO 8601 text or seconds",
        ) from error


def _detect_rows(frame: pd.DataFrame, times: object, detector: str, params: dict[str, float]) -> pd.DataFrame:
    judge: RowDetector = _make(MULTIVARIATE, detector, params)
    try:
        rows = frame.to_numpy(dtype=np.float64, na_value=np.nan)
    except (TypeError, ValueError) as error:
        raise UsageError(
            f"the values must be numbers ({error})", where="detect", hint="Convert them first"
        ) from error
    index = frame.index if times is None else pd.Index(times, name="time")  # type: ignore[call-overload]  # pandas-stubs: any sequence
    if len(index) != len(rows):
        raise UsageError(
            f"there are {len(index)} times for {len(rows)} values",
            where="detect",
            hint="Give one time per row",
        )
    scores = judge.start(rows.shape[1]).run(rows)
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
    return pd.concat([result, parts], axis=1)
