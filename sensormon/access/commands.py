"""The commands for accounts, tokens, sessions and the audit trail, as plain data in and out.

The command line runs them on a stopped data folder, or sends them to the running monitor; both
ways lead here. Arguments and answers hold what JSON can hold, times are µs UTC.
"""

from __future__ import annotations

import os
import pwd
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from sensormon.access.access import Access
from sensormon.access.accounts import Account
from sensormon.access.person import Person, Way, check
from sensormon.access.roles import Act, Role, role_named
from sensormon.access.sessions import Session
from sensormon.access.tokens import ApiToken, Scope
from sensormon.model import timestamps
from sensormon.model.errors import UsageError
from sensormon.stores.entries import AuditQuery

Arguments = Mapping[str, Any]
Command = Callable[[Access, Person, Arguments], Any]

MOST_RECORDS = 1_000
"""Audit records in one answer; whoever wants more asks again, up to the last one's time."""
SHORTEST_KEY = 6
"""Characters of a session's key that name it, if no other begins with them."""


def run_command(access: Access, by: Person, name: str, arguments: Arguments) -> Any:
    """Run a command. Raises UsageError for one that is unknown or wrong, Forbidden, and what it raises."""
    if name not in COMMANDS:
        raise UsageError(f"there is no command {name[:100]!r}", where="commands")
    return COMMANDS[name](access, by, arguments)


def owner_of(uid: int) -> Person:
    """The person with this account of the operating system, who may do everything here."""
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:
        name = f"uid {uid}"
    return Person(name, Role.ADMINISTRATOR, Way.COMMAND_LINE)


def this_user() -> Person:
    """The person who runs this process."""
    return owner_of(os.geteuid())


def _users_add(access: Access, by: Person, arguments: Arguments) -> Any:
    name, role, password = (_text(arguments, key) for key in ("name", "role", "password"))
    return _account(access.accounts.add(by, name, role_named(role), password))


def _users_list(access: Access, by: Person, _: Arguments) -> Any:
    check(by, Act.MANAGE_USERS)
    return [_account(account) for account in access.accounts.all()]


def _users_remove(access: Access, by: Person, arguments: Arguments) -> Any:
    access.accounts.remove(by, _text(arguments, "name"))


def _users_role(access: Access, by: Person, arguments: Arguments) -> Any:
    access.accounts.set_role(by, _text(arguments, "name"), role_named(_text(arguments, "role")))


def _users_password(access: Access, by: Person, arguments: Arguments) -> Any:
    access.accounts.set_password(by, _text(arguments, "name"), _text(arguments, "password"))


def _tokens_add(access: Access, by: Person, arguments: Arguments) -> Any:
    scope = _text(arguments, "scope")
    if scope not in list(Scope):
        raise UsageError(f"there is no scope {scope[:100]!r}", where="tokens", hint=f"Use {', '.join(Scope)}")
    token, secret = access.tokens.add(
        by, _text(arguments, "name"), Scope(scope), _texts(arguments, "tags"), _whole(arguments, "expires", 0)
    )
    return {**_token(token), "secret": secret}


def _tokens_list(access: Access, by: Person, _: Arguments) -> Any:
    check(by, Act.MANAGE_TOKENS)
    return [{**_token(token), "state": access.tokens.state(token)} for token in access.tokens.all()]


def _tokens_revoke(access: Access, by: Person, arguments: Arguments) -> Any:
    return _token(access.tokens.revoke(by, _text(arguments, "name")))


def _sessions_list(access: Access, by: Person, _: Arguments) -> Any:
    check(by, Act.MANAGE_SESSIONS)
    return [_session(session) for session in access.sessions.all()]


def _sessions_end(access: Access, by: Person, arguments: Arguments) -> Any:
    check(by, Act.MANAGE_SESSIONS)
    start = _text(arguments, "key")
    keys = [session.key for session in access.sessions.all() if session.key.startswith(start)]
    if len(start) < SHORTEST_KEY or len(keys) > 1:
        raise UsageError(
            "the key does not say which session is meant",
            where="sessions",
            hint=f"Give at least {SHORTEST_KEY} characters, enough to identify one session",
        )
    access.sessions.end(by, keys[0] if keys else start)
    return 1


def _sessions_end_all(access: Access, by: Person, arguments: Arguments) -> Any:
    return access.sessions.end_all(by, _text(arguments, "name"))


def _audit(access: Access, by: Person, arguments: Arguments) -> Any:
    check(by, Act.READ_AUDIT)
    query = AuditQuery(
        _whole(arguments, "since", 0),
        _whole(arguments, "until", timestamps.FOREVER),
        _texts(arguments, "people"),
        _texts(arguments, "acts"),
        MOST_RECORDS,
    )
    return [asdict(record) for record in access.audit.read(query)]


COMMANDS: Mapping[str, Command] = {
    "users add": _users_add,
    "users list": _users_list,
    "users remove": _users_remove,
    "users role": _users_role,
    "users password": _users_password,
    "tokens add": _tokens_add,
    "tokens list": _tokens_list,
    "tokens revoke": _tokens_revoke,
    "sessions list": _sessions_list,
    "sessions end": _sessions_end,
    "sessions end all": _sessions_end_all,
    "audit": _audit,
}
"""By name."""

READING = frozenset({"users list", "tokens list", "sessions list", "audit"})
"""The commands that change nothing."""


def _account(account: Account) -> dict[str, Any]:
    return {**asdict(account), "role": str(account.role)}


def _token(token: ApiToken) -> dict[str, Any]:
    return {**asdict(token), "scope": str(token.scope), "tags": list(token.tags)}


def _session(session: Session) -> dict[str, Any]:
    return {**asdict(session), "way": str(session.way)}


def _text(arguments: Arguments, key: str) -> str:
    value = arguments.get(key)
    if not isinstance(value, str):
        raise UsageError(f"{key} is not text", where="commands")
    return value


def _texts(arguments: Arguments, key: str) -> tuple[str, ...]:
    values = arguments.get(key, [])
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise UsageError(f"{key} is not a list of texts", where="commands")
    return tuple(values)


def _whole(arguments: Arguments, key: str, default: int) -> int:
    value = arguments.get(key, default)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= timestamps.FOREVER:
        raise UsageError(f"{key} is not a time", where="commands")
    return value
