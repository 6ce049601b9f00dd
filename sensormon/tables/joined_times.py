"""One column of times of two: a date and the time of its day."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from sensormon.model.readings import Bools, Floats
from sensormon.tables.cells import matching, text_of, tidy, truths
from sensormon.tables.time_numbers import moments, way_of

_MIDNIGHT = r"[ T]0?0:00(?::00(?:\.0+)?)?$"
_NO_DATE = r"^(?:1899-12-3[01]|1900-01-0[01])[ T]|^0 days "
"""The date that a spreadsheet shows before a time of day, and how pandas writes a duration."""
_SPOKEN = r"(?i)^(\d{1,2})[:h](\d{2})(:\d{2})?(?: ?uhr)?$"
"""12h15 in French and 12:15 Uhr in German."""
_FIRST_DAY = 32_874
"""1990-01-01 in a spreadsheet's days."""


def joined(date: pd.Series[Any], clock: pd.Series[Any]) -> pd.Series[Any]:
    """A column for `read_times`; empty where one of the two is.

    Dates are text, digits (20260131) or a spreadsheet's days; clocks are text (18:00, 18.00.00, 6 PM),
    digits (180000, 1800) or fractions of a day (0.75). Digits that may be hours, hours and minutes or all
    three end in a question mark, which `read_times` asks about.
    """
    days = tidy(text_of(date))
    clocks = pc.replace_substring_regex(tidy(text_of(clock)), _NO_DATE, "")
    clocks = pc.replace_substring_regex(clocks, _SPOKEN, r"\1:\2\3")
    days = pc.replace_substring_regex(days, _MIDNIGHT, "")
    number, portion = _numbers(days), _numbers(clocks)
    spreadsheet = number is not None and way_of(number) == "excel"
    broken = portion is not None and bool((portion[np.isfinite(portion)] % 1 > 0).any())
    if portion is not None and broken and _are_portions(clocks, portion):
        if spreadsheet and number is not None:
            return pd.Series(np.floor(number) + portion % 1, index=date.index)
        clocks = _as_clock(portion)
    elif portion is not None and not broken:
        clocks = _digits(days, clocks, portion)
    if spreadsheet and number is not None:
        days = _as_date(number)
    return pd.Series(
        pc.binary_join_element_wise(days, clocks, pa.scalar(" ", pa.large_string())).to_pylist(),
        index=date.index,
        dtype="str",
    )


def _numbers(cells: pa.Array) -> Floats | None:
    """The numbers of a column in which there is nothing else; NaN for an empty cell."""
    filled = len(cells) - cells.null_count
    if not filled or matching(cells, r"\d+(?:[.,]\d+)?").sum() < filled:
        return None
    values: Floats = pc.cast(pc.replace_substring(cells, ",", "."), pa.float64()).to_numpy(
        zero_copy_only=False
    )
    return values


def _are_portions(clocks: pa.Array, values: Floats) -> bool:
    """Whether these are fractions of a day, at most with whole days of a spreadsheet before them.

    18.00 and 00.45 are hours and minutes with a dot.
    """
    if matching(clocks, r"\d{2}\.\d{2}").sum() == len(clocks) - clocks.null_count:
        return False
    return bool(((values <= 1) | (values >= _FIRST_DAY) | np.isnan(values)).all())


def _digits(days: pa.Array, clocks: pa.Array, values: Floats) -> pa.Array:
    """Clock times in digits, with the zeros in front that a spreadsheet takes away."""
    lengths = set(pc.unique(pc.binary_length(clocks.drop_null())).to_pylist())
    if lengths in ({2}, {4}, {6}) and (lengths == {6} or truths(pc.starts_with(clocks, "0")).any()):
        return clocks
    most = float(np.nanmax(values))
    if most > 2400:
        return pc.ascii_lpad(clocks, 6, padding="0")
    # On several days nobody measures within the first 24 minutes alone.
    if len(pc.unique(days.drop_null())) > 1:
        return pc.ascii_lpad(clocks, 2 if most <= 24 else 4, padding="0")
    return pc.binary_join_element_wise(
        clocks, pa.scalar("?", pa.large_string()), pa.scalar("", pa.large_string())
    )


def _as_clock(portions: Floats) -> pa.Array:
    """Fractions of a day as clock times, to the millisecond; the whole days before them are dropped."""
    read = moments(portions % 1, None, "excel")
    start = moments(np.zeros(1), None, "excel").time[0]
    stamps = (read.time - start).astype("timedelta64[us]") + np.datetime64("2000-01-01")
    text = np.where(read.wrong, "", np.datetime_as_string(stamps, unit="ms"))
    later: Bools = stamps >= np.datetime64("2000-01-02")
    clock = [("24:00" if full else cell[11:]) or None for cell, full in zip(text, later, strict=True)]
    return pa.array(clock, type=pa.large_string())


def _as_date(numbers: Floats) -> pa.Array:
    read = moments(np.floor(numbers), None, "excel")
    text = np.datetime_as_string(read.time.astype("datetime64[us]"), unit="D").tolist()
    dates = [None if wrong else day for day, wrong in zip(text, read.wrong.tolist(), strict=True)]
    return pa.array(dates, type=pa.large_string())
