"""An edge node of Sparkplug B: what is published as metrics of a node.

A tag is the metric of its name, with its unit, its range and its quality as properties (192 is good, other
numbers are OPC UA status codes); beside it stand `TAG#Flag`, `TAG#State` and `TAG#Reason`. Births and data
travel at QoS 0 and are never retained, as the specification has it, so events are not told one by one: a
receiver sees them as flags. Each connection has the next bdSeq, which is kept over restarts.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from sensormon.model.clock import Clock
from sensormon.model.status import Status
from sensormon.model.tags import BOOLEAN, Tag, TagTable
from sensormon.notify.messages import ToldEvent
from sensormon.outputs.config import Broker
from sensormon.outputs.event_look import FlagState, TagFlag
from sensormon.outputs.json_messages import Message
from sensormon.outputs.published import Due
from sensormon.outputs.shapes import Flags
from sensormon.outputs.values import TagValue
from sensormon.sources.sparkplug.nodes import BD_SEQ, REBIRTH
from sensormon.sources.sparkplug.payload import (
    SEQUENCE,
    DataType,
    Metric,
    Payload,
    Unreadable,
    Value,
    decode,
    encode,
    meant,
    metric,
)
from sensormon.sources.sparkplug.topics import Address, Kind

GOOD = 192
PARTS = {"Flag": DataType.BOOLEAN, "State": DataType.STRING, "Reason": DataType.STRING}
LONGEST = 1_000
"""Characters of a text: receivers such as our own take no longer ones."""


class SparkplugShape:
    """Of one run of one output. `bd_seq` is the last one used, `keep` makes one durable once it is used."""

    tells_events = False

    def __init__(self, config: Broker, clock: Clock, bd_seq: int, keep: Callable[[int], None]) -> None:
        self._config = config
        self._clock = clock
        self._bd_seq = bd_seq
        self._keep = keep
        self._seq = 0
        self._born: dict[str, Tag] = {}
        self._aliases: dict[str, int] = {}
        self._types: dict[str, DataType] = {}
        self.subscribes = (self._topic(Kind.NCMD),)

    def will(self) -> Message:
        """The death certificate of the connection that is about to be made."""
        self._bd_seq = (self._bd_seq + 1) % SEQUENCE
        return self.goodbye()

    def goodbye(self) -> Message:
        death = metric(self._bd_seq, DataType.INT64, name=BD_SEQ)
        return Message(
            self._topic(Kind.NDEATH), encode(Payload((death,), self._clock.now())), 1, retain=False
        )

    def needs_birth(self, tags: TagTable, names: Sequence[str]) -> bool:
        """Whether there are other metrics now than the birth certificate says."""
        return self._born != {name: tags[name] for name in names}

    def birth(
        self, tags: TagTable, names: Sequence[str], values: Sequence[TagValue], flags: Flags
    ) -> list[Message]:
        """A new birth certificate, which begins the sequence anew."""
        self._keep(self._bd_seq)
        self._born = {name: tags[name] for name in names}
        self._aliases, self._types = {}, {}
        newest = {value.tag: value for value in values}
        metrics = [
            metric(self._bd_seq, DataType.INT64, name=BD_SEQ),
            metric(False, DataType.BOOLEAN, name=REBIRTH),
        ]
        for name, tag in self._born.items():
            metrics += self._described(tag, newest.get(name), flags.get(name))
        self._seq = 0
        return [self._message(Kind.NBIRTH, metrics)]

    def values(self, tags: TagTable, values: Sequence[TagValue]) -> list[Message]:
        del tags
        metrics = [self._of_value(value) for value in values if value.tag in self._born]
        return [self._message(Kind.NDATA, metrics)] if metrics else []

    def flags(self, flags: Sequence[TagFlag]) -> list[Message]:
        metrics = [
            self._short(f"{flag.tag}#{part}", content, flag.since)
            for flag in flags
            if flag.tag in self._born
            for part, content in _parts(flag).items()
        ]
        return [self._message(Kind.NDATA, metrics)] if metrics else []

    def gone(self, names: Sequence[str]) -> list[Message]:
        """Nothing: the next birth certificate is without them."""
        del names
        return []

    def event(self, due: Due, row: Mapping[Any, Any] | None, event: ToldEvent | None) -> Message | None:
        """None: Sparkplug has no messages for events."""
        del due, row, event
        return None

    def health(self, status: Status) -> Message | None:
        """None: Sparkplug says whether a node is there, not how it is."""
        del status
        return None

    def asks_for_birth(self, topic: str, payload: bytes) -> bool:
        """Whether this is a rebirth request; everything else is refused by doing nothing."""
        if topic != self._topic(Kind.NCMD):
            return False
        try:
            metrics = decode(payload).metrics
            return any(each.name == REBIRTH and meant(each) is True for each in metrics)
        except Unreadable:
            return False

    # -- metrics ---------------------------------------------------------------------------

    def _topic(self, kind: Kind) -> str:
        return Address(kind, self._config.group, self._config.node).topic

    def _message(self, kind: Kind, metrics: Iterable[Metric]) -> Message:
        payload = Payload(tuple(metrics), self._clock.now(), self._seq)
        self._seq = (self._seq + 1) % SEQUENCE
        return Message(self._topic(kind), encode(payload), 0, retain=False)

    def _described(self, tag: Tag, value: TagValue | None, flag: TagFlag | None) -> list[Metric]:
        """The metrics of a tag as a birth certificate has them: with name, alias, datatype and properties."""
        types = {tag.name: _datatype(tag)} | {f"{tag.name}#{part}": kind for part, kind in PARTS.items()}
        parts = {f"{tag.name}#{part}": content for part, content in _parts(flag).items()} if flag else {}
        metrics = []
        for name, kind in types.items():
            self._aliases[name], self._types[name] = len(self._aliases) + 1, kind
            own = name == tag.name
            content = (_value(tag, value) if value else None) if own else parts.get(name)
            time = value.time if own and value else self._clock.now()
            properties: dict[str, Value] = {}
            if own:
                properties = _properties(tag) | {"Quality": _quality(value)}
            alias = self._aliases[name]
            metrics.append(metric(content, kind, name=name, alias=alias, time=time, properties=properties))
        return metrics

    def _of_value(self, value: TagValue) -> Metric:
        return metric(
            _value(self._born[value.tag], value),
            self._types[value.tag],
            alias=self._aliases[value.tag],
            time=value.time,
            properties={"Quality": _quality(value)},
            typed=False,
        )

    def _short(self, name: str, content: Value, time: int | None) -> Metric:
        alias, kind = self._aliases[name], self._types[name]
        return metric(content, kind, alias=alias, time=time or self._clock.now(), typed=False)


def _datatype(tag: Tag) -> DataType:
    if tag.kind == "boolean":
        return DataType.BOOLEAN
    return DataType.STRING if tag.has_states else DataType.DOUBLE


def _value(tag: Tag, value: TagValue) -> Value | None:
    content = value.value
    if tag.kind == "boolean":
        return None if content is None else content == BOOLEAN[1]
    return content if content is None or isinstance(content, str) == tag.has_states else None


def _quality(value: TagValue | None) -> int:
    """Of a tag without a reading: stale."""
    if value is None:
        return 500
    code = value.quality - (1 << 32) if value.quality >> 31 else value.quality
    return GOOD if value.is_good else code


def _properties(tag: Tag) -> dict[str, Value]:
    properties: dict[str, Value] = {"engUnit": tag.unit} if tag.unit else {}
    if all(map(math.isfinite, tag.valid)):
        properties |= {"engLow": tag.valid[0], "engHigh": tag.valid[1]}
    return properties


def _parts(flag: TagFlag) -> dict[str, Value]:
    why = flag.event.why if flag.event else ""
    return {"Flag": flag.state is FlagState.FLAGGED, "State": str(flag.state), "Reason": why[:LONGEST]}
