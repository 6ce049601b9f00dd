"""Reports on a schedule: which board or view, over which span, when, and to whom. Kept as documents.

What it is not: a gate; callers check the role and have the audit trail record what is done. Or a sender; see
`sending`.
"""

from __future__ import annotations

import re
import threading
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from typing import Any

from sensormon.access.documents import Documents, Version, meaning_of
from sensormon.model.entries import Document
from sensormon.model.errors import UsageError
from sensormon.model.format import listed
from sensormon.model.timestamps import from_local, local_time
from sensormon.reports.spans import SPANS, zone_named

COLLECTION = "report-schedules"
"""The collection of the documents; the key is the schedule's id."""
DAY, WEEK, MONTH = "day", "week", "month"
EVERY = (DAY, WEEK, MONTH)
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MOST_SCHEDULES = 100
MOST_CONTACTS = 20
LAST_DAY = 28
"""The latest day of a month that a report can be due on: every month has it."""
_CLOCK = re.compile(r"([01]\d|2[0-3]):[0-5]\d")


@dataclass(frozen=True)
class Schedule:
    """The report of `board` over `span`, due at the time `at` ("06:00") of the clock in `zone`.

    `board` is the name of a board or a view, as `subjects` has it. It is due every day, week (on `weekday`,
    0 for Monday) or month (on `monthday`), and goes to `contacts` of notify.toml. `since` is when it was
    saved last (µs UTC), `who` by whom: it is due only after that. `version` is the time of that version.
    """

    id: str
    board: str
    span: str
    every: str
    at: str
    zone: str
    contacts: tuple[str, ...]
    weekday: int = 0
    monthday: int = 1
    on: bool = True
    since: int = 0
    who: str = ""
    version: int = field(default=0, compare=False)

    def last_due(self, now: int) -> int:
        """When it was due last, at this moment or before (µs UTC)."""
        return next(moment for moment in self._moments(now, -1) if moment <= now)

    def next_due(self, now: int) -> int:
        """When it is due next, after this moment (µs UTC)."""
        return next(moment for moment in self._moments(now, 1) if moment > now)

    def _moments(self, now: int, step: int) -> Iterator[int]:
        """When it is due, day by day in this direction, from a day on the other side of this moment."""
        zone, clock = zone_named(self.zone), time.fromisoformat(self.at)
        day = local_time(now, zone).date() - timedelta(days=step)
        for _ in range(70):
            if self._is_on(day):
                # A time that the clocks leave out is an hour later, one that comes twice is its first.
                yield from_local(datetime.combine(day, clock), zone)
            day += timedelta(days=step)

    def _is_on(self, day: date) -> bool:
        if self.every == WEEK:
            return day.weekday() == self.weekday
        return self.every == DAY or day.day == self.monthday


def words_of(schedule: Schedule) -> str:
    """The schedule in a sentence, without the board.

    >>> words_of(Schedule("1", "b", "yesterday", "week", "06:00", "Europe/Berlin", ("lead",), weekday=4))
    'every Friday at 06:00 (Europe/Berlin): yesterday, to lead'
    """
    when = {DAY: "every day", WEEK: f"every {DAYS[schedule.weekday]}"}.get(
        schedule.every, f"on day {schedule.monthday} of every month"
    )
    to = listed(schedule.contacts, 5)
    off = "" if schedule.on else " (off)"
    return f"{when} at {schedule.at} ({schedule.zone}): {schedule.span}, to {to}{off}"


class Schedules:
    """Of one monitor; `boards` and `contacts` return the names that there are now. Thread-safe."""

    def __init__(
        self,
        documents: Documents,
        boards: Callable[[], Collection[str]],
        contacts: Callable[[], Collection[str]],
        now: Callable[[], int],
    ) -> None:
        self._documents = documents
        self._boards = boards
        self._contacts = contacts
        self._now = now
        self._changing = threading.Lock()
        self._known = meaning_of(documents, COLLECTION, _schedules)

    def all(self) -> list[Schedule]:
        """All schedules, by board and time. Raises StoreError if they were never readable."""
        order = sorted(self._known().values(), key=lambda each: (each.board, each.at, each.id))
        return [*order]

    def save(self, schedule: Schedule, who: str) -> Schedule:
        """Keep the schedule, a new one if it has no id, in place of its `version`; durable when it returns.

        Raises UsageError, one line, if it is not possible, also because somebody has changed the schedule
        meanwhile, in any process on the store; JournalError; StoreError, also if a shared store cannot be
        asked for that.
        """
        with self._changing:
            known = self._known()
            check(schedule, self._boards(), self._contacts())
            if schedule.id and schedule.id not in known and not schedule.version:
                raise UsageError("this schedule has been removed", where="schedule", hint="Make a new one")
            if not schedule.id and len(known) >= MOST_SCHEDULES:
                raise UsageError(
                    f"{MOST_SCHEDULES} schedules are the most", where="schedule", hint="Remove some first"
                )
            kept = replace(schedule, id=schedule.id or uuid.uuid4().hex[:16], since=self._now(), who=who)
            return self._keep(kept, who, schedule.version)

    def remove(self, id: str, who: str, base: int | None = None) -> None:
        """Remove the schedule; what is on its way still goes out. Raises like `save`.

        `base` is the `version` that the person saw; None for the newest one known here.
        """
        with self._changing:
            known = self._known().get(id)
            if known is None:
                raise UsageError(
                    "this schedule has been removed already", where="schedule", hint="See the list"
                )
            self._keep(known, who, known.version if base is None else base, removed=True)

    def _keep(self, schedule: Schedule, who: str, base: int, *, removed: bool = False) -> Schedule:
        version = Version(COLLECTION, schedule.id, _content(schedule), removed)
        (document,) = self._documents.keep_over([version], {schedule.id: base}, who, where="schedule")
        return replace(schedule, version=document.time)


def check(schedule: Schedule, boards: Collection[str], contacts: Collection[str]) -> None:
    """Raise UsageError, which says why, if there can be no such schedule."""
    zone_named(schedule.zone)
    unknown = [name for name in schedule.contacts if name not in contacts]
    wrong, hint = "", ""
    if schedule.board not in boards:
        wrong = f"there is no board or shared view {schedule.board[:80]!r} to print"
    elif schedule.span not in SPANS:
        wrong, hint = f"there is no span {schedule.span[:60]!r}", f"Use one of: {', '.join(SPANS)}"
    elif schedule.every not in EVERY:
        wrong, hint = "a report is due every day, week or month", "Choose one"
    elif not _CLOCK.fullmatch(schedule.at):
        wrong, hint = f"{schedule.at[:20]!r} is not a time of day", "Write it as 06:00"
    elif not 0 <= schedule.weekday < len(DAYS):
        wrong = "a week has the days 0 to 6"
    elif not 1 <= schedule.monthday <= LAST_DAY:
        wrong, hint = (
            f"a report is due on day 1 to {LAST_DAY} of a month",
            "Later days are not in every month",
        )
    elif not schedule.contacts:
        wrong, hint = "nobody is to get it", "Choose a contact; the Notifications page adds them"
    elif len(schedule.contacts) > MOST_CONTACTS:
        wrong = f"{MOST_CONTACTS} contacts are the most"
    elif unknown:
        wrong, hint = f"there is no contact {unknown[0][:80]!r}", "The Notifications page lists them"
    if wrong:
        raise UsageError(wrong, where="schedule", hint=hint or "Change that and save it again")


_FIELDS = ("board", "span", "every", "at", "zone", "weekday", "monthday", "on", "since", "who")


def _content(schedule: Schedule) -> dict[str, Any]:
    return {name: getattr(schedule, name) for name in _FIELDS} | {"contacts": list(schedule.contacts)}


def _schedules(documents: Mapping[str, Document]) -> dict[str, Schedule]:
    """By id."""
    return {doc.key: _schedule(doc) for doc in documents.values() if not doc.removed}


def _schedule(document: Document) -> Schedule:
    content = {name: document.content[name] for name in _FIELDS}
    return Schedule(
        document.key, contacts=tuple(map(str, document.content["contacts"])), version=document.time, **content
    )
