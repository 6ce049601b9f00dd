"""When something was last used: in memory at each use, durable once an hour."""

from __future__ import annotations

import logging
import threading

from sensormon.access.documents import Documents
from sensormon.model.clock import HOUR, Clock
from sensormon.model.errors import JournalError

_log = logging.getLogger(__name__)


class LastUsed:
    """Of the documents of one collection, by their keys. Thread-safe; times are µs UTC."""

    def __init__(self, documents: Documents, collection: str, clock: Clock) -> None:
        self._documents = documents
        self._collection = collection
        self._clock = clock
        self._lock = threading.Lock()
        self._used: dict[str, int] = {}
        self._written: dict[str, int] = {}

    def of(self, key: str) -> int:
        """When it was last used; 0 if it never was. Raises StoreError."""
        return self._used.get(key) or self._kept(key)

    def is_due(self, key: str) -> bool:
        """Whether the next use will be made durable. Raises StoreError."""
        return not 0 <= self._clock.now() - self._written.get(key, self._kept(key)) < HOUR

    def note(self, key: str) -> None:
        """Note a use, now. Raises StoreError.

        A journal that is full keeps nobody out: the note is tried again an hour later.
        """
        kept = self._kept(key)
        with self._lock:
            now = self._used[key] = self._clock.now()
            if 0 <= now - self._written.get(key, kept) < HOUR:
                return
            self._written[key] = now
        try:
            self._documents.keep(self._collection, key, {"used": now}, "")
        except JournalError as error:
            _log.warning("the last use could not be kept: %s", error)

    def _kept(self, key: str) -> int:
        document = self._documents.of(self._collection).get(key)
        return int(document.content["used"]) if document else 0
