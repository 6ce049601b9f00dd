"""A recorded CSV played as if it were measured now, at its own pace or faster.

Columns `timestamp,value` (one tag, named after the file) or `timestamp,tag,value`, in any
order, others ignored; times ISO 8601, UTC where no zone is given. Each reading is given
the time at which it is played: start + (its time - first time) / speed. What it is not:
an import, which keeps the recorded times.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sensormon import timestamps
from sensormon.errors import UsageError
from sensormon.readings import Batch, Floats, Ints
from sensormon.tags import NAME, Tag

BATCH = 1_000
"""Rows in one batch at the most."""

_SPEED = re.compile(r"(.+)@(\d+(?:\.\d+)?)x?")


@dataclass(frozen=True, eq=False)
class Recording:
    """The rows of a file in order of time; `tag[i]` indexes `names`, `time` in µs UTC."""

    path: Path
    names: tuple[str, ...]
    tag: np.ndarray[tuple[int], np.dtype[np.int32]]
    time: Ints
    value: Floats


class Replay:
    """See the module; a `Source`. `speed` 1 is real time; the first row is due at `start`."""

    def __init__(self, recording: Recording, speed: float, *, start: int) -> None:
        self.name = f"replay:{recording.path.name}"
        self._recording = recording
        self._due = start + ((recording.time - recording.time[0]) / speed).astype(np.int64)
        self._row = 0
        steps = np.diff(np.unique(self._due))
        self.interval = float(np.median(steps)) / 1e6 if len(steps) else 0.0
        self.tags = tuple(
            Tag(
                name=name,
                label=name.replace("_", " ").capitalize(),
                resolution=_resolution(recording.value[recording.tag == code]),
            )
            for code, name in enumerate(recording.names)
        )

    def due(self, now: int) -> int | None:  # noqa: ARG002  the recording alone says when
        """When the next row is due; None after the last."""
        return int(self._due[self._row]) if self._row < len(self._due) else None

    def read(self, now: int) -> Batch:
        """The rows that have become due, `BATCH` at the most."""
        stop = int(np.searchsorted(self._due, now, side="right"))
        rows = slice(self._row, min(stop, self._row + BATCH))
        self._row = max(self._row, rows.stop)
        value = self._recording.value[rows]
        return Batch(
            source=self.name,
            received=now,
            tags=self._recording.names,
            tag=self._recording.tag[rows],
            time=self._due[rows],
            value=value,
            quality=np.zeros(len(value), dtype=np.uint32),
        )


def split_speed(text: str) -> tuple[Path, float]:
    """FILE or FILE@SPEED as a path and a speed. Raises UsageError for a speed of 0."""
    match = _SPEED.fullmatch(text)
    if match is None or Path(text).exists():
        return Path(text), 1.0
    speed = float(match[2])
    if not 0 < speed <= 1e6:
        raise UsageError(
            f"the speed {match[2]} cannot be used",
            where="SENSORMON_SOURCE",
            hint="Give 1 to 1000000, such as @60",
        )
    return Path(match[1]), speed


def read_recording(path: Path) -> Recording:
    """The rows of this CSV.

    A value that is empty or `nan` is kept as NaN; validation rejects and counts it.
    Raises UsageError, with the line, where the file cannot be read as a recording.
    """

    def wrong(what: str, hint: str) -> UsageError:
        return UsageError(what, where=str(path), hint=hint)

    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            header = [name.strip() for name in reader.fieldnames or ()]
            reader.fieldnames = header
            missing = [name for name in ("timestamp", "value") if name not in header]
            if missing:
                found = ", ".join(header) or "nothing"
                raise wrong(
                    f"there is no column {missing[0]!r}; found: {found}",
                    "The first line must name timestamp,value or timestamp,tag,value",
                )
            default = _name_of(path)
            rows = [_row(row, reader.line_num, default, wrong) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        text = error.strerror if isinstance(error, OSError) else str(error)
        raise wrong(f"the recording cannot be read ({text})", "Give a CSV file: replay:FILE") from error
    if not rows:
        raise wrong("there are no rows in it", "Give a CSV with at least one reading")
    rows.sort(key=lambda row: row[0])
    names = tuple(dict.fromkeys(row[1] for row in rows))
    code = {name: i for i, name in enumerate(names)}
    return Recording(
        path=path,
        names=names,
        tag=np.array([code[row[1]] for row in rows], dtype=np.int32),
        time=np.array([row[0] for row in rows], dtype=np.int64),
        value=np.array([row[2] for row in rows], dtype=np.float64),
    )


def _row(row: dict[str, str], line: int, default: str, wrong) -> tuple[int, str, float]:  # type: ignore[no-untyped-def]
    text = (row.get("timestamp") or "").strip()
    try:
        time = timestamps.parse(text)
    except (ValueError, OverflowError) as error:
        raise wrong(f"line {line}: {text!r} is not an ISO 8601 time", "Correct that line") from error
    value = (row.get("value") or "").strip()
    try:
        number = float(value) if value else math.nan
    except ValueError as error:
        raise wrong(f"line {line}: {value!r} is not a number", "Correct that line") from error
    tag = (row.get("tag") or default).strip()
    if not NAME.fullmatch(tag):
        raise wrong(f"line {line}: {tag!r} cannot be a tag's name", "Use letters, digits and _ . : / -")
    return time, tag, number


def _name_of(path: Path) -> str:
    name = re.sub(r"[^A-Za-z0-9_.:/\-]", "_", path.stem)[:128]
    return name if NAME.fullmatch(name) else f"tag_{name}"[:128]


def _resolution(values: Sequence[float] | Floats) -> float:
    """The smallest decimal step that all values are multiples of, down to 1e-6; else 0."""
    finite = np.asarray(values, dtype=np.float64)
    finite = finite[np.isfinite(finite)]
    for decimals in range(7):
        if np.allclose(finite, np.round(finite, decimals), rtol=0, atol=1e-9):
            return float(10.0**-decimals)
    return 0.0
