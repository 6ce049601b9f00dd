"""Topics of Sparkplug B: `spBv1.0/GROUP/KIND/NODE` and `…/NODE/DEVICE`.

What it is not: a place for patterns of MQTT; a name in a topic is a name as it stands.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

NAMESPACE = "spBv1.0"
LONGEST_NAME = 200
"""Characters of a group, a node or a device."""


class Kind(StrEnum):
    """What a message is."""

    NBIRTH = "NBIRTH"
    NDATA = "NDATA"
    NDEATH = "NDEATH"
    NCMD = "NCMD"
    DBIRTH = "DBIRTH"
    DDATA = "DDATA"
    DDEATH = "DDEATH"
    DCMD = "DCMD"


_KINDS = tuple(map(str, Kind))


@dataclass(frozen=True, slots=True)
class Address:
    """Whom a message is from or for; `device` is "" for the edge node itself."""

    kind: Kind
    group: str
    node: str
    device: str = ""

    @property
    def topic(self) -> str:
        """As it travels."""
        device = (self.device,) if self.device else ()
        return "/".join((NAMESPACE, self.group, self.kind, self.node, *device))


def address_of(topic: str) -> Address | None:
    """What this topic says; None if it is not a message of a node or a device."""
    parts = topic.split("/")
    if len(parts) not in (4, 5) or parts[0] != NAMESPACE or parts[2] not in _KINDS:
        return None
    names = (parts[1], *parts[3:])
    if not all(0 < len(name) <= LONGEST_NAME and name.isprintable() for name in names):
        return None
    kind = Kind(parts[2])
    if kind.startswith("D") != (len(parts) == 5):
        return None
    return Address(kind, *names)


def subscriptions(group: str) -> tuple[str, ...]:
    """The topic filters of all that the nodes and devices of a group say, without commands to them."""
    nodes = tuple(f"{NAMESPACE}/{group}/{kind}/+" for kind in (Kind.NBIRTH, Kind.NDATA, Kind.NDEATH))
    return (*nodes, *(f"{NAMESPACE}/{group}/{kind}/+/+" for kind in (Kind.DBIRTH, Kind.DDATA, Kind.DDEATH)))


def state_topic(host: str) -> str:
    """Where a primary host says whether it is online."""
    return f"{NAMESPACE}/STATE/{host}"
