"""The address space of our OPC UA server: a folder for each group, a variable for each tag.

    Objects/Sensormon/GROUP/TAG                value, status, the reading's own time
                          /EngineeringUnits, EURange
                          /Flag, State, Score, Reason

What it is not: history; the store has it.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterable, Mapping

from asyncua import Node, Server, ua

from sensormon.model.tags import BOOLEAN, Tag
from sensormon.model.timestamps import to_datetime
from sensormon.outputs.event_look import FlagState, TagFlag
from sensormon.outputs.values import TagValue

NAMESPACE = "urn:sensormon:tags"
PARTS = ("Flag", "State", "Score", "Reason")
_UNITS = {
    "°C": "CEL",
    "K": "KEL",
    "%": "P1",
    "bar": "BAR",
    "mbar": "MBR",
    "Pa": "PAL",
    "kPa": "KPA",
    "rpm": "RPM",
    "pH": "Q30",
    "kg": "KGM",
    "g": "GRM",
    "L": "LTR",
    "l": "LTR",
    "m": "MTR",
    "mm": "MMT",
    "s": "SEC",
    "V": "VLT",
    "A": "AMP",
    "W": "WTT",
    "kW": "KWT",
    "Hz": "HTZ",
    "m³/h": "MQH",
    "l/min": "L2",
}
"""Common codes of UNECE Recommendation 20, by our unit; OPC UA numbers a unit by the bytes of its code."""
_UNECE = "http://www.opcfoundation.org/UA/units/un/cefact"
_WAITING = ua.StatusCode(ua.StatusCodes.BadWaitingForInitialData)
_NO_SCORE = ua.StatusCode(ua.StatusCodes.BadNoData)


class Space:
    """Of one server that is initialised. Of the loop that the server has."""

    def __init__(self, server: Server, index: int, top: Node) -> None:
        self._server = server
        self._index = index
        self._top = top
        self._tags: dict[str, Tag] = {}
        self._folders: dict[str, Node] = {}

    @classmethod
    async def below(cls, server: Server) -> Space:
        """An empty one, in a folder of its own."""
        index = await server.register_namespace(NAMESPACE)
        top = await server.nodes.objects.add_folder(ua.NodeId("#Sensormon", index), f"{index}:Sensormon")
        return cls(server, index, top)

    async def have(self, tags: Iterable[Tag]) -> bool:
        """Let there be nodes for these tags alone; others take a turn of the loop now and then meanwhile.
        Returns whether anything has changed.
        """
        wanted = {tag.name: tag for tag in tags}
        gone = [name for name, tag in self._tags.items() if wanted.get(name) != tag]
        if gone:
            nodes = [self._server.get_node(self._id(name)) for name in gone]
            await self._server.delete_nodes(nodes, recursive=True)
        for name in gone:
            del self._tags[name]
        new = [tag for name, tag in wanted.items() if name not in self._tags]
        for tag in new:
            await self._add(tag)
            self._tags[tag.name] = tag
            await asyncio.sleep(0)
        if gone:
            await self._drop_folders()
        return bool(gone or new)

    async def values(self, values: Iterable[TagValue]) -> int:
        """Write readings; returns how many. Those of tags without a node are left out."""
        count = 0
        for value in values:
            tag = self._tags.get(value.tag)
            if tag is None:
                continue
            await self._write(self._id(tag.name), _data_value(tag, value))
            score = _score(value)
            await self._write(self._id(tag.name, "Score"), score)
            count += 1
        return count

    async def flags(self, flags: Iterable[TagFlag], now: int) -> None:
        """Write states, and why."""
        for flag in flags:
            if flag.tag not in self._tags:
                continue
            time = to_datetime(flag.since or now)
            why = flag.event.why if flag.event else ""
            for part, variant in (
                ("Flag", ua.Variant(flag.state is FlagState.FLAGGED, ua.VariantType.Boolean)),
                ("State", ua.Variant(str(flag.state), ua.VariantType.String)),
                ("Reason", ua.Variant(why, ua.VariantType.String)),
            ):
                await self._write(self._id(flag.tag, part), ua.DataValue(variant, SourceTimestamp=time))

    def _id(self, name: str, part: str = "") -> ua.NodeId:
        """No tag has a # in its name."""
        return ua.NodeId(f"{name}#{part}" if part else name, self._index)

    async def _write(self, node: ua.NodeId, value: ua.DataValue) -> None:
        await self._server.write_attribute_value(node, value)

    async def _add(self, tag: Tag) -> None:
        index, folder = self._index, await self._folder(tag.group)
        kind = _variant_type(tag)
        start: Mapping[ua.VariantType, object] = {
            ua.VariantType.Double: 0.0,
            ua.VariantType.Boolean: False,
            ua.VariantType.String: "",
        }
        name = f"{index}:{tag.name}"
        node = await folder.add_variable(self._id(tag.name), name, start[kind], kind)
        await self._describe(node, tag)
        for part, varianttype in (
            ("Flag", ua.VariantType.Boolean),
            ("State", ua.VariantType.String),
            ("Score", ua.VariantType.Double),
            ("Reason", ua.VariantType.String),
        ):
            await node.add_variable(
                self._id(tag.name, part), f"{index}:{part}", start[varianttype], varianttype
            )
        for waiting in (self._id(tag.name), self._id(tag.name, "Score")):
            await self._write(waiting, ua.DataValue(StatusCode=_WAITING))
        await self._write(
            self._id(tag.name, "State"), ua.DataValue(ua.Variant(str(FlagState.OK), ua.VariantType.String))
        )

    async def _describe(self, node: Node, tag: Tag) -> None:
        """Its label, unit and range."""
        label = ua.DataValue(ua.Variant(ua.LocalizedText(tag.label), ua.VariantType.LocalizedText))
        await self._server.write_attribute_value(node.nodeid, label, ua.AttributeIds.DisplayName)
        if tag.unit:
            unit_id = self._id(tag.name, "EngineeringUnits")
            await node.add_property(unit_id, "0:EngineeringUnits", _unit(tag.unit))
        if all(map(math.isfinite, tag.valid)):
            span = ua.Range(Low=tag.valid[0], High=tag.valid[1])
            await node.add_property(self._id(tag.name, "EURange"), "0:EURange", span)

    async def _folder(self, group: str) -> Node:
        """The folder of this group; a slash in it is a folder in a folder."""
        parent, path = self._top, ""
        for level in filter(None, (part.strip() for part in group.split("/"))):
            path = f"{path}/{level}"
            if path not in self._folders:
                self._folders[path] = await parent.add_folder(
                    ua.NodeId(f"#{path}", self._index), f"{self._index}:{level}"
                )
            parent = self._folders[path]
        return parent

    async def _drop_folders(self) -> None:
        """Those that no tag is in any longer."""
        used = set()
        for tag in self._tags.values():
            levels = [part.strip() for part in tag.group.split("/") if part.strip()]
            used |= {"/" + "/".join(levels[:count]) for count in range(1, len(levels) + 1)}
        for path in sorted(self._folders.keys() - used, reverse=True):
            await self._server.delete_nodes([self._folders.pop(path)])


def _variant_type(tag: Tag) -> ua.VariantType:
    if tag.kind == "boolean":
        return ua.VariantType.Boolean
    return ua.VariantType.String if tag.has_states else ua.VariantType.Double


def _data_value(tag: Tag, value: TagValue) -> ua.DataValue:
    """A reading; of a bad one there is a status and no value, as OPC UA has it."""
    kind, content = _variant_type(tag), value.value
    if tag.kind == "boolean":
        content = None if content is None else content == BOOLEAN[1]
    fits = content is not None and isinstance(content, str) == (kind is ua.VariantType.String)
    status = ua.StatusCode(value.quality if fits or not value.is_good else ua.StatusCodes.BadNoData)
    variant = ua.Variant(content, kind) if fits else None
    return ua.DataValue(variant, StatusCode=status, SourceTimestamp=to_datetime(value.time))


def _score(value: TagValue) -> ua.DataValue:
    time = to_datetime(value.time)
    if value.score is None:
        return ua.DataValue(StatusCode=_NO_SCORE, SourceTimestamp=time)
    return ua.DataValue(ua.Variant(value.score, ua.VariantType.Double), SourceTimestamp=time)


def _unit(unit: str) -> ua.EUInformation:
    code = _UNITS.get(unit, "")
    text = ua.LocalizedText(unit)
    number = int.from_bytes(code.encode(), "big") if code else -1
    return ua.EUInformation(
        NamespaceUri=_UNECE if code else NAMESPACE, UnitId=number, DisplayName=text, Description=text
    )
