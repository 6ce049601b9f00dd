"""The running monitor, and what a request may do there, as routes ask for them.

The monitor may change under a running API (a restart, a reload), so a route asks at each request.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fastapi import Depends, Request

from sensormon.access.tokens import Scope as TokenScope
from sensormon.access.visit import COOKIE
from sensormon.api import grants
from sensormon.api.auth import Tokens
from sensormon.api.body import Scope, header
from sensormon.api.grants import ANYBODY, Grant
from sensormon.api.visitor import Visitor
from sensormon.model.addresses import household
from sensormon.model.errors import StoreError
from sensormon.monitor.monitor import Monitor

_GRANT = "sensormon.grant"


@dataclass(frozen=True)
class Context:
    """The parts of the running monitor that a request needs."""

    monitor: Monitor
    tokens: Tokens
    visit: Visitor

    @property
    def closed(self) -> bool:
        """Whether who is not signed in and has no token sees nothing."""
        return self.monitor.access.identity.closed

    @property
    def reads_are_free(self) -> bool:
        """Whether anybody may read over HTTP."""
        return not self.closed and not self.tokens.read

    def grant(self, scope: Scope) -> Grant | None:
        """What this request may do; None for nothing. May wait for the store. Raises StoreError."""
        if _GRANT not in scope:
            scope[_GRANT] = self._grant(scope)
        grant: Grant | None = scope[_GRANT]
        return grant

    def reader(self, scope: Scope) -> Grant:
        """The grant of a request that may read.

        Raises Problem (401) for nobody, Forbidden for a token of another scope, StoreError.
        """
        grant = self.grant(scope)
        if grant is None:
            hint = grants.token_or_sign_in(TokenScope.READ, self.monitor.access.identity.mode)
            raise grants.no_token("reading needs a token or a sign-in here", hint)
        grant.check(TokenScope.READ)
        return grant

    def _grant(self, scope: Scope) -> Grant | None:
        access = self.monitor.access
        authorization = header(scope, b"authorization")
        grant = grants.of_token(self.tokens, access.tokens, authorization) if authorization else None
        has_session = COOKIE.encode() in header(scope, b"cookie")
        if grant is None and (has_session or not self.reads_are_free):
            grant = grants.of_person(access.identity.of(self.visit(scope)))
        return grant or (ANYBODY if self.reads_are_free else None)


def context_of(request: Request) -> Context:
    """The context that `make_api` attached to this request's API. Raises UsageError."""
    current: Callable[[], Context] = request.app.state.context
    return current()


def reader_of(request: Request) -> Grant:
    """The grant of a request that may read. Raises Problem (401), Forbidden, StoreError."""
    return context_of(request).reader(request.scope)


def is_known(request: Request) -> bool:
    """Whether we know who reads: it has a token, or somebody signed in sends it. Raises StoreError."""
    grant = context_of(request).grant(request.scope)
    return grant is not None and grant is not ANYBODY


def address_of(request: Request) -> str:
    """The client's address, for limits; IPv6 by its network. Empty if the server does not know it."""
    return household(request.client.host) if request.client else ""


def check_whole_reader(request: Request) -> None:
    """Raises like `reader_of`, and Forbidden for a token that is limited to some tags."""
    reader_of(request).check_all_tags(TokenScope.READ)


def check_administrator(request: Request) -> None:
    """Raises Problem (401) or Forbidden unless an administrator or a token of scope admin asks."""
    context = context_of(request)
    grant = context.grant(request.scope)
    if grant is None or grant is ANYBODY:
        grant = grants.of_person(context.monitor.access.identity.of(context.visit(request.scope)))
    if grant is None:
        mode = context.monitor.access.identity.mode
        hint = grants.token_or_sign_in(TokenScope.ADMIN, mode, "an administrator")
        raise grants.no_token("this needs an administrator", hint)
    grant.check(TokenScope.ADMIN)
    grant.check_all_tags(TokenScope.ADMIN)


def may_read_all(request: Request) -> bool:
    """Whether this request may read about all tags; not while it cannot be known."""
    try:
        grant = context_of(request).grant(request.scope)
    except StoreError:
        return False
    return grant is not None and TokenScope.READ in grant.scopes and not grant.tags


READER = [Depends(reader_of)]
"""The dependencies of routes that need read access."""
WHOLE_READER = [Depends(check_whole_reader)]
"""The dependencies of routes that need read access to all tags."""
ADMINISTRATOR = [Depends(check_administrator)]
"""The dependencies of routes for administrators."""
