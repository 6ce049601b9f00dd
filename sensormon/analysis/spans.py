"""Spans of time: those that touch as one, and which of them a time lies in. Times are microseconds UTC."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from sensormon.model.readings import Ints

Span = tuple[int, int]
"""Start and end in µs UTC."""


def merged(spans: Iterable[Span]) -> list[Span]:
    """These spans in order of time, as one where they overlap or touch.

    >>> merged([(5, 7), (0, 2), (1, 3), (3, 4)])
    [(0, 4), (5, 7)]
    """
    joined: list[Span] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(end, joined[-1][1])
        else:
            joined.append((start, end))
    return joined


def place_in(time: Ints, spans: Sequence[Span]) -> Ints:
    """The place of the span that each of these times lies in, -1 for none; they are in order and apart."""
    if not spans:
        return np.full(len(time), -1, dtype=np.int64)
    starts, ends = np.array(spans, dtype=np.int64).T
    place = np.searchsorted(starts, time, side="right") - 1
    return np.where((place >= 0) & (time < ends[place]), place, -1)
