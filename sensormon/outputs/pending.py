"""Values on their way to a broker: in order while it keeps up, else of each tag only the newest."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from sensormon.outputs.values import TagValue

MOST = 5_000
"""Values that wait; of more only the newest of each tag are kept."""


class Pending:
    """Bounded by `most` and the number of tags. Not thread-safe."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._waiting: deque[TagValue] = deque()

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, values: Iterable[TagValue], *, connected: bool) -> int:
        """Let these wait; returns how many values were left out. While not connected nothing but the newest
        of each tag is kept: what a broker missed is in the store.
        """
        self._waiting.extend(values)
        if connected and len(self._waiting) <= self._most:
            return 0
        before = len(self._waiting)
        newest = {value.tag: value for value in self._waiting}
        self._waiting = deque(newest.values())
        return before - len(self._waiting)

    def take(self, most: int) -> list[TagValue]:
        """The next ones to send, at most `most`."""
        return [self._waiting.popleft() for _ in range(min(most, len(self._waiting)))]
