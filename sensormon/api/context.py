"""The running monitor and its tokens, as routes ask for them.

The monitor may change under a running API (a restart, a reload), so a route asks at each request.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fastapi import Depends, Request

from sensormon.api.auth import Tokens
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


def check_reader(request: Request) -> None:
    """Raises Problem (401) unless this request may read."""
    context_of(request).tokens.check_read(authorization_of(request))


READER = [Depends(check_reader)]
"""The dependencies of routes that need read access."""
