"""Arrow IPC from devices, read without letting a small message become a large one.

What unpacks is refused unread: compressed bodies, and more rows than a message may have. So is what repeats
without taking room: columns of other types than readings need, and long words in a dictionary.
"""

from __future__ import annotations

import struct
from collections.abc import Collection

import pyarrow as pa
import pyarrow.compute as pc

FILE = b"ARROW1"
"""How a file begins; after eight bytes it goes on like a stream, whatever its footer says."""
STREAM = b"\xff\xff\xff\xff"
LONGEST = 1_000
"""The most bytes of a word in a dictionary."""
_FILE_HEAD = 8
_HEADER_TYPE, _HEADER, _LENGTH, _DATA, _COMPRESSION = 1, 2, 0, 1, 3
"""Numbers of fields in Arrow's Message.fbs: of a message, of a record batch, of a dictionary's."""
_DICTIONARY_BATCH, _RECORD_BATCH = 2, 3


def read_table(data: bytes, names: Collection[str], most: int) -> pa.Table:
    """The rows of an Arrow IPC stream or file, at most this many, of some of these columns.

    Raises ValueError with the reason if it is anything else.
    """
    body = pa.py_buffer(data)
    body = body.slice(_FILE_HEAD) if data.startswith(FILE) else body
    try:
        _check_messages(body, most)
        with pa.ipc.open_stream(body) as stream:
            _check_columns(stream.schema, names)
            table: pa.Table = stream.read_all()
        table.validate(full=True)
        _check_words(table)
    except (pa.ArrowException, OSError, OverflowError, MemoryError, struct.error) as error:
        raise ValueError(f"it is not Arrow IPC ({str(error)[:100]})") from error
    return table


def _check_messages(body: pa.Buffer, most: int) -> None:
    rows = 0
    for message in pa.ipc.MessageReader.open_stream(body):
        length, is_compressed = _batch_of(message.metadata.to_pybytes())
        if is_compressed:
            raise ValueError("its Arrow is compressed, which is not taken")
        rows += abs(length) if message.type == "record batch" else 0
    if rows > most:
        raise ValueError(f"a message of {rows:,} readings; at most {most:,} are taken")


def _batch_of(metadata: bytes) -> tuple[int, bool]:
    """How many rows the batch in this message has, and whether it is compressed; (0, False) without one."""
    message = _Table(metadata, _offset(metadata, 0))
    kind = message.place(_HEADER_TYPE)
    header, kind = message.table(_HEADER), metadata[kind] if kind else 0
    if header is not None and kind == _DICTIONARY_BATCH:
        header = header.table(_DATA)
    if header is None or kind not in (_DICTIONARY_BATCH, _RECORD_BATCH):
        return 0, False
    place = header.place(_LENGTH)
    length = struct.unpack_from("<q", metadata, place)[0] if place else 0
    return length, bool(header.place(_COMPRESSION))


class _Table:
    """A table of a FlatBuffer, which Arrow has verified, at this place."""

    def __init__(self, content: bytes, start: int) -> None:
        self._content = content
        self._start = start
        self._fields = start - struct.unpack_from("<i", content, start)[0]

    def place(self, field: int) -> int:
        """Where the field with this number is; 0 if it has none."""
        (size,) = struct.unpack_from("<H", self._content, self._fields)
        at = 4 + 2 * field
        offset = struct.unpack_from("<H", self._content, self._fields + at)[0] if at < size else 0
        return self._start + offset if offset else 0

    def table(self, field: int) -> _Table | None:
        """The table in this field."""
        place = self.place(field)
        return _Table(self._content, _offset(self._content, place)) if place else None


def _offset(content: bytes, place: int) -> int:
    return place + int(struct.unpack_from("<I", content, place)[0])


def _check_columns(schema: pa.Schema, names: Collection[str]) -> None:
    if unknown := sorted(set(schema.names) - set(names)):
        raise ValueError(f"unknown column {unknown[0][:50]!r}; a reading has {', '.join(names)}")
    if len(set(schema.names)) < len(schema.names):
        raise ValueError("it has a column twice")
    for field in schema:
        if not _is_taken(field.type):
            raise ValueError(f"the column {field.name} is of the type {str(field.type)[:50]}")


def _is_taken(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
        return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))
    is_number = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)
    return bool(
        is_number or pa.types.is_timestamp(kind) or pa.types.is_string(kind) or pa.types.is_large_string(kind)
    )


def _check_words(table: pa.Table) -> None:
    for name, column in zip(table.column_names, table.columns, strict=True):
        for chunk in column.chunks if pa.types.is_dictionary(column.type) else ():
            longest = pc.max(pc.binary_length(chunk.dictionary)).as_py()
            if longest is not None and longest > LONGEST:
                raise ValueError(f"the column {name} has a word of {longest:,} bytes")
