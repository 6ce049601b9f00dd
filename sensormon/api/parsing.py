"""JSON bodies to columns.

If all rows are well-formed, the common case, they are decoded straight to typed rows and columns.
Anything else goes row by row through `validation.parse_rows`, which reports what is wrong with each.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sensormon.api.problems import Problem
from sensormon.ingest.groups import Parsed
from sensormon.ingest.refusals import NOTHING
from sensormon.ingest.validation import SHOWN, parse_rows, shown, wrong_word
from sensormon.model import timestamps
from sensormon.model.qualities import quality_of
from sensormon.model.readings import Batch, Floats, Ints, Quality
from sensormon.model.tags import BOOLEAN

SOURCE = "http"
KEY_LENGTH = 255
SINGLE = 50_000
"""A body that should be one reading is read as far as a batch of this many, to say what is wrong."""
FIELDS = frozenset({"timestamp", "tag", "value", "quality"})
DIGITS = 400
"""A number with more digits is infinite for what can hold a reading."""
_ONE = '{"timestamp": "2026-01-31T12:00:00Z", "tag": "fermenter_temp", "value": 37.2}'
_UTC = pa.timestamp("us", "UTC")
_QUOTE = ord('"')
_FIRST = timestamps.parse("0001-01-01")
"""Arrow reads the year 0, and `timestamps.parse` does not (µs UTC)."""


class Row(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """A well-formed reading; text, true and false are the words of states."""

    tag: str
    value: float | str | bool
    timestamp: str | None = None
    quality: str | int | None = None


class Rows(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """A batch with its key."""

    readings: list[Row]
    batch_id: str = ""


_row = msgspec.json.Decoder(Row)
_rows = msgspec.json.Decoder(list[Row])
_keyed = msgspec.json.Decoder(Rows)


def parse_single(body: bytes, arrived: int) -> Parsed:
    """A single reading. Raises Problem if the body is not a JSON object."""
    try:
        row = _row.decode(body)
        if _no_field_twice((row,), _further_marks(body, 1, row.timestamp is not None)):
            return _single(row, arrived)
    except (msgspec.DecodeError, ValueError, OverflowError):
        pass
    content = _loaded(body, SINGLE)
    if not isinstance(content, dict):
        raise Problem(400, "malformed", "the body must be one JSON object", f"Send {_ONE}")
    return _by_row([content], arrived)


def parse_batch(body: bytes, arrived: int, most: int) -> Parsed:
    """A list of readings, or an object with `readings` and `batch_id`.

    Raises Problem if it is neither, or has more than `most` rows.
    """
    key = ""
    try:
        keyed = body.lstrip()[:1] == b"{"
        if keyed:
            content = _keyed.decode(body)
            rows, key = content.readings, content.batch_id
        else:
            rows = _rows.decode(body)
        _limit(len(rows), most)
        check_key(key)
        quotes = 2 + 4 * bool(key) if keyed else 0
        times = [row.timestamp for row in rows]
        timed = len(times) - times.count(None)
        further = _further_marks(body, len(rows), timed, quotes)
        if _no_field_twice(rows, further) or not _twice_in(_loaded(body, most)):
            batch = _columns(rows, times, further != 0, arrived)
            return Parsed(batch, range(len(rows)), NOTHING, key, timed == len(rows))
    except (msgspec.DecodeError, pa.ArrowInvalid, ValueError):
        pass
    loaded: Any = _loaded(body, most)
    if isinstance(loaded, _Twice):
        raise Problem(
            400, "malformed", f"{shown(loaded.twice)!r} is there twice", "Send each field of the body once"
        )
    if isinstance(loaded, dict) and set(loaded) <= {"readings", "batch_id"} and "readings" in loaded:
        key = loaded.get("batch_id", "")
        loaded = loaded["readings"]
    if not isinstance(loaded, list) or not isinstance(key, str):
        raise Problem(
            400,
            "malformed",
            "the body must be a JSON list of readings",
            f'Send [{_ONE}], or {{"batch_id": "…", "readings": […]}}',
        )
    _limit(len(loaded), most)
    check_key(key)
    return _by_row(loaded, arrived, key)


def check_key(key: str) -> None:
    """Raises Problem for an idempotency key that is too long or not printable."""
    if len(key) > KEY_LENGTH or not key.isprintable():
        raise Problem(
            400,
            "bad_key",
            "the idempotency key cannot be used",
            f"Use at most {KEY_LENGTH} printable characters, such as a UUID",
        )


def _limit(count: int, most: int) -> None:
    if count > most:
        raise Problem(
            413,
            "too_many",
            f"{count:,} readings in one batch; at most {most:,} are taken",
            "Send them in several batches; SENSORMON_MAX_BATCH is the limit",
        )


def _single(row: Row, arrived: int) -> Parsed:
    """A well-formed reading. Raises ValueError or OverflowError for what `_by_row` words the reason of."""
    time = arrived if row.timestamp is None else timestamps.parse(row.timestamp)
    value, words, word = _values((row,))
    batch = Batch(
        source=SOURCE,
        received=arrived,
        tags=(row.tag,),
        tag=np.zeros(1, dtype=np.int32),
        time=np.array([time], dtype=np.int64),
        value=value,
        quality=np.zeros(1, dtype=np.uint32) if row.quality is None else _qualities((row,)),
        words=words,
        word=word,
    )
    return Parsed(batch, (0,), timed=row.timestamp is not None)


def _columns(rows: Sequence[Row], times: list[str | None], qualified: bool, arrived: int) -> Batch:
    """The columns of well-formed rows; `qualified` says that some may have a quality.

    Raises ArrowInvalid or ValueError for what is not well-formed.
    """
    tags = pa.array([row.tag for row in rows], pa.string()).dictionary_encode()
    value, words, word = _values(rows)
    return Batch(
        source=SOURCE,
        received=arrived,
        tags=tuple(tags.dictionary.to_pylist()),
        tag=tags.indices.to_numpy().astype(np.int32, copy=False),
        time=_times(times, arrived),
        value=value,
        quality=_qualities(rows) if qualified else np.zeros(len(rows), dtype=np.uint32),
        words=words,
        word=word,
    )


def _values(rows: Sequence[Row]) -> tuple[Floats, tuple[str, ...], NDArray[np.int32] | None]:
    """The columns `value`, `words` and `word`. Raises ValueError for text that is no state's word."""
    values = [row.value for row in rows]
    if set(map(type, values)) <= {float}:
        return np.array(values, dtype=np.float64), (), None
    places: dict[str, int] = {}
    numbers, word = np.full(len(values), np.nan), np.full(len(values), -1, dtype=np.int32)
    for row, value in enumerate(values):
        if isinstance(value, float):
            numbers[row] = value
        else:
            state = BOOLEAN[value] if isinstance(value, bool) else value.strip()
            word[row] = places.setdefault(state, len(places))
    if any(map(wrong_word, places)):
        raise ValueError("a value is neither a number nor a word")
    return numbers, tuple(places), word


def _qualities(rows: Sequence[Row]) -> NDArray[np.uint32]:
    """The status codes of these rows. Raises ValueError for an unknown quality."""
    said = [row.quality for row in rows]
    codes = {quality: Quality.GOOD if quality is None else quality_of(quality) for quality in set(said)}
    if None in codes.values():
        raise ValueError("a quality is not known")
    return np.array([codes[quality] for quality in said], dtype=np.uint32)


def _times(texts: list[str | None], arrived: int) -> Ints:
    column = pa.array(texts, pa.string()).cast(_UTC).cast(pa.int64())
    if column.null_count:
        column = column.fill_null(arrived)
    times: Ints = column.to_numpy()
    if len(times) and times.min() < _FIRST:
        raise ValueError("a time is before the year 1")
    return times


def _by_row(content: Sequence[object], arrived: int, key: str = "") -> Parsed:
    """The rows, with the reason for each that is not a reading."""
    batch, positions, malformed = parse_rows(content, source=SOURCE, received=arrived, no_reading=_no_reading)
    taken = [content[position] for position in positions]
    timed = all(isinstance(row, dict) and row.get("timestamp") is not None for row in taken)
    return Parsed(batch, positions, malformed, key, timed)


def _no_reading(row: object) -> str:
    if not isinstance(row, dict):
        return f"a reading is an object such as {_ONE}"
    if isinstance(row, _Twice):
        return f"the field {shown(row.twice)!r} is there twice"
    if not row.keys() <= FIELDS:
        unknown = shown(min(row.keys() - FIELDS))
        return f"unknown field {unknown!r}; known are timestamp, tag, value and quality"
    if "tag" not in row:
        return "'tag' is missing"
    tag = row["tag"]
    if isinstance(tag, str) and shown(tag[:SHOWN]) != tag[:SHOWN]:
        return "the tag has characters that are not text"
    return "" if "value" in row else "'value' is missing"


class _Twice(dict[str, object]):
    """An object with a field that is there twice, of which JSON readers silently keep the last."""

    twice = ""


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    fields = dict(pairs)
    if len(fields) == len(pairs):
        return fields
    doubtful, left = _Twice(fields), dict(fields)
    doubtful.twice = next(name for name, _ in pairs if left.pop(name, left) is left)
    return doubtful


def _further_marks(body: bytes, rows: int, timed: int, others: int = 0) -> int | None:
    """How many quotation marks a body has besides those of the names, tags and times of its rows.

    So many rows have a time; the body has so many `others`. 0 if each field is there once and no
    row has a word or a quality. None if escapes and nulls leave it open.
    """
    if b"\\" in body or b"null" in body:
        return None
    marks = np.count_nonzero(np.frombuffer(body, dtype=np.uint8) == _QUOTE)
    return int(marks) - 6 * rows - 4 * timed - others


def _no_field_twice(rows: Sequence[Row], further: int | None) -> bool:
    """Whether it is certain that no field of these decoded rows was there twice.

    Judged by the number of further quotation marks, which is fast: two or four for a quality, two for
    a word.
    """
    if not further:
        return further == 0
    said = [type(row.quality) for row in rows]
    words = [type(row.value) for row in rows].count(str)
    return further == 2 * said.count(int) + 4 * said.count(str) + 2 * words


def _twice_in(content: object) -> bool:
    """Whether the body, or a row of it, has a field twice."""
    rows = content.get("readings") if isinstance(content, dict) else content
    return isinstance(content, _Twice) or (
        isinstance(rows, list) and any(isinstance(row, _Twice) for row in rows)
    )


def _loaded(body: bytes, most: int) -> object:
    """The JSON of a body of at most `most` rows, with NaN and Infinity, which many senders write.

    Raises Problem if it is none, or has far more objects.
    """
    if body.count(b"{") + body.count(b"[") > 4 * most:  # a row has one, and its texts may have some
        raise Problem(
            413, "too_many", f"the body has far more than {most:,} rows", "Send fewer rows in a request"
        )
    try:
        return json.loads(body, parse_int=_whole, object_pairs_hook=_object)
    except RecursionError:
        detail = "it is nested too deeply"
    except UnicodeDecodeError:
        detail = "it is not UTF-8"
    except ValueError as error:
        detail = str(error)[:200]
    raise Problem(400, "malformed", f"the body is not JSON: {detail}", f"Send {_ONE}")


def _whole(digits: str) -> float:
    """The number of these digits; infinite if it is far too large for one."""
    return int(digits) if len(digits) < DIGITS else float(digits)
