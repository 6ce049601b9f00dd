"""Slow, obvious references that the fast code is compared with."""

from __future__ import annotations

import math
import sys
from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Judged:
    """The z-score of one reading and what it was made of; `largest` is the largest |value| in the window."""

    n: int
    mean: float = math.nan
    sd: float = math.nan
    off: float = math.nan
    margin: float = math.nan
    largest: float = math.nan

    @property
    def scored(self) -> bool:
        return not math.isnan(self.mean)

    @property
    def is_anomaly(self) -> bool:
        return self.off > self.margin


def zscore(
    tag: Sequence[int],
    value: Sequence[float],
    ok: Sequence[bool],
    window: int,
    threshold: float,
    resolution: Sequence[float],
) -> list[Judged]:
    """The rolling z-score by a deque a tag and two passes over it at every reading."""
    last: dict[int, deque[float]] = defaultdict(lambda: deque(maxlen=window))
    learned: dict[int, int] = defaultdict(int)
    rows = []
    for code, x, usable in zip(tag, value, ok, strict=True):
        seen, n = last[code], learned[code]
        if not usable or not math.isfinite(x):
            rows.append(Judged(n))
            continue
        if n >= min(window, 50):
            # The sum of k times v divided by k need not be v again; the mean of equal values must be.
            flat = min(seen) == max(seen)
            mean = seen[0] if flat else math.fsum(seen) / len(seen)
            sd = math.sqrt(math.fsum((v - mean) ** 2 for v in seen) / len(seen))
            step = resolution[code]
            margin = max(threshold * sd, step + 4 * sys.float_info.epsilon * abs(mean) if step else 0.0)
            rows.append(Judged(n, mean, sd, abs(x - mean), margin, max(abs(v) for v in seen)))
        else:
            rows.append(Judged(n))
        seen.append(x)
        learned[code] += 1
    return rows
