"""Tags whose alarm is shelved: until a time, by somebody, for a reason (ANSI/ISA-18.2-2016).

Events of a shelved tag are still recorded and listed; nobody is called for them. A shelving is kept as a
document, so all processes on a store know it. What it is not: the shelving of an event that has happened
(see `actions`), or a gate: callers check the role and have the audit trail record it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sensormon.access.documents import Documents, Version, meaning_of
from sensormon.events.actions import LONGEST_NOTE, LONGEST_SHELVING
from sensormon.model.clock import SECOND, Clock
from sensormon.model.entries import Document
from sensormon.model.errors import StoreError, UsageError
from sensormon.model.tags import TagTable
from sensormon.model.text import cleaned, person_name

COLLECTION = "shelved_tags"
"""The collection of the documents; the key is the tag's name."""
MOST_AT_ONCE = 1_000
"""The most tags that are shelved in one act."""
SUGGESTED = {"1 h": 3_600, "8 h": 28_800, "24 h": 86_400, "7 days": 604_800}
"""Seconds."""


@dataclass(frozen=True)
class ShelvedTag:
    """A tag that is or was shelved at since <= time < until (µs UTC), by `who`."""

    tag: str
    since: int
    until: int
    reason: str
    who: str

    def covers(self, time: int) -> bool:
        """Whether the tag is shelved at this time (µs UTC)."""
        return self.since <= time < self.until


class ShelvedTags:
    """Of one monitor; `tags` returns its current tag table. Thread-safe.

    Of each tag the last shelving is known, also after its end.
    """

    def __init__(self, documents: Documents, tags: Callable[[], TagTable], clock: Clock) -> None:
        self._documents = documents
        self._tags = tags
        self._clock = clock
        self._changing = threading.Lock()
        self.changes = 0
        """How often something was changed here since the start."""
        self._last = meaning_of(documents, COLLECTION, _shelvings)

    def now(self) -> list[ShelvedTag]:
        """Those shelved now, the first to end first. Raises StoreError if they were never readable."""
        now = self._clock.now()
        shelved = [shelving for shelving in self._last().values() if shelving.covers(now)]
        return sorted(shelved, key=lambda shelving: (shelving.until, shelving.tag))

    def at(self, tag: str, time: int) -> ShelvedTag | None:
        """The shelving of this tag at this time (µs UTC), if it was the last one.

        None too while shelvings were never readable: then nobody is kept from being called.
        """
        try:
            last = self._last().get(tag)
        except StoreError:
            return None
        return last if last is not None and last.covers(time) else None

    def versions(self) -> Mapping[str, int]:
        """When the shelving of each tag was changed last (µs UTC). Raises StoreError like `now`."""
        return {tag: document.time for tag, document in self._documents.of(COLLECTION).items()}

    def shelve(
        self, tags: Sequence[str], until: int, reason: str, who: str, base: Mapping[str, int] | None = None
    ) -> None:
        """Shelve these tags from now until then (µs UTC); durable when it returns.

        A tag that is shelved already keeps its beginning. `base` has the `versions` that the person saw; None
        for those known here. Raises UsageError, one line, if it is not possible, also because somebody has
        shelved or unshelved one of the tags meanwhile, in any process on the store; JournalError; StoreError,
        also if a shared store cannot be asked for that.
        """
        now, words = self._clock.now(), cleaned(reason)
        tags = tuple(dict.fromkeys(tags))
        unknown = [tag for tag in tags if tag not in self._tags()]
        wrong = ""
        if not tags:
            wrong = "no tag is chosen"
        elif len(tags) > MOST_AT_ONCE:
            wrong = f"{len(tags):,} tags are more than {MOST_AT_ONCE:,}; choose fewer, or add maintenance"
        elif unknown:
            wrong = f"there is no tag {unknown[0][:100]!r}"
        elif not 0 < until - now <= LONGEST_SHELVING * SECOND:
            wrong = "a tag is shelved until a time to come, within a year"
        elif not words:
            wrong = "a reason is needed"
        elif len(words) > LONGEST_NOTE:
            wrong = f"the reason has {len(words):,} characters, {LONGEST_NOTE:,} are the most"
        if wrong:
            raise UsageError(wrong, where="shelving", hint="Change that and shelve again")
        name = person_name(who, "shelving")
        with self._changing:
            last = self._last()
            seen = self.versions() if base is None else base
            begun = {tag: last[tag].since for tag in tags if tag in last and last[tag].covers(now)}
            content = {"until": until, "reason": words, "who": name}
            versions = [Version(COLLECTION, tag, {"since": begun.get(tag, now), **content}) for tag in tags]
            self._documents.keep_over(versions, seen, name, where="shelving")
            self.changes += 1

    def unshelve(self, tags: Sequence[str], who: str, base: Mapping[str, int] | None = None) -> None:
        """End the shelving of these tags now; durable when it returns. Of those not shelved nothing changes.

        Raises UsageError if none of them is shelved, otherwise like `shelve`.
        """
        name = person_name(who, "shelving")
        with self._changing:
            now, documents = self._clock.now(), self._documents.of(COLLECTION)
            last, seen = self._last(), self.versions() if base is None else base
            shelved = [tag for tag in dict.fromkeys(tags) if tag in last and last[tag].covers(now)]
            if not shelved:
                raise UsageError("none of these tags is shelved now", where="shelving", hint="See the list")
            versions = [Version(COLLECTION, tag, documents[tag].content, removed=True) for tag in shelved]
            self._documents.keep_over(versions, seen, name, where="shelving")
            self.changes += 1


def _shelvings(documents: Mapping[str, Document]) -> dict[str, ShelvedTag]:
    """The last shelving of every tag that had one."""
    return {tag: _shelving(document) for tag, document in documents.items()}


def _shelving(document: Document) -> ShelvedTag:
    content = document.content
    until = int(content["until"])
    return ShelvedTag(
        document.key,
        int(content["since"]),
        min(until, document.time) if document.removed else until,
        str(content["reason"]),
        str(content["who"]),
    )
