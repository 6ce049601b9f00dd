"""`python -m sensormon score FILE`: score a file of values, without the app.

The file is CSV (separated by comma, semicolon or tab, whichever its first line has; with
semicolons also with decimal commas) or Parquet, in one of three forms:

- one series: a column `value`, or one column of numbers with any name;
- long: columns `tag` and `value`; each tag is scored separately, and a column `tag` says which;
- wide: several columns of numbers, for a detector over several tags at once.

A time column is called `timestamp`, `time` or `datetime`: ISO 8601 (UTC without a time zone)
or seconds. Columns without any number, columns of truth values and labels with the names in
`LABELS` are left out and noted: no detector may see the labels it is judged by. Every other cell
must be a number or empty.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sensormon.detectors import MULTIVARIATE, PER_TAG, detect
from sensormon.model import timestamps
from sensormon.model.errors import UsageError
from sensormon.model.settings import Settings
from sensormon.tables.table_reader import TIMES, read_table, time_column

LABELS = ("anomaly", "changepoint", "is_anomaly", "label")
"""Columns of a labelled recording that are never scored."""

_SHOWN = 100
"""The most characters of a file that a message has."""

_HINT = (
    "Give a CSV or Parquet file with a column `value`, or with one column per tag for a detector over several"
)


@dataclass(frozen=True)
class Scored:
    """A row for each row of the file, by time if it has a time column; `notes` say what was left out."""

    result: pd.DataFrame
    timed: bool
    notes: tuple[str, ...]


def run(options: argparse.Namespace, _: Settings) -> int:
    """Score the file and write the scores. Raises UsageError."""
    scored = score_file(options.file, options.detector, _parameters(options.param))
    scored.result.to_csv(options.out or sys.stdout, index=scored.timed, index_label="timestamp")
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


def score_file(path: Path, detector: str, params: dict[str, float]) -> Scored:
    """Score a file with this detector.

    Raises UsageError for a file that cannot be read or has none of the forms, for a cell that
    is not a number or a time, and for an unknown detector or parameter.
    """
    if detector not in PER_TAG and detector not in MULTIVARIATE:
        detect([], detector=detector)  # raises, and names the detectors
    table, first = read_table(path, _HINT)
    times = _times(table, path, first)
    left = table.drop(columns=[name for name in table.columns if name.lower() in TIMES])
    if {"tag", "value"} <= set(left.columns):
        return _long(left, times, detector, params, path, first)
    alone = detector not in MULTIVARIATE or (detector in PER_TAG and "value" in left)
    notes: list[str] = []
    if alone and "value" in left:
        numbers = _numbers(left["value"], path, first).to_frame()
        if left.shape[1] > 1:
            notes.append("only the column 'value' is scored")
    else:
        numbers, notes = _tags(left, path, first)
    if numbers.shape[1] == 0 or (alone and numbers.shape[1] > 1):
        raise UsageError(
            f"there is no column 'value'; found: {', '.join(table.columns)[:_SHOWN]}",
            where=str(path),
            hint=f"{_HINT}: {', '.join(MULTIVARIATE)}",
        )
    if numbers.shape[1] == 1 and detector in PER_TAG:
        result = detect(numbers.iloc[:, 0].to_numpy(), times=times, detector=detector, **params)
    else:
        result = detect(numbers, times=times, detector=detector, **params)
    return Scored(result, times is not None, tuple(notes + _unscored(result, "the file")))


def _long(
    table: pd.DataFrame,
    times: pd.Index[Any] | None,
    detector: str,
    params: dict[str, float],
    path: Path,
    first: str,
) -> Scored:
    if detector not in PER_TAG:
        raise UsageError(
            f"{detector} compares tags with each other, and here they are below each other",
            where=str(path),
            hint="Give a file with one column per tag",
        )
    tags = table["tag"]
    if tags.isna().any():
        raise UsageError(
            f"{_at(first, tags.isna())}: there is no tag", where=str(path), hint="Name a tag in every row"
        )
    numbers = _numbers(table["value"], path, first).to_numpy()
    parts, rows, notes = [], [], []
    for tag in tags.unique():
        own = np.flatnonzero((tags == tag).to_numpy())
        of_tag = None if times is None else times[own]
        part = detect(numbers[own], times=of_tag, detector=detector, **params)
        part.insert(0, "tag", tag)
        parts.append(part)
        rows.append(own)
        notes += _unscored(part, str(tag))
    if not parts:
        return Scored(detect([], detector=detector, **params).assign(tag=[]), times is not None, ())
    order = np.argsort(np.concatenate(rows), kind="stable")
    result = pd.concat(parts).iloc[order]
    if times is None:
        result.index = pd.RangeIndex(len(result))
    return Scored(result, times is not None, tuple(notes))


def _unscored(result: pd.DataFrame, what: str) -> list[str]:
    if result["score"].notna().any():
        return []
    return [f"no row of {what} was scored: {len(result):,} rows, and the detector had to learn first"]


def _times(table: pd.DataFrame, path: Path, first: str) -> pd.Index[Any] | None:
    name = time_column(table)
    if name is None:
        return None
    column = table[name]
    if column.isna().any():
        raise UsageError(
            f"{_at(first, column.isna())}: there is no time", where=str(path), hint="Give every row a time"
        )
    if pd.api.types.is_datetime64_any_dtype(column) or pd.api.types.is_numeric_dtype(column):
        return _index(column)
    for row, text in enumerate(column):
        try:
            timestamps.parse(str(text))
        except (ValueError, OverflowError) as error:
            raise UsageError(
                f"{_at(first, row)}: {str(text)[:_SHOWN]!r} is not an ISO 8601 time",
                where=str(path),
                hint="Write it like 2026-01-31T12:00:00Z",
            ) from error
    return _index(column)


def _index(times: pd.Series[Any]) -> pd.Index[Any]:
    index: pd.Index[Any] = pd.Index(times, name="timestamp")
    return index


def _tags(table: pd.DataFrame, path: Path, first: str) -> tuple[pd.DataFrame, list[str]]:
    """The columns of numbers, and notes on the other columns."""
    kept, labels, empty = {}, [], []
    for name in table.columns:
        column = table[name]
        if name.lower() in LABELS or pd.api.types.is_bool_dtype(column):
            labels.append(name)
        elif _coerced(column).isna().all():
            empty.append(name)
        else:
            kept[name] = _numbers(column, path, first)
    notes = [f"left out, as labels: {', '.join(labels)}"] if labels else []
    notes += [f"left out, without a number: {', '.join(empty)}"] if empty else []
    return pd.DataFrame(kept, index=table.index), notes


def _numbers(column: pd.Series[Any], path: Path, first: str) -> pd.Series[float]:
    numbers = _coerced(column)
    wrong = numbers.isna() & column.notna()
    if wrong.any():
        row = int(wrong.to_numpy().argmax())
        raise UsageError(
            f"{_at(first, row)}: {str(column.iloc[row])[:_SHOWN]!r} is not a number",
            where=str(path),
            hint="Write a number, or leave the cell empty",
        )
    return numbers


def _coerced(column: pd.Series[Any]) -> pd.Series[float]:
    """The cells that are numbers; NaN for the others, such as dates and nested values."""
    if column.dtype.kind in "mM":
        return pd.Series(np.nan, index=column.index)
    try:
        return pd.to_numeric(column, errors="coerce").astype(np.float64)
    except TypeError:
        return pd.Series(np.nan, index=column.index)


def _at(first: str, row: int | pd.Series[bool]) -> str:
    """Where a row is in the file: the row of this index, or the first true one."""
    place = row if isinstance(row, int) else int(row.to_numpy().argmax())
    word, number = first.split()
    return f"{word} {int(number) + place}"
