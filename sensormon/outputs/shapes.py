"""How what is published looks on a broker: what each shape turns values, states and events into."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from sensormon.model.status import Status
from sensormon.model.tags import TagTable
from sensormon.notify.messages import ToldEvent
from sensormon.outputs.config import Broker
from sensormon.outputs.event_look import TagFlag
from sensormon.outputs.json_messages import (
    OFFLINE,
    ONLINE,
    Message,
    event_message,
    health_message,
    state_message,
    status_topic,
    value_message,
)
from sensormon.outputs.published import Due
from sensormon.outputs.values import TagValue

Flags = Mapping[str, TagFlag]


class Shape(Protocol):
    """Of one output. Messages are to be sent in the order in which they were made."""

    tells_events: bool
    subscribes: tuple[str, ...]

    def will(self) -> Message:
        """What the broker publishes if we vanish; asked before each connection."""

    def goodbye(self) -> Message:
        """The same if we go on purpose."""

    def birth(
        self, tags: TagTable, names: Sequence[str], values: Sequence[TagValue], flags: Flags
    ) -> list[Message]:
        """All that stands, after each connection; `names` are the tags that are published."""

    def values(self, tags: TagTable, values: Sequence[TagValue]) -> list[Message]:
        """Readings."""

    def flags(self, flags: Sequence[TagFlag]) -> list[Message]:
        """States that have changed."""

    def gone(self, names: Sequence[str]) -> list[Message]:
        """Tags that are in the table no longer."""

    def event(self, due: Due, row: Mapping[Any, Any] | None, event: ToldEvent | None) -> Message | None:
        """What is due of an event; asked only if this shape tells events."""

    def health(self, status: Status) -> Message | None:
        """How the monitor is."""

    def needs_birth(self, tags: TagTable, names: Sequence[str]) -> bool:
        """Whether all that stands is to be told anew, because there are other tags now."""

    def asks_for_birth(self, topic: str, payload: bytes) -> bool:
        """Whether this message on a topic subscribed to asks for all that stands."""


class JsonShape:
    """A topic for each thing, with JSON in it; see `json_messages`."""

    tells_events = True
    subscribes: tuple[str, ...] = ()

    def __init__(self, config: Broker) -> None:
        self._config = config
        self._prefix = config.prefix

    def will(self) -> Message:
        return Message(status_topic(self._prefix), OFFLINE.encode(), self._config.qos, retain=True)

    def goodbye(self) -> Message:
        return self.will()

    def birth(
        self, tags: TagTable, names: Sequence[str], values: Sequence[TagValue], flags: Flags
    ) -> list[Message]:
        del names
        online = Message(status_topic(self._prefix), ONLINE.encode(), self._config.qos, retain=True)
        return [online, *self.values(tags, values), *self.flags(list(flags.values()))]

    def values(self, tags: TagTable, values: Sequence[TagValue]) -> list[Message]:
        config = self._config
        return [
            value_message(self._prefix, value, tags[value.tag], config.qos, config.retain) for value in values
        ]

    def flags(self, flags: Sequence[TagFlag]) -> list[Message]:
        return [state_message(self._prefix, flag, self._config.qos) for flag in flags]

    def gone(self, names: Sequence[str]) -> list[Message]:
        """Empty ones, so that the broker retains the old ones no longer."""
        return [
            Message(f"{self._prefix}/tags/{name}/{part}", b"", self._config.qos, retain=True)
            for name in names
            for part in ("value", "state")
        ]

    def event(self, due: Due, row: Mapping[Any, Any] | None, event: ToldEvent | None) -> Message:
        return event_message(self._prefix, due, row, event)

    def health(self, status: Status) -> Message | None:
        return health_message(self._prefix, status, self._config.qos)

    def needs_birth(self, tags: TagTable, names: Sequence[str]) -> bool:
        del tags, names
        return False

    def asks_for_birth(self, topic: str, payload: bytes) -> bool:
        del topic, payload
        return False
