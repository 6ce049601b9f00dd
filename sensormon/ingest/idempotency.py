"""Answers by idempotency key, so that a repeated request stores nothing twice.

Filled from store and journal at a restart. Bounded by age, number and size; the oldest are
dropped first. What it is not: durable by itself; each answer is in the journal with its readings.
"""

from __future__ import annotations

from collections.abc import Iterable

from sensormon.model.clock import SECOND
from sensormon.model.entries import KeptAnswer

KEPT_SECONDS = 24 * 3600
"""How long a key is remembered."""
KEPT_ANSWERS = 100_000
"""The most keys remembered."""
KEPT_BYTES = 64 * 1024 * 1024
"""The most characters in all remembered answers."""


class IdempotencyKeys:
    """Not thread-safe: one thread looks up and remembers."""

    def __init__(self, answers: Iterable[KeptAnswer] = ()) -> None:
        self._answers: dict[str, KeptAnswer] = {}
        self._size = 0
        self.remember(answers)

    def __len__(self) -> int:
        return len(self._answers)

    def find(self, key: str, now: int) -> KeptAnswer | None:
        """The answer to this key; None if the key is new or was dropped."""
        answer = self._answers.get(key)
        if answer is not None and answer.received < now - KEPT_SECONDS * SECOND:
            self._forget(key)
            return None
        return answer

    def remember(self, answers: Iterable[KeptAnswer]) -> None:
        """Remember these answers, which are durable, oldest first."""
        for answer in answers:
            self._forget(answer.key)
            self._answers[answer.key] = answer
            self._size += len(answer.body)
        while len(self._answers) > KEPT_ANSWERS or (self._size > KEPT_BYTES and len(self._answers) > 1):
            self._forget(next(iter(self._answers)))

    def _forget(self, key: str) -> None:
        gone = self._answers.pop(key, None)
        if gone is not None:
            self._size -= len(gone.body)
