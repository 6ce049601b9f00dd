"""What sources.toml says of a Sparkplug group. Imports no library, so that every file can be read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, ClassVar

from sensormon.model.errors import UsageError
from sensormon.model.tags import NAME
from sensormon.model.toml_table import MOST_TAGS, Table, flag, table, text, texts
from sensormon.sources.connected import SourceKind
from sensormon.sources.mqtt.broker import Broker
from sensormon.sources.mqtt.broker_keys import broker_items, read_broker
from sensormon.sources.named import Common, NamedSource
from sensormon.sources.sparkplug.tag_names import TAG, check_pattern
from sensormon.sources.sparkplug.topics import LONGEST_NAME, subscriptions

Place = tuple[str, str, str]
"""Edge node, device ("" for the node itself) and name of a metric."""


@dataclass(frozen=True)
class SparkplugSource(NamedSource):
    """One group behind one broker.

    `nodes` and `devices` are patterns; none: all. With `devices` the metrics of the nodes themselves are left
    out. `named` are the tags of single metrics; `tag` is the pattern for all others, which are left out if it
    is empty. `host` is the id of this monitor as a primary host, empty if it is none. `rebirth`: edge nodes
    may be asked for their birth certificates, `browse_rebirth`: by the page, too.
    """

    kind: ClassVar[str] = "sparkplug"
    broker: Broker
    group: str
    nodes: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()
    named: tuple[tuple[Place, str], ...] = ()
    tag: str = TAG
    host: str = ""
    rebirth: bool = True
    browse_rebirth: bool = False

    @property
    def place(self) -> str:
        """Broker and group; there is no password in it."""
        return f"{self.broker.place} {self.group}"

    @property
    def tags(self) -> tuple[str, ...]:
        """The tags that are named, not those of the pattern."""
        return tuple(tag for _, tag in self.named)

    @property
    def subscriptions(self) -> tuple[tuple[str, int], ...]:
        """The topic filters, at QoS 1: so a broker keeps what comes while nobody is connected, if it may."""
        return tuple((topic, 1) for topic in subscriptions(self.group))

    def reads_node(self, node: str) -> bool:
        """Whether this edge node is read."""
        return _matches(node, self.nodes)

    def reads_device(self, device: str) -> bool:
        """Whether this device, "" for a node itself, is read."""
        return _matches(device, self.devices)


def read(common: Common, content: Table) -> SparkplugSource:
    """The source in this table. Raises UsageError."""
    broker = read_broker(common, content)
    group = content.needed("group", _level, '"Plant1"')
    nodes = content.take("nodes", texts) or ()
    devices = content.take("devices", texts) or ()
    named = content.take("metrics", lambda value: _rows(value, content.where)) or ()
    source = SparkplugSource(
        common,
        broker,
        group,
        nodes,
        devices,
        named,
        content.usual("tag", lambda value: check_pattern(text(value)), "" if named else TAG),
        content.usual("host", _level, ""),
        content.usual("rebirth", flag, True),
        content.usual("browse_rebirth", flag, False),
    )
    for (node, device, name), _ in named:
        if not source.reads_node(node) or not source.reads_device(device):
            raise UsageError(
                f"metrics: {node}/{device}/{name} is named, but nodes and devices leave it out",
                where=content.where,
                hint="Add its node or device there",
            )
    return source


def items(source: SparkplugSource) -> dict[str, Any]:
    """The keys of the table; see `SourceKind.items`."""
    rows = [{"metric": "/".join(place), "tag": tag} for place, tag in source.named]
    return {
        "url": source.broker.place,
        "group": source.group,
        "nodes": list(source.nodes) or None,
        "devices": list(source.devices) or None,
        "tag": _unless(source.tag, "" if source.named else TAG),
        "host": source.host or None,
        "rebirth": _unless(source.rebirth, True),
        "browse_rebirth": source.browse_rebirth or None,
        **broker_items(source.common, source.broker),
        "metrics": rows or None,
    }


KIND = SourceKind(
    kind="sparkplug",
    label="Sparkplug B",
    read=read,
    items=items,
    module="sensormon.sources.sparkplug.opening",
    new_tags=True,
)


def place_of(value: str) -> Place:
    """The metric that NODE/DEVICE/METRIC names; of a node itself it is NODE//METRIC. Raises ValueError."""
    node, _, rest = value.partition("/")
    device, _, name = rest.partition("/")
    if not node or not name:
        raise ValueError(f"{value[:100]!r} is not NODE/DEVICE/METRIC, or NODE//METRIC for a node's own")
    return _level(node), device and _level(device), name


# -- readers of values; each raises ValueError ------------------------------------------


def _rows(value: Any, where: str) -> tuple[tuple[Place, str], ...]:
    if not isinstance(value, list):
        raise ValueError("[[…metrics]] tables are needed")
    if len(value) > MOST_TAGS:
        raise ValueError(f"more than {MOST_TAGS:,}")
    rows = [_row(table(content), f"{where}, metric {number}") for number, content in enumerate(value, 1)]
    for what in ({place for place, _ in rows}, {tag for _, tag in rows}):
        if len(what) < len(rows):
            raise ValueError("a metric or a tag is named twice")
    return tuple(rows)


def _row(content: Mapping[str, Any], where: str) -> tuple[Place, str]:
    own = Table(where, content)
    place = own.needed("metric", lambda value: place_of(text(value)), '"edge1/pump/Flow"')
    tag = own.needed("tag", _tag, '"pump_flow"')
    own.end()
    return place, tag


def _tag(value: Any) -> str:
    name = text(value)
    if not NAME.fullmatch(name):
        raise ValueError(f"{name[:100]!r} cannot be a tag's name: use letters, digits and _ . : / -")
    return name


def _level(value: Any) -> str:
    name = text(value)
    if len(name) > LONGEST_NAME or any(mark in name for mark in "/+#"):
        raise ValueError(f"a name without / + # of at most {LONGEST_NAME} characters is needed")
    return name


def _unless(value: Any, usual: Any) -> Any:
    return None if value == usual else value


def _matches(name: str, patterns: tuple[str, ...]) -> bool:
    return not patterns or any(fnmatchcase(name, pattern) for pattern in patterns)
