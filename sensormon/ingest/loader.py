"""The loader, from journal to store: watermark, retries, dead letters, checkpoints.

A state machine with one step at a time, so that a thread can drive it with the clock
and a test without. What each kind of `StoreError` leads to:

    StoreUnavailable   wait 1, 2, 4 … 30 s, try again
    StoreBroken        close, then the same; the fourth time in a row like StoreCorrupt
    StoreCorrupt       set the file aside, then the same; the journal fills the new one
    RowsRefused        move those rows to the dead letters, load the rest of the batch
    JournalError       like StoreUnavailable: the disk did not return the records
    StoreFault         stop loading; readings go on being journaled; a person must look

It never gives up and never drops anything.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sensormon.ingest.dead_letters import DeadLetters, retry_kept
from sensormon.ingest.idempotency import KEYED, UNKEYED
from sensormon.ingest.rates import Latencies
from sensormon.journal.journal import Journal
from sensormon.model import timestamps
from sensormon.model.clock import SECOND, Clock
from sensormon.model.entries import BatchEntry, Record, UndoEntry
from sensormon.model.errors import (
    JournalError,
    RowsRefused,
    StoreBroken,
    StoreCorrupt,
    StoreError,
    StoreFault,
    StoreUnavailable,
)
from sensormon.model.status import StoreState, StoreStatus
from sensormon.stores.protocol import Store

_log = logging.getLogger(__name__)

BATCH = 1_000
"""As soon as this many readings wait, they are loaded."""
BEHIND = 50_000
"""About the most readings per transaction, which a loader that is behind takes: those that it costs DuckDB
least to store, and some 30 MB of memory."""
PACE = 1.0
"""Seconds between two transactions that are not full."""
HOPELESS = 3
"""A database that breaks again after this many reopenings is taken for a corrupt one."""
CHECKPOINT = 60.0
"""Seconds between two checkpoints; each lets journal segments be dropped."""
SUMMARY_PACE = 0.1
"""Seconds between two pieces of a summary that is far behind, or of dead letters tried again."""
BACKOFF = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
"""Seconds before the next try, by failures in a row; the last value for all further ones."""


Opened = Callable[[int, Mapping[str, int]], None]
"""Called at each opening of the store with its record number and the totals received until then."""


@dataclass
class _State:
    state: StoreState
    since: int
    failures: int = 0
    next_try: int | None = None
    problem: str = ""
    last_error: str = ""
    first: str = ""  # what failed first since the store last took readings


class Loader:
    """Moves journal records into the store. One thread calls `step` and `drain`."""

    def __init__(
        self,
        journal: Journal,
        store: Store,
        dead_letters: DeadLetters,
        clock: Clock,
        opened: Opened | None = None,
    ) -> None:
        self._opened = opened
        self._journal = journal
        self._store = store
        self._dead_letters = dead_letters
        self._clock = clock
        self._state = _State(StoreState.STARTING, clock.now())
        self._position: int | None = None
        self._last_load = 0
        self._last_checkpoint = clock.now()
        self._checkpointed = 0
        self._latencies = Latencies()
        self._retry_after: int | None = journal.last  # dead letters are retried once this record is loaded
        self._kept: str | None = None  # of those in the store the last one tried; None after the end
        self._summarising = True  # there may be more to summarise
        self._scrubbed = False  # once per opening: damage in parts that nothing reads would be found too late

    @property
    def position(self) -> int | None:
        """The number of the last record stored; None while the store has not been reached."""
        return self._position

    def status(self) -> StoreStatus:
        """The current state of the store."""
        state = self._state
        p50, p99 = self._latencies.percentiles()
        return StoreStatus(
            name=self._store.name,
            state=state.state,
            since=state.since,
            failures=state.failures,
            next_try=state.next_try,
            problem=state.problem,
            last_error=state.last_error,
            latency_p50=p50,
            latency_p99=p99,
        )

    def begin(self) -> None:
        """Start from the store's own watermark: after a thread has died anything else is a guess."""
        if self._position is not None:
            self._store.close()
            self._position = None

    def retry_dead_letters(self) -> None:
        """Retry the dead letters as soon as everything journaled by now is loaded."""
        self._retry_after = self._journal.last

    def step(self) -> float:
        """Do what is due; returns how many seconds to wait before the next step."""
        if self._state.state is StoreState.FAILED:
            return PACE
        now = self._clock.now()
        wait = ((self._state.next_try or now) - now) / SECOND
        if 0 < wait <= BACKOFF[-1]:  # longer only if the clock was set back
            return wait
        try:
            return self._advance(now)
        except StoreFault as error:
            self._fail(error)
            return PACE
        except (StoreError, JournalError) as error:
            try:
                return self._back_off(error)
            except StoreFault as fault:  # it cannot be set aside
                fault.what = f"{error.what}; {fault.what}"
                self._fail(fault)
                return PACE

    def drain(self, seconds: float) -> bool:
        """Load everything without pacing; False if the store failed or time ran out."""
        until = self._clock.now() + round(seconds * SECOND)
        while self._clock.now() <= until:
            self._last_load = 0
            self.step()
            if self._state.state is not StoreState.HEALTHY:
                return False
            if self._position is not None and not self._journal.read(self._position, 1):
                return True
        return False

    def close(self) -> None:
        """Release the store."""
        self._store.close()
        self._enter(StoreState.STOPPED)

    def _advance(self, now: int) -> float:
        if self._position is None:
            self._store.open()
            mark = self._store.ledger.watermark(self._journal.writer)
            received = self._store.ledger.accounts().received.get(self._journal.writer, {})
            if self._opened is not None:
                self._opened(mark.number if mark else 0, received)
            self._position = mark.number if mark else 0
            self._scrubbed = False
            self._summarising = True
        if self._retry_after is not None and self._has_loaded(self._retry_after):
            self._dead_letters.retry(self._store, now, self._journal.writer)
            self._retry_after, self._kept = None, ""
        wait = self._load_due(now, self._position)
        if wait > 0 and not self._scrubbed:
            self._store.scrub()
            self._scrubbed = True
        elif wait > 0 and self._summarising:
            self._summarise()
            wait = min(wait, SUMMARY_PACE)
        elif wait > 0 and self._kept is not None:  # readings that come in, and what is shown, go first
            self._kept = retry_kept(self._store, now, self._kept).last or None
            wait = min(wait, SUMMARY_PACE)
        if now - self._last_checkpoint >= CHECKPOINT * SECOND or now < self._last_checkpoint:
            self._checkpoint(now)
        return wait

    def _summarise(self) -> None:
        """Summarise a further piece of the readings stored."""
        try:
            self._summarising = self._store.summarise()
        except StoreUnavailable as error:  # answers are slower without it; nothing else depends on it
            _log.warning("the summary of the readings is tried again at the next checkpoint: %s", error)
            self._summarising = False

    def _has_loaded(self, number: int) -> bool:
        """Whether the store has this record, or everything still readable in the journal.

        A dead letter stored before its record would be stored a second time with it.
        """
        position = self._position or 0
        return position >= number or not self._journal.read(position, 1)

    def _load_due(self, now: int, position: int) -> float:
        """Load what is due; returns the seconds until there can be more, 0 if there is more now."""
        due = self._last_load + round(PACE * SECOND)
        records = self._journal.read(position, BEHIND)
        full = len(records) >= BATCH or sum(_rows(record) for record in records) >= BATCH
        if not records:
            self._enter(StoreState.HEALTHY)
            return PACE
        if not full and self._last_load <= now < due:
            return max(0.05, (due - now) / SECOND)
        started = self._clock.now()
        self._load(records, now)
        if any(isinstance(record.entry, UndoEntry) for record in records):
            self._dead_letters.drop_undone(self._store)
        self._position = records[-1].number
        self._latencies.add((self._clock.now() - started) / SECOND)
        self._last_load = now
        self._enter(StoreState.HEALTHY)
        return 0.0 if full else PACE

    def _load(self, records: Sequence[Record], now: int) -> None:
        known = _ids_among(records, self._dead_letters.ids())  # of a database that is loaded again
        try:
            self._store.load(self._journal.writer, records, without=known)
        except RowsRefused as error:
            if len(records) > 1:  # halves, until the records with such rows are alone
                half = len(records) // 2
                self._load(records[:half], now)
                self._load(records[half:], now)
                return
            refused = self._store.refused_rows(records[0])
            if not refused.keys() - known:
                raise StoreFault(
                    error.what, where=error.where, hint="Report it; readings stay in the journal"
                ) from error
            self._dead_letters.add(records[0], refused, now)
            self._store.load(self._journal.writer, records, without=known | refused.keys())
            self._state.last_error = f"{timestamps.render(now)} {error}"

    def _checkpoint(self, now: int) -> None:
        self._last_checkpoint = now
        if self._position is not None and self._position > self._checkpointed:
            covered = self._position
            self._store.entries.drop_answers(now - KEYED.seconds * SECOND)
            self._store.entries.drop_answers_by_content(now - UNKEYED.seconds * SECOND, UNKEYED.answers)
            if not self._store.checkpoint():
                return  # a back-up reads it; the journal keeps everything until the next time
            self._checkpointed = covered
            self._summarising = True
            self._journal.retire(covered)

    def _back_off(self, error: StoreError | JournalError) -> float:
        now = self._clock.now()
        hopeless = isinstance(error, StoreBroken) and self._state.failures >= HOPELESS
        if isinstance(error, StoreCorrupt) or hopeless:
            kept = self._store.set_aside()
            error.hint = f"{error.hint}; the damaged file is kept as {kept}"
        if isinstance(error, StoreBroken):
            self._store.close()
        self._position = None
        failures, first = self._state.failures + 1, self._state.first or error.what
        wait = BACKOFF[min(failures, len(BACKOFF)) - 1]
        self._enter(StoreState.RETRYING)
        self._state.failures = failures
        self._state.next_try = now + round(wait * SECOND)
        self._state.first = first
        self._state.problem = str(error)
        if first != error.what:  # a server whose disk is full stops, and then is only away
            self._state.problem += f". It began with: {first}"
        self._state.last_error = f"{timestamps.render(now)} {error}"
        return wait

    def _fail(self, error: StoreFault) -> None:
        self._enter(StoreState.FAILED)
        self._state.problem = str(error)
        self._state.last_error = f"{timestamps.render(self._clock.now())} {error}"

    def _enter(self, state: StoreState) -> None:
        if self._state.state is not state:
            self._state = _State(state, self._clock.now(), last_error=self._state.last_error)


def _rows(record: Record) -> int:
    entry = record.entry
    return entry.processed.received if isinstance(entry, BatchEntry) else 1


def _ids_among(records: Sequence[Record], ids: frozenset[int]) -> frozenset[int]:
    """Those of the ids between the first and the last reading of these records, which are in order.

    All of them if an import is undone: its readings were in earlier records.
    """
    if any(isinstance(record.entry, UndoEntry) for record in records):
        return ids
    entries = [record.entry for record in records if isinstance(record.entry, BatchEntry)]
    if not ids or not entries:
        return frozenset()
    first, after = entries[0].first_id, entries[-1].first_id + len(entries[-1].processed.accepted)
    return frozenset(reading_id for reading_id in ids if first <= reading_id < after)
