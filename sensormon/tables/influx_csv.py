"""Annotated CSV of InfluxDB: tables one below the other, each under lines of annotations of its own.

Source: InfluxDB, Annotated CSV syntax. A series is named as in line protocol: `{measurement}.{field}`, a
field `value` by its measurement alone, and a tag `tag` or `sensor` stands for the measurement.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from sensormon.model.errors import UsageError
from sensormon.tables.budget import Budget, too_large
from sensormon.tables.child_limits import CELL, MOST_COLUMNS
from sensormon.tables.sheet import Sheet, WrongLine

TIME, VALUE, TAG = "_time", "_value", "tag"
"""The columns of the sheet where the tables have one value a row."""
_ANNOTATIONS = ("#datatype", "#group", "#default")
_OWN = frozenset(["", "result", "table", "_start", "_stop", TIME, VALUE, "_field", "_measurement"])
"""Columns that are no tags of a series."""
_NAMES = ("tag", "sensor")
_MOST_WRONG = 100_000
_STEP = 4_096
_SHOWN = 100


def is_annotated(text: bytes) -> bool:
    """Whether this is annotated CSV, with its annotations or without, by the first line that is not empty."""
    start = text[:4_096].lstrip()
    if start.lstrip(b'"').startswith(tuple(annotation.encode() for annotation in _ANNOTATIONS)):
        return True
    first = {cell.strip(b' "') for cell in start.partition(b"\n")[0].split(b",")}
    return {b"_time", b"_value"} <= first and bool({b"_field", b"_measurement"} & first)


@dataclass
class _Tables:
    """What has been read: the rows in long form, or in the columns of a pivoted table."""

    header: list[str] = field(default_factory=list)
    defaults: list[str] = field(default_factory=list)
    place: list[int] = field(default_factory=list)
    rows: list[tuple[str | None, ...]] = field(default_factory=list)
    series: dict[tuple[tuple[str, str], ...], int] = field(default_factory=dict)
    of: list[int] = field(default_factory=list)
    wide: list[str] = field(default_factory=list)
    wrong: list[WrongLine] = field(default_factory=list)


def read_annotated(text: bytes, path: Path, name: str, budget: Budget) -> Sheet:
    """The readings of all tables of the file, in one sheet: columns `_time`, `_value` and `tag`.

    Of a pivoted table the columns are `_time` and its fields. Raises UsageError for a file with an error of
    InfluxDB in it, without times, or beyond the budget; csv.Error, and what `budget.step` raises.
    """
    tables = _Tables()
    cells = text.count(b",") + text.count(b"\n")
    if 2 * cells * CELL > budget.bytes:  # rows in lists take more than columns
        raise too_large(path, budget, cells)
    for number, (line, row) in enumerate(_rows(text)):
        if number % _STEP == 0:
            budget.step()
        if not any(row):
            tables.header = []
        elif row[0].startswith("#"):
            if row[0] == "#default":
                tables.defaults = row
            tables.header = []
        elif not tables.header:
            _begin(tables, row, line, path)
        else:
            _add(tables, row, line, path)
    return _sheet(tables, path, name)


def _rows(text: bytes) -> Iterator[tuple[int, list[str]]]:
    """The rows with the number of the line in which each begins."""
    reader = csv.reader(text.decode("utf-8", "replace").replace("\0", "").splitlines(keepends=True))
    line = 1
    for row in reader:
        yield line, [cell.strip() for cell in row]
        line = reader.line_num + 1


def _begin(tables: _Tables, header: list[str], line: int, path: Path) -> None:
    """Take this as the names of the columns below."""
    if len(header) > MOST_COLUMNS:
        raise UsageError(f"it has more than {MOST_COLUMNS:,} columns", where=str(path), hint="Split it")
    tables.header = header
    if "error" in header and TIME not in header:
        return
    if TIME not in header:
        raise UsageError(
            f"the table in line {line} has no column {TIME}", where=str(path), hint="Export the times with it"
        )
    if VALUE in header:
        return
    wide = [name for name in header if name not in _OWN]
    if tables.wide and wide != tables.wide:
        raise UsageError(
            f"the table in line {line} has other columns than the one before",
            where=str(path),
            hint="Export it without pivot(), or one table to a file",
        )
    tables.wide = wide


def _add(tables: _Tables, row: Sequence[str], line: int, path: Path) -> None:
    header = tables.header
    if "error" in header and TIME not in header:
        text = dict(zip(header, row, strict=False)).get("error", "")[:_SHOWN]
        raise UsageError(
            f"line {line} has an error of InfluxDB: {text}", where=str(path), hint="Run the query again"
        )
    if len(row) != len(header):
        few = "many" if len(row) > len(header) else "few"
        detail = f"it has too {few} cells: {len(row):,} instead of {len(header):,}"
        tables.wrong.append(WrongLine(line, ",".join(row)[:_SHOWN], detail))
        if len(tables.wrong) > _MOST_WRONG:
            raise UsageError(
                f"more than {_MOST_WRONG:,} of its lines have too {few} cells",
                where=str(path),
                hint="Export it again",
            )
        return
    defaults = tables.defaults if len(tables.defaults) == len(header) else [""] * len(header)
    cells = {name: cell or default for name, cell, default in zip(header, row, defaults, strict=True)}
    tables.place.append(line)
    if VALUE not in header:
        tables.rows.append((cells[TIME] or None, *(cells[name] or None for name in tables.wide)))
        tables.of.append(-1)
        return
    key = tuple((name, cell) for name, cell in cells.items() if name not in _OWN or name[:2] in ("_f", "_m"))
    tables.rows.append((cells[TIME] or None, cells[VALUE] or None))
    tables.of.append(tables.series.setdefault(key, len(tables.series)))


def _sheet(tables: _Tables, path: Path, name: str) -> Sheet:
    if not tables.rows:
        raise UsageError("it has no readings", where=str(path), hint="Give an export with rows")
    if tables.wide and tables.series:
        raise UsageError(
            "some of its tables are pivoted and some not", where=str(path), hint="Export one kind"
        )
    place = np.array(tables.place, dtype=np.int64)
    if tables.wide:
        frame = pd.DataFrame(tables.rows, columns=[TIME, *tables.wide], dtype="str")
        return Sheet(
            frame, place, "line", name, {}, tuple(tables.wrong), ("It is annotated CSV of InfluxDB",), ","
        )
    names, notes = _names([dict(key) for key in tables.series])
    frame = pd.DataFrame(tables.rows, columns=[TIME, VALUE], dtype="str")
    frame[TAG] = pd.Series(np.array(names, dtype=object)[tables.of], dtype="str")
    return Sheet(frame, place, "line", name, {}, tuple(tables.wrong), notes, ",")


def _names(series: Sequence[Mapping[str, str]]) -> tuple[list[str], tuple[str, ...]]:
    """A name for each series; those of one measurement and field are told apart by their tags' values."""
    names = [_name(keys) for keys in series]
    alike: dict[str, list[int]] = defaultdict(list)
    for number, name in enumerate(names):
        alike[name].append(number)
    notes = ["It is annotated CSV of InfluxDB; tags are named measurement.field"]
    for name, numbers in alike.items():
        if len(numbers) < 2:
            continue
        keys = sorted({key for number in numbers for key in series[number] if not key.startswith("_")})
        apart = [key for key in keys if len({series[number].get(key, "") for number in numbers}) > 1]
        for number in numbers:
            names[number] = ".".join([name, *(series[number].get(key) or "-" for key in apart)])
        notes.append(f"{name} has {len(numbers):,} series, named with {', '.join(apart)}"[: 2 * _SHOWN])
    return names, tuple(notes)


def _name(keys: Mapping[str, str]) -> str:
    base = next((keys[key] for key in _NAMES if keys.get(key)), keys.get("_measurement", ""))
    part = keys.get("_field", "")
    if part in ("", "value"):
        return base or part or "value"
    return f"{base}.{part}" if base else part
