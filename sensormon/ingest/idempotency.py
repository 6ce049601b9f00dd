"""Answers to requests, so that a repeated request stores nothing twice.

A request is known by the key that its sender gave it, otherwise by its content. Filled from store
and journal at a restart. Bounded by age, number and size, for each of the two kinds; the oldest are
dropped first. What it is not: durable by itself; each answer is in the journal with its readings.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sensormon.model.clock import SECOND
from sensormon.model.entries import BY_CONTENT, KeptAnswer


@dataclass(frozen=True)
class Bounds:
    """How long answers are remembered, at most how many, and at most how many characters of them."""

    seconds: int
    answers: int
    size: int


KEYED = Bounds(24 * 3600, 100_000, 64 * 1024 * 1024)
"""Of answers to requests with a key."""
UNKEYED = Bounds(3600, 50_000, 16 * 1024 * 1024)
"""Of answers to requests that are known by their content: about 25 MB of memory for small ones."""


class KnownRequests:
    """The answers to both kinds of requests. Not thread-safe: one thread looks up and remembers."""

    def __init__(self, answers: Iterable[KeptAnswer] = ()) -> None:
        self._keyed = IdempotencyKeys(KEYED)
        self._unkeyed = IdempotencyKeys(UNKEYED)
        self.remember(answers)

    def find(self, key: str, now: int) -> KeptAnswer | None:
        """The answer to this key; None if the key is new or was dropped."""
        return self._kind(key).find(key, now)

    def remember(self, answers: Iterable[KeptAnswer]) -> None:
        """Remember these answers, which are durable, oldest first."""
        for answer in answers:
            self._kind(answer.key).remember(answer)

    def _kind(self, key: str) -> IdempotencyKeys:
        return self._unkeyed if key.startswith(BY_CONTENT) else self._keyed


class IdempotencyKeys:
    """Answers by key, within bounds."""

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self._answers: dict[str, KeptAnswer] = {}
        self._size = 0

    def __len__(self) -> int:
        return len(self._answers)

    def find(self, key: str, now: int) -> KeptAnswer | None:
        """The answer to this key; None if the key is new or was dropped."""
        answer = self._answers.get(key)
        if answer is not None and answer.received < now - self._bounds.seconds * SECOND:
            self._forget(key)
            return None
        return answer

    def remember(self, answer: KeptAnswer) -> None:
        """Remember this answer, which is durable and newer than the others."""
        self._forget(answer.key)
        self._answers[answer.key] = answer
        self._size += len(answer.body)
        while len(self._answers) > self._bounds.answers or (
            self._size > self._bounds.size and len(self._answers) > 1
        ):
            self._forget(next(iter(self._answers)))

    def _forget(self, key: str) -> None:
        gone = self._answers.pop(key, None)
        if gone is not None:
            self._size -= len(gone.body)
