"""What sources.toml says of an MQTT broker. Imports no library, so that every file can be read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sensormon.model.errors import UsageError
from sensormon.model.tags import KINDS as TAG_KINDS
from sensormon.model.tags import UNFIT
from sensormon.model.toml_table import MOST_TAGS, Table, flag, table, text, whole, word
from sensormon.sources.connected import SourceKind
from sensormon.sources.mqtt.broker import Broker
from sensormon.sources.mqtt.broker_keys import broker_items, read_broker
from sensormon.sources.mqtt.json_path import JsonPath, parse_path
from sensormon.sources.mqtt.times import UNITS
from sensormon.sources.mqtt.topics import TagPattern, TopicFilter, tag_pattern, topic_filter
from sensormon.sources.named import Common, NamedSource

_LONGEST_UNIT = 40


@dataclass(frozen=True)
class TopicRow:
    """A value that messages of some topics hold.

    Without `value` the whole payload is the value; without `time` the reading is of the time of arrival.
    `time_unit` is that of a number, told from its size if empty; `zone` that of times without one, which are
    refused if it is empty. `kind` is what a new tag is, told from its first value if empty. A message without
    the value is refused unless `optional`.
    """

    topic: TopicFilter
    tag: TagPattern
    value: JsonPath | None = None
    time: JsonPath | None = None
    quality: JsonPath | None = None
    time_unit: str = ""
    zone: str = ""
    unit: str = ""
    kind: str = ""
    optional: bool = False

    @cached_property
    def time_zone(self) -> ZoneInfo | None:
        """The zone of times without one."""
        return ZoneInfo(self.zone) if self.zone else None

    @property
    def items(self) -> dict[str, Any]:
        """It as keys of the file."""
        return {
            "topic": self.topic.text,
            "tag": self.tag.text,
            "value": str(self.value) if self.value else None,
            "time": str(self.time) if self.time else None,
            "quality": str(self.quality) if self.quality else None,
            "time_unit": self.time_unit or None,
            "zone": self.zone or None,
            "unit": self.unit or None,
            "kind": self.kind or None,
            "optional": self.optional or None,
        }


@dataclass(frozen=True)
class MqttSource(NamedSource):
    """One client of one broker. `version` is that of MQTT; `expiry` is in seconds."""

    kind: ClassVar[str] = "mqtt"
    broker: Broker
    topics: tuple[TopicRow, ...] = ()
    qos: int = 1

    @property
    def place(self) -> str:
        """Its URL, which has no password."""
        return self.broker.place

    @property
    def tags(self) -> tuple[str, ...]:
        """The tags that are named, not those of patterns."""
        return tuple(dict.fromkeys(row.tag.text for row in self.topics if row.tag.fixed))

    @property
    def subscriptions(self) -> tuple[tuple[str, int], ...]:
        """The filters to subscribe, each once."""
        return tuple((topic, self.qos) for topic in dict.fromkeys(row.topic.text for row in self.topics))


def read(common: Common, content: Table) -> MqttSource:
    """The source in this table. Raises UsageError."""
    return MqttSource(
        common,
        read_broker(common, content),
        topics=content.usual("topics", lambda value: _rows(value, content.where), ()),
        qos=content.usual("qos", _qos, 1),
    )


def items(source: MqttSource) -> dict[str, Any]:
    """The keys of the table; see `SourceKind.items`."""
    rows = [row.items for row in source.topics]
    return {
        **broker_items(source.common, source.broker),
        "qos": _unless(source.qos, 1),
        "topics": rows or None,
    }


KIND = SourceKind(
    kind="mqtt",
    label="MQTT",
    read=read,
    items=items,
    module="sensormon.sources.mqtt.opening",
)


# -- readers of values; each raises ValueError ------------------------------------------


def _unless(value: Any, usual: Any) -> Any:
    return None if value == usual else value


def _qos(value: Any) -> int:
    if value == 2 and not isinstance(value, bool):
        raise ValueError(
            "QoS 2 is confirmed before it is durable here, so that a crash would lose it: use 1, at which "
            "repeats are recognised by tag, time and value"
        )
    return whole(0, 1)(value)


def _rows(value: Any, where: str) -> tuple[TopicRow, ...]:
    if not isinstance(value, list):
        raise ValueError("[[…topics]] tables are needed")
    if len(value) > MOST_TAGS:
        raise ValueError(f"more than {MOST_TAGS:,}")
    rows = tuple(_row(table(content), f"{where}, topic {place}") for place, content in enumerate(value, 1))
    _check_names(rows)
    return rows


def _check_names(rows: Sequence[TopicRow]) -> None:
    """Two rows that read different values of one topic into one tag would mix them up."""
    seen: dict[tuple[str, str], TopicRow] = {}
    for row in rows:
        key = (row.topic.plain, row.tag.text)
        if key in seen:
            raise ValueError(f"{row.topic.text!r} gives the tag {row.tag.text!r} twice")
        seen[key] = row


def _row(content: Mapping[str, Any], where: str) -> TopicRow:
    own = Table(where, content)
    topic = own.needed("topic", topic_filter, '"site/+/value"')
    row = TopicRow(
        topic,
        own.usual("tag", lambda value: tag_pattern(text(value), topic), TagPattern("{topic}")),
        value=own.take("value", _path),
        time=own.take("time", _path),
        quality=own.take("quality", _path),
        time_unit=own.usual("time_unit", word(*UNITS), ""),
        zone=own.usual("zone", _zone, ""),
        unit=own.usual("unit", _unit, ""),
        kind=own.usual("kind", word(*TAG_KINDS), ""),
        optional=own.usual("optional", flag, False),
    )
    own.end()
    _check_paths(row, where)
    return row


def _check_paths(row: TopicRow, where: str) -> None:
    """Paths with [*] are about the same elements as the value's."""
    named = {"time": row.time, "quality": row.quality, **row.tag.paths}
    for name, path in named.items():
        if path is None:
            continue
        if row.value is None:
            raise UsageError(f"{name}: without a value in JSON there is nothing to read it from", where=where)
        if path.repeats and (not row.value.repeats or path.before != row.value.before):
            raise UsageError(
                f"{name}: {path} is not of the elements of value {row.value}",
                where=where,
                hint="Use the same path up to [*] in both",
            )
    if row.value is not None and row.value.repeats:
        if not ({"key", *row.tag.paths} & set(row.tag.parts)) and row.time is None:
            raise UsageError(
                "all elements would be the same tag at the same time",
                where=where,
                hint="Write {key} or {$.…} in tag, or the path of each element's time in time",
            )
    elif "key" in row.tag.parts:
        raise UsageError("tag: {key} is for a value with [*]", where=where)


def _path(value: Any) -> JsonPath:
    return parse_path(text(value))


def _zone(value: Any) -> str:
    name = text(value)
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f'{name[:60]!r} is no time zone such as "Europe/Berlin" or "UTC"') from error
    return name


def _unit(value: Any) -> str:
    unit = text(value)
    if len(unit) > _LONGEST_UNIT or UNFIT.search(unit):
        raise ValueError(f"a unit has at most {_LONGEST_UNIT} printable characters")
    return unit
