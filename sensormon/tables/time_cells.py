"""The parts of times written as text: date, clock, fraction, half of the day and offset.

One pattern takes every cell apart. Each distinct date, clock and offset is then read once, so that a
column of a million times costs little more than its splitting.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sensormon.model.readings import Bools, Ints
from sensormon.model.timestamps import DAY, ISO, ZONE, has_seconds, seconds_of_clock, seconds_of_offset
from sensormon.tables.cells import truths

NUMBER = r"[+-]?\d+(?:[.,]\d+)?|[+-]?\d[.,]\d{6,}E\+?\d{1,2}"
"""A number that may stand for a time; a comma can only be a decimal mark in it.

Spreadsheets cut 1769860800000 to 1.76986E+12: with fewer digits than these it is no time any more.
"""

_WEEKDAY = r"(?:(?:MO|TU|WE|TH|FR|SA|SU|DI|MI|DO|SO)[A-Z]*[.,]{0,2} +)?"
"""In English or German, and of no use."""
_MONTH = "[A-ZÀ-Ý]{3,10}"
_DATE = "|".join(
    [
        r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}",
        r"\d{1,2}\. \d{1,2}\. \d{4}",
        rf"\d{{1,4}}(?:\. |[-/. ])?{_MONTH}(?:\. |, |[-/., ])?(?:\d{{4}}|\d{{2}})",
        rf"{_MONTH}(?:\. |[-. ]) ?\d{{1,2}}(?:ST|ND|RD|TH)?(?:(?:, ?|[ -])\d{{4}})?",
        r"\d{8}",
    ]
)
_CLOCK = r"\d{1,2}:\d{1,2}(?::\d{1,2})?|\d{1,2}\.\d{2}(?:\.\d{2})?|\d{6}|\d{4}|\d{1,2}"
_ANY = (
    rf"{_WEEKDAY}(?P<date>{_DATE})"
    rf"(?:(?:[T,_ ]+|:)(?P<clock>{_CLOCK})(?P<fraction>[.,]\d+|:\d{{3}})?(?: ?(?P<half>[AP])\.? ?M\.?)?"
    rf"(?: *(?P<zone>{ZONE})(?:\[[A-Z0-9_+/-]+\]| \([A-Z ]+\)| [A-Z]{{3,5}})?)?(?: (?P<year>\d{{4}}))?)?"
)
_ISO_TOO = ISO + "(?P<half>)?(?P<year>)?"
_WRONG = np.iinfo(np.int64).min
_MICROS = 1_000_000


@dataclass(frozen=True, eq=False)
class TimeCells:
    """Which cells are `times` in shape, and the parts of each.

    `dates[date[i]]` is the date of row i as text, in capitals. `clock` is the time of its day in µs,
    below 0 if there is no such time; `zoned` says whether it has an `offset` from UTC, in µs.
    """

    times: Bools
    dates: list[str]
    date: Ints
    clock: Ints
    offset: Ints
    zoned: Bools


def taken_apart(cells: pa.Array, *, iso_alone: bool = False) -> TimeCells:
    """The parts of these tidy texts; `iso_alone`: of ISO 8601 and nothing else."""
    cells = pc.utf8_upper(cells)
    parts = _split(cells, _ISO_TOO)
    if not iso_alone and pc.any(dotted := _with_dots(parts)).as_py():
        parts["times"] = pc.and_(parts["times"], pc.invert(dotted))
    if not iso_alone and not pc.all(parts["times"]).as_py():
        odd = _split(pc.if_else(parts["times"], pa.scalar(None, cells.type), cells), _ANY)
        parts = {
            name: pc.or_(column, odd[name])
            if name == "times"
            else pc.if_else(parts["times"], column, odd[name])
            for name, column in parts.items()
        }
    clock = _clocks(parts)
    offset = _each(parts["zone"], lambda text: seconds_of_offset(text or "Z"))
    wrong = (clock == _WRONG) | (offset == _WRONG)
    named = pc.binary_join_element_wise(parts["date"], parts["year"], pa.scalar(" ", cells.type))
    date = pc.if_else(pc.equal(parts["year"], ""), parts["date"], named).dictionary_encode()
    return TimeCells(
        truths(parts["times"]),
        date.dictionary.to_pylist(),
        date.indices.to_numpy().astype(np.int64),
        np.where(wrong, -1, clock),
        np.where(wrong, 0, offset) * _MICROS,
        truths(pc.not_equal(parts["zone"], "")),
    )


def _split(cells: pa.Array, pattern: str) -> dict[str, pa.Array]:
    """The groups of the pattern by name, empty where it does not match; `times` says where it does."""
    groups = pc.extract_regex(cells, f"^(?:{pattern})$")
    matches = groups.is_valid()
    return {"times": matches} | {
        field.name: pc.if_else(matches, groups.field(field.name), "") for field in groups.type
    }


def _with_dots(parts: dict[str, pa.Array]) -> pa.Array:
    """Which clocks are hours and minutes with a dot, which in ISO 8601 look like an hour with a fraction."""
    return pc.and_(pc.equal(pc.binary_length(parts["clock"]), 2), pc.starts_with(parts["fraction"], "."))


def _clocks(parts: dict[str, pa.Array]) -> Ints:
    """The time of day in µs; `_WRONG` where there is no such time."""
    seconds = _each(parts["clock"], lambda text: seconds_of_clock(text or "0:00"))
    exact = _each(parts["clock"], lambda text: int(bool(text) and has_seconds(text))) == 1
    halves = _each(parts["half"], lambda text: " AP".index(text or " "))
    wrong = seconds == _WRONG
    if halves.any():
        hours = seconds // 3600
        wrong |= (halves > 0) & ((hours < 1) | (hours > 12))
        seconds = seconds + np.where((halves == 2) & (hours < 12), DAY // 2, 0)
        seconds = seconds - np.where((halves == 1) & (hours == 12), DAY // 2, 0)
    fraction = np.zeros(len(seconds), dtype=np.int64)
    text = parts["fraction"]
    if pc.any(pc.not_equal(text, "")).as_py():
        digits = pc.ascii_rpad(pc.utf8_slice_codeunits(text, 1, 7), width=6, padding="0")
        fraction = pc.cast(digits, pa.int64()).to_numpy()
        wrong |= truths(pc.not_equal(text, "")) & ~exact
        wrong |= (seconds == DAY) & (fraction > 0)
    return np.where(wrong, _WRONG, np.where(wrong, 0, seconds) * _MICROS + fraction)


def _each(texts: pa.Array, read: Callable[[str], int]) -> Ints:
    """What `read` makes of each text, `_WRONG` if it raises ValueError; called once per distinct text."""
    distinct = texts.dictionary_encode()

    def number(text: str) -> int:
        try:
            return read(text)
        except ValueError:
            return _WRONG

    numbers = np.array([number(text) for text in distinct.dictionary.to_pylist()], dtype=np.int64)
    return numbers[distinct.indices.to_numpy()] if len(numbers) else np.zeros(len(texts), dtype=np.int64)
