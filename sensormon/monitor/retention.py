"""Retention: after some days readings are rolled up to one-minute roll-ups.

Off unless set on the Data page or with SENSORMON_RETENTION_DAYS; the page's setting is stored in
`retention.json` in the data folder and overrides the environment. The work is a job, one day of a
tag at a time: if cancelled or killed it leaves whole days, and the next run continues from
there. It runs once a UTC day, driven by the loader's steps, and on demand.

Never rolled up: flagged readings, and the readings of each tag that a restart reads back.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from sensormon.detectors import longest_lead
from sensormon.ingest.tag_memory import KEPT
from sensormon.model.clock import DAY, SECOND, Clock
from sensormon.model.durable_files import replace_file
from sensormon.model.errors import UsageError
from sensormon.model.jobs import Cancelled, Job, Jobs, Progress
from sensormon.model.json_text import read_object, whole, words
from sensormon.model.settings import LONGEST_RETENTION
from sensormon.stores.protocol import Store
from sensormon.stores.retention import Due, Space

FILE = "retention.json"
JOB = "roll-up"
AGAIN = 3_600 * SECOND
"""How long the next run waits after a failed one (µs)."""
CHECKPOINT = 40
"""Days of tags between two checkpoints, so that the database's write-ahead file stays small."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Policy:
    """Raw readings are kept for `days`, 0 for unlimited. Times are µs UTC.

    `last` is when the last run ended, or when the policy was set.
    """

    days: int = 0
    who: str = ""
    changed: int = 0
    last: int = 0


@dataclass(frozen=True)
class Plan:
    """What a run now would do: `readings` older than `before` become `minutes`."""

    before: int
    due: tuple[Due, ...] = ()

    @property
    def readings(self) -> int:
        return sum(due.readings for due in self.due)

    @property
    def minutes(self) -> int:
        return sum(due.minutes for due in self.due)


@dataclass(frozen=True)
class RolledUp:
    """The result of a run: readings rolled up, and the database's space before and after."""

    readings: int
    before: Space
    after: Space


class Retention:
    """Of one monitor. `default` is the policy until somebody sets another.

    `undoing` says whether an import is undone whose readings the store may still have.
    """

    def __init__(
        self,
        folder: Path,
        default: int,
        store: Store,
        jobs: Jobs,
        clock: Clock,
        undoing: Callable[[], bool] = lambda: False,
    ) -> None:
        self._undoing = undoing
        self._rolling = threading.Lock()
        self._path = folder / FILE
        self._store = store
        self._jobs = jobs
        self._clock = clock
        self._lock = threading.Lock()
        self._not_before = 0
        self.problem = ""
        self.policy = self._read(default)

    def set(self, days: int, who: str) -> Policy:
        """Keep raw readings for this many days from now on, 0 for unlimited; on disk when it returns.

        Nothing is rolled up before the next UTC day unless somebody starts a run; a running one
        with another number of days ends after its current day of a tag. Raises UsageError for an
        impossible number, a missing name, and if it cannot be written.
        """
        if not 0 <= days <= LONGEST_RETENTION:
            raise UsageError(
                f"{days} days cannot be kept",
                where="Retention",
                hint=f"Give 1 to {LONGEST_RETENTION} days, or 0 for unlimited",
            )
        if not who.strip():
            raise UsageError("a name is needed", where="Retention", hint="Give yours, for the log")
        now = self._clock.now()
        policy = Policy(days, who.strip()[:100], now, now)
        with self._lock:
            self._write(policy)
            before, self.policy, self.problem = self.policy, policy, ""
        if days != before.days:  # a running one deletes by the old policy
            for job in self._jobs.of(JOB):
                job.progress.cancel()
        _log.info("raw readings are kept for %d days from now on (0: unlimited), by %s", days, policy.who)
        return policy

    def plan(self, days: int | None = None) -> Plan:
        """What a run now would do with this policy, or with `days`. Raises StoreError."""
        days = self.policy.days if days is None else days
        before = self._clock.now() // DAY * DAY - days * DAY
        return Plan(before, tuple(self._store.retention.due(before, keep())) if days else ())

    def start(self) -> Job:
        """Start a run. Raises UsageError if one is running, or if retention is unlimited."""
        if not self.policy.days:
            raise UsageError("retention is unlimited", where="Retention", hint="Say first for how many days")
        return self._jobs.start(JOB, "Rolling old readings up", self._run)

    @contextmanager
    def held(self) -> Iterator[None]:
        """No reading is rolled up within it; begins after the day of a tag that is being rolled up."""
        with self._rolling:
            yield

    def tick(self) -> None:
        """Start the run of the day if it is due; called often."""
        now = self._clock.now()
        if not self.policy.days or now // DAY == self.policy.last // DAY or now < self._not_before:
            return
        self._not_before = now + AGAIN
        try:
            self.start()
        except UsageError as error:
            _log.info("%s", error)

    def _run(self, progress: Progress) -> RolledUp:
        progress.step("looking for old readings")
        try:
            before = self._store.retention.space()
            plan = self.plan()
            done = deleted = 0
            for number, due in enumerate(plan.due, 1):
                progress.step(f"{done:,} of {plan.readings:,} readings", done, plan.readings)
                with self._rolling:
                    if self._undoing():
                        raise UsageError(
                            "an import is being undone", where="Retention", hint="Try again in a minute"
                        )
                    deleted += self._store.retention.roll_up(due)
                done += due.readings
                if number % CHECKPOINT == 0:
                    self._store.checkpoint()
            self._store.checkpoint()
        except Cancelled:
            # Somebody who cancels does not want it to restart at once.
            self._not_before = (self._clock.now() // DAY + 1) * DAY
            raise
        self._finished()
        _log.info("%d readings older than %d days were rolled up", deleted, self.policy.days)
        return RolledUp(deleted, before, self._store.retention.space())

    def _finished(self) -> None:
        with self._lock:
            self.policy = replace(self.policy, last=self._clock.now())
            try:
                self._write(self.policy)
            except UsageError as error:
                _log.warning("%s", error)

    def _read(self, default: int) -> Policy:
        try:
            row = read_object(self._path.read_text(encoding="utf-8"))
            policy = Policy(whole(row, "days"), words(row, "who"), whole(row, "changed"), whole(row, "last"))
            if policy.changed == 0:  # no policy was set: only the time of the last run is used
                return replace(policy, days=default)
            if 0 <= policy.days <= LONGEST_RETENTION:
                return policy
            raise ValueError(f"{policy.days} days")
        except FileNotFoundError:
            return Policy(default)
        except (OSError, ValueError) as error:
            # If in doubt, delete nothing.
            self.problem = (
                f"{self._path.name} cannot be read ({error}); readings are kept until it is set again"
            )
            _log.error("%s", self.problem)
            return Policy(0)

    def _write(self, policy: Policy) -> None:
        try:
            replace_file(self._path, json.dumps(asdict(policy)).encode())
        except OSError as error:
            raise UsageError(
                f"it cannot be written ({error.strerror}); nothing was changed",
                where=str(self._path),
                hint="Make the data folder writable, or free some space",
            ) from error


def keep() -> int:
    """Readings of each tag that stay raw, good ones and as many others, for a restart of any detector."""
    return max(KEPT, longest_lead())
