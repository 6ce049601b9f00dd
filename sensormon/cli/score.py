"""`python -m sensormon score FILE`: score a file of values, without the app.

The file may have any of the forms that an import reads, under any names:

- one series: one column of numbers, or one called `value`;
- long: a column of tags and one of values; each tag is scored separately, and a column `tag` says which;
- wide: several columns of numbers, together for a detector over several tags at once, otherwise each
  separately, as in a long file.

Times are read as those of an import; a column that counts from a start, such as seconds from 0, is
taken as it is. Rows are scored in order of time. Rows whose quality is not good keep their value and get
no score. Cells that are no numbers, and rows without a time or tag, are named by line. Columns without
any number, columns of truth values and labels with the names in `LABELS` are left out and noted: no
detector may see the labels it is judged by.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sensormon.cli import reading_options
from sensormon.detectors import DETECTORS, MULTIVARIATE, PER_TAG, detect
from sensormon.exchange.import_table import check_zone, spelled
from sensormon.model import timestamps
from sensormon.model.errors import UsageError
from sensormon.model.qualities import quality_name
from sensormon.model.readings import Bools, Floats, Ints, is_good
from sensormon.model.settings import Settings
from sensormon.tables.columns import EMPTY, LABELS, NUMBERS, Columns, content, guess, is_label, sample
from sensormon.tables.questions import undecided
from sensormon.tables.readings import Readings, read, times_of_rows
from sensormon.tables.sheet import Sheet
from sensormon.tables.table_reader import read_sheets

__all__ = ["LABELS", "Scored", "register", "run", "score_file"]

_SHOWN = 100
"""The most characters of a file that a message has."""

_HINT = "Give a table with a column of numbers, or with one column per tag for a detector over several"


@dataclass(frozen=True)
class Scored:
    """A row for each row of the file that has a time and a tag, by time if the file has times.

    `notes` say what was left out, `unused` which rows and cells could not be used, by line.
    """

    result: pd.DataFrame
    timed: bool
    notes: tuple[str, ...]
    unused: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class _Clock:
    """When each row is: as it is shown, as the detector takes it, and for sorting; None without times.

    `counts`: the times count from a start that the file does not name.
    """

    shown: pd.Index[Any] | None
    times: pd.Index[Any] | None
    usable: Bools
    order: Ints
    counts: bool = False


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command `score`."""
    command = commands.add_parser("score", help="score a file without the app")
    command.add_argument(
        "file",
        type=Path,
        help="CSV, Excel or Parquet: one column of numbers, a column of tags and one of values, or one "
        "column per tag",
    )
    command.add_argument("--detector", default="zscore", help=f"one of: {', '.join(DETECTORS)}")
    command.add_argument("--param", action="append", default=[], metavar="NAME=NUMBER")
    command.add_argument("--out", type=Path, metavar="CSV", help="default: standard output")
    reading_options.register(command)
    command.set_defaults(run=run)


def run(options: argparse.Namespace, _: Settings) -> int:
    """Score the file and write the scores. Raises UsageError."""
    scored = score_file(
        options.file,
        options.detector,
        _parameters(options.param),
        reading_options.given(options),
        options.sheet,
        reading_options.column_names(options),
    )
    scored.result.to_csv(options.out or sys.stdout, index=scored.timed, index_label="timestamp")
    for line in scored.unused:
        print(line, file=sys.stderr)
    for note in scored.notes:
        print(f"note: {note}", file=sys.stderr)
    return 0


def _parameters(texts: list[str]) -> dict[str, float]:
    """The parameters in texts such as `window=50`. Raises UsageError."""
    params = {}
    for text in texts:
        name, _sign, number = text.partition("=")
        if name in ("detector", "times", "resolution"):
            raise UsageError(f"there is no parameter {name!r}", where="--param", hint="See docs/detection.md")
        try:
            params[name] = float(number)
        except ValueError as error:
            raise UsageError(f"{text!r} is not NAME=NUMBER", where="--param", hint="Try window=50") from error
    return params


def score_file(
    path: Path,
    detector: str,
    params: dict[str, float],
    given: Columns | None = None,
    sheet_name: str = "",
    names: Sequence[str] = (),
) -> Scored:
    """Score a file with this detector; `given` says what is known of its columns.

    Raises UsageError for a file that cannot be read, can be read in two ways or has nothing to score, and
    for an unknown detector, parameter or zone.
    """
    if detector not in PER_TAG and detector not in MULTIVARIATE:
        detect([], detector=detector)  # raises, and names the detectors
    check_zone((given or Columns()).zone)
    sheet = _only(read_sheets(path, _HINT, sheet=sheet_name, names=names), path)
    columns, notes = _columns(sheet, spelled(given or Columns(), sheet.frame), detector, path)
    readings = read(sheet, columns)
    if readings.questions:
        raise undecided(readings.questions[0], str(path))
    clock = _clock(sheet, columns, readings.decimal_comma, path)
    if clock.counts:
        columns = replace(columns, time="")
        readings = read(sheet, columns)
    unused = [
        f"{sheet.word} {each.index}: {each.tag} {(each.value or each.time)!r}: {each.detail}"
        for each in readings.wrong.rejections(0)
    ]
    unused += _not_good(readings, sheet)
    unused += _without_count(sheet, clock) if not columns.time else []
    if not clock.usable.any() and len(sheet.frame):
        raise UsageError(
            f"no row can be scored: {unused[0] if unused else 'there are no times'}",
            where=str(path),
            hint="Say how the times are written with --time-format, or which column has them with --time",
        )
    if columns.tag or (len(columns.values) > 1 and detector not in MULTIVARIATE):
        result, unscored = _each(sheet, readings, clock, detector, params)
    else:
        result, unscored = _together(sheet, columns, readings, clock, detector, params)
    return Scored(result, clock.times is not None, tuple(notes + unscored), tuple(unused))


def _only(sheets: Sequence[Sheet], path: Path) -> Sheet:
    if len(sheets) != 1:
        raise UsageError(
            f"it has {len(sheets)} tables: {', '.join(sheet.name for sheet in sheets)[:_SHOWN]}",
            where=str(path),
            hint="Name one with --sheet, or unpack it",
        )
    return sheets[0]


def _columns(sheet: Sheet, given: Columns, detector: str, path: Path) -> tuple[Columns, list[str]]:
    """What the columns are for this detector, and notes on those that are left out."""
    columns = guess(sheet, given)
    notes: list[str] = []
    if columns.tag:
        if detector not in PER_TAG:
            raise UsageError(
                f"{detector} compares tags with each other, and here they are below each other",
                where=str(path),
                hint="Give a file with one column per tag",
            )
        return columns, notes
    named = next((name for name in columns.values if name.strip().casefold() == "value"), "")
    if columns.value or (named and detector in PER_TAG):
        name = columns.value or named
        if len(sheet.frame.columns) > len({columns.time, columns.clock} - {""}) + 1:
            notes.append(f"only the column {name!r} is scored")
        qualities = {key: quality for key, quality in columns.qualities.items() if key == name}
        columns = replace(columns, value="", values={name: name}, qualities=qualities)
    else:
        notes = _left_out(sheet, columns)
        columns = replace(columns, values={name: name for name in columns.values})
    if not columns.values:
        raise UsageError(
            f"there is no column 'value'; found: {', '.join(map(str, sheet.frame.columns))[:_SHOWN]}",
            where=str(path),
            hint=f"{_HINT}: {', '.join(MULTIVARIATE)}",
        )
    return columns, notes


def _left_out(sheet: Sheet, columns: Columns) -> list[str]:
    labels, empty = [], []
    for name, what in content(sheet, columns).items():
        words = {str(cell).strip().casefold() for cell in sample(sheet.frame[name]).unique()}
        if is_label(name) or (what != EMPTY and words <= {"true", "false"}):
            labels.append(name)
        elif what != NUMBERS:
            empty.append(name)
    notes = [f"left out, as labels: {', '.join(labels)}"] if labels else []
    return notes + ([f"left out, without a number: {', '.join(empty)}"] if empty else [])


def _clock(sheet: Sheet, columns: Columns, decimal_comma: bool, path: Path) -> _Clock:
    """When each row is."""
    frame, rows = sheet.frame, len(sheet.frame)
    everything = np.ones(rows, dtype=np.bool_)
    if columns.times_of:
        raise UsageError(
            "its columns have times of their own",
            where=str(path),
            hint="Import it, or give a file with one column of times",
        )
    if not columns.time:
        return _Clock(None, None, everything, np.arange(rows))
    times = times_of_rows(sheet, columns, decimal_comma)
    cells = frame[columns.time]
    if times.near_1970.any() and times.wrong.all() and not columns.form:
        numbers = pd.to_numeric(cells, errors="coerce").to_numpy(dtype=np.float64)
        index: pd.Index[Any] = pd.Index(numbers, name="timestamp")
        usable = np.isfinite(numbers)
        order = np.argsort(np.where(usable, numbers, np.inf), kind="stable")
        return _Clock(index, index, usable, order, counts=True)
    stamps: pd.Index[Any] = pd.DatetimeIndex(times.time.astype("datetime64[us]"), tz="UTC", name="timestamp")
    shown: pd.Index[Any] = pd.Index(cells, name="timestamp")
    if times.said or columns.clock or columns.form:
        shown = pd.Index([timestamps.render(time) for time in times.time.tolist()], name="timestamp")
    return _Clock(shown, stamps, ~times.wrong, np.argsort(times.time, kind="stable"))


def _together(
    sheet: Sheet,
    columns: Columns,
    readings: Readings,
    clock: _Clock,
    detector: str,
    params: dict[str, float],
) -> tuple[pd.DataFrame, list[str]]:
    """One series, or several at once by a detector over several tags."""
    values, scored = _matrix(sheet, list(columns.values), readings)
    rows = clock.order[clock.usable[clock.order]]
    times = None if clock.times is None else clock.times[rows]
    if len(columns.values) == 1 and detector in PER_TAG:
        result = detect(scored[rows, 0], times=times, detector=detector, **params)
        result["value"] = values[rows, 0]
    else:
        frame = pd.DataFrame(scored[rows], columns=list(columns.values))
        result = detect(frame, times=times, detector=detector, **params)
    if clock.shown is not None:
        result.index = clock.shown[rows]
    return result, _unscored(result, "the file")


def _matrix(sheet: Sheet, names: Sequence[str], readings: Readings) -> tuple[Floats, Floats]:
    """The numbers of a wide table by row and column, and the same with NaN where the quality is not good."""
    place = {name: at for at, name in enumerate(names)}
    column = np.array([place[name] for name in readings.names], dtype=np.int64)[readings.code]
    row = np.searchsorted(sheet.place, readings.place)
    values = np.full((len(sheet.frame), len(names)), np.nan)
    values[row, column] = readings.value
    scored = values.copy()
    bad = ~is_good(readings.quality)
    scored[row[bad], column[bad]] = np.nan
    return values, scored


def _each(
    sheet: Sheet,
    readings: Readings,
    clock: _Clock,
    detector: str,
    params: dict[str, float],
) -> tuple[pd.DataFrame, list[str]]:
    """Each tag by itself; its rows without a number stay, without a score."""
    wrong = readings.wrong
    kept = np.flatnonzero((wrong.code >= 0) & clock.usable[wrong.row])
    row = np.concatenate([np.searchsorted(sheet.place, readings.place), wrong.row[kept]])
    code = np.concatenate([readings.code, wrong.code[kept]])
    value = np.concatenate([readings.value, np.full(len(kept), np.nan)])
    good = np.concatenate([is_good(readings.quality), np.zeros(len(kept), dtype=np.bool_)])
    rank = np.empty(len(sheet.frame), dtype=np.int64)
    rank[clock.order] = np.arange(len(sheet.frame))
    use = np.flatnonzero(clock.usable[row])
    use = use[np.lexsort((code[use], rank[row[use]]))]
    parts, places, notes = [], [], []
    for tag in dict.fromkeys(code[use].tolist()):
        own = use[code[use] == tag]
        times = None if clock.times is None else clock.times[row[own]]
        numbers = np.where(good[own], value[own], np.nan)
        part = detect(numbers, times=times, detector=detector, **params)
        part["value"] = value[own]
        part.insert(0, "tag", readings.names[tag])
        if clock.shown is not None:
            part.index = clock.shown[row[own]]
        parts.append(part)
        places.append(own)
        notes += _unscored(part, readings.names[tag])
    if not parts:
        return detect([], detector=detector, **params).assign(tag=[]), notes
    position = np.empty(len(row), dtype=np.int64)
    position[use] = np.arange(len(use))
    result = pd.concat(parts).iloc[np.argsort(position[np.concatenate(places)], kind="stable")]
    if clock.times is None:
        result.index = pd.RangeIndex(len(result))
    return result, notes


def _not_good(readings: Readings, sheet: Sheet) -> list[str]:
    rows = np.flatnonzero(~is_good(readings.quality))
    rows = rows[np.argsort(readings.place[rows], kind="stable")]
    return [
        f"{sheet.word} {int(readings.place[row])}: {readings.names[int(readings.code[row])]}: its quality is "
        f"{quality_name(int(readings.quality[row]))}, so it is not scored"
        for row in rows.tolist()
    ]


def _without_count(sheet: Sheet, clock: _Clock) -> list[str]:
    """The rows that a column counting from a start has no number for."""
    rows = np.flatnonzero(~clock.usable).tolist()
    return [f"{sheet.word} {int(sheet.place[row])}: there is no time" for row in rows]


def _unscored(result: pd.DataFrame, what: str) -> list[str]:
    if result["score"].notna().any():
        return []
    return [f"no row of {what} was scored: {len(result):,} rows, and the detector had to learn first"]
