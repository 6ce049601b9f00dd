"""Notifications of one monitor: the file, the outbox, the sender and its thread.

`accompany` gives a monitor its thread; `notifications_of` is what pages and routes ask. What it is not: how
something is planned, kept, worded or handed over.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from sensormon.access.audit import Change
from sensormon.access.documents import Documents
from sensormon.access.person import Person
from sensormon.access.roles import Act
from sensormon.ingest.workers import Worker
from sensormon.model.clock import DAY, MINUTE, SECOND
from sensormon.model.errors import UsageError
from sensormon.model.format import counted
from sensormon.model.status import CompanionStatus
from sensormon.monitor.monitor import Monitor
from sensormon.notify.beside import Beside, WithBeside
from sensormon.notify.carrier import ByTheFile
from sensormon.notify.composing import composer, picture_of
from sensormon.notify.config import NotifyConfig
from sensormon.notify.config_file import notify_file
from sensormon.notify.due import DueOf
from sensormon.notify.links import Links
from sensormon.notify.messages import COLLECTION, Kind, Message, MessageState, key_of
from sensormon.notify.outbox import Counts, Outbox, counts_of
from sensormon.notify.sender import Sender
from sensormon.notify.trying import FEW

NAME = "notifications"
"""Of the thread, of what the monitor keeps for this room, and of what only one process does."""
LOOK = SECOND
"""µs between two looks at the file."""
WATCH = 2 * SECOND
"""µs between two looks for what is wrong."""
GLANCE = 0.2
"""Seconds of such a look for what is wrong with ways, and the time that the last of them takes."""
FAILING = 5 * MINUTE
"""A contact that could not be told anything for this long (µs) is named among the problems."""


@dataclass(frozen=True)
class NotifyStatus:
    """How notifications are, without secrets or addresses.

    `on`: somebody is to be told of something. `leading`: this process sends; None if nobody can say.
    `counts` are of the messages as they were last read. `problems`: what is wrong, one line each.
    """

    on: bool
    leading: bool | None
    counts: Counts
    problems: tuple[str, ...]


class Notifications:
    """Of one monitor. `environment` holds the secrets, which are never stored. Thread-safe."""

    def __init__(self, monitor: Monitor, environment: Mapping[str, str] = os.environ) -> None:
        settings, parts, clock = monitor.settings, monitor.parts, monitor.clock
        self.documents = Documents(parts.collector, parts.store.entries, clock)
        shared = self.documents if parts.store.collectors is not None else None
        self.file = notify_file(settings.notify_file, settings.data_dir, shared)
        self.outbox = Outbox(self.documents, monitor.access.audit, clock)
        self.links = Links(self.documents, settings.url, clock)
        self.beside: list[Beside] = []
        """What other rooms have to tell; see `Beside`."""
        planner = WithBeside(DueOf(monitor, self.config, self.outbox, self.documents), self.beside)
        compose = composer(self.links, picture_of(monitor), planner.attached)
        self.carrier = ByTheFile(self.config, environment, compose)
        self.sender = Sender(
            self.outbox,
            parts.store.leader(NAME),
            planner,
            self.carrier,
            clock,
            watch=self.watch,
            is_shared=self._is_stored if shared is not None else lambda _: True,
        )
        self.worker = Worker(NAME, self.sender.run, clock)
        self._audit = monitor.access.audit
        self._waiting_documents = parts.collector.waiting_documents
        self._clock = clock
        self._lock = threading.Lock()
        self._looked = 0
        self._looked_at: NotifyConfig | None = None
        self._unseen: Iterator[str] = iter(())
        self._ways: list[str] = []
        self._problems: tuple[str, ...] = ()
        self._watched = 0

    def config(self) -> NotifyConfig:
        """What is in force: what was saved here at once, what was changed elsewhere within a second."""
        with self._lock:
            if not 0 <= self._clock.now() - self._looked < LOOK:
                self.file.current()
                self._looked = self._clock.now()
            return self.file.in_force

    def status(self) -> NotifyStatus:
        """See `NotifyStatus`; as the sender last saw it, without asking the store."""
        on = bool(self.file.in_force.contacts)
        return NotifyStatus(on, self.sender.leading, counts_of(self.outbox.known().values()), self.problems())

    def problems(self) -> tuple[str, ...]:
        """What is wrong with telling people, one line each, without secrets or addresses; likewise."""
        file = f"Notifications: {self.file.problem}" if self.file.problem else ""
        sender = f"Notifications wait: {self.sender.problem}" if self.sender.problem else ""
        return tuple(filter(None, (file, sender, *self._problems)))

    def send_test(self, by: Person, contact: str) -> Message:
        """Put a test message for this contact into the outbox. Raises Forbidden, UsageError, JournalError."""
        if contact not in self.file.current().contacts:
            raise UsageError("there is no such contact", where=f"contacts.{contact[:100]}")
        now = self._clock.now()
        message = Message(
            key=key_of("test", contact, now),
            kind=Kind.TEST,
            rule="",
            contact=contact,
            created=now,
            text=f"Sent by {by.signature}.",
            due=now,
        )
        change = Change(Act.MANAGE_NOTIFICATIONS, f"contact {contact}", "", "a test message")
        self._audit.perform(by, change, lambda _: self.outbox.add([message]))
        return message

    def _is_stored(self, key: str) -> bool:
        """Whether the store has the newest version of this message."""
        waiting = (document for entry in self._waiting_documents() for document in entry.documents)
        return all(document.collection != COLLECTION or document.key != key for document in waiting)

    def watch(self) -> None:
        """See what is wrong; the sender's thread calls it."""
        now = self._clock.now()
        if not 0 <= now - self._watched < WATCH:
            self._watched = now
            config = self.config()
            if self._looked_at is not config:
                self._looked_at, self._unseen, self._ways = config, self.carrier.problems(), []
            self._look_on()
            known = self.outbox.known().values() if config.contacts else ()
            others = (
                [problem for each in self.beside for problem in each.problems()] if config.contacts else []
            )
            self._problems = (*self._ways, *failing(known, now), *others)

    def _look_on(self) -> None:
        """Look at more of the ways, for `GLANCE` at most: messages wait meanwhile."""
        until = time.monotonic() + GLANCE
        for problem in self._unseen:
            self._ways += [problem] if problem else []
            if time.monotonic() >= until:
                return


def failing(messages: Iterable[Message], now: int) -> list[str]:
    """The contacts that no message reaches, with the last answer of each, and the day's dead letters."""
    stuck: dict[str, Message] = {}
    dead = 0
    for message in messages:
        if message.state is MessageState.WAITING:
            if message.attempts >= FEW and now - message.created > FAILING:
                stuck.setdefault(message.contact, message)
        elif message.state is MessageState.FAILED and message.kind is not Kind.TEST:
            dead += bool(message.tries) and now - message.tries[-1].time < DAY
    problems = [
        f"Messages to {contact} do not arrive: {message.tries[-1].words}"
        for contact, message in stuck.items()
    ]
    return problems + ([f"{counted(dead, 'message')} of the last day reached nobody"] if dead else [])


def notifications_of(monitor: Monitor) -> Notifications:
    """Those of this monitor, made at the first call."""
    return monitor.kept_beside(NAME, Notifications)


def accompany(monitor: Monitor) -> None:
    """Give the monitor the thread that sends; before it starts. See `runtime.accompany`."""
    notifications = notifications_of(monitor)
    monitor.accompany(notifications.worker, lambda: CompanionStatus(NAME, impaired=notifications.problems()))
