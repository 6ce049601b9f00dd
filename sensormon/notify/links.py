"""Links in messages that let their reader answer without signing in.

A link holds a random secret of its own, made when a message is handed over. Only its SHA-256 digest is kept,
as a document, so every process on the same store knows the link, and who reads journal, database or a back-up
can neither follow one nor make one up. A key to sign links with would have to be shared in one of those
places. The process that made a link gives the same one at each try; after a restart a message gets another,
and all links of a message count as one when it is answered: see `answering`. A link is worth nothing after
`LASTS`.
What it is not: a sign-in. It opens the events of its message and nothing else.
"""

from __future__ import annotations

import hmac
import re
import secrets
import threading
from collections import OrderedDict
from dataclasses import dataclass

from sensormon.access.documents import Documents
from sensormon.access.sessions import digest
from sensormon.model.clock import DAY, SECOND, Clock
from sensormon.model.entries import Document
from sensormon.notify.messages import Kind, Message

COLLECTION = "answer-links"
LASTS = 7 * DAY
"""µs for which a link works."""
PATH = "/answer/"
"""Where the page is, below the base of links; the secret follows."""
_SECRET = re.compile("[0-9a-f]{48}")
"""Letters and digits alone: mail programs cut other signs off the end of a link in plain text."""
_IN_TEXT = re.compile(r"(answer(?:\\?/|%2F))[0-9a-f]{8,48}", re.IGNORECASE)
"""A link in whatever a server answers: as it is, in JSON, in a query, or cut off."""
_USED_AGAIN = DAY
"""µs for which a try repeats the link of the try before."""
_REMEMBERED = 1_000
"""Messages whose links this process remembers for their next try."""
_ASK = SECOND
"""µs between two questions to the store for links that are not known here."""
_BY = "notifications"


@dataclass(frozen=True)
class Link:
    """What a secret opens: the answer of a contact to a message, until `expires` (µs UTC).

    `zone` names the time zone that the message's times are in; empty for that of the machine.
    """

    message: str
    contact: str
    expires: int
    zone: str


class Links:
    """Of one monitor; `base` is SENSORMON_URL, without which there are no links. Thread-safe."""

    def __init__(self, documents: Documents, base: str, clock: Clock) -> None:
        self._documents = documents
        self._base = base.rstrip("/")
        self._clock = clock
        self._lock = threading.Lock()
        self._asked = 0
        self._latest: OrderedDict[str, tuple[str, int]] = OrderedDict()
        documents.forget_after(COLLECTION, LASTS + DAY)

    def to(self, message: Message, zone: str = "") -> str:
        """The link for this message, durable when this returns; empty if there is none.

        Messages about events have one, and those of a test. Its page shows times in this zone, by default in
        that of the machine. Call it when the message is about to be handed over. Raises JournalError,
        StoreError.
        """
        if not self._base or not has_answer(message):
            return ""
        now = self._clock.now()
        with self._lock:
            secret, made = self._latest.get(message.key, ("", 0))
            if not secret or not 0 <= now - made < _USED_AGAIN:
                secret = secrets.token_hex(24)
                self._keep(secret, message, zone, now)
                self._latest[message.key] = secret, now
                if len(self._latest) > _REMEMBERED:
                    self._latest.popitem(last=False)
        return f"{self._base}{PATH}{secret}"

    def find(self, secret: str) -> Link | None:
        """What this secret opens, from what is known here; None if it is wrong or has expired.

        Raises StoreError if links were never read.
        """
        return self._link(secret, self._documents.of(COLLECTION).get(_key(secret))) if _fits(secret) else None

    def find_anew(self, secret: str) -> Link | None:
        """The same, after asking the store: another process may just have made it. Raises StoreError.

        The store is asked once in `_ASK` at most, whoever tries how many secrets.
        """
        if _fits(secret):
            now = self._clock.now()
            with self._lock:
                due = not 0 <= now - self._asked < _ASK
                self._asked = now if due else self._asked
            if due:
                self._documents.look_again(COLLECTION)
        return self.find(secret)

    def _keep(self, secret: str, message: Message, zone: str, now: int) -> None:
        content = {
            "message": message.key,
            "contact": message.contact,
            "expires": now + LASTS,
            "zone": zone,
            "digest": digest(secret),
        }
        self._documents.keep(COLLECTION, _key(secret), content, _BY)

    def _link(self, secret: str, document: Document | None) -> Link | None:
        if document is None or document.removed:
            return None
        content = document.content
        right = hmac.compare_digest(str(content["digest"]), digest(secret))
        link = Link(
            str(content["message"]), str(content["contact"]), int(content["expires"]), str(content["zone"])
        )
        return link if right and self._clock.now() < link.expires else None


def has_answer(message: Message) -> bool:
    """Whether a message gets a link."""
    return bool(message.covers or message.events) or message.kind is Kind.TEST


def without_secrets(text: str) -> str:
    """The text with the secret of each link as `…`; a server may repeat what it was sent in its answer.

    >>> without_secrets("400: bad link https://m.example/answer/" + "3f" * 24 + " in body")
    '400: bad link https://m.example/answer/… in body'
    """
    return _IN_TEXT.sub(r"\1…", text)


def _fits(secret: str) -> bool:
    return _SECRET.fullmatch(secret) is not None


def _key(secret: str) -> str:
    return digest(secret)[:32]
