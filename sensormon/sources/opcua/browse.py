"""The tree of a server's nodes, a level at a time, with value, type and unit of each."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from asyncua import ua

from sensormon.model.tags import NAME
from sensormon.sources.connected import Offer
from sensormon.sources.opcua.nodes import Facts, chunks, describe, tag_of
from sensormon.sources.opcua.session import Session
from sensormon.sources.opcua.values import status_of
from sensormon.sources.opcua.words import status_name

MOST_OFFERS = 1_000
_A_CALL = 1_000
_LONGEST_NAME = 128
_SHOWN = 60
_UNFIT = re.compile(r"[^A-Za-z0-9_.:/\-]+")


@dataclass(frozen=True)
class Child:
    """A node below another: an object or folder, or a variable, which may be read."""

    node: ua.NodeId
    name: str
    label: str
    variable: bool


async def children(session: Session, parent: ua.NodeId, most: int) -> list[Child]:
    """The objects and variables right below this node, at most so many; properties are left out."""
    description = ua.BrowseDescription()
    description.NodeId = parent
    description.BrowseDirection = ua.BrowseDirection.Forward
    description.ReferenceTypeId = ua.NodeId(ua.ObjectIds.HierarchicalReferences)
    description.IncludeSubtypes = True
    description.NodeClassMask = ua.NodeClass.Object | ua.NodeClass.Variable
    description.ResultMask = ua.BrowseResultMask.All
    parameters = ua.BrowseParameters()
    parameters.RequestedMaxReferencesPerNode = _A_CALL
    parameters.NodesToBrowse = [description]
    result = (await session.browse(parameters))[0]
    result.StatusCode.check()
    references = list(result.References or [])
    while result.ContinuationPoint:
        further = ua.BrowseNextParameters()
        further.ContinuationPoints = [result.ContinuationPoint]
        further.ReleaseContinuationPoints = len(references) >= most
        results = await session.browse_next(further)
        if len(references) >= most or not results:
            break
        result = results[0]
        references.extend(result.References or [])
    unique = {
        reference.NodeId: reference
        for reference in references
        if reference.ReferenceTypeId != ua.NodeId(ua.ObjectIds.HasProperty)
    }
    return [_child(reference) for reference in unique.values()][:most]


async def offers(session: Session, parent: ua.NodeId, per_call: int) -> list[Offer]:
    """What is right below this node, with value, type and unit of the variables, read in bulk."""
    below = await children(session, parent, MOST_OFFERS)
    variables = [child.node for child in below if child.variable]
    facts = dict(zip(variables, await describe(session, variables, per_call), strict=True))
    values: dict[ua.NodeId, ua.DataValue] = {}
    for piece in chunks(variables, per_call):
        answers = await session.read_attributes(list(piece), ua.AttributeIds.Value)
        values.update(zip(piece, answers, strict=True))
    return [_offer(child, facts.get(child.node), values.get(child.node)) for child in below]


def tag_name(name: str) -> str:
    """A name for the tag of a node that is called so."""
    plain = _UNFIT.sub("_", name).strip("_.:/-").casefold()[:_LONGEST_NAME]
    return plain if NAME.fullmatch(plain) else "node"


def _child(reference: Any) -> Child:
    node = ua.NodeId(
        reference.NodeId.Identifier, reference.NodeId.NamespaceIndex, reference.NodeId.NodeIdType
    )
    name = str(reference.BrowseName.Name or "")
    label = str(reference.DisplayName.Text or name)
    return Child(node, name, label, reference.NodeClass == ua.NodeClass.Variable)


def _offer(child: Child, facts: Facts | None, value: ua.DataValue | None) -> Offer:
    address = child.node.to_string()
    if facts is None or value is None:
        return Offer(address, child.label, has_more=True)
    status = status_of(value)
    content = value.Value.Value if value.Value is not None else None
    usable = not facts.array and not isinstance(content, list) and not facts.problem
    unit = f" {facts.unit}" if facts.unit else ""
    shown = _shown(facts, content) + unit if content is not None else ""
    details = [_type_name(facts)]
    if not usable:
        details.append(facts.problem or "an array, which is no reading")
    if status:
        details.append(status_name(status))
    tag = tag_of(facts, tag_name(child.name)) if usable else None
    return Offer(address, child.label, False, tag, shown, ", ".join(details))


def _shown(facts: Facts, content: Any) -> str:
    word = facts.words.get(content) if isinstance(content, int) else None
    text = word or str(getattr(content, "Text", content))
    return "".join(char if char.isprintable() else "·" for char in text[:_SHOWN])


def _type_name(facts: Facts) -> str:
    kind = facts.data_type
    if facts.words:
        return "enumeration"
    if kind is None or kind.NamespaceIndex or not isinstance(kind.Identifier, int):
        return "of its own type"
    return str(ua.ObjectIdNames.get(kind.Identifier, f"type {kind.Identifier}"))


def count_bad(values: Sequence[ua.DataValue]) -> int:
    """How many of these are bad."""
    return sum(status_of(value) >> 30 == 2 for value in values)
