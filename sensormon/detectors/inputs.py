"""What people give to `detect`: values with masks, indexes of every kind, as plain arrays.

A masked or missing value is NaN, and a time is in µs UTC. What it is not: a reader of files.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from sensormon.model import timestamps
from sensormon.model.errors import UsageError, WrongArgument
from sensormon.model.readings import Floats, Ints

Values = Sequence[float] | np.ndarray[Any, Any] | pd.Series
"""Values of one tag: a sequence, an array, masked or not, or a Series of any type of numbers."""


def values_of(values: object) -> Floats:
    """These values; masked, null and NA ones are NaN. Raises UsageError if they are not numbers."""
    try:
        column = _numbers(values)
    except (TypeError, ValueError) as error:
        raise UsageError(
            f"the values must be numbers ({error})", where="detect", hint="Convert them first"
        ) from error
    if column.ndim != 1:
        raise UsageError(f"the values have {column.ndim} dimensions", where="detect", hint="Give one series")
    return column


def _numbers(values: Any) -> Floats:
    if getattr(getattr(values, "dtype", None), "kind", "") in ("m", "M"):
        raise ValueError("they are times")
    if isinstance(values, np.ma.MaskedArray):
        masked: Any = values.astype(np.float64)
        return np.asarray(masked.filled(np.nan), dtype=np.float64)
    if isinstance(values, pd.Series | pd.api.extensions.ExtensionArray):
        return np.array(values.to_numpy(dtype=np.float64, na_value=np.nan))
    try:
        return np.array(values, dtype=np.float64)
    except TypeError:
        if not isinstance(values, list | tuple | np.ndarray):
            raise
        return np.array(pd.Series(list(values), dtype=object).to_numpy(dtype=np.float64, na_value=np.nan))


def rows_of(frame: pd.DataFrame) -> Floats:
    """The cells of this frame; null and NA ones are NaN. Raises UsageError if they are not numbers."""
    try:
        columns = [_numbers(frame.iloc[:, place]) for place in range(frame.shape[1])]
    except (TypeError, ValueError) as error:
        raise UsageError(
            f"the values must be numbers ({error})", where="detect", hint="Convert them first"
        ) from error
    return np.stack(columns, axis=1) if columns else np.zeros((len(frame), 0))


def times_given(times: object, rows: int) -> tuple[pd.Index[Any], Ints]:
    """The index that these times make, and the times. Raises UsageError unless there is one for each row."""
    index: pd.Index[Any] = pd.Index(times, name="time")  # type: ignore[call-overload]  # pandas-stubs: any sequence
    if len(index) != rows:
        raise UsageError(
            f"there are {len(index)} times for {rows} values", where="detect", hint="Give one time per value"
        )
    try:
        return index, _micros(index)
    except ValueError as error:
        raise UsageError(
            f"the times cannot be read ({error})",
            where="detect",
            hint="Give dates, ISO 8601 text or seconds",
        ) from error


def times_of_index(index: pd.Index[Any]) -> Ints | None:
    """The times in the index of a Series; None if it only numbers the values.

    Raises WrongArgument for an index that is neither times nor numbers.
    """
    if pd.api.types.is_numeric_dtype(index.dtype) and not pd.api.types.is_bool_dtype(index.dtype):
        return None
    try:
        return _micros(index)
    except ValueError as error:
        raise WrongArgument(
            f"the index of the values cannot be read as times ({error})",
            where="detect",
            hint="Pass times=, one for each value: dates, ISO 8601 text or seconds; "
            "or reset_index(drop=True) for values a second apart",
        ) from error


def _micros(index: pd.Index[Any]) -> Ints:
    """These times in µs UTC; of a period, its start. Raises ValueError."""
    if isinstance(index, pd.MultiIndex):
        raise ValueError("it has several levels")
    index = _plain(index)
    if index.hasnans:
        raise ValueError("one of them is missing")
    if isinstance(index, pd.PeriodIndex):
        index = index.to_timestamp(how="start")
    if isinstance(index, pd.DatetimeIndex | pd.TimedeltaIndex):
        return np.array(index.as_unit("us").asi8, dtype=np.int64)
    if pd.api.types.is_bool_dtype(index.dtype) or isinstance(index, pd.IntervalIndex):
        raise ValueError(f"they are {type(index).__name__} of {index.dtype}")
    if pd.api.types.is_numeric_dtype(index.dtype):
        seconds = index.to_numpy(dtype=np.float64)
        if not (np.abs(seconds) < 1e12).all():
            raise ValueError("a number of seconds is out of range")
        return np.round(seconds * 1e6).astype(np.int64)
    return np.array([timestamps.parse(str(time)) for time in index], dtype=np.int64)


def _plain(index: pd.Index[Any]) -> pd.Index[Any]:
    """The index without the wrapping of a categorical, of Arrow, or of plain objects."""
    if isinstance(index.dtype, pd.ArrowDtype | pd.CategoricalDtype):
        index = pd.Index(index.to_numpy(dtype=object))
    return index.infer_objects() if index.dtype == object else index
