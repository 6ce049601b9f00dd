"""How many pages compute at once, so that readings come first.

Each run of a page shares the interpreter's lock with the threads that take readings in: with 50 runs
under way a post waits for all of them, again and again. Here a few compute and the others wait. Whoever has
waited `PATIENCE` runs all the same, so that long queries of some never shut out the rest.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

AT_ONCE = 3
PATIENCE = 15.0
"""Seconds."""

_slots = threading.BoundedSemaphore(AT_ONCE)
_mine = threading.local()


@contextmanager
def turn() -> Iterator[None]:
    """Wait for a turn, and give it back at the end; within one, the same thread needs no other."""
    if getattr(_mine, "has_turn", False):
        yield
        return
    has_slot = _slots.acquire(timeout=PATIENCE)
    _mine.has_turn = True
    try:
        yield
    finally:
        _mine.has_turn = False
        if has_slot:
            _slots.release()
