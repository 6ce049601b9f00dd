"""The audit trail: what people did or tried to do, in the journal before it is done.

Nothing changes or removes a record. Of refusals, which anybody can cause, at most `MOST_REFUSALS`
of an act are recorded one by one in a minute; of exports, which change nothing and where anybody may
read are anybody's, at most `MOST_EXPORTS` of a person, or of an address without a proved name. The rest
is counted in one record. What it is not: a log of readings, or of who only looked.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
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
MOST_EXPORTS = 10
"""Exports of one person, or of one address, that are recorded one by one in a minute."""
_MOST_EXPORTERS = 100
"""Addresses without a proved name that are told apart in a minute; more count as one."""

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
class _Minute:
    """Of one kind of record in one minute: how many were recorded, and how many only counted.

    `person` and `failure` are those of the record of the count: what all of the counted ones share.
    """

    since: int
    person: Person
    failure: str = ""
    recorded: int = 0
    counted: int = 0


_Kind = tuple[Act, str, str]
"""An act and who does it, by name and address; both are empty for refusals."""
_SOMEBODY = Person("", Role.NOBODY, Way.VISITOR)


class AuditTrail:
    """Of one monitor. Thread-safe."""

    def __init__(self, recorder: Recorder, stored: StoredDocuments, clock: Clock) -> None:
        self._recorder = recorder
        self._stored = stored
        self._clock = clock
        self._lock = threading.Lock()
        self._last = 0
        self._minutes: dict[_Kind, _Minute] = {}

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
        alone = self._record_act(person, change)
        try:
            return do(person.signature)
        except Exception as error:
            what = error.what if isinstance(error, SensormonError) else type(error).__name__
            if alone:
                self._record_failure(self.record_of(person, change, failure=what))
            raise

    def refuse(self, person: Person, change: Change, failure: str) -> None:
        """Record that this person was refused, or count it; see the module.

        Does not raise: without a record, too, a refusal stays one.
        """
        with self._lock:
            kind = (change.act, "", "")
            alone, records = self._counted(kind, person, "refused, counted only", MOST_REFUSALS)
            records += [self._record(person, change, failure)] if alone else []
        if records:
            self._record_failure(*records)

    def _record_act(self, person: Person, change: Change) -> bool:
        """Record what is about to be done, or count it; whether it has a record of its own."""
        if change.act is not Act.EXPORT:
            self.record(self.record_of(person, change))
            return True
        with self._lock:
            kind = (change.act, person.name, person.address)
            if not person.name and kind not in self._minutes and len(self._minutes) >= _MOST_EXPORTERS:
                kind = (change.act, "", "")
            # without a proved name, the names typed may be many
            counted = person if person.name else replace(person, typed="", address=kind[2])
            alone, finished = self._counted(kind, counted, "", MOST_EXPORTS)
        if finished:
            self._record_failure(*finished)
        if alone:
            self.record(self.record_of(person, change))
        return alone

    def _counted(
        self, kind: _Kind, person: Person, failure: str, most: int
    ) -> tuple[bool, list[AuditRecord]]:
        """Whether one more of this kind gets a record of its own, and the records of minutes that are over.

        The lock is held.
        """
        now = self._clock.now()
        records = self._finished(now - MINUTE)
        minute = self._minutes.setdefault(kind, _Minute(now, person, failure))
        alone = minute.recorded < most
        if not alone:
            minute.person = _common(minute.person, person) if minute.counted else person
        minute.recorded += alone
        minute.counted += not alone
        return alone, records

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
        """Record what was only counted so far."""
        self._summarise(self._clock.now())

    def _summarise(self, until: int) -> None:
        """Record the counts of the minutes that began until then (µs UTC)."""
        with self._lock:
            records = self._finished(until)
        if records:
            self._record_failure(*records)

    def _finished(self, until: int) -> list[AuditRecord]:
        """The counts of the minutes that began until then, which are forgotten. The lock is held."""
        now = self._clock.now()
        over = [kind for kind, minute in self._minutes.items() if not until < minute.since <= now]
        minutes = [(kind[0], self._minutes.pop(kind)) for kind in over]
        return [self._summary(act, minute) for act, minute in minutes if minute.counted]

    def _summary(self, act: Act, minute: _Minute) -> AuditRecord:
        """The lock is held."""
        change = Change(act, f"{minute.counted:,} more since {timestamps.render(minute.since)}")
        return self._record(minute.person, change, minute.failure)

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


def _common(known: Person, another: Person) -> Person:
    """What is true of both: the person, or their address, or neither."""
    if known == another:
        return known
    return replace(_SOMEBODY, address=known.address if known.address == another.address else "")


def _cut(text: str) -> str:
    words = cleaned(text)
    return words if len(words) <= LONGEST else words[: LONGEST - 1] + "…"
