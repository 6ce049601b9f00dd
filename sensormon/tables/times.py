"""Times in a file: text or dates, with a zone or by a clock with daylight saving time, or numbers.

Pure functions on a column. What it is not: a check whether times are plausible; see `validation`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from sensormon.model import timestamps
from sensormon.model.readings import Bools, Ints
from sensormon.tables.questions import Question

_ZONED = re.compile(r"(?:Z|[+-]\d\d:?\d\d)$", re.IGNORECASE)
_EPOCHS = {"s": 1e11, "ms": 1e14, "µs": 1e17}
"""Units of numbers and the limit below which they apply, until the year 5138; above the last it is ns."""
_FIRST = timestamps.parse("0001-01-01T00:00:00Z")
_MICROS = {"s": 1_000_000.0, "ms": 1_000.0, "µs": 1.0, "ns": 0.001}


@dataclass(frozen=True, eq=False)
class Times:
    """The time of each row in µs UTC, 0 if it is `wrong`.

    The clock of the zone never showed the `skipped` ones, which are wrong too. It showed the `unsure`
    ones twice, and the order of the rows does not say which is meant; they are read as the later.
    `near_1970` are numbers that no reading places in 1990 to 2100, such as seconds since a start: wrong
    too. `said` is how the column was read ("Excel serial days"), empty if it needs no words. With a
    `question` the times it is about are wrong.
    """

    time: Ints
    wrong: Bools
    skipped: Bools
    unsure: Bools
    near_1970: Bools
    said: str = ""
    question: Question | None = None


def joined(date: pd.Series[Any], clock: pd.Series[Any]) -> pd.Series[Any]:
    """One column of two: a date and the time of its day."""
    return date.astype("str").str.strip() + " " + clock.astype("str").str.strip()


def read_times(
    column: pd.Series[Any],
    zone: str,
    of: pd.Series[Any] | None = None,
    *,
    form: str = "",
    day_first: bool | None = None,
    decimal_comma: bool = False,
    latest: int = timestamps.FOREVER,
) -> Times:
    """The times of a column; times without a zone are by the clock of `zone`.

    `of` says what each time belongs to, for example the tag of its row: when the clock was set back,
    the order of the rows of each tag says which of the two hours is meant. Numbers count from 1970 in
    s, ms, µs or ns, by their size. If all are whole numbers like 20260131, they are dates.
    """
    del form, day_first, decimal_comma, latest  # the grammar that uses them follows
    none = np.zeros(len(column), dtype=np.bool_)
    if pd.api.types.is_numeric_dtype(column):
        dates = _dates(column)
        if dates is None:
            time, wrong = _numbers(column)
            return Times(time, wrong, none, none, none)
        column = dates
    if isinstance(column.dtype, pd.DatetimeTZDtype):
        stamps, skipped, unsure = column.dt.tz_convert("UTC").dt.tz_localize(None), none, none
    elif pd.api.types.is_datetime64_dtype(column):
        stamps, skipped, unsure = _by_clock(column, zone, of)
    else:
        text = column.astype(str).str.strip()
        zoned = text.str.contains(_ZONED).to_numpy()
        by_clock = pd.to_datetime(text.mask(zoned), format="ISO8601", errors="coerce")
        stamps, skipped, unsure = _by_clock(by_clock.astype("datetime64[us]"), zone, of)
        with_zone = pd.to_datetime(text[zoned], format="ISO8601", errors="coerce", utc=True)
        stamps[zoned] = with_zone.dt.tz_localize(None).astype("datetime64[us]")
    micros = stamps.astype("datetime64[us]").to_numpy().astype(np.int64)
    wrong = stamps.isna().to_numpy() | ~_in_calendar(micros)
    return Times(np.where(wrong, 0, micros), wrong, skipped, unsure, none)


def unit_of(column: pd.Series[Any]) -> str:
    """The unit of a column of numbers: s, ms, µs or ns since 1970; empty for any other column."""
    if not pd.api.types.is_numeric_dtype(column) or _dates(column) is not None:
        return ""
    size = column.abs().median()
    return next((unit for unit, most in _EPOCHS.items() if not size >= most), "ns")


def _numbers(column: pd.Series[Any]) -> tuple[Ints, Bools]:
    scale = _MICROS[unit_of(column)]
    values = column.to_numpy(dtype=np.float64)
    beyond = ~(np.abs(values) * scale < 1e18)
    micros = np.round(np.where(beyond, 0, values) * scale).astype(np.int64)
    wrong = beyond | ~_in_calendar(micros)
    return np.where(wrong, 0, micros), wrong


def _in_calendar(micros: Ints) -> Bools:
    """Which of these times (µs UTC) are in the years 1 to 9000; others cannot be written everywhere."""
    inside: Bools = (micros >= _FIRST) & (micros <= timestamps.FOREVER)
    return inside


def _dates(column: pd.Series[Any]) -> pd.Series[Any] | None:
    if not pd.api.types.is_integer_dtype(column) or not column.between(1900_01_01, 2199_12_31).all():
        return None
    dates = pd.to_datetime(column.astype(str), format="%Y%m%d", errors="coerce")
    return None if dates.isna().any() else dates


def _by_clock(
    naive: pd.Series[Any], zone: str, of: pd.Series[Any] | None
) -> tuple[pd.Series[Any], Bools, Bools]:
    """UTC without a zone, which times the clock never showed, and which it showed twice undecidably."""
    rows = len(naive)
    earlier, later = (
        naive.dt.tz_localize(ZoneInfo(zone), ambiguous=np.full(rows, summer), nonexistent="NaT")
        .dt.tz_convert("UTC")
        .dt.tz_localize(None)
        for summer in (True, False)
    )
    twice = ((earlier != later) & later.notna()).to_numpy()
    unsure: Bools = twice.copy()
    if twice.any():
        whose = np.zeros(rows, dtype=np.int64) if of is None else pd.factorize(of)[0]
        places = pd.Series(np.flatnonzero(twice))
        steps = np.diff(naive.to_numpy()[naive.notna()]).astype(np.int64)
        newest_first = (steps < 0).sum() > (steps > 0).sum()
        days = naive[twice].dt.floor("D").to_numpy()
        for _, part in places.groupby([whose[twice], days]):
            at = part.to_numpy()
            if newest_first:
                at = at[::-1]
            first = _first_of_two(naive.iloc[at].to_numpy())
            if first is not None:
                unsure[at] = False
                later.iloc[at[first]] = earlier.iloc[at[first]]
    return later, (naive.notna() & later.isna()).to_numpy(), unsure


def _first_of_two(clock: np.ndarray[Any, Any]) -> Bools | None:
    """Which of these times, all in an hour that the clock showed twice, are the first; None if unknown.

    It is known if they step back once, where the clock was set back, or repeat one time once.
    """
    steps = np.diff(clock).astype(np.int64)
    back = np.flatnonzero(steps < 0)
    if not len(back):
        back = np.flatnonzero(steps == 0)
    return np.arange(len(clock)) <= back[0] if len(back) == 1 else None
