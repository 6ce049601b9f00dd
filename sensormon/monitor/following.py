"""What the other collectors on the same store do: their readings come into memory, their settings
and tags in force.

A dashboard without a source of its own shows a plant this way. It also tells the store, now and then, that
this process runs and how it is. What it is not: a way on which readings are stored, or a lock.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sensormon.ingest.collector import Collector
from sensormon.model.clock import SECOND, Clock
from sensormon.model.entries import FROM_CASES, DetectorSettings
from sensormon.model.errors import JournalError, StoreError, UsageError
from sensormon.model.reading_ids import slice_of
from sensormon.model.readings import Batch, Origin
from sensormon.monitor.shared_tags import SharedTagFile
from sensormon.stores.collectors import CollectorAccount, Collectors, News, Report
from sensormon.stores.protocol import Store
from sensormon.stores.recent import RecentReadings

POLL = 0.25
"""Seconds between two looks at the store."""
AGAIN = 2.0
"""Seconds until the next look after one that failed."""
REPORT = 2 * SECOND
"""µs between two reports of this process."""
PIECE = 20_000
"""The most readings of a collector that are read at once."""
ARRIVALS = 50
"""The most moments of arrival that are told apart in a piece, the newest."""

_log = logging.getLogger(__name__)


class Following:
    """Of one monitor. `writer` is the id of its journal, `report` says how it is now."""

    def __init__(
        self,
        store: Store,
        collectors: Collectors,
        writer: str,
        newest: RecentReadings,
        collector: Collector,
        adopt: Callable[[DetectorSettings], None],
        tags: SharedTagFile,
        report: Callable[[], Report],
        clock: Clock,
    ) -> None:
        self._store = store
        self._collectors = collectors
        self.writer = writer
        self._newest = newest
        self._collector = collector
        self._adopt = adopt
        self._tags = tags
        self._report = report
        self._clock = clock
        self.passed_over: int | None = None
        """When readings came in last whose ids are too low for memory (µs UTC): those who show what is in
        memory look into the store for them."""
        self._begun = slice_of(collector.next_id)  # readings with lower ids are the store's alone
        self._seen_first: dict[str, int] | None = None  # the positions at the first look
        self._positions: dict[str, int] = {}
        self._numbers: dict[str, int] = {}
        self._acts: int | None = None
        self._undone: set[int] = set()
        self._refused = 0
        self._unapplied = ""
        self._reported = 0

    def run(self, stopping: threading.Event) -> None:
        """Follow the others until `stopping` is set. While the store is away the loader says so."""
        pause = 0.0
        while not self._clock.wait(stopping, pause):
            try:
                self.step()
                pause = POLL
            except StoreError:
                pause = AGAIN

    @property
    def problems(self) -> tuple[str, ...]:
        """Why settings that were applied elsewhere, or tags, are not in force here; empty if they are."""
        return tuple(filter(None, (self._unapplied, self._tags.problem)))

    def step(self) -> None:
        """Take up what has changed since the last step. Raises StoreError."""
        now = self._clock.now()
        if not 0 <= now - self._reported < REPORT:
            self._collectors.report(self.writer, self._report())
            self._reported = now
        news = self._collectors.news()
        if news.acts != self._acts or self._tags.behind:  # before readings of tags that are new
            self._tags.look()
        self._look_at_acts(news)  # first: words of states are among them
        if self._seen_first is None:
            self._seen_first = dict(news.positions)
        self._collector.give_ids_beside(max(news.positions.values(), default=0))
        for writer, position in news.positions.items():
            if writer != self.writer and position > self._reached(writer):
                self._take(writer, position)
        if news.settings > max(self._collector.settings.id, self._refused):
            self._take_settings()

    def accounts(self) -> list[CollectorAccount]:
        """Every collector and dashboard on the store, without those replaced. Raises StoreError."""
        return [account for account in self._collectors.accounts() if not account.replaced]

    def _take(self, writer: str, position: int) -> None:
        """The readings of this collector up to its position."""
        if writer not in self._numbers:
            self._numbers = {account.writer: account.number for account in self._collectors.accounts()}
        if writer not in self._numbers:
            return
        first = self._reached(writer)
        while first < position:
            table = self._collectors.readings(first, position, self._numbers[writer], PIECE)
            begins = int(table["id"][0].as_py()) if table.num_rows else position
            first = int(table["id"][-1].as_py()) + 1 if table.num_rows == PIECE else position
            low = begins < max(self._begun, self._newest.let_go)
            if table.num_rows:
                self._newest.follow(table.filter(pc.greater_equal(table["id"], self._begun)))
                self._collector.note_arrivals(_arrivals(table))
            self._positions[writer] = first
            if low:
                self.passed_over = self._clock.now()
                return  # it has a backlog, or its clock is behind: the others do not wait for all of it

    def _reached(self, writer: str) -> int:
        """Readings of this collector with lower ids need no look: they were taken, or stored at the start.

        Its ids may lie far behind those of the others, as its clock or its backlog does.
        """
        if writer in self._positions or self._seen_first is None:
            return self._positions.get(writer, self._begun)
        highest = max(self._seen_first.values(), default=self._begun)  # a new collector's ids are higher
        return min(self._begun, self._seen_first.get(writer, highest))

    def _look_at_acts(self, news: News) -> None:
        if news.acts == self._acts:
            return
        self._collector.words.take(self._store.entries.state_words())
        for undone in self._store.imports.undone():
            if undone.import_id not in self._undone:
                self._newest.drop(self._store.imports.ranges(undone.import_id))
                self._undone.add(undone.import_id)
        if self._acts is not None:
            self._collector.noted_elsewhere()
        self._acts = news.acts

    def _take_settings(self) -> None:
        """Judge by the version that was applied last."""
        versions = [version for version in self._store.entries.detector_settings() if version.id < FROM_CASES]
        newest = versions[-1]
        try:
            self._adopt(newest)
            self._unapplied = ""
        except (UsageError, JournalError) as error:
            self._unapplied = f"Version {newest.id} of the detector settings is not in force here: {error}"
            _log.error("%s", self._unapplied)
            if isinstance(error, UsageError):
                self._refused = newest.id


def _arrivals(table: pa.Table) -> Iterator[Batch]:
    """The live readings of this table as the batches in which they came in, as far as the watchdog needs."""
    received = table["received"].cast(pa.int64()).to_numpy()
    tags = table["tag"].combine_chunks()
    codes = tags if pa.types.is_dictionary(tags.type) else tags.dictionary_encode()
    names, code = tuple(codes.dictionary.to_pylist()), codes.indices.to_numpy(zero_copy_only=False)
    time, value = table["time"].cast(pa.int64()).to_numpy(), table["value"].to_numpy()
    origin = table["origin"].combine_chunks()
    live = np.array([word == str(Origin.LIVE) for word in origin.to_pylist()], dtype=np.bool_)
    source = table["source"].combine_chunks()
    for moment in np.unique(received[live])[-ARRIVALS:].tolist():
        rows = np.flatnonzero(live & (received == moment))
        yield Batch(
            source=source[int(rows[-1])].as_py(),
            received=moment,
            tags=names,
            tag=code[rows].astype(np.int32),
            time=time[rows],
            value=value[rows],
            quality=np.zeros(len(rows), dtype=np.uint32),
        )
