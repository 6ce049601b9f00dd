"""Intake: from a source, or from a request, to the journal; and the two threads.

`Collector.submit` is the one way in. It validates, scores, makes durable and only then
returns; sources, requests and imports all use it. The source thread takes what the
source has due, the loader thread moves the journal into the store. Neither thread ends
by itself: one that dies is in `failures`, on the screen and in /health.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from sensormon.clock import SECOND, Clock
from sensormon.errors import JournalError, JournalFull
from sensormon.journal import Journal
from sensormon.ledger import add_up
from sensormon.loader import Loader
from sensormon.pipeline import Pipeline
from sensormon.readings import Batch, Processed, Rejection
from sensormon.recent import RecentReadings
from sensormon.records import BatchEntry, DetectorSettings, SettingsEntry
from sensormon.sources import Source
from sensormon.status import JournalStatus, SourceState

_log = logging.getLogger(__name__)

RATE_SPAN = 60
"""Seconds over which the rate of readings is taken."""


@dataclass(frozen=True, eq=False)
class Receipt:
    """The answer to a batch: it is durable. Accepted row i has the id `first_id + i`."""

    number: int
    first_id: int
    processed: Processed


@dataclass
class Counters:
    """Where numbering goes on after a restart."""

    next_id: int
    received: dict[str, int]


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
    ) -> None:
        self._pipeline = pipeline
        self._journal = journal
        self._recent = recent
        self._counters = counters
        self._clock = clock
        self._lock = threading.Lock()
        self._refused = ""
        self._last_reading: int | None = None
        self._arrivals: deque[tuple[int, int]] = deque()
        self._latencies: deque[float] = deque(maxlen=200)
        self._pending = deque(pending)
        self._settled = 0

    def submit(
        self,
        batch: Batch,
        positions: Sequence[int] | None = None,
        malformed: Sequence[Rejection] = (),
    ) -> Receipt:
        """Validate, score and make durable; when this returns, nothing of it can be lost.

        Raises JournalError where it could not be made durable: then it did not happen,
        and sending it again is right.
        """
        with self._lock:
            processed = self._pipeline.process(batch, positions, malformed)
            count = processed.received
            received = dict(self._counters.received)
            received[batch.source] = received.get(batch.source, 0) + count
            entry = BatchEntry(self._counters.next_id, received, processed)
            started = self._clock.now()
            try:
                number = self._journal.append(entry)
            except JournalError as error:
                self._pipeline.undo(processed)
                self._refused = str(error)
                raise
            self._refused = ""
            now = self._clock.now()
            self._latencies.append(max(0, now - started) / SECOND)
            self._counters.received = received
            self._counters.next_id += len(processed.accepted)
            self._pending.append(Pending(number, batch.source, count, batch.received))
            self._recent.append(entry)
            self._note(processed, now)
        return Receipt(number, entry.first_id, processed)

    def apply(self, settings: DetectorSettings) -> None:
        """Score with these settings from the next reading on; recorded before it takes effect."""
        with self._lock:
            self._journal.append(SettingsEntry(settings))
            self._pipeline.apply(settings)

    @property
    def settings(self) -> DetectorSettings:
        """The detector settings in force."""
        return self._pipeline.settings

    @property
    def received(self) -> dict[str, int]:
        """How many readings have come in, per source."""
        return dict(self._counters.received)

    @property
    def refused(self) -> str:
        """Why the last batch could not be taken, and what to do; empty when it was."""
        return self._refused

    def settle(self, position: int) -> None:
        """The store has everything up to this record number."""
        with self._lock:
            while self._pending and self._pending[0].number <= position:
                self._settled = self._pending.popleft().number

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
            pending = list(self._pending)
            latencies = list(self._latencies) or [0.0]
        p50, p99 = np.percentile(latencies, [50, 99])
        return JournalStatus(
            depth_batches=len(pending),
            depth_readings=sum(one.readings for one in pending),
            oldest=pending[0].received if pending else None,
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

    def _note(self, processed: Processed, now: int) -> None:
        times = processed.accepted.time
        if len(times):
            newest = int(times.max())
            self._last_reading = max(newest, self._last_reading or newest)
        if self._arrivals and now < self._arrivals[-1][0]:
            self._arrivals.clear()  # the clock was set back
        self._arrivals.append((now, processed.received))
        while self._arrivals and self._arrivals[0][0] <= now - RATE_SPAN * SECOND:
            self._arrivals.popleft()


class Worker:
    """A thread that runs until told to stop; `failure` says why it died, if it did."""

    def __init__(self, name: str, run: Callable[[threading.Event], None]) -> None:
        self.name = name
        self.failure = ""
        self.stopping = threading.Event()
        self._run = run
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

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def _watch(self) -> None:
        try:
            self._run(self.stopping)
        except BaseException as error:
            self.failure = f"The {self.name} stopped: {type(error).__name__}: {error}. Restart the monitor"
            _log.exception("the %s stopped", self.name)
            raise


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
    while not stopping.is_set():
        seconds = loader.step()
        after_step()
        clock.wait(stopping, seconds)
