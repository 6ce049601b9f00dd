"""Tables in text: CSV by any separator, with whatever their programs wrote around them.

Plain rows, which are nearly all, are read by Arrow; what is irregular is read line by line with care.
Cells stay text. What it is not: the reading of cells; see `times` and `numbers`.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from sensormon.model.csv_words import csv_problem
from sensormon.model.errors import UsageError
from sensormon.model.format import listed
from sensormon.model.readings import Bools, Ints
from sensormon.tables.budget import Budget, too_large
from sensormon.tables.child_limits import CELL, MOST_COLUMNS
from sensormon.tables.head_rows import INDEX_NOTE, counts_rows, empty_rows, same_cells
from sensormon.tables.headings import Heading, find_heading, is_comment
from sensormon.tables.line_scan import Lines, scan
from sensormon.tables.separators import BLANKS, SEPARATORS, named_separator, shape_of, with_tabs
from sensormon.tables.sheet import Sheet, WrongLine
from sensormon.tables.text_rows import LONGEST_CELL, Row, Shape, row_at

_SPLIT_TIME = re.compile(rb"(?m)((?:^|\t)\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4})\t(\d{1,2}:\d{2}[^\t\n]*)")
"""A date and a time of day, which blanks part although the header has one name for them."""
_SAMPLE = 1 << 20
_SAMPLE_LINES = 500
_SHAPE_CHARACTERS = 1 << 17
_MOST_WRONG = 100_000
_SHOWN = 100
_BATCH = 50_000


def read_csv(data: bytes, path: Path, name: str, budget: Budget, names: Sequence[str] = ()) -> Sheet:
    r"""The table in this text of UTF-8 whose lines end with `\n`; see `decoded`.

    Raises UsageError for a table that is too large, has no header that fits or a name twice, csv.Error for
    a header that cannot be read, and what `budget.step` raises.
    """
    lines, more = _first_lines(data, path)
    notes: tuple[str, ...] = ()
    skipped = 0
    separators = SEPARATORS + BLANKS
    if lines and (named := named_separator(lines[0])):
        separators, skipped = named, 1
        notes = ("Line 1 names the separator",)
    sample = lines[skipped:]
    if not any(line.strip() for line in sample):
        raise UsageError("it cannot be read (it is empty)", where=str(path), hint="Give a file with a table")
    shape = shape_of(_some(sample), separators)
    shown = shape.separator
    if shown == BLANKS:
        data = with_tabs(data.decode("utf-8", "replace")).encode()
        lines, more = _first_lines(data, path)
        shape = Shape("\t", shape.width, shape.typed)
    _check_size(data, shape, path, budget)
    rows = _rows(lines, skipped, shape, complete=not more)
    heading = find_heading(rows, shape, path, "line", names)
    if shown == BLANKS and heading.heads and len(heading.heads[0]) == shape.width - 1:
        data = _SPLIT_TIME.sub(rb"\1 \2", data)
        lines, more = _first_lines(data, path)
        shape = shape_of(_some(lines), "\t")
        heading = find_heading(_rows(lines, 0, shape, complete=not more), shape, path, "line", names)
    if max(map(len, heading.names), default=0) > LONGEST_CELL:
        raise csv.Error("field larger than field limit")
    body = _Body(data, shape, heading, max(heading.last, skipped), path, budget)
    frame, place = body.read()
    notes = (*notes, *heading.notes, *body.notes())
    return Sheet(frame, place, "line", name, heading.units, tuple(body.wrong), notes, shown)


def _first_lines(data: bytes, path: Path) -> tuple[list[str], bool]:
    """The lines at the beginning, and whether there are more. Raises UsageError if the first is too long."""
    part = data[:_SAMPLE]
    more = len(part) < len(data)
    if more:
        whole = part.rfind(b"\n")
        if whole < 0:
            raise UsageError(
                f"its first line is longer than {_SAMPLE >> 20} MiB",
                where=str(path),
                hint="Give a file with the names of its columns in the first line",
            )
        part = part[:whole]
    lines = part.decode("utf-8", "replace").replace("\0", "").split("\n")
    return lines[:_SAMPLE_LINES], more or len(lines) > _SAMPLE_LINES


def _some(lines: Sequence[str]) -> Sequence[str]:
    """As many of the lines as it takes to see what separates their cells."""
    size = np.cumsum([len(line) for line in lines])
    return lines[: max(2, int(np.searchsorted(size, _SHAPE_CHARACTERS)))]


def _check_size(data: bytes, shape: Shape, path: Path, budget: Budget) -> None:
    """Raise UsageError for more columns or cells than can be held."""
    if shape.width > MOST_COLUMNS:
        raise UsageError(
            f"it has more than {MOST_COLUMNS:,} columns",
            where=str(path),
            hint="Split it, or give one column of tags and one of values",
        )
    budget.step()
    cells = data.count(shape.separator.encode()) + data.count(b"\n")
    if cells * CELL > budget.bytes:
        raise too_large(path, budget, cells)


def _rows(lines: Sequence[str], skipped: int, shape: Shape, *, complete: bool) -> list[Row]:
    """The first rows. Raises csv.Error if the very first has a cell that is too long."""
    rows: list[Row] = []
    index = skipped
    while index < len(lines):
        try:
            row = row_at(lines, index, shape)
        except csv.Error:
            if not rows:
                raise
            index += 1
            continue
        if row.open and index == skipped and complete and len(lines) == 1:
            raise csv.Error("field larger than field limit")
        rows.append(row)
        index += row.lines
    return rows


@dataclass
class _Body:
    """The rows below a heading: plain ones by Arrow, the others one by one."""

    data: bytes
    shape: Shape
    heading: Heading
    last: int
    path: Path
    budget: Budget
    wrong: list[WrongLine] = field(default_factory=list)
    repeated: list[int] = field(default_factory=list)
    comments: list[int] = field(default_factory=list)
    open: list[int] = field(default_factory=list)
    empty: list[int] = field(default_factory=list)
    index: bool = False

    def read(self) -> tuple[pd.DataFrame, Ints]:
        """The cells by column, and the line of each row."""
        named = max((place for place, name in enumerate(self.heading.names, 1) if name), default=1)
        width = max(self.shape.width, named)
        shape = Shape(self.shape.separator, width, self.shape.typed)
        start = _offset(self.data, self.last)
        lines = scan(self.data, start, shape.separator, width, self.budget.step)
        careful, taken = self._careful(lines, shape, named)
        plain = lines.plain & ~taken
        table = _plain_table(lines, plain, width, shape.separator)
        place = np.flatnonzero(plain).astype(np.int64) + self.last + 1
        if careful.places:
            table = pa.concat_tables([table, careful.table()])
            place = np.concatenate([place, np.array(careful.places, dtype=np.int64)])
            order = np.argsort(place, kind="stable")
            table, place = table.take(order), place[order]
        return self._frame(table, place, width)

    def _careful(self, lines: Lines, shape: Shape, named: int) -> tuple[_Careful, Bools]:
        """The rows in lines that are not plain, and which lines these take."""
        careful = _Careful(shape.width)
        taken = np.zeros(len(lines), dtype=np.bool_)
        window = _Window(lines)
        for index in np.flatnonzero(~lines.plain & ~lines.blank).tolist():
            if taken[index]:
                continue
            if len(careful.places) % 1_000 == 0:
                self.budget.step()
            row, detail = _row_in(window, index, shape)
            place = index + self.last + 1
            taken[index : index + row.lines] = True
            cells = row.cells
            if detail == "" and any("\0" in cell for cell in cells):
                if not any(cell.strip("\0") for cell in cells):
                    self.empty.append(place)
                    continue
                detail = "it has NUL bytes, as a file has after the power failed"
            if not detail and not any(cells):
                continue
            if not detail and is_comment(cells) and (len(cells) != shape.width or self.heading.commented):
                self.comments.append(place)
                continue
            while len(cells) > shape.width and not cells[-1]:
                cells = cells[:-1]
            if not detail and not named <= len(cells) <= shape.width:
                few = "many" if len(cells) > shape.width else "few"
                detail = f"it has too {few} cells: {len(cells):,} instead of {named:,}"
                if row.open:
                    detail = "its quotation mark is never closed"
            if detail:
                self._is_wrong(place, lines.text(index), detail)
                continue
            if row.open:
                self.open.append(place)
                self._check_count(self.open[0], len(self.open), "a quotation mark that is never closed")
            careful.add(place, cells)
        return careful, taken

    def _is_wrong(self, place: int, text: str, detail: str) -> None:
        self.wrong.append(
            WrongLine(place, " ".join(text[: 2 * _SHOWN].replace("\0", "").split())[:_SHOWN], detail)
        )
        self._check_count(self.wrong[0].place, len(self.wrong), self.wrong[0].detail)

    def _check_count(self, first: int, count: int, detail: str) -> None:
        """Raise UsageError for more lines with something wrong than anybody would look at."""
        if count > _MOST_WRONG:
            raise UsageError(
                f"more than {_MOST_WRONG:,} of its lines do not fit its table, the first is line "
                f"{first}: {detail}",
                where=str(self.path),
                hint="Give a file with the same cells in every row",
            )

    def _frame(self, table: pa.Table, place: Ints, width: int) -> tuple[pd.DataFrame, Ints]:
        """The table without repeated headers and without columns that have neither a name nor a cell."""
        keep = ~empty_rows(table)
        for head in self.heading.heads:
            same = same_cells(table, head)
            keep &= ~same
            self.repeated += place[same].tolist()
        names = [*self.heading.names, *[""] * width][:width]
        beyond = len(self.heading.names)
        for column in [column for column in range(width) if not names[column]]:
            cells = table.column(column)
            if cells.null_count == len(cells):
                continue
            if column < beyond:
                names[column] = f"column {column + 1}"
                continue
            full = np.asarray(cells.is_valid()) & keep
            keep &= ~full
            for row in np.flatnonzero(full).tolist():
                text = self.shape.separator.join(
                    str(cell.as_py() or "") for cell in (part[row] for part in table.columns)
                )
                self._is_wrong(int(place[row]), text, f"it has too many cells: more than {beyond:,}")
        if not keep.all():
            table, place = table.filter(pa.array(keep)), place[keep]
        if not self.heading.names[0] and names[0] and counts_rows(table.column(0)):
            names[0] = ""
            self.index = True
        used = [column for column in range(width) if names[column]]
        self.wrong.sort(key=lambda line: line.place)
        table = table.select(used).rename_columns([names[column] for column in used])
        frame: pd.DataFrame = table.to_pandas(split_blocks=True)
        return frame, place

    def notes(self) -> tuple[str, ...]:
        """What was passed over among the rows."""
        parts = (
            (self.repeated, "repeats the header and was skipped"),
            (self.comments, "is a comment and was skipped"),
            (self.empty, "has only NUL bytes and was skipped"),
            (self.open, "has a quotation mark that is never closed; its cells were read as they stand"),
        )
        index = (INDEX_NOTE,) if self.index else ()
        return (*index, *(_sentence(sorted(places), what) for places, what in parts if places))


def _sentence(places: Sequence[int], what: str) -> str:
    """What holds for these lines; at most ten are named."""
    if len(places) == 1:
        return f"Line {places[0]} {what}"
    return f"Lines {listed(places, 10)}: each {what}"


@dataclass
class _Careful:
    """Rows of text in columns, in batches, since lists of Python take ten times the memory."""

    width: int
    places: list[int] = field(default_factory=list)
    rows: list[tuple[str | None, ...]] = field(default_factory=list)
    batches: list[pa.Table] = field(default_factory=list)

    def add(self, place: int, cells: Sequence[str]) -> None:
        self.places.append(place)
        self.rows.append((*(cell or None for cell in cells), *[None] * (self.width - len(cells))))
        if len(self.rows) >= _BATCH:
            self._flush()

    def _flush(self) -> None:
        columns = zip(*self.rows, strict=True)
        self.batches.append(_table([pa.array(column, pa.large_string()) for column in columns]))
        self.rows = []

    def table(self) -> pa.Table:
        if self.rows:
            self._flush()
        return pa.concat_tables(self.batches)


@dataclass(frozen=True)
class _Window(Sequence[str]):
    """The lines as a sequence of text, each decoded when it is asked for."""

    lines: Lines

    def __len__(self) -> int:
        return len(self.lines)

    def __getitem__(self, index: int) -> str:  # type: ignore[override]
        return self.lines.text(index)


def _row_in(window: _Window, index: int, shape: Shape) -> tuple[Row, str]:
    """The row that begins in this line, and what is wrong with it if it cannot be read."""
    try:
        return row_at(window, index, shape), ""
    except csv.Error as error:
        return Row(index + 1, ()), csv_problem(error)


def _offset(data: bytes, lines: int) -> int:
    """Where the line after so many lines begins."""
    offset = 0
    for _ in range(lines):
        end = data.find(b"\n", offset)
        if end < 0:
            return len(data)
        offset = end + 1
    return offset


def _plain_table(lines: Lines, plain: Bools, width: int, separator: str) -> pa.Table:
    """The plain rows, read by Arrow."""
    columns = [str(column) for column in range(width)]
    count = int(plain.sum())
    if not count:
        return _table([pa.array([], pa.large_string()) for _ in columns])
    edges = np.flatnonzero(np.diff(np.concatenate([[False], plain, [False]]).astype(np.int8)))
    view = memoryview(lines.data)
    parts = [view[lines.starts[begin] : lines.ends[end - 1] + 1] for begin, end in edges.reshape(-1, 2)]
    body = pa.py_buffer(parts[0] if len(parts) == 1 else b"".join(parts))
    longest = int((lines.ends - lines.starts)[plain].max())
    table = pacsv.read_csv(
        pa.BufferReader(body),
        pacsv.ReadOptions(column_names=columns, use_threads=False, block_size=max(1 << 22, 4 * longest)),
        pacsv.ParseOptions(delimiter=separator, newlines_in_values=False),
        pacsv.ConvertOptions(
            column_types=dict.fromkeys(columns, pa.large_string()),
            strings_can_be_null=True,
            null_values=[""],
            check_utf8=True,
        ),
    )
    if table.num_rows != count:
        raise ValueError(f"{table.num_rows:,} rows were read of {count:,}")
    return _table([_trimmed(column) for column in table.columns])


def _trimmed(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """The cells without white space around them; null where nothing is left."""
    trimmed = pc.utf8_trim_whitespace(column)
    empty = pc.equal(trimmed, "")
    return (
        pc.if_else(empty, pa.scalar(None, pa.large_string()), trimmed) if pc.any(empty).as_py() else trimmed
    )


def _table(columns: Sequence[pa.Array | pa.ChunkedArray]) -> pa.Table:
    return pa.table(list(columns), names=[str(column) for column in range(len(columns))])
