"""The usual statistics of a tag over a span: of its good readings, and by time.

Reads the store. What it is not: a place that draws or words anything.
"""

from __future__ import annotations

from dataclasses import dataclass

from sensormon.analysis.gaps import usual_interval
from sensormon.analysis.grid import Weighted, step_for, weighted
from sensormon.model.clock import MINUTE, SECOND
from sensormon.stores.long_spans import Distribution, Spans

_CELLS = 100_000
"""Roughly the most cells that all tags of a table have together."""
_COARSE = 5 * SECOND
"""A step above this becomes a minute: a store keeps the sums of minutes."""
_SAMPLE = 2_000
_AROUND = 50
"""Up to how many times its length before and after a span the usual interval is looked for."""


@dataclass(frozen=True, eq=False)
class Statistics:
    """`spread` is of the good readings; `by_time` of cells of `step` µs, those wholly in the span.

    `limits` are those that the times above and below belong to.
    """

    tag: str
    spread: Distribution
    by_time: Weighted
    step: int
    limits: tuple[float, float]


def statistics(
    spans: Spans, tag: str, span: tuple[int, int], limits: tuple[float, float], tags: int
) -> Statistics:
    """The statistics of one of this number of `tags` over a span. Raises StoreError."""
    since, until = span
    spread = spans.distribution(tag, since, until, bins=1)
    interval = _interval(spans, tag, since, until)
    if not interval:  # too few readings to tell: look around the span
        around = _AROUND * (until - since)
        interval = _interval(spans, tag, since - around, until + around)
    step = step_for(interval, (until - since) * tags / _CELLS)
    if _COARSE < step < MINUTE and interval < step:
        step = MINUTE
    start, end = -(-since // step) * step, until // step * step
    if end <= start:  # no cell is wholly in the span, which then is the only one
        start, step = since, max(1, until - since)
        end = start + step
    cells = spans.cells(tag, start, end, step)
    return Statistics(tag, spread, weighted(cells, step, interval, *limits), step, limits)


def _interval(spans: Spans, tag: str, since: int, until: int) -> float:
    time, _ = spans.values(tag, spans.stretches(tag, since, until, _SAMPLE))
    return usual_interval(time)
