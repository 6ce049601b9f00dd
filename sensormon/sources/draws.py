"""Random numbers that are a pure function of a seed, a name and a time.

Philox4x32-10 of Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as
1, 2, 3" (SC 2011), over whole arrays. NumPy's own Philox is one generator object a
stream; thousands of tags a tick would need thousands of them.

What it is not: fit for secrets.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sensormon.model.readings import Floats, Ints

Words = NDArray[np.uint64]

_LOW = np.uint64(0xFFFF_FFFF)
_HALF = np.uint64(32)
_MULTIPLY = (np.uint64(0xD251_1F53), np.uint64(0xCD9E_8D57))
_WEYL = (np.uint64(0x9E37_79B9), np.uint64(0xBB67_AE85))
_ROUNDS = 10


def philox(counter: Sequence[Words], key: Sequence[Words]) -> tuple[Words, Words, Words, Words]:
    """Four words of 32 bits (held in uint64) for each counter of four words and key of two.

    All words are below 2**32; the arrays broadcast.

    >>> zero = np.zeros(1, dtype=np.uint64)
    >>> [hex(int(word[0])) for word in philox([zero] * 4, [zero] * 2)]
    ['0x6627e8d5', '0xe169c58d', '0xbc57ac4c', '0x9b00dbd8']
    """
    a, b, c, d = counter
    left, right = key
    for _ in range(_ROUNDS):
        first, second = _MULTIPLY[0] * a, _MULTIPLY[1] * c
        a, b, c, d = (
            (second >> _HALF) ^ b ^ left,
            second & _LOW,
            (first >> _HALF) ^ d ^ right,
            first & _LOW,
        )
        left, right = (left + _WEYL[0]) & _LOW, (right + _WEYL[1]) & _LOW
    return a, b, c, d


class Draws:
    """Random numbers of each of these names under one seed (0 to 2**32 - 1)."""

    def __init__(self, seed: int, names: Sequence[str]) -> None:
        digests = [hashlib.blake2b(name.encode(), digest_size=8).digest() for name in names]
        identity = np.frombuffer(b"".join(digests), dtype="<u8").astype(np.uint64)
        self._seed = np.full(len(names), seed, dtype=np.uint64)
        self._low, self._high = identity & _LOW, identity >> _HALF

    def at(self, numbers: Ints, stream: int) -> tuple[Floats, Floats, Floats, Floats]:
        """Four independent uniform numbers in (0, 1) for each of `numbers` and name.

        Shape (numbers, names). Another `stream` gives numbers independent of these.
        """
        number = numbers.astype(np.int64).view(np.uint64)[:, None]
        kind = np.full(1, stream, dtype=np.uint64)
        words = philox((number & _LOW, number >> _HALF, kind, self._high), (self._seed, self._low))
        a, b, c, d = ((word.astype(np.float64) + 0.5) / 2.0**32 for word in words)
        return a, b, c, d
