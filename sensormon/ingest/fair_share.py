"""How much may wait: bounded in all, and for each sender by what is left for others.

A sender may hold as much as is left free (dynamic thresholds; Choudhury and Hahne, 1998). So one
alone has half of the bounds, and a flood leaves room for others.
Bodies count from their first byte, before they are complete. Thread-safe.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from sensormon.model.errors import AboveShare, Overloaded

WAITING_REQUESTS = 2_000
"""The most requests that may arrive or wait."""
WAITING_BYTES = 128 * 1024 * 1024
"""The most bytes in their bodies."""


@dataclass
class _Held:
    requests: int = 0
    size: int = 0


class FairShare:
    """The room for requests that arrive or wait; `hold` gives each its place."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._all = _Held()
        self._held: dict[str, _Held] = {}

    @property
    def requests(self) -> int:
        """How many requests have a place."""
        return self._all.requests

    @property
    def size(self) -> int:
        """How many bytes their bodies have so far."""
        return self._all.size

    def hold(self, sender: str) -> Hold:
        """A place for a request of this sender, until its context ends.

        Raises AboveShare if the sender is the one who takes the room of others, else Overloaded.
        """
        self._take(sender, 1, 0)
        return Hold(self, sender)

    def grow(self, sender: str, size: int) -> None:
        """Count this many further bytes; see `Hold.grow`."""
        self._take(sender, 0, size)

    def give_back(self, sender: str, size: int) -> None:
        """Give the place of a request back, with its bytes."""
        with self._lock:
            held = self._held[sender]
            for place in (held, self._all):
                place.requests -= 1
                place.size -= size
            if not held.requests:
                del self._held[sender]

    def _take(self, sender: str, requests: int, size: int) -> None:
        with self._lock:
            held, everything = self._held.get(sender) or _Held(), self._all
            if held.requests + requests > WAITING_REQUESTS - everything.requests - requests:
                raise self._refusal(held.requests, everything.requests)
            if held.size + size > WAITING_BYTES - everything.size - size:
                raise self._refusal(held.size, everything.size)
            self._held[sender] = held
            for place in (held, everything):
                place.requests += requests
                place.size += size

    def _refusal(self, mine: int, everything: int) -> AboveShare | Overloaded:
        """Its own fault if others wait too and this sender holds at least the average."""
        if everything > mine and mine * len(self._held) >= everything:
            return AboveShare(
                "too many requests of this sender wait, and others wait too",
                hint="Send it again in a second, with fewer requests at once or larger batches",
            )
        return Overloaded(
            f"{self._all.requests:,} requests wait already",
            hint="Send it again in a second, or larger batches",
        )


class Hold:
    """The place of one request."""

    def __init__(self, share: FairShare, sender: str) -> None:
        self._share = share
        self._sender = sender
        self._size = 0

    def grow(self, size: int) -> None:
        """This many further bytes of the body have arrived. Raises like `FairShare.hold`."""
        self._share.grow(self._sender, size)
        self._size += size

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._share.give_back(self._sender, self._size)
