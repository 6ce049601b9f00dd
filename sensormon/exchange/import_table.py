"""History from files: tables, what their columns are, and the readings in pieces for the journal.

`propose` says what the columns seem to be, for a person to correct; `pieces` makes batches of the
readings in order of time and says why a cell is none. Pure, except that it reads the file.
What it is not: a source; the readings keep their own times and are marked as imported.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pandas as pd

from sensormon.model import timestamps
from sensormon.model.entries import IMPORT
from sensormon.model.errors import UsageError
from sensormon.model.format import listed
from sensormon.model.readings import Batch, Origin, Rejection
from sensormon.model.tags import TagTable
from sensormon.tables.column_names import VALUES, folded, known_names, tag_name, with_unit
from sensormon.tables.columns import Columns, guess, guess_wide, with_qualities
from sensormon.tables.parquet_reader import OWN, Budget
from sensormon.tables.questions import undecided
from sensormon.tables.readings import Readings, read
from sensormon.tables.sheet import Sheet
from sensormon.tables.table_reader import read_sheets

ROWS = 5_000
"""The most readings in one batch."""

_HINT = "Give a table with a column of times and one column per tag, or the columns tag and value"
_EARLIEST_BY_HAND = timestamps.parse("1900-01-01")
_SHOWN = 100
_NAMED = 12


@dataclass(frozen=True, eq=False)
class Table:
    """A table of a file as read; `key` identifies its content."""

    sheet: Sheet
    key: str

    @property
    def frame(self) -> pd.DataFrame:
        """The cells."""
        return self.sheet.frame


def read_tables(
    path: Path, budget: Budget = OWN, *, sheet: str = "", names: Sequence[str] = ()
) -> list[Table]:
    """The file's tables that have rows; see `read_sheets`.

    Raises UsageError if the file cannot be read or none of its tables has rows.
    """
    sheets = read_sheets(path, _HINT, budget, sheet=sheet, names=names)
    filled = [each for each in sheets if not each.frame.empty]
    if not filled:
        raise UsageError(
            "it has no rows, so there is nothing to import",
            where=str(path),
            hint=f"Its columns are {_columns_of(sheets[0].frame)}; give a file with readings below them"
            if sheets
            else _HINT,
        )
    digest = hashlib.blake2b(digest_size=16)
    with path.open("rb") as file:
        while part := file.read(1 << 20):
            digest.update(part)
    return [Table(each, _key(digest.hexdigest(), each, path)) for each in filled]


def read_file(path: Path, budget: Budget = OWN) -> Table:
    """The first table of this file with rows. Raises UsageError as `read_tables`."""
    return read_tables(path, budget)[0]


def _key(digest: str, sheet: Sheet, path: Path) -> str:
    if sheet.name in ("", path.name):
        return digest
    return f"{digest}-{hashlib.blake2b(sheet.name.encode(), digest_size=4).hexdigest()}"


def _columns_of(frame: pd.DataFrame) -> str:
    return listed([str(name)[:_SHOWN] for name in frame.columns], _NAMED)


def propose(
    table: Table,
    tags: TagTable,
    stem: str = "",
    *,
    given: Columns | None = None,
    values: Mapping[str, str] | None = None,
) -> Columns:
    """What the columns seem to be; `stem` is the file's name, for a file with one series.

    `given` says what is known, in any spelling of the names; `values` which columns are which tags, and
    then no others are. A column is a known tag by the tag's name or label. One that is none has
    the name that it would have as a new tag. Raises UsageError if the table lacks a column of `given`,
    no column has times, or none has values.
    """
    sheet = table.sheet
    given = replace(
        spelled(given or Columns(), sheet.frame), values=_keys_as_spelled(values or {}, sheet.frame)
    )
    columns = guess(sheet, given)
    if not columns.time and not columns.times_of:
        raise UsageError(
            f"there is no column of times; found: {_columns_of(sheet.frame)}",
            where=sheet.name or "import",
            hint="Name one of them timestamp or time, or say which it is with --time",
        )
    if not columns.tag and not values:
        columns = _as_tags(sheet, columns, tags, stem, given)
    if not columns.numbers:
        raise UsageError(
            f"no column has numbers; found: {_columns_of(sheet.frame)}",
            where=sheet.name or "import",
            hint="Say which column is which tag with --column COLUMN=TAG",
        )
    return columns


def propose_wide(table: Table, tags: TagTable, stem: str, *, given: Columns) -> Columns:
    """The same of a table with one column per tag, whatever its columns are called."""
    given = spelled(given, table.frame)
    return _as_tags(table.sheet, guess_wide(table.sheet, given), tags, stem, given)


def _as_tags(sheet: Sheet, columns: Columns, tags: TagTable, stem: str, given: Columns) -> Columns:
    """A wide table's columns with the names of the tags that they are."""
    known = known_names(tags)
    values = dict(columns.values)
    others = [str(name) for name in sheet.frame.columns if name not in columns.used]
    if states := {name: known[name.casefold()] for name in others if name.casefold() in known}:
        columns = _with_qualities_of(sheet, replace(columns, values=values | states), given)
        values = dict(columns.values)
    if (
        stem
        and len(values) == 1
        and folded(name := next(iter(values))) in VALUES
        and values[name] not in tags
    ):
        values = {name: known.get(stem.casefold()) or tag_name(stem)}
    named: dict[str, str] = {}
    for name, tag in values.items():
        titles = (name, with_unit(name)[0], tag)
        match = next((known[title.casefold()] for title in titles if title.casefold() in known), tag)
        named[name] = match if match not in named.values() else tag_name(tag, named.values())
    order = {str(name): place for place, name in enumerate(sheet.frame.columns)}
    return replace(columns, values=dict(sorted(named.items(), key=lambda pair: order[pair[0]])))


def _with_qualities_of(sheet: Sheet, columns: Columns, given: Columns) -> Columns:
    """With the qualities of columns of states too, which count as values once they are known tags."""
    if given.qualities:
        quality = given.qualities.get("")
        return replace(columns, qualities=dict.fromkeys(columns.numbers, quality)) if quality else columns
    columns = replace(columns, qualities={})
    times = {columns.time, columns.clock, *columns.times_of.values()}
    left = [str(name) for name in sheet.frame.columns if name not in times]
    return with_qualities(sheet, left, columns)


def spelled(columns: Columns, frame: pd.DataFrame) -> Columns:
    """With the names of columns as the table spells them. Raises UsageError for one that it lacks."""
    return replace(
        columns,
        time=_spelling(columns.time, frame),
        clock=_spelling(columns.clock, frame),
        tag=_spelling(columns.tag, frame),
        value=_spelling(columns.value, frame),
        qualities={
            _spelling(name, frame): _spelling(quality, frame) for name, quality in columns.qualities.items()
        },
        times_of={_spelling(name, frame): _spelling(time, frame) for name, time in columns.times_of.items()},
    )


def _keys_as_spelled(values: Mapping[str, str], frame: pd.DataFrame) -> dict[str, str]:
    return {_spelling(name, frame): tag for name, tag in values.items()}


def _spelling(name: str, frame: pd.DataFrame) -> str:
    """The column of this name; if there is none, the one that differs in case, spaces and punctuation."""
    if name in frame or not name:
        return name
    alike = [str(column) for column in frame.columns if folded(str(column)) == folded(name)]
    if len(alike) != 1:
        raise UsageError(
            f"there is no column {name[:_SHOWN]!r}", where="import", hint=f"The columns: {_columns_of(frame)}"
        )
    return alike[0]


def check(columns: Columns, table: Table, tags: TagTable) -> None:
    """Raise UsageError unless the file has these columns, the tags are known and the zone exists."""
    for name in columns.used:
        if name not in table.frame:
            raise UsageError(
                f"there is no column {name[:_SHOWN]!r}",
                where="import",
                hint=f"The columns: {_columns_of(table.frame)}",
            )
    times = {columns.time, columns.clock, *columns.times_of.values()} - {""}
    if twice := sorted(times & {columns.tag, *columns.numbers, *columns.qualities.values()}):
        raise UsageError(
            f"the column {twice[0][:_SHOWN]!r} is the times and cannot be values too",
            where="import",
            hint="Say which column has the times",
        )
    for name in () if columns.tag else columns.values.values():
        if name not in tags:
            raise UsageError(
                f"there is no tag {name!r}", where="import", hint=f"The tags: {', '.join(tags.names[:12])}"
            )
    check_zone(columns.zone)


def check_zone(zone: str) -> None:
    """Raise UsageError unless there is this time zone."""
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise UsageError(
            f"there is no time zone {zone!r}", where="import", hint="Try Europe/Berlin or UTC"
        ) from error


@dataclass(frozen=True, eq=False)
class Piece:
    """A part of the file for one journal record: the batch, its rows' lines, the rejected cells.

    `key` is the same for the same part of the same file read in the same way.
    """

    key: str
    batch: Batch
    positions: tuple[int, ...]
    malformed: tuple[Rejection, ...]
    unsure: int = 0  # readings of an hour that the clock showed twice, read as the later


def pieces(table: Table, columns: Columns, received: int, tags: TagTable | None = None) -> Iterator[Piece]:
    """The readings in order of time, in batches of `ROWS`; empty cells of a wide file are skipped.

    `tags` says which tags have states. Raises UsageError, before the first, for a file that can be read in
    two ways.
    """
    return pieces_of(table, columns, read(table.sheet, columns, tags), received)


def earliest_of(columns: Columns, usual: int) -> int:
    """The earliest time to take (µs UTC): the `usual` one, or 1900 where a person gave the times' form."""
    return min(usual, _EARLIEST_BY_HAND) if columns.form else usual


def pieces_of(table: Table, columns: Columns, readings: Readings, received: int) -> Iterator[Piece]:
    """The same, of readings that were read already."""
    if readings.questions:
        raise undecided(readings.questions[0], table.sheet.name or "import")
    way = hashlib.blake2b(repr((columns, ROWS)).encode(), digest_size=8).hexdigest()
    wrong = readings.wrong
    count = max(-(-len(readings) // ROWS), -(-len(wrong) // ROWS), 1)
    for number in range(count):
        part = slice(number * ROWS, (number + 1) * ROWS)
        yield Piece(
            key=f"import:{table.key}:{way}:{number}",
            batch=Batch(
                source=IMPORT,
                received=received,
                tags=readings.names,
                tag=readings.code[part],
                time=readings.time[part],
                value=readings.value[part],
                quality=readings.quality[part],
                origin=Origin.IMPORT,
                words=readings.words,
                word=None if readings.word is None else readings.word[part],
            ),
            positions=tuple(readings.place[part].tolist()),
            malformed=tuple(wrong.rejections(received, part)),
            unsure=int(readings.unsure[part].sum()),
        )
