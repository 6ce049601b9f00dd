"""Intervals and counts of a subscription, from what a person wants to bridge."""

from __future__ import annotations

import math
from dataclasses import dataclass

LONGEST_BRIDGE = 86_400.0
"""Seconds; what a server keeps for a day and more belongs into its history."""
LONGEST_QUEUE = 1_000_000
_QUEUE = (10, 10_000)
"""The least and the most values of a node that a server is asked to queue, unless a person says more."""
_FASTEST = 0.1
"""Seconds between two values where the server is to sample as fast as it can."""
_KEEP_ALIVE = 3.0
"""Seconds after which a server without news says that its subscription is alive."""
_SHORTEST_SESSION = 60.0


@dataclass(frozen=True)
class Timing:
    """In seconds: how often the server sends what is new, how often it looks at a node (0: as fast as it
    can), and the longest outage after which nothing may be missing. `asked_queue`: what a person asks for,
    0 for what follows from these.
    """

    publishing: float = 0.5
    sampling: float = 0.2
    bridge: float = 600.0
    asked_queue: int = 0

    @property
    def queue(self) -> int:
        """How many values of a node the server is asked to queue: never its own default, which may be one."""
        if self.asked_queue:
            return self.asked_queue
        away = self.bridge + 4 * self.publishing
        return min(max(math.ceil(away / (self.sampling or _FASTEST)), _QUEUE[0]), _QUEUE[1])

    @property
    def keep_alive_count(self) -> int:
        """After how many empty intervals the server has to say that it is alive."""
        return max(1, math.ceil(_KEEP_ALIVE / self.publishing))

    @property
    def lifetime_count(self) -> int:
        """How many intervals the subscription lives without being asked for news: three keep-alives at least,
        as the standard demands.
        """
        return max(3 * self.keep_alive_count, math.ceil(self.bridge / self.publishing))

    @property
    def session(self) -> float:
        """How many seconds the session lives without a connection."""
        return max(self.bridge, _SHORTEST_SESSION)

    @property
    def silence(self) -> float:
        """Seconds without any answer after which the subscription counts as dead."""
        return 3 * self.keep_alive_count * self.publishing


def queue_seconds(queue: int, sampling: float) -> float:
    """How long an outage this queue bridges if the value changes with each sample."""
    return queue * (sampling or _FASTEST)
