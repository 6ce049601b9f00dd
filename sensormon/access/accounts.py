"""Accounts: a name, a role and a password, kept as documents.

Names are compared without regard to case. What it is not: a session; see `sessions`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sensormon.access import passwords
from sensormon.access.audit import AuditTrail, Change
from sensormon.access.documents import Documents
from sensormon.access.guessing import Guessing
from sensormon.access.person import Person, Way, check
from sensormon.access.roles import Act, Role, role_named
from sensormon.model.clock import SECOND, Clock
from sensormon.model.errors import SignInRefused, UsageError

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
    """Of one monitor. Changes need the role for `manage users` and are in the audit trail."""

    def __init__(self, documents: Documents, audit: AuditTrail, clock: Clock) -> None:
        self._documents = documents
        self._audit = audit
        self._clock = clock
        self._guessing = Guessing()

    def all(self) -> list[Account]:
        """The accounts by name. Raises StoreError."""
        kept = self._documents.standing(COLLECTION).values()
        return sorted((_account(doc.content, doc.time, doc.who) for doc in kept), key=lambda a: a.name)

    def find(self, name: str) -> Account | None:
        """The account of this name. Raises StoreError."""
        document = self._documents.standing(COLLECTION).get(_key(name))
        return _account(document.content, document.time, document.who) if document else None

    def add(self, by: Person, name: str, role: Role, password: str) -> Account:
        """Add an account. Raises UsageError for a name or password that is not possible, Forbidden."""
        check(by, Act.MANAGE_USERS)
        name = _checked(name)
        if self.find(name):
            raise UsageError(
                f"there is an account {name!r} already", where="users", hint="Choose another name"
            )
        self._keep(by, Change(Act.MANAGE_USERS, f"user {name}", "", f"added, {role}"), name, role, password)
        return Account(name, role, self._clock.now(), by.signature)

    def set_role(self, by: Person, name: str, role: Role) -> None:
        """Give the account this role, from its next page run on. Raises like `remove`."""
        check(by, Act.MANAGE_USERS)
        account = self._known(name)
        if role is not Role.ADMINISTRATOR:
            self._keep_an_administrator(by, account)
        content = {**self._content(account.name), "role": str(role)}
        change = Change(Act.MANAGE_USERS, f"user {account.name}", str(account.role), str(role))
        record = self._audit.record_of(by, change)
        self._documents.keep(COLLECTION, _key(account.name), content, by.signature, record)

    def set_password(self, by: Person, name: str, password: str) -> None:
        """Set another password. Raises like `remove`, and UsageError for a password that is too short."""
        check(by, Act.MANAGE_USERS)
        account = self._known(name)
        change = Change(Act.MANAGE_USERS, f"user {account.name}", "", "password set")
        self._keep(by, change, account.name, account.role, password)

    def change_own_password(self, by: Person, old: str, new: str) -> None:
        """Change the password of somebody signed in. Raises SignInRefused, UsageError, Forbidden."""
        check(by, Act.CHANGE_OWN_ACCOUNT)
        account = self._known(by.name) if by.way is Way.ACCOUNT else None
        if account is None:
            raise UsageError("only accounts that are kept here have a password here", where="password")
        self.sign_in(account.name, old, by.address)
        change = Change(Act.CHANGE_OWN_ACCOUNT, f"user {account.name}", "", "password set")
        self._keep(by, change, account.name, account.role, new)

    def remove(self, by: Person, name: str) -> None:
        """Remove the account; its sessions end with it.

        Raises UsageError if there is none or it is the last administrator's, Forbidden, StoreError.
        """
        check(by, Act.MANAGE_USERS)
        account = self._known(name)
        self._keep_an_administrator(by, account)
        change = Change(Act.MANAGE_USERS, f"user {account.name}", str(account.role), "removed")
        record = self._audit.record_of(by, change)
        self._documents.keep(COLLECTION, _key(account.name), {}, by.signature, record, removed=True)

    def sign_in(self, name: str, password: str, address: str) -> Account:
        """The account with this name and password.

        Raises SignInRefused for a wrong name or password, in the same words and time, or if too
        many tries failed; Overloaded, StoreError.
        """
        now, key = self._clock.now(), _key(name)
        wait = self._guessing.wait(key, address, now)
        if wait:
            seconds = -(-wait // SECOND)
            raise SignInRefused(
                "too many tries failed", where="sign-in", hint=f"Try again in {seconds} s", seconds=seconds
            )
        document = self._documents.standing(COLLECTION).get(key)
        fits = passwords.fits(str(document.content["password"]) if document else "", password)
        if document is None or not fits:
            self._guessing.failed(key, address, now)
            raise SignInRefused(WRONG, where="sign-in", hint="Try again")
        self._guessing.succeeded(key, address)
        return _account(document.content, document.time, document.who)

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

    def _keep(self, by: Person, change: Change, name: str, role: Role, password: str) -> None:
        content = {"name": name, "role": str(role), "password": passwords.hashed(password)}
        record = self._audit.record_of(by, change)
        self._documents.keep(COLLECTION, _key(name), content, by.signature, record)


def _account(content: Mapping[str, Any], time: int, who: str) -> Account:
    return Account(str(content["name"]), role_named(str(content["role"])), time, who)


def _checked(name: str) -> str:
    words = " ".join(name.split())
    if len(words) > LONGEST_NAME or not _NAME.fullmatch(words):
        raise UsageError(
            f"{name!r} cannot be a name",
            where="users",
            hint=f"Use up to {LONGEST_NAME} letters, digits, spaces and . - _ @ +, a letter or digit first",
        )
    return words


def _key(name: str) -> str:
    return " ".join(name.split()).casefold()[:LONGEST_NAME]
