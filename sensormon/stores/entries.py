"""What a store keeps besides readings: detector settings, actions on events, notes, documents, audit
records, answers to requests, the words of states.

What it guarantees: from the moment its load returns each entry is stored once, as recorded;
entries never change, except for the tries in dead letters, and only answers and dead letters are dropped.
Every call raises `StoreError` if it cannot be answered.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

import pandas as pd

from sensormon.model.entries import Annotation, AuditRecord, DetectorSettings, Document, KeptAnswer
from sensormon.model.readings import StateWord

IMPORTED = "import:"
"""The prefix of the keys of imported pieces of files, which are never dropped."""
DEAD_LETTERS = "dead_letters"
"""The collection of the readings from a bus that the store refused: it is all that their workers share. Keys
are as `dead_letter_key` makes them; unlike other documents they are removed once the reading is stored."""
KEPT_DEAD_LETTERS = (
    "SELECT split_part(key, '/', 1), count(*) FROM documents WHERE collection = 'dead_letters' GROUP BY 1"
)
"""How many there are, by source."""


@dataclass(frozen=True)
class AuditQuery:
    """The newest `limit` audit records of since <= time < until (µs UTC), by any of these people and acts.

    No `people` and no `acts` stand for all.
    """

    since: int
    until: int
    people: tuple[str, ...] = ()
    acts: tuple[str, ...] = ()
    limit: int = 1_000

    def takes(self, record: AuditRecord) -> bool:
        """Whether this record is asked for; `limit` apart."""
        return (
            self.since <= record.time < self.until
            and (not self.people or record.who in self.people)
            and (not self.acts or record.act in self.acts)
        )


def dead_letter_key(source: str, reading: int) -> str:
    """The key under which the dead letter of this reading is kept."""
    return f"{source}/{reading}"


class StoredEntries(Protocol):
    """See the module."""

    def detector_settings(self) -> list[DetectorSettings]:
        """Every change of the detector settings, oldest first."""

    def event_actions(self, first: int, last: int) -> pd.DataFrame:
        """People's actions on events, by readings with first <= id <= last, oldest first.

        The columns of the table `event_actions` (schema.sql), times as datetime64[us, UTC].
        """

    def annotations(self) -> list[Annotation]:
        """All notes, and removals of notes, in the order they were recorded."""

    def documents(self, collection: str, since: int = 0) -> list[Document]:
        """The newest version of every document of this collection, removed ones too, in order of time.

        Only versions of `since` (µs UTC) and later count. None from a store older than documents.
        """

    def claiming(
        self, documents: Sequence[Document], bases: Mapping[str, int]
    ) -> AbstractContextManager[bool]:
        """Save these versions, of one collection, at once, before the journal's record of them is loaded.

        Yields whether the store has no version of any of the documents that is newer than its base (µs UTC,
        by key). Inside, no other process gets True for the same documents. If it was True and nothing is
        raised inside, the versions are in the store afterwards, so that the next process sees them; their
        record in the journal adds them a second time, which changes nothing. A store of one process writes
        nothing and yields True. Raises StoreError.
        """

    def dead_letters(self, after: str, limit: int) -> list[Document]:
        """At most `limit` dead letters of `DEAD_LETTERS` whose keys come after this one, in order of keys."""

    def note_try(self, letter: Document) -> None:
        """Keep the content of this dead letter, if it is still there; of several tries the last one stays."""

    def audit(self, query: AuditQuery) -> list[AuditRecord]:
        """The audit records asked for, newest first. None from a store older than the audit trail."""

    def state_words(self) -> list[StateWord]:
        """What the codes of states stand for, by tag and code. None from a store older than states."""

    def kept_answers(self, limit: int) -> list[KeptAnswer]:
        """The newest answers to requests with a key of their sender, oldest first, no positions."""

    def answers_by_content(self, limit: int) -> list[KeptAnswer]:
        """The newest answers to requests known by their content, oldest first."""

    def answers_to(self, prefix: str) -> list[KeptAnswer]:
        """The stored answers whose keys have this prefix, oldest first."""

    def known_keys(self, prefix: str) -> frozenset[str]:
        """The stored keys with this prefix."""

    def drop_answers(self, before: int) -> None:
        """Drop answers to requests received before this time, except keys of `IMPORTED` and `POSITION`."""

    def drop_answers_by_content(self, before: int, most: int) -> None:
        """Of requests known by their content, drop answers received before this time, and all but the
        newest `most` or so."""
