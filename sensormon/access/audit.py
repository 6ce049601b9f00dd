"""The audit trail: what people did or tried to do, in the journal before it is done.

Nothing changes or removes a record. Of refusals, which anybody can cause, at most `MOST_REFUSALS`
of an act are recorded one by one in a minute; the rest is counted in one record. What it is
not: a log of readings, or of who only looked.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from sensormon.access.documents import Recorder, StoredDocuments
from sensormon.access.person import Person, Way, check
from sensormon.access.roles import Act, Role
from sensormon.model import timestamps
from sensormon.model.clock import MINUTE, SECOND, Clock
from sensormon.model.entries import AuditRecord, DocumentsEntry
from sensormon.model.errors import Forbidden, JournalError, SensormonError
from sensormon.model.text import cleaned
from sensormon.stores.entries import AuditQuery

LONGEST = 4_000
"""Most characters of one field of a record; longer ones are cut and end in an ellipsis."""
MOST_REFUSALS = 10
"""Refusals of one act that are recorded one by one in a minute."""

_log = logging.getLogger(__name__)

Result = TypeVar("Result")


@dataclass(frozen=True)
class Change:
    """What is about to be done: to what, and the values before and after, in words."""

    act: Act
    subject: str
    before: str = ""
    after: str = ""


@dataclass
class _Refusals:
    """Of one act in one minute: how many were recorded, and how many only counted."""

    since: int
    recorded: int = 0
    counted: int = 0


class AuditTrail:
    """Of one monitor. Thread-safe."""

    def __init__(self, recorder: Recorder, stored: StoredDocuments, clock: Clock) -> None:
        self._recorder = recorder
        self._stored = stored
        self._clock = clock
        self._lock = threading.Lock()
        self._last = 0
        self._refusals: dict[Act, _Refusals] = {}

    def perform(self, person: Person, change: Change, do: Callable[[str], Result]) -> Result:
        """Check that this person may do it, record it, and do it in the name for records.

        Raises Forbidden, JournalError if it cannot be recorded (then it is not done), and what `do`
        raises; refusals and failures are recorded too.
        """
        try:
            check(person, change.act)
        except Forbidden as error:
            self.refuse(person, change, error.what)
            raise
        self.record(self.record_of(person, change))
        try:
            return do(person.signature)
        except Exception as error:
            what = error.what if isinstance(error, SensormonError) else type(error).__name__
            self._record_failure(self.record_of(person, change, failure=what))
            raise

    def refuse(self, person: Person, change: Change, failure: str) -> None:
        """Record that this person was refused, or count it; see the module.

        Does not raise: without a record, too, a refusal stays one.
        """
        with self._lock:
            now = self._clock.now()
            refusals = self._refusals.setdefault(change.act, _Refusals(now))
            if not 0 <= now - refusals.since < MINUTE:
                summary = self._summary(change.act, refusals)
                refusals = self._refusals[change.act] = _Refusals(now)
            else:
                summary = []
            alone = refusals.recorded < MOST_REFUSALS
            refusals.recorded += alone
            refusals.counted += not alone
            records = [*summary, *([self._record(person, change, failure)] if alone else [])]
        if records:
            self._record_failure(*records)

    def record_of(self, person: Person, change: Change, failure: str = "") -> AuditRecord:
        """The record of this change, at this moment; fields are cut to `LONGEST`."""
        with self._lock:
            return self._record(person, change, failure)

    def record(self, *records: AuditRecord) -> None:
        """Append these records; durable when this returns. Raises JournalError."""
        self._recorder.keep(DocumentsEntry(audit=records))

    def read(self, query: AuditQuery) -> list[AuditRecord]:
        """The records asked for, newest first, stored or not. Raises StoreError."""
        self._summarise(self._clock.now() - MINUTE)
        waiting = [record for entry in self._recorder.waiting_documents() for record in entry.audit]
        stored = self._stored.audit(query)
        known = set(stored)  # no two records are equal: see `_moment`
        mine = [record for record in waiting if query.takes(record) and record not in known]
        merged = sorted([*mine, *stored], key=lambda record: record.time, reverse=True)
        return merged[: query.limit]

    def close(self) -> None:
        """Record the refusals that were only counted so far."""
        self._summarise(self._clock.now())

    def _summarise(self, until: int) -> None:
        """Record the counts of the minutes that began until then (µs UTC)."""
        with self._lock:
            records: list[AuditRecord] = []
            for act, refusals in self._refusals.items():
                if refusals.since <= until:
                    records += self._summary(act, refusals)
                    refusals.counted = 0
        if records:
            self._record_failure(*records)

    def _summary(self, act: Act, refusals: _Refusals) -> list[AuditRecord]:
        """One record, if any refusals were only counted. The lock is held."""
        if not refusals.counted:
            return []
        somebody = Person("", Role.NOBODY, Way.VISITOR)
        since = timestamps.render(refusals.since)
        change = Change(act, f"{refusals.counted:,} more since {since}")
        return [self._record(somebody, change, "refused, counted only")]

    def _record(self, person: Person, change: Change, failure: str) -> AuditRecord:
        """The lock is held."""
        return AuditRecord(
            self._moment(),
            _cut(person.signature),
            person.verified,
            str(person.role),
            _cut(person.address),
            str(change.act),
            _cut(change.subject),
            _cut(change.before),
            _cut(change.after),
            _cut(failure),
        )

    def _moment(self) -> int:
        """Now, but no moment twice: a record that waits must not be taken for one that is stored."""
        now = self._clock.now()
        self._last = self._last + 1 if 0 <= self._last - now < SECOND else now
        return self._last

    def _record_failure(self, *records: AuditRecord) -> None:
        """The error that led here is what counts; it must not be hidden by another one."""
        try:
            self.record(*records)
        except JournalError as error:
            _log.warning("the audit trail misses %d records of failures: %s", len(records), error)


def _cut(text: str) -> str:
    words = cleaned(text)
    return words if len(words) <= LONGEST else words[: LONGEST - 1] + "…"
