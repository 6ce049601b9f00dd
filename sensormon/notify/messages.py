"""A message: what it tells, to whom, and what became of it. Immutable; each change is a new version.

Kept as a document under its key, so that it goes the way of everything else: journal, then store.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from hashlib import blake2b
from typing import Any, TypeVar


class Kind(StrEnum):
    """What a message is; the words that a webhook gets."""

    EVENT = "event"
    RETURNED = "returned"
    REMINDER = "reminder"
    ESCALATION = "escalation"
    DIGEST = "digest"
    HEALTH = "health"
    TEST = "test"


class MessageState(StrEnum):
    """What became of it. FAILED is a dead letter: no way took it, a person may send it again."""

    WAITING = "waiting"
    SENT = "sent"
    FAILED = "failed"


@dataclass(frozen=True)
class ToldEvent:
    """An event as a message tells it. `began` is µs UTC; `value` is rendered with its unit, `number` is it
    without."""

    id: int
    tag: str
    title: str
    began: int
    value: str
    score: float
    severity: str
    why: str
    over: bool = False
    number: float | None = None

    def __post_init__(self) -> None:
        if self.id < 1:
            raise ValueError(f"an event has no id {self.id}")


@dataclass(frozen=True)
class Try:
    """An attempt to hand it over: when (µs UTC), by the how-manieth way of the contact, and the answer.

    `lasting` says that this way will never take it, `calm` until when its server asked for none (µs UTC).
    """

    time: int
    way: int
    delivered: bool
    words: str
    lasting: bool = False
    calm: int = 0


@dataclass(frozen=True)
class Message:
    """`events` are listed, at most `LISTED`; `covers` are the ids of all events that it tells of, `held_back`
    how many of those are not listed, `over` those of them that had ended when it was made. `text` is what
    a message tells that is not about events: the conditions of the monitor, the words of a test. `condition`
    names the condition, with what it is about ("silent:ph"); several stand on a line each. `attachment` says
    what is made for it when it is handed over, in the words of whoever makes it; empty for nothing.
    Times are µs UTC; `due` is when the next try is, by the way `way` of the contact. `tries` are the newest
    `TRIES`, those before `begun` were made before a person sent it again.
    """

    key: str
    kind: Kind
    rule: str
    contact: str
    created: int
    events: tuple[ToldEvent, ...] = ()
    covers: tuple[int, ...] = ()
    held_back: int = 0
    over: tuple[int, ...] = ()
    text: str = ""
    condition: str = ""
    attachment: str = ""
    storm: bool = False
    state: MessageState = MessageState.WAITING
    attempts: int = 0
    due: int = 0
    way: int = 0
    begun: int = 0
    tries: tuple[Try, ...] = field(default=())

    def tried(self, attempt: Try, state: MessageState, due: int = 0, way: int = 0) -> Message:
        """The version after this attempt; the next one is due then, by this way."""
        return replace(
            self,
            state=state,
            attempts=self.attempts + 1,
            due=due,
            way=way,
            tries=(*self.tries, attempt)[-TRIES:],
        )


Value = TypeVar("Value", ToldEvent, Try)

LISTED = 20
"""Events that a message lists; the others are counted."""
TRIES = 10
"""Tries that a message keeps."""
COLLECTION = "messages"
"""Where messages are kept among the documents."""


def key_of(*parts: str | int) -> str:
    """The key of the message about this: the same parts give the same key, in every process."""
    return blake2b("\n".join(map(str, parts)).encode(), digest_size=16).hexdigest()


def content_of(message: Message) -> dict[str, Any]:
    """The message as a document's content; see `message_of`."""
    return {
        "kind": str(message.kind),
        "rule": message.rule,
        "contact": message.contact,
        "created": message.created,
        "events": [vars_of(event) for event in message.events],
        "covers": list(message.covers),
        "held_back": message.held_back,
        "over": list(message.over),
        "text": message.text,
        "condition": message.condition,
        "attachment": message.attachment,
        "storm": message.storm,
        "state": str(message.state),
        "attempts": message.attempts,
        "due": message.due,
        "way": message.way,
        "begun": message.begun,
        "tries": [vars_of(attempt) for attempt in message.tries],
    }


def vars_of(value: ToldEvent | Try) -> dict[str, Any]:
    """The fields by name."""
    return {name: getattr(value, name) for name in value.__dataclass_fields__}


def message_of(key: str, content: Mapping[str, Any]) -> Message:
    """The message of a document; what a newer version added is left out."""
    fields = {name: content[name] for name in Message.__dataclass_fields__ if name in content}
    fields |= {
        "kind": Kind(content["kind"]),
        "state": MessageState(content["state"]),
        "events": tuple(_read(ToldEvent, event) for event in content.get("events", ())),
        "covers": tuple(content.get("covers", ())),
        "over": tuple(content.get("over", ())),
        "tries": tuple(_read(Try, attempt) for attempt in content.get("tries", ())),
    }
    return Message(key=key, **fields)


def _read(kind: type[Value], content: Mapping[str, Any]) -> Value:
    return kind(**{name: content[name] for name in kind.__dataclass_fields__ if name in content})
