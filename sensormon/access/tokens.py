"""API tokens: named, with a scope, limited to tags and in time; only their digests are kept.

A token is shown once, when it is made. What it is not: a person's sign-in. Tokens are for
programs, sessions for pages.
"""

from __future__ import annotations

import re
import secrets
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any

from sensormon.access.audit import AuditTrail, Change
from sensormon.access.documents import Documents
from sensormon.access.last_used import LastUsed
from sensormon.access.person import Person, check
from sensormon.access.roles import Act
from sensormon.access.sessions import digest
from sensormon.model.clock import Clock
from sensormon.model.entries import Document
from sensormon.model.errors import UsageError
from sensormon.model.text import cleaned

COLLECTION = "tokens"
USED = "tokens-used"
PREFIX = "sm_"
LONGEST_NAME = 64
MOST_PATTERNS = 100
LONGEST_PATTERN = 200
ACTIVE = "active"
"""State of a token that can be used."""


class Scope(StrEnum):
    """What a token opens: `write` takes readings in, `read` gives them out, `admin` does both and more."""

    READ = "read"
    WRITE = "write"
    ADMIN = "admin"


@dataclass(frozen=True)
class ApiToken:
    """A token without its secret. Times are µs UTC; `expires` 0: never, `used` 0: not yet."""

    id: str
    name: str
    scope: Scope
    tags: tuple[str, ...]  # patterns; none for all tags
    created: int
    created_by: str
    expires: int
    used: int
    revoked: bool

    def state(self, now: int) -> str:
        """Whether it can be used at `now` (µs UTC): active, expired or revoked."""
        if self.revoked:
            return "revoked"
        return "expired" if self.expires and self.expires <= now else ACTIVE

    def opens(self, scope: Scope) -> bool:
        """Whether it may be used for this."""
        return self.scope in (scope, Scope.ADMIN)

    def covers(self, tag: str) -> bool:
        """Whether it may be used for this tag."""
        return covered(tag, self.tags)


def covered(tag: str, patterns: Sequence[str]) -> bool:
    """Whether one of these patterns fits the tag; without any, all do."""
    return not patterns or any(fnmatchcase(tag, pattern) for pattern in patterns)


class ApiTokens:
    """Of one monitor. Changes need the role for `manage tokens` and are in the audit trail. Thread-safe.

    The last use is durable to the hour.
    """

    def __init__(self, documents: Documents, audit: AuditTrail, clock: Clock) -> None:
        self._documents = documents
        self._audit = audit
        self._clock = clock
        self._used = LastUsed(documents, USED, clock)
        self._changing = threading.Lock()

    def all(self) -> list[ApiToken]:
        """Every token, revoked and expired ones too, the newest first. Raises StoreError."""
        tokens = [self._token(document) for document in self._documents.of(COLLECTION).values()]
        return sorted(tokens, key=lambda token: token.created, reverse=True)

    def state(self, token: ApiToken) -> str:
        """Its state now; see `ApiToken.state`."""
        return token.state(self._clock.now())

    def find(self, secret: str) -> ApiToken | None:
        """The token with this secret, and note its use; None unless it is active. Raises StoreError."""
        if not secret.startswith(PREFIX):
            return None
        token = self._with(secret, self._documents.of(COLLECTION))
        if token is None:
            return None
        self._used.note(token.id)
        return replace(token, used=self._used.of(token.id))

    def known(self, secret: str) -> ApiToken | None:
        """As `find`, for an event loop: from memory, without waiting for store or journal.

        None also if `find` has to be asked.
        """
        documents = self._documents.fresh(COLLECTION) if secret.startswith(PREFIX) else None
        if documents is None or self._documents.fresh(USED) is None:
            return None
        token = self._with(secret, documents)
        if token is None or self._used.is_due(token.id):
            return None
        self._used.note(token.id)
        return token

    def add(
        self, by: Person, name: str, scope: Scope, tags: tuple[str, ...] = (), expires: int = 0
    ) -> tuple[ApiToken, str]:
        """Make a token; returns it with its secret, which nothing keeps.

        Raises UsageError for a name, patterns or an expiry that are not possible; Forbidden, StoreError,
        JournalError.
        """
        check(by, Act.MANAGE_TOKENS)
        name = _checked_name(name)
        _check_patterns(tags)
        now = self._clock.now()
        if expires and expires <= now:
            raise UsageError("the token would have expired already", where="tokens", hint="Give a later time")
        secret = PREFIX + secrets.token_urlsafe(32)
        content = {
            "name": name,
            "scope": str(scope),
            "tags": list(tags),
            "created": now,
            "created_by": by.signature,
            "expires": expires,
            "digest": digest(secret),
        }
        words = f"added, {scope}" + (f", tags {', '.join(tags)}" if tags else "")
        change = Change(Act.MANAGE_TOKENS, f"token {name}", "", words)
        with self._changing:
            if any(token.name == name and self.state(token) == ACTIVE for token in self.all()):
                raise UsageError(
                    f"there is a token {name!r} already", where="tokens", hint="Choose another name"
                )
            record = self._audit.record_of(by, change)
            document = self._documents.keep(COLLECTION, digest(secret)[:16], content, by.signature, record)
        return self._token(document), secret

    def revoke(self, by: Person, name_or_id: str) -> ApiToken:
        """Revoke the token with this name or id, the active one if several had the name.

        Raises UsageError, Forbidden, StoreError, JournalError.
        """
        check(by, Act.MANAGE_TOKENS)
        with self._changing:
            live = [
                token for token in self.all() if not token.revoked and name_or_id in (token.name, token.id)
            ]
            if not live:
                shown = "with this secret" if name_or_id.startswith(PREFIX) else repr(name_or_id[:100])
                raise UsageError(
                    f"there is no token {shown}", where="tokens", hint="`tokens list` shows them"
                )
            token = max(live, key=lambda token: self.state(token) == ACTIVE)
            change = Change(Act.MANAGE_TOKENS, f"token {token.name}", str(token.scope), "revoked")
            content = self._documents.of(COLLECTION)[token.id].content
            record = self._audit.record_of(by, change)
            return self._token(
                self._documents.keep(COLLECTION, token.id, content, by.signature, record, removed=True)
            )

    def _with(self, secret: str, documents: Mapping[str, Document]) -> ApiToken | None:
        whole = digest(secret)
        document = documents.get(whole[:16])
        if document is None or document.content["digest"] != whole:
            return None
        token = self._token(document)
        return token if self.state(token) == ACTIVE else None

    def _token(self, document: Document) -> ApiToken:
        content: Mapping[str, Any] = document.content
        return ApiToken(
            document.key,
            str(content["name"]),
            Scope(content["scope"]),
            tuple(content["tags"]),
            int(content["created"]),
            str(content["created_by"]),
            int(content["expires"]),
            self._used.of(document.key),
            document.removed,
        )


def _checked_name(name: str) -> str:
    words = cleaned(name)
    if not 1 <= len(words) <= LONGEST_NAME:
        raise UsageError(f"a token's name has 1 to {LONGEST_NAME} characters", where="tokens")
    if words.startswith(PREFIX) or re.fullmatch("[0-9a-f]{16}", words):
        raise UsageError(
            "a token's name cannot look like a secret or an id", where="tokens", hint="Choose another name"
        )
    return words


def _check_patterns(tags: tuple[str, ...]) -> None:
    if len(tags) > MOST_PATTERNS:
        raise UsageError(f"{MOST_PATTERNS} patterns are the most", where="tokens")
    for pattern in tags:
        if not pattern or pattern != cleaned(pattern) or len(pattern) > LONGEST_PATTERN:
            raise UsageError(
                f"{pattern[:LONGEST_PATTERN]!r} cannot be a pattern of tags",
                where="tokens",
                hint=f"Use up to {LONGEST_PATTERN} characters, such as line1_*",
            )
