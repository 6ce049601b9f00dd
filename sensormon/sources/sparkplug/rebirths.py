"""When an edge node may be asked for its birth certificate: more and more seldom while it does not answer."""

from __future__ import annotations

from sensormon.model.clock import SECOND
from sensormon.sources.sparkplug.nodes import REBIRTH
from sensormon.sources.sparkplug.payload import DataType, Payload, encode, metric
from sensormon.sources.sparkplug.topics import Address, Kind

FIRST = 5 * SECOND
"""µs between the first two requests to a node; doubled with each that is not answered."""
LONGEST = 300 * SECOND
SILENT = 4
"""Requests after which a person is to look at a node."""


class Rebirths:
    """Requests of one source, by node. Times are µs UTC."""

    def __init__(self) -> None:
        self._unanswered: dict[str, tuple[int, int]] = {}  # how many, and when the last was

    def born(self, node: str) -> None:
        """The node has answered."""
        self._unanswered.pop(node, None)

    def request(self, node: str, now: int) -> int:
        """How many requests in a row this is without an answer; 0 if it is too early for one."""
        count, last = self._unanswered.get(node, (0, now))
        pause = min(FIRST << (count - 1), LONGEST) if count else 0
        if last <= now < last + pause:
            return 0
        self._unanswered[node] = (min(count + 1, 20), now)
        return count + 1


def command(group: str, node: str, now: int) -> tuple[str, bytes]:
    """Topic and payload that ask a node for its birth certificates."""
    wanted = metric(True, DataType.BOOLEAN, name=REBIRTH, time=now)
    return Address(Kind.NCMD, group, node).topic, encode(Payload((wanted,), now))
