"""Rows of PostgreSQL as Arrow tables, and the other way round, column by column.

Python objects for each cell would take longest. A query's result comes as one array a column, made by the
server and read as it is sent; what is loaded goes as the binary form of COPY. What each detector said of a
reading is in two columns here: `own_detectors`, their names with commas between them, and `own`, the four
numbers of each in turn.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import psycopg
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from psycopg.adapt import Transformer
from psycopg.pq import Format

from sensormon.model.clock import DAY
from sensormon.model.readings import Ints
from sensormon.stores.columns import OWN

Bytes = NDArray[np.uint8]

_EPOCH = 946_684_800_000_000
"""µs from 1970 to 2000, from where PostgreSQL counts."""
_ARRAY_HEAD = 20
"""Bytes before the elements of an array of one dimension."""
_BOOL, _BYTES, _TEXT, _FLOAT, _TIME = 16, 17, 25, 701, 1184
_SENT: dict[int, tuple[str, pa.DataType]] = {
    _BOOL: ("u1", pa.bool_()),
    20: (">i8", pa.int64()),
    21: (">i2", pa.int16()),
    23: (">i4", pa.int32()),
    _FLOAT: (">f8", pa.float64()),
    _TIME: (">i8", pa.timestamp("us", "UTC")),
}
"""By the number of a type, how PostgreSQL sends it, and as what it is read."""
_UNSIGNED = {"quality": pa.uint32(), "withheld": pa.uint8()}
"""Columns whose type PostgreSQL does not know, which are kept in the next wider one."""
_COPY_HEAD = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_COPY_TAIL = b"\xff\xff"
_OWN_FIELDS = ("score", "expected", "lower", "upper")


# -- from the server ----------------------------------------------------------------


def fetched(cursor: psycopg.Cursor[Any], query: str, values: Sequence[object] = ()) -> pa.Table:
    """The result of this query on this cursor, within a transaction, in the query's order.

    Each column needs a name of its own. Numbers, times (timestamp[us, UTC]) and booleans keep their type,
    text is string, `quality` uint32 and `withheld` uint8; NaN is null.
    """
    described = cursor.execute(f"SELECT * FROM ({query}) AS result LIMIT 0", list(values)).description
    columns = [(column.name, column.type_code) for column in described or ()]
    # Parallel workers would gather their rows each by itself.
    cursor.execute("SET LOCAL max_parallel_workers_per_gather = 0")
    gathered = ", ".join(_gathered(name, kind) for name, kind in columns)
    cursor.execute(f"SELECT {gathered} FROM ({query}) AS result", list(values), binary=True)
    result = cursor.pgresult
    sent = [result.get_value(0, place) if result else None for place in range(len(columns))]
    return pa.table(
        {name: _column(cursor, name, kind, each) for (name, kind), each in zip(columns, sent, strict=True)}
    )


def _gathered(name: str, kind: int) -> str:
    return f"array_agg(coalesce(\"{name}\", 'NaN'))" if kind == _FLOAT else f'array_agg("{name}")'


def _column(cursor: psycopg.Cursor[Any], name: str, kind: int, sent: bytes | None) -> pa.Array:
    form, kept = _SENT.get(kind, ("", pa.string() if kind != _BYTES else pa.binary()))
    kept = _UNSIGNED.get(name, kept)
    if sent is None:
        return pa.array([], kept)
    if not form or sent[4:8] != bytes(4):  # of varying length, or with nulls
        loader = Transformer(cursor).get_loader(_LISTS[kind], Format.BINARY)
        return pa.array(loader.load(sent), kept)
    element = np.dtype([("length", ">i4"), ("value", form)])
    value = np.frombuffer(sent, element, offset=_ARRAY_HEAD)["value"]
    if kind == _TIME:
        return pa.array((value.astype(np.int64) + _EPOCH).view("datetime64[us]")).cast(kept)
    if kind == _BOOL:
        return pa.array(value.astype(np.bool_))
    return pa.array(value.astype(value.dtype.newbyteorder("=")), from_pandas=True).cast(kept)


_LISTS = {_BOOL: 1000, _BYTES: 1001, 20: 1016, 21: 1005, 23: 1007, _FLOAT: 1022, _TIME: 1185, _TEXT: 1009}
"""By the number of a type, that of its arrays."""


def with_own(table: pa.Table) -> pa.Table:
    """The table with the column `own` of `sensormon.stores.columns` in place of the two sent here.

    `own` was selected as `array_send(own)`.
    """
    detectors, sent = (table.column(name).combine_chunks() for name in ("own_detectors", "own"))
    table = table.drop_columns(["own_detectors", "own"])
    names = [text.split(",") if text else [] for text in detectors.to_pylist()]
    counts = np.array([len(each) for each in names], dtype=np.int64)
    present = np.flatnonzero(counts)
    if not len(present):
        return table.append_column("own", pa.nulls(table.num_rows, OWN))
    element = np.dtype([("length", ">i4"), ("value", ">f8")])
    numbers = np.concatenate(
        [np.frombuffer(each, element, offset=_ARRAY_HEAD)["value"] for each in sent.to_pylist() if each]
    ).astype(np.float64)
    entries = pa.StructArray.from_arrays(
        [
            pa.array([name for each in names for name in each], pa.string()),
            *(pa.array(numbers[place::4], from_pandas=True) for place in range(4)),
        ],
        ["detector", *_OWN_FIELDS],
    )
    offsets = pa.array(
        np.concatenate(([0], np.cumsum(counts))).astype(np.int32), mask=np.append(counts == 0, False)
    )
    return table.append_column("own", pa.ListArray.from_arrays(offsets, entries).cast(OWN))


# -- to the server ------------------------------------------------------------------


def copy_in(cursor: psycopg.Cursor[Any], target: str, columns: pa.Table) -> None:
    """Append these rows; `target` names the table. The columns of both have the same names.

    Times without a zone are UTC. A NUL in text, which PostgreSQL cannot hold, becomes ␀.
    """
    if not columns.num_rows:
        return
    names = ", ".join(f'"{name}"' for name in columns.column_names)
    with cursor.copy(f"COPY {target} ({names}) FROM STDIN (FORMAT binary)") as copy:
        copy.write(copied(columns))


def copied(columns: pa.Table) -> bytes:
    """These rows in the binary form of COPY."""
    fields = [_field(column.combine_chunks()) for column in columns.columns]
    count = columns.num_rows
    sizes = np.stack([np.where(lengths < 0, 0, lengths) + 4 for lengths, _ in fields])
    starts = np.cumsum(np.vstack((np.full(count, 2), sizes)), axis=0)
    rows = np.concatenate(([0], np.cumsum(starts[-1])))
    out = np.empty(rows[-1], dtype=np.uint8)
    _scatter(out, rows[:-1], np.full(count, len(fields), dtype=">i2"))
    for (lengths, data), start in zip(fields, starts, strict=False):
        at = rows[:-1] + start
        _scatter(out, at, lengths.astype(">i4"))
        filled = lengths > 0
        _fill(out, at[filled] + 4, lengths[filled], data)
    return _COPY_HEAD + out.tobytes() + _COPY_TAIL


def as_kept(readings: pa.Table) -> pa.Table:
    """Readings as `sensormon.stores.columns` makes them, as rows of the table `readings`."""
    kept = readings.drop_columns(["own"])
    for name, column in _own_columns(readings.column("own").combine_chunks()).items():
        kept = kept.append_column(name, column)
    return kept


def _own_columns(own: pa.Array) -> dict[str, pa.Array]:
    """The column `own` of `sensormon.stores.columns` as the two columns kept here."""
    counts = pc.fill_null(pc.list_value_length(own), 0).to_numpy(zero_copy_only=False).astype(np.int64)
    said = pc.list_flatten(own)
    detector = pc.struct_field(said, "detector").to_pylist()
    ends = np.cumsum(counts)
    joined: dict[tuple[str, ...], str] = {}
    names: list[str | None] = []
    for end, count in zip(ends.tolist(), counts.tolist(), strict=True):
        key = tuple(detector[end - count : end])
        names.append((joined.get(key) or joined.setdefault(key, ",".join(key))) if key else None)
    numbers = [
        pc.fill_null(pc.struct_field(said, name), np.nan).to_numpy(zero_copy_only=False)
        for name in _OWN_FIELDS
    ]
    flat = pa.array(np.column_stack(numbers).ravel()) if len(said) else pa.array([], pa.float64())
    offsets = pa.array(np.concatenate(([0], 4 * ends)).astype(np.int32), mask=np.append(counts == 0, False))
    return {"own_detectors": pa.array(names, pa.string()), "own": pa.ListArray.from_arrays(offsets, flat)}


def _scatter(out: Bytes, at: Ints, numbers: NDArray[Any]) -> None:
    """Write each number, in its own byte order, at its place."""
    width = numbers.dtype.itemsize
    out[at[:, None] + np.arange(width)] = numbers.view(np.uint8).reshape(-1, width)


def _fill(out: Bytes, at: Ints, lengths: Ints, data: Bytes) -> None:
    """Write pieces of these lengths, which follow one another in `data`, at their places."""
    if len(lengths) and (lengths == lengths[0]).all():
        out[at[:, None] + np.arange(lengths[0])] = data.reshape(len(lengths), -1)
    else:
        before = np.cumsum(lengths) - lengths
        out[np.repeat(at - before, lengths) + np.arange(len(data))] = data


def _field(column: pa.Array) -> tuple[Ints, Bytes]:
    """The lengths of this column's values as they are sent, -1 for null, and the bytes of all others."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_list(column.type):
        return _list_field(column)
    valid = column.is_valid().to_numpy(zero_copy_only=False)
    if pa.types.is_string(column.type) or pa.types.is_binary(column.type):
        if pa.types.is_string(column.type):
            column = pc.replace_substring(column, "\0", "␀")
        lengths = pc.fill_null(pc.binary_length(column), -1).to_numpy(zero_copy_only=False).astype(np.int64)
        joined = b"".join(each for each in column.cast(pa.binary()).to_pylist() if each)
        return lengths, np.frombuffer(joined, dtype=np.uint8)
    values = column.drop_null()
    if pa.types.is_timestamp(column.type):
        sent = values.cast(pa.int64()).to_numpy() - _EPOCH
        form = ">i8"
    elif pa.types.is_date32(column.type):
        sent = values.cast(pa.int32()).to_numpy() - _EPOCH // DAY
        form = ">i4"
    else:
        sent = values.to_numpy(zero_copy_only=False)
        form = _FORMS[column.type]
    data = np.ascontiguousarray(sent.astype(form)).view(np.uint8)
    return np.where(valid, np.dtype(form).itemsize, -1), data


_FORMS = {
    pa.bool_(): "u1",
    pa.uint8(): ">i2",
    pa.int16(): ">i2",
    pa.int32(): ">i4",
    pa.int64(): ">i8",
    pa.uint32(): ">i8",
    pa.float64(): ">f8",
}
"""By the type of a column, as what it is sent; unsigned ones in the next wider type."""


def _list_field(column: pa.ListArray) -> tuple[Ints, Bytes]:
    """Of a column of lists of text, or of lists of numbers, of which none is empty."""
    counts = pc.fill_null(pc.list_value_length(column), -1).to_numpy(zero_copy_only=False).astype(np.int64)
    if pa.types.is_string(column.type.value_type):
        sent = [None if each is None else _text_list(each) for each in column.to_pylist()]
        lengths = np.array([-1 if each is None else len(each) for each in sent], dtype=np.int64)
        return lengths, np.frombuffer(b"".join(each for each in sent if each), dtype=np.uint8)
    filled = counts[counts >= 0]
    starts = np.cumsum(_ARRAY_HEAD + 12 * filled) - (_ARRAY_HEAD + 12 * filled)
    out = np.empty(_ARRAY_HEAD * len(filled) + 12 * int(filled.sum()), dtype=np.uint8)
    head = np.tile(np.array([1, 0, _FLOAT, 0, 1], dtype=">i4"), (len(filled), 1))
    head[:, 3] = filled
    out[starts[:, None] + np.arange(_ARRAY_HEAD)] = head.view(np.uint8)
    values = pc.list_flatten(column).to_numpy(zero_copy_only=False)
    cells = np.empty(len(values), dtype=[("length", ">i4"), ("value", ">f8")])
    cells["length"], cells["value"] = 8, values
    at = np.repeat(starts + _ARRAY_HEAD - 12 * (np.cumsum(filled) - filled), filled) + 12 * np.arange(
        len(values)
    )
    out[at[:, None] + np.arange(12)] = cells.view(np.uint8).reshape(-1, 12)
    return np.where(counts < 0, -1, _ARRAY_HEAD + 12 * counts), out


def _text_list(texts: Sequence[str]) -> bytes:
    if not texts:
        return np.array([0, 0, _TEXT], dtype=">i4").tobytes()
    encoded = [text.replace("\0", "␀").encode() for text in texts]
    head = np.array([1, 0, _TEXT, len(texts), 1], dtype=">i4").tobytes()
    return head + b"".join(len(each).to_bytes(4, "big") + each for each in encoded)
