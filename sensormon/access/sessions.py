"""Sign-in sessions: kept on the server, found by the digest of the token in the visitor's cookie.

Every page run and every request looks its session up, so one that was ended ends everywhere at once. A
session also ends with its account, after a time without use, and after a time in any case.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sensormon.access.audit import AuditTrail, Change
from sensormon.access.documents import Documents
from sensormon.access.person import Person, Way, check
from sensormon.access.roles import Act, Role
from sensormon.model.clock import DAY, HOUR, Clock
from sensormon.model.entries import Document
from sensormon.model.errors import UsageError

COLLECTION = "sessions"
IDLE = 24 * HOUR
"""µs without use after which a session has ended."""
LONGEST = 30 * DAY
"""µs after which a session has ended in any case."""


@dataclass(frozen=True)
class Session:
    """A session of one person. `key` is the digest of its token; times are µs UTC."""

    key: str
    name: str
    way: Way
    started: int
    used: int
    address: str
    browser: str


class Sessions:
    """Of one monitor. `used` is in memory: after a restart a session counts as used at the start."""

    def __init__(self, documents: Documents, audit: AuditTrail, clock: Clock) -> None:
        self._documents = documents
        self._audit = audit
        self._clock = clock
        self._since = clock.now()
        self._used: dict[str, int] = {}

    def start(self, name: str, role: Role, way: Way, address: str, browser: str) -> str:
        """Start a session; returns the token for the cookie, which is not kept. Raises JournalError."""
        token = secrets.token_urlsafe(32)
        self._start(digest(token), name, role, way, address, browser)
        return token

    def begin(
        self, claims: Mapping[str, Any], name: str, role: Role, address: str, browser: str
    ) -> Session | None:
        """The session of somebody whom an identity provider signed in; started when it is first seen.

        None if it has ended: the provider's cookie outlives a sign-out.
        """
        key = key_of_claims(claims)
        if key not in self._documents.of(COLLECTION):
            self._start(key, name, role, Way.PROVIDER, address, browser)
        return self.find(key)

    def find(self, key: str) -> Session | None:
        """The live session with this key; None if there is none or it has ended. Raises StoreError."""
        document = self._documents.of(COLLECTION).get(key)
        now = self._clock.now()
        if document is None or not self._live(document, now):
            return None
        self._used[key] = now
        return self._session(document)

    def all(self) -> list[Session]:
        """The live sessions, the last used first. Raises StoreError."""
        now = self._clock.now()
        live = [doc for doc in self._documents.of(COLLECTION).values() if self._live(doc, now)]
        return sorted(map(self._session, live), key=lambda session: session.used, reverse=True)

    def end(self, by: Person, key: str) -> None:
        """End a session, one's own or, as an administrator, another's. Raises Forbidden, UsageError."""
        session = self.find(key)
        if session is None:
            raise UsageError("there is no such session, or it has ended", where="sessions")
        own = key == by.session
        if not own:
            check(by, Act.MANAGE_SESSIONS)
        act = Act.SIGN_OUT if own else Act.MANAGE_SESSIONS
        self._finish(by, session, act)

    def end_all(self, by: Person, name: str) -> int:
        """End all sessions of this name; returns how many. Raises Forbidden."""
        check(by, Act.MANAGE_SESSIONS)
        live = [session for session in self.all() if session.name.casefold() == name.casefold()]
        for session in live:
            self._finish(by, session, Act.MANAGE_SESSIONS)
        return len(live)

    def _finish(self, by: Person, session: Session, act: Act) -> None:
        record = self._audit.record_of(by, Change(act, f"session of {session.name}", "live", "ended"))
        content = self._documents.of(COLLECTION)[session.key].content
        self._documents.keep(COLLECTION, session.key, content, by.signature, record, removed=True)
        self._used.pop(session.key, None)

    def _start(self, key: str, name: str, role: Role, way: Way, address: str, browser: str) -> None:
        person = Person(name, role, way, key, address)
        record = self._audit.record_of(person, Change(Act.SIGN_IN, f"by {way}"))
        content = {
            "name": name,
            "way": str(way),
            "started": self._clock.now(),
            "address": address,
            "browser": browser[:200],
        }
        self._documents.keep(COLLECTION, key, content, name, record)
        self._used[key] = self._clock.now()

    def _live(self, document: Document, now: int) -> bool:
        used = self._used.get(document.key, max(self._since, document.time))
        started = int(document.content["started"])
        return not document.removed and now - used <= IDLE and now - started <= LONGEST

    def _session(self, document: Document) -> Session:
        content = document.content
        return Session(
            document.key,
            str(content["name"]),
            Way(content["way"]),
            int(content["started"]),
            self._used.get(document.key, max(self._since, document.time)),
            str(content["address"]),
            str(content["browser"]),
        )


def digest(token: str) -> str:
    """The key of the session with this token."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def key_of_claims(claims: Mapping[str, Any]) -> str:
    """The key of the session that these claims of an ID token opened: one per sign-in."""
    parts = [str(claims.get(name, "")) for name in ("iss", "sub", "iat", "sid")]
    return digest("\n".join(["claims", *parts]))
