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
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import pandas as pd

from sensormon.exchange.import_numbers import numbers_of, to_numbers
from sensormon.exchange.import_times import read_times
from sensormon.exchange.parquet_reader import OWN, Budget
from sensormon.exchange.table_reader import TIMES, read_table, time_column
from sensormon.model.entries import IMPORT
from sensormon.model.errors import UsageError
from sensormon.model.readings import Batch, Ints, Origin, Quality, Reason, Rejection
from sensormon.model.tags import TagTable

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
    """The readings in order of time, in batches of `ROWS`; empty cells of a wide file are skipped."""
    frame, malformed = table.frame, []
    times = read_times(frame[columns.time], columns.zone, frame[columns.tag] if columns.tag else None)
    time = times.time
    names, codes, values, rows = _cells(frame, columns)
    texts = values.astype(object)
    empty = values.isna().to_numpy()
    if columns.tag:
        numbers = to_numbers(values)
    else:
        by_column = numbers_of(frame, [name for name in frame.columns if name != columns.time])
        numbers = np.concatenate([by_column[name] for name in columns.values])
        codes, numbers, rows, texts = codes[~empty], numbers[~empty], rows[~empty], texts[~empty]
        empty = np.zeros(len(rows), dtype=np.bool_)
    wrong_time, wrong_number = times.wrong[rows], np.isnan(numbers)
    tagless = codes < 0
    for i in np.flatnonzero(wrong_time | wrong_number | tagless).tolist():
        reason, detail = (
            (Reason.BAD_TIMESTAMP, f"no clock in {columns.zone} showed this")
            if times.skipped[rows[i]]
            else (Reason.BAD_TIMESTAMP, "this is not a time")
            if wrong_time[i]
            else (Reason.UNKNOWN_TAG, "there is no tag in this row")
            if tagless[i]
            else (Reason.NOT_A_NUMBER, "the value must be a number" if not empty[i] else "there is no value")
        )
        row = int(rows[i])
        malformed.append(
            Rejection(
                source=IMPORT,
                received=received,
                index=row,
                tag=names[codes[i]][:_SHOWN] if codes[i] >= 0 else "",
                time=str(frame[columns.time].iloc[row])[:_SHOWN],
                value="" if empty[i] else str(texts.iloc[i])[:_SHOWN],
                reason=reason,
                detail=detail,
            )
        )
    good = np.flatnonzero(~(wrong_time | wrong_number | tagless))
    order = good[np.argsort(time[rows[good]], kind="stable")]
    way = hashlib.blake2b(repr((columns, ROWS)).encode(), digest_size=8).hexdigest()
    batch = Batch(
        source=IMPORT,
        received=received,
        tags=tuple(names),
        tag=codes[order].astype(np.int32),
        time=time[rows[order]],
        value=numbers[order],
        quality=np.full(len(order), int(Quality.GOOD), dtype=np.uint32),
        origin=Origin.IMPORT,
    )
    count = max(-(-len(order) // ROWS), -(-len(malformed) // ROWS), 1)
    for number in range(count):
        part = slice(number * ROWS, (number + 1) * ROWS)
        positions = tuple(rows[order[part]].tolist())
        yield Piece(
            key=f"import:{table.key}:{way}:{number}",
            batch=batch.take(np.arange(len(order))[part]),
            positions=positions,
            malformed=tuple(malformed[part]),
            unsure=int(times.unsure[list(positions)].sum()),
        )


def _cells(
    frame: pd.DataFrame, columns: Columns
) -> tuple[list[str], np.ndarray[tuple[int], np.dtype[np.int64]], pd.Series[Any], Ints]:
    """The names of the tags, and for each cell its tag's code, its value and its row."""
    if columns.tag:
        codes, tags = pd.factorize(frame[columns.tag].map(_text, na_action="ignore"))
        return [str(name) for name in tags], codes.astype(np.int64), frame[columns.value], _numbers(frame)
    names = list(dict.fromkeys(columns.values.values()))
    parts = [frame[column].reset_index(drop=True) for column in columns.values]
    codes = np.repeat([names.index(tag) for tag in columns.values.values()], len(frame))
    together = pd.concat([part.astype(object) for part in parts], ignore_index=True)
    return names, codes.astype(np.int64), together, np.tile(_numbers(frame), len(parts))


def _text(value: object) -> str:
    return str(value).strip()


def _numbers(frame: pd.DataFrame) -> Ints:
    return np.arange(len(frame), dtype=np.int64)
