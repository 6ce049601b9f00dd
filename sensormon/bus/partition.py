"""A partition that this worker has: its detectors, and how its readings become durable.

All of it comes from the store and goes back there with each transaction, so that another worker can take
over at any moment. What it is not: an owner by right. Two workers may both think that they have a partition;
the transaction of the one that is behind is refused (Overtaken), and it must load the partition again.
Not thread-safe. Everything raises `StoreError`.
"""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from sensormon import __version__
from sensormon.bus.layout import consumer_name, partition_of
from sensormon.bus.memory import (
    Remembered,
    count_by_tag,
    judge_again,
    packed,
    stored_since,
    without_newest,
)
from sensormon.bus.payload import SOURCE, Message, batch_of, rows_of
from sensormon.ingest.dead_letters import letters_of
from sensormon.ingest.pipeline import Pipeline
from sensormon.ingest.recovery import lead_of
from sensormon.ingest.tag_memory import KEPT
from sensormon.model.clock import SECOND, Clock
from sensormon.model.entries import FROM_CASES, BatchEntry, DetectorSettings, Document, Record
from sensormon.model.errors import RowsRefused, StoreFault
from sensormon.model.ledger import add_up
from sensormon.model.reading_ids import Sliced
from sensormon.model.readings import Processed
from sensormon.model.state_words import StateWords
from sensormon.model.tags import TagTable
from sensormon.stores.bus import Memory, Partitions, Position
from sensormon.stores.collectors import Collectors, Report
from sensormon.stores.protocol import Store

_log = logging.getLogger(__name__)

REMEMBER = 10 * SECOND
"""What the detectors remember is stored with the readings after this long (µs)"""
REMEMBER_READINGS = 20_000
"""or with this many of them, whichever comes first; a takeover judges no more readings again."""


@dataclass(frozen=True)
class Plant:
    """What every partition of a worker shares: the store, the tag table and the settings in force now.

    `partitions` and `collectors` are those parts of the store. Readings before `earliest` (µs UTC) are
    rejected.
    """

    store: Store
    partitions: Partitions
    collectors: Collectors
    tags: Callable[[], TagTable]
    settings: Callable[[], DetectorSettings]
    earliest: int
    clock: Clock


@dataclass(frozen=True)
class Stream:
    """The stream as the server has it: how many partitions, when it was made, its first sequence number."""

    partitions: int
    made: str
    first: int


class Partition:
    """Number `number` of the stream. Obtained from `load`."""

    def __init__(self, plant: Plant, number: int, stream: Stream, collector: int, position: Position) -> None:
        self._plant = plant
        self._number = number
        self._stream = stream
        self._writer = consumer_name(number)
        self._seen = position.sequence
        self._received = dict(position.received)
        self._ids = Sliced(collector, position.next_id)
        self._waiting: tuple[BatchEntry, int, Memory | None] | None = None
        self._remembered_at: int | None = (
            None  # when the memory was stored last (µs UTC); None: it is out of date
        )
        self._since = 0  # readings stored since then
        self._table = plant.tags()
        self._pipeline = self._restored(position, collector)
        self._follow()

    @classmethod
    def load(cls, plant: Plant, number: int, stream: Stream) -> Partition:
        """The partition as it is stored. Raises StoreFault if its stream was replaced by a shorter one."""
        writer = consumer_name(number)
        position = plant.partitions.position(writer)
        collector = plant.collectors.enter(writer, writer, socket.gethostname(), __version__)
        if position.memory is None:
            position = replace(position, next_id=plant.store.ledger.next_id())
        elif position.memory.stream != stream.made and stream.first <= position.sequence:
            raise StoreFault(
                f"the stream was made again at {stream.made} and begins with {stream.first}, but readings "
                f"up to {position.sequence} are stored",
                where=writer,
                hint="Delete it and let a worker make it, which goes on with higher numbers",
            )
        return cls(plant, number, stream, collector, position)

    @property
    def stored(self) -> int:
        """The sequence number of the last message that is stored, as far as this worker knows."""
        return self._seen

    @property
    def problem(self) -> str:
        """Why some flags cannot be what one process would say; empty if all are."""
        blind = [
            f"{tag.name} looks at {condition.tag}"
            for tag in self._pipeline.tags
            if (condition := self._pipeline.settings.in_use.of(tag).condition) is not None
            and condition.tag not in self._pipeline.tags
        ]
        return (
            f"conditions on tags in other partitions are never met: {', '.join(blind[:5])}" if blind else ""
        )

    def take(self, messages: Sequence[Message]) -> int:
        """Validate and score these messages, at least one, which follow the last one; `store` must follow.

        Returns how many of them it took: the rest of very many readings is for the next transaction.
        """
        self._follow()
        pipeline, now = self._pipeline, self._plant.clock.now()
        taken = rows_of(messages)
        batch, positions, malformed = batch_of(taken.rows, now)
        judged = pipeline.judge(batch)
        refused = pipeline.refused(batch, judged.reason, positions, malformed)
        processed = Processed(
            judged.accepted, judged.scores, judged.settings, refused.listed, refused.unlisted(), judged.words
        )
        received = add_up(self._received, {SOURCE: processed.received})
        entry = BatchEntry(self._ids.first(now, len(processed.accepted)), received, processed)
        self._waiting = entry, messages[taken.messages - 1].sequence, self._memory_after(entry, now)
        return taken.messages

    def store(self) -> None:
        """Make durable what was taken, if it is not; may be called again after an error but Overtaken."""
        if self._waiting is None:
            return
        entry, sequence, memory = self._waiting
        record, load = Record(sequence, entry), self._plant.partitions.load
        try:
            load(self._writer, record, self._seen, memory)
        except RowsRefused as error:
            letters = self._refused(record, error)
            # Whoever takes over judges again what is stored since the memory, and these are not stored.
            memory = self._memory_now(entry)
            load(self._writer, record, self._seen, memory, letters)
        if memory is not None:
            self._remembered_at, self._since = self._plant.clock.now(), 0
        self._since += len(entry.processed.accepted) if memory is None else 0
        self._ids.taken(entry.first_id + len(entry.processed.accepted))
        self._received = dict(entry.received_totals)
        self._pipeline.words.saved(entry.processed.words)
        self._seen, self._waiting = sequence, None

    def _refused(self, record: Record, error: RowsRefused) -> Mapping[int, Document]:
        """The dead letters of its readings that can never be stored. Raises StoreFault if none is such."""
        reasons = self._plant.store.refused_rows(record)
        if not reasons:
            raise StoreFault(
                error.what, where=error.where, hint="Report it; readings stay in the stream"
            ) from error
        _log.warning("%s: the database refuses %d readings for good: %s", self._writer, len(reasons), error)
        return letters_of(record, reasons, self._writer, self._plant.clock.now())

    def report(self, pending: int, oldest: int | None) -> None:
        """Say on the Pipeline page how many messages wait, and since when the oldest does (µs UTC)."""
        self._plant.collectors.report(self._writer, Report(SOURCE, pending, oldest, wrong=self.problem))

    def _own(self, table: TagTable) -> TagTable:
        """The tags of this table that are in the partition; all of them if none is, as no table is empty."""
        count = self._stream.partitions
        return TagTable([tag for tag in table if partition_of(tag.name, count) == self._number] or table)

    def _memory_after(self, entry: BatchEntry, now: int) -> Memory | None:
        """What to remember after this batch; None while the memory stored before is new enough."""
        count, at = len(entry.processed.accepted), self._remembered_at
        if at is not None and 0 <= now - at < REMEMBER and self._since + count < REMEMBER_READINGS:
            return None
        return self._memory_now(entry)

    def _memory_now(self, entry: BatchEntry) -> Memory:
        settings = self._pipeline.settings.id
        after = entry.first_id + len(entry.processed.accepted)
        return Memory(self._stream.made, settings, packed(self._pipeline, after))

    def _restored(self, position: Position, collector: int) -> Pipeline:
        """The detectors as they were after the last stored reading, bit for bit if their memory is usable."""
        plant, tags = self._plant, self._own(self._table)
        saved = self._settings_of(position.memory)
        pipeline = Pipeline(tags, saved, StateWords(plant.store.entries.state_words()), plant.earliest)
        memory = Remembered.of(position.memory.packed, saved, self._writer) if position.memory else None
        states = memory.states if memory else {}
        since = (
            stored_since(plant.collectors, memory.next_id, position.next_id, collector, plant.clock.now())
            if memory
            else []
        )
        counts = count_by_tag(since)
        kept = KEPT + max(counts.values(), default=0) if memory else max(KEPT, lead_of(saved))
        histories = list(without_newest(plant.store.readings.histories(kept, tags.names), counts))
        for history in histories:
            state = states.get(history.tag)
            pipeline.restore(history.tag, history.n, history.time, history.value, history.learned, state)
        for history in histories:
            pipeline.recall(history.tag, history.time[history.good], history.value[history.good])
        judge_again(pipeline, since, self._writer)
        return pipeline

    def _settings_of(self, memory: Memory | None) -> DetectorSettings:
        """The settings under which the memory was written."""
        now = self._plant.settings()
        if memory is None or memory.settings == now.id:
            return now
        versions = {version.id: version for version in self._plant.store.entries.detector_settings()}
        return versions.get(memory.settings, now)

    def _follow(self) -> None:
        """Judge by the tag table and the settings that are in force now."""
        table, settings = self._plant.tags(), self._plant.settings()
        if table is not self._table:
            self._pipeline.retag(self._own(table))
            self._table, self._remembered_at = table, None
        if settings.id != self._pipeline.settings.id and settings.id < FROM_CASES:
            lead = lead_of(settings)
            names = self._pipeline.tags.names
            histories = self._plant.store.readings.histories(lead, names) if lead > KEPT else ()
            self._pipeline.apply(settings, histories)
            self._remembered_at = None
