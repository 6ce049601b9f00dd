"""Readings as JSON, CSV, Parquet or Arrow, piece by piece, so that a large answer needs little memory.

`value` is a number or a state's word; see `sensormon.exchange.state_values`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from io import RawIOBase
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from sensormon.exchange.state_values import beside
from sensormon.exchange.table_writer import table_csv
from sensormon.exchange.verdict_columns import DETECTORS, with_verdicts
from sensormon.stores.columns import with_simulated

Pieces = Iterator[pa.Table]

PART = 1_000
"""Rows turned into text at once: half a megabyte, of which a reader who is slow keeps two."""

COLUMNS = (
    "id",
    "timestamp",
    "tag",
    "value",
    "is_anomaly",
    "score",
    "threshold",
    "detector",
    "expected",
    "lower",
    "upper",
    "quality",
    "received",
    "n",
    "settings",
    "profile",
    "withheld",
    "source",
    "origin",
    "simulated",
)
"""The columns of every form, in this order; JSON and Arrow have the list `detectors` after them."""


def as_json(pieces: Pieces) -> Iterator[bytes]:
    """A list of objects; a number that is not finite is null."""
    encode = msgspec.json.Encoder().encode
    opening = b"["
    for table in _parts(pieces):
        named = _with_detectors(_with_texts(table), table)
        columns = [column.to_pylist() for column in named.columns]
        rows = [dict(zip(named.column_names, row, strict=True)) for row in zip(*columns, strict=True)]
        if rows:
            yield opening + encode(rows)[1:-1]
            opening = b","
    yield b"[]" if opening == b"[" else b"]"


def as_csv(pieces: Pieces) -> Iterator[bytes]:
    """UTF-8 with a header line; an apostrophe precedes text that a spreadsheet would run as a formula."""
    header = True
    for table in _parts(pieces):
        if header or table.num_rows:
            yield table_csv(_with_texts(table), header=header)
        header = False


def as_parquet(pieces: Pieces) -> Iterator[bytes]:
    """One row group per piece; times in UTC; states in a column `state`, if there are tags of states."""
    buffer = _Drain()
    writer: pq.ParquetWriter | None = None
    for table in pieces:
        named = beside(_renamed(table))
        if writer is None:
            writer = pq.ParquetWriter(buffer, named.schema)
        writer.write_table(named)
        yield buffer.take()
    if writer is not None:
        writer.close()
    yield buffer.take()


def as_arrow(pieces: Pieces) -> Iterator[bytes]:
    """Arrow's IPC stream, a record batch per part; times in UTC; states as in Parquet."""
    buffer = _Drain()
    writer: pa.ipc.RecordBatchStreamWriter | None = None
    for table in _parts(pieces):
        named = _with_detectors(beside(_renamed(table)), table)
        if writer is None:
            writer = pa.ipc.new_stream(buffer, named.schema)
        writer.write_table(named)
        yield buffer.take()
    if writer is not None:
        writer.close()
    yield buffer.take()


FORMS: dict[str, tuple[str, Callable[[Pieces], Iterator[bytes]]]] = {
    "json": ("application/json", as_json),
    "csv": ("text/csv; charset=utf-8", as_csv),
    "parquet": ("application/vnd.apache.parquet", as_parquet),
    "arrow": ("application/vnd.apache.arrow.stream", as_arrow),
}
"""The media type and function of each form."""

_BY_MEDIA_TYPE = {media_type.partition(";")[0]: form for form, (media_type, _) in FORMS.items()}


def form_accepted(accept: str) -> str:
    """The form of readings that the header Accept prefers; JSON if it names none of them.

    >>> form_accepted("application/json;q=0.5, application/vnd.apache.arrow.stream")
    'arrow'
    >>> form_accepted("text/html, */*;q=0.8"), form_accepted("")
    ('json', 'json')
    """
    best, most = "json", 0.0
    for entry in accept.split(","):
        media_type, *parameters = (part.strip().lower() for part in entry.split(";"))
        weight = next((part[2:] for part in parameters if part.startswith("q=")), "1")
        try:
            liked = float(weight)
        except ValueError:
            continue
        if media_type in _BY_MEDIA_TYPE and liked > most:
            best, most = _BY_MEDIA_TYPE[media_type], liked
    return best


class _Drain(RawIOBase):
    """A write-only file whose bytes are dropped once taken."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._position = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        piece = bytes(data)
        self._pieces.append(piece)
        self._position += len(piece)
        return len(piece)

    def tell(self) -> int:
        return self._position

    def take(self) -> bytes:
        """The bytes written since the last call."""
        pieces, self._pieces = self._pieces, []
        return b"".join(pieces)


def _parts(pieces: Pieces) -> Iterator[pa.Table]:
    """The same rows in parts of at most `PART`; an empty piece is an empty part."""
    for table in pieces:
        for start in range(0, max(1, table.num_rows), PART):
            yield table.slice(start, PART)


def _renamed(table: pa.Table) -> pa.Table:
    table = with_simulated(with_verdicts(table))
    names = ["timestamp" if name == "time" else name for name in table.column_names]
    return table.rename_columns(names).select(COLUMNS)


def _with_detectors(named: pa.Table, table: pa.Table) -> pa.Table:
    """The first table with the list `detectors` of the second, if that has it."""
    if DETECTORS not in table.column_names:
        return named
    return named.append_column(DETECTORS, table.column(DETECTORS))


def _with_texts(table: pa.Table) -> pa.Table:
    """Times as ISO 8601 in UTC with Z."""
    named = _renamed(table)
    for name in ("timestamp", "received"):
        text = pc.strftime(named.column(name), format="%Y-%m-%dT%H:%M:%SZ")
        named = named.set_column(named.schema.get_field_index(name), name, text)
    return named
