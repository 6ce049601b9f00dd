"""Sign-in sessions: kept on the server, found by the digest of the token in the visitor's cookie.

Every page run and every request looks its session up, so one that was ended ends everywhere at once. A
session also ends with its account, after a time without use, and after a time in any case.
"""

from __future__ import annotations

import hashlib
import secrets
import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sensormon.access.audit import AuditTrail, Change
from sensormon.access.documents import Documents, Version
from sensormon.access.last_used import LastUsed
from sensormon.access.person import Person, Way, check
from sensormon.access.roles import Act, Role
from sensormon.model.clock import DAY, HOUR, SECOND, Clock
from sensormon.model.entries import Document
from sensormon.model.errors import SignInRefused, UsageError
from sensormon.model.text import cleaned

COLLECTION = "sessions"
USED = "sessions-used"
IDLE = 24 * HOUR
"""µs without use after which a session has ended."""
LONGEST = 30 * DAY
"""µs after which a session has ended in any case."""
MOST_STARTS = 100
"""Sessions of one name that may start in an hour; each stays in the store."""


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
    """Of one monitor. Thread-safe. The last use is durable to the hour."""

    def __init__(self, documents: Documents, audit: AuditTrail, clock: Clock) -> None:
        self._documents = documents
        self._audit = audit
        self._clock = clock
        self._lock = threading.Lock()
        self._used = LastUsed(documents, USED, clock)
        self._starts: dict[str, deque[int]] = {}
        for collection in (COLLECTION, USED):
            documents.forget_after(collection, LONGEST + DAY)

    def start(self, name: str, role: Role, way: Way, address: str, browser: str) -> str:
        """Start a session; returns the token for the cookie, which is not kept.

        Raises SignInRefused if `MOST_STARTS` were started within an hour, JournalError, StoreError.
        """
        token = secrets.token_urlsafe(32)
        with self._lock:
            self._start(digest(token), name, role, way, address, browser)
        return token

    def begin(
        self, claims: Mapping[str, Any], name: str, role: Role, address: str, browser: str
    ) -> Session | None:
        """The session of somebody whom an identity provider signed in; started when it is first seen.

        None if it has ended: the provider's cookie outlives a sign-out. Raises like `start`.
        """
        issued = claims.get("iat")
        oldest = (self._clock.now() - LONGEST) // SECOND
        if not isinstance(issued, int | float) or not issued >= oldest:
            return None  # whether it was ended may be forgotten by now
        key = key_of_claims(claims)
        with self._lock:
            if key not in self._documents.of(COLLECTION):
                self._start(key, name, role, Way.PROVIDER, address, browser)
        return self.find(key)

    def find(self, key: str) -> Session | None:
        """The live session with this key, and note its use; None if there is none or it has ended.

        Raises StoreError.
        """
        document = self._documents.of(COLLECTION).get(key)
        if document is None or not self._live(document):
            return None
        self._used.note(key)
        return self._session(document)

    def all(self) -> list[Session]:
        """The live sessions, the last used first. Raises StoreError."""
        live = [self._session(doc) for doc in self._documents.of(COLLECTION).values() if self._live(doc)]
        return sorted(live, key=lambda session: session.used, reverse=True)

    def end(self, by: Person, key: str) -> None:
        """End a session, one's own or, as an administrator, another's. Raises Forbidden, UsageError."""
        own = bool(key) and key == by.session
        if not own:
            check(by, Act.MANAGE_SESSIONS)
        ending = [session for session in self.all() if session.key == key]
        if not ending:
            raise UsageError("there is no such session, or it has ended", where="sessions")
        self._finish(by, ending, Act.SIGN_OUT if own else Act.MANAGE_SESSIONS)

    def end_all(self, by: Person, name: str) -> int:
        """End all sessions of this name; returns how many. Raises Forbidden."""
        check(by, Act.MANAGE_SESSIONS)
        live = [session for session in self.all() if session.name.casefold() == name.casefold()]
        if live:
            self._finish(by, live, Act.MANAGE_SESSIONS)
        return len(live)

    def endings(self, account: str, but: str = "") -> list[Version]:
        """The versions that end all sessions of this account, except the one with the key `but`."""
        return [
            self._ending(session)
            for session in self.all()
            if session.way is Way.ACCOUNT
            and session.name.casefold() == account.casefold()
            and session.key != but
        ]

    def _finish(self, by: Person, ending: list[Session], act: Act) -> None:
        change = Change(act, f"session of {ending[0].name}", "live", "ended")
        records = [self._audit.record_of(by, change) for _ in ending]
        self._documents.keep_all([self._ending(session) for session in ending], by.signature, *records)

    def _ending(self, session: Session) -> Version:
        content = self._documents.of(COLLECTION)[session.key].content
        return Version(COLLECTION, session.key, content, removed=True)

    def _start(self, key: str, name: str, role: Role, way: Way, address: str, browser: str) -> None:
        now = self._clock.now()
        self._count_start(name, now)
        person = Person(name, role, way, key, address)
        record = self._audit.record_of(person, Change(Act.SIGN_IN, f"by {way}"))
        content = {
            "name": name,
            "way": str(way),
            "started": now,
            "address": cleaned(address)[:100],
            "browser": cleaned(browser)[:200],
        }
        self._documents.keep(COLLECTION, key, content, person.signature, record)

    def _count_start(self, name: str, now: int) -> None:
        starts = self._starts.setdefault(name.casefold(), deque(maxlen=MOST_STARTS))
        if len(starts) == MOST_STARTS and 0 <= now - starts[0] < HOUR:
            seconds = -(-(starts[0] + HOUR - now) // SECOND)
            raise SignInRefused(
                f"{name} has signed in {MOST_STARTS} times within an hour",
                where="sign-in",
                hint=f"Try again in {seconds} s",
                seconds=seconds,
            )
        starts.append(now)

    def _live(self, document: Document) -> bool:
        now = self._clock.now()
        started = int(document.content["started"])
        return not document.removed and now - self._last_use(document) <= IDLE and now - started <= LONGEST

    def _last_use(self, document: Document) -> int:
        return max(int(document.content["started"]), self._used.of(document.key))

    def _session(self, document: Document) -> Session:
        content = document.content
        return Session(
            document.key,
            str(content["name"]),
            Way(content["way"]),
            int(content["started"]),
            self._last_use(document),
            str(content["address"]),
            str(content["browser"]),
        )


def digest(token: str) -> str:
    """The key of the session with this token."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def key_of_claims(claims: Mapping[str, Any]) -> str:
    """The key of the session that these claims of an ID token opened: one per sign-in."""
    parts = [str(claims.get(name, "")) for name in ("iss", "sub", "iat", "sid", "nonce")]
    return digest("\n".join(["claims", *parts]))
