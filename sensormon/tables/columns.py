"""What the columns of a table are: times, tags, values, qualities; guessed by names and cells.

A table is long (a column of tags beside one of values) or wide (a column per tag, with one column
of times for all or one for each). A guess is for a person to see and correct before anything is
stored. Pure. What it is not: a reader of cells; see `readings`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from sensormon.model.qualities import quality_of
from sensormon.tables.column_names import (
    CLOCKS,
    DATES,
    QUALITIES,
    SAYS_BAD,
    SAYS_GOOD,
    SAYS_UNCERTAIN,
    SURE,
    TAGS,
    TIMES,
    VALUES,
    folded,
    numbered,
    quality_for,
    tag_name,
    tag_title,
    with_unit,
)
from sensormon.tables.date_orders import ORDERS
from sensormon.tables.missing import is_missing
from sensormon.tables.numbers import read_numbers
from sensormon.tables.sheet import Sheet
from sensormon.tables.time_formats import CLOCKS as CLOCK_WORDS
from sensormon.tables.times import read_times

NUMBERS, WORDS, TEXT, EMPTY = "numbers", "words", "text", "empty"
"""What is in a column: numbers, a few words that come again, other text, nothing."""

MOST_WORDS = 30
"""A column with more different words than this is text rather than states."""

UNAVAILABLE = frozenset({"unavailable", "unknown"})
"""What Home Assistant writes where a state is not known."""

_LOOKED_AT = 1_000
_SPLIT_CLOCK = re.compile(
    r"\d{1,2}[:.h]\d{2}(?:[:.]\d{2})?(?:[.,]\d+)?(?:\s*[ap]\.?m\.?|\s*uhr)?|\d{1,6}(?:[.,]\d+)?", re.I
)
_A_DATE = re.compile(
    r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.](?:\d{4}|\d{2})|\d{1,2}[- ][a-z]{3}[- ]\d{2,4}",
    re.I,
)
_A_CLOCK = re.compile(r"\d{1,2}[:h]\d{2}(?::\d{2}(?:[.,]\d+)?)?(?:\s*[ap]\.?m\.?|\s*uhr)?", re.I)
"""What is nothing but a date alone, and a time of day: they belong together under any names."""
_A_DAY_ALONE = re.compile(r"\d{5}|[^:]{6,18}")
_FIRST_EPOCH = 631_152_000
"""1990, in seconds from 1970: a number below is no time unless its column says so."""
LABELS = ("anomaly", "changepoint", "is_anomaly", "label")
"""Columns of a labelled recording, which no detector may see."""


@dataclass(frozen=True)
class Columns:
    """What the columns are: long if `tag` is set, otherwise wide with `values`.

    `time` has the times, or the dates if `clock` has the time of day. A long table has its numbers in
    `value`, or in each of `values`; its tags are then called `TAG.NAME`. `qualities` are by column of
    values, as are `times_of`, for columns with times of their own. `zone` is the time zone of times that
    name none; `form` how they are written, if not to be told from them; `day_first` decides between
    3/4 and 4/3, `decimal` between comma and point; cells like `missing` hold no value.
    """

    time: str = ""
    tag: str = ""
    value: str = ""
    values: Mapping[str, str] = field(default_factory=dict)  # column -> tag
    zone: str = "UTC"
    clock: str = ""
    qualities: Mapping[str, str] = field(default_factory=dict)  # column of values -> its quality
    times_of: Mapping[str, str] = field(default_factory=dict)  # column of values -> its times
    form: str = ""
    day_first: bool | None = None
    decimal: str = ""
    missing: tuple[str, ...] = ()

    @property
    def numbers(self) -> tuple[str, ...]:
        """The columns with values."""
        return (self.value,) if self.value else tuple(self.values)

    @property
    def used(self) -> frozenset[str]:
        """All columns that count."""
        names = {self.time, self.clock, self.tag, *self.numbers, *self.qualities.values()}
        return frozenset(names | set(self.times_of.values())) - {""}


def guess(sheet: Sheet, given: Columns = Columns()) -> Columns:
    """What the columns seem to be; what is `given` stays. No column is named that the table lacks.

    `time` is empty if no column has times. Every column of numbers that is nothing else is one of
    `values`, under the name it would have as a tag.
    """
    left = [name for name in sheet.frame.columns if name not in given.used]
    columns = given
    if not columns.time and not columns.times_of:
        pairs = {} if columns.tag or columns.value else _pairs(sheet, left, given)
        columns = replace(columns, times_of=pairs) if pairs else _timed(sheet, left, columns)
    if not columns.times_of and not columns.clock:
        columns = replace(columns, clock=_clock(sheet, columns, left))
    left = [name for name in left if name not in columns.used]
    if not columns.values and not columns.times_of:
        columns = _long(sheet, left, columns)
    if not columns.value and not columns.values:
        columns = _wide(sheet, left, columns)
    columns = with_qualities(sheet, left, columns)
    if (quality := columns.qualities.get("")) is not None:
        columns = replace(columns, qualities=dict.fromkeys(columns.numbers, quality))
    return columns


def guess_wide(sheet: Sheet, given: Columns) -> Columns:
    """The same for a table of which somebody says that it has a column per tag."""
    left = [name for name in sheet.frame.columns if name not in given.used]
    columns = given
    if not columns.time and not columns.times_of:
        columns = _timed(sheet, left, columns)
    return _wide(sheet, [name for name in left if name not in columns.used], columns)


def content(sheet: Sheet, columns: Columns) -> dict[str, str]:
    """Of each column that is not used: whether it has NUMBERS, WORDS, TEXT or is EMPTY."""
    return {name: _content(sheet, name, columns) for name in sheet.frame.columns if name not in columns.used}


def number_columns(sheet: Sheet, columns: Columns) -> list[str]:
    """The columns of numbers that are not used: they may say what a comma means in those that are."""
    return [name for name, what in content(sheet, columns).items() if what == NUMBERS]


def is_label(name: str) -> bool:
    """Whether a column of this name says which rows are anomalies, which no detector may see."""
    return folded(name) in map(folded, LABELS)


def sample(column: pd.Series[Any], missing: Sequence[str] = ()) -> pd.Series[Any]:
    """Cells from the whole length of the column that are not empty."""
    filled = column[~is_missing(column, missing)]
    return filled.iloc[:: max(1, -(-len(filled) // _LOOKED_AT))]


def _timed(sheet: Sheet, names: Sequence[str], columns: Columns) -> Columns:
    """With the column of times: one with a type, then by name and cells, by name, by cells."""
    frame = sheet.frame
    named = _by_rank(names, TIMES)
    typed = [name for name in names if pd.api.types.is_datetime64_any_dtype(frame[name])]
    for name in (*(name for name in named if name in typed), *named):
        if date := _date_of(sheet, name, columns, names):
            return replace(columns, time=date)
        if _are_times(frame[name], columns) or _clock(sheet, replace(columns, time=name), names):
            return replace(columns, time=name)
    if named:
        return replace(columns, time=named[0])
    texts = [name for name in names if name not in typed and not _are_plain_numbers(frame[name])]
    for name in (*typed, *texts):
        if _are_times(frame[name], columns):
            return replace(columns, time=name)
    if names and _count_up(frame[names[0]], columns):
        return replace(columns, time=names[0])
    return columns


def _by_rank(names: Sequence[str], known: Sequence[str]) -> list[str]:
    rank = {name: place for place, name in enumerate(known)}
    chosen = [name for name in names if folded(name) in rank]
    chosen.sort(key=lambda name: rank[folded(name)])
    ends = ("timestamp", "datetime", "zeitstempel") if known is TIMES else ()
    return chosen + [name for name in names if name not in chosen and folded(name).endswith(ends or ("\0",))]


def _are_times(column: pd.Series[Any], columns: Columns) -> bool:
    cells = sample(column)
    if not len(cells):
        return False
    times = read_times(cells, columns.zone, form=columns.form, day_first=columns.day_first)
    return times.question is not None or bool((~times.wrong).mean() >= 0.5)


def _are_plain_numbers(column: pd.Series[Any]) -> bool:
    """Whether these are numbers as a computer writes them, which may be anything but a text of a time."""
    cells = sample(column)
    numbers = pd.to_numeric(cells.astype(str).str.replace(",", ".", n=1, regex=False), errors="coerce")
    return not len(cells) or bool(numbers.notna().mean() >= 0.5)


def _count_up(column: pd.Series[Any], columns: Columns) -> bool:
    """Whether these are numbers that grow row by row and are times, without a name that says it."""
    numbers = pd.to_numeric(sample(column), errors="coerce").to_numpy(dtype=np.float64)
    growing = len(numbers) > 1 and bool((numbers >= _FIRST_EPOCH).all() or (numbers // 10_000 < 2100).all())
    growing = growing and bool((numbers >= 1990_01_01).all() and (np.diff(numbers) > 0).all())
    return growing and _are_times(column, columns)


def _date_of(sheet: Sheet, clock: str, columns: Columns, names: Sequence[str]) -> str:
    """The column with the dates to this time of day; empty if there is none, or it is none.

    Alone, a time of day in digits may be taken for the days of a spreadsheet.
    """
    if folded(clock) not in CLOCKS:
        return ""
    dates = [name for name in names if name != clock and numbered(name) in DATES]
    return next((date for date in dates if _clock(sheet, replace(columns, time=date), names) == clock), "")


def _clock(sheet: Sheet, columns: Columns, names: Sequence[str]) -> str:
    """The column with the time of day to the dates in `time`; empty if there is none."""
    if not columns.time or (columns.form and columns.form not in (*ORDERS, *CLOCK_WORDS)):
        return ""
    frame = sheet.frame
    if _are_like(frame[columns.time], _A_DATE):
        others = [name for name in names if name != columns.time]
        if clock := next((name for name in others if _are_like(frame[name], _A_CLOCK)), ""):
            return clock
    elif numbered(columns.time) not in DATES or not _are_like(frame[columns.time], _A_DAY_ALONE):
        return ""
    clocks = [name for name in names if name != columns.time and folded(name) in CLOCKS]
    return next((name for name in clocks if _are_like(frame[name], _SPLIT_CLOCK)), "")


def _are_like(column: pd.Series[Any], form: re.Pattern[str]) -> bool:
    if pd.api.types.is_datetime64_any_dtype(column):
        days = column.dropna()
        return form is _A_DAY_ALONE and bool((days == days.dt.normalize()).all())
    cells = sample(column).astype(str).str.strip()
    return bool(len(cells)) and bool(cells.str.fullmatch(form).mean() >= 0.5)


def _pairs(sheet: Sheet, names: Sequence[str], given: Columns) -> dict[str, str]:
    """Columns of values with the column of times before each, if the table is made of such pairs."""
    parts: list[tuple[str, list[str]]] = []
    for name in names:
        if _begins_pair(sheet, name, given):
            parts.append((name, []))
        elif parts:
            parts[-1][1].append(name)
        else:
            return {}
    if len(parts) < 2:
        return {}
    pairs = {}
    for time, others in parts:
        values = [name for name in others if folded(name) not in QUALITIES and not quality_for(name, others)]
        if len(values) != 1:
            return {}
        pairs[values[0]] = time
    return pairs if _alike(pairs) else {}


def _begins_pair(sheet: Sheet, name: str, given: Columns) -> bool:
    plain = numbered(name)
    ends = ("time", "timestamp", "datetime", "date", "zeit")
    return (plain in TIMES or plain.endswith(ends)) and _are_times(sheet.frame[name], given)


def _alike(pairs: Mapping[str, str]) -> bool:
    """Whether the columns of times are called alike but for a number, or after their values."""
    if len({numbered(time) for time in pairs.values()}) == 1:
        return True
    return all(_same_tag(value, time) for value, time in pairs.items())


def _same_tag(value: str, time: str) -> bool:
    """Whether one of the two is called after the other but for a word such as `value` or `time`."""
    tag, plain = re.sub(r"(?:time|date|stamp|zeit)+$", "", folded(time)), folded(value)
    return folded(tag_title(value)) in folded(time) or bool(tag and plain.startswith(tag))


def _long(sheet: Sheet, names: Sequence[str], columns: Columns) -> Columns:
    """With the columns of tags, values and qualities, if the table is long."""
    tags, values = _by_rank(names, TAGS), _by_rank(names, VALUES)
    if not columns.tag and not tags:
        return with_qualities(sheet, names, columns) if columns.value else columns
    tag = columns.tag or tags[0]
    if not columns.value:
        values = [name for name in values if name != tag and _is_value(sheet, name, columns)]
        others = [name for name in names if name != tag and name not in values]
        if not columns.tag and not values and not _splits(sheet, tag, columns):
            return columns
        if len(values) != 1 and not values:
            numbers = _number_columns(sheet, others, replace(columns, tag=tag))
            if not numbers:
                return replace(columns, tag=tag) if columns.tag else columns
            if len(numbers) > 1 or not columns.tag:
                wide = replace(columns, tag=tag, values={name: with_unit(name)[0] for name in numbers})
                return with_qualities(sheet, names, wide)
            values = numbers
        columns = replace(columns, value=values[0])
    return with_qualities(sheet, names, replace(columns, tag=tag))


def _is_value(sheet: Sheet, name: str, columns: Columns) -> bool:
    return bool(len(sample(sheet.frame[name], columns.missing))) or len(sheet.frame) == 0


def _splits(sheet: Sheet, name: str, columns: Columns) -> bool:
    """Whether this column says whose readings a row has: words, several of them for one time."""
    frame = sheet.frame
    if _content(sheet, name, columns) not in (WORDS, TEXT) or frame[name].nunique() < 2 or not columns.time:
        return False
    times = [columns.time, *([columns.clock] if columns.clock else [])]
    once = not frame.duplicated([*times, name]).any()
    return once and bool(frame.duplicated(times).mean() >= 0.3)


def _wide(sheet: Sheet, names: Sequence[str], columns: Columns) -> Columns:
    """With a value for each column of numbers, and their qualities."""
    values = list(columns.times_of) or _number_columns(sheet, names, columns)
    columns = replace(columns, values=dict.fromkeys(values, ""))
    columns = with_qualities(sheet, names, columns)
    values = [name for name in values if name not in columns.qualities.values()]
    taken: list[str] = []
    for value in values:
        title = with_unit(tag_title(value, columns.times_of.get(value, "")))[0]
        taken.append(tag_name(title, taken))
    return replace(columns, values=dict(zip(values, taken, strict=True)))


def _number_columns(sheet: Sheet, names: Sequence[str], columns: Columns) -> list[str]:
    return [
        name
        for name in names
        if name not in columns.used
        and not is_label(name)
        and _content(sheet, name, columns) == NUMBERS
        and not (folded(name) in TIMES and _are_times(sheet.frame[name], columns))
    ]


def with_qualities(sheet: Sheet, names: Sequence[str], columns: Columns) -> Columns:
    """With the quality of each column of values: by its name, by its place, or one for all.

    `names` are the columns that may be qualities. Qualities that are known already stay.
    """
    if columns.qualities:
        return columns
    values = list(columns.numbers)
    qualities: dict[str, str] = {}
    bare: dict[str, str] = {}  # quality -> the column of values before it
    before = ""
    for name in map(str, sheet.frame.columns):
        others = [value for value in values if value != name]
        whose = quality_for(name, others)
        may_be = name in names and name not in (columns.tag, columns.value)
        if may_be and whose and _are_qualities(sheet, name):
            qualities.setdefault(whose, name)
        elif may_be and name != before and numbered(name) in QUALITIES and _are_qualities(sheet, name):
            bare[name] = before
        elif name in values:
            before = name
    if len(bare) == 1 and not columns.times_of:
        qualities = dict.fromkeys(values, next(iter(bare))) | qualities
    else:
        qualities = {value: name for name, value in bare.items() if value} | qualities
    kept = {name: whose for name, whose in columns.values.items() if name not in qualities.values()}
    qualities = {name: quality for name, quality in qualities.items() if name not in qualities.values()}
    return replace(columns, values=kept, qualities=qualities)


def _are_qualities(sheet: Sheet, name: str) -> bool:
    """Whether these cells say how good a reading is."""
    if numbered(name) in SURE:
        return True
    cells = sample(sheet.frame[name])
    if not len(cells):
        return False
    if numbered(name) in SAYS_GOOD | SAYS_BAD | SAYS_UNCERTAIN and truth_of(cells).notna().all():
        return True
    distinct = pd.unique(cells)
    return bool(np.mean([quality_of(plain(cell)) is not None for cell in distinct]) >= 0.5)


def truth_of(cells: pd.Series[Any]) -> pd.Series[Any]:
    """True and False for cells that say so; missing for others."""
    words = cells.astype(str).str.strip().str.casefold()
    said = {"true": True, "1": True, "yes": True, "1.0": True, "false": False, "0": False, "no": False}
    return words.map(said | {"0.0": False})


def plain(cell: object) -> object:
    """The cell as Python's own kind of number or text; whole numbers without decimals."""
    value = cell.item() if isinstance(cell, np.generic) else cell
    if isinstance(value, str) and value.strip().removesuffix(".0").isdigit():
        return value.strip().removesuffix(".0")
    return value


def _content(sheet: Sheet, name: str, columns: Columns) -> str:
    column = sheet.frame[name]
    if pd.api.types.is_bool_dtype(column):
        return WORDS
    cells = sample(column, columns.missing)
    if not len(cells):
        return EMPTY
    if _is_number_column(column, sheet, columns):
        return NUMBERS
    if pd.api.types.is_datetime64_any_dtype(column):
        return TEXT
    words = cells.astype(str).str.strip().nunique()
    return WORDS if words <= MOST_WORDS and (words * 2 <= len(cells) or words <= 2) else TEXT


def _is_number_column(column: pd.Series[Any], sheet: Sheet, columns: Columns) -> bool:
    """Whether at least half of the cells that say a value at all are numbers."""
    if column.dtype.kind in "mM" or pd.api.types.is_bool_dtype(column):
        return False
    cells = sample(column, columns.missing)
    cells = cells[~cells.astype(str).map(says_nothing).astype(bool)]
    numbers = read_numbers({"": cells}, decimal=columns.decimal, separator=sheet.separator)
    # What is asked about is a number in either reading.
    readable = np.isfinite(numbers.values[""]) | numbers.in_doubt[""]
    return bool(len(cells)) and float(readable.mean()) >= 0.5


def says_nothing(cell: str) -> bool:
    """Whether a word such as `Bad`, `I/O Timeout` or `unavailable` stands in place of a value."""
    if any(letter.isdigit() for letter in cell):
        return False
    return cell.strip().casefold() in UNAVAILABLE or quality_of(cell) is not None
