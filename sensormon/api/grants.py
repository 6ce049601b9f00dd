"""What a request may do: by its token, by who is signed in at the browser that sent it, or as anybody.

A token that was given limits its request, also where anybody may read: it never opens more than it says.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import anyio.to_thread

from sensormon.access.person import Person, check
from sensormon.access.roles import Act
from sensormon.access.tokens import ApiToken, ApiTokens, Scope, covered
from sensormon.api.auth import WRITES_AND_READS, Tokens, secret_in
from sensormon.api.problems import Problem
from sensormon.model.errors import Forbidden


@dataclass(frozen=True)
class Grant:
    """Scopes, and the patterns of the tags that they are limited to; none for all tags.

    `person` is who has it by being signed in, None for a token.
    """

    scopes: frozenset[Scope]
    tags: tuple[str, ...] = ()
    person: Person | None = None

    def covers(self, tag: str) -> bool:
        """Whether it may be used for this tag."""
        return covered(tag, self.tags)

    def check(self, scope: Scope) -> None:
        """Raises Forbidden unless it opens this: it names the scope needed, of a person the role."""
        if scope not in self.scopes:
            if self.person is not None and scope in _ACTS:
                check(self.person, _ACTS[scope])
            raise Forbidden(
                "the token does not allow this",
                where="api",
                hint=f"Use a token of scope {scope}; `python -m sensormon tokens add` makes one",
                needs=str(scope),
            )

    def check_tags(self, tags: Iterable[str], scope: Scope) -> None:
        """Raises Forbidden, which names the tag, for the first tag that it does not cover."""
        for tag in tags if self.tags else ():
            if not self.covers(tag):
                raise Forbidden(
                    f"the token does not cover the tag {tag[:200]!r}",
                    where="api",
                    hint=f"It is limited to {', '.join(self.tags)[:500]}; nothing was done",
                    needs=str(scope),
                )

    def check_all_tags(self, scope: Scope) -> None:
        """Raises Forbidden if it is limited to some tags."""
        if self.tags:
            raise Forbidden(
                "this counts all tags, and the token is limited to some",
                where="api",
                hint="Use a token that is not limited to tags",
                needs=f"{scope} for all tags",
            )


ANYBODY = Grant(frozenset({Scope.READ}))
"""What a request without a token may do where reading is free."""
_OF_SETTINGS = Grant(WRITES_AND_READS)
_ACTS = {Scope.READ: Act.LOOK, Scope.ADMIN: Act.READ_AUDIT}
"""What a person has to be allowed for these scopes; writing always needs a token."""
_OPENED = {
    Scope.READ: frozenset({Scope.READ}),
    Scope.WRITE: frozenset({Scope.WRITE}),
    Scope.ADMIN: frozenset(Scope),
}


def of_token(tokens: Tokens, kept: ApiTokens, authorization: bytes) -> Grant | None:
    """What the token in this header opens; None if it is missing or wrong. Raises StoreError."""
    secret = secret_in(authorization)
    if scopes := tokens.scopes(secret):
        return Grant(scopes)
    token = kept.find(secret.decode("latin-1"))
    return _of_kept(token) if token else None


async def of_writer(tokens: Tokens, kept: ApiTokens, authorization: bytes) -> Grant:
    """What a writer's token opens, without keeping the event loop waiting.

    Raises Problem (401) without a token that is in force, Forbidden for one of another scope, StoreError.
    """
    secret = secret_in(authorization)
    if tokens.scopes(secret) is WRITES_AND_READS:
        return _OF_SETTINGS
    token = kept.known(secret.decode("latin-1"))
    grant = _of_kept(token) if token else None
    if grant is None:
        grant = await anyio.to_thread.run_sync(of_token, tokens, kept, authorization)
    if grant is None:
        raise no_token("the token is missing or wrong", "the server's log says where the token is")
    grant.check(Scope.WRITE)
    return grant


def of_person(person: Person) -> Grant | None:
    """What somebody signed in may do over HTTP; None for others. Writing always needs a token."""
    if not person.verified or not person.may(Act.LOOK):
        return None
    return Grant(frozenset(scope for scope, act in _ACTS.items() if person.may(act)), person=person)


_SIGNING_IN = {
    "local": ", or sign in{role} at /sign-in with a browser",
    "users": ", or sign in{role} at /sign-in with a browser",
    "oidc": ", or sign in{role} on a page of the monitor with a browser",
    "proxy": ", or come{role} through the proxy that says who you are",
    "open": "; nobody signs in here",
}


def token_or_sign_in(scope: Scope, mode: str, role: str = "") -> str:
    """What helps without a token where SENSORMON_ACCESS is `mode`; `role` is that of the person needed.

    Who sits at this machine has no name that a request could prove, so that does not help.
    """
    return f"use one of scope {scope}{_SIGNING_IN[mode].format(role=f' as {role}' if role else '')}"


def no_token(what: str, hint: str) -> Problem:
    """The problem of a request that has to say who sends it (401)."""
    return Problem(
        401,
        "unauthorized",
        what,
        f"Send the header Authorization: Bearer TOKEN; {hint}",
        headers={"WWW-Authenticate": "Bearer"},
    )


def _of_kept(token: ApiToken) -> Grant:
    return Grant(_OPENED[token.scope], token.tags)
