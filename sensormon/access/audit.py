"""The audit trail: what people did or tried to do, in the journal before it is done.

Nothing changes or removes a record. What it is not: a log of readings, or of who only looked.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from sensormon.access.person import Person, check
from sensormon.access.roles import Act
from sensormon.ingest.collector import Collector
from sensormon.model.clock import Clock
from sensormon.model.entries import AuditRecord, DocumentsEntry
from sensormon.model.errors import Forbidden, SensormonError
from sensormon.model.text import cleaned
from sensormon.stores.entries import AuditQuery, StoredEntries

LONGEST = 4_000
"""Most characters of one field of a record; longer ones are cut and end in an ellipsis."""

Result = TypeVar("Result")


@dataclass(frozen=True)
class Change:
    """What is about to be done: to what, and the values before and after, in words."""

    act: Act
    subject: str
    before: str = ""
    after: str = ""


class AuditTrail:
    """Of one monitor."""

    def __init__(self, collector: Collector, stored: StoredEntries, clock: Clock) -> None:
        self._collector = collector
        self._stored = stored
        self._clock = clock

    def perform(self, person: Person, change: Change, do: Callable[[str], Result]) -> Result:
        """Check that this person may do it, record it, and do it in the name for records.

        Raises Forbidden, JournalError if it cannot be recorded (then it is not done), and what `do`
        raises; refusals and failures are recorded too.
        """
        try:
            check(person, change.act)
        except Forbidden as error:
            self.record(self.record_of(person, change, failure=error.what))
            raise
        self.record(self.record_of(person, change))
        try:
            return do(person.signature)
        except SensormonError as error:
            self.record(self.record_of(person, change, failure=error.what))
            raise

    def record_of(self, person: Person, change: Change, failure: str = "") -> AuditRecord:
        """The record of this change, at this moment; fields are cut to `LONGEST`."""
        return AuditRecord(
            self._clock.now(),
            _cut(person.signature),
            person.verified,
            str(person.role),
            person.address,
            str(change.act),
            _cut(change.subject),
            _cut(change.before),
            _cut(change.after),
            _cut(failure),
        )

    def record(self, *records: AuditRecord) -> None:
        """Append these records; durable when this returns. Raises JournalError."""
        self._collector.keep(DocumentsEntry(audit=records))

    def read(self, query: AuditQuery) -> list[AuditRecord]:
        """The records asked for, newest first, stored or not. Raises StoreError."""
        waiting = [record for entry in self._collector.unstored.documents() for record in entry.audit]
        stored = self._stored.audit(query)
        known = set(stored)
        mine = [record for record in waiting if query.takes(record) and record not in known]
        merged = sorted([*mine, *stored], key=lambda record: record.time, reverse=True)
        return merged[: query.limit]


def _cut(text: str) -> str:
    words = cleaned(text)
    return words if len(words) <= LONGEST else words[: LONGEST - 1] + "…"
