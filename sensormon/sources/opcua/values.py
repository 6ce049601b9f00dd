"""Values of OPC UA as readings: their own time, their status as quality, states as words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from asyncua import ua

from sensormon.model import timestamps
from sensormon.model.readings import Batch, Quality, Reason, Rejection
from sensormon.model.tags import BOOLEAN
from sensormon.sources.connected import MOST_READINGS

OVERFLOW = 0x0480
"""Bits of a status (Part 4, 7.39.1): the info bits are those of a data value, and values are lost."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LARGEST_WHOLE = 1 << 53
"""Beyond it two whole numbers become the same float."""
_SHOWN = 200


@dataclass(frozen=True)
class Target:
    """What the values of a node become. `words` are those of an enumeration by number."""

    node: str
    tag: str
    words: Mapping[int, str] = field(default_factory=dict)


class _Unfit(ValueError):
    """A value that no reading can have; says why."""


def own_time(value: ua.DataValue) -> int | None:
    """When the value came to be (µs UTC): as its source says, else the server; None if neither does."""
    time = value.SourceTimestamp or value.ServerTimestamp
    if time is None:
        return None
    since: timedelta = (time if time.tzinfo else time.replace(tzinfo=UTC)) - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def moment(time: int) -> datetime:
    """The time (µs UTC) as the library wants it."""
    return datetime.fromtimestamp(time // 1_000_000, UTC).replace(microsecond=time % 1_000_000)


def status_of(value: ua.DataValue) -> int:
    """The status code as it stands; Good where the server leaves it out, as the standard says."""
    return int(value.StatusCode.value) if value.StatusCode is not None else int(Quality.GOOD)


class Rows:
    """Readings on their way into batches, in the order in which they came."""

    def __init__(self, source: str, received: int) -> None:
        self._source = source
        self._received = received
        self._tags: dict[str, int] = {}
        self._tag: list[int] = []
        self._time: list[int] = []
        self._value: list[float] = []
        self._quality: list[int] = []
        self._words: dict[str, int] = {}
        self._word: list[int] = []
        self._refused: list[Rejection] = []

    def __len__(self) -> int:
        return len(self._tag) + len(self._refused)

    def add(self, target: Target, value: ua.DataValue) -> None:
        """Take this value of the node, unless the server only says that it has none yet."""
        time, status = own_time(value), status_of(value)
        if status == ua.StatusCodes.BadWaitingForInitialData:
            return
        try:
            number, word = _number_and_word(target, value.Value, status)
        except _Unfit as problem:
            self._refuse(target, value, time, str(problem))
            return
        self._tag.append(self._tags.setdefault(target.tag, len(self._tags)))
        self._time.append(self._received if time is None else time)
        self._value.append(number)
        self._quality.append(status)
        self._word.append(-1 if word is None else self._words.setdefault(word, len(self._words)))

    def batches(self) -> list[tuple[Batch, tuple[Rejection, ...]]]:
        """All of them, in as few batches as may be; refused ones go with the first."""
        if not len(self):
            return []
        whole = Batch(
            source=self._source,
            received=self._received,
            tags=tuple(self._tags),
            tag=np.array(self._tag, dtype=np.int32),
            time=np.array(self._time, dtype=np.int64),
            value=np.array(self._value, dtype=np.float64),
            quality=np.array(self._quality, dtype=np.uint32),
            words=tuple(self._words),
            word=np.array(self._word, dtype=np.int32) if self._words else None,
        )
        if len(whole) <= MOST_READINGS:
            return [(whole, tuple(self._refused))]
        rows = np.arange(len(whole))
        pieces = [
            whole.take(rows[start : start + MOST_READINGS]) for start in range(0, len(whole), MOST_READINGS)
        ]
        return [(piece, tuple(self._refused) if piece is pieces[0] else ()) for piece in pieces]

    def _refuse(self, target: Target, value: ua.DataValue, time: int | None, why: str) -> None:
        shown = repr(value.Value.Value)[:_SHOWN] if value.Value is not None else ""
        self._refused.append(
            Rejection(
                source=self._source,
                received=self._received,
                index=len(self),
                tag=target.tag,
                time="" if time is None else timestamps.render(time),
                value="".join(char if char.isprintable() else "·" for char in shown),
                reason=Reason.NOT_A_NUMBER,
                detail=f"{target.node}: {why}"[: 2 * _SHOWN],
            )
        )


def _number_and_word(target: Target, variant: ua.Variant | None, status: int) -> tuple[float, str | None]:
    """The value as a number, or NaN and the word of a state. Raises _Unfit."""
    value = variant.Value if variant is not None else None
    if value is None:
        if status >> 30 == 0:
            raise _Unfit("the server says Good but gives no value")
        return float("nan"), None
    if isinstance(value, bool):
        return float("nan"), BOOLEAN[value]
    if isinstance(value, int | float):
        return _of_number(target, value)
    if isinstance(value, list | tuple):
        raise _Unfit(f"an array of {len(value):,} values is no reading: name a node with a single value")
    if isinstance(value, str):
        return float("nan"), value.strip() if value.strip() else _nothing(status)
    if isinstance(value, ua.LocalizedText):
        return float("nan"), (value.Text or "").strip() or _nothing(status)
    raise _Unfit(f"a value of type {type(value).__name__} is neither a number nor a word")


def _nothing(status: int) -> str | None:
    if status >> 30 == 0:
        raise _Unfit("an empty text is no state")
    return None


def _of_number(target: Target, value: Any) -> tuple[float, str | None]:
    if target.words and isinstance(value, int):
        return float("nan"), target.words.get(int(value), str(int(value)))
    if isinstance(value, int) and abs(value) > _LARGEST_WHOLE and int(float(value)) != value:
        raise _Unfit("this whole number is too large to be kept exactly")
    return float(value), None
