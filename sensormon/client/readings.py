"""Readings that are to be written, as the bodies of requests, and what came of them.

What it is not: a check of values; the monitor checks each reading and says what it rejects.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from sensormon.model.errors import UsageError

AT_ONCE = 10_000
"""Readings in one request: a megabyte, well below the monitor's limits."""
LONGEST_KEY = 240
"""Characters of a key: the monitor takes 255, and the number of the part follows it."""

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Written:
    """What came of readings: how many were accepted, now on disk, and how many of these were flagged.

    `rejected` has the place of every reading that was not accepted, with its reason and a detail; of more
    than a hundred in one part of 10,000 the reason of the others is empty. `key` is that under which it was
    sent.
    """

    key: str
    accepted: int
    anomalies: int
    rejected: pd.DataFrame


def checked_key(key: str) -> str:
    """Raises UsageError for a key that the monitor would not take."""
    if not re.fullmatch(rf"[!-~]{{1,{LONGEST_KEY}}}", key):
        raise UsageError(
            f"{key[:80]!r} cannot be a key",
            where="key",
            hint=f"Use 1 to {LONGEST_KEY} printable ASCII characters without spaces, as of a UUID",
        )
    return key


def bodies(readings: pd.DataFrame | Iterable[Row]) -> list[bytes]:
    """The readings as bodies of at most `AT_ONCE` each; the same readings give the same bytes.

    Raises UsageError for one without tag or value, and for a time without a zone.
    """
    if isinstance(readings, pd.DataFrame):
        return bodies({str(name): cell for name, cell in row.items()} for row in readings.to_dict("records"))
    rows = [_row(number, reading) for number, reading in enumerate(readings)]
    return [
        json.dumps(rows[start : start + AT_ONCE], ensure_ascii=False, separators=(",", ":")).encode("utf-8")
        for start in range(0, len(rows), AT_ONCE)
    ]


def written(key: str, answers: Sequence[Mapping[str, Any]]) -> Written:
    """The sum of the answers to the bodies, in their order."""
    rejected: list[tuple[int, str, str]] = []
    for part, answer in enumerate(answers):
        said = {row["index"]: (row["reason"], row["detail"]) for row in answer["rejected"]}
        for first, last in answer["rejected_ranges"]:
            for index in range(first, last + 1):
                rejected.append((part * AT_ONCE + index, *said.get(index, ("", ""))))
    return Written(
        key,
        sum(answer["accepted"] for answer in answers),
        sum(answer["anomalies"] for answer in answers),
        pd.DataFrame(rejected, columns=["index", "reason", "detail"]),
    )


def _row(number: int, reading: Row) -> dict[str, Any]:
    unknown = sorted(map(str, set(reading) - {"tag", "value", "timestamp", "quality"}))
    if unknown or not {"tag", "value"} <= set(reading):
        raise UsageError(
            f"reading {number} has the names {', '.join(map(str, reading))[:200]}",
            where="readings",
            hint="Give each tag and value, and timestamp and quality if you have them",
        )
    row = {"tag": str(reading["tag"]), "value": _value(reading["value"])}
    if not _is_missing(reading.get("timestamp")):
        row["timestamp"] = _time(number, reading["timestamp"])
    if not _is_missing(reading.get("quality")):
        quality = reading["quality"]
        row["quality"] = quality if isinstance(quality, str) else int(quality)
    return row


def _value(value: Any) -> Any:
    """As JSON has it; what is no number is null, which the monitor rejects with its place."""
    if isinstance(value, str | bool):
        return value
    if isinstance(value, np.bool_):
        return bool(value)
    if _is_missing(value):
        return None
    number = float(value)
    return number if math.isfinite(number) else None


def _is_missing(cell: Any) -> bool:
    return cell is None or cell is pd.NaT or cell is pd.NA or (isinstance(cell, float) and math.isnan(cell))


def _time(number: int, time: Any) -> str:
    if isinstance(time, str):
        return time
    if isinstance(time, datetime) and time.tzinfo is not None:
        return time.isoformat()
    raise UsageError(
        f"the timestamp of reading {number} has no time zone: {str(time)[:100]!r}",
        where="readings",
        hint="Give it one, as with .dt.tz_localize('Europe/Berlin'), or an ISO 8601 text",
    )
