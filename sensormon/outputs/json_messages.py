"""What a broker is sent in JSON: topics and payloads. Pure.

| topic | what | retained |
| --- | --- | --- |
| PREFIX/status | "online", or "offline" by the broker itself once we are gone | yes |
| PREFIX/health | the monitor as /health says it: status, problems, impaired | yes |
| PREFIX/tags/TAG/value | the newest reading | as set |
| PREFIX/tags/TAG/state | ok, flagged or silent; why and since when | yes |
| PREFIX/events/TAG | an event has opened, ended, was acknowledged or is withdrawn | no |
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from sensormon.model.qualities import quality_name
from sensormon.model.status import Status
from sensormon.model.tags import Tag
from sensormon.model.timestamps import render
from sensormon.notify.messages import ToldEvent
from sensormon.outputs.event_look import TagFlag
from sensormon.outputs.published import Due
from sensormon.outputs.values import TagValue

ONLINE, OFFLINE = "online", "offline"


@dataclass(frozen=True, slots=True)
class Message:
    """To be published."""

    topic: str
    payload: bytes
    qos: int
    retain: bool


def status_topic(prefix: str) -> str:
    """Where we say that we are there."""
    return f"{prefix}/status"


def value_message(prefix: str, value: TagValue, tag: Tag, qos: int, retain: bool) -> Message:
    """A reading."""
    content = {
        "tag": value.tag,
        "value": value.value,
        "time": render(value.time),
        "quality": quality_name(value.quality),
        "quality_code": value.quality,
        "unit": tag.unit,
        "score": value.score,
        "expected": value.expected,
        "lower": value.lower,
        "upper": value.upper,
        "is_anomaly": value.is_anomaly,
    }
    return Message(f"{prefix}/tags/{value.tag}/value", _json(content), qos, retain)


def state_message(prefix: str, flag: TagFlag, qos: int) -> Message:
    """A tag's state; of a flagged one with the event that goes on."""
    content: dict[str, Any] = {"tag": flag.tag, "state": str(flag.state)}
    if flag.event is not None:
        content |= {
            "since": render(flag.event.began),
            "event": flag.event.id,
            "severity": flag.event.severity,
            "score": flag.event.score,
            "why": flag.event.why,
        }
    return Message(f"{prefix}/tags/{flag.tag}/state", _json(content), qos, retain=True)


def event_message(prefix: str, due: Due, row: Mapping[Any, Any] | None, event: ToldEvent | None) -> Message:
    """What is due of an event. `row` is that of the frame of events; without one the event is gone.

    Always at least once, whatever the values: a receiver knows a repeat by its key.
    """
    content: dict[str, Any] = {"key": due.key, "kind": str(due.kind), "id": due.id, "tag": due.tag}
    if row is not None and event is not None:
        content |= {
            "title": event.title,
            "began": render(event.began),
            "ended": render(row["end"].value // 1_000) if event.over else None,
            "value": event.value,
            "number": event.number,
            "score": event.score,
            "severity": event.severity,
            "detector": str(row["detector"]),
            "state": str(row["state"]),
            "acknowledged_by": _text(row["acknowledged_by"]),
            "readings": int(row["readings"]),
            "why": event.why,
        }
    if due.joined:
        content["joined"] = due.joined
    return Message(f"{prefix}/events/{due.tag}", _json(content), 1, retain=False)


def health_message(prefix: str, status: Status, qos: int) -> Message:
    """How the monitor is."""
    content = {"status": status.word, "problems": list(status.problems), "impaired": list(status.impaired)}
    return Message(f"{prefix}/health", _json(content), qos, retain=True)


def _text(value: Any) -> str:
    return "" if value is None or pd.isna(value) else str(value)


def _json(content: object) -> bytes:
    return json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
