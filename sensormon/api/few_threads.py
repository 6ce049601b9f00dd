"""Threads of their own for what waits for journal and store, few of them, so that others keep theirs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import anyio
import anyio.to_thread

from sensormon.model.errors import Overloaded

Result = TypeVar("Result")
_WAITING = 40
"""Calls that may wait for a thread."""


class FewThreads:
    """Runs calls, at most `threads` at once; `crowded` says what too many of them are."""

    def __init__(self, threads: int, crowded: str) -> None:
        self._threads = threads
        self._crowded = crowded
        self._limiter: anyio.CapacityLimiter | None = None  # needs a running event loop

    async def run(self, call: Callable[[], Result]) -> Result:
        """What the call returns. Raises Overloaded if too many wait already, and what the call raises."""
        if self._limiter is None:
            self._limiter = anyio.CapacityLimiter(self._threads)
        if self._limiter.statistics().tasks_waiting >= _WAITING:
            raise Overloaded(self._crowded, hint="Try again in a few seconds")
        return await anyio.to_thread.run_sync(call, limiter=self._limiter)
