"""Publishes to one broker: follows values, states and events, and hands over what the broker can take.

One thread of its own does all of it; the collector never waits for it. Values: of what a slow or absent
broker cannot take, the newest of each tag is kept and the rest counted. Events: each at least once, in order,
and the position is kept once they have arrived.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from sensormon.model.clock import SECOND
from sensormon.model.errors import JournalError, OutputError, StoreError
from sensormon.monitor.monitor import Monitor
from sensormon.outputs.config import Broker
from sensormon.outputs.event_look import EventLooks, TagFlag
from sensormon.outputs.json_messages import Message
from sensormon.outputs.mqtt_link import MqttLink
from sensormon.outputs.pending import Pending
from sensormon.outputs.published import Due, Published
from sensormon.outputs.report import OutputReport
from sensormon.outputs.shapes import Shape
from sensormon.outputs.values import Newest, TagValue, ValueFeed

STEP = 0.2
"""Seconds between two looks at what has come."""
SOON = 0.02
"""Seconds until the next look while more is to be sent than may be under way."""
STATES = 1.0
"""Seconds between two looks at states and events."""
HEALTH = 5.0
"""Seconds between two looks at how the monitor is, and between two keepings of the position."""
AT_ONCE = 100
"""Events that are under way at once; the next ones wait until these have arrived."""
MOST_READY = 5_000
"""Messages that are made and wait; states that change meanwhile are told when there are fewer."""
PIECE = 100
"""Values that are worded between two looks at what may be sent."""

Keep = Callable[[Mapping[str, Any]], None]


class Publishing:
    """Of one run of one output. `published` is where it stands with events, `keep` makes that durable."""

    def __init__(
        self,
        monitor: Monitor,
        config: Broker,
        looks: EventLooks,
        shape: Shape,
        link: MqttLink,
        report: OutputReport,
        published: Published,
        keep: Keep,
    ) -> None:
        self._monitor = monitor
        self._config = config
        self._looks = looks
        self._shape = shape
        self._link = link
        self._report = report
        self._published = published
        self._keep = keep
        self._takes = config.common.takes()
        self._feed = ValueFeed(monitor, self._takes)
        self._newest = Newest()
        self._latest: dict[str, TagValue] = {}
        self._pending = Pending()
        self._ready: deque[Message] = deque()
        self._flags: dict[str, TagFlag] = {}
        self._events: dict[int, Due] = {}
        self._kept: Mapping[str, Any] | None = None
        self._health: Message | None = None
        self._generation = 0
        self._next_states = self._next_health = 0

    def run(self, stopping: threading.Event) -> None:
        """Publish until `stopping` is set. Raises OutputError if the connection cannot be kept up at all."""
        self._link.start()
        try:
            is_behind = False
            while not stopping.wait(SOON if is_behind else STEP):
                is_behind = self.step()
        finally:
            self._settle()
            self._save()
            self._link.close(self._shape.goodbye())

    def step(self) -> bool:
        """One look at everything, and what can be handed over now; whether more waits to be."""
        connected = self._link.connected
        self._settle()
        if not connected and self._link.problem:
            self._report.waiting(OutputError(self._link.problem, hint="sensormon tries again by itself"))
        values = self._newest.of(self._feed.fresh()) if self._wants("values") else []
        self._latest |= {value.tag: value for value in values}
        self._report.dropped(self._pending.add(values, connected=connected))
        now = self._monitor.clock.now()
        if not 0 <= self._next_states - now <= STATES * SECOND:
            self._next_states = now + round(STATES * SECOND)
            self._look(connected)
        if not connected:
            return False
        is_new = self._generation != self._link.generation
        others = self._shape.needs_birth(self._monitor.tags, self._feed.tags())
        if self._asked_for_birth() or is_new or others:
            self._begin()
        if not 0 <= self._next_health - now <= HEALTH * SECOND:
            self._next_health = now + round(HEALTH * SECOND)
            self._save()
            self._tell_health()
        self._send()
        return bool(self._ready) or len(self._pending) > 0

    # -- what is due -----------------------------------------------------------------------

    def _wants(self, what: str) -> bool:
        return what in self._config.what

    def _begin(self) -> None:
        """A connection is new, or somebody asks for all that stands."""
        self._generation = self._link.generation
        self._link.forget()
        self._report.connected()
        self._ready.clear()
        self._health, self._next_health = None, 0
        self._pending = Pending()
        names = self._feed.tags()
        values = [self._latest[name] for name in names if name in self._latest]
        self._ready.extend(self._shape.birth(self._monitor.tags, names, values, self._flags))

    def _look(self, connected: bool) -> None:
        """At states and events."""
        if gone := [name for name in {*self._latest, *self._flags} if name not in self._monitor.tags]:
            for name in gone:
                self._latest.pop(name, None)
                self._flags.pop(name, None)
            self._ready.extend(self._shape.gone(gone) if connected else ())
        wants_events = self._wants("events") and self._shape.tells_events
        if not (self._wants("flags") or wants_events):
            return
        try:
            look = self._looks.current()
            if self._wants("flags"):
                self._tell_flags(self._looks.flags(look, self._takes), connected)
            if wants_events and connected and not self._events:
                for due in self._published.due(look, self._takes, AT_ONCE):
                    row = look.at(due.place) if due.place >= 0 else None
                    event = self._looks.worded(look, due.place) if row is not None else None
                    self._hand_over_event(due, self._shape.event(due, row, event))
                self._report.dropped(self._published.missed)
                self._published.missed = 0
                if self._kept is None:
                    self._save()
        except StoreError as error:  # values go on
            self._report.trouble(error)

    def _tell_flags(self, flags: dict[str, TagFlag], connected: bool) -> None:
        if len(self._ready) > MOST_READY:
            return
        changed = [flag for tag, flag in flags.items() if self._flags.get(tag) != flag]
        self._flags = flags
        if connected and self._generation == self._link.generation:
            self._ready.extend(self._shape.flags(changed))

    def _hand_over_event(self, due: Due, message: Message | None) -> None:
        number = self._link.publish(message) if message is not None else None
        if number is not None:
            self._events[number] = due

    def _tell_health(self) -> None:
        if self._wants("health"):
            message = self._shape.health(self._monitor.status())
            if message is not None and message != self._health:
                self._health = message
                self._ready.append(message)

    def _asked_for_birth(self) -> bool:
        asked = False
        while not self._link.commands.empty():
            asked |= self._shape.asks_for_birth(*self._link.commands.get_nowait())
        return asked

    # -- the connection -------------------------------------------------------------------

    def _send(self) -> None:
        while self._link.room > 0:
            if not self._ready:
                values = self._pending.take(min(PIECE, self._link.room))
                self._ready.extend(self._shape.values(self._monitor.tags, values))
            if not self._ready:
                return
            if self._link.publish(self._ready[0]) is None:
                return
            self._ready.popleft()

    def _settle(self) -> None:
        """See what has arrived."""
        numbers = self._link.landed()
        self._report.published(len(numbers))
        for number in numbers & self._events.keys():
            self._published.confirmed(self._events.pop(number))
        if self._link.refused:
            self._report.trouble(OutputError(self._link.refused, hint="Let the broker allow it"))
            self._link.refused = ""

    def _save(self) -> None:
        """Keep where it stands with events, if that has changed."""
        position = self._published.position() if self._wants("events") and self._shape.tells_events else None
        if position is None or position == self._kept:
            return
        try:
            self._keep(position)
        except (JournalError, StoreError) as error:  # tried again at the next keeping
            self._report.trouble(error)
        else:
            self._kept = position
