"""Values of a cursor: kept as JSON, bound so that no row is lost, and compared with one another.

A query may say `> :cursor` or `>= :cursor`. So what is bound lies a little before the last value read, and
the rows that come again are recognised: rows with the same value as the last one may be there that were
not when it was read.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from sensormon.model.errors import SourceError
from sensormon.model.timestamps import EPOCH, parse, to_datetime
from sensormon.sources.sql.kind import NOW

_TICK = timedelta(microseconds=1)
_FIRST = datetime(1900, 1, 1)
"""No reading is older, and every database knows it."""
_FEWEST = -(1 << 63)
_LOWEST: Mapping[str, Any] = {
    "time": _FIRST.replace(tzinfo=UTC),
    "local": _FIRST,
    "date": _FIRST.date(),
    "text": "",
    "int": _FEWEST,
    "decimal": Decimal(_FEWEST),
    "float": -1e300,
}
"""By the kind of a column, a value below all of its rows'."""


_KINDS: Mapping[type, tuple[str, Callable[[Any], Any]]] = {
    int: ("int", str),
    float: ("float", float.hex),
    Decimal: ("decimal", str),
    date: ("date", date.isoformat),
    str: ("text", str),
}
"""By the type of a value its kind, and what JSON has of it; datetimes are of two kinds."""
_READ: Mapping[str, Callable[[Any], Any]] = {
    "int": int,
    "float": float.fromhex,
    "decimal": Decimal,
    "time": to_datetime,
    "local": datetime.fromisoformat,
    "date": date.fromisoformat,
    "text": str,
}


def to_json(value: Any) -> list[Any]:
    """Its kind and the value as JSON has it; exact. Raises SourceError for what cannot be a cursor."""
    if isinstance(value, datetime):
        return ["local", value.isoformat()] if value.tzinfo is None else ["time", (value - EPOCH) // _TICK]
    if type(value) not in _KINDS or (isinstance(value, float | Decimal) and not math.isfinite(value)):
        raise SourceError(
            f"{str(value)[:100]!r} cannot be the value of a cursor",
            hint="Use a column of times, numbers or text in which every row has a value",
        )
    kind, written = _KINDS[type(value)]
    return [kind, written(value)]


def from_json(kept: Sequence[Any]) -> Any:
    """The value that was kept."""
    kind, value = kept
    return _READ[kind](value)


def before(value: Any) -> Any:
    """A value of the same kind below it, near enough that few rows come again."""
    match value:
        case int():
            return value - 1
        case float():
            return math.nextafter(value, -math.inf)
        case Decimal():
            return value - 1
        case datetime():
            return value - _TICK
        case date():
            return value - timedelta(days=1)
    return value[:-1]  # a text stands behind its own beginning in every order


def earlier(value: Any, seconds: float, unit: int | None) -> Any:
    """The value this many seconds below it; `unit` (ns) is that of times that are numbers.

    Raises SourceError if it is not a time.
    """
    if isinstance(value, datetime):
        return value - timedelta(seconds=seconds)
    if isinstance(value, date):
        return value - timedelta(days=math.ceil(seconds / 86_400))
    if unit is not None and isinstance(value, int | float | Decimal):
        return value - math.ceil(seconds * 1_000_000_000 / unit)
    if isinstance(value, str):
        try:
            return _like(value, parse(value[:19]) - round(seconds * 1_000_000))
        except ValueError:
            pass
    raise SourceError(
        f"late is set, but the cursor is no time: it is {str(value)[:40]!r}",
        hint="Use a column of times as the cursor, or leave out late",
    )


def _like(text: str, time: int) -> str:
    """This time as text in the form of `text`, by the clock of `text` and to the second at most."""
    rendered = to_datetime(time).isoformat(sep=text[10:11] or "T")
    return rendered[: min(len(text), 19)]


def first(kind: str, start: str | int | None, now: int, zone: str) -> Any:
    """What is bound before any row was read; `kind` is that of the column, "" where the database says none.

    Raises SourceError if `start` does not fit the column.
    """
    if start is None:
        if kind not in _LOWEST:
            raise SourceError(
                "the database does not say of what kind the cursor is, so reading cannot begin with the "
                "first row",
                hint='Write start = "1970-01-01T00:00:00Z", or start = 0 for a number',
            )
        return _LOWEST[kind]
    if kind in ("int", "decimal", "float") or (kind == "" and isinstance(start, int)):
        if not isinstance(start, int):
            raise _unfit(start, "numbers")
        return Decimal(start) if kind == "decimal" else start
    if isinstance(start, int):
        raise _unfit(start, "no numbers")
    moment = to_datetime(now if start == NOW else parse(start))
    if kind == "time":
        return moment
    local = moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None) if zone else moment.replace(tzinfo=None)
    if kind in ("local", "date"):
        return local if kind == "local" else local.date()
    return local.isoformat(sep=" ", timespec="seconds") if start == NOW else start


def _unfit(start: str | int, needed: str) -> SourceError:
    return SourceError(
        f"start is {start!r}, but the column of the cursor holds {needed}", hint="Change start"
    )


def check_order(values: Sequence[Any], last: Any, column: str) -> None:
    """Raises SourceError if these do not ascend, from `last` on (None: no row was there before)."""
    try:
        before_them = values if last is None else (last, *values)
        wrong = next(((a, b) for a, b in pairwise(before_them) if b < a), None)
    except TypeError:
        raise SourceError(
            f"the column {column!r} holds values of different kinds, or none",
            hint="Use a column as the cursor in which every row has a value of one kind",
        ) from None
    if wrong is not None:
        raise SourceError(
            f"the rows do not come in the order of the cursor: {wrong[1]} after {wrong[0]}",
            hint=f"End the query with ORDER BY {column}"
            + (' COLLATE "C"' if isinstance(wrong[0], str) else ""),
        )
