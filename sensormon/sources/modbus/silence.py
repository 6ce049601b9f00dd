"""Devices and requests that are not answered, and when to ask again, so that the others are not held up.

A device is silent from the first request that it lets time out until it answers another. That first request
is mute until it is answered itself: some devices keep silent about addresses that they do not have. What is
silent or mute is asked after all else, one by one; once one was waited for in vain, the rest wait with it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Sequence

from sensormon.model.clock import HOUR
from sensormon.sources.modbus.requests import Request

REST = 4
"""After waiting in vain nothing silent is asked for this many times as long: a fifth of the time at most."""


class Silence:
    """Of one line. Times are µs UTC."""

    def __init__(self) -> None:
        self._devices: dict[int, int] = {}
        self._mute: dict[Request, None] = {}
        self._queue: deque[int | Request] = deque()
        self._rests_until = 0

    @property
    def devices(self) -> Collection[int]:
        """The silent ones."""
        return self._devices.keys()

    def leaves_out(self, request: Request) -> bool:
        """Whether it is asked by way of `next` alone."""
        return request.device in self._devices or request in self._mute

    def answered(self, request: Request) -> bool:
        """Note that there was an answer; True if the device was silent."""
        if request in self._mute:
            del self._mute[request]
            self._queue.remove(request)
        if request.device not in self._devices:
            return False
        del self._devices[request.device]
        self._queue.remove(request.device)
        return True

    def timed_out(self, request: Request, asked: int, now: int) -> bool:
        """Note that there was none, since `asked`; True if the device is silent only from now on."""
        if self.leaves_out(request):  # waited for in vain once more
            self._rests_until = now + REST * max(0, now - asked)
            return False
        self._devices[request.device] = 0
        self._mute[request] = None
        self._queue.extend((request.device, request))
        return True

    def next(self, requests: Sequence[Request], tried: Collection[int | Request], now: int) -> Request | None:
        """What to ask of these requests; None if nothing is left, or it is too early. `tried` are left out.

        The caller puts the device, or the request of a device that answers, into `tried`.
        """
        if now < self._rests_until <= now + HOUR:  # a clock that was set back ends the rest
            return None
        for item in self._queue:
            if item in tried:
                continue
            if isinstance(item, Request):
                if item in requests and item.device not in self._devices:
                    self._to_the_end(item)
                    return item
            elif own := [request for request in requests if request.device == item]:
                self._to_the_end(item)
                own.sort(key=lambda request: request in self._mute)
                turn = self._devices[item]
                self._devices[item] = turn + 1
                return own[turn % len(own)]
        return None

    def end_rest(self) -> None:
        """Nobody else is held up."""
        self._rests_until = 0

    def forget(self) -> None:
        """Ask everything again."""
        self._devices.clear()
        self._mute.clear()
        self._queue.clear()
        self._rests_until = 0

    def _to_the_end(self, item: int | Request) -> None:
        self._queue.remove(item)
        self._queue.append(item)
