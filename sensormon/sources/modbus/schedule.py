"""When the registers of each interval are due: at the multiples of their interval, counted from 1970.

A poll that is late takes the place of all that are due by then: they count as missed and are not made up for.
"""

from __future__ import annotations

from collections.abc import Sequence

from sensormon.model.clock import SECOND
from sensormon.sources.modbus.register import Register
from sensormon.sources.modbus.requests import Request, requests_of

WHOLE_AGAIN = 600 * SECOND
"""After this time requests that were divided are tried as they were (µs)."""


class Poll:
    """The requests of one interval (s), and when they are `due` (µs UTC): the first time at once."""

    def __init__(self, interval: float, requests: tuple[Request, ...], now: int) -> None:
        self.interval = interval
        self.requests = requests
        self.due = now
        self._whole = requests
        self._step = max(1, round(interval * SECOND))
        self._divided = now

    def begin(self, now: int) -> int:
        """Set the next time, and say how many polls were missed since the last."""
        missed = max(0, now - self.due) // self._step
        self.due = (now // self._step + 1) * self._step
        if self.requests != self._whole and not 0 <= now - self._divided < WHOLE_AGAIN:
            self.requests = self._whole
        return missed

    def keep_step(self, now: int) -> None:
        """Follow a clock that was set back."""
        if self.due - now > self._step:
            self.due = (now // self._step + 1) * self._step

    def divide(self, request: Request, now: int) -> tuple[Request, ...]:
        """Ask two smaller requests in place of this one from now on; it alone where it cannot be divided."""
        halves = request.halves()
        if len(halves) > 1:
            place = self.requests.index(request)
            self.requests = (*self.requests[:place], *halves, *self.requests[place + 1 :])
            self._divided = now
        return halves


def polls_of(registers: Sequence[Register], now: int) -> tuple[Poll, ...]:
    """One for each interval, the shortest first."""
    return tuple(
        Poll(interval, requests_of([each for each in registers if each.interval == interval]), now)
        for interval in sorted({register.interval for register in registers})
    )
