"""What a store knows of imports: the ids of their readings, their counts, and which are undone.

What it guarantees: which readings belong to an import is stored in the transaction that stores
them. An undo removes exactly these, what people did on their events, and the keys by which the
file would be skipped, in one transaction with the watermark: after a kill the import is whole or
gone. Every call raises `StoreError` if it cannot be answered.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from sensormon.model.imports import ImportTotals, Undone
from sensormon.model.readings import Batch, Bools

CASES = "import:case:"
"""The prefix of the keys of cases; they belong to no import."""

UNDONE = "import_undone"
"""The reason under which the ledger counts dead letters of an undone import."""

RELIES = "others"
"""The fingerprint of the key of a piece some of whose readings were there before it.

When an import is undone these keys go too: its readings may be those.
"""


class StoredImports(Protocol):
    """See the module. None of it is known to a store older than the list of imports."""

    def totals(self) -> list[ImportTotals]:
        """The counts of every import, undone ones too, in order of their numbers."""

    def undone(self) -> list[Undone]:
        """The imports that were undone, oldest first."""

    def ranges(self, import_id: int) -> list[tuple[int, int]]:
        """The first and last ids of this import's readings, in order, undone or not."""

    def undone_among(self, ids: Collection[int]) -> frozenset[int]:
        """Those of these reading ids that belong to an undone import."""

    def left(self, import_id: int) -> int:
        """How many readings of this import have a row."""

    def rolled_up(self, import_id: int, dead: Collection[int]) -> int:
        """How many readings of this import are counted in a roll-up, with or without a row of their own.

        `dead` are the ids of dead letters, which have neither.
        """

    def known(self, batch: Batch) -> Bools:
        """For each reading, whether one with the same tag, time and value is stored.

        One without a value (NaN) is, if one of bad quality is stored with its tag and time: it has been
        given the last usable value.
        """
