"""A table and what its columns are, to readings in order of time, and what is none, by line.

Every door reads files through here. Pure. What it is not: a check against ranges or the clock, nor
a search for duplicates; see `validation`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sensormon.model.entries import IMPORT
from sensormon.model.qualities import quality_name
from sensormon.model.readings import Bools, Floats, Ints, Reason, Rejection
from sensormon.model.tags import Tag, TagTable
from sensormon.tables.column_names import known_names, offset_in
from sensormon.tables.columns import UNAVAILABLE, Columns, number_columns, plain, says_nothing
from sensormon.tables.missing import is_missing
from sensormon.tables.numbers import Numbers, read_numbers
from sensormon.tables.quality_cells import qualities_of
from sensormon.tables.questions import Question
from sensormon.tables.sheet import Sheet, WrongLine
from sensormon.tables.times import Times, joined, read_times

Codes = NDArray[np.int32]

_FINE, _NO_TIME, _NOT_A_TIME, _SKIPPED, _NEAR_1970 = range(5)
_NO_TAG, _NO_VALUE, _NOT_A_NUMBER, _NO_STATE, _NO_QUALITY = range(5, 10)
_REASONS = {
    _NO_TIME: (Reason.BAD_TIMESTAMP, "there is no time"),
    _NOT_A_TIME: (Reason.BAD_TIMESTAMP, "{time!r} is not a time"),
    _SKIPPED: (Reason.BAD_TIMESTAMP, "no clock in {zone} showed this"),
    _NEAR_1970: (Reason.BAD_TIMESTAMP, "this would be before 1990; say what it counts with --time-format"),
    _NO_TAG: (Reason.UNKNOWN_TAG, "there is no tag in this row"),
    _NO_VALUE: (Reason.NOT_A_NUMBER, "there is no value"),
    _NOT_A_NUMBER: (Reason.NOT_A_NUMBER, "the value must be a number"),
    _NO_STATE: (Reason.UNKNOWN_STATE, "it says that the state is not known"),
    _NO_QUALITY: (Reason.MALFORMED, "the quality {quality!r} is not known"),
}
_SHOWN = 100


@dataclass(frozen=True, eq=False)
class Wrong:
    """The cells that are no readings, by line, and the lines that are no rows.

    Of each cell: its row, the column of values, the code of its tag (below 0 for none), and why.
    """

    sheet: Sheet
    columns: Columns
    names: tuple[str, ...]
    row: Ints
    column: Codes
    code: Codes
    why: NDArray[np.uint8]
    lines: tuple[WrongLine, ...]

    def __len__(self) -> int:
        return len(self.row) + len(self.lines)

    def rejections(self, received: int, part: slice = slice(None), source: str = IMPORT) -> list[Rejection]:
        """Those of this part as rejections whose `index` is the line."""
        start, stop, _ = part.indices(len(self))
        cells = slice(start, min(stop, len(self.row)))
        lines = self.lines[max(0, start - len(self.row)) : max(0, stop - len(self.row))]
        of_cells = [self._rejection(i, received, source) for i in range(cells.start, cells.stop)]
        return of_cells + [
            Rejection(source, received, line.place, "", "", line.text[:_SHOWN], Reason.MALFORMED, line.detail)
            for line in lines
        ]

    def _rejection(self, i: int, received: int, source: str) -> Rejection:
        row, code = int(self.row[i]), int(self.code[i])
        name = self.columns.numbers[int(self.column[i])]
        value, quality = self._cell(name, row), self._cell(self.columns.qualities.get(name, ""), row)
        reason, form = _REASONS[int(self.why[i])]
        time = " ".join(filter(None, (self._cell(each, row) for each in _times_of(name, self.columns))))
        return Rejection(
            source=source,
            received=received,
            index=int(self.sheet.place[row]),
            tag=self.names[code][:_SHOWN] if code >= 0 else "",
            time=time,
            value=value,
            reason=reason,
            detail=form.format(zone=self.columns.zone, value=value, quality=quality, time=time),
        )

    def _cell(self, name: str, row: int) -> str:
        if not name:
            return ""
        cell = self._cells[name].iloc[row]
        return "" if pd.isna(cell) else str(cell)[:_SHOWN]

    @property
    def lack_values(self) -> Bools:
        """Which of them only lack a value: an empty cell, or a word like `Bad` in its place."""
        lack = np.zeros(len(self), dtype=np.bool_)
        lack[: len(self.row)] = (self.why == _NO_VALUE) | (self.why == _NO_STATE)
        for i in np.flatnonzero(self.why == _NOT_A_NUMBER).tolist():
            lack[i] = says_nothing(self._cell(self.columns.numbers[int(self.column[i])], int(self.row[i])))
        return lack

    @cached_property
    def _cells(self) -> Mapping[str, pd.Series[Any]]:
        return {str(name): self.sheet.frame[name] for name in self.sheet.frame.columns}


@dataclass(frozen=True, eq=False)
class Readings:
    """Readings in order of time: parallel columns, as in `Batch`.

    `place` is the line of each, `unsure` says which are of an hour that the clock showed twice and are
    read as the later. `said` are sentences on how times, numbers and qualities were read, `questions`
    what the file does not decide; until they are answered nothing may be stored. `decimal_comma`: numbers
    of the file have one, so that its dates begin with the day.
    """

    names: tuple[str, ...]
    code: Codes
    time: Ints
    value: Floats
    quality: NDArray[np.uint32]
    place: Ints
    unsure: Bools
    words: tuple[str, ...]
    word: Codes | None
    wrong: Wrong
    said: tuple[str, ...]
    questions: tuple[Question, ...]
    decimal_comma: bool

    def __len__(self) -> int:
        return len(self.value)


@dataclass(frozen=True, eq=False)
class _Cells:
    """Of each cell that is not empty: the code of its tag, column, row, number, word, and why it is wrong."""

    code: Codes
    column: Codes
    row: Ints
    number: Floats
    word: Codes
    why: NDArray[np.uint8]


_CODES, _ROWS = np.empty(0, dtype=np.int32), np.empty(0, dtype=np.int64)
_NONE = _Cells(_CODES, _CODES, _ROWS, np.empty(0), _CODES, np.empty(0, dtype=np.uint8))


def read(sheet: Sheet, columns: Columns, tags: TagTable | None = None) -> Readings:
    """The readings of this table; empty cells of a wide one are skipped.

    `tags` says which names in a column of tags are known under another spelling, and which tags have
    states: their cells are words. The names of others stay as they are.
    """
    tags = tags or TagTable(())
    frame, names = sheet.frame, columns.numbers
    of_row, base = _tags_of_rows(sheet, columns)
    of_numbers = [name for name in names if not _only_states(name, columns, tags)]
    numbers = read_numbers(
        {name: frame[name] for name in (*of_numbers, *number_columns(sheet, columns))},
        decimal=columns.decimal,
        separator=sheet.separator,
        missing=columns.missing,
    )
    times = _all_times(sheet, columns, numbers.decimal_comma)
    titles = known_names(tags)
    words: dict[str, int] = {}
    known: dict[str, int] = {}
    parts = []
    for number, name in enumerate(names):
        codes, own = of_row, base
        if not columns.tag:
            codes, own = np.zeros(len(frame), dtype=np.int32), [columns.values[name]]
        elif not columns.value:
            own = [f"{tag}.{columns.values[name]}" for tag in base]
        called = [name if name in tags else titles.get(name.casefold(), name) for name in own]
        codes = _as_known(codes, called, known)
        nothing = np.full(len(frame), np.nan), is_missing(frame[name], columns.missing)
        value, empty = (numbers.values[name], numbers.empty[name]) if name in numbers.values else nothing
        of_states = {known[tag]: tags[tag] for tag in called if tags[tag].has_states}
        states = _states(frame[name], codes, of_states, words, empty, columns.missing)
        parts.append(_cells(sheet, columns, number, codes, value, empty, states, times))
    return _sorted(sheet, columns, list(known), parts, times, words, numbers)


def _tags_of_rows(sheet: Sheet, columns: Columns) -> tuple[Codes, list[str]]:
    """The code of each row's tag in a long table, -1 for none, and the tags' names."""
    if not columns.tag:
        return np.zeros(len(sheet.frame), dtype=np.int32), []
    codes, cells = pd.factorize(sheet.frame[columns.tag])
    names = [name_in(cell) for cell in cells]
    distinct = list(dict.fromkeys(name for name in names if name))
    place = {name: i for i, name in enumerate(distinct)} | {"": -1}
    mapped = np.array([*(place[name] for name in names), -1], dtype=np.int32)
    return mapped[codes], distinct


def name_in(cell: object) -> str:
    """The name of a tag that this cell of a column of tags says."""
    value = cell.item() if isinstance(cell, np.generic) else cell
    return (
        str(int(value)) if isinstance(value, float) and value.is_integer() else " ".join(str(value).split())
    )


def _as_known(codes: Codes, names: Sequence[str], known: dict[str, int]) -> Codes:
    """The codes that these names have in `known`; a new name is added to it."""
    places = np.array([*(known.setdefault(name, len(known)) for name in names), -1], dtype=np.int32)
    return places[codes]


def _only_states(name: str, columns: Columns, tags: TagTable) -> bool:
    return not columns.tag and tags[columns.values[name]].has_states


def _times_of(name: str, columns: Columns) -> tuple[str, ...]:
    """The columns with the times of a column of values: none, one, or two."""
    own = columns.times_of.get(name, "")
    return (own,) if own else tuple(filter(None, (columns.time, columns.clock)))


def zone_of(columns: Columns) -> str:
    """The zone of times that name none: the one that was asked for, or an offset in the column's name."""
    named = offset_in(columns.time) or offset_in(columns.clock)
    return named if named and columns.zone == "UTC" else columns.zone


def times_of_rows(sheet: Sheet, columns: Columns, decimal_comma: bool = False) -> Times:
    """The times of a table's rows, by its one column of times or two."""
    frame, zone = sheet.frame, zone_of(columns)
    times = read_times(
        joined(frame[columns.time], frame[columns.clock]) if columns.clock else frame[columns.time],
        zone,
        frame[columns.tag] if columns.tag else None,
        form=columns.form,
        day_first=columns.day_first,
        decimal_comma=decimal_comma,
    )
    if zone == columns.zone:
        return times
    return replace(times, said=", ".join(filter(None, [times.said, f"{zone} by the name of their column"])))


def _all_times(sheet: Sheet, columns: Columns, decimal_comma: bool) -> dict[tuple[str, ...], Times]:
    frame = sheet.frame
    times = {}
    for names in dict.fromkeys(_times_of(name, columns) for name in columns.numbers):
        if not names:
            none = np.zeros(len(frame), dtype=np.bool_)
            times[names] = Times(np.arange(len(frame), dtype=np.int64), none, none, none, none)
            continue
        own = replace(columns, time=names[0], clock=names[1] if len(names) > 1 else "")
        times[names] = times_of_rows(sheet, own, decimal_comma)
    return times


def _states(
    column: pd.Series[Any],
    codes: Codes,
    tags: Mapping[int, Tag],
    words: dict[str, int],
    empty: Bools,
    missing: Sequence[str],
) -> tuple[Bools, Codes]:
    """Which cells are of these tags of states, by their codes, and the words they hold: a place in
    `words`, -1 for a number, -2 for what stands in place of a state."""
    of_states, word = np.zeros(len(column), dtype=np.bool_), np.full(len(column), -1, dtype=np.int32)
    for code, tag in tags.items():
        rows = np.flatnonzero(codes == code)
        of_states[rows] = True
        cells, distinct = pd.factorize(column.iloc[rows])
        places = np.array(
            [*(_state(plain(cell), tag, words, missing) for cell in distinct), -1], dtype=np.int32
        )
        word[rows] = places[cells]
        empty[rows] &= word[rows] < 0
    return of_states, word


def _state(cell: object, tag: Tag, words: dict[str, int], missing: Sequence[str]) -> int:
    """The place of a cell's word; a number is left to the tag's list of states."""
    text = str(cell).lower() if isinstance(cell, bool) else cell
    if not isinstance(text, str):
        return -1
    text = text.strip()
    if text.casefold() not in {state.casefold() for state in tag.states}:
        if text.casefold() in UNAVAILABLE:
            return -2
        if is_missing(pd.Series([text], dtype=object), missing)[0]:
            return -1
    return words.setdefault(text, len(words))


def _cells(
    sheet: Sheet,
    columns: Columns,
    number: int,
    codes: Codes,
    value: Floats,
    empty: Bools,
    states: tuple[Bools, Codes],
    times: Mapping[tuple[str, ...], Times],
) -> _Cells:
    """The cells of one column of values, with the first thing that is wrong with each."""
    name = columns.numbers[number]
    frame, (of_states, word) = sheet.frame, states
    own = _times_of(name, columns)
    if columns.tag:
        without = [frame[column].isna().to_numpy() for column in (*own, columns.tag)]
        rows = np.flatnonzero(~(empty & np.logical_and.reduce(without)))
    else:
        rows = np.flatnonzero(~empty)
    if of_states.any():
        value = value.copy()
        texts = frame[name][of_states & (word == -1)]
        value[of_states] = np.nan
        value[texts.index.to_numpy()] = pd.to_numeric(texts, errors="coerce").to_numpy(dtype=np.float64)
    when = times[own]
    why = np.full(len(frame), _FINE, dtype=np.uint8)
    why[~np.isfinite(value) & (word < 0)] = _NOT_A_NUMBER
    why[word == -2] = _NO_STATE
    why[empty] = _NO_VALUE
    why[codes < 0] = _NO_TAG
    if own:
        why[when.wrong] = _NOT_A_TIME
        why[when.near_1970 & when.wrong] = _NEAR_1970
        why[when.skipped] = _SKIPPED
        why[when.wrong & is_missing(frame[own[0]])] = _NO_TIME
    return _Cells(
        codes[rows],
        np.full(len(rows), number, dtype=np.int32),
        rows.astype(np.int64),
        value[rows],
        word[rows],
        why[rows],
    )


def _sorted(
    sheet: Sheet,
    columns: Columns,
    names: Sequence[str],
    parts: Sequence[_Cells],
    times: Mapping[tuple[str, ...], Times],
    words: Mapping[str, int],
    numbers: Numbers,
) -> Readings:
    """The cells of all columns together, the good ones in order of time, the others by line."""
    cells = parts[0] if len(parts) == 1 else _joined(parts)
    code, column, row, value, word, why = (
        cells.code,
        cells.column,
        cells.row,
        cells.number,
        cells.word,
        cells.why,
    )
    time, unsure = np.zeros(len(row), dtype=np.int64), np.zeros(len(row), dtype=np.bool_)
    quality = np.zeros(len(row), dtype=np.uint32)
    for number, name in enumerate(columns.numbers):
        own = column == number
        of_column = times[_times_of(name, columns)]
        time[own], unsure[own] = of_column.time[row[own]], of_column.unsure[row[own]]
        if name in columns.qualities:
            codes, known = qualities_of(sheet.frame[columns.qualities[name]], columns.qualities[name])
            quality[own] = codes[row[own]]
            why[own & (why == _FINE) & ~known[row]] = _NO_QUALITY
    bad = np.flatnonzero(why != _FINE)
    good = _in_order(time, why)
    bad = bad[np.argsort(sheet.place[row[bad]], kind="stable")]
    said = [f"Times: {of.said}" for of in times.values() if of.said]
    said += [f"Numbers: {numbers.said}"] if numbers.said else []
    said += _qualities_said(quality[good]) if columns.qualities else []
    questions = [numbers.question, *(of.question for of in times.values())]
    return Readings(
        names=tuple(names),
        code=code[good],
        time=time[good],
        value=value[good],
        quality=quality[good],
        place=sheet.place[row[good]],
        unsure=unsure[good],
        words=tuple(words),
        word=word[good] if words else None,
        wrong=Wrong(
            sheet, columns, tuple(names), row[bad], column[bad], code[bad], why[bad], tuple(sheet.wrong)
        ),
        said=tuple(dict.fromkeys(said)),
        questions=tuple(dict.fromkeys(question for question in questions if question is not None)),
        decimal_comma=numbers.decimal_comma,
    )


def _joined(parts: Sequence[_Cells]) -> _Cells:
    """The cells of all columns, one column after the other."""
    return _Cells(
        *(np.concatenate([getattr(part, each.name) for part in (_NONE, *parts)]) for each in fields(_Cells))
    )


def _in_order(time: Ints, why: NDArray[np.uint8]) -> Ints | slice:
    """The good cells in order of time; all of them at no cost where they are good and in order."""
    if (why == _FINE).all() and (time[1:] >= time[:-1]).all():
        return slice(None)
    good = np.flatnonzero(why == _FINE)
    return good[np.argsort(time[good], kind="stable")]


def _qualities_said(quality: NDArray[np.uint32]) -> Iterator[str]:
    codes, counts = np.unique(quality, return_counts=True)
    parts = [f"{quality_name(int(code))} {count:,}" for code, count in zip(codes, counts, strict=True)]
    if parts:
        yield f"Qualities: {', '.join(parts)}"
