"""Answering a message by its link: once, in the name of the contact it went to, on exactly its events.

An answer is kept as a document before it is carried out, so that neither a kill nor another process lets a
link act twice. If the process ends between the two, the answer shows as begun, and whoever follows the link
again finishes that answer and cannot give another. Every link of a message counts as the same one. On a store
that several processes use, an answer returns when the store has it; two that are given in the same moment
through two processes can both be carried out, and both are in the audit trail.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace

from sensormon.access.audit import AuditTrail, Change
from sensormon.access.documents import Documents
from sensormon.access.person import Person, Way
from sensormon.access.roles import Role
from sensormon.events.action_log import ActionLog
from sensormon.events.actions import MOST_EVENTS, checked
from sensormon.events.reader import EventReader
from sensormon.model.clock import DAY, SECOND, Clock
from sensormon.model.entries import Document
from sensormon.model.errors import UsageError
from sensormon.model.text import LONGEST_NAME, cleaned
from sensormon.model.timestamps import micros
from sensormon.monitor.monitor import Monitor
from sensormon.notify.choices import CHOICES, Choice
from sensormon.notify.links import Link, Links
from sensormon.notify.messages import COLLECTION as MESSAGES
from sensormon.notify.messages import Message, message_of
from sensormon.view.access import events_words

COLLECTION = "answers"
KEPT = 40 * DAY
"""µs for which an answer is known: longer than a message can be sent again and its newest link works."""
BY_LINK = " (by link)"
"""Follows the contact's name in every record."""
_LOADED_WITHIN = 3.0
"""Seconds that an answer waits at most for a shared store to have it."""
_LOOK = 0.05

Find = Callable[[str], Message | None]
"""The message with a key."""


@dataclass(frozen=True)
class Given:
    """An answer: what was chosen, by whom, and when (µs UTC). `until` is when a shelving ends, 0 without one.

    `finished` is False if it is kept, but was cut off before the events had it.
    """

    choice: Choice
    who: str
    time: int
    until: int
    note: str
    finished: bool


@dataclass(frozen=True)
class Opened:
    """What a link opens: its message, and the answer if one was given already."""

    link: Link
    message: Message
    given: Given | None

    @property
    def ids(self) -> tuple[int, ...]:
        """The events that an answer acts on."""
        return ids_of(self.message)


class Answering:
    """Of one monitor. Thread-safe. Everything may raise StoreError."""

    def __init__(
        self,
        documents: Documents,
        links: Links,
        find: Find,
        audit: AuditTrail,
        actions: ActionLog,
        events: EventReader,
        clock: Clock,
        stored: Callable[[str], bool] | None = None,
    ) -> None:
        self._documents = documents
        self._links = links
        self._find = find
        self._audit = audit
        self._actions = actions
        self._events = events
        self._clock = clock
        self._stored = stored
        self._giving = threading.Lock()
        documents.forget_after(COLLECTION, KEPT)

    def open(self, secret: str, *, anew: bool = False) -> Opened | None:
        """What this secret opens; None if it is wrong or has expired. Changes nothing.

        With `anew` the store is asked for what other processes have just made.
        """
        link = self._links.find_anew(secret) if anew else self._links.find(secret)
        message = self._message(link.message) if link else None
        if link is None or message is None:
            return None
        return Opened(link, message, self._given(message))

    def give(self, secret: str, name: str, note: str, address: str) -> tuple[Opened, bool] | None:
        """Carry this choice out unless the message was answered before; also whether this was the answer.

        An answer that was cut off is finished first, whatever is chosen now. None like `open`. Raises
        UsageError for a choice or a note that is not possible, JournalError if it cannot be recorded.
        """
        choice = CHOICES.get(name)
        if choice is None:
            raise UsageError("there is no such answer", where="answer", hint="Use a button of the page")
        with self._giving:
            self._documents.look_again(COLLECTION)
            opened = self.open(secret)
            if opened is None:
                return None
            person = by_link(opened.link, address)
            given = opened.given
            if given is None:
                given = self._begin(opened, person, name, choice, note)
            elif given.finished:
                return opened, False
            else:
                self._carry_out(opened, person, given)
            self._wait(opened.message.key)
            return replace(opened, given=replace(given, finished=True)), opened.given is None

    def _begin(self, opened: Opened, person: Person, name: str, choice: Choice, note: str) -> Given:
        """Keep this answer and carry it out."""
        now = self._clock.now()
        until = now + choice.seconds * SECOND if choice.seconds else 0
        ids, text = opened.ids, cleaned(note)
        some, end = ids[:MOST_EVENTS], until or None
        checked(some, choice.action, person.signature, now, label=choice.label, note=text, until=end)
        content = {
            "contact": opened.link.contact,
            "choice": name,
            "until": until,
            "note": text,
        }
        given = Given(choice, person.signature, now, until, text, finished=False)

        def do(_: str) -> None:
            self._documents.keep(COLLECTION, opened.message.key, content, person.signature)
            self._act(ids, given)

        self._audit.perform(person, _change(ids, given), do)
        return given

    def _carry_out(self, opened: Opened, person: Person, given: Given) -> None:
        """Finish an answer that was cut off."""
        self._audit.perform(person, _change(opened.ids, given), lambda _: self._act(opened.ids, given))

    def _act(self, ids: tuple[int, ...], given: Given) -> None:
        choice = given.choice
        for first in range(0, len(ids), MOST_EVENTS):
            self._actions.record(
                ids[first : first + MOST_EVENTS],
                choice.action,
                given.who,
                label=choice.label,
                note=given.note,
                until=given.until or None,
            )

    def _message(self, key: str) -> Message | None:
        message = self._find(key)
        if message is None:
            self._documents.look_again(MESSAGES)
            message = self._find(key)
        return message

    def _given(self, message: Message) -> Given | None:
        document = self._documents.of(COLLECTION).get(message.key)
        if document is None:
            return None
        content = document.content
        return Given(
            CHOICES[str(content["choice"])],
            document.who,
            document.time,
            int(content["until"]),
            str(content["note"]),
            self._has_acted(message, CHOICES[str(content["choice"])], document),
        )

    def _has_acted(self, message: Message, choice: Choice, document: Document) -> bool:
        """Whether the events have the action of this answer; the last of them get it last."""
        ids = ids_of(message)[-1:]
        until = int(document.content["until"])
        if not ids or (until and until <= self._clock.now()):
            return True  # a shelving that is over needs nothing more
        actions = self._events.actions(ids[0], ids[0])
        mine = (
            (actions["action"] == choice.action)
            & (actions["who"] == document.who)
            & (actions["label"] == choice.label)
        )
        return bool((micros(actions["time"][mine]) >= document.time).any())

    def _wait(self, key: str) -> None:
        """Let a shared store have the answer, so that a link followed next through another process knows."""
        never = threading.Event()
        for _ in range(round(_LOADED_WITHIN / _LOOK) if self._stored else 0):
            if self._stored is None or self._stored(key):
                return
            self._clock.wait(never, _LOOK)


def answering_of(monitor: Monitor, documents: Documents | None = None, find: Find | None = None) -> Answering:
    """The answering of this monitor, with documents and messages of its own unless some are given."""
    parts = monitor.parts
    kept = documents or Documents(parts.collector, parts.store.entries, monitor.clock)
    if documents is None:
        kept.forget_after(MESSAGES, KEPT)

    def is_stored(key: str) -> bool:
        waiting = (doc for entry in parts.collector.waiting_documents() for doc in entry.documents)
        return all(doc.collection != COLLECTION or doc.key != key for doc in waiting)

    return Answering(
        kept,
        Links(kept, monitor.settings.url, monitor.clock),
        find or (lambda key: kept_message(kept, key)),
        monitor.access.audit,
        monitor.actions,
        monitor.events,
        monitor.clock,
        is_stored if parts.store.collectors is not None else None,
    )


def kept_message(documents: Documents, key: str) -> Message | None:
    """The message with this key among the documents. Raises StoreError."""
    document = documents.of(MESSAGES).get(key)
    return message_of(key, document.content) if document and not document.removed else None


def by_link(link: Link, address: str) -> Person:
    """The contact as who follows the link: an operator for the events of its message."""
    name = cleaned(link.contact)[: LONGEST_NAME - len(BY_LINK)].strip()
    return Person(f"{name}{BY_LINK}".strip(), Role.OPERATOR, Way.LINK, address=address)


def ids_of(message: Message) -> tuple[int, ...]:
    """The ids of the events that a message tells of."""
    return message.covers or tuple(event.id for event in message.events)


def _change(ids: tuple[int, ...], given: Given) -> Change:
    words = given.choice.label or given.choice.done
    return Change(given.choice.act, events_words(ids), "", f"{words}: {given.note}" if given.note else words)
