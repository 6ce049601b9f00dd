"""The Parquet members of a case: their form is checked before a row is read, one row group at a time.

Nothing in them is trusted: every function here raises UsageError with one line. What it is not: a reader of
Parquet files as people have them; see `tables.parquet_reader`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from sensormon.exchange.case_format import GROUP, bad
from sensormon.ingest.validation import SHOWN

_FOOTER_BYTES = 16 << 20
_GROUP_BYTES = 128 << 20
"""The most bytes that the description of a Parquet member, and one of its row groups, may take."""
UNREADABLE = (pa.ArrowException, OSError, ValueError, OverflowError, MemoryError)
"""What a damaged or hostile member makes its parser raise."""


def _parquet(path: Path, most: int, *schemas: pa.Schema) -> pq.ParquetFile:
    if _footer(path) > _FOOTER_BYTES:
        raise bad(f"{path.name} has too long a description of itself")
    try:
        with pq.ParquetFile(path) as file:
            schema = next((schema for schema in schemas if file.schema_arrow.equals(schema)), None)
        if schema is None:
            raise bad(f"{path.name} has other columns than a case has")
        texts = [column.name for column in schema if column.type == pa.string()]
        file = pq.ParquetFile(path, read_dictionary=texts)
        about = file.metadata
        if about.num_rows > most:
            raise bad(f"{path.name} has more than {most:,} rows")
        total = 0
        for number in range(about.num_row_groups):
            group = about.row_group(number)
            total += group.num_rows
            columns = range(group.num_columns)
            packed = {group.column(place).compression for place in columns}
            if group.num_rows > GROUP or packed != {"UNCOMPRESSED"}:
                raise bad(f"{path.name} is packed in a way that a case is not")
            # Of columns that are not compressed, the reader takes no more bytes than are in the file.
            if sum(group.column(place).total_compressed_size for place in columns) > _GROUP_BYTES:
                raise bad(f"{path.name} has a row group of more than {_GROUP_BYTES >> 20} MiB")
        if total != about.num_rows:
            raise bad(f"{path.name} has other rows than it says")
    except UNREADABLE as error:
        raise bad(f"{path.name} cannot be read") from error
    return file


def _footer(path: Path) -> int:
    """The length of the description at the end of a Parquet file, as the file says; 0 if it cannot be."""
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(max(0, size - 8))
        length = int.from_bytes(file.read(4), "little")
    return length if length < size else 0


def count_rows(path: Path, most: int, *schemas: pa.Schema) -> int:
    """How many rows the member has, once its form is checked."""
    with _parquet(path, most, *schemas) as file:
        rows: int = file.metadata.num_rows
        return rows


def row_groups(path: Path, most: int, *schemas: pa.Schema) -> Iterator[pa.Table]:
    """The row groups of the member, in order; texts are dictionary columns."""
    with _parquet(path, most, *schemas) as file:
        for number in range(file.metadata.num_row_groups):
            try:
                table = file.read_row_group(number)
                if table.num_rows > GROUP:
                    raise bad(f"{path.name} has other rows than it says")
                table.validate(full=True)  # text is UTF-8, dictionary indices are within bounds
                for column in table.columns:
                    if pa.types.is_dictionary(column.type):
                        _short(column, path.name)
            except UNREADABLE as error:
                raise bad(f"{path.name} cannot be read") from error
            yield table


def _short(column: pa.ChunkedArray, name: str) -> None:
    for chunk in column.chunks:
        if len(chunk.dictionary) and (pc.max(pc.binary_length(chunk.dictionary)).as_py() or 0) > 5 * SHOWN:
            raise bad(f"{name} has text that is too long")


def check_no_nulls(table: pa.Table, names: Sequence[str]) -> None:
    """Raises UsageError if a row lacks one of these columns."""
    for name in names:
        if table.column(name).null_count:
            raise bad(f"there is a row without {name}")


def check_known(table: pa.Table, name: str, known: Sequence[str]) -> None:
    """Raises UsageError if the dictionary column `name` has a value beside the known ones."""
    for chunk in table.column(name).chunks:
        used = chunk.dictionary.take(pc.unique(chunk.indices)).to_pylist()
        if unknown := set(used) - set(known):
            raise bad(f"the {name} {min(map(str, unknown))[:50]!r} is unknown")


def check_between(table: pa.Table, name: str, since: int, until: int) -> None:
    """Raises UsageError unless every time in µs UTC lies in [since, until)."""
    if not table.num_rows:
        return
    times = pc.min_max(table.column(name).cast(pa.int64())).as_py()
    if times["min"] < since or times["max"] >= until:
        raise bad(f"there is a {name} outside of its span, or one that has not come yet")
