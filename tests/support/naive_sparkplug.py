"""What the messages of an edge node mean, by looking back at all earlier ones for each of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sensormon.sources.sparkplug.nodes import Message
from sensormon.sources.sparkplug.payload import meant
from sensormon.sources.sparkplug.topics import Kind

CUT = None
"""In place of a message: a time in which others may have passed unseen."""


@dataclass(frozen=True)
class Meaning:
    """Values (device, name, value) of a message, how many are refused, and what is lost."""

    values: tuple[tuple[str, str, object], ...] = ()
    refused: int = 0
    lost: frozenset[tuple[str, str]] = frozenset()
    gap: bool = False
    rebirth: bool = False


def meanings(messages: Sequence[Message | None]) -> list[Meaning]:
    """Of each message; nothing for a cut."""
    return [_meaning(messages, at) for at in range(len(messages))]


def _meaning(messages: Sequence[Message | None], at: int) -> Meaning:
    message = messages[at]
    if message is None:
        return Meaning()
    birth = _birth_in_force(messages, at)
    if message.kind is Kind.NBIRTH:
        return Meaning(values=_named(message))
    if message.kind is Kind.NDEATH:
        return _of_node_death(messages, message, birth, at)
    if birth is None:
        values = _named(message) if message.kind is Kind.DBIRTH else ()
        refused = 0 if message.kind in (Kind.DBIRTH, Kind.DDEATH) else len(message.payload.metrics)
        return Meaning(values, refused, gap=not _waits(messages, at), rebirth=True)
    if _repeated(messages, birth, at):
        return Meaning()
    return _of_counted(messages, message, birth, at)


def _of_node_death(
    messages: Sequence[Message | None], message: Message, birth: int | None, at: int
) -> Meaning:
    if birth is None or _bd_seq(message) != _bd_seq(_there(messages, birth)):
        return Meaning()
    births = _device_births(messages, birth, at)
    return Meaning(lost=frozenset(pair for place in births.values() for pair in _pairs(messages, place)))


def _of_counted(messages: Sequence[Message | None], message: Message, birth: int, at: int) -> Meaning:
    """Of a message with a sequence number, of a node that is born."""
    gap = at in _gaps(messages, birth, at)
    before = _device_births(messages, birth, at)
    births = _device_births(messages, birth, at + 1)
    doubt = any(not _sure(messages, place, at) for place in births.values())
    if message.kind is Kind.DBIRTH:
        return Meaning(_named(message), gap=gap, rebirth=doubt)
    if message.device not in before:
        refused = 0 if message.kind is Kind.DDEATH else len(message.payload.metrics)
        return Meaning(refused=refused, gap=gap or refused > 0, rebirth=True)
    lost = frozenset(_pairs(messages, before[message.device]))
    if message.kind is Kind.DDEATH:
        return Meaning(lost=lost, gap=gap, rebirth=doubt)
    names = {metric.alias: metric for metric in _there(messages, before[message.device]).payload.metrics}
    if not _sure(messages, before[message.device], at):
        names = {}
    known = [metric for metric in message.payload.metrics if metric.alias in names]
    values = tuple(
        (message.device, names[metric.alias].name, meant(metric, names[metric.alias].datatype))
        for metric in known
    )
    unknown = len(message.payload.metrics) - len(known)
    return Meaning(values, unknown, gap=gap, rebirth=doubt or unknown > 0)


def _birth_in_force(messages: Sequence[Message | None], at: int) -> int | None:
    """The place of the node's birth that holds for the message at this place."""
    for place in reversed(range(at)):
        message = messages[place]
        if message is None:
            continue
        if message.kind is Kind.NBIRTH:
            return place
        if message.kind is Kind.NDEATH:
            earlier = _birth_in_force(messages, place)
            if earlier is None or _bd_seq(message) == _bd_seq(_there(messages, earlier)):
                return None
    return None


def _waits(messages: Sequence[Message | None], at: int) -> bool:
    """Whether, since the last birth or death of the node, something came already that needs a birth."""
    for place in reversed(range(at)):
        message = messages[place]
        if message is None:
            continue
        if message.kind in (Kind.NBIRTH, Kind.NDEATH):
            if message.kind is Kind.NDEATH and _birth_in_force(messages, place) is None:
                continue
            return False
        return True
    return False


def _counted(messages: Sequence[Message | None], birth: int, at: int) -> list[int]:
    """Places of the messages with sequence numbers from the birth on, up to this place, each once."""
    kept = [birth]
    for place in range(birth + 1, at + 1):
        message = messages[place]
        if message is not None and message.kind is not Kind.NDEATH:
            last = _there(messages, kept[-1])
            if (message.payload.seq, message.mark) != (last.payload.seq, last.mark):
                kept.append(place)
    return kept


def _repeated(messages: Sequence[Message | None], birth: int, at: int) -> bool:
    return at not in _counted(messages, birth, at)


def _gaps(messages: Sequence[Message | None], birth: int, at: int) -> list[int]:
    places = _counted(messages, birth, at)
    numbers = [_there(messages, place).payload.seq or 0 for place in places]
    return [places[i] for i in range(1, len(places)) if numbers[i] != (numbers[i - 1] + 1) % 256]


def _device_births(messages: Sequence[Message | None], birth: int, end: int) -> dict[str, int]:
    """For the node ("") and each device the place of the birth that holds before `end`."""
    births = {"": birth}
    for place in _counted(messages, birth, end - 1):
        message = _there(messages, place)
        if message.kind is Kind.DBIRTH:
            births[message.device] = place
        elif message.kind is Kind.DDEATH:
            births.pop(message.device, None)
    return births


def _sure(messages: Sequence[Message | None], birth: int, at: int) -> bool:
    """Whether no gap and no cut lies between this birth, of a node or a device, and the message."""
    node = birth if _there(messages, birth).kind is Kind.NBIRTH else _birth_in_force(messages, at)
    assert node is not None
    cut = any(messages[place] is None for place in range(birth, at))
    return not cut and not any(birth < gap <= at for gap in _gaps(messages, node, at))


def _pairs(messages: Sequence[Message | None], place: int) -> list[tuple[str, str]]:
    message = _there(messages, place)
    return [(message.device, metric.name) for metric in message.payload.metrics if metric.name != "bdSeq"]


def _named(message: Message) -> tuple[tuple[str, str, object], ...]:
    return tuple(
        (message.device, metric.name, meant(metric))
        for metric in message.payload.metrics
        if metric.name != "bdSeq"
    )


def _bd_seq(message: Message) -> object:
    return next((metric.wire for metric in message.payload.metrics if metric.name == "bdSeq"), None)


def _there(messages: Sequence[Message | None], place: int) -> Message:
    message = messages[place]
    assert message is not None
    return message
