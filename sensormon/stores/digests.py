"""Digests of rows that are equal whichever store gives the rows, in whatever order and pieces.

Every cell becomes a number of 64 bits, a row a mix of those of its cells, and many rows two sums, of their
numbers and of these mixed once more, modulo 2^64. Null and NaN are the same, and so are a NUL and the ␀ that
PostgreSQL has in its place. Is not: proof against somebody who wants two histories to look alike.

The mix is the finaliser of SplitMix64 (Steele, Lea and Flood 2014).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from sensormon.model.clock import DAY
from sensormon.stores.tables import IN_ORDER, Piece

Words = NDArray[np.uint64]

_NONE = np.uint64(0x9E6C63D0876A9A35)
"""For null."""
_STEP = np.uint64(0x9E3779B97F4A7C15)
_SECOND = np.uint64(0xD1B54A32D192ED03)
_MASK = (1 << 64) - 1


@dataclass(frozen=True)
class Digest:
    """Of some rows: how many, and the two sums."""

    rows: int = 0
    first: int = 0
    second: int = 0

    def plus(self, other: Digest) -> Digest:
        """The digest of the rows of both."""
        return Digest(
            self.rows + other.rows,
            (self.first + other.first) & _MASK,
            (self.second + other.second) & _MASK,
        )

    def __str__(self) -> str:
        return f"{self.rows}-{self.first:016x}{self.second:016x}"


TagDay = tuple[str, int]
"""A tag, and a day of its readings' own times, as days since 1970."""


def of_readings(pieces: Iterable[Piece]) -> dict[TagDay, Digest]:
    """The digest of the readings of each tag and day (UTC)."""
    digests: dict[TagDay, Digest] = {}
    for piece in pieces:
        add_readings(digests, piece.rows)
    return digests


def add_readings(digests: dict[TagDay, Digest], rows: pa.Table) -> None:
    """Add these readings to the digests."""
    if not rows.num_rows:
        return
    tags = rows["tag"].combine_chunks().dictionary_encode()
    day = rows["time"].cast(pa.int64()).to_numpy() // DAY
    code = tags.indices.to_numpy().astype(np.int64)
    order = np.lexsort((day, code))
    code, day, words = code[order], day[order], _words(rows)[order]
    starts = np.flatnonzero(np.concatenate(([True], (np.diff(code) != 0) | (np.diff(day) != 0))))
    counts = np.diff(np.append(starts, len(code)))
    sums = [np.add.reduceat(each, starts) for each in (words, _mixed(words ^ _SECOND))]
    names = tags.dictionary.to_pylist()
    for place, count, first, second in zip(starts.tolist(), counts.tolist(), *map(list, sums), strict=True):
        key = (names[code[place]], int(day[place]))
        digests[key] = digests.get(key, Digest()).plus(Digest(count, int(first), int(second)))


def of_table(table: str, pieces: Iterable[Piece]) -> Digest:
    """The digest of the rows of this table; of those of `IN_ORDER` in this order."""
    digest = Digest()
    for piece in pieces:
        words = _words(piece.rows)
        if table in IN_ORDER:
            words = _mixed(words + _STEP * np.arange(digest.rows, digest.rows + len(words), dtype=np.uint64))
        first, second = (int(np.add.reduce(each)) for each in (words, _mixed(words ^ _SECOND)))
        digest = digest.plus(Digest(len(words), first, second))
    return digest


def _mixed(words: Words) -> Words:
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return words ^ (words >> np.uint64(31))


def _words(rows: pa.Table) -> Words:
    """A number for each row, from all its cells in the order of the columns."""
    words = np.zeros(rows.num_rows, dtype=np.uint64)
    for column in rows.columns:
        words = _mixed(words + _STEP ^ _cells(column.combine_chunks()))
    return words


def _cells(column: pa.Array) -> Words:
    """A number for each cell."""
    kind = column.type
    if pa.types.is_string(kind):
        return _texts(column)
    if pa.types.is_list(kind):
        return _lists(column) if pa.types.is_struct(kind.value_type) else _texts_in_lists(column)
    valid = column.is_valid().to_numpy(zero_copy_only=False)
    if pa.types.is_floating(kind):
        numbers = pc.fill_null(column, np.nan).to_numpy()
        return np.where(np.isnan(numbers), _NONE, numbers.view(np.uint64))
    if pa.types.is_boolean(kind) or pa.types.is_date32(kind):
        column = column.cast(pa.int32())
    whole = pc.fill_null(column.cast(pa.int64()), 0).to_numpy(zero_copy_only=False)
    return np.where(valid, whole.view(np.uint64), _NONE)


def _texts(column: pa.Array) -> Words:
    names = column.dictionary_encode()
    texts = [_text(name) for name in names.dictionary.to_pylist()]
    known: Words = np.array([*texts, int(_NONE)], dtype=np.uint64)
    places: NDArray[np.int32] = pc.fill_null(names.indices, len(texts)).to_numpy()
    return known[places]


def _text(text: str) -> int:
    digest = hashlib.blake2b(text.replace("\0", "␀").encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little")


def _texts_in_lists(column: pa.Array) -> Words:
    joined = [None if each is None else json.dumps(each) for each in column.to_pylist()]
    return _texts(pa.array(joined, pa.string()).cast(pa.string()))


def _lists(column: pa.Array) -> Words:
    """Of lists of structures."""
    counts = pc.fill_null(pc.list_value_length(column), 0).to_numpy(zero_copy_only=False).astype(np.int64)
    said = pc.list_flatten(column)
    ends = np.cumsum(counts)
    place = np.arange(len(said), dtype=np.uint64) - np.repeat(ends - counts, counts).astype(np.uint64)
    words = _STEP * place
    for field in column.type.value_type:
        words = _mixed(words + _STEP ^ _cells(pc.struct_field(said, field.name)))
    sums = np.concatenate((np.zeros(1, dtype=np.uint64), np.cumsum(words, dtype=np.uint64)))
    valid = column.is_valid().to_numpy(zero_copy_only=False)
    return np.where(valid, sums[ends] - sums[ends - counts], _NONE)
