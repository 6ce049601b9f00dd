"""Times of texts: their parts put together in the order that the column, the file or a person decides."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sensormon.model import timestamps
from sensormon.model.readings import Bools, Ints
from sensormon.tables.date_orders import NEVER, ORDERS, Dates, Order, order_of, read_dates
from sensormon.tables.questions import Choice, Question
from sensormon.tables.time_cells import TimeCells, taken_apart
from sensormon.tables.time_formats import CLOCKS

SHOWN = 3
"""Rows of each reading in a question."""

_DAY = 86_400_000_000


@dataclass(frozen=True, eq=False)
class ClockTimes:
    """What cells say before a zone is applied: µs by a clock, or in UTC if `utc`."""

    micros: Ints
    utc: Bools
    wrong: Bools
    far: Bools
    said: str = ""
    question: Question | None = None


@dataclass(frozen=True)
class Deciding:
    """What decides the order of dates beside the column itself."""

    word: str
    decimal_comma: bool
    latest: int

    def order(self, dates: Dates) -> Order:
        if self.word:
            return Order(self.word)
        return order_of(dates, decimal_comma=self.decimal_comma, latest=self.latest)


def of_text(cells: pa.Array, parts: TimeCells, deciding: Deciding) -> ClockTimes:
    """Times of texts; with a question if nothing says in which order their dates are."""
    none = np.zeros(len(cells), dtype=np.bool_)
    dates = read_dates(parts.dates)
    order = deciding.order(dates)
    if order.word:
        micros, wrong = _placed(parts, dates, order.word)
        return ClockTimes(micros, parts.zoned, wrong, none, _said(order, dates, parts))
    readings = {word: _placed(parts, dates, word) for word in order.possible}
    differ = np.any([dates.days[word] != dates.days[order.possible[0]] for word in order.possible], axis=0)
    doubt = differ[parts.date] & parts.times
    micros, wrong = readings[order.possible[0]]
    rows = np.flatnonzero(doubt & ~wrong)[:SHOWN]
    by_day = set(order.possible) == {"dmy", "mdy"}
    values = {"dmy": "yes", "mdy": "no"} if by_day else {word: word for word in ORDERS}
    shown = cells.take(pa.array(rows)).to_pylist()
    choices = tuple(
        Choice(values[word], ORDERS[word], beside(shown, times[rows], wrong_so[rows]))
        for word, (times, wrong_so) in readings.items()
    )
    option = "--day-first" if by_day else "--time-format"
    question = Question("The order of day, month and year in the times", option, choices)
    return ClockTimes(micros, parts.zoned, wrong | doubt, none, "", question)


def of_open_clocks(cells: pa.Array, open_clocks: Bools, deciding: Deciding) -> ClockTimes:
    """Times of texts, some of whose clock times are digits that may be hours or minutes or seconds."""
    readings = {
        word: of_text(cells, taken_apart(with_clocks(cells, width)), deciding)
        for word, width in CLOCKS.items()
    }
    # Nothing is asked of a row that is no time in any way.
    rows = np.flatnonzero(open_clocks & ~np.all([read.wrong for read in readings.values()], axis=0))
    possible = {word: read for word, read in readings.items() if not read.wrong[rows].any()}
    first = readings["hhmm"] if not possible else next(iter(possible.values()))
    moved = np.any([read.micros[rows] != first.micros[rows] for read in possible.values()], axis=0)
    if first.question is not None or not moved.any():
        return first
    rows = rows[moved][:SHOWN]
    shown = [text.rstrip("?") for text in cells.take(pa.array(rows)).to_pylist()]
    choices = tuple(
        Choice(word, f"clock times as {word}", beside(shown, read.micros[rows], read.wrong[rows]))
        for word, read in possible.items()
    )
    none = np.zeros(len(cells), dtype=np.bool_)
    question = Question("The digits of the clock times", "--time-format", choices)
    return ClockTimes(np.zeros(len(cells), dtype=np.int64), none, ~none, none, "", question)


def _placed(parts: TimeCells, dates: Dates, order: str) -> tuple[Ints, Bools]:
    """µs by the clock, or in UTC where the cell has an offset, and which are no times, in this order."""
    days = dates.days[order][parts.date]
    wrong = ~parts.times | (days == NEVER) | (parts.clock < 0)
    return np.where(wrong, 0, days) * _DAY + np.where(wrong, 0, parts.clock) - parts.offset, wrong


def _said(order: Order, dates: Dates, parts: TimeCells) -> str:
    if not dates.open.any():
        return ""
    if order.why != "shown":
        return f"{ORDERS[order.word]}{order.why and ', as '}{order.why}"
    other = "mdy" if order.word == "dmy" else "dmy"
    shows = dates.open & (dates.days[other] == NEVER) & (dates.days[order.word] != NEVER)
    return f"{ORDERS[order.word]}, as {parts.dates[int(np.flatnonzero(shows)[0])].lower()} shows"


def with_clocks(cells: pa.Array, width: int) -> pa.Array:
    """The cells with so many digits in a clock time whose digits `joined` left open."""
    clocks = pc.extract_regex(cells, r"^(?P<date>.* )(?P<digits>\d+)\?$")
    padded = pc.ascii_lpad(pc.if_else(clocks.is_valid(), clocks.field("digits"), ""), width, padding="0")
    whole = pc.binary_join_element_wise(clocks.field("date"), padded, pa.scalar("", pa.large_string()))
    return pc.if_else(clocks.is_valid(), whole, cells)


def beside(shown: list[str], micros: Ints, wrong: Bools) -> tuple[str, ...]:
    """Cells beside the times (µs) that they would be."""
    times = [
        "no time" if bad else str(timestamps.to_datetime(time).replace(tzinfo=None))
        for time, bad in zip(micros.tolist(), wrong.tolist(), strict=True)
    ]
    return tuple(f"{text} is {time}" for text, time in zip(shown, times, strict=True))
