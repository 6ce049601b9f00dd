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

from sensormon.detectors.hotelling import Hotelling
from sensormon.detectors.mewma import Mewma
from sensormon.detectors.spe import Spe
from sensormon.detectors.zscore import ZScore
from sensormon.errors import UsageError

PER_TAG: dict[str, type[Any]] = {
    "zscore": ZScore,
}
"""Detectors that judge each tag by itself."""

MULTIVARIATE: dict[str, type[Any]] = {
    "hotelling": Hotelling,
    "spe": Spe,
    "recommended": Mewma,
}
"""Detectors that judge a row of several tags at once."""

DETECTORS: dict[str, type[Any]] = {**MULTIVARIATE, **PER_TAG}
"""Every name that `detect` takes; where a name is in both tables, the values decide."""


def make(detector: str, **params: float) -> Any:
    """The detector of this name with these parameters; defaults for the others.

    Raises UsageError for a name or a parameter that does not exist, or a wrong value.
    """
    return _make(DETECTORS, detector, params)


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
    detector: str = "zscore",
    *,
    resolution: float = 0.0,
    **params: float,
) -> pd.DataFrame:
    """Score a series, one row a value: value, score, threshold, expected, lower, upper, is_anomaly.

    Causal: row i depends on the values up to i alone. `times`, one a value, becomes the
    index; otherwise a Series keeps its own. `resolution` is the sensor's smallest step in
    the values' unit. Where there is nothing to judge by (warm-up) or to judge (NaN,
    infinity) the score and the bounds are NaN and nothing is flagged.

    A DataFrame with one column a tag goes to the detectors in MULTIVARIATE: its first
    `baseline` rows (a parameter, 400 unless told) are taken as normal and not scored;
    `value` is the statistic, `expected` what it is on normal rows, `upper` its limit, the
    score their ratio, and column `contribution_<tag>` the tag's part of the score.
    `resolution` is not used there.

    Raises UsageError for an unknown detector or parameter, and for values that are no numbers.
    """
    if isinstance(values, pd.DataFrame):
        return _detect_rows(values, times, detector, params)
    made = _make(PER_TAG, detector, params)
    try:
        column = np.array(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise UsageError(
            f"the values must be numbers ({error})", where="detect", hint="Convert them first"
        ) from error
    if column.ndim != 1:
        raise UsageError(f"the values have {column.ndim} dimensions", where="detect", hint="Give one series")
    state = made.start(np.array([resolution], dtype=np.float64))
    rows = len(column)
    scores = state.run(np.zeros(rows, dtype=np.int32), column, np.ones(rows, dtype=np.bool_))
    index = values.index if isinstance(values, pd.Series) else None
    if times is not None:
        index = pd.Index(times, name="time")  # type: ignore[call-overload]
        if len(index) != rows:
            raise UsageError(
                f"there are {len(index)} times for {rows} values",
                where="detect",
                hint="Give one time a value",
            )
    return pd.DataFrame(
        {
            "value": column,
            "score": scores.score,
            "threshold": np.full(rows, made.threshold),
            "expected": scores.expected,
            "lower": scores.lower,
            "upper": scores.upper,
            "is_anomaly": scores.is_anomaly,
        },
        index=index,
    )


def _detect_rows(frame: pd.DataFrame, times: object, detector: str, params: dict[str, float]) -> pd.DataFrame:
    made = _make(MULTIVARIATE, detector, params)
    try:
        rows = frame.to_numpy(dtype=np.float64, na_value=np.nan)
    except (TypeError, ValueError) as error:
        raise UsageError(
            f"the values must be numbers ({error})", where="detect", hint="Convert them first"
        ) from error
    index = frame.index if times is None else pd.Index(times, name="time")  # type: ignore[call-overload]
    if len(index) != len(rows):
        raise UsageError(
            f"there are {len(index)} times for {len(rows)} values", where="detect", hint="Give one time a row"
        )
    scores = made.start(rows.shape[1]).run(rows)
    result = pd.DataFrame(
        {
            "value": scores.statistic,
            "score": scores.score,
            "threshold": np.full(len(rows), made.threshold),
            "expected": scores.expected,
            "lower": scores.lower,
            "upper": scores.upper,
            "is_anomaly": scores.is_anomaly,
        },
        index=index,
    )
    parts = pd.DataFrame(
        scores.contributions, index=index, columns=[f"contribution_{c}" for c in frame.columns]
    )
    return pd.concat([result, parts], axis=1)
