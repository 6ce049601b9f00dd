"""Documents of a collection: kept in the journal, then in the store, read from memory.

The newest version of a key counts. Other processes on the same store may write too, so what was
read is read again after `FRESH`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC
from typing import Any, Protocol, TypeVar

from sensormon.model.clock import MINUTE, SECOND, Clock
from sensormon.model.entries import AuditRecord, Document, DocumentsEntry
from sensormon.model.errors import StoreError, UsageError
from sensormon.model.format import day_and_time
from sensormon.stores.entries import AuditQuery

FRESH = 5 * SECOND
"""µs for which what was read from the store counts as fresh."""
OVERLAP = 10 * MINUTE
"""µs by which versions may come into the store after their time and still be seen by the next reading of a
collection that is read onwards; those of another process whose store was away longer wait for `WHOLE`."""
WHOLE = 10 * MINUTE
"""µs after which such a collection is read whole again."""

Meaning = TypeVar("Meaning")


class Recorder(Protocol):
    """Makes entries durable: the collector of a running monitor, or the journal of a stopped one."""

    def keep(self, entry: DocumentsEntry) -> None:
        """Record documents and audit records; durable when this returns. Raises JournalError."""

    def waiting_documents(self) -> list[DocumentsEntry]:
        """Those that the store may not have yet, oldest first."""


class StoredDocuments(Protocol):
    """What is needed of a store; see `sensormon.stores.entries`."""

    def documents(self, collection: str, since: int = 0, /) -> list[Document]: ...

    def claiming(
        self, documents: Sequence[Document], bases: Mapping[str, int], /
    ) -> AbstractContextManager[bool]: ...

    def audit(self, query: AuditQuery, /) -> list[AuditRecord]: ...


@dataclass(frozen=True)
class Version:
    """A new version of a document, before it is kept."""

    collection: str
    key: str
    content: Mapping[str, Any]
    removed: bool = False


class Documents:
    """Of one monitor. Thread-safe."""

    def __init__(self, recorder: Recorder, stored: StoredDocuments, clock: Clock) -> None:
        self._recorder = recorder
        self._stored = stored
        self._clock = clock
        self._lock = threading.Lock()
        self._keeping = threading.Lock()
        self._known: dict[str, dict[str, Document]] = {}
        self._read: dict[str, int] = {}
        self._ages: dict[str, int] = {}
        self._without: set[str] = set()
        self._unread: set[str] = set()  # those for which the journal stands in now
        self._onwards: dict[str, tuple[int, int]] = {}  # when it was last read whole, and read at all

    def forget_after(self, collection: str, age: int) -> None:
        """Leave versions older than this (µs) out; for a collection that would grow for ever."""
        self._ages[collection] = age

    def read_onwards(self, collection: str) -> None:
        """Ask the store only for what is newer than the reading before, less `OVERLAP`, and for everything
        every `WHOLE`; for a collection that has thousands of documents.
        """
        self._onwards.setdefault(collection, (0, 0))

    def do_without(self, collection: str) -> None:
        """Let what waits in the journal stand in for this collection while the store was never read.

        `is_read` tells whether it does. For what must be kept whether the store is there or not.
        """
        self._without.add(collection)

    def is_read(self, collection: str) -> bool:
        """Whether the store has been read, so that `of` knows all versions that it had then."""
        with self._lock:
            return collection in self._read and collection not in self._unread

    def of(self, collection: str) -> Mapping[str, Document]:
        """The newest version of every document, by key, removed ones too.

        While the store cannot be read these are the last ones known; raises StoreError if they
        were never read, unless the collection can do without.
        """
        now = self._clock.now()
        with self._lock:
            if collection in self._read and 0 <= now - self._read[collection] < FRESH:
                return self._known[collection]
        since = max(0, now - self._ages[collection]) if collection in self._ages else 0
        first, whole = self._first(collection, since, now)
        waiting = self._recorder.waiting_documents()  # before the store, or one could slip through
        mine = [doc for entry in waiting for doc in entry.documents if doc.collection == collection]
        try:
            stored = self._stored.documents(collection, first)
        except StoreError:
            with self._lock:
                if collection not in self._read:
                    if collection not in self._without:
                        raise
                    self._unread.add(collection)
                    self._known[collection] = _newest(mine, since)
                self._read[collection] = now
                return self._known[collection]
        with self._lock:
            self._unread.discard(collection)
            newest = _newest((*self._known.get(collection, {}).values(), *stored, *mine), since)
            self._known[collection] = newest
            self._read[collection] = now
            if collection in self._onwards:
                self._onwards[collection] = (now if whole else self._onwards[collection][0], now)
            return newest

    def _first(self, collection: str, since: int, now: int) -> tuple[int, bool]:
        """From which time on the store is asked, no earlier than `since`, and whether that is for all."""
        with self._lock:
            whole, read = self._onwards.get(collection, (0, 0))
        if not whole or not 0 <= now - whole < WHOLE:
            return since, True
        return max(since, min(now, read) - OVERLAP), False

    def look_again(self, collection: str) -> None:
        """Let what was read no longer count as fresh, and read it whole: another process has written."""
        with self._lock:
            if collection in self._read:
                self._read[collection] = 0
            if collection in self._onwards:
                self._onwards[collection] = (0, 0)

    def fresh(self, collection: str) -> Mapping[str, Document] | None:
        """The same from memory alone; None if the store would have to be asked. Never waits for it."""
        with self._lock:
            recent = collection in self._read and 0 <= self._clock.now() - self._read[collection] < FRESH
            return self._known[collection] if recent else None

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
        """Keep a new version, with its audit records; durable when this returns.

        Raises JournalError, and StoreError like `of`.
        """
        return self.keep_all([Version(collection, key, content, removed)], who, *audit)[0]

    def keep_all(self, versions: Sequence[Version], who: str, *audit: AuditRecord) -> list[Document]:
        """Keep these versions and audit records, all or none. Raises like `keep`."""
        with self._keeping:
            documents = [self._document(version, who) for version in versions]
            self._recorder.keep(DocumentsEntry(tuple(documents), audit))
            self._remember(documents)
        return documents

    def keep_over(
        self, versions: Sequence[Version], seen: Mapping[str, int], who: str, *, where: str
    ) -> list[Document]:
        """Keep these versions of one collection, all or none, over those that `who` has seen.

        `seen` has the time (µs UTC) of the newest version of each document by its key, as the person saw it;
        0, or no key, for one that was not there or was removed. Durable when this returns. Raises UsageError,
        which names the place `where`, if the newest version of one of them is another in any process on the
        store, also if that still waits in a journal; raises like `keep`, and StoreError whenever a shared
        store cannot be asked.
        """
        (collection,) = {version.collection for version in versions}
        keys = [version.key for version in versions]
        with self._keeping:
            self.look_again(collection)
            newest = self.of(collection)
            for key in keys:
                if _changed(newest.get(key), seen.get(key, 0)):
                    raise _meanwhile(newest.get(key), where)
            documents = [self._document(version, who) for version in versions]
            bases = {key: newest[key].time for key in keys if key in newest}
            with self._stored.claiming(documents, bases) as free:
                if free:
                    self._recorder.keep(DocumentsEntry(tuple(documents), ()))
            if not free:
                self.look_again(collection)
                newest = self.of(collection)
                others = (newest[key] for key in keys if _changed(newest.get(key), bases.get(key, 0)))
                raise _meanwhile(next(others, None), where)
            self._remember(documents)
        return documents

    def _remember(self, documents: Sequence[Document]) -> None:
        """Let these be the newest versions known here."""
        with self._lock:
            for collection in {document.collection for document in documents}:
                # A new one at each change: those who were given the other go on reading it.
                fresh = {doc.key: doc for doc in documents if doc.collection == collection}
                self._known[collection] = {**self._known.get(collection, {}), **fresh}

    def _document(self, version: Version, who: str) -> Document:
        """Later than the version before it, even if the clock was set back."""
        known = self.of(version.collection).get(version.key)
        time = max(self._clock.now(), known.time + 1 if known else 0)
        return Document(version.collection, version.key, version.content, who, time, version.removed)


def meaning_of(
    documents: Documents, collection: str, read: Callable[[Mapping[str, Document]], Meaning]
) -> Callable[[], Meaning]:
    """A function that returns what the documents of this collection say, as `read` makes it of them.

    It returns the same object until they are other documents. Raises what `Documents.of` raises. Thread-safe.
    """
    last: tuple[Mapping[str, Document], Meaning] | None = None

    def meaning() -> Meaning:
        nonlocal last
        now = documents.of(collection)
        kept = last
        if kept is None or kept[0] is not now:
            kept = last = now, read(now)
        return kept[1]

    return meaning


def _changed(newest: Document | None, base: int) -> bool:
    """Whether the newest version is another than the one seen, which is of the time `base`."""
    if newest is None or newest.removed:
        return base not in (0, newest.time if newest else 0)
    return newest.time != base


def _meanwhile(other: Document | None, where: str) -> UsageError:
    """The refusal of a change to what somebody else has changed since it was seen."""
    by = "" if other is None else f": {other.who} {'removed' if other.removed else 'saved'} it"
    at = "" if other is None else f" at {day_and_time(other.time, UTC)} UTC"
    return UsageError(
        f"someone else changed this meanwhile{by}{at}",
        where=where,
        hint="Look at what it is now, then change it again if that is still needed",
    )


def _newest(documents: Sequence[Document], since: int) -> dict[str, Document]:
    newest: dict[str, Document] = {}
    for document in documents:
        known = newest.get(document.key)
        if document.time >= since and (known is None or document.time >= known.time):
            newest[document.key] = document
    return newest
