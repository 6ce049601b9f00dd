"""Reads files of a watched folder by a saved mapping: the new lines of one that grows, or one as a whole.

New lines are read together with the file's beginning, so that its header and what its cells look like say the
same as for the whole file; only the readings of the new lines count. What the mapping and the file leave open
is an error, never a guess.
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from sensormon.exchange.import_table import Table, check, spelled
from sensormon.exchange.mappings import SavedMapping, fitting
from sensormon.model.errors import SourceError, UsageError
from sensormon.model.readings import Batch, Bools, Ints, Rejection
from sensormon.model.tags import TagTable
from sensormon.tables.budget import SHARED_BYTES, Budget
from sensormon.tables.questions import in_ways, ways
from sensormon.tables.readings import Readings, read
from sensormon.tables.table_reader import read_sheets

HEAD = 1 << 16
"""Bytes of the beginning that are read with new lines."""
CHUNK = 1 << 18
"""Bytes of new lines that are read at once."""
LONGEST_LINE = 1 << 18
_ALONE = re.compile(rb"\r(?!\n)")
"""A carriage return in a line, which the reader of tables would take for its end."""
_HINT = "Is it a file of the mapping's kind? Choose a narrower pattern if not"
_BUDGET = Budget(SHARED_BYTES, 60)
_WHOLE = (b"PAR1", b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"\x1f\x8b", b"\xff\xfe", b"\xfe\xff")
"""How files begin that are read as a whole: Parquet, Excel and zip, old Excel, gzip, text of UTF-16."""


@dataclass(frozen=True)
class Part:
    """Readings of a part of a file with their lines, `place`, and what is none, by line."""

    batch: Batch
    refused: tuple[Rejection, ...]
    place: Ints
    unsure: int = 0

    def __len__(self) -> int:
        return len(self.batch) + len(self.refused)


def is_whole(file: int) -> bool:
    """Whether this file is read as a whole, since it has no lines that can be read by themselves."""
    start = os.pread(file, 64, 0)
    return start.startswith(_WHOLE) or b"\0" in start


def head(file: int, offset: int) -> bytes:
    """The complete lines at the beginning that were read before."""
    start = os.pread(file, min(HEAD, offset), 0)
    return start[: start.rfind(b"\n") + 1]


def new_lines(file: int, offset: int, name: str, most: int = CHUNK) -> bytes:
    """Complete lines from here on. Raises SourceError for one that is too long."""
    data = os.pread(file, most, offset)
    lines = data[: data.rfind(b"\n") + 1]
    if not lines and len(data) == most:
        data = os.pread(file, LONGEST_LINE + 1, offset)
        lines = data[: data.find(b"\n") + 1]
        if not lines and len(data) > LONGEST_LINE:
            raise SourceError(
                f"a line is longer than {LONGEST_LINE >> 10} KiB",
                where=name,
                hint="Is it a table? Give it another name if not, or choose a narrower pattern",
            )
    return lines


def read_lines(
    before: bytes, lines: bytes, first: int, name: str, mapping: SavedMapping, tags: TagTable, of: Batch
) -> Part:
    """The readings of `lines`, which are the `first` of the file and on, after its beginning `before`.

    `of` says source and time of receipt. Raises SourceError.
    """
    passed = before.count(b"\n")
    part = _read(_ALONE.sub(b" ", before + lines), name, mapping, tags, of)
    mine = part.place > passed
    refused = [each for each in part.refused if each.index > passed]
    return Part(
        part.batch.take(mine),
        tuple(replace(each, index=each.index - passed + first) for each in refused),
        part.place[mine] - passed + first,
        int(part.unsure[mine].sum()),
    )


def read_whole(file: int, name: str, mapping: SavedMapping, tags: TagTable, of: Batch) -> Part:
    """The readings of a whole file. Raises SourceError."""
    size = os.fstat(file).st_size
    if size > SHARED_BYTES:
        raise SourceError(
            f"it has more than {SHARED_BYTES >> 20} MiB", where=name, hint="Import it with the command line"
        )
    part = _read(os.pread(file, size, 0), name, mapping, tags, of)
    return Part(part.batch, part.refused, part.place, int(part.unsure.sum()))


@dataclass(frozen=True)
class _All:
    batch: Batch
    place: Ints
    unsure: Bools
    refused: tuple[Rejection, ...]


def _read(data: bytes, name: str, mapping: SavedMapping, tags: TagTable, of: Batch) -> _All:
    try:
        with tempfile.TemporaryDirectory(prefix="sensormon-folder-") as folder:
            path = Path(folder) / name
            path.write_bytes(data)
            sheets = read_sheets(path, _HINT, _BUDGET, sheet=mapping.sheet)
        if len(sheets) != 1:
            raise UsageError(f"it has {len(sheets)} tables", hint="Write each into a file of its own")
        table = Table(sheets[0], "")
        known = spelled(mapping.columns, table.frame)
        columns = fitting(SavedMapping(known), [str(column) for column in table.frame.columns]).columns
        if not columns.numbers:
            raise UsageError("it has none of the mapping's columns", hint="Is it a file of that kind?")
        check(columns, table, tags)
        readings = read(table.sheet, columns, tags)
        if readings.questions:
            question = readings.questions[0]
            hint = "Decide that on the Import page, and save the mapping under the same name again"
            raise UsageError(f"{in_ways(question)} ({ways(question)})", hint=hint)
    except UsageError as error:
        raise SourceError(error.what, where=name, hint=error.hint) from error
    except OSError as error:
        raise SourceError(
            f"it cannot be copied to be read ({error.strerror})", where=name, hint="Is the disk full?"
        ) from error
    refused = readings.wrong.rejections(of.received, source=of.source)
    return _All(_batch(readings, of), readings.place, readings.unsure, tuple(refused))


def _batch(readings: Readings, of: Batch) -> Batch:
    return replace(
        of,
        tags=readings.names,
        tag=readings.code,
        time=readings.time,
        value=readings.value,
        quality=readings.quality,
        words=readings.words,
        word=readings.word,
    )


def empty(source: str, received: int) -> Batch:
    """A batch without readings, of this source."""
    return Batch.of((), source=source, received=received)


def readings_mark(batch: Batch, count: int) -> str:
    """The digest of the first readings of a file, which says whether they are still the same."""
    digest = hashlib.blake2b(digest_size=8)
    for column in (batch.time, batch.value, batch.quality, batch.tag):
        digest.update(np.ascontiguousarray(column[:count]).tobytes())
    words = [] if batch.word is None else [batch.words[word] for word in batch.word[:count] if word >= 0]
    digest.update(repr((batch.tags, words)).encode())
    return digest.hexdigest()


def beyond(part: Part, count: int, line: int) -> Part:
    """What comes after the first readings, and what is none after this line."""
    rest = np.arange(count, len(part.batch))
    refused = tuple(each for each in part.refused if each.index > line)
    return Part(part.batch.take(rest), refused, part.place[count:])


def cut(part: Part, lines: bytes, first: int, most: int) -> Sequence[tuple[Part, bytes]]:
    """The readings of these lines and the lines themselves, in parts of whole lines with at most this many.

    They are lines `first` and on, counted from 0. A line with more than `most` readings is a part by itself.
    """
    if len(part) <= most:
        return [(part, lines)]
    rows = [row + b"\n" for row in lines.split(b"\n")[:-1]]
    refused = np.array([each.index for each in part.refused], dtype=np.int64)
    count = np.bincount(np.concatenate([part.place, refused]) - first - 1, minlength=len(rows))
    parts, begin, size = [], 0, 0
    for row in range(len(rows) + 1):
        if row == len(rows) or (size and size + count[row] > most):
            mine = (part.place > first + begin) & (part.place <= first + row)
            wrong = tuple(each for each in part.refused if first + begin < each.index <= first + row)
            parts.append((Part(part.batch.take(mine), wrong, part.place[mine]), b"".join(rows[begin:row])))
            begin, size = row, 0
        size += int(count[row]) if row < len(rows) else 0
    return parts


def wide_tags(mapping: SavedMapping) -> tuple[str, ...]:
    """The tags that it names; those of a column of tags are in the files alone."""
    columns = mapping.columns
    return () if columns.tag else tuple(columns.values.values())


def parts_of(part: Part, most: int) -> Sequence[Part]:
    """The same in order, in parts of at most this many."""
    count = max(1, -(-len(part.batch) // most), -(-len(part.refused) // most))
    return [
        Part(
            part.batch.take(np.arange(place * most, min((place + 1) * most, len(part.batch)))),
            part.refused[place * most : (place + 1) * most],
            part.place[place * most : (place + 1) * most],
        )
        for place in range(count)
    ]
