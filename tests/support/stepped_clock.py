"""A clock that only a test moves, while real threads wait on it."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection

from sensormon.model.clock import SECOND
from tests.support.plant import START

POLL = 0.002
"""Seconds of real time between two looks of a waiting thread at the clock."""


class SteppedClock:
    """`ManualClock` for threads: a wait ends when the test has moved the clock far enough.

    `followed` are the names of the threads that get real time to do what is due before the clock moves on.
    """

    def __init__(self, followed: Collection[str], now: int = START) -> None:
        self._followed = frozenset(followed)
        self._now = now
        self._until: dict[threading.Thread, int] = {}

    def now(self) -> int:
        return self._now

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Wait until `event` is set, or the clock has been moved on by `seconds`."""
        until = self._now + round(max(0.0, seconds) * SECOND)
        thread = threading.current_thread()
        if thread.name in self._followed:
            self._until[thread] = until
        while self._now < until:
            if event.wait(POLL):
                return True
        return event.is_set()

    def advance(self, seconds: float, patience: float = 0.05) -> None:
        """Move on, and let followed threads come to their next wait, for `patience` of real time at most."""
        self._now += round(seconds * SECOND)
        give_up = time.monotonic() + patience
        pause = threading.Event()
        while self._behind() and time.monotonic() < give_up:
            pause.wait(POLL / 2)

    def _behind(self) -> bool:
        """Whether a followed thread has something to do, or has only just begun."""
        followed = [thread for thread in threading.enumerate() if thread.name in self._followed]
        return any(self._until.get(thread, self._now) <= self._now for thread in followed)
