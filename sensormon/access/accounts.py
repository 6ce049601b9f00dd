"""Accounts: a name, a role and a password, kept as documents.

Names are compared without regard to case. What it is not: a session; see `sessions`.
"""

from __future__ import annotations

import re
import threading
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sensormon.access import passwords
from sensormon.access.audit import AuditTrail, Change
from sensormon.access.documents import Documents, Version
from sensormon.access.guessing import Guessing
from sensormon.access.person import Person, Way, check
from sensormon.access.roles import GIVEN, Act, Role, role_named
from sensormon.access.sessions import Sessions
from sensormon.model.clock import SECOND, Clock
from sensormon.model.entries import Document
from sensormon.model.errors import SensormonError, SignInRefused, UsageError

COLLECTION = "accounts"
LONGEST_NAME = 64
_NAME = re.compile(r"[^\W_][\w.@+ -]*", re.UNICODE)
WRONG = "the name or the password is wrong"


@dataclass(frozen=True)
class Account:
    """An account. `changed` is when it or its password last changed (µs UTC)."""

    name: str
    role: Role
    changed: int
    changed_by: str


class Accounts:
    """Of one monitor. Changes need the role for `manage users` and are in the audit trail. Thread-safe.

    The sessions of an account end when it is removed or gets another password.
    """

    def __init__(self, documents: Documents, audit: AuditTrail, sessions: Sessions, clock: Clock) -> None:
        self._documents = documents
        self._audit = audit
        self._sessions = sessions
        self._clock = clock
        self._guessing = Guessing()
        self._changing = threading.RLock()

    def all(self) -> list[Account]:
        """The accounts by name. Raises StoreError."""
        kept = self._documents.standing(COLLECTION).values()
        return sorted(map(_account, kept), key=lambda account: account.name.casefold())

    def find(self, name: str) -> Account | None:
        """The account of this name. Raises StoreError."""
        document = self._documents.standing(COLLECTION).get(_key(name))
        return _account(document) if document else None

    def add(self, by: Person, name: str, role: Role, password: str) -> Account:
        """Add an account.

        Raises UsageError for a name, role or password that is not possible, Forbidden, StoreError,
        JournalError.
        """
        check(by, Act.MANAGE_USERS)
        name, kept = _checked(name), passwords.hashed(password)
        if role not in GIVEN:
            raise UsageError(f"no account can have the role {role}", where="users")
        change = Change(Act.MANAGE_USERS, f"user {name}", "", f"added, {role}")
        with self._changing:
            if self.find(name):
                raise UsageError(
                    f"there is an account {name!r} already", where="users", hint="Choose another name"
                )
            content = {"name": name, "role": str(role), "password": kept}
            record = self._audit.record_of(by, change)
            return _account(self._documents.keep(COLLECTION, _key(name), content, by.signature, record))

    def set_role(self, by: Person, name: str, role: Role) -> None:
        """Give the account this role, from its next page run on. Raises like `remove`."""
        check(by, Act.MANAGE_USERS)
        if role not in GIVEN:
            raise UsageError(f"no account can have the role {role}", where="users")
        with self._changing:
            account = self._known(name)
            if role is not Role.ADMINISTRATOR:
                self._keep_an_administrator(by, account)
            content = {**self._content(account.name), "role": str(role)}
            change = Change(Act.MANAGE_USERS, f"user {account.name}", str(account.role), str(role))
            record = self._audit.record_of(by, change)
            self._documents.keep(COLLECTION, _key(account.name), content, by.signature, record)

    def set_password(self, by: Person, name: str, password: str) -> None:
        """Set another password; the account's sessions end.

        Raises like `remove`, and UsageError for a password that is too short or too long.
        """
        check(by, Act.MANAGE_USERS)
        self._set_password(by, Act.MANAGE_USERS, name, password)

    def change_own_password(self, by: Person, old: str, new: str) -> None:
        """Change the password of somebody signed in; their other sessions end.

        Raises SignInRefused, UsageError, Forbidden, Overloaded, StoreError, JournalError.
        """
        check(by, Act.CHANGE_OWN_ACCOUNT)
        if by.way is not Way.ACCOUNT:
            raise UsageError("only accounts that are kept here have a password here", where="password")
        self.sign_in(by.name, old, by.address)
        self._set_password(by, Act.CHANGE_OWN_ACCOUNT, by.name, new)

    def remove(self, by: Person, name: str) -> None:
        """Remove the account; its sessions end with it.

        Raises UsageError if there is none or it is the last administrator's, Forbidden, StoreError,
        JournalError.
        """
        check(by, Act.MANAGE_USERS)
        with self._changing:
            account = self._known(name)
            self._keep_an_administrator(by, account)
            change = Change(Act.MANAGE_USERS, f"user {account.name}", str(account.role), "removed")
            versions = [
                Version(COLLECTION, _key(account.name), {}, removed=True),
                *self._sessions.endings(account.name),
            ]
            self._documents.keep_all(versions, by.signature, self._audit.record_of(by, change))

    def sign_in(self, name: str, password: str, address: str) -> Account:
        """The account with this name and password.

        Raises SignInRefused for a wrong name or password, in the same words and time, or if too
        many attempts failed; Overloaded, StoreError.
        """
        now, key = self._clock.now(), _key(name)
        wait = self._guessing.begin(key, address, now)
        if wait:
            seconds = -(-wait // SECOND)
            self._note_failure(key, address, "too many failed attempts")
            raise SignInRefused(
                "too many failed attempts", where="sign-in", hint=f"Try again in {seconds} s", seconds=seconds
            )
        try:
            document = self._documents.standing(COLLECTION).get(key)
            fits = passwords.fits(str(document.content["password"]) if document else "", password)
        except SensormonError:
            self._guessing.undecided(key, address)
            raise
        if document is None or not fits:
            self._note_failure(key, address, WRONG)
            raise SignInRefused(WRONG, where="sign-in", hint="Try again")
        self._guessing.succeeded(key, address)
        return _account(document)

    def _note_failure(self, key: str, address: str, why: str) -> None:
        """Into the audit trail, without a name that nobody has: people type passwords there by mistake."""
        account = self._documents.standing(COLLECTION).get(key)
        typed = str(account.content["name"]) if account else "unknown name"
        somebody = Person("", Role.NOBODY, Way.VISITOR, address=address, typed=typed)
        self._audit.refuse(somebody, Change(Act.SIGN_IN, f"by {Way.ACCOUNT}"), why)

    def _known(self, name: str) -> Account:
        account = self.find(name)
        if account is None:
            raise UsageError(f"there is no account {name!r}", where="users", hint="`users list` shows them")
        return account

    def _content(self, name: str) -> Mapping[str, Any]:
        return self._documents.standing(COLLECTION)[_key(name)].content

    def _keep_an_administrator(self, by: Person, account: Account) -> None:
        """Whoever sits at the machine can make another administrator; from afar nobody could."""
        administrators = [a.name for a in self.all() if a.role is Role.ADMINISTRATOR]
        if by.way is not Way.COMMAND_LINE and administrators == [account.name]:
            raise UsageError(
                f"{account.name} is the last administrator", where="users", hint="Make another one first"
            )

    def _set_password(self, by: Person, act: Act, name: str, password: str) -> None:
        kept = passwords.hashed(password)
        with self._changing:
            account = self._known(name)
            content = {**self._content(account.name), "password": kept}
            versions = [
                Version(COLLECTION, _key(account.name), content),
                *self._sessions.endings(account.name, but=by.session),
            ]
            record = self._audit.record_of(by, Change(act, f"user {account.name}", "", "password set"))
            self._documents.keep_all(versions, by.signature, record)


def _account(document: Document) -> Account:
    content = document.content
    role = role_named(str(content["role"]))
    return Account(str(content["name"]), role, document.time, document.who)


def _checked(name: str) -> str:
    words = _plain(name)
    if len(words) > LONGEST_NAME or not _NAME.fullmatch(words):
        raise UsageError(
            f"{words[:LONGEST_NAME]!r} cannot be a name",
            where="users",
            hint=f"Use up to {LONGEST_NAME} letters, digits, spaces and . - _ @ +, a letter or digit first",
        )
    return words


def _key(name: str) -> str:
    return _plain(name).casefold()


def _plain(name: str) -> str:
    """The name in the one form of its characters, with single spaces."""
    return " ".join(unicodedata.normalize("NFKC", name[: 2 * LONGEST_NAME]).split())
