"""The ledger: every reading that came in is accounted for.

    received = stored + rejected + dead-lettered + pending

`received` is counted when a reading comes in and carried, as a running total per source,
in every journal record. The right-hand side is counted where the readings are: in
the store, in the dead-letter file, in the part of the journal that the store does not
have yet. So the difference is a measurement, not a definition: anything but 0 is a loss
(or, below 0, a duplicate).

A duplicate is one of the rejected; `duplicates_dropped` says how many of those there are.
`stored` counts what was ever stored; `undone` says how many of these an undone import removed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from types import MappingProxyType
from typing import TypeVar

Key = TypeVar("Key")


@dataclass(frozen=True)
class LedgerLine:
    """The account of one source, in readings."""

    source: str
    received: int = 0
    stored: int = 0
    rejected: int = 0
    dead_lettered: int = 0
    pending: int = 0
    duplicates_dropped: int = 0
    undone: int = 0

    @property
    def difference(self) -> int:
        """Readings that are nowhere (above 0) or in two places (below 0)."""
        return self.received - self.stored - self.rejected - self.dead_lettered - self.pending


@dataclass(frozen=True)
class Ledger:
    """The account of all sources; `reasons` says why readings were rejected, with counts."""

    lines: tuple[LedgerLine, ...]
    reasons: Mapping[str, int] = field(default_factory=dict)

    @property
    def total(self) -> LedgerLine:
        """The sum of all lines, under the name `all`."""
        return LedgerLine(
            "all",
            received=sum(line.received for line in self.lines),
            stored=sum(line.stored for line in self.lines),
            rejected=sum(line.rejected for line in self.lines),
            dead_lettered=sum(line.dead_lettered for line in self.lines),
            pending=sum(line.pending for line in self.lines),
            duplicates_dropped=sum(line.duplicates_dropped for line in self.lines),
            undone=sum(line.undone for line in self.lines),
        )

    @property
    def balanced(self) -> bool:
        """No source has a difference. A duplicate in one does not offset a loss in another."""
        return all(line.difference == 0 for line in self.lines)

    @property
    def differences(self) -> dict[str, int]:
        """The difference of each source that has one."""
        return {line.source: line.difference for line in self.lines if line.difference}

    def to_dict(self) -> dict[str, object]:
        """For JSON: the totals, then `balanced`, `sources` and `reasons`."""
        return {
            **_counts(self.total),
            "balanced": self.balanced,
            "sources": {line.source: _counts(line) for line in self.lines},
            "reasons": dict(self.reasons),
        }


def balance(
    *,
    received: Mapping[str, int],
    stored: Mapping[str, int],
    rejected: Mapping[tuple[str, str], int],
    dead_lettered: Mapping[str, int],
    pending: Mapping[str, int],
    undone: Mapping[str, int] = MappingProxyType({}),
) -> Ledger:
    """The ledger of these counts by source; `rejected` by source and reason."""
    reasons: dict[str, int] = {}
    for (_, reason), count in rejected.items():
        reasons[reason] = reasons.get(reason, 0) + count
    sources = sorted(
        {*received, *stored, *dead_lettered, *pending, *undone, *(source for source, _ in rejected)}
    )
    return Ledger(
        lines=tuple(
            LedgerLine(
                source,
                received=received.get(source, 0),
                stored=stored.get(source, 0),
                rejected=sum(count for (where, _), count in rejected.items() if where == source),
                dead_lettered=dead_lettered.get(source, 0),
                pending=pending.get(source, 0),
                duplicates_dropped=rejected.get((source, "duplicate"), 0),
                undone=undone.get(source, 0),
            )
            for source in sources
        ),
        reasons=reasons,
    )


def beyond(difference: Mapping[str, int], acknowledged: Mapping[str, int]) -> tuple[int, int]:
    """How many readings are nowhere, and how many in two places, that were not acknowledged; by source."""
    known = acknowledged.get
    nowhere = sum(max(0, off - max(0, known(source, 0))) for source, off in difference.items())
    twice = sum(max(0, -off - max(0, -known(source, 0))) for source, off in difference.items())
    return nowhere, twice


def add_up(*counts: Mapping[Key, int]) -> dict[Key, int]:
    """The sum of these counts, key by key."""
    total: dict[Key, int] = {}
    for part in counts:
        for key, count in part.items():
            total[key] = total.get(key, 0) + count
    return total


def _counts(line: LedgerLine) -> dict[str, int]:
    counts = asdict(line)
    del counts["source"]
    return {**counts, "difference": line.difference}
