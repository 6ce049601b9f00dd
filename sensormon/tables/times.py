"""Times in a file: text or dates, with a zone or by a clock with daylight saving time, or numbers.

Pure functions on a column. What it is not: a check whether times are plausible; see `validation`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from sensormon.model import timestamps
from sensormon.model.readings import Bools, Floats, Ints
from sensormon.tables.cells import matching, text_of, tidy
from sensormon.tables.date_orders import ORDERS
from sensormon.tables.joined_times import joined
from sensormon.tables.questions import Choice, Question
from sensormon.tables.time_cells import NUMBER, taken_apart
from sensormon.tables.time_formats import CLOCKS, by_pattern, checked
from sensormon.tables.time_numbers import COUNTS, moments, way_of, ways_too
from sensormon.tables.time_texts import (
    SHOWN,
    ClockTimes,
    Deciding,
    beside,
    of_open_clocks,
    of_text,
    with_clocks,
)
from sensormon.tables.zone_clock import by_clock

__all__ = ["Times", "joined", "read_times"]


_WHOLE = 9e18
"""Up to here a whole number fits into 64 bits."""


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
    the order of the rows of each tag says which of the two hours is meant.

    Text is ISO 8601 or a date in another order with a clock; numbers count since 1970 or in a
    spreadsheet's days, or are dates in digits, by their size. What most cells are decides; the others are
    wrong. `form` names the format instead: a pattern of strptime or a word (`time_formats.WORDS`).
    `day_first` says whether 03/04/2026 is in April; if it is None the column decides, or `decimal_comma`
    (the file has decimal commas), or there is a question. `latest` (µs UTC) is when the file ends at the
    latest, which helps to find the year in 26/01/31.

    Raises UsageError for a `form` that is no format.
    """
    form = checked(form)
    order = form if form in ORDERS else "" if day_first is None else "dmy" if day_first else "mdy"
    return _in_zone(_read(column, form, Deciding(order, decimal_comma, latest)), zone, of)


def _read(column: pd.Series[Any], form: str, deciding: Deciding) -> ClockTimes:
    if isinstance(column.dtype, pd.DatetimeTZDtype) or pd.api.types.is_datetime64_dtype(column):
        return _of_dates(column)
    if pd.api.types.is_numeric_dtype(column) and (form in COUNTS or not form):
        values = column.to_numpy(dtype=np.float64, na_value=np.nan)
        whole = column.to_numpy(dtype=np.int64) if _fits(column) else None
        return _of_numbers(values, whole, form, lambda rows: text_of(column.iloc[rows]).to_pylist())
    return _of_cells(tidy(text_of(column)), form, deciding)


def _of_cells(cells: pa.Array, form: str, deciding: Deciding) -> ClockTimes:
    """Times of tidy texts, numbers among them, in the format that is asked for or that most of them have."""
    if "%" in form:
        micros, wrong, utc = by_pattern(cells, form)
        return ClockTimes(micros, np.full(len(wrong), utc), wrong, np.zeros(len(wrong), dtype=np.bool_))
    numeric = matching(pc.ascii_upper(cells), NUMBER)
    if form in COUNTS or (not form and 0 < len(cells) - cells.null_count == numeric.sum()):
        return _of_number_cells(cells, numeric, form)
    if form in CLOCKS:
        cells = with_clocks(cells, CLOCKS[form])
    parts = taken_apart(cells, iso_alone=form == "iso")
    if not form and numeric.sum() > (parts.times & ~numeric).sum():
        return _of_number_cells(cells, numeric, form)
    open_clocks = matching(cells, r".* \d{1,4}\?")
    return (
        of_open_clocks(cells, open_clocks, deciding) if open_clocks.any() else of_text(cells, parts, deciding)
    )


def _of_dates(column: pd.Series[Any]) -> ClockTimes:
    """A column of dates as the file types them."""
    zoned = isinstance(column.dtype, pd.DatetimeTZDtype)
    stamps = column.dt.tz_convert("UTC").dt.tz_localize(None) if zoned else column
    micros = stamps.astype("datetime64[us]").to_numpy().astype(np.int64)
    wrong = stamps.isna().to_numpy(dtype=np.bool_)
    return ClockTimes(micros, np.full(len(column), zoned), wrong, np.zeros(len(column), dtype=np.bool_))


def _of_number_cells(cells: pa.Array, numeric: Bools, form: str) -> ClockTimes:
    """The numbers among these texts, whole ones to the last digit."""
    numbers = pc.if_else(pa.array(numeric), cells, pa.scalar(None, cells.type))
    plain = pc.replace_substring(pc.ascii_upper(numbers), ",", ".")
    values = pc.cast(plain, pa.float64()).to_numpy(zero_copy_only=False)
    whole = None
    if not pc.any(pc.match_substring_regex(plain, r"[.E]")).as_py() and not (np.abs(values) > _WHOLE).any():
        whole = pc.fill_null(pc.cast(pc.ascii_ltrim(plain, characters="+"), pa.int64()), 0).to_numpy()
    return _of_numbers(values, whole, form, lambda rows: cells.take(pa.array(rows)).to_pylist())


def _of_numbers(
    values: Floats, whole: Ints | None, form: str, shown: Callable[[Ints], list[str]]
) -> ClockTimes:
    """Times of numbers, in the format that is asked for, or by their size."""
    filled = np.isfinite(values)
    none = np.zeros(len(values), dtype=np.bool_)
    if form:
        read = moments(values, whole, form)
        return ClockTimes(read.time, np.full(len(values), not read.by_clock), read.wrong, none, read.said)
    way = way_of(values)
    others = ways_too(values, way)
    if others:
        readings = {word: moments(values, whole, word) for word in ([way] if way else []) + others}
        rows = np.flatnonzero(~next(iter(readings.values())).wrong)[:SHOWN]
        choices = tuple(
            Choice(word, read.said, beside(shown(rows), read.time[rows], read.wrong[rows]))
            for word, read in readings.items()
        )
        question = Question("The numbers of the times", "--time-format", choices)
        return ClockTimes(
            np.zeros(len(values), dtype=np.int64), none, ~none, none if way else filled, "", question
        )
    if not way:
        return ClockTimes(np.zeros(len(values), dtype=np.int64), none, ~none, filled)
    read = moments(values, whole, way)
    utc = np.full(len(values), not read.by_clock)
    return ClockTimes(read.time, utc, read.wrong | read.far, read.far, read.said)


def _in_zone(read: ClockTimes, zone: str, of: pd.Series[Any] | None) -> Times:
    wrong = read.wrong | ~_in_calendar(read.micros)
    micros = np.where(wrong, 0, read.micros)
    skipped, unsure = (np.zeros(len(micros), dtype=np.bool_) for _ in range(2))
    if not (read.utc | wrong).all():
        clock = pd.Series(micros.astype("datetime64[us]")).mask(wrong | read.utc)
        stamps, skipped, unsure = by_clock(clock, zone, of)
        micros = np.where(read.utc, micros, stamps.to_numpy().astype("datetime64[us]").astype(np.int64))
        wrong = wrong | skipped
        wrong |= ~_in_calendar(micros)
    return Times(np.where(wrong, 0, micros), wrong, skipped, unsure, read.far, read.said, read.question)


def _in_calendar(micros: Ints) -> Bools:
    """Which of these times (µs UTC) are in the years 1 to 9000; others cannot be written everywhere."""
    inside: Bools = (micros >= timestamps.FIRST) & (micros <= timestamps.FOREVER)
    return inside


def _fits(column: pd.Series[Any]) -> bool:
    """Whether this is a column of whole numbers of 64 bits, none of them missing."""
    if not pd.api.types.is_integer_dtype(column) or column.isna().any():
        return False
    return not len(column) or int(column.max()) < 1 << 63
