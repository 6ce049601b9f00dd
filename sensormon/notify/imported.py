"""Which readings came from imports: nobody is woken by an event of a file."""

from __future__ import annotations

from sensormon.stores.imports import StoredImports


class ImportedIds:
    """The ids of imported readings, read anew only for imports that have grown."""

    def __init__(self, stored: StoredImports) -> None:
        self._stored = stored
        self._ranges: dict[int, tuple[int, list[tuple[int, int]]]] = {}

    def ranges(self) -> list[tuple[int, int]]:
        """First and last ids, in order. Ask after the events were read. Raises StoreError.

        An import is stored in one transaction with its readings, so none of an event read before is missing.
        """
        for totals in self._stored.totals():
            known, _ = self._ranges.get(totals.import_id, (-1, []))
            if known != totals.last:
                self._ranges[totals.import_id] = totals.last, self._stored.ranges(totals.import_id)
        return sorted(ids for _, ranges in self._ranges.values() for ids in ranges)
