"""The process that reads a foreign Parquet file for `parquet_reader`: `parquet_child.py PATH BYTES SECONDS`.

A few kilobytes of Parquet can unpack to gigabytes, and a damaged file can end the process that reads
it. So the kernel limits the memory and the time of this one. It reads batch by batch and writes to
standard output an Arrow stream of plain columns: numbers, truth values, text, and times in µs (UTC
if they had a zone). Text that a dictionary makes small is measured before it is unpacked. Columns of
other types, such as lists, are not read; their cells name the type. Of pandas' metadata only the
index counts.

It runs as a file and imports next to nothing of the package, so that it starts in a fifth of a second.
Exit codes: 0, or those of `child_limits` with a line on standard error.
"""

from __future__ import annotations

import errno
import json
import os
import sys
from collections import Counter
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from sensormon.tables.child_limits import (
    CELL,
    MOST_COLUMNS,
    REFUSED,
    TOO_LARGE,
    UNREADABLE,
    Refused,
    failed,
    limit,
)

_MOST_GROUPS = 100_000
_MOST_FOOTER = 32 << 20
_BATCH_ROWS, _BATCH_CELLS = 65_536, 1 << 20
_FIRST, _LAST = -62_135_596_800, 253_402_300_799
"""Seconds from 1970 to the years 1 and 9999."""
_SHOWN = 50
_FARTHEST = 1 << 31
"""A range of row numbers begins before this, and its steps are smaller."""


def main(path: str, most: int, seconds: int) -> int:
    """Write the table to standard output; the exit code."""
    limit(most, seconds)
    try:
        _copy(path, most)
    except Refused as refused:
        return failed(REFUSED, str(refused))
    except (MemoryError, pa.ArrowCapacityError) as error:
        return failed(TOO_LARGE, str(error))
    except OSError as error:
        return failed(TOO_LARGE if error.errno == errno.EFBIG else UNREADABLE, str(error))
    except (pa.ArrowException, ValueError, KeyError, TypeError, RecursionError) as error:
        return failed(UNREADABLE, " ".join(str(error).split())[:300])
    return 0


def _copy(path: str, most: int) -> None:
    with open(path, "rb") as file:
        file.seek(max(0, os.path.getsize(path) - 8))
        footer = int.from_bytes(file.read(4), "little")
    if _MOST_FOOTER < footer < os.path.getsize(path):
        raise Refused("its description of itself is too long")
    with pq.ParquetFile(path, buffer_size=1 << 20) as file:
        about, described = file.metadata, file.schema_arrow
        if about.num_columns > MOST_COLUMNS:
            raise Refused(f"it has more than {MOST_COLUMNS:,} columns")
        if about.num_row_groups > _MOST_GROUPS:
            raise Refused(f"it has more than {_MOST_GROUPS:,} row groups")
    names: list[str] = described.names
    ranges, index = _index((described.metadata or {}).get(b"pandas", b"{}"), names)
    if twice := [name for name, count in Counter([*names, *ranges]).items() if count > 1]:
        raise Refused(f"the column {twice[0][:_SHOWN]!r} occurs twice")
    kinds = {field.name: _plain(field.type) for field in described}
    flat = [name for name in names if kinds[name] is not None]
    if not flat:
        raise Refused("it has no column of plain values")
    texts = [field.name for field in described if _is_text(field.type)]
    order = [*index, *(name for name in names if name not in index)]
    plain = pa.schema(
        [*((name, pa.int64()) for name in ranges), *((name, kinds[name] or pa.string()) for name in order)]
    )
    with (
        pq.ParquetFile(path, buffer_size=1 << 20, read_dictionary=texts) as file,
        pa.ipc.new_stream(pa.PythonFile(sys.stdout.buffer, "w"), plain) as stream,
    ):
        done = 0
        for batch in _within(file, flat, len(plain), most):
            rows = batch.num_rows
            columns = [
                pa.array(range(start + done * step, start + (done + rows) * step, step), pa.int64())
                for start, step in ranges.values()
            ]
            columns += [
                _as(batch.column(name), plain.field(name).type)
                if kinds[name] is not None
                else pa.repeat(pa.scalar(str(described.field(name).type)[:_SHOWN]), rows)
                for name in order
            ]
            stream.write_batch(pa.record_batch(columns, schema=plain))
            done += rows


def _index(metadata: bytes, names: list[str]) -> tuple[dict[str, tuple[int, int]], list[str]]:
    """What pandas says about its index: ranges by name, with start and step, and columns of the file.

    Anything it cannot mean is left out: then the columns are what they are in the file.
    """
    try:
        document = json.loads(metadata)
    except (ValueError, RecursionError):
        return {}, []
    parts = document.get("index_columns") if isinstance(document, dict) else None
    ranges, columns = {}, []
    for part in parts if isinstance(parts, list) else []:
        if isinstance(part, str) and part in names and part not in columns:
            columns.append(part)
        elif isinstance(part, dict) and isinstance(part.get("name"), str):
            start, step = part.get("start"), part.get("step")
            if type(start) is int and type(step) is int and step and max(abs(start), abs(step)) < _FARTHEST:
                ranges[part["name"]] = start, step
    return ranges, columns


def _within(file: pq.ParquetFile, names: list[str], width: int, most: int) -> Iterator[pa.RecordBatch]:
    """The rows in batches. Raises MemoryError, with the number of cells, before one that is too much."""
    used = 0
    for batch in file.iter_batches(
        max(1, min(_BATCH_ROWS, _BATCH_CELLS // width)), columns=names, use_threads=False
    ):
        if batch.schema.names != names:
            raise Refused("its columns cannot be told apart")
        used += (width - len(names)) * (2 * CELL + _SHOWN) * batch.num_rows
        used += sum(map(_size, batch.columns))
        if used > most:
            raise MemoryError(file.metadata.num_rows * width)
        yield batch


def _size(column: pa.Array) -> int:
    """The bytes that the column takes once it is unpacked and worked with."""
    if not _is_text(column.type):
        return max(CELL * len(column), int(column.nbytes))
    if not pa.types.is_dictionary(column.type):
        return 2 * CELL * len(column) + int(column.nbytes)
    lengths = pc.binary_length(column.dictionary).cast(pa.int64())
    return 2 * CELL * len(column) + int(pc.sum(lengths.take(column.indices)).as_py() or 0)


def _is_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        return _is_text(kind.value_type)
    tests = (
        pa.types.is_string,
        pa.types.is_large_string,
        pa.types.is_string_view,
        pa.types.is_binary,
        pa.types.is_large_binary,
        pa.types.is_binary_view,
    )
    return any(test(kind) for test in tests)


def _plain(kind: pa.DataType) -> pa.DataType | None:
    """What a column of this type is written as; None for one that is not read."""
    types = pa.types
    if types.is_dictionary(kind):
        return _plain(kind.value_type)
    if types.is_timestamp(kind):
        return pa.timestamp("us", "UTC" if kind.tz else None)
    as_written = (
        (_is_text(kind) or types.is_time(kind), pa.string()),
        (types.is_date(kind), pa.timestamp("us")),
        (types.is_decimal(kind) or types.is_null(kind), pa.float64()),
        (types.is_float16(kind), pa.float32()),
        (types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind), kind),
    )
    return next((written for holds, written in as_written if holds), None)


def _as(column: pa.Array, kind: pa.DataType) -> pa.Array:
    """The column in this type, which `_plain` has chosen. A time outside of the years 1 to 9999 is null."""
    if pa.types.is_dictionary(column.type):
        return _as(column.dictionary_decode(), kind)
    if pa.types.is_string(kind) and _is_text(column.type):
        try:
            return column.cast(kind)
        except pa.ArrowInvalid:  # bytes that are not UTF-8
            return pa.array(
                [None if cell is None else cell.decode(errors="replace") for cell in column.to_pylist()], kind
            )
    if pa.types.is_timestamp(kind):
        return _times(column, kind)
    return column.cast(kind)


def _times(column: pa.Array, kind: pa.DataType) -> pa.Array:
    if pa.types.is_date(column.type):
        unit, numbers = ("D", pa.int32()) if pa.types.is_date32(column.type) else ("ms", pa.int64())
    else:
        unit, numbers = column.type.unit, pa.int64()
    per_second = {"D": 1 / 86_400, "s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}[unit]
    count = column.view(numbers).cast(pa.int64())
    low = max(round(_FIRST * per_second), -(1 << 63) + 1)
    high = min(round(_LAST * per_second), (1 << 63) - 1)
    fit = pc.and_(pc.greater_equal(count, low), pc.less_equal(count, high))
    if per_second > 1_000_000:
        count = pc.divide(count, 1_000)  # what is below the microsecond is dropped, as everywhere
    elif per_second < 1:
        count = pc.multiply(pc.if_else(fit, count, 0), 86_400_000_000)
    else:
        count = pc.multiply(pc.if_else(fit, count, 0), 1_000_000 // per_second)
    return pc.if_else(fit, count, None).cast(pa.timestamp("us")).cast(kind)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
