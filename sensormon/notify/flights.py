"""Hand-overs under way: each in a thread of its own, one at a time for a contact.

A server that hangs holds up its own contact alone: hand-overs that take long do not count towards `QUICK`,
and contacts whose last one did wait for each other. The threads end with the process, which waits for none.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from sensormon.notify.messages import Message
from sensormon.notify.trying import Outcome

QUICK = 8
"""Hand-overs at once that do not take long yet."""
SLOW_ONES = 8
"""Hand-overs at once that take long, beyond which no other begins to a contact that is slow."""
MOST = 32
"""Hand-overs at once in any case."""
SLOW = 3.0
"""Seconds after which a hand-over, under way or the last one, makes its contact a slow one."""

_log = logging.getLogger(__name__)

HandOver = Callable[[Message], Outcome | None]
"""Hands a message over and says what came of it; None if it was not to be handed over by this process."""
Launch = Callable[[Callable[[], None]], None]
"""Runs something, in a thread of its own or in place. Raises RuntimeError if it cannot."""


def in_a_thread(run: Callable[[], None]) -> None:
    """See `Launch`."""
    threading.Thread(target=run, name="sensormon-hand-over", daemon=True).start()


@dataclass
class Flight:
    """A hand-over. `landed` once it has come to its end, with or without an outcome."""

    message: Message
    outcome: Outcome | None = None
    landed: bool = False
    took: float = 0.0
    began: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        """How long it takes, or took."""
        return self.took if self.landed else time.monotonic() - self.began


class Flights:
    """Of one sender, which alone calls it."""

    def __init__(self, hand_over: HandOver, launch: Launch = in_a_thread) -> None:
        self._hand_over = hand_over
        self._launch = launch
        self._flights: dict[str, Flight] = {}
        self._slow: set[str] = set()

    def __len__(self) -> int:
        """How many are under way or have landed and are not cleared."""
        return len(self._flights)

    def all(self) -> list[Flight]:
        """Those."""
        return [*self._flights.values()]

    def landed(self) -> list[Flight]:
        """Those that have come to their end; each stays here until it is cleared."""
        return [flight for flight in self.all() if flight.landed]

    def clear(self, flight: Flight) -> None:
        """What came of it is kept: its contact can have the next message."""
        contact = flight.message.contact
        if flight.seconds > SLOW:
            self._slow.add(contact)
        else:
            self._slow.discard(contact)
        self._flights.pop(contact, None)

    def room_for(self, contact: str) -> bool:
        """Whether a hand-over to this contact can begin."""
        under_way = len(self._flights)
        if contact in self._flights or under_way >= MOST:
            return False
        slow = sum(self._is_slow(each) for each in self._flights)
        return slow < SLOW_ONES if contact in self._slow else under_way - slow < QUICK

    def begin(self, message: Message) -> None:
        """Hand this message over. Raises RuntimeError if the system has no thread for it."""
        flight = self._flights[message.contact] = Flight(message)
        try:
            self._launch(lambda: self._fly(flight))
        except RuntimeError:
            del self._flights[message.contact]
            raise

    def _is_slow(self, contact: str) -> bool:
        return contact in self._slow or self._flights[contact].seconds > SLOW

    def _fly(self, flight: Flight) -> None:
        outcome: Outcome | None = Outcome(False, "the hand-over failed inside sensormon; its log says where")
        try:
            outcome = self._hand_over(flight.message)
        finally:
            flight.outcome, flight.took = outcome, time.monotonic() - flight.began
            flight.landed = True
