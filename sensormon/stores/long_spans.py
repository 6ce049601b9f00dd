"""Questions about long spans of single tags, which a store answers inside the database.

The contract is in `tests/stores/test_contract_spans.py`. All consider stored readings only; spans are
since <= time < until in µs UTC. Every call raises `StoreError` if it cannot be answered.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from sensormon.analysis.downsample import PARTS, Overview
from sensormon.analysis.grid import Cells
from sensormon.model.readings import SIMULATOR, Floats, Ints

SIMULATED = f"(source = '{SIMULATOR}' OR starts_with(source, '{SIMULATOR}:'))"
"""The condition that a simulator made a reading; see `is_simulated`."""

SHARES = (0.0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1.0)
"""The quantiles of a distribution; the first is the lowest value, the last the highest."""

MOST = 100_000
"""Up to this many readings are looked at one by one; of more, an even sample."""

LEAST_MINUTES = 1_000
"""The fewest minutes whose first readings are such a sample."""


@dataclass(frozen=True, eq=False)
class Distribution:
    """How the good readings of a span are spread, in the tag's unit.

    `sd` is the sample standard deviation, NaN below two readings. `quantiles` belong to
    `SHARES`, interpolated linearly. `counts[i]` readings lie at edges[i] <= value < edges[i+1],
    the highest in the last one. Without readings the numbers are NaN, the arrays empty.

    Number, mean, `sd`, lowest and highest are those of all readings. The other quantiles and `counts`
    come from `used` of them: where that is fewer, an even sample, mostly the first reading of each minute.
    """

    readings: int
    mean: float
    sd: float
    quantiles: tuple[float, ...]
    edges: Floats
    counts: Ints
    used: int


@dataclass(frozen=True)
class Outside:
    """How many of the good `readings` of a span lie below and above two limits.

    Exact if `used` is `readings`. Otherwise an estimate from `used` of them: minutes with readings on both
    sides of a limit are judged by their first one, or an even sample stands for all.
    """

    below: int
    above: int
    readings: int
    used: int


class Spans(Protocol):
    """See the module."""

    def overview(
        self, tag: str, since: int, until: int, *, parts: int = PARTS, below_id: int | None = None
    ) -> Overview:
        """The span in few readings; all of them if each part has at most four."""

    def overviews(
        self, tags: Sequence[str], since: int, until: int, *, parts: int = PARTS, below_id: int | None = None
    ) -> dict[str, Overview]:
        """That of each of these tags: for many tags far less than asking for each."""

    def changes(
        self, tag: str, since: int, until: int, width: int, *, below_id: int | None = None
    ) -> tuple[Ints, Floats, Ints]:
        """The readings that differ from the one before in value or quality: times (µs UTC), values, and
        qualities (0 good, 1 uncertain, 2 bad), in order of time, the first reading among them.

        Of each part of this `width` (µs) of the time only the first and the last.
        """

    def extent(self, tags: Sequence[str] | None = None) -> tuple[int, int] | None:
        """The times of the oldest and the newest reading of these tags, of all if None.

        Rolled-up readings count by their minute. None if there are no readings.
        """

    def extents(self, tags: Sequence[str]) -> dict[str, tuple[int, int]]:
        """`extent` of each of these tags that has any readings."""

    def simulated(self) -> dict[str, tuple[int, int]]:
        """The times of the oldest and the newest simulated reading of each tag that has any.

        Rolled-up readings count by their minute.
        """

    def count(self, tag: str, since: int, until: int) -> int:
        """How many good readings there are."""

    def stretches(self, tag: str, since: int, until: int, most: int) -> list[tuple[int, int]]:
        """Stretches of the span with about `most` of its good readings, spread evenly over them.

        The whole span if it has no more; empty ones are left out.
        """

    def values(self, tag: str, stretches: Sequence[tuple[int, int]]) -> tuple[Ints, Floats]:
        """Times and values of the good readings in these spans, in order of time."""

    def values_of(
        self, tags: Sequence[str], stretches: Sequence[tuple[int, int]]
    ) -> dict[str, tuple[Ints, Floats]]:
        """`values` of each of these tags, for far less than asking for each."""

    def means(self, tag: str, since: int, until: int, cell: int) -> Floats:
        """The means of the good readings in equal cells (µs) from `since` on; NaN for an empty cell."""

    def means_of(self, tags: Sequence[str], since: int, until: int, cell: int) -> dict[str, Floats]:
        """`means` of each of these tags, for far less than asking for each."""

    def cells(self, tag: str, since: int, until: int, cell: int) -> Cells:
        """The same cells with the number of all and of good readings in each."""

    def distribution(self, tag: str, since: int, until: int, *, bins: int) -> Distribution:
        """How the good readings are spread."""

    def outside(self, tag: str, since: int, until: int, low: float, high: float) -> Outside:
        """How many good readings lie below `low`, and above `high`."""
