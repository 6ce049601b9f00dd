"""A recorded CSV file played back as if it were live, in real time or faster.

Columns `timestamp,value` (one tag, named after the file) or `timestamp,tag,value`, in any
order; other columns are ignored. Times are ISO 8601; without a zone they are UTC. A value
that is empty or NaN stays a reading, for validation to count.

The first reading comes when the replay begins, each other one as much later as it was
recorded later, divided by the speed. Rows that are not in order of time are sorted.

What it is not: an import. Readings get new times, and each start plays the file again.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import TextIO

import numpy as np

from sensormon.model import timestamps
from sensormon.model.clock import SECOND
from sensormon.model.csv_words import csv_problem
from sensormon.model.errors import UsageError
from sensormon.model.readings import Batch, Floats, Ints, Quality
from sensormon.model.tags import NAME, Tag

MOST = 1_000
"""Readings in one batch at most."""

MOST_DECIMALS = 6
"""Values with more decimals have no resolution: they come from arithmetic, not a sensor."""

_FIXED = 0.9
"""The share of equal time steps from which a file has a fixed interval."""

_COLUMNS = ("timestamp", "tag", "value")
_EXPECTED = "Give a CSV file with the columns timestamp,value or timestamp,tag,value"
_LAST = timestamps.parse("9999-12-31T00:00:00Z")


class Replay:
    """The readings of one file; `speed` 60 plays an hour in a minute.

    Reads the whole file at once. Raises UsageError if the file cannot be read or is wrong
    (with the line), or the speed is not above 0.
    """

    def __init__(self, path: Path, speed: float = 1.0) -> None:
        if not 0 < speed < math.inf:
            raise UsageError(
                f"the speed {speed:g} cannot be used",
                where=str(path),
                hint="Give a number above 0, as in @60",
            )
        # A file name may hold bytes that are not text; the ledger and the store take only text.
        self.name = "replay:" + path.name.encode("utf-8", "replace").decode("utf-8")
        rows = _read(path)
        time = np.array(rows.time, dtype=np.int64)
        order = np.argsort(time, kind="stable")
        with np.errstate(over="ignore"):
            self._after = np.rint((time[order] - time[order[0]]) / speed)  # µs since the start
        self._tag = np.array(rows.tag, dtype=np.int32)[order]
        self._value = np.array(rows.value, dtype=np.float64)[order]
        self._names = tuple(rows.names)
        self.tags = tuple(
            Tag(
                name=name,
                label=name.replace("_", " ").capitalize(),
                resolution=resolution(self._value[self._tag == code]),
            )
            for code, name in enumerate(self._names)
        )
        self.interval = _interval(time[order]) / speed
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
            quality=np.full(rows.stop - rows.start, Quality.GOOD, dtype=np.uint32),
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


@dataclass
class _Rows:
    """The file's readings as columns; `tag` indexes `names`."""

    names: dict[str, int] = field(default_factory=dict)
    time: list[int] = field(default_factory=list)
    tag: list[int] = field(default_factory=list)
    value: list[float] = field(default_factory=list)


def _read(path: Path) -> _Rows:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = _parse(path, file)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UsageError(
            f"the file cannot be read ({csv_problem(error) if isinstance(error, csv.Error) else error})",
            where=str(path),
            hint="Set SENSORMON_SOURCE to replay:FILE with a CSV file in UTF-8",
        ) from error
    if not rows.time:
        raise UsageError("there are no readings in it", where=str(path), hint=_EXPECTED)
    return rows


def _parse(path: Path, file: TextIO) -> _Rows:
    reader = csv.reader(file)
    columns = _columns(path, next((row for row in reader if row), []))
    rows = _Rows()
    own = _own_name(path)
    for row in reader:
        if not row:
            continue
        where = f"{path}, line {reader.line_num}"
        if len(row) <= max(columns.values()):
            raise UsageError(
                f"the row stops after {len(row)} columns", where=where, hint="Complete or remove the row"
            )
        name = row[columns["tag"]].strip() if "tag" in columns else own
        if not NAME.fullmatch(name):
            raise UsageError(
                f"{name[:200]!r} cannot be a tag's name",
                where=where,
                hint="Use letters, digits and _ . : / -, at most 128 of them",
            )
        rows.time.append(_time(row[columns["timestamp"]], where))
        rows.tag.append(rows.names.setdefault(name, len(rows.names)))
        rows.value.append(_value(row[columns["value"]].strip(), where))
    return rows


def _columns(path: Path, header: Sequence[str]) -> dict[str, int]:
    """The positions of the known columns."""
    if not header:
        raise UsageError("the file is empty", where=str(path), hint=_EXPECTED)
    names = [" ".join(name.split()).lower() for name in header]
    wrong = [name for name in ("timestamp", "value") if name not in names]
    if wrong or any(names.count(name) > 1 for name in _COLUMNS):
        header_line = ",".join(names)
        problem = f"there is no column {wrong[0]!r}" if wrong else "a column occurs twice"
        raise UsageError(f"{problem}; found {header_line[:200]!r}", where=str(path), hint=_EXPECTED)
    return {name: names.index(name) for name in _COLUMNS if name in names}


def _own_name(path: Path) -> str:
    return re.sub(r"[^A-Za-z0-9_.:/\-]", "_", path.stem)[:128]


def _time(text: str, where: str) -> int:
    try:
        return timestamps.parse(text)
    except (ValueError, OverflowError) as error:
        raise UsageError(
            f"{text[:200]!r} is not an ISO 8601 time", where=where, hint="Write it as 2026-01-31T12:00:00Z"
        ) from error


def _value(text: str, where: str) -> float:
    try:
        return float(text or "nan")
    except ValueError as error:
        raise UsageError(
            f"{text[:200]!r} is not a number", where=where, hint="Correct it, or leave the value empty"
        ) from error
