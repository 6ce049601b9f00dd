"""The store's side of the ledger: which records it has, their totals, and a recount of the rows.

What it guarantees: watermark and running totals move in the transaction that stores the rows,
so that they are exact at any moment, even after a kill. A roll-up and a
rebuilt database change no total. Every call raises `StoreError` if it cannot be answered.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from sensormon.model.ledger import add_up


@dataclass(frozen=True)
class Watermark:
    """How far a journal has been loaded: its highest record number, and the next free id."""

    number: int
    next_id: int


@dataclass(frozen=True)
class Accounts:
    """The store's side of the ledger at one moment.

    `positions` has the watermark of each journal, `received` the running totals each had
    reached there, by source, `dead` the dead letters of each as its collector last reported them, where
    several use the store, and `kept` those that the store itself keeps, by source. `stored` counts by source
    what was ever stored, `undone` what undone imports removed of it, `rejected` by source and reason.
    """

    positions: Mapping[str, int] = field(default_factory=dict)
    received: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    stored: Mapping[str, int] = field(default_factory=dict)
    rejected: Mapping[tuple[str, str], int] = field(default_factory=dict)
    undone: Mapping[str, int] = field(default_factory=dict)
    dead: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    kept: Mapping[str, int] = field(default_factory=dict)

    def received_elsewhere(self, writer: str) -> dict[str, int]:
        """What the journals but this one had received, by source."""
        return add_up(*(counts for other, counts in self.received.items() if other != writer))

    def dead_elsewhere(self, writer: str) -> dict[str, int]:
        """The dead letters that are not in the file of the collector with this journal, by source."""
        return add_up(self.kept, *(counts for other, counts in self.dead.items() if other != writer))


@dataclass(frozen=True)
class Recount:
    """A count of the rows in the tables; `stored`, `rolled_up` and `rejected` are by source.

    `stored` readings have a row of their own, `rolled_up` ones are only in a roll-up. `rejected`
    are the rows that list one and the count of those that none lists.
    """

    rows: int
    distinct_ids: int
    stored: Mapping[str, int]
    rejected: Mapping[str, int]
    rolled_up: Mapping[str, int] = field(default_factory=dict)


class StoredLedger(Protocol):
    """See the module. A `writer` is the id of a journal."""

    def watermark(self, writer: str) -> Watermark | None:
        """How far this journal has been loaded; None if it never was."""

    def next_id(self) -> int:
        """An id above that of every reading stored."""

    def accounts(self) -> Accounts:
        """The counts of the ledger, read in one transaction."""

    def recount(self) -> Recount:
        """Count the rows in the tables, for `verify`."""

    def values_between(self, first: int, stop: int) -> Mapping[int, float]:
        """The stored values by id, first <= id < stop, for `verify`."""
