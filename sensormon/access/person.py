"""A person as the monitor sees them: a name, a role, and how both are known."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from sensormon.access.roles import NEEDS, Act, Role
from sensormon.model.errors import Forbidden
from sensormon.model.text import LONGEST_NAME, cleaned

UNVERIFIED = " (unverified)"
"""Follows a name that was typed, in every record."""


class Way(StrEnum):
    """How the monitor knows a person."""

    ACCOUNT = "account"
    PROVIDER = "identity provider"
    PROXY = "proxy"
    MACHINE = "this machine"
    COMMAND_LINE = "command line"
    OPEN = "open access"
    LINK = "link in a message"
    VISITOR = "visitor"


@dataclass(frozen=True)
class Person:
    """Who is at a page or behind a request.

    `name` is empty unless it was proved; `typed` is the name that somebody gave without proof.
    `session` is the key of a sign-in session, empty if there is none. `address` is the network
    address that the person came from.
    """

    name: str
    role: Role
    way: Way
    session: str = ""
    address: str = ""
    typed: str = ""

    @property
    def verified(self) -> bool:
        """Whether the name was proved by a sign-in."""
        return bool(self.name)

    def may(self, act: Act) -> bool:
        """Whether this person's role allows the act."""
        return self.role >= NEEDS[act]

    @property
    def signature(self) -> str:
        """The name for records: the proved one, or the one typed, marked as unverified.

        If there is neither, how the person is known.
        """
        if self.name:
            return self.name
        typed = cleaned(self.typed)[: LONGEST_NAME - len(UNVERIFIED)].removesuffix(UNVERIFIED).strip()
        return (typed or str(self.way)) + UNVERIFIED


def refusal(person: Person, act: Act) -> str:
    """Why this person may not do this, and what to do; empty if they may."""
    if person.may(act):
        return ""
    needed = f"Needs the role {NEEDS[act]}."
    if person.role is Role.NOBODY:
        return f"{needed} Sign in first."
    if person.name:
        return f"{needed} {person.name} is {with_article(person.role)}."
    return f"{needed} Sign in to get it."


def check(person: Person, act: Act) -> None:
    """Raises Forbidden, which names the role needed, unless this person may do this."""
    if not person.may(act):
        who = with_article(person.role) if person.role else "people who are not signed in"
        raise Forbidden(
            f"{act} is not allowed for {who}",
            where="access",
            hint=refusal(person, act),
            needs=str(NEEDS[act]),
        )


def with_article(role: Role) -> str:
    """A role as what somebody is: "an engineer"."""
    return f"{'an' if str(role)[0] in 'aeo' else 'a'} {role}"
