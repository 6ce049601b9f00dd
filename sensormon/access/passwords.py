"""Passwords: hashed with Argon2id (Biryukov, Dinu and Khovratovich, 2016), a few at a time.

One check takes 19 MB and some 30 ms; without a bound a flood of sign-ins would take the
machine's memory.
"""

from __future__ import annotations

import threading
import unicodedata
from collections.abc import Callable
from functools import cache
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from sensormon.model.errors import Overloaded, UsageError

SHORTEST = 10
LONGEST = 200
AT_ONCE = 2
"""Hashes that are computed at once."""
WAITING = 16
"""Checks that may wait for one; beyond that the person tries again."""

_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
Result = TypeVar("Result")
_slots = threading.Semaphore(AT_ONCE)
_queue = threading.Semaphore(AT_ONCE + WAITING)


def hashed(password: str) -> str:
    """The hash to keep. Raises UsageError for a password that is too short or too long, Overloaded."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise UsageError(
            f"a password has {SHORTEST} to {LONGEST} characters",
            where="password",
            hint="Four random words are easier to remember than eight random characters",
        )
    return _slowly(lambda: _HASHER.hash(_bytes(password)))


def fits(kept: str, password: str) -> bool:
    """Whether the password is the one of this hash; an empty hash fits nothing, in the same time.

    Raises Overloaded if too many are being checked.
    """
    if len(password) > LONGEST:
        return False
    return _slowly(lambda: _verify(kept or _nobody(), password)) and bool(kept)


def _verify(kept: str, password: str) -> bool:
    try:
        return _HASHER.verify(kept, _bytes(password))
    except (VerificationError, InvalidHashError):
        return False


def _bytes(password: str) -> bytes:
    """The same for all ways to type a character; what is no character is kept as it is."""
    return unicodedata.normalize("NFKC", password).encode("utf-8", "surrogatepass")


@cache
def _nobody() -> str:
    return _HASHER.hash("the password of nobody")


def _slowly(compute: Callable[[], Result]) -> Result:
    if not _queue.acquire(blocking=False):
        raise Overloaded("too many people are signing in", hint="Try again in a few seconds")
    try:
        with _slots:
            return compute()
    finally:
        _queue.release()
