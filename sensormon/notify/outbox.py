"""Messages that are kept before anything is handed over: what waits, what was sent, what nobody took.

Each version of a message is a document, so it is durable when a call returns, and every process on the same
store sees it. What it is not: who decides what is sent, or when it is tried again; see `planning`, `trying`.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from heapq import nlargest

from sensormon.access.audit import AuditTrail, Change
from sensormon.access.documents import Documents, Version
from sensormon.access.person import Person
from sensormon.access.roles import Act
from sensormon.model.clock import DAY, Clock
from sensormon.model.entries import Document
from sensormon.model.errors import UsageError
from sensormon.notify.messages import (
    COLLECTION,
    Message,
    MessageState,
    content_of,
    message_of,
)

_log = logging.getLogger(__name__)

KEPT = 30 * DAY
"""µs for which a message is known after its last change."""
TOGETHER = 100
"""The most messages in one record of the journal."""
BY = "notifications"
"""Who keeps messages, in their records."""


@dataclass(frozen=True)
class Counts:
    """How many messages are in which state; `oldest` is when the first that waits was made (µs UTC)."""

    waiting: int
    sent: int
    failed: int
    oldest: int | None


class Outbox:
    """Of one monitor. Thread-safe. A change raises JournalError if it cannot be kept.

    Until the store has been read the messages are those of the journal; see `is_read`.
    """

    def __init__(self, documents: Documents, audit: AuditTrail, clock: Clock) -> None:
        self._documents = documents
        self._audit = audit
        self._clock = clock
        self._lock = threading.Lock()
        self._changing = threading.Lock()
        self._read: Mapping[str, Document] = {}
        self._versions: dict[str, int] = {}  # the time of each document that is in `_messages`
        self._messages: dict[str, Message] = {}
        self._waiting: dict[str, Message] = {}
        documents.forget_after(COLLECTION, KEPT)
        documents.read_onwards(COLLECTION)
        documents.do_without(COLLECTION)

    def messages(self) -> Mapping[str, Message]:
        """The newest version of every message, by key, in the order in which they came. Not to be changed."""
        self._take_up()
        return self._messages

    @property
    def is_read(self) -> bool:
        """Whether all messages are known, and not only those that wait in the journal."""
        return self._documents.is_read(COLLECTION)

    def known(self) -> Mapping[str, Message]:
        """The same as it was last read, without asking the store; not to be changed."""
        return self._messages

    def waiting(self) -> list[Message]:
        """Those that wait, the first that was made first."""
        self._take_up()
        with self._lock:
            return sorted(self._waiting.values(), key=lambda message: (message.created, message.key))

    def due(self, now: int) -> list[Message]:
        """Those of them whose time has come."""
        return [message for message in self.waiting() if message.due <= now]

    def failed(self) -> list[Message]:
        """The dead letters, the newest first."""
        return self.log(None, states=(MessageState.FAILED,))

    def log(
        self,
        limit: int | None,
        contacts: Collection[str] = (),
        states: Collection[MessageState] = (),
        before: int | None = None,
    ) -> list[Message]:
        """The newest messages by the time they were made, newest first, with their tries.

        Of these contacts and in these states, where any are given, and made before this time (µs UTC).
        """
        chosen = [
            message
            for message in self.messages().values()
            if (not contacts or message.contact in contacts)
            and (not states or message.state in states)
            and (before is None or message.created < before)
        ]
        most = len(chosen) if limit is None else limit
        return nlargest(most, chosen, key=lambda message: (message.created, message.key))

    def counts(self) -> Counts:
        """How many messages are in which state."""
        return counts_of(self.messages().values())

    def add(self, messages: Iterable[Message]) -> list[Message]:
        """Keep these unless their key is known; returns those that were new. Durable when this returns."""
        with self._changing:
            known = self.messages()
            fresh = [*{each.key: each for each in messages if each.key not in known}.values()]
            self._keep(fresh, BY)
            return fresh

    def record(self, *messages: Message) -> None:
        """Keep these versions after a try."""
        with self._changing:
            self._keep(messages, BY)

    def send_again(self, by: Person, key: str) -> Message:
        """Let a dead letter be tried anew, under the same key. Raises Forbidden, UsageError."""
        change = Change(Act.MANAGE_NOTIFICATIONS, f"message {key[:100]}", "failed", "sent again")
        return self._audit.perform(by, change, lambda who: self._send_again(key, who))

    def _send_again(self, key: str, who: str) -> Message:
        with self._changing:
            message = self.messages().get(key)
            if message is None or message.state is not MessageState.FAILED:
                raise UsageError("there is no such message that failed", where="messages")
            now = self._clock.now()
            again = replace(message, state=MessageState.WAITING, due=now, way=0, begun=now)
            self._keep([again], who)
            return again

    def look_again(self) -> None:
        """Read everything anew: another process was the one that sends until now."""
        self._documents.look_again(COLLECTION)

    def _keep(self, messages: Sequence[Message], who: str) -> None:
        for first in range(0, len(messages), TOGETHER):
            part = messages[first : first + TOGETHER]
            self._documents.keep_all(
                [Version(COLLECTION, message.key, content_of(message)) for message in part], who
            )
            self._note(part)

    def _note(self, messages: Sequence[Message]) -> None:
        with self._lock:
            self._put({message.key: message for message in messages})

    def _put(self, changed: Mapping[str, Message]) -> None:
        """A new dictionary each time: readers go on through the one before. The lock is held."""
        self._messages = {**self._messages, **changed}
        for key, message in changed.items():
            if message.state is MessageState.WAITING:
                self._waiting[key] = message
            else:
                self._waiting.pop(key, None)

    def _take_up(self) -> None:
        """Take up what the documents have that was not kept here."""
        documents = self._documents.of(COLLECTION)
        with self._lock:
            if documents is self._read:
                return
            changed = {}
            for key, document in documents.items():
                if self._versions.get(key) != document.time:
                    self._versions[key] = document.time
                    message = _read(document)
                    if message is not None and not _outdated(message, self._messages.get(key)):
                        changed[key] = message
            if changed:
                self._put(changed)
            gone = self._messages.keys() - documents.keys()
            if gone:
                self._messages = {key: each for key, each in self._messages.items() if key not in gone}
                for key in gone:
                    self._versions.pop(key, None)
                    self._waiting.pop(key, None)
            self._read = documents


def counts_of(messages: Collection[Message]) -> Counts:
    """How many of these are in which state."""
    states = [message.state for message in messages]
    waiting = (message.created for message in messages if message.state is MessageState.WAITING)
    return Counts(
        states.count(MessageState.WAITING),
        states.count(MessageState.SENT),
        states.count(MessageState.FAILED),
        min(waiting, default=None),
    )


def _read(document: Document) -> Message | None:
    try:
        return message_of(document.key, document.content)
    except (KeyError, TypeError, ValueError) as error:
        _log.error("the message %s cannot be read and is left alone: %s", document.key, error)
        return None


def _outdated(message: Message, known: Message | None) -> bool:
    """Whether it is a version from before a hand-over that this process knows of.

    Another process that sent before this one may store what it planned late, by a clock that is ahead.
    """
    return known is not None and known.state is MessageState.SENT and message.attempts < known.attempts
