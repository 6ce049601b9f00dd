"""What an edge node has said of itself, and what the next message of it means.

Plain functions over frozen values: `received(state, message)` gives the next state and what the message
brought. A birth certificate says which metrics there are, with their datatypes and aliases; a new one of the
node makes all earlier ones void. Births, data and deaths of devices carry one sequence number of the node,
which a birth of the node begins.

Sparkplug travels at QoS 0, so messages may be missing. After a gap an alias may mean something else, since a
birth may be among what is missing: a metric is then taken only if it says by itself what it is, by name and
datatype, until the node is born again. Messages of a node come in order over one connection, so nothing is
put in order here: what comes late is a gap and then a second one.

What it is not: a connection, or how often a rebirth may be requested.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from sensormon.sources.sparkplug.payload import (
    SEQUENCE,
    DataType,
    Metric,
    Payload,
    Unreadable,
    Value,
    datatype_of,
    meant,
)
from sensormon.sources.sparkplug.qualities import quality
from sensormon.sources.sparkplug.topics import Kind

BD_SEQ = "bdSeq"
REBIRTH = "Node Control/Rebirth"
_CONTROL = ("Node Control/", "Device Control/")
MOST_DEVICES = 2_000
"""Of a node."""
MOST_METRICS = 100_000
"""Of a node with its devices."""
MISSING = "messages are missing (sequence number)"
UNBORN = "data came before its birth certificate"
STALE_DEATH = "a death certificate of an earlier session"
REPEATED = "a message came twice"
TRANSIENT = "a transient metric, which is not to be stored"
NO_SEQUENCE = "a message without a sequence number"
NO_TIME = "a message without a time has that of its arrival"
NO_DATA = 0x809B_0000
"""The quality of null: BadNoData."""
_BIRTHS = (Kind.NBIRTH, Kind.DBIRTH)


@dataclass(frozen=True, slots=True)
class Part:
    """The node itself or one of its devices: datatypes by the metrics' names, names by their aliases."""

    datatypes: Mapping[str, int]
    aliases: Mapping[int, str]


@dataclass(frozen=True, slots=True)
class NodeState:
    """Of one edge node; the parts by device, "" is the node itself. Without a birth there is none.

    `doubted` are the parts that a birth may have changed unseen, since messages are missing. `seq` is that of
    the last message, `mark` tells whether it comes again. `waits`: from data before a birth until the birth.
    """

    parts: Mapping[str, Part] = field(default_factory=dict)
    doubted: frozenset[str] = frozenset()
    seq: int | None = None
    mark: int = 0
    bd_seq: int | None = None
    waits: bool = False

    @property
    def born(self) -> bool:
        """Whether its birth certificate holds."""
        return "" in self.parts


@dataclass(frozen=True, slots=True)
class Message:
    """Of one node: `device` is "" for the node itself, `arrived` µs UTC; `mark` is equal for equal bytes."""

    kind: Kind
    device: str
    payload: Payload
    arrived: int
    mark: int = 0


@dataclass(frozen=True, slots=True)
class Measured:
    """A metric's value; None is null. `time` is µs UTC, `quality` a status code of OPC UA."""

    device: str
    name: str
    time: int
    value: Value | None
    quality: int
    historical: bool = False


@dataclass(frozen=True, slots=True)
class Refused:
    """A metric that cannot be taken, with the reason for a person."""

    device: str
    name: str
    time: int
    value: str
    detail: str


@dataclass(frozen=True, slots=True)
class Defined:
    """A metric with a single value, as a birth certificate describes it."""

    device: str
    name: str
    datatype: DataType
    properties: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Brought:
    """What a message brought. `lost` are metrics (device, name) without a connection from `lost_at` on.

    `gap` says why readings may be missing, `rebirth` whether to request one; `notes` is what else happened.
    """

    measured: tuple[Measured, ...] = ()
    refused: tuple[Refused, ...] = ()
    defined: tuple[Defined, ...] = ()
    lost: tuple[tuple[str, str], ...] = ()
    lost_at: int = 0
    gap: str = ""
    rebirth: bool = False
    notes: tuple[str, ...] = ()


def received(state: NodeState, message: Message) -> tuple[NodeState, Brought]:
    """The state after this message, and what it brought."""
    match message.kind:
        case Kind.NDEATH:
            return _node_death(state, message)
        case Kind.NBIRTH:
            own = _part_of(message.payload)
            bd_seq = _bd_seq(message.payload)
            state = NodeState({"": own}, seq=message.payload.seq or 0, mark=message.mark, bd_seq=bd_seq)
            return state, _content(state, message)
        case Kind.DBIRTH | Kind.NDATA | Kind.DDATA | Kind.DDEATH:
            return _counted(state, message)
    return state, Brought()


def in_doubt(state: NodeState) -> NodeState:
    """The state after a time in which messages may have passed unseen."""
    return replace(state, doubted=frozenset(state.parts))


def is_sure(state: NodeState) -> bool:
    """Whether the node is born and nothing is in doubt."""
    return state.born and not state.doubted


def is_value(name: str) -> bool:
    """Whether a metric of this name is a value of the plant, and not the protocol's own."""
    return name != BD_SEQ and not name.startswith(_CONTROL)


# -- messages with a sequence number --------------------------------------------------


def _counted(state: NodeState, message: Message) -> tuple[NodeState, Brought]:
    if not state.born:
        brought = _content(state, message)
        gap = "" if state.waits else UNBORN
        return replace(state, waits=True), replace(brought, gap=gap, rebirth=True)
    seq, gap = message.payload.seq, ""
    notes = (NO_SEQUENCE,) if seq is None else ()
    if seq is not None:
        if seq == state.seq and message.mark == state.mark:
            return state, Brought(notes=(REPEATED,))
        if state.seq is not None and seq != (state.seq + 1) % SEQUENCE:
            state, gap = in_doubt(state), MISSING
        state = replace(state, seq=seq, mark=message.mark)
    after, brought = _of_device(state, message)
    return after, replace(
        brought,
        gap=gap or brought.gap,
        rebirth=brought.rebirth or not is_sure(after),
        notes=(*notes, *brought.notes),
    )


def _of_device(state: NodeState, message: Message) -> tuple[NodeState, Brought]:
    device = message.device
    if message.kind is Kind.DBIRTH:
        new, others = _part_of(message.payload), _without(state, device)
        if len(others.parts) > MOST_DEVICES or _size(others) + len(new.datatypes) > MOST_METRICS:
            detail = f"the node has more than {MOST_DEVICES:,} devices or {MOST_METRICS:,} metrics"
            return state, Brought(refused=(_refused(message, Metric(), detail),))
        state = replace(others, parts={**others.parts, device: new})
        return state, _content(state, message)
    part = state.parts.get(device)
    if part is None:
        gap = UNBORN if message.kind is Kind.DDATA else ""
        return state, replace(_content(state, message), gap=gap, rebirth=True)
    if message.kind is Kind.DDEATH:
        time = message.arrived if message.payload.time is None else message.payload.time
        return _without(state, device), Brought(lost=_values({device: part}), lost_at=time)
    return state, _content(state, message)


def _node_death(state: NodeState, message: Message) -> tuple[NodeState, Brought]:
    """The broker publishes what the node left there when it connected: its time is not that of the death."""
    if not state.born:
        return state, Brought()
    bd_seq = _bd_seq(message.payload)
    if None not in (bd_seq, state.bd_seq) and bd_seq != state.bd_seq:
        return state, Brought(notes=(STALE_DEATH,))
    return NodeState(), Brought(lost=_values(state.parts), lost_at=message.arrived)


def _values(parts: Mapping[str, Part]) -> tuple[tuple[str, str], ...]:
    return tuple(
        (device, name) for device, part in parts.items() for name in part.datatypes if is_value(name)
    )


def _bd_seq(payload: Payload) -> int | None:
    for metric in payload.metrics:
        if metric.name == BD_SEQ and metric.carrier in ("int_value", "long_value"):
            return int(metric.wire)
    return None


def _without(state: NodeState, device: str) -> NodeState:
    parts = {name: part for name, part in state.parts.items() if name != device}
    return replace(state, parts=parts, doubted=state.doubted - {device})


def _size(state: NodeState) -> int:
    return sum(len(part.datatypes) for part in state.parts.values())


def _part_of(payload: Payload) -> Part:
    """What this birth certificate says. An alias of two metrics is one of neither."""
    named = [metric for metric in payload.metrics if metric.name and not metric.problem]
    uses = Counter(metric.alias for metric in named if metric.alias is not None)
    aliases = {
        metric.alias: metric.name for metric in named if metric.alias is not None and uses[metric.alias] == 1
    }
    return Part({metric.name: metric.datatype for metric in named}, aliases)


# -- metrics --------------------------------------------------------------------------


def _content(state: NodeState, message: Message) -> Brought:
    """The metrics of a birth or of data, judged by this state."""
    if message.kind is Kind.DDEATH:
        return Brought()
    part, sure = state.parts.get(message.device), message.device not in state.doubted
    birth = message.kind in _BIRTHS
    measured, refused, notes = [], [], set()
    rebirth = False
    for metric in message.payload.metrics:
        name, detail = _name_of(metric, part, sure, birth)
        if not detail and not is_value(name):
            continue
        if metric.transient:
            notes.add(TRANSIENT)
            continue
        if not detail:
            try:
                measured.append(_measured(metric, name, part if sure else None, message))
                continue
            except Unreadable as error:
                detail = str(error)
        named = bool(metric.name) or metric.alias is not None
        rebirth |= not birth and named and (part is None or name not in part.datatypes)
        refused.append(_refused(message, metric, detail, name))
    if message.payload.time is None and any(metric.time is None for metric in message.payload.metrics):
        notes.add(NO_TIME)
    defined = tuple(
        Defined(message.device, metric.name, datatype, metric.properties)
        for metric in message.payload.metrics
        if birth and metric.name and not metric.problem and not metric.transient and is_value(metric.name)
        if (datatype := datatype_of(metric))
    )
    return Brought(tuple(measured), tuple(refused), defined, rebirth=rebirth, notes=tuple(sorted(notes)))


def _name_of(metric: Metric, part: Part | None, sure: bool, birth: bool) -> tuple[str, str]:
    """The metric's name, and why it cannot be taken; the latter empty if it can."""
    if metric.problem or metric.name:
        return metric.name, metric.problem
    if birth:
        return "", "a birth certificate has to name its metrics"
    if metric.alias is None:
        return "", "it has neither a name nor an alias"
    name = part.aliases.get(metric.alias, "") if part else ""
    if part is None:
        return "", f"the alias {metric.alias} came before a birth certificate that says its name"
    if not sure:
        return name, f"messages are missing, after which the alias {metric.alias} may mean something else"
    return name, "" if name else f"the alias {metric.alias} is not in the birth certificate"


def _measured(metric: Metric, name: str, part: Part | None, message: Message) -> Measured:
    """Raises Unreadable if the metric has no single value."""
    datatype = part.datatypes.get(name, 0) if part else 0
    code = quality(metric.properties)
    if metric.null:
        value, code = None, code if code >> 30 else NO_DATA
    else:
        value = meant(metric, datatype)
    return Measured(message.device, name, _time(metric, message), value, code, metric.historical)


def _refused(message: Message, metric: Metric, detail: str, name: str = "") -> Refused:
    value = str(metric.wire) if metric.carrier else ""
    return Refused(message.device, name or metric.name, _time(metric, message), value, detail)


def _time(metric: Metric, message: Message) -> int:
    if metric.time is not None:
        return metric.time
    return message.arrived if message.payload.time is None else message.payload.time
