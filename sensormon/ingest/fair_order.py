"""Whose request is next: the sender who has had the least so far.

Start-time fair queueing (Goyal, Vin and Cheng, 1996): each request has a start tag, that of its
sender's previous request plus what that one cost, but no less than the tag of the request served
last. The lowest tag is next. So senders who keep requests waiting share the work evenly, whatever
the size of their requests, and one who comes while others flood waits for one request of each of
them at most. The cost may be known only afterwards, as for a compressed body.

Not thread-safe, and no bound: see `fair_share`.
"""

from __future__ import annotations

import heapq
from collections import deque
from typing import Generic, TypeVar

Item = TypeVar("Item")

_SPARE = 1_000
"""This many senders who do not wait may have a tag before they are looked through."""


class FairOrder(Generic[Item]):
    """`put` as requests come; `next`, and then `charge` with what it cost, as they are served."""

    def __init__(self) -> None:
        self._waiting: dict[str, deque[Item]] = {}
        self._order: list[tuple[int, int, str, int]] = []
        self._start: dict[str, int] = {}
        self._now = 0
        self._count = 0

    def __len__(self) -> int:
        """How many senders wait."""
        return len(self._waiting)

    def put(self, sender: str, item: Item) -> None:
        """Add a request; those of one sender stay in order."""
        queue = self._waiting.get(sender)
        if queue is not None:
            queue.append(item)
            return
        self._waiting[sender] = deque((item,))
        self._enter(sender)

    @property
    def expected(self) -> int:
        """What the next request may cost, judged by the one before of its sender; 0 if there was none."""
        return self._order[0][3] if self._order else 0

    def next(self) -> tuple[str, Item] | None:
        """The next request with its sender; None if nothing waits. `charge` must follow."""
        while self._order:
            self._now, _, sender, _ = self._order[0]
            queue = self._waiting[sender]
            if queue:
                return sender, queue.popleft()
            self._leave()  # its last request was never charged
        return None

    def charge(self, sender: str, cost: int) -> None:
        """The request of this sender that was next cost this much, in any unit."""
        self._start[sender] += cost
        if self._waiting[sender]:
            heapq.heappop(self._order)
            self._enter(sender, cost)
        else:
            self._leave()

    def _leave(self) -> None:
        _, _, sender, _ = heapq.heappop(self._order)
        del self._waiting[sender]
        if not self._waiting:  # nobody has waited for what it got, so nothing is held against it
            self._start.clear()
            self._now = 0
        elif len(self._start) > len(self._waiting) + _SPARE:
            self._start = {
                name: start
                for name, start in self._start.items()
                if start > self._now or name in self._waiting
            }

    def _enter(self, sender: str, cost: int = 0) -> None:
        start = self._start[sender] = max(self._now, self._start.get(sender, 0))
        self._count += 1  # among equals the first that came
        heapq.heappush(self._order, (start, self._count, sender, cost))
