"""History from files: what each column is, and the readings in them.

A file is long (a column of tags and one of values) or wide (one column per tag). `propose`
says what the columns seem to be, for a person to correct; `pieces` makes batches of them in
order of time and says why a cell is not a reading. Pure, except that it reads the file.
What it is not: a source; the readings keep their own times and are marked as imported.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import pandas as pd

from sensormon.model.entries import IMPORT
from sensormon.model.errors import UsageError
from sensormon.model.readings import Batch, Floats, Ints, Origin, Quality, Reason, Rejection
from sensormon.model.tags import TagTable
from sensormon.tables.numbers import numbers_of, to_numbers
from sensormon.tables.parquet_reader import OWN, Budget
from sensormon.tables.table_reader import TIMES, read_table, time_column
from sensormon.tables.times import Times, read_times

ROWS = 5_000
"""The most readings in one batch."""


_HINT = "Give a CSV or Parquet file with a time column and one column per tag, or the columns tag and value"
_SHOWN = 100
_NAMED = 12


@dataclass(frozen=True)
class Columns:
    """What the columns of a file are: long if `tag` is set, otherwise wide with `values`.

    `zone` is the time zone of times that name none.
    """

    time: str
    tag: str = ""
    value: str = ""
    values: Mapping[str, str] = field(default_factory=dict)  # column -> tag
    zone: str = "UTC"


@dataclass(frozen=True, eq=False)
class Table:
    """A file as read; `key` identifies its content, `first` is the first row as people count."""

    frame: pd.DataFrame
    first: str
    key: str


def read_file(path: Path, budget: Budget = OWN) -> Table:
    """The file's table. Raises UsageError if it cannot be read or has no rows; see `read_table`."""
    frame, first = read_table(path, _HINT, budget)
    if frame.empty:
        raise UsageError(
            "it has no rows, so there is nothing to import",
            where=str(path),
            hint=f"Its columns are {_listed(frame)}; give a file with readings below them",
        )
    digest = hashlib.blake2b(digest_size=16)
    with path.open("rb") as file:
        while part := file.read(1 << 20):
            digest.update(part)
    return Table(frame, first, digest.hexdigest())


def _listed(frame: pd.DataFrame) -> str:
    names = [str(name)[:_SHOWN] for name in frame.columns]
    return ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else "")


def propose(
    table: Table,
    tags: TagTable,
    stem: str = "",
    *,
    zone: str = "UTC",
    time: str = "",
    values: Mapping[str, str] | None = None,
) -> Columns:
    """What the columns seem to be; `stem` is the file's name, for a file with one series.

    A column is a tag by the tag's name or label, in any case, unless `values` says which column
    is which tag; `time` names the column of times. Raises UsageError if no column has times or
    none is a tag.
    """
    frame = table.frame
    named = {name.casefold(): name for name in frame.columns}
    times = time or time_column(frame)
    if times is None:
        raise UsageError(
            f"there is no column of times; found: {_listed(frame)}",
            where="import",
            hint=f"Name one of them {' or '.join(TIMES)}, or say which it is with --time",
        )
    if values:
        return Columns(times, values=values, zone=zone)
    if "tag" in named and "value" in named:
        return Columns(times, tag=named["tag"], value=named["value"], zone=zone)
    known = {tag.name.casefold(): tag.name for tag in tags}
    for form in ("{0.label}", "{0.label} ({0.unit})", "{0.label} [{0.unit}]"):
        titles = {form.format(tag).casefold(): tag.name for tag in tags}
        known = titles | known
    columns = {name: known[name.casefold()] for name in frame.columns if name.casefold() in known}
    if not columns and "value" in named and stem.casefold() in known:
        columns = {named["value"]: known[stem.casefold()]}
    if not columns:
        raise UsageError(
            f"none of the columns is a tag; found: {_listed(frame)}",
            where="import",
            hint="Say which is which with --column COLUMN=TAG; the tags: " + ", ".join(tags.names[:12]),
        )
    return Columns(times, values=columns, zone=zone)


def check(columns: Columns, table: Table, tags: TagTable) -> None:
    """Raise UsageError unless the file has these columns, the tags are known and the zone exists."""
    wanted = [columns.time, *((columns.tag, columns.value) if columns.tag else columns.values)]
    for name in wanted:
        if name not in table.frame:
            raise UsageError(
                f"there is no column {name[:_SHOWN]!r}",
                where="import",
                hint=f"The columns: {_listed(table.frame)}",
            )
    if columns.time in wanted[1:]:
        raise UsageError(
            f"the column {columns.time[:_SHOWN]!r} is the times and cannot be values too",
            where="import",
            hint="Say which column has the times",
        )
    for name in columns.values.values():
        if name not in tags:
            raise UsageError(
                f"there is no tag {name!r}", where="import", hint=f"The tags: {', '.join(tags.names[:12])}"
            )
    try:
        ZoneInfo(columns.zone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise UsageError(
            f"there is no time zone {columns.zone!r}", where="import", hint="Try Europe/Berlin or UTC"
        ) from error


@dataclass(frozen=True, eq=False)
class Piece:
    """A part of the file for one journal record: the batch, its rows' places, the rejected cells.

    `key` is the same for the same part of the same file read in the same way.
    """

    key: str
    batch: Batch
    positions: tuple[int, ...]
    malformed: tuple[Rejection, ...]
    unsure: int = 0  # readings of an hour that the clock showed twice, read as the later


def pieces(table: Table, columns: Columns, received: int) -> Iterator[Piece]:
    """The readings in order of time, in batches of `ROWS`; empty cells of a wide file are skipped.

    Objects are built for one piece at a time; what is kept for the whole file are a few numbers per cell.
    """
    frame = table.frame
    times = read_times(frame[columns.time], columns.zone, frame[columns.tag] if columns.tag else None)
    cells = _cells(frame, columns)
    wrong = times.wrong[cells.row]
    wrong |= np.isnan(cells.number)
    wrong |= cells.code < 0
    bad, order = np.flatnonzero(wrong), np.flatnonzero(~wrong)
    order = order[np.argsort(times.time[cells.row[order]], kind="stable")]
    way = hashlib.blake2b(repr((columns, ROWS)).encode(), digest_size=8).hexdigest()
    count = max(-(-len(order) // ROWS), -(-len(bad) // ROWS), 1)
    for number in range(count):
        part = slice(number * ROWS, (number + 1) * ROWS)
        chosen = order[part]
        rows = cells.row[chosen]
        yield Piece(
            key=f"import:{table.key}:{way}:{number}",
            batch=Batch(
                source=IMPORT,
                received=received,
                tags=tuple(cells.names),
                tag=cells.code[chosen],
                time=times.time[rows],
                value=cells.number[chosen],
                quality=np.full(len(chosen), int(Quality.GOOD), dtype=np.uint32),
                origin=Origin.IMPORT,
            ),
            positions=tuple(rows.tolist()),
            malformed=tuple(_rejections(frame, columns, times, cells, bad[part], received)),
            unsure=int(times.unsure[rows].sum()),
        )


@dataclass(frozen=True, eq=False)
class _Cells:
    """Of each cell with a value: the code of its tag (below 0 for none), its column, row and number."""

    names: list[str]
    columns: list[str]
    code: np.ndarray[tuple[int], np.dtype[np.int32]]
    column: np.ndarray[tuple[int], np.dtype[np.int32]]
    row: Ints
    number: Floats


def _cells(frame: pd.DataFrame, columns: Columns) -> _Cells:
    if columns.tag:
        codes, tags = pd.factorize(frame[columns.tag].map(_text, na_action="ignore"))
        return _Cells(
            [str(name) for name in tags],
            [columns.value],
            codes.astype(np.int32),
            np.zeros(len(frame), dtype=np.int32),
            np.arange(len(frame), dtype=np.int64),
            to_numbers(frame[columns.value]),
        )
    names = list(dict.fromkeys(columns.values.values()))
    numbers = numbers_of(frame, [name for name in frame.columns if name != columns.time])
    filled = [np.flatnonzero(frame[name].notna().to_numpy()) for name in columns.values]
    many = [len(rows) for rows in filled]
    places = [names.index(tag) for tag in columns.values.values()]
    return _Cells(
        names,
        list(columns.values),
        np.repeat(np.array(places, dtype=np.int32), many),
        np.repeat(np.arange(len(many), dtype=np.int32), many),
        np.concatenate(filled),
        np.concatenate([numbers[name][rows] for name, rows in zip(columns.values, filled, strict=True)]),
    )


def _rejections(
    frame: pd.DataFrame, columns: Columns, times: Times, cells: _Cells, bad: Ints, received: int
) -> Iterator[Rejection]:
    """Why the cells in these places are not readings."""
    values = np.empty(len(bad), dtype=object)
    for number in np.unique(cells.column[bad]).tolist():
        here = np.flatnonzero(cells.column[bad] == number)
        column = frame[cells.columns[number]]
        values[here] = column.iloc[cells.row[bad[here]]].astype(object).to_numpy()
    stamps = frame[columns.time].iloc[cells.row[bad]].tolist()
    for i, value, stamp in zip(bad.tolist(), values.tolist(), stamps, strict=True):
        row, code, empty = int(cells.row[i]), int(cells.code[i]), bool(pd.isna(value))
        if times.skipped[row]:
            reason, detail = Reason.BAD_TIMESTAMP, f"no clock in {columns.zone} showed this"
        elif times.wrong[row]:
            reason, detail = Reason.BAD_TIMESTAMP, "this is not a time"
        elif code < 0:
            reason, detail = Reason.UNKNOWN_TAG, "there is no tag in this row"
        elif empty:
            reason, detail = Reason.NOT_A_NUMBER, "there is no value"
        else:
            reason, detail = Reason.NOT_A_NUMBER, "the value must be a number"
        yield Rejection(
            source=IMPORT,
            received=received,
            index=row,
            tag=cells.names[code][:_SHOWN] if code >= 0 else "",
            time=str(stamp)[:_SHOWN],
            value="" if empty else str(value)[:_SHOWN],
            reason=reason,
            detail=detail,
        )


def _text(value: object) -> str:
    return str(value).strip()
