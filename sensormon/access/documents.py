"""Documents of a collection: kept in the journal, then in the store, read from memory.

The newest version of a key counts. Other processes on the same store may write too, so what was
read is read again after `FRESH`.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from sensormon.ingest.collector import Collector
from sensormon.model.clock import SECOND, Clock
from sensormon.model.entries import AuditRecord, Document, DocumentsEntry
from sensormon.model.errors import StoreError
from sensormon.stores.entries import StoredEntries

FRESH = 5 * SECOND
"""µs for which what was read from the store counts as fresh."""


class Documents:
    """Of one monitor. Thread-safe."""

    def __init__(self, collector: Collector, stored: StoredEntries, clock: Clock) -> None:
        self._collector = collector
        self._stored = stored
        self._clock = clock
        self._lock = threading.Lock()
        self._known: dict[str, dict[str, Document]] = {}
        self._read: dict[str, int] = {}

    def of(self, collection: str) -> Mapping[str, Document]:
        """The newest version of every document, by key, removed ones too.

        While the store cannot be read these are the last ones known; raises StoreError if they
        were never read.
        """
        now = self._clock.now()
        with self._lock:
            known = self._known.get(collection)
            if known is not None and 0 <= now - self._read[collection] < FRESH:
                return known
        waiting = self._collector.unstored.documents()  # before the store, or one could slip through
        try:
            stored = self._stored.documents(collection)
        except StoreError:
            if known is None:
                raise
            return known
        mine = [doc for entry in waiting for doc in entry.documents if doc.collection == collection]
        with self._lock:
            newest = dict(self._known.get(collection, {}))
            for document in (*stored, *mine):
                _take(newest, document)
            self._known[collection] = newest
            self._read[collection] = now
            return newest

    def standing(self, collection: str) -> dict[str, Document]:
        """The documents that were not removed, by key. Raises like `of`."""
        return {key: document for key, document in self.of(collection).items() if not document.removed}

    def keep(
        self,
        collection: str,
        key: str,
        content: Mapping[str, Any],
        who: str,
        *audit: AuditRecord,
        removed: bool = False,
    ) -> Document:
        """Keep a new version, with its audit records; durable when this returns. Raises JournalError."""
        document = Document(collection, key, content, who, self._clock.now(), removed)
        self._collector.keep(DocumentsEntry((document,), audit))
        with self._lock:
            newest = dict(self._known.get(collection, {}))
            _take(newest, document)
            if collection in self._known:
                self._known[collection] = newest
        return document


def _take(newest: dict[str, Document], document: Document) -> None:
    known = newest.get(document.key)
    if known is None or document.time >= known.time:
        newest[document.key] = document
