"""A recorded file played back as if it were live, in real time or faster.

The file may have any form that an import reads, in any order of its rows: a column of times beside
one of values (one tag, named after the file), a column of tags, or one column per tag. There is nobody
to ask and there are no options: a file that can be read in two ways is refused. A value that is empty, NaN
or a word such as `Bad` stays a reading, for validation to count; other text in its place is refused.

The first reading comes when the replay begins, each other one as much later as it was
recorded later, divided by the speed. Rows that are not in order of time are sorted.

What it is not: an import. Readings get new times, and each start plays the file again.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sensormon.model import timestamps
from sensormon.model.clock import SECOND
from sensormon.model.errors import UsageError
from sensormon.model.readings import Batch, Floats, Ints, Reason
from sensormon.model.tags import NAME, Tag, TagTable
from sensormon.tables.column_names import VALUES, folded
from sensormon.tables.columns import TEXT, WORDS, Columns, content, guess
from sensormon.tables.questions import in_ways, ways
from sensormon.tables.readings import Readings, Wrong, read, times_of_rows
from sensormon.tables.sheet import Sheet
from sensormon.tables.table_reader import read_sheets

MOST = 1_000
"""Readings in one batch at most."""

MOST_DECIMALS = 6
"""Values with more decimals have no resolution: they come from arithmetic, not a sensor."""

_FIXED = 0.9
"""The share of equal time steps from which a file has a fixed interval."""

_EXPECTED = "Give a table with a column of times, such as timestamp,value or timestamp,tag,value"
_NEVER = 1 << 62
_LAST = timestamps.parse("9999-12-31T00:00:00Z")


class Replay:
    """The readings of one file; `speed` 60 plays an hour in a minute. `tags` says which have states.

    Reads the whole file at once. Raises UsageError if the file cannot be read or is wrong
    (with the line), or the speed is not above 0.
    """

    def __init__(self, path: Path, speed: float = 1.0, tags: TagTable | None = None) -> None:
        if not 0 < speed < math.inf:
            raise UsageError(
                f"the speed {speed:g} cannot be used",
                where=str(path),
                hint="Give a number above 0, as in @60",
            )
        # A file name may hold bytes that are not text; the ledger and the store take only text.
        self.name = "replay:" + path.name.encode("utf-8", "replace").decode("utf-8")
        rows = _read(path, tags or TagTable(()))
        with np.errstate(over="ignore"):
            self._after = np.rint((rows.time - rows.time[0]) / speed)  # µs since the start
        self._tag = rows.tag
        self._value = rows.value
        self._quality = rows.quality
        self._words, self._word = rows.words, rows.word
        self._names = rows.names
        self.tags = tuple(
            Tag(
                name=name,
                label=name.replace("_", " ").capitalize(),
                resolution=resolution(self._value[self._tag == code]),
            )
            for code, name in enumerate(self._names)
        )
        self.interval = _interval(rows.time) / speed
        self._path = path
        self._start: int | None = None
        self._time: Ints = np.empty(0, dtype=np.int64)
        self._next = 0

    def __len__(self) -> int:
        """Readings in the file."""
        return len(self._value)

    def check_end(self, now: int) -> None:
        """Raise UsageError if a replay that begins now would run past the year 9999."""
        if now + float(self._after[-1]) > _LAST:
            raise UsageError(
                "at this speed the replay would end after the year 9999",
                where=str(self._path),
                hint="Give a higher speed",
            )

    def due(self, now: int) -> int | None:
        """When the next reading is due, None after the last. The first call begins the replay."""
        if self._start is None:
            self.check_end(now)
            self._start = now
            self._time = now + self._after.astype(np.int64)
        return int(self._time[self._next]) if self._next < len(self) else None

    def read(self, now: int) -> Batch:
        """All readings that have become due, at most `MOST`; an empty batch if none has."""
        self.due(now)
        end = min(int(np.searchsorted(self._time, now, side="right")), self._next + MOST)
        rows = slice(self._next, max(end, self._next))
        self._next = rows.stop
        return Batch(
            source=self.name,
            received=now,
            tags=self._names,
            tag=self._tag[rows],
            time=self._time[rows],
            value=self._value[rows],
            quality=self._quality[rows],
            words=self._words,
            word=None if self._word is None else self._word[rows],
        )


def parse_replay(text: str) -> tuple[Path, float]:
    """File and speed of `FILE`, `FILE@60` or `FILE@60x`; a file with the whole name takes precedence.

    Raises UsageError for a speed that is not a number above 0.
    """
    path = Path(text).expanduser()
    file, at, suffix = text.rpartition("@")
    if path.exists() or not (at and file):
        return path, 1.0
    try:
        speed = float(suffix.removesuffix("x"))
    except ValueError:
        speed = math.nan
        if not Path(file).expanduser().exists():
            return path, 1.0
    if not 0 < speed < math.inf:
        raise UsageError(
            f"the speed {suffix!r} cannot be used",
            where="SENSORMON_SOURCE",
            hint="Give a number above 0, as in replay:FILE@60",
        )
    return Path(file).expanduser(), speed


def resolution(values: Floats) -> float:
    """The smallest decimal step of these values; 0 with more than `MOST_DECIMALS` decimals.

    >>> resolution(np.array([51.846000000000004, 44.5]))
    0.001
    """
    finite = values[np.isfinite(values)]
    if not len(finite):
        return 0.0
    # Twelve digits: 51.846000000000004 was 51.846 before somebody computed with it.
    decimals = max(-int(Decimal(f"{value:.12g}").as_tuple().exponent) for value in finite.tolist())
    return 0.0 if decimals > MOST_DECIMALS else float(f"1e-{max(0, decimals)}")


def _interval(time: Ints) -> float:
    """Seconds between readings if nearly all steps are equal, else 0."""
    steps = np.diff(np.unique(time))
    if not len(steps):
        return 0.0
    length, times = np.unique(steps, return_counts=True)
    commonest = int(times.argmax())
    return float(length[commonest]) / SECOND if times[commonest] >= _FIXED * len(steps) else 0.0


@dataclass(frozen=True, eq=False)
class _Rows:
    """The file's readings in order of time; `tag` indexes `names`, `word` the `words`."""

    names: tuple[str, ...]
    tag: NDArray[np.int32]
    time: Ints
    value: Floats
    quality: NDArray[np.uint32]
    words: tuple[str, ...]
    word: NDArray[np.int32] | None


def _read(path: Path, tags: TagTable) -> _Rows:
    sheets = read_sheets(path, _EXPECTED)
    if len(sheets) != 1:
        raise UsageError(
            f"it has {len(sheets)} tables", where=str(path), hint="Replay one of them, as a file of its own"
        )
    sheet, columns = _table(path, sheets[0], tags)
    readings = read(sheet, columns, tags)
    for question in readings.questions:
        raise UsageError(
            f"{in_ways(question)}: {ways(question)}",
            where=f"{path}, {sheet.word} {int(sheet.place[0])}",
            hint=f"A replay cannot be told which; import the file with {question.option}, or write it anew",
        )
    _refuse_wrong(path, readings.wrong)
    empty = _empty(sheet, columns, readings)
    rows = _with(readings, empty)
    if not len(rows.time):
        raise UsageError("there are no readings in it", where=str(path), hint=_EXPECTED)
    for code, name in enumerate(rows.names):
        if not NAME.fullmatch(name):
            first = int(readings.place[readings.code == code].min(initial=_NEVER))
            raise UsageError(
                f"{name[:200]!r} cannot be a tag's name",
                where=f"{path}, {sheet.word} {first}" if first < _NEVER else str(path),
                hint="Use letters, digits and _ . : / -, at most 128 of them",
            )
    return rows


def _table(path: Path, sheet: Sheet, tags: TagTable) -> tuple[Sheet, Columns]:
    """The table and what its columns are; its only column of values is the tag named after the file."""
    columns = guess(sheet)
    listed = ",".join(map(str, sheet.frame.columns))[:200]
    if not columns.time and not columns.times_of:
        raise UsageError(f"there is no column of times; found {listed!r}", where=str(path), hint=_EXPECTED)
    words = [name for name, what in content(sheet, columns).items() if name in tags and what in (WORDS, TEXT)]
    if not columns.tag:
        values = dict(columns.values) | {name: name for name in words}
        if not values:  # one that is empty, or holds nothing but words
            named = [name for name in sheet.frame.columns if folded(str(name)) in VALUES]
            values = dict.fromkeys(map(str, named[:1]), "")
        if len(values) == 1 and folded(only := next(iter(values))) in VALUES:
            values = {only: _own_name(path)}
        columns = replace(columns, values=values)
    if not columns.numbers:
        raise UsageError(f"there is no column of values; found {listed!r}", where=str(path), hint=_EXPECTED)
    return sheet, columns


def _refuse_wrong(path: Path, wrong: Wrong) -> None:
    """Raise UsageError for the first cell or line that is no reading, unless it only lacks its value."""
    for rejection, lacks in zip(wrong.rejections(0), wrong.lack_values.tolist(), strict=True):
        if not lacks:
            text = repr(rejection.time if rejection.reason is Reason.BAD_TIMESTAMP else rejection.value)
            detail = rejection.detail
            raise UsageError(
                detail if text in detail else f"{text}: {detail}",
                where=f"{path}, {wrong.sheet.word} {rejection.index}",
                hint="Correct or remove the row",
            )


@dataclass(frozen=True, eq=False)
class _Empty:
    """Readings without a value: the code of the tag, the time, and the line."""

    code: NDArray[np.int32]
    time: Ints
    place: Ints


def _empty(sheet: Sheet, columns: Columns, readings: Readings) -> _Empty:
    """The rows that have a time and a tag but no value; of a wide table with several tags none."""
    wrong = readings.wrong
    lack = wrong.lack_values[: len(wrong.row)]
    row, code = wrong.row[lack], wrong.code[lack]
    if not columns.tag and len(columns.values) == 1:
        taken = np.zeros(len(sheet.frame), dtype=np.bool_)
        taken[np.searchsorted(sheet.place, readings.place)] = True
        taken[wrong.row] = True
        more = np.flatnonzero(~taken)
        row, code = np.concatenate([row, more]), np.concatenate([code, np.zeros(len(more), dtype=np.int32)])
    if not len(row) or columns.times_of:
        none = np.empty(0, dtype=np.int64)
        return _Empty(none.astype(np.int32), none, none)
    times = times_of_rows(sheet, columns, readings.decimal_comma)
    timed = ~times.wrong[row]
    return _Empty(code[timed], times.time[row[timed]], sheet.place[row[timed]])


def _with(readings: Readings, empty: _Empty) -> _Rows:
    """The readings and those without a value together."""
    count = len(empty.code)
    time = np.concatenate([readings.time, empty.time])
    order = np.lexsort((np.concatenate([readings.place, empty.place]), time))
    word = None
    if readings.word is not None:
        word = np.concatenate([readings.word, np.full(count, -1, dtype=np.int32)])[order]
    return _Rows(
        names=readings.names,
        tag=np.concatenate([readings.code, empty.code]).astype(np.int32)[order],
        time=time[order],
        value=np.concatenate([readings.value, np.full(count, np.nan)])[order],
        quality=np.concatenate([readings.quality, np.zeros(count, dtype=np.uint32)])[order],
        words=readings.words,
        word=word,
    )


def _own_name(path: Path) -> str:
    return re.sub(r"[^A-Za-z0-9_.:/\-]", "_", path.stem)[:128]
