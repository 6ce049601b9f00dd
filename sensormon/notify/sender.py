"""The sender: plans what is due, keeps it, hands it over, and keeps what came of it; one step at a time.

A message is durable before it is handed over, and so is what came of it before the next one to its contact
is: after a kill at any point it goes out, at most once more for that kill, under the same key. Of several
processes on one store the one that leads sends, which is asked before each hand-over; one that was stopped
between question and hand-over may repeat that message. While the store cannot be asked nobody leads, and
each process tells by itself that the store is away; see `health.OWN`.

Within a contact the message made first goes first. One that has failed `FEW` times holds up the others no
longer, so that they are tried too; and once a way works again, or the file says another one, what waited
for it does not wait any more.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol

from sensormon.model.clock import HOUR, MINUTE, SECOND, Clock
from sensormon.model.errors import JournalError, StoreError
from sensormon.notify.flights import Flight, Flights, Launch, in_a_thread
from sensormon.notify.health import is_own
from sensormon.notify.messages import Message
from sensormon.notify.outbox import Outbox
from sensormon.notify.trying import FEW, Outcome, after
from sensormon.stores.leader import Leader

PACE = 0.5
"""Seconds between two steps."""
BUSY = 0.05
"""Seconds between two steps while something is handed over."""
IDLE = 2.0
"""Seconds between two steps while nobody is to be told of anything."""
FOLLOW = 5 * SECOND
"""µs between two questions of a process that does not lead, whether it does now."""
AHEAD = 2 * HOUR
"""µs to the next try at most: one later than this was planned before the clock was set back."""
GONE = 5 * MINUTE
"""µs for which a message waits for a contact that is not in the file: somebody may be writing it."""
LAST_WORDS = 0.2
"""Seconds that the end of the process waits for answers."""

_log = logging.getLogger(__name__)


class Planner(Protocol):
    """Says what is to be told now. Only the thread that sends calls it.

    `problem` says why events could not be read at the last plan; empty if they were.
    """

    @property
    def problem(self) -> str: ...

    def plan(self, now: int, alone: bool) -> Sequence[Message]:
        """The messages that are due and not in the outbox yet.

        `alone`: the store is away, and what matters is what this process knows by itself. Raises StoreError.
        """

    def start_over(self) -> None:
        """Forget what was derived from the outbox: another process has written to it."""


class Carrier(Protocol):
    """Hands a message over, by the ways of its contact."""

    def ways(self, contact: str) -> int | None:
        """How many ways this contact has; None if nobody is to be told of anything."""

    def terms(self, contact: str) -> object:
        """What the file says of this contact; anything that can be compared."""

    def deliver(self, message: Message) -> Outcome:
        """Hand it over by its way; called in a thread of its own. Ends in time, whatever a server does."""


class Sender:
    """Of one monitor. One thread calls `run` or `step`; anybody may read the rest.

    `watch` is called after each step of `run`. `is_shared` says whether other processes can know what became
    of the message with this key; a contact's next one waits for that, or they would repeat all since.
    """

    def __init__(
        self,
        outbox: Outbox,
        leader: Leader,
        planner: Planner,
        carrier: Carrier,
        clock: Clock,
        launch: Launch = in_a_thread,
        watch: Callable[[], None] = lambda: None,
        is_shared: Callable[[str], bool] = lambda _: True,
    ) -> None:
        self.leading: bool | None = None
        """Whether this process sends; None while the store does not say."""
        self.problem = ""
        """Why nothing is planned, or kept; empty if it is."""
        self._outbox = outbox
        self._leader = leader
        self._planner = planner
        self._carrier = carrier
        self._clock = clock
        self._watch = watch
        self._is_shared = is_shared
        self._unshared: dict[str, str] = {}  # by contact, the message whose outcome others may not know yet
        self._flights = Flights(self._hand_over, launch)
        self._asked = 0
        self._worked: dict[tuple[str, int], int] = {}  # when a way last took a message
        self._gone: dict[str, int] = {}  # since when a contact for whom a message waits is not in the file
        self._calm: dict[tuple[str, int], int] = {}  # until when its server asked for none
        self._terms: dict[str, tuple[object, int]] = {}  # of a contact, and since when; 0: since the start

    def run(self, stopping: threading.Event) -> None:
        """Step until `stopping` is set."""
        seconds = 0.0
        while not self._clock.wait(stopping, seconds):
            seconds = self.step()
            self._watch()
        self.finish()

    def step(self) -> float:
        """Do what is due; returns how many seconds to wait before the next step."""
        try:
            self._land()
            if not self._outbox_is_needed():
                return IDLE
            if self._leads():
                self._outbox.add(self._due_by_plan(self._clock.now()))
                self._begin(self._clock.now())
            else:
                self._outbox.messages()  # for those who look at what is known here
            self._note(self._planner.problem)
        except (StoreError, JournalError) as error:
            self._note(str(error))
        return BUSY if len(self._flights) else PACE

    def _note(self, problem: str) -> None:
        if problem and problem != self.problem:
            _log.warning("notifications wait: %s", problem)
        self.problem = problem

    def under_way(self) -> list[Flight]:
        """The hand-overs that have begun and whose outcome is not kept yet."""
        return self._flights.all()

    def finish(self) -> None:
        """Keep what is answered within `LAST_WORDS`; let another process send at once."""
        until = time.monotonic() + LAST_WORDS
        try:
            self._land()
            while len(self._flights) and time.monotonic() < until:
                time.sleep(0.01)
                self._land()
        except (StoreError, JournalError) as error:
            _log.warning("what became of a message could not be kept, it is sent once more: %s", error)
        self._leader.resign()

    def _outbox_is_needed(self) -> bool:
        if self._carrier.ways("") is not None:
            return True
        if self.leading:
            self._leader.resign()
        self.leading = None
        self.problem = ""
        return False

    # -- leading ------------------------------------------------------------------

    def _leads(self) -> bool:
        """Whether this process plans and sends now: it leads, or the store is away and it is on its own."""
        now = self._clock.now()
        if self.leading is False and 0 <= now - self._asked < FOLLOW:
            return False
        self._asked = now
        before = self.leading
        self.leading = self._ask()
        if self.leading and not before:
            self._outbox.look_again()
            self._planner.start_over()
        return self.leading is not False

    def _ask(self) -> bool | None:
        try:
            return self._leader.leads()
        except StoreError:
            return None

    # -- one step -----------------------------------------------------------------

    def _due_by_plan(self, now: int) -> list[Message]:
        alone = self.leading is None
        return [each for each in self._planner.plan(now, alone) if not alone or is_own(each)]

    def _begin(self, now: int) -> None:
        """Hand over what is due: of each contact that has nothing under way the first message."""
        waiting: dict[str, list[Message]] = defaultdict(list)
        every = self.leading and self._outbox.is_read
        for message in self._outbox.waiting():
            if every or is_own(message):
                waiting[message.contact].append(message)
        for contact, messages in waiting.items():
            if not self._flights.room_for(contact) or (self.leading and not self._others_know(contact)):
                continue
            first = self._first(messages, now)
            if first is not None:
                self._start(first, now)

    def _others_know(self, contact: str) -> bool:
        """Whether what became of the last message to this contact is where other processes read it."""
        key = self._unshared.get(contact, "")
        if key and self._is_shared(key):
            del self._unshared[contact]
        return contact not in self._unshared

    def _first(self, messages: list[Message], now: int) -> Message | None:
        """Of a contact's messages, the first made first, the one to hand over now."""
        since = self._in_force_since(messages[0].contact, now)
        for message in messages:
            where = message.contact, message.way
            if now < self._calm.get(where, 0) <= now + AHEAD:
                return None
            corrected = bool(message.tries) and message.tries[-1].time < since
            if not now < message.due <= now + AHEAD or corrected or self._works_again(message):
                return message
            if 0 < _failures(message) < FEW:
                return None
        return None

    def _in_force_since(self, contact: str, now: int) -> int:
        """When what the file says of this contact was changed last; what its servers asked for ends then."""
        terms, known = self._carrier.terms(contact), self._terms.get(contact)
        if known is None or known[0] != terms:
            self._terms[contact] = known = terms, now if known else 0
            for where in [where for where in self._calm if where[0] == contact and known[1]]:
                del self._calm[where]
        return known[1]

    def _works_again(self, message: Message) -> bool:
        """Whether its way has taken another message since a minute after its last try."""
        last = message.tries[-1].time if message.tries else message.created
        return self._worked.get((message.contact, message.way), 0) > last + MINUTE

    def _start(self, message: Message, now: int) -> None:
        ways = self._carrier.ways(message.contact)
        if ways is None:
            return
        if ways:
            self._gone.pop(message.contact, None)
        else:
            since = self._gone.setdefault(message.contact, now)
            if 0 <= now - since < GONE:
                return
            gone = Outcome(False, "the contact is not in the file any more", lasting=True)
            self._outbox.record(after(message, gone, 0, now))
            return
        self._flights.begin(message if message.way < ways else replace(message, way=0))

    def _hand_over(self, message: Message) -> Outcome | None:
        """In a thread of its own."""
        if not self._may_send(message):
            return None
        return self._carrier.deliver(message)

    def _may_send(self, message: Message) -> bool:
        if self.leading is None:
            return is_own(message)
        try:
            return self._leader.holds()
        except StoreError:
            return False

    def _land(self) -> None:
        """Keep what came of hand-overs. What cannot be kept is kept at a later step, before the next."""
        for flight in self._flights.landed():
            message, outcome, now = flight.message, flight.outcome, self._clock.now()
            if outcome is not None:
                ways = self._carrier.ways(message.contact) or 0
                changed = after(message, outcome, max(ways, message.way + 1), now)
                self._outbox.record(changed)
                self._unshared[message.contact] = message.key
                where = message.contact, message.way
                self._calm[where] = changed.tries[-1].calm
                if outcome.delivered:
                    self._worked[where] = now
            self._flights.clear(flight)


def _failures(message: Message) -> int:
    return sum(attempt.time >= message.begun for attempt in message.tries)
