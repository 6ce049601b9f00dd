"""Notes on moments and spans of time: left by people, durable, drawn on charts, removable.

A note is in the journal before anybody sees it, then in the store. What it is not: an action
on an event (see `event_actions`), or something a detector reads.
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
from sensormon.stores.protocol import Store

MOST_TAGS = 1_000
"""In one note; a note on all tags names none."""


class Annotations:
    """Of one monitor; see `Monitor.annotations`."""

    def __init__(self, collector: Collector, store: Store, clock: Clock) -> None:
        self._collector = collector
        self._store = store
        self._clock = clock
        self.changes = 0
        """How often a note was left or removed since the start."""

    def add(
        self, text: str, who: str, since: int, until: int | None = None, tags: Sequence[str] = ()
    ) -> Annotation:
        """Leave a note on a moment, or on a span up to `until`; durable when it returns.

        On these tags, on all where none is named. Raises UsageError, one line, or JournalError
        where it could not be recorded.
        """
        note = checked(text, who, since, since if until is None else until, tags, self._clock.now())
        self._collector.annotate(note)
        self.changes += 1
        return note

    def remove(self, note_id: str, who: str) -> None:
        """Remove the note, in this name; what was written stays in the record. Raises like `add`."""
        found = next((one for one in self._all() if one.id == note_id), None)
        if found is None:
            raise UsageError("there is no such note, or it was removed already", where="notes")
        now = self._clock.now()
        named = checked(found.text, who, found.since, found.until, found.tags, now)
        self._collector.annotate(replace(named, id=found.id, removed=True))
        self.changes += 1

    def between(self, since: int, until: int, tags: Sequence[str] | None = None) -> list[Annotation]:
        """The notes that touch since <= time < until, on any of these tags or on all, in order of time.

        Stored or not. Raises StoreError where the store is away; then `waiting` has the newest.
        """
        return those(self._all(), since, until, tags)

    def waiting(self, since: int, until: int, tags: Sequence[str] | None = None) -> list[Annotation]:
        """The same of those that the store does not have yet; never raises."""
        return those(standing(self._collector.waiting_annotations()), since, until, tags)

    def _all(self) -> list[Annotation]:
        waiting = self._collector.waiting_annotations()  # before the store, or one could slip through
        return standing([*self._store.annotations(), *waiting])

    def readable(self, since: int, until: int, tags: Sequence[str] | None = None) -> list[Annotation]:
        """The notes as far as they can be read now: for a chart, which goes on without the store."""
        try:
            return self.between(since, until, tags)
        except StoreError:
            return self.waiting(since, until, tags)


def standing(acts: Iterable[Annotation]) -> list[Annotation]:
    """The notes that were left and not removed, each once, in order of time."""
    notes: dict[str, Annotation] = {}
    gone: set[str] = set()
    for one in acts:
        if one.removed:
            gone.add(one.id)
        else:
            notes.setdefault(one.id, one)
    kept = (one for one in notes.values() if one.id not in gone)
    return sorted(kept, key=lambda one: (one.since, one.until, one.id))


def checked(text: str, who: str, since: int, until: int, tags: Sequence[str], now: int) -> Annotation:
    """The note, to be recorded. Raises UsageError, one line, where it cannot be."""
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
    """The notes that touch since <= time < until, on any of these tags or on all."""
    wanted = None if tags is None else set(tags)
    return [
        one
        for one in notes
        if one.since < until
        and one.until >= since
        and (wanted is None or not one.tags or not wanted.isdisjoint(one.tags))
    ]
