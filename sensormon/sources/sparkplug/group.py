"""All edge nodes of a group: messages of the broker in, readings of tags out.

What it is not: a connection; it asks nobody for anything. Its memory is bounded: nodes, metrics and payloads
beyond the bounds are refused with the reason.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from sensormon.model import timestamps
from sensormon.model.readings import Quality, Reading, Reason, Rejection
from sensormon.model.tags import BOOLEAN, Tag
from sensormon.sources.mqtt.session import Arrived
from sensormon.sources.sparkplug.definitions import tag_of
from sensormon.sources.sparkplug.kind import Place, SparkplugSource
from sensormon.sources.sparkplug.nodes import (
    Brought,
    Measured,
    Message,
    NodeState,
    Refused,
    in_doubt,
    received,
)
from sensormon.sources.sparkplug.payload import Unreadable, Value, decode
from sensormon.sources.sparkplug.tag_names import tag_name
from sensormon.sources.sparkplug.topics import Address, Kind, address_of

MOST_NODES = 2_000
MOST_PLACES = 200_000
"""Metrics of all nodes, with those of earlier births."""
RETAINED = "a retained message, which is not of now"
UNREADABLE = "a payload cannot be read"
ELSEWHERE = "a message that is not of a node or a device"
_EXACT = 1 << 53
"""Whole numbers up to here are the same as numbers of a reading."""
_SHOWN = 200


@dataclass(frozen=True)
class Step:
    """What a message of `node` brought. `tags` are those of a birth certificate, by how it describes them."""

    node: str = ""
    readings: Sequence[Reading] = ()
    rejections: Sequence[Rejection] = ()
    tags: Sequence[Tag] = ()
    gap: str = ""
    rebirth: bool = False
    born: bool = False
    notes: Sequence[str] = ()
    brought: Brought = field(default_factory=Brought)


class Group:
    """Of one source and one run. Not thread-safe."""

    def __init__(self, config: SparkplugSource) -> None:
        self._config = config
        self._named = dict(config.named)
        self._nodes: dict[str, NodeState] = {}
        self._tags: dict[Place, str] = {}
        """The tag of each metric that was met; "" for one that is not read."""
        self._owners: dict[str, Place] = {tag: place for place, tag in config.named}
        self._last: dict[str, float | str] = {}
        """The newest value of each tag, which a reading without a value has."""

    @property
    def nodes(self) -> Collection[str]:
        """The edge nodes that were met."""
        return self._nodes.keys()

    def doubt(self) -> None:
        """Messages may have passed unseen, of all nodes."""
        self._nodes = {node: in_doubt(state) for node, state in self._nodes.items()}

    def handle(self, arrived: Arrived) -> Step:
        """What this message means."""
        address = address_of(arrived.topic)
        if address is None or address.group != self._config.group:
            return Step(notes=(ELSEWHERE,))
        if not self._config.reads_node(address.node):
            return Step()
        if arrived.retain:
            return Step(notes=(RETAINED,))
        try:
            payload = decode(arrived.payload)
        except Unreadable as error:
            rejection = self._rejection(arrived.time, "", arrived.time, "", str(error))
            return Step(address.node, rejections=(rejection,), notes=(UNREADABLE,))
        if address.node not in self._nodes and len(self._nodes) >= MOST_NODES:
            detail = f"the group has more than {MOST_NODES:,} edge nodes"
            return Step(rejections=(self._rejection(arrived.time, "", arrived.time, "", detail),))
        message = Message(
            address.kind, address.device, payload, arrived.time, hash((arrived.topic, arrived.payload))
        )
        state, brought = received(self._nodes.get(address.node, NodeState()), message)
        self._nodes[address.node] = state
        return self._step(address, arrived.time, brought)

    def _step(self, address: Address, now: int, brought: Brought) -> Step:
        readings: list[Reading] = []
        rejections: list[Rejection] = []
        if self._config.reads_device(address.device) or address.kind is Kind.NDEATH:
            self._measured(address, now, brought.measured, readings, rejections)
            self._refused(address.node, now, brought.refused, rejections)
            self._lost(address.node, brought, readings)
        return Step(
            address.node,
            readings,
            rejections,
            self._defined(address, brought),
            brought.gap,
            brought.rebirth,
            address.kind is Kind.NBIRTH,
            brought.notes,
            brought,
        )

    def _measured(
        self,
        address: Address,
        now: int,
        measured: Sequence[Measured],
        readings: list[Reading],
        rejections: list[Rejection],
    ) -> None:
        birth = address.kind in (Kind.NBIRTH, Kind.DBIRTH)
        for row in measured:
            try:
                tag = self._tag(address.node, row.device, row.name)
                no_value_yet = birth and row.value is None and tag not in self._last
                if tag and not no_value_yet:
                    readings.append(self._reading(tag, row))
            except ValueError as error:
                shown = self._named.get((address.node, row.device, row.name), row.name)
                value = "" if row.value is None else str(row.value)
                rejections.append(self._rejection(now, shown, row.time, value, str(error)))

    def _reading(self, tag: str, row: Measured) -> Reading:
        """Raises ValueError if it has no value, now or before, or one that cannot be kept as it is."""
        value = None if row.value is None else _kept(row.value)
        if value is None or (row.quality >> 30 and isinstance(value, float) and not math.isfinite(value)):
            if tag not in self._last:
                raise ValueError("it is null, and there was no value before")
            value = self._last[tag]
        elif not row.historical and not (isinstance(value, float) and not math.isfinite(value)):
            self._last[tag] = value
        return Reading(tag, row.time, value, row.quality)

    def _refused(self, node: str, now: int, refused: Sequence[Refused], rejections: list[Rejection]) -> None:
        for row in refused:
            try:
                tag = self._tag(node, row.device, row.name) if row.name else f"{node}/{row.device}"
            except ValueError:
                tag = row.name
            if tag:
                rejections.append(self._rejection(now, tag, row.time, row.value, row.detail))

    def _lost(self, node: str, brought: Brought, readings: list[Reading]) -> None:
        """Metrics without a connection have their last value, with the quality that says so."""
        for device, name in brought.lost:
            tag = self._tags.get((node, device, name), "")
            if tag in self._last:
                quality = int(Quality.BAD_NO_COMMUNICATION)
                readings.append(Reading(tag, brought.lost_at, self._last[tag], quality))

    def _defined(self, address: Address, brought: Brought) -> list[Tag]:
        tags = []
        for metric in brought.defined:
            tag = self._tags.get((address.node, address.device, metric.name), "")
            if tag:
                tags.append(tag_of(tag, address.node, metric))
        return tags

    def _tag(self, node: str, device: str, name: str) -> str:
        """The tag of a metric; "" if it is not read. Raises ValueError if it can have none."""
        place = (node, device, name)
        known = self._tags.get(place)
        if known is None:
            if len(self._tags) >= MOST_PLACES:
                raise ValueError(f"the group has more than {MOST_PLACES:,} metrics")
            known = self._tags[place] = self._new_tag(place)
        return known

    def _new_tag(self, place: Place) -> str:
        if place in self._named:
            return self._named[place]
        if not self._config.tag or not self._config.reads_device(place[1]):
            return ""
        try:
            tag = tag_name(self._config.tag, self._config.group, *place)
        except ValueError as error:
            raise ValueError(f"{error}: name it under metrics") from error
        owner = self._owners.setdefault(tag, place)
        if owner != place:
            other = "/".join(owner)
            raise ValueError(f"the metric {other} has the tag {tag} already: name it under metrics")
        return tag

    def _rejection(self, now: int, tag: str, time: int, value: str, detail: str) -> Rejection:
        return Rejection(
            self._config.name,
            now,
            0,
            _short(tag),
            timestamps.render(time),
            _short(value),
            Reason.MALFORMED,
            detail,
        )


def _kept(value: Value) -> float | str:
    """The value as a reading has it."""
    if isinstance(value, bool):
        return BOOLEAN[value]
    if isinstance(value, str):
        return value
    if isinstance(value, int) and abs(value) > _EXACT:
        raise ValueError(f"a whole number above {_EXACT:,} would not be kept exactly")
    return float(value)


def _short(text: str) -> str:
    """As text that can be stored."""
    text = text.replace("\x00", "␀")
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"
