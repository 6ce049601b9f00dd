"""Intake: from a source, or from a request, to the journal; and the two threads.

`Collector.submit` is the one way in. It validates, scores, makes durable and only then
returns; sources, requests and imports all use it. The source thread takes what the
source has due, the loader thread moves the journal into the store. A thread that dies
is on the screen and in /health, and is started again after 1, 2, 4 … 30 s.
"""

from __future__ import annotations

import ctypes
import logging
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from sensormon.ingest.detector_state import Remembered
from sensormon.ingest.loader import BACKOFF, Loader
from sensormon.ingest.pipeline import Pipeline
from sensormon.ingest.watchdog import Watchdog
from sensormon.journal.depth import JournalDepth
from sensormon.journal.journal import Journal
from sensormon.model import timestamps
from sensormon.model.clock import SECOND, Clock
from sensormon.model.entries import (
    ActionEntry,
    Annotation,
    AnnotationEntry,
    BatchEntry,
    DetectorSettings,
    EventAction,
    KeptAnswer,
    SettingsEntry,
)
from sensormon.model.errors import JournalError, JournalFull
from sensormon.model.ledger import add_up
from sensormon.model.readings import Batch, Origin, Processed, Rejection
from sensormon.model.status import JournalStatus, Silence, SourceState
from sensormon.model.tags import TagTable
from sensormon.sources import Source
from sensormon.stores.protocol import TagHistory
from sensormon.stores.recent import RecentReadings

_log = logging.getLogger(__name__)

RATE_SPAN = 60
"""Seconds over which the rate of readings is taken."""


_STEADY = 60
"""A thread that ran for so many seconds is not failing in a row when it dies."""


@dataclass(frozen=True, eq=False)
class Receipt:
    """The answer to a batch: it is durable. Accepted row i has the id `first_id + i`."""

    number: int
    first_id: int
    processed: Processed


Finish = Callable[[int, Processed], tuple[Processed, tuple[KeptAnswer, ...]]]
"""From the first id and what came of a batch: what is kept of it, and the answers kept with it."""


class Scoring(Protocol):
    """What `submit` needs of a pipeline."""

    def process(
        self, batch: Batch, positions: Sequence[int] | None = None, malformed: Sequence[Rejection] = ()
    ) -> Processed:
        """See `Pipeline.process`."""

    def undo(self, processed: Processed) -> None:
        """See `Pipeline.undo`."""


@dataclass
class Counters:
    """Where numbering goes on after a restart."""

    next_id: int
    received: dict[str, int]
    unsure_after: int | None = None
    """The last record number known, where the store could not be asked whether there were more."""
    recalled: Mapping[str, int] = field(default_factory=dict)
    """What had been received up to there, by source."""


@dataclass(frozen=True)
class Pending:
    """A batch that is in the journal and not in the store yet, as the ledger counts it."""

    number: int
    source: str
    readings: int
    received: int


class Collector:
    """Takes batches in, one at a time, from any thread."""

    def __init__(
        self,
        pipeline: Pipeline,
        journal: Journal,
        recent: RecentReadings,
        counters: Counters,
        clock: Clock,
        pending: Sequence[Pending] = (),
        actions: Sequence[tuple[int, EventAction]] = (),
        annotations: Sequence[tuple[int, Annotation]] = (),
    ) -> None:
        self._pipeline = pipeline
        self._journal = journal
        self._recent = recent
        self._counters = counters
        self._clock = clock
        self._lock = threading.Lock()
        self._closed = False
        self._refused = ""
        self._refused_readings = 0
        self.depth = JournalDepth()
        self._watchdog = Watchdog(pipeline.tags)
        self._last_reading: int | None = None
        self._arrivals: deque[tuple[int, int]] = deque()
        self._latencies: deque[float] = deque(maxlen=200)
        self._pending = deque(pending)
        self._waiting = sum(one.readings for one in pending)
        self._settled = 0
        self._actions = deque(actions)
        self._annotations = deque(annotations)
        self.acts = 0

    def submit(
        self,
        batch: Batch,
        positions: Sequence[int] | None = None,
        malformed: Sequence[Rejection] = (),
        finish: Finish | None = None,
        history: Scoring | None = None,
    ) -> Receipt:
        """Validate, score and make durable; when this returns, nothing of it can be lost.

        `history` is the pipeline of an import, or what stands for one: it scores in place of
        the live one, which then neither sees nor learns these readings.

        `finish` is told the first id and what came of the batch; it says what is kept of it
        and which answers become durable with it. Raises JournalError where it could not be
        made durable: then it did not happen, and sending it again is right.
        """
        pipeline: Scoring = history or self._pipeline
        with self._lock:
            if self._closed:
                raise JournalError("the monitor is stopping", hint="Send it again once it has started")
            processed = pipeline.process(batch, positions, malformed)
            answers: tuple[KeptAnswer, ...] = ()
            if finish is not None:
                try:
                    processed, answers = finish(self._counters.next_id, processed)
                except BaseException:
                    pipeline.undo(processed)
                    raise
            count = processed.received
            received = dict(self._counters.received)
            received[batch.source] = received.get(batch.source, 0) + count
            entry = BatchEntry(self._counters.next_id, received, processed, answers)
            started = self._clock.now()
            try:
                number = self._journal.append(entry)
            except JournalError as error:
                pipeline.undo(processed)
                self._refused = str(error)
                self._refused_readings += count
                raise
            self._refused = ""
            now = self._clock.now()
            self._latencies.append(max(0, now - started) / SECOND)
            self._counters.received = received
            self._counters.next_id += len(processed.accepted)
            self._pending.append(Pending(number, batch.source, count, batch.received))
            self._waiting += count
            self._recent.append(entry)
            self._note(processed, now)
            self._sample_depth(now)
        return Receipt(number, entry.first_id, processed)

    def close(self) -> None:
        """Wait for the batch at hand and take no further one: the journal can be closed."""
        with self._lock:
            self._closed = True

    def apply(self, settings: DetectorSettings, histories: Sequence[TagHistory] = ()) -> None:
        """Score with these settings from the next reading on; recorded before it takes effect.

        See `Pipeline.apply` for the histories.
        """
        with self._lock:
            self._journal.append(SettingsEntry(settings))
            self._pipeline.apply(settings, histories)

    def record_settings(self, settings: DetectorSettings) -> None:
        """Record settings that came with a case and are never in force here; see `FROM_CASES`."""
        with self._lock:
            self._journal.append(SettingsEntry(settings))

    def retag(self, tags: TagTable) -> None:
        """Take in readings of these tags from now on. See `Pipeline.retag` for what is carried over."""
        with self._lock:
            self._pipeline.retag(tags)
            self._watchdog.retag(tags)

    @property
    def former_tags(self) -> frozenset[str]:
        """The tags that are not in the table any more and have readings."""
        return self._pipeline.former

    def remember(self) -> tuple[DetectorSettings, dict[str, Remembered]]:
        """All that the detector remembers now, by tag, and the settings in force."""
        with self._lock:
            return self._pipeline.settings, self._pipeline.remember()

    def act(self, action: EventAction) -> None:
        """Record what a person did with events; durable when this returns. Raises JournalError."""
        with self._lock:
            number = self._journal.append(ActionEntry(action))
            self._actions.append((number, action))
            self.acts += 1

    def waiting_actions(self) -> list[tuple[int, EventAction]]:
        """By record number, what people did with events and the store does not have yet."""
        with self._lock:
            return list(self._actions)

    def annotate(self, annotation: Annotation) -> None:
        """Record a note or its removal; durable when this returns. Raises JournalError."""
        with self._lock:
            number = self._journal.append(AnnotationEntry(annotation))
            self._annotations.append((number, annotation))

    def waiting_annotations(self) -> list[Annotation]:
        """The notes and removals that the store does not have yet, oldest first."""
        with self._lock:
            return [one for _, one in self._annotations]

    @property
    def waiting(self) -> int:
        """How many readings are in the journal and not in the store."""
        return self._waiting

    @property
    def settings(self) -> DetectorSettings:
        """The detector settings in force."""
        return self._pipeline.settings

    @property
    def next_id(self) -> int:
        """The id that the next accepted reading will have."""
        return self._counters.next_id

    @property
    def received(self) -> dict[str, int]:
        """How many readings have come in, per source."""
        return dict(self._counters.received)

    @property
    def refused(self) -> str:
        """Why the last batch could not be taken, and what to do; empty when it was."""
        return self._refused

    @property
    def refused_readings(self) -> int:
        """How many readings could not be taken since the start, so that nobody was told they were."""
        return self._refused_readings

    def settle(self, position: int) -> None:
        """The store has everything up to this record number, and nothing beyond.

        Where that is less than it had before (the database was lost), what it must load
        again from archive and journal is counted as pending anew.
        """
        again = pending_records(self._journal, position, self._settled) if position < self._settled else []
        with self._lock:
            self._pending.extendleft(reversed(again))
            self._waiting += sum(one.readings for one in again)
            self._settled = min(self._settled, position)
            while self._pending and self._pending[0].number <= position:
                done = self._pending.popleft()
                self._settled = done.number
                self._waiting -= done.readings
            while self._actions and self._actions[0][0] <= position:
                self._actions.popleft()
            while self._annotations and self._annotations[0][0] <= position:
                self._annotations.popleft()
            self._sample_depth(self._clock.now())

    def catch_up(self, position: int, received: Mapping[str, int]) -> None:
        """The store was reached and has the records up to `position`, with these totals received.

        Where the monitor started without it and with a journal that had lost its end, the
        readings of the lost part are counted as received now, in a record of their own.
        """
        with self._lock:
            unsure, self._counters.unsure_after = self._counters.unsure_after, None
            if unsure is None or position <= unsure:
                return
            before = self._counters.recalled
            lost = {name: count - before.get(name, 0) for name, count in received.items()}
            self._counters.received = add_up(self._counters.received, lost)
            now = self._clock.now()
            nothing = self._pipeline.process(Batch.of([], source="restart", received=now))
            number = self._journal.append(
                BatchEntry(self._counters.next_id, dict(self._counters.received), nothing)
            )
            self._pending.append(Pending(number, "restart", 0, now))

    def account(self, position: int) -> tuple[dict[str, int], dict[str, int]] | None:
        """Readings received and readings journaled beyond this record number, by source.

        Both are of one moment. None when records beyond `position` have been settled
        already, so that the caller must look at the store again.
        """
        with self._lock:
            if self._settled > position:
                return None
            waiting = add_up(*({one.source: one.readings} for one in self._pending if one.number > position))
            return dict(self._counters.received), waiting

    def journal_status(self) -> JournalStatus:
        """What is on disk, and what of it the store does not have yet."""
        with self._lock:
            batches, waiting = len(self._pending), self._waiting
            oldest = self._pending[0].received if self._pending else None
            latencies = list(self._latencies) or [0.0]
        p50, p99 = np.percentile(latencies, [50, 99])
        return JournalStatus(
            depth_batches=batches,
            depth_readings=waiting,
            oldest=oldest,
            size=self._journal.size,
            damaged=self._journal.damaged,
            latency_p50=float(p50),
            latency_p99=float(p99),
        )

    def rate(self) -> float:
        """Readings a second over the last minute."""
        now = self._clock.now()
        with self._lock:
            return sum(count for when, count in self._arrivals if when > now - RATE_SPAN * SECOND) / RATE_SPAN

    @property
    def last_reading(self) -> int | None:
        """The source time of the newest accepted reading, µs UTC."""
        return self._last_reading

    def _sample_depth(self, now: int) -> None:
        self.depth.add(now, self._waiting, self._pending[0].received if self._pending else None)

    def silent(self) -> tuple[Silence, ...]:
        """The tags that should have reported and have not."""
        with self._lock:
            return self._watchdog.silent(self._clock.now())

    def _note(self, processed: Processed, now: int) -> None:
        self._watchdog.note(processed.accepted)
        times = processed.accepted.time
        if len(times) and processed.accepted.origin is not Origin.IMPORT:
            newest = int(times.max())
            self._last_reading = max(newest, self._last_reading or newest)
        if self._arrivals and now < self._arrivals[-1][0]:
            self._arrivals.clear()  # the clock was set back
        if processed.accepted.origin is Origin.LIVE:  # no rate says how fast history is read
            self._arrivals.append((now, processed.received))
        while self._arrivals and self._arrivals[0][0] <= now - RATE_SPAN * SECOND:
            self._arrivals.popleft()


def pending_records(journal: Journal, after: int, upto: int) -> list[Pending]:
    """What the journal and its archive hold of records with after < number <= upto, as the ledger counts it.

    Raises JournalError where the disk does not give them.
    """
    found: list[Pending] = []
    while records := [one for one in journal.read(after) if one.number <= upto]:
        after = records[-1].number
        for record in records:
            if isinstance(record.entry, BatchEntry):
                processed = record.entry.processed
                batch = processed.accepted
                found.append(Pending(record.number, batch.source, processed.received, batch.received))
    return found


class ThreadKilled(BaseException):
    """A thread was killed on purpose (`Worker.kill`). No handler for errors takes it for one."""


class Worker:
    """A thread that runs until told to stop. One that dies is started again, after a wait that grows.

    `failure` says why it is not running now, `last_failure` why it was not, the last time.
    """

    def __init__(self, name: str, run: Callable[[threading.Event], None], clock: Clock) -> None:
        self.name = name
        self.failure = ""
        self.last_failure = ""
        self.restarts = 0
        self.stopping = threading.Event()
        self._run = run
        self._clock = clock
        self._thread = threading.Thread(target=self._watch, name=f"sensormon-{name}", daemon=True)

    def start(self) -> None:
        """Begin; does nothing the second time."""
        if self._thread.ident is None:
            self._thread.start()

    def stop(self, seconds: float) -> None:
        """Ask it to stop and wait, `seconds` at most."""
        self.stopping.set()
        if self._thread.is_alive():
            self._thread.join(seconds)

    def kill(self) -> None:
        """Have the thread die of ThreadKilled wherever it is; for demonstrations and tests."""
        if self._thread.ident is not None:
            thread, error = ctypes.c_ulong(self._thread.ident), ctypes.py_object(ThreadKilled)
            ctypes.pythonapi.PyThreadState_SetAsyncExc(thread, error)

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def _watch(self) -> None:
        in_a_row = 0
        while not self.stopping.is_set():
            started = self._clock.now()
            try:
                self._run(self.stopping)
                return
            except BaseException as error:  # noqa: BLE001  whatever it is, it is shown and the work goes on
                now = self._clock.now()
                in_a_row = in_a_row + 1 if 0 <= now - started < _STEADY * SECOND else 1
                wait = BACKOFF[min(in_a_row, len(BACKOFF)) - 1]
                what = f"The {self.name} stopped: {type(error).__name__}: {error}".rstrip(": ")
                _log.exception("the %s stopped, it is started again in %g s", self.name, wait)
                self.last_failure = f"{timestamps.render(now)} {what}"
                self.failure = f"{what}. It is started again in {wait:g} s"
            self._clock.wait(self.stopping, wait)
            self.restarts += 1
            self.failure = ""


def run_source(source: Source, collector: Collector, clock: Clock, stopping: threading.Event) -> SourceState:
    """Take what the source has due, until told to stop or it has come to its end."""
    while not stopping.is_set():
        now = clock.now()
        due = source.due(now)
        if due is None:
            return SourceState.FINISHED
        if clock.wait(stopping, (due - now) / SECOND):
            break
        batch = source.read(clock.now())
        if not len(batch) and not batch.injected:
            continue
        try:
            collector.submit(batch)
        except JournalFull as error:
            _log.warning("%s", error)
            clock.wait(stopping, 1.0)
        except JournalError as error:
            _log.error("%s", error)
    return SourceState.STOPPED


def run_loader(
    loader: Loader, clock: Clock, stopping: threading.Event, after_step: Callable[[], None]
) -> None:
    """Step the loader until told to stop; `after_step` is told of each step."""
    loader.begin()
    while not stopping.is_set():
        seconds = loader.step()
        after_step()
        clock.wait(stopping, seconds)
