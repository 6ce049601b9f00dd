"""What devices publish, as rows: a JSON object of `tag`, `time`, `value` and `quality`, a list of such
objects, or an Arrow IPC stream or file with these columns.

A message is about the one tag of its subject, which the payload need not name again. `time` is ISO 8601 or
seconds since 1970; without it the reading is of the time at which the stream took the message. What cannot
be a reading becomes a rejection with its reason, and stops nothing.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from sensormon.bus import arrow
from sensormon.bus.layout import tag_of
from sensormon.ingest.refusals import Refused
from sensormon.ingest.validation import parse_rows, rendered, shown
from sensormon.model.clock import SECOND
from sensormon.model.readings import Batch

SOURCE = "bus"
"""The source of these readings."""
MOST = 100_000
"""The most readings of a message."""
ROWS = 100_000
"""As soon as a transaction has this many rows, no further message goes into it."""
_FIELDS = ("tag", "time", "value", "quality")
_PROBLEM = object()
"""The key under which a row says why it is none."""


@dataclass(frozen=True)
class Message:
    """A message of a partition: its number in the stream, and when the stream took it (µs UTC)."""

    sequence: int
    subject: str
    data: bytes
    time: int


@dataclass(frozen=True)
class Rows:
    """The rows of the first `messages` of those given."""

    messages: int
    rows: Sequence[dict[object, Any]]


def rows_of(messages: Iterable[Message]) -> Rows:
    """The rows of as many of these messages, at least one, as go into a transaction."""
    rows: list[dict[object, Any]] = []
    count = 0
    for message in messages:
        rows += _rows(message)
        count += 1
        if len(rows) >= ROWS:
            break
    return Rows(count, rows)


def batch_of(rows: Sequence[dict[object, Any]], received: int) -> tuple[Batch, Sequence[int], Refused]:
    """The readings of these rows in their order, the place of each among all rows, and the other rows."""
    return parse_rows(rows, source=SOURCE, received=received, no_reading=_problem)


def _problem(row: object) -> str:
    return str(row.get(_PROBLEM, "")) if isinstance(row, dict) else "a reading is a JSON object"


def _rows(message: Message) -> Iterable[dict[object, Any]]:
    """The rows of a message as `parse_rows` takes them."""
    tag = tag_of(message.subject)
    try:
        content = _content(message.data)
    except ValueError as error:
        return [_unusable(tag, message.data, f"the payload cannot be read: {error}")]
    if len(content) > MOST:
        problem = f"a message of {len(content):,} readings; at most {MOST:,} are taken"
        return [_unusable(tag, message.data, problem)]
    return [_row(tag, fields, message) for fields in content]


def _unusable(tag: str, data: bytes, problem: str) -> dict[object, Any]:
    return {"tag": tag, "value": data[:200].decode("utf-8", "replace"), _PROBLEM: problem}


def _row(tag: str, fields: object, message: Message) -> dict[object, Any]:
    if not isinstance(fields, dict):
        return {"tag": tag, "value": shown(fields), _PROBLEM: "a reading is a JSON object"}
    row: dict[object, Any] = {
        "tag": tag,
        "timestamp": _time(fields.get("time"), message.time),
        "value": fields.get("value"),
        "quality": fields.get("quality"),
    }
    if unknown := sorted(str(name) for name in fields.keys() - set(_FIELDS)):
        row[_PROBLEM] = f"unknown field {shown(unknown[0])!r}; a reading has tag, time, value and quality"
    elif fields.get("tag", tag) != tag:
        row[_PROBLEM] = f"the payload says {shown(fields['tag'])!r}, the subject {shown(tag)!r}"
    return row


def _time(time: object, arrived: int) -> object:
    """The time as text, unless it can be none."""
    if time is None:
        return rendered(arrived)
    if isinstance(time, int | float) and not isinstance(time, bool) and abs(time) < 1e12:
        return rendered(round(time * SECOND))
    return time


def _content(data: bytes) -> Sequence[object]:
    """The readings of a payload as they came. Raises ValueError."""
    if data.startswith((arrow.FILE, arrow.STREAM)):  # JSON begins with neither
        return _arrow_rows(data)
    try:
        content = json.loads(data, object_pairs_hook=_fields, parse_constant=_no_number)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    return content if isinstance(content, list) else [content]


def _fields(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("it has a field twice")
    return fields


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is not JSON")


def _arrow_rows(data: bytes) -> Sequence[Mapping[str, object]]:
    """The rows of an Arrow IPC stream or file. Raises ValueError."""
    table = arrow.read_table(data, _FIELDS, MOST)
    place = table.schema.get_field_index("time")
    if place >= 0 and pa.types.is_timestamp(table.schema.field(place).type):
        micros = table.column(place).cast(pa.timestamp("us", "UTC"), safe=False).cast(pa.int64())
        times = [None if time is None else rendered(time) for time in micros.to_pylist()]
        table = table.set_column(place, "time", pa.array(times, pa.string()))
    return [{name: _cell(value) for name, value in row.items()} for row in table.to_pylist()]


def _cell(value: object) -> object:
    """The cell as JSON would have it: a missing value may come as NaN."""
    return None if isinstance(value, float) and math.isnan(value) else value
