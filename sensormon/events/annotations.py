"""Notes on moments and spans of time: written by people, durable, drawn on charts, removable.

A note is in the journal before anybody sees it, then in the store. What it is not: an action
on an event (see `actions`), or something a detector reads.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import replace

from sensormon.events.actions import LONGEST_NOTE
from sensormon.ingest.collector import Collector
from sensormon.model.clock import Clock
from sensormon.model.entries import Annotation
from sensormon.model.errors import StoreError, UsageError
from sensormon.model.text import LONGEST_NAME, cleaned
from sensormon.model.timestamps import LAST
from sensormon.stores.entries import StoredEntries

MOST_TAGS = 1_000
"""The most tags in one note; a note on all tags names none."""


class Annotations:
    """Of one monitor; see `Monitor.annotations`."""

    def __init__(self, collector: Collector, stored: StoredEntries, clock: Clock) -> None:
        self._collector = collector
        self._stored = stored
        self._clock = clock
        self.changes = 0
        """How many times notes were added or removed since the start."""

    def add(
        self, text: str, who: str, since: int, until: int | None = None, tags: Sequence[str] = ()
    ) -> Annotation:
        """Add a note on a moment, or on a span up to `until`; durable when it returns.

        It is on these tags, or on all if none is named. Raises UsageError, one line, for a note that
        is not possible, JournalError if it could not be recorded.
        """
        note = checked(text, who, since, since if until is None else until, tags, self._clock.now())
        self._collector.annotate(note)
        self.changes += 1
        return note

    def remove(self, note_id: str, who: str) -> None:
        """Remove the note in this person's name; the journal keeps what was written. Raises like `add`."""
        note = next((note for note in self._all() if note.id == note_id), None)
        if note is None:
            raise UsageError("there is no such note, or it was removed already", where="notes")
        now = self._clock.now()
        named = checked(note.text, who, note.since, note.until, note.tags, now)
        self._collector.annotate(replace(named, id=note.id, removed=True))
        self.changes += 1

    def between(self, since: int, until: int, tags: Sequence[str] | None = None) -> list[Annotation]:
        """The notes, stored or not, that overlap since <= time < until, in order of time.

        They are on any of these tags, or on all tags. Raises StoreError if the store cannot be read;
        `waiting` has the newest notes even then.
        """
        return those(self._all(), since, until, tags)

    def waiting(self, since: int, until: int, tags: Sequence[str] | None = None) -> list[Annotation]:
        """Those notes that the store does not have yet; never raises."""
        return those(standing(self._collector.unstored.annotations()), since, until, tags)

    def _all(self) -> list[Annotation]:
        waiting = self._collector.unstored.annotations()  # before the store, or one could slip through
        return standing([*self._stored.annotations(), *waiting])

    def readable(self, since: int, until: int, tags: Sequence[str] | None = None) -> list[Annotation]:
        """The notes that can be read now: for a chart, which works without the store."""
        try:
            return self.between(since, until, tags)
        except StoreError:
            return self.waiting(since, until, tags)


def standing(acts: Iterable[Annotation]) -> list[Annotation]:
    """The notes that were added and not removed, each once, in order of time."""
    notes: dict[str, Annotation] = {}
    gone: set[str] = set()
    for note in acts:
        if note.removed:
            gone.add(note.id)
        else:
            notes.setdefault(note.id, note)
    kept = (note for note in notes.values() if note.id not in gone)
    return sorted(kept, key=lambda note: (note.since, note.until, note.id))


def checked(text: str, who: str, since: int, until: int, tags: Sequence[str], now: int) -> Annotation:
    """The note, ready to be recorded. Raises UsageError, one line, if it is not possible."""
    words, name = cleaned(text), cleaned(who)
    wrong = ""
    if not words:
        wrong = "the note is empty"
    elif len(words) > LONGEST_NOTE:
        wrong = f"the note has {len(words):,} characters, {LONGEST_NOTE:,} are the most"
    elif not 1 <= len(name) <= LONGEST_NAME:
        wrong = f"a name of 1 to {LONGEST_NAME} characters is needed"
    elif not 0 <= since <= LAST or not 0 <= until <= LAST:
        wrong = "a note is on a time between 1970 and 9999"
    elif until < since:
        wrong = "the span ends before it begins"
    elif len(tags) > MOST_TAGS:
        wrong = f"{len(tags):,} tags are more than {MOST_TAGS:,}; name none for all"
    if wrong:
        raise UsageError(wrong, where="notes")
    return Annotation(uuid.uuid4().hex, since, until, tuple(dict.fromkeys(tags)), words, name, now)


def those(
    notes: Iterable[Annotation], since: int, until: int, tags: Sequence[str] | None
) -> list[Annotation]:
    """The notes that overlap since <= time < until, on any of these tags or on all."""
    wanted = None if tags is None else set(tags)
    return [
        note
        for note in notes
        if note.since < until
        and note.until >= since
        and (wanted is None or not note.tags or not wanted.isdisjoint(note.tags))
    ]
