"""From a visit to a person: one function for each way that SENSORMON_ACCESS allows.

local   whoever sits at this machine administers; others look, and sign in to do more
users   accounts kept here; who is not signed in sees the sign-in page only
oidc    an identity provider says who it is, the roles' file what they may do
proxy   a header says who it is, if it comes from a proxy that is named
open    whoever reaches the port may do everything
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from ipaddress import ip_network
from typing import Any

from sensormon.access.accounts import Accounts
from sensormon.access.person import Person, Way
from sensormon.access.role_rules import RoleRules
from sensormon.access.roles import Role
from sensormon.access.sessions import Sessions, digest
from sensormon.access.visit import Visit
from sensormon.model.addresses import address_of
from sensormon.model.errors import SignInRefused
from sensormon.model.settings import Settings
from sensormon.model.text import LONGEST_NAME, cleaned

NAMES = ("preferred_username", "email", "sub")
"""The claims that name a person, the first of these that is there.

Not `name`: at most providers people choose it themselves, and roles are given by these.
"""


class Identity:
    """Of one monitor."""

    def __init__(self, settings: Settings, accounts: Accounts, sessions: Sessions, rules: RoleRules) -> None:
        self._settings = settings
        self._accounts = accounts
        self._sessions = sessions
        self._rules = rules
        self._ways: Mapping[str, Callable[[Visit], Person]] = {
            "local": self._local,
            "users": self._users,
            "oidc": self._provided,
            "proxy": self._proxied,
            "open": self._open,
        }
        self._proxies = [ip_network(network, strict=False) for network in settings.proxy_from]

    @property
    def mode(self) -> str:
        """The value of SENSORMON_ACCESS."""
        return self._settings.access

    @property
    def closed(self) -> bool:
        """Whether who is not signed in sees nothing."""
        return self.mode in ("users", "oidc", "proxy")

    @property
    def has_accounts(self) -> bool:
        """Whether people can sign in with a name and a password here."""
        return self.mode in ("local", "users")

    def of(self, visit: Visit) -> Person:
        """Who this is, now. Raises StoreError while accounts cannot be read."""
        return self._ways[self.mode](visit)

    def lacks_role(self, visit: Visit) -> bool:
        """Whether an identity provider knows this person, and no rule gives them a role here."""
        name = name_in(visit.claims)
        return bool(name) and self._rules.role_of(name, visit.claims) is Role.NOBODY

    def _open(self, visit: Visit) -> Person:
        return Person("", Role.ADMINISTRATOR, Way.OPEN, address=visit.peer)

    def _local(self, visit: Visit) -> Person:
        if visit.at_this_machine:
            unnamed = Person("", Role.ADMINISTRATOR, Way.MACHINE, address=visit.peer)
        else:
            unnamed = Person("", Role.VIEWER, Way.VISITOR, address=visit.peer)
        return self._signed_in(visit) or unnamed

    def _users(self, visit: Visit) -> Person:
        return self._signed_in(visit) or _stranger(visit)

    def _signed_in(self, visit: Visit) -> Person | None:
        if not visit.cookie:
            return None
        session = self._sessions.find(digest(visit.cookie))
        account = self._accounts.find(session.name) if session and session.way is Way.ACCOUNT else None
        if session is None or account is None:
            return None
        return Person(account.name, account.role, Way.ACCOUNT, session.key, visit.peer)

    def _provided(self, visit: Visit) -> Person:
        name = name_in(visit.claims)
        role = self._rules.role_of(name, visit.claims) if name else Role.NOBODY
        if role is Role.NOBODY:
            return _stranger(visit)
        try:
            session = self._sessions.begin(visit.claims, name, role, visit.peer, visit.browser)
        except SignInRefused:
            return _stranger(visit)
        if session is None:
            return _stranger(visit)
        return Person(name, role, Way.PROVIDER, session.key, visit.peer)

    def _proxied(self, visit: Visit) -> Person:
        name = cleaned(visit.headers.get(self._settings.proxy_header, ""))[:LONGEST_NAME]
        role = self._rules.role_of(name, {}) if name and self._trusted(visit.peer) else Role.NOBODY
        return Person(name, role, Way.PROXY, address=visit.peer) if role else _stranger(visit)

    def _trusted(self, peer: str) -> bool:
        address = address_of(peer)
        return address is not None and any(address in network for network in self._proxies)


def name_in(claims: Mapping[str, Any]) -> str:
    """The name of the person with these claims; empty if there is none.

    An e-mail address does not count if the provider says that it is unverified.
    """
    for claim in NAMES:
        value = claims.get(claim)
        if claim == "email" and claims.get("email_verified") is False:
            continue
        if isinstance(value, str) and (name := cleaned(value)[:LONGEST_NAME]):
            return name
    return ""


def _stranger(visit: Visit) -> Person:
    return Person("", Role.NOBODY, Way.VISITOR, address=visit.peer)
