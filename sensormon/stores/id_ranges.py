"""Ranges of reading ids, as imports have them: joined, and which ids lie in them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Sequence


def merged(ranges: Sequence[tuple[int, ...]]) -> list[tuple[int, int]]:
    """These ranges of ids, in order, the neighbouring ones joined."""
    joined: list[tuple[int, int]] = []
    for first, last in ranges:
        if joined and joined[-1][1] + 1 == first:
            joined[-1] = (joined[-1][0], last)
        else:
            joined.append((first, last))
    return joined


def among(ids: Collection[int], ranges: Sequence[tuple[int, int]]) -> int:
    """How many of these ids lie in the ranges, which are in order."""
    firsts = [first for first, _ in ranges]
    places = ((bisect_right(firsts, number) - 1, number) for number in ids)
    return sum(place >= 0 and number <= ranges[place][1] for place, number in places)
