"""What a server says of its nodes: type, unit, ranges, words; and the tags that they become."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from asyncua import ua

from sensormon.model.errors import SourceError, UsageError
from sensormon.model.tags import MOST_STATES, UNFIT, Tag, make_tag
from sensormon.sources.opcua.session import Session
from sensormon.sources.opcua.values import status_of
from sensormon.sources.opcua.words import status_name

Item = TypeVar("Item")

_PROPERTIES = (
    "EngineeringUnits",
    "EURange",
    "InstrumentRange",
    "ValuePrecision",
    "EnumStrings",
    "EnumValues",
    "TrueState",
    "FalseState",
)
_OF_TYPES = ("EnumStrings", "EnumValues")
_ATTRIBUTES = (
    ua.AttributeIds.DataType,
    ua.AttributeIds.ValueRank,
    ua.AttributeIds.DisplayName,
    ua.AttributeIds.AccessLevel,
)
_BUILT_IN = 29
"""Types with a higher number are made of the built-in ones; 29 is Enumeration."""
_PRECISIONS = range(13)
_HISTORY_READ = 0x04
"""The bit of AccessLevel that says that there is a history."""
_PER_NODE = len(_PROPERTIES) + len(_ATTRIBUTES)


@dataclass(frozen=True)
class Facts:
    """Of one node. `problem` says why it cannot be read, such as BadNodeIdUnknown; empty if it can."""

    node: ua.NodeId
    problem: str = ""
    label: str = ""
    data_type: ua.NodeId | None = None
    array: bool = False
    history: bool = False
    unit: str = ""
    normal: tuple[float, float] | None = None
    valid: tuple[float, float] | None = None
    decimals: int | None = None
    words: dict[int, str] = field(default_factory=dict)
    truths: tuple[str, str] | None = None


def chunks(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    """The items in pieces of at most this size."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


async def node_ids(session: Session, texts: Iterable[str], place: str) -> list[ua.NodeId]:
    """The nodes with these addresses; `nsu=` is looked up in the server's own table. Raises SourceError."""
    namespaces: list[str] = []
    ids = []
    for text in texts:
        plain = text
        if text.startswith("nsu="):
            if not namespaces:
                namespaces = await _namespaces(session)
            uri, _, rest = text[4:].partition(";")
            if uri not in namespaces:
                ids.append(ua.NodeId.from_string(f"ns=65535;{rest}"))  # which no server has: BadNodeIdUnknown
                continue
            plain = f"ns={namespaces.index(uri)};{rest}"
        try:
            ids.append(ua.NodeId.from_string(plain))
        except (ua.UaError, ValueError) as error:
            raise SourceError(
                f"{text!r} is not the address of a node", where=place, hint="Write it as ns=2;s=TI-101"
            ) from error
    return ids


async def _namespaces(session: Session) -> list[str]:
    values = await session.read_attributes(
        [ua.NodeId(ua.ObjectIds.Server_NamespaceArray)], ua.AttributeIds.Value
    )
    return [str(uri) for uri in _plain(values[0]) or []]


async def describe(session: Session, nodes: Sequence[ua.NodeId], per_call: int) -> list[Facts]:
    """What the server says of these nodes, in their order."""
    facts: list[Facts] = []
    for piece in chunks(nodes, max(1, per_call // _PER_NODE)):
        attributes = await _read(session, [(node, attribute) for node in piece for attribute in _ATTRIBUTES])
        properties = await _properties(session, [(node, name) for node in piece for name in _PROPERTIES])
        for place, node in enumerate(piece):
            own = attributes[place * len(_ATTRIBUTES) : (place + 1) * len(_ATTRIBUTES)]
            facts.append(_facts(node, own, {name: properties.get((node, name)) for name in _PROPERTIES}))
    return await _with_words_of_types(session, facts, per_call)


def tag_of(facts: Facts, name: str) -> Tag:
    """The tag that this node becomes: what cannot be in a tag is left out."""
    content: dict[str, Any] = {"simulated": False}
    if label := _clean(facts.label):
        content["label"] = label
    words = [_clean(word) for _, word in sorted(facts.words.items())]
    if facts.truths:
        states = [_clean(word) for word in facts.truths]
        content |= {"states": states} if len({word.casefold() for word in states if word}) == 2 else {}
    elif words:
        content |= {"states": words[:MOST_STATES]}
    if "states" not in content:
        content |= _kind_of(facts)
    try:
        return make_tag(name, content)
    except UsageError:  # such as two words that are the same
        return Tag(name, name, simulated=False, kind="text" if words else content.get("kind", "number"))


def _kind_of(facts: Facts) -> dict[str, Any]:
    kind = facts.data_type.Identifier if facts.data_type and not facts.data_type.NamespaceIndex else None
    if kind == ua.ObjectIds.Boolean:
        return {"kind": "boolean"}
    if kind in (ua.ObjectIds.String, ua.ObjectIds.LocalizedText):
        return {"kind": "text"}
    content: dict[str, Any] = {"unit": _clean(facts.unit)}
    valid, normal = facts.valid, facts.normal
    if valid:
        content["valid"] = list(valid)
    if normal and valid:
        normal = (max(normal[0], valid[0]), min(normal[1], valid[1]))
    if normal and normal[0] < normal[1]:
        content["normal"] = list(normal)
    if facts.decimals is not None:
        content["resolution"] = float(f"1e-{facts.decimals}")
    return content


def _clean(text: str) -> str:
    return UNFIT.sub("", text).strip()


async def _read(session: Session, pairs: Sequence[tuple[ua.NodeId, ua.AttributeIds]]) -> list[ua.DataValue]:
    parameters = ua.ReadParameters()
    parameters.NodesToRead = [ua.ReadValueId(NodeId=node, AttributeId=attribute) for node, attribute in pairs]
    values: list[ua.DataValue] = await session.read(parameters)
    return values


async def _properties(
    session: Session, wanted: Sequence[tuple[ua.NodeId, str]]
) -> dict[tuple[ua.NodeId, str], Any]:
    """The values of those of these properties that there are."""
    results = await session.translate_browsepaths_to_nodeids([_path(node, name) for node, name in wanted])
    present = [
        (pair, result.Targets[0].TargetId)
        for pair, result in zip(wanted, results, strict=True)
        if result.StatusCode.is_good() and result.Targets
    ]
    if not present:
        return {}
    values = await _read(session, [(target, ua.AttributeIds.Value) for _, target in present])
    return {pair: _plain(value) for (pair, _), value in zip(present, values, strict=True)}


def _path(node: ua.NodeId, name: str) -> ua.BrowsePath:
    element = ua.RelativePathElement()
    element.ReferenceTypeId = ua.NodeId(ua.ObjectIds.HasProperty)
    element.IsInverse = False
    element.IncludeSubtypes = True
    element.TargetName = ua.QualifiedName(name, 0)
    path = ua.BrowsePath()
    path.StartingNode = node
    path.RelativePath.Elements = [element]
    return path


def _plain(value: ua.DataValue) -> Any:
    return value.Value.Value if value.Value is not None and status_of(value) >> 30 != 2 else None


def _facts(node: ua.NodeId, attributes: Sequence[ua.DataValue], properties: dict[str, Any]) -> Facts:
    data_type, rank, label, access = (_plain(value) for value in attributes)
    if status_of(attributes[0]) >> 30 == 2:
        return Facts(node, problem=status_name(status_of(attributes[0])))
    true, false = properties["TrueState"], properties["FalseState"]
    return Facts(
        node,
        label=_text(label),
        data_type=data_type if isinstance(data_type, ua.NodeId) else None,
        array=isinstance(rank, int) and rank >= 0,
        history=isinstance(access, int) and bool(access & _HISTORY_READ),
        unit=_text(getattr(properties["EngineeringUnits"], "DisplayName", None)),
        normal=_range(properties["EURange"]),
        valid=_range(properties["InstrumentRange"]),
        decimals=_decimals(properties["ValuePrecision"]),
        words=_words(properties),
        truths=(_text(false), _text(true)) if true is not None and false is not None else None,
    )


async def _with_words_of_types(session: Session, facts: list[Facts], per_call: int) -> list[Facts]:
    """The words of enumerations, which belong to the type rather than to the node."""
    types = list(
        dict.fromkeys(
            fact.data_type
            for fact in facts
            if fact.data_type and not fact.words and _may_be_enumeration(fact.data_type)
        )
    )
    words: dict[ua.NodeId, dict[int, str]] = {}
    for piece in chunks(types, max(1, per_call // len(_OF_TYPES))):
        properties = await _properties(session, [(kind, name) for kind in piece for name in _OF_TYPES])
        for kind in piece:
            words[kind] = _words({name: properties.get((kind, name)) for name in _OF_TYPES})
    return [_with_words(fact, words) for fact in facts]


def _with_words(fact: Facts, words: dict[ua.NodeId, dict[int, str]]) -> Facts:
    if fact.data_type is None or not words.get(fact.data_type):
        return fact
    return Facts(**{**vars(fact), "words": words[fact.data_type]})


def _may_be_enumeration(kind: ua.NodeId) -> bool:
    return bool(kind.NamespaceIndex) or not isinstance(kind.Identifier, int) or kind.Identifier >= _BUILT_IN


def _words(properties: dict[str, Any]) -> dict[int, str]:
    values, strings = properties.get("EnumValues"), properties.get("EnumStrings")
    if isinstance(values, list) and values:
        return {int(item.Value): _text(item.DisplayName) for item in values if hasattr(item, "DisplayName")}
    if isinstance(strings, list):
        return {place: _text(text) for place, text in enumerate(strings)}
    return {}


def _text(value: Any) -> str:
    return str(getattr(value, "Text", value) or "")


def _range(value: Any) -> tuple[float, float] | None:
    low, high = getattr(value, "Low", None), getattr(value, "High", None)
    if not isinstance(low, int | float) or not isinstance(high, int | float) or not low < high:
        return None
    span = (float(low), float(high))
    return span if all(abs(end) < 1e300 for end in span) else None


def _decimals(value: Any) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or int(value) not in _PRECISIONS:
        return None
    return int(value)
