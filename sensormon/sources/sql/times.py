"""Cells of a column of times as µs UTC."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from sensormon.model.errors import SourceError
from sensormon.model.readings import Bools, Ints
from sensormon.model.timestamps import FIRST, LAST, parse
from sensormon.sources.sql.kind import UNITS

_ZONED = re.compile(r"\d{2}:?\d{2}.*(?:Z|UTC|GMT|[+-]\d{2}(?::?\d{2})?)\s*$", re.IGNORECASE)


def times_of(cells: Sequence[object], zone: str, unit: str) -> tuple[Ints, Bools]:
    """µs UTC, 0 where there is no such time, and which of them there are.

    `zone` is that of times without one; an hour that its clock showed twice counts as the later. `unit`
    is that of numbers. Raises SourceError where one of the two is needed and not set.
    """
    zoned = {cell.tzinfo is not None for cell in cells if isinstance(cell, datetime)}
    if len(zoned) == 1 and set(map(type, cells)) <= {datetime, type(None)}:  # the usual columns, at once
        if zoned == {True}:
            return _of_arrow(pa.array(cells, pa.timestamp("us", tz="UTC")))
        if zone:
            return _by_clock(cells, zone)
    local: list[datetime | None] = [None] * len(cells)
    times, there = np.zeros(len(cells), dtype=np.int64), np.zeros(len(cells), dtype=np.bool_)
    for row, cell in enumerate(cells):
        moment = _moment(cell, unit)
        if isinstance(moment, datetime):
            local[row] = moment
        elif moment is not None:
            times[row], there[row] = moment, True
    naive = [row for row, moment in enumerate(local) if moment is not None]
    if naive:
        if not zone:
            raise SourceError(
                f"the times have no time zone, such as {cells[naive[0]]}",
                hint='Say which one they have: timezone = "UTC" or timezone = "Europe/Berlin"',
            )
        times[naive], there[naive] = _by_clock([local[row] for row in naive], zone)
    return times, there


def _of_arrow(column: Any) -> tuple[Ints, Bools]:
    there: Bools = column.is_valid().to_numpy(zero_copy_only=False)
    times: Ints = column.cast(pa.int64()).fill_null(0).to_numpy()
    return times, there


def _moment(cell: object, unit: str) -> int | datetime | None:
    """µs UTC; a datetime if it has no zone; None if it is no time."""
    match cell:
        case datetime():
            return cell if cell.tzinfo is None else round((cell - _EPOCH) / _TICK)
        case date():
            return datetime(cell.year, cell.month, cell.day)
        case str():
            return _of_text(cell)
        case bool() | None:
            return None
        case int() | float() | Decimal():
            return _of_number(cell, unit)
    return None


def _of_text(text: str) -> int | datetime | None:
    try:
        time = parse(text)
    except (ValueError, OverflowError):
        return None
    if _ZONED.search(text):
        return time
    return (_EPOCH + time * _TICK).replace(tzinfo=None)


def _of_number(number: float | Decimal, unit: str) -> int | None:
    if not unit:
        raise SourceError(
            f"the times are numbers, such as {number}",
            hint='Say of what: time_unit = "s", "ms", "us" or "ns" since 1970 in UTC',
        )
    try:
        time = int(Decimal(number) * UNITS[unit] // 1_000)
    except (InvalidOperation, ValueError, OverflowError):  # not finite
        return None
    return time if FIRST <= time <= LAST else None


def _by_clock(moments: Sequence[object], zone: str) -> tuple[Ints, Bools]:
    naive = pd.Series(pa.array(moments, pa.timestamp("us")).to_pandas())
    try:
        later = naive.dt.tz_localize(zone, ambiguous=np.zeros(len(naive), dtype=np.bool_), nonexistent="NaT")
    except (OverflowError, pd.errors.OutOfBoundsDatetime):
        return np.zeros(len(naive), dtype=np.int64), np.zeros(len(naive), dtype=np.bool_)
    utc = later.dt.tz_convert("UTC").dt.tz_localize(None).astype("datetime64[us]")
    there = utc.notna().to_numpy()
    return np.where(there, utc.to_numpy().view(np.int64), 0), there


_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
_TICK = datetime.resolution
