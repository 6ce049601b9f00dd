"""Events as `EventReader.between` returns them, without a store, and how messages tell them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
import pyarrow as pa

from sensormon.model.clock import SECOND
from sensormon.model.tags import Tag, TagTable
from sensormon.notify.messages import ToldEvent
from tests.support.plant import START

TAGS = TagTable(
    [
        Tag("ph", "pH", unit="pH", group="Hall 1/Line 2"),
        Tag("temp", "Temperature", unit="°C", group="Hall 1"),
        Tag("rpm", "Speed", unit="rpm", group="Hall 2"),
    ]
)
_WORDS = ("tag", "severity", "state", "label", "note", "who", "detector", "profile")


@dataclass(frozen=True)
class Happening:
    """An event, in seconds since `START`; ending no sooner. Its readings are `ids`, or its id."""

    id: int
    start: float = 0.0
    end: float = 0.0
    tag: str = "ph"
    severity: str = "high"
    over: bool = False
    state: str = "unacknowledged"
    label: str = ""
    detector: str = "zscore"
    profile: str = "default"
    acted: float = 0.0
    shelved_until: float = 0.0
    ids: tuple[int, ...] = field(default=())


def frame(events: Sequence[Happening]) -> pd.DataFrame:
    """These events in this order."""
    rows = [
        {
            "id": event.id,
            "tag": event.tag,
            "start": event.start,
            "end": max(event.start, event.end),
            "seconds": max(0.0, event.end - event.start),
            "readings": max(1, len(event.ids)),
            "value": 7.0,
            "score": 9.0,
            "threshold": 3.0,
            "expected": 6.0,
            "lower": 5.5,
            "upper": 6.5,
            "severity": event.severity,
            "over": event.over,
            "state": event.state,
            "label": event.label,
            "note": "",
            "who": "",
            "acted": event.acted or None,
            "shelved_until": event.shelved_until or None,
            "settings": 1,
            "detector": event.detector,
            "profile": event.profile,
            "peak_id": event.id,
            "peak_time": event.start,
        }
        for event in events or [Happening(1)]
    ]
    table = pd.DataFrame(rows)
    for name in ("start", "end", "acted", "shelved_until", "peak_time"):
        table[name] = _moments(table[name])
    for name in _WORDS:
        table[name] = table[name].astype("str")
    table = table[: len(events)]
    lists = pa.array([list(event.ids or (event.id,)) for event in events], pa.large_list(pa.int64()))
    table["ids"] = pd.Series(lists, dtype=pd.ArrowDtype(lists.type))
    return table


def moment(seconds: float) -> int:
    """µs UTC of so many seconds since `START`."""
    return START + round(seconds * SECOND)


def _moments(seconds: pd.Series[Any]) -> pd.Series[Any]:
    micros = [pd.NA if pd.isna(each) else moment(float(each)) for each in seconds]
    times = pd.Series(micros, dtype="Int64", index=seconds.index)
    return pd.to_datetime(times, unit="us", utc=True).dt.as_unit("us")


def briefly(row: Mapping[Any, Any]) -> ToldEvent:
    """An event in few words."""
    return ToldEvent(
        id=int(row["id"]),
        tag=str(row["tag"]),
        title=str(row["tag"]),
        began=row["start"].value // 1_000,
        value=f"{row['value']:g}",
        score=float(row["score"]),
        severity=str(row["severity"]),
        why="",
        over=bool(row["over"]),
    )
