"""The list of imports: what was imported, when, by whom, and what became of it.

A document says which file, when and by whom; it is durable before the first reading. The counts
come from the readings' own records. So after a kill an import is in the list with what it really
stored, as partial, and the same file continues it.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sensormon.access.documents import Documents
from sensormon.ingest.collector import Collector
from sensormon.model.clock import Clock
from sensormon.model.entries import Document, UndoEntry
from sensormon.model.errors import UsageError
from sensormon.model.imports import (
    COLLECTION,
    Import,
    ImportState,
    ImportTotals,
    Undone,
    added_up,
)
from sensormon.model.tags import Tag, TagTable
from sensormon.stores.protocol import Store


@dataclass(frozen=True)
class ImportedFile:
    """What the list says of a file: its name, who imports it, and the new tags it was given."""

    name: str = ""
    who: str = ""
    tags: tuple[str, ...] = ()


NAMELESS = ImportedFile()
"""A file of which nothing is known."""


class ImportLog:
    """Of one monitor. Everything but `alone` raises StoreError if the store was never read."""

    def __init__(self, collector: Collector, store: Store, clock: Clock) -> None:
        self._collector = collector
        self._store = store
        self._clock = clock
        self._documents = Documents(collector, store.entries, clock)
        self._working = threading.Lock()
        self._running = 0

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Import or undo one thing at a time. Raises UsageError if something else does it already."""
        if not self._working.acquire(blocking=False):
            raise UsageError(
                "an import is running, or being undone", where="import", hint="Wait for it, or cancel it"
            )
        try:
            yield
        finally:
            self._running = 0
            self._working.release()

    def entries(self) -> list[Import]:
        """All imports, newest first, stored or not."""
        waiting, undos = self._collector.unstored.imported(), self._collector.unstored.undos()
        return listed(
            self._documents.standing(COLLECTION),
            added_up(self._store.imports.totals(), waiting),
            self._store.imports.undone(),
            undos,
            self._running,
        )

    def find(self, number: int) -> Import:
        """The import with this number. Raises UsageError if there is none."""
        for entry in self.entries():
            if entry.id == number:
                return entry
        raise UsageError(
            f"there is no import {number}", where="imports", hint="`imports list` shows their numbers"
        )

    def begin(self, key: str, file: ImportedFile, tags: TagTable) -> Import:
        """Enter an import of this file, or go on with the one that was interrupted; durable on return.

        `key` stands for the file and the way it is read. Raises JournalError.
        """
        entries = self.entries()
        for entry in entries:
            if entry.key == key and entry.state is ImportState.PARTIAL:
                self._running = entry.id
                return entry
        number = self._collector.version_after(max((entry.id for entry in entries), default=0))
        content = {
            "files": [file.name],
            "key": key,
            "who": file.who,
            "began": self._clock.now(),
            "tags": {name: digest_of(tags[name]) for name in file.tags if name in tags},
            "done": False,
        }
        self._documents.keep(COLLECTION, str(number), content, file.who)
        self._running = number
        return self.find(number)

    def end(self, entry: Import, skipped: int) -> None:
        """Say that the import has reached the end of its file. `skipped` readings were imported before."""
        content = self._content(entry.id)
        ended = {"done": True, "ended": self._clock.now(), "skipped": skipped}
        self._documents.keep(COLLECTION, str(entry.id), {**content, **ended}, entry.who)

    def new_tags(self) -> dict[str, str]:
        """The tags that undone imports made and that were not looked at since, with what they were then."""
        undone = {entry.id for entry in self.entries() if entry.state is ImportState.UNDONE}
        return {
            name: digest
            for number in sorted(undone)
            for name, digest in self._content(number).get("tags", {}).items()
        }

    def untidied(self) -> list[int]:
        """The undone imports whose tags were not looked at since."""
        return [
            entry.id
            for entry in self.entries()
            if entry.state is ImportState.UNDONE and not self._content(entry.id).get("tidied")
        ]

    def tidied(self, numbers: Iterable[int], who: str) -> None:
        """Say that the tags of these undone imports were looked at."""
        for number in numbers:
            content = {**self._content(number), "tidied": True}
            self._documents.keep(COLLECTION, str(number), content, who)

    def _content(self, number: int) -> Mapping[str, Any]:
        document = self._documents.of(COLLECTION).get(str(number))
        return document.content if document else {}


def listed(
    documents: Mapping[str, Document],
    totals: Mapping[int, ImportTotals],
    stored: Iterable[Undone],
    waiting: Iterable[UndoEntry],
    running: int = 0,
) -> list[Import]:
    """The imports, newest first. `stored` undos are done, those `waiting` are durable; one may be running."""
    undone = {each.import_id: each for each in stored}
    undoing = {each.import_id: Undone(each.import_id, each.who, each.time) for each in waiting}
    entries = []
    for key, document in documents.items():
        number, content = int(key), document.content
        state = ImportState.DONE if content.get("done") else ImportState.PARTIAL
        if number == running:
            state = ImportState.RUNNING
        if number in undoing:
            state = ImportState.UNDOING
        if number in undone:
            state = ImportState.UNDONE
        entries.append(
            Import(
                id=number,
                files=tuple(content.get("files", ())),
                who=str(content.get("who", "")),
                began=int(content.get("began", document.time)),
                ended=int(content.get("ended", 0)),
                state=state,
                key=str(content.get("key", "")),
                totals=totals.get(number, ImportTotals(number)),
                skipped=int(content.get("skipped", 0)),
                tags=tuple(content.get("tags", {})),
                undone=undone.get(number) or undoing.get(number),
            )
        )
    return sorted(entries, key=lambda entry: -entry.id)


def digest_of(tag: Tag) -> str:
    """A digest of everything that the table says of this tag."""
    return hashlib.blake2b(repr(tag).encode(), digest_size=8).hexdigest()
