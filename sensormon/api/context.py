"""The running monitor and its tokens, as routes ask for them.

The monitor may change under a running API (a restart, a reload), so a route asks at each request.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fastapi import Depends, Request

from sensormon.api.auth import Tokens
from sensormon.api.readers import household
from sensormon.monitor.monitor import Monitor


@dataclass(frozen=True)
class Context:
    """The parts of the running monitor that a request needs."""

    monitor: Monitor
    tokens: Tokens


def context_of(request: Request) -> Context:
    """The context that `make_api` attached to this request's API. Raises UsageError."""
    current: Callable[[], Context] = request.app.state.context
    return current()


def authorization_of(request: Request) -> bytes:
    """The raw Authorization header; empty without one."""
    return request.headers.get("authorization", "").encode("latin-1", "replace")


def is_known(request: Request) -> bool:
    """Whether we know who reads: the request has a valid token, for writes or for reads."""
    return context_of(request).tokens.is_token(authorization_of(request))


def address_of(request: Request) -> str:
    """The client's address, for limits; IPv6 by its network. Empty if the server does not know it."""
    return household(request.client.host) if request.client else ""


def check_reader(request: Request) -> None:
    """Raises Problem (401) unless this request may read."""
    context_of(request).tokens.check_read(authorization_of(request))


READER = [Depends(check_reader)]
"""The dependencies of routes that need read access."""
