"""Time as a parameter: the system's clock, and a clock that tests set.

Nothing else in the package asks the system for the time or sleeps.
"""

from __future__ import annotations

import threading
import time
from typing import Protocol

SECOND = 1_000_000
"""One second in the package's unit of time, microseconds."""

MINUTE = 60 * SECOND
"""One minute, likewise."""

HOUR = 60 * MINUTE
"""One hour, likewise."""

DAY = 86_400 * SECOND
"""One day of 24 hours, likewise."""


class Clock(Protocol):
    """What the threads of the monitor need from a clock."""

    def now(self) -> int:
        """Microseconds since 1970-01-01 UTC."""

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Wait until `event` is set, at most `seconds`; True if it was set."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> int:
        return time.time_ns() // 1_000

    def wait(self, event: threading.Event, seconds: float) -> bool:
        return event.wait(max(0.0, seconds))


class ManualClock:
    """A clock that moves only by `advance`, or when somebody waits on it."""

    def __init__(self, now: int = 1_790_000_000 * SECOND) -> None:
        self._now = now

    def now(self) -> int:
        return self._now

    def advance(self, seconds: float) -> None:
        """Move forward (or, with a negative number, back)."""
        self._now += round(seconds * SECOND)

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Return at once, with the clock moved on by `seconds` unless `event` was set."""
        if event.is_set():
            return True
        self.advance(max(0.0, seconds))
        return event.is_set()
