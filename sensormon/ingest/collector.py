"""The one way in: a batch is validated, scored, made durable, and only then acknowledged.

Sources submit readings, the request queue takes a turn for a group of requests, and
batches scored elsewhere (an import, a case) are recorded as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from sensormon.detectors.profile_state import detectors_of
from sensormon.ingest.detector_state import SavedState
from sensormon.ingest.pipeline import Judged, Pipeline
from sensormon.ingest.rates import Arrivals, Latencies
from sensormon.ingest.refusals import Codes, Refused
from sensormon.ingest.unstored import Pending, Unstored, pending_of
from sensormon.ingest.watchdog import Watchdog
from sensormon.journal.journal import Journal
from sensormon.model.clock import SECOND, Clock
from sensormon.model.entries import (
    POSITION,
    ActionEntry,
    Annotation,
    AnnotationEntry,
    BatchEntry,
    DetectorSettings,
    DocumentsEntry,
    EventAction,
    KeptAnswer,
    SettingsEntry,
    UndoEntry,
)
from sensormon.model.errors import JournalError, JournalFull, JournalQuotaUsed, JournalUnwritable
from sensormon.model.ledger import add_up
from sensormon.model.reading_ids import Counted, ReadingIds, slice_of
from sensormon.model.readings import Batch, Processed, Rejection
from sensormon.model.state_words import StateWords
from sensormon.model.status import JournalStatus, Refusal, Silence, TagAge
from sensormon.model.tags import TagTable
from sensormon.stores.readings import LastArrival, TagHistory
from sensormon.stores.recent import RecentReadings


@dataclass(frozen=True, eq=False)
class Receipt:
    """The acknowledgement of a batch: it is durable. Accepted row i has the id `first_id + i`."""

    number: int
    first_id: int
    processed: Processed


Keys = Callable[[int], Sequence[KeptAnswer]]
"""Makes, from the id of the first reading, the answers to keep with the readings, by key."""


@dataclass(frozen=True)
class Unsure:
    """The state if the store was unavailable at the start: the last record known then, and its totals."""

    after: int
    received: Mapping[str, int]


class Turn:
    """One batch on its way in; there is only one at a time. Obtained from `Collector.turn`."""

    def __init__(
        self,
        pipeline: Pipeline,
        ids: Callable[[int], int],
        commit: Callable[[int, Processed, Sequence[KeptAnswer], int], Receipt],
    ) -> None:
        self._pipeline = pipeline
        self._ids = ids
        self._commit = commit
        self._first_id: int | None = None
        self._scored = False

    def first_id(self, most: int) -> int:
        """The id that the first accepted reading will have, of at most this many."""
        if self._first_id is None:
            self._first_id = self._ids(most)
        return self._first_id

    def score(self, batch: Batch, malformed: Sequence[Rejection] = (), *, late: bool = False) -> Processed:
        """Validate and score with the live pipeline, which learns from it. See `Pipeline.process`.

        `malformed` came before the readings of the batch.
        """
        places = range(len(malformed), len(malformed) + len(batch)) if malformed else None
        processed = self._pipeline.process(batch, places, malformed, late=late)
        self._scored = True
        return processed

    def judge(self, batch: Batch) -> Judged:
        """The same for the readings of several requests. See `Pipeline.judge`."""
        judged = self._pipeline.judge(batch)
        self._scored = True
        return judged

    def refused(self, batch: Batch, reason: Codes, positions: Sequence[int], malformed: Refused) -> Refused:
        """The refused rows of one of these requests. See `Pipeline.refused`."""
        return self._pipeline.refused(batch, reason, positions, malformed)

    def commit(self, processed: Processed, answers: Sequence[KeptAnswer] = (), import_id: int = 0) -> Receipt:
        """Make the readings durable, and these answers with them. Raises JournalError.

        `import_id` is the import that they belong to, 0 if there is none.
        """
        first_id = self.first_id(len(processed.accepted))
        receipt = self._commit(first_id, processed, answers, import_id)
        self._scored = False
        return receipt

    def end(self) -> None:
        """Undo the scoring in the pipeline unless it was committed."""
        if self._scored:
            self._pipeline.undo()


class Collector:
    """Takes batches in, one at a time, from any thread.

    `ids` gives those of the readings. `unsure` is set if the store was unavailable at the start.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        journal: Journal,
        recent: RecentReadings,
        unstored: Unstored,
        clock: Clock,
        ids: ReadingIds | None = None,
        unsure: Unsure | None = None,
    ) -> None:
        self.unstored = unstored
        self.arrivals = Arrivals()
        self.positions: dict[str, KeptAnswer] = {}
        """How far sources have read, by key (`POSITION`), as far as the journal knows."""
        self.acts = 0
        """How often somebody acted on events, or removed some with an import, since the start."""
        self._pipeline = pipeline
        self._journal = journal
        self._recent = recent
        self._clock = clock
        self._ids = ids or Counted()
        self._unsure = unsure
        self._lock = unstored.lock
        self._closed = False
        self._refused = ""
        self._refusal: Refusal | None = None
        self._refused_readings = 0
        self._watchdog = Watchdog(pipeline.tags)
        self._latencies = Latencies()

    # -- readings -----------------------------------------------------------------

    def submit(self, batch: Batch) -> Receipt:
        """Validate, score and make durable; once this returns, none of it can be lost.

        Raises JournalError if it could not be made durable; then nothing was recorded, and the
        sender should send it again.
        """
        with self.turn() as turn:
            return turn.commit(turn.score(batch))

    def record(self, processed: Processed, keys: Keys) -> Receipt:
        """Make a batch scored elsewhere durable; the live pipeline neither sees nor learns it.

        Raises JournalError like `submit`.
        """
        with self.turn() as turn:
            return turn.commit(processed, keys(turn.first_id(len(processed.accepted))))

    @contextmanager
    def turn(self) -> Iterator[Turn]:
        """Score and commit one batch, with all others locked out.

        A batch that is not committed when the block ends is undone. Raises
        JournalError once the collector is closed.
        """
        with self._lock:
            if self._closed:
                raise JournalError("the monitor is stopping", hint="Send it again once it has started")
            turn = Turn(self._pipeline, self._first_id, self._commit)
            try:
                yield turn
            finally:
                turn.end()

    def _first_id(self, most: int) -> int:
        return self._ids.first(self._clock.now(), most)

    def _commit(
        self, first_id: int, processed: Processed, answers: Sequence[KeptAnswer], import_id: int
    ) -> Receipt:
        batch, count = processed.accepted, processed.received
        received = self.unstored.received
        received[batch.source] = received.get(batch.source, 0) + count
        entry = BatchEntry(first_id, received, processed, tuple(answers), import_id)
        started = self._clock.now()
        try:
            number = self._journal.append(entry)
        except JournalError as error:
            self._refused, self._refusal = str(error), _kind(error)
            self._refused_readings += count
            raise
        self._refused, self._refusal = "", None
        self._pipeline.words.saved(processed.words)
        now = self._clock.now()
        self._latencies.add(max(0, now - started) / SECOND)
        self._ids.taken(first_id + len(batch))
        self._recent.append(entry)
        self.positions |= {answer.key: answer for answer in answers if answer.key.startswith(POSITION)}
        self._watchdog.note(batch, processed.rejected)
        self.arrivals.note(processed, now)
        self.unstored.add(pending_of(entry, number), received, now)
        return Receipt(number, entry.first_id, processed)

    def catch_up(self, position: int, received: Mapping[str, int]) -> None:
        """The store was reached and has the records up to `position`, with these totals received.

        If the monitor started without it and with a journal that had lost its end, the
        readings of the lost part are counted as received now, in a record of their own.
        """
        with self._lock:
            unsure, self._unsure = self._unsure, None
            if unsure is None or position <= unsure.after:
                return
            lost = {name: count - unsure.received.get(name, 0) for name, count in received.items()}
            totals = add_up(self.unstored.received, lost)
            now = self._clock.now()
            empty = self._pipeline.process(Batch.of([], source="restart", received=now))
            number = self._journal.append(BatchEntry(self._first_id(0), totals, empty))
            self.unstored.add(Pending(number, "restart", 0, now), totals, now)

    def arrange(self) -> None:
        """Arrange in memory what was taken in; for a thread for which no sender waits."""
        self._recent.arrange()

    def close(self) -> None:
        """Wait for the current batch and refuse further ones, so that the journal can be closed."""
        with self._lock:
            self._closed = True

    # -- detector and tags --------------------------------------------------------

    def apply(self, settings: DetectorSettings, histories: Sequence[TagHistory] = ()) -> None:
        """Score with these settings from the next reading on; recorded before it takes effect.

        See `Pipeline.apply` for the histories. Raises UsageError for settings that cannot be used; then
        nothing is recorded.
        """
        for profile in settings.in_use.profiles:
            detectors_of(profile)
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
    def settings(self) -> DetectorSettings:
        """The detector settings in force."""
        return self._pipeline.settings

    @property
    def words(self) -> StateWords:
        """The words of states."""
        return self._pipeline.words

    def last_value(self, tag: str) -> float | str | None:
        """See `Pipeline.last_value`."""
        with self._lock:
            return self._pipeline.last_value(tag)

    @property
    def former_tags(self) -> frozenset[str]:
        """The tags that are no longer in the table but have readings."""
        return self._pipeline.former

    def saved_states(self) -> tuple[DetectorSettings, dict[str, SavedState]]:
        """The settings in force, and the detector's state by tag."""
        with self._lock:
            return self._pipeline.settings, self._pipeline.saved_states()

    def next_version(self) -> int:
        """The id of the version of the detector settings that would follow the one in force."""
        return self.version_after(self.settings.id)

    def version_after(self, last: int) -> int:
        """The id that this collector gives, of versions, imports and the like, after this one."""
        return self._ids.version_after(last)

    # -- what people do -----------------------------------------------------------

    def act(self, action: EventAction) -> None:
        """Record a person's action on events; durable when this returns. Raises JournalError."""
        with self._lock:
            self.unstored.add_action(self._journal.append(ActionEntry(action)), action)
            self.acts += 1

    def annotate(self, annotation: Annotation) -> None:
        """Record a note or its removal; durable when this returns. Raises JournalError."""
        with self._lock:
            self.unstored.add_annotation(self._journal.append(AnnotationEntry(annotation)), annotation)

    def undo(self, entry: UndoEntry, ranges: Collection[tuple[int, int]]) -> None:
        """Record the undoing of an import; durable when this returns. Raises JournalError.

        `ranges` are the first and last ids of its readings. Those in memory are gone when this returns,
        those in the store once it has loaded the record.
        """
        with self._lock:
            self.unstored.add_undo(self._journal.append(entry), entry)
            self._recent.drop(ranges)
            self.acts += 1

    def noted_elsewhere(self) -> None:
        """The store has what people did: an undo, or acts in other processes. What was read before is old."""
        with self._lock:
            self.acts += 1

    def give_ids_beside(self, highest: int) -> None:
        """Another collector of the same store has given ids up to this one: ours do not stay behind them,
        whatever the clock says, because ids rise with the time of arrival."""
        with self._lock:
            self._ids.taken(slice_of(highest))

    def note_arrivals(self, batches: Iterable[Batch]) -> None:
        """Note that these readings arrived at other collectors of the same store."""
        now = self._clock.now()
        with self._lock:
            for batch in batches:
                self._watchdog.follow(batch)
                self.arrivals.follow(batch, now)

    def keep(self, entry: DocumentsEntry) -> None:
        """Record documents and audit records; durable when this returns. Raises JournalError."""
        with self._lock:
            self.unstored.add_documents(self._journal.append(entry), entry)

    def waiting_documents(self) -> list[DocumentsEntry]:
        """Documents and audit records that the store may not have yet, oldest first."""
        return self.unstored.documents()

    # -- status ------------------------------------------------------------------

    @property
    def next_id(self) -> int:
        """The id that the next accepted reading would have now."""
        return self._first_id(0)

    @property
    def last_record(self) -> int:
        """The number of the newest record that is durable."""
        return self._journal.last

    @property
    def refused(self) -> str:
        """Why the last batch was refused, and what to do; empty if it was taken."""
        return self._refused

    @property
    def refusal(self) -> Refusal | None:
        """The kind of failure for which the last batch was refused; None if it was taken."""
        return self._refusal

    @property
    def refused_readings(self) -> int:
        """How many readings were refused since the start; none of them was acknowledged."""
        return self._refused_readings

    def journal_status(self) -> JournalStatus:
        """The state of the journal on disk, and how much of it the store does not have yet."""
        backlog = self.unstored.backlog()
        p50, p99 = self._latencies.percentiles()
        return JournalStatus(
            depth_batches=backlog.batches,
            depth_readings=backlog.readings,
            oldest=backlog.oldest,
            size=self._journal.size,
            damaged=self._journal.damaged,
            latency_p50=p50,
            latency_p99=p99,
        )

    def remember(self, earlier: Mapping[str, LastArrival], delivering: Collection[str]) -> None:
        """Take over what arrived before the start; see `Watchdog.remember`."""
        by_source: dict[str, int] = {}
        for arrival in earlier.values():
            by_source[arrival.source] = max(arrival.received, by_source.get(arrival.source, 0))
        self.arrivals.remember(by_source)
        with self._lock:
            self._watchdog.remember(earlier, delivering, self._clock.now())

    def expect(self, sources: Collection[str]) -> None:
        """Expect the tags of these sources to report from now on; see `Watchdog.expect`."""
        with self._lock:
            self._watchdog.expect(sources, self._clock.now())

    def silent(self) -> tuple[Silence, ...]:
        """The tags that are overdue."""
        with self._lock:
            return self._watchdog.silent(self._clock.now())

    def ahead(self) -> tuple[TagAge, ...]:
        """The tags whose clock is ahead of ours."""
        with self._lock:
            return self._watchdog.ahead(self._clock.now())

    def newest_times(self, tags: Collection[str]) -> dict[str, int]:
        """By tag, the newest own time (µs UTC) of its live readings, those of the journal among them."""
        with self._lock:
            return self._watchdog.newest(tags)

    def tag_ages(self) -> tuple[TagAge, ...]:
        """When each tag's last live reading arrived, in the order of the table."""
        with self._lock:
            return self._watchdog.ages(self._clock.now())


def _kind(error: JournalError) -> Refusal:
    match error:
        case JournalQuotaUsed():
            return Refusal.QUOTA
        case JournalFull():
            return Refusal.DISK
        case JournalUnwritable():
            return Refusal.UNWRITABLE
    return Refusal.BROKEN
