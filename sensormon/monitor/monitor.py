"""A running monitor: what the pages, the API and the command line talk to.

Builds nothing by itself beyond its own parts, keeps no state of its own but their
wiring. Reads come from the store, the newest readings also from memory, so that the
Live page goes on while the store is away.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import pandas as pd
import pyarrow as pa

from sensormon.events.actions import checked
from sensormon.events.annotations import Annotations
from sensormon.events.reader import EventReader
from sensormon.exchange.cases import Cases
from sensormon.exchange.export_folder import ExportFiles
from sensormon.exchange.exporter import Exporter
from sensormon.exchange.importer import Importer
from sensormon.ingest.collector import Collector, Receipt
from sensormon.ingest.dead_letters import DeadLetters
from sensormon.ingest.detector_state import EVERY, read_states, write_states
from sensormon.ingest.loader import Loader
from sensormon.ingest.pipeline import Pipeline
from sensormon.ingest.recovery import recover, settings_in_force
from sensormon.ingest.request_queue import RequestQueue
from sensormon.ingest.running_tags import RunningTags
from sensormon.ingest.unstored import Unstored
from sensormon.ingest.workers import Worker, run_loader, run_source
from sensormon.journal.archive import Archive
from sensormon.journal.journal import Journal
from sensormon.model.clock import SECOND, Clock, SystemClock
from sensormon.model.entries import Annotation, DetectorSettings
from sensormon.model.errors import JournalError, StoreError, UsageError
from sensormon.model.jobs import Jobs, Progress
from sensormon.model.ledger import Ledger
from sensormon.model.readings import Batch
from sensormon.model.settings import Settings
from sensormon.model.status import DeadLetterStatus, SourceState, SourceStatus, Status
from sensormon.model.tag_file import TagFile
from sensormon.model.tags import TagTable, read_tags
from sensormon.monitor.data_folder import DataFolder
from sensormon.monitor.disk_usage import Storage
from sensormon.monitor.drills import Drills, remove_leftovers
from sensormon.monitor.explorer import Explorer
from sensormon.monitor.live_ledger import LiveLedger
from sensormon.monitor.retention import Retention
from sensormon.monitor.tuner import Tuner
from sensormon.sources import open_source
from sensormon.sources.simulator import Simulator
from sensormon.stores.opening import open_store
from sensormon.stores.recent import RecentReadings
from sensormon.stores.streams import ReadingStreams

_log = logging.getLogger(__name__)

MEGABYTE = 1_000_000

MOST_WAITING = 100_000
"""Readings in the journal above which history waits: fewer than are kept in memory."""

STOP_SECONDS = 0.2
"""How long a stop goes on loading the last readings; the rest is safe in the journal."""


_SCORED = (
    "id",
    "time",
    "value",
    "quality",
    "n",
    "score",
    "expected",
    "lower",
    "upper",
    "is_anomaly",
    "settings",
)


class Monitor:
    """One per data folder.

    The constructor checks the settings, the tags and the source before it touches the
    data folder; it raises UsageError with the one line to show.
    """

    def __init__(self, settings: Settings, clock: Clock | None = None) -> None:
        self.settings = settings
        self.clock: Clock = clock or SystemClock()
        self.started = self.clock.now()
        self._begun = False
        self.jobs = Jobs(self.clock)
        tags = read_tags(settings.tags)
        self._source = open_source(settings, tags, self.started)
        self._tags = RunningTags(tags, self._source)
        self._store = open_store(settings.store_url)
        self._folder = DataFolder(settings.data_dir)
        archive = Archive(settings.data_dir / "archive")
        remove_leftovers(settings.data_dir / "journal")
        self._journal = Journal(
            settings.data_dir / "journal", archive=archive, quota_bytes=settings.journal_quota * MEGABYTE
        )
        self._dead_letters = DeadLetters(settings.data_dir)
        recovered = recover(self._journal, self._store, self.started)
        in_force = settings_in_force(recovered.settings, settings, self.started)
        pipeline = Pipeline(self.tags, in_force)
        remembered = read_states(settings.data_dir, in_force)
        for one in recovered.histories.values():
            pipeline.restore(one.tag, one.n, one.time, one.value, one.learned, remembered.get(one.tag))
        pipeline.process(Batch.of([], source="start", received=self.started))  # loads the compiled kernels
        self.newest = RecentReadings()  # of what came in since the start, store or no store
        self._collector = Collector(
            pipeline,
            self._journal,
            self.newest,
            Unstored(
                self._journal,
                self.clock,
                recovered.received,
                recovered.pending,
                recovered.actions,
                recovered.annotations,
            ),
            self.clock,
            recovered.next_id,
            recovered.unsure,
        )
        self._events = EventReader(self._store, self.newest, self._collector)
        self.tuner = Tuner(self._collector, self._store, lambda: self.tags, self.clock)
        self.streams = ReadingStreams(self._store.readings, self.newest)
        self.explorer = Explorer(self._store, self.newest)
        self.annotations = Annotations(self._collector, self._store.entries, self.clock)
        self._loader = Loader(
            self._journal, self._store, self._dead_letters, self.clock, self._collector.catch_up
        )
        self._remembered = self.started
        self.importer = Importer(self._collector, self._store.entries, lambda: self.tags, recovered.answers)
        files = ExportFiles(settings.data_dir, self.clock)
        self.exporter = Exporter(self, self._store.readings, files)
        self.tag_file = TagFile(settings.tags, settings.data_dir, self.clock, self._tags.check, self.retag)
        self.cases = Cases(self, self._collector, self._store, self.newest, self._events, files, recovered)
        self.requests = RequestQueue(self._collector, recovered.answers, self.clock)
        self.retention = Retention(
            settings.data_dir, settings.retention_days, self._store, self.jobs, self.clock
        )
        self.storage = Storage(settings.data_dir, Path(settings.store_url), self._store.retention, self.clock)
        self._stored_tags: frozenset[str] = frozenset()
        self._books = LiveLedger(
            self._collector.unstored, self._store.ledger, self._journal, self._dead_letters
        )
        self._source_state = SourceState.STARTING
        self._backfill = recovered.first_start and isinstance(self._source, Simulator)
        if in_force is not recovered.settings:
            self._collector.apply(in_force)
        self.workers = [
            Worker("collector", self._collect, self.clock),
            Worker("loader", self._load, self.clock),
            Worker("intake", self.requests.run, self.clock),
        ]
        self.drills = (
            Drills(
                clock=self.clock,
                store=self._store,
                journal=self._journal,
                collector=self._collector,
                loader=self.workers[1],
                status=self.status,
                ledger=self.ledger,
                recent=self.newest,
                database=Path(settings.store_url),
                quota=settings.journal_quota * MEGABYTE,
            )
            if settings.demo and "://" not in settings.store_url
            else None
        )

    # -- life ---------------------------------------------------------------------

    def start(self) -> None:
        """Begin to collect and to load. A second call does nothing."""
        if not self._begun:
            self._begun = True
            for worker in self.workers:
                worker.start()

    def stop(self) -> None:
        """Stop taking readings, store what can be stored in a moment, let go of the folder."""
        collecting, loading, taking = self.workers
        if self.drills is not None:
            self.drills.stop()
        self.jobs.close(0.3)
        self.requests.close()
        taking.stop(0.3)
        collecting.stop(0.3)
        loading.stop(0.4)
        self._collector.close()
        if not loading.alive:
            self._loader.drain(STOP_SECONDS)
            self._report()
            self._loader.close()
        self._remember()
        self._journal.close()
        self._folder.release()
        self._source_state = SourceState.STOPPED

    def submit(self, batch: Batch) -> Receipt:
        """Take a batch in; when this returns it is durable. See `Collector.submit`."""
        return self._collector.submit(batch)

    @property
    def tags(self) -> TagTable:
        """The tag table as it is now."""
        return self._tags.table

    def retag(self, tags: TagTable) -> None:
        """Go on with this tag table from the next reading on. See `RunningTags.retag`."""
        self._tags.retag(tags, self._collector)

    @property
    def former_tags(self) -> frozenset[str]:
        """Tags that are not in the table any more but have readings, as far as is known."""
        return self._collector.former_tags

    def backfill(self) -> None:
        """At the very first start of a simulated plant, fill in the last 15 minutes."""
        if self._backfill and self.simulator is not None:
            self._backfill = False
            self.submit(self.simulator.backfill(self.clock.now()))

    def drain(self) -> None:
        """Store what the journal holds, now. For a monitor that was not started."""
        self._loader.drain(60.0)
        self._after_step()

    def keep_up(self, progress: Progress) -> None:
        """Wait until the store has nearly all that the journal holds; for what adds a lot of history.

        Raises what `Progress.wait_for` raises.
        """
        if not self._begun:
            if self._collector.unstored.readings > MOST_WAITING:
                self.drain()
            return
        pause = threading.Event()
        while self._collector.unstored.readings > MOST_WAITING:
            progress.wait_for(f"{self._collector.unstored.readings:,} readings wait for the database")
            self.clock.wait(pause, 0.1)

    def _collect(self, stopping: threading.Event) -> None:
        self.backfill()
        if self._source is None:
            self._source_state = SourceState.WAITING
            return
        self._source_state = SourceState.COLLECTING
        self._source_state = run_source(self._source, self._collector, self.clock, stopping)

    def _load(self, stopping: threading.Event) -> None:
        run_loader(self._loader, self.clock, stopping, self._after_step)

    def _after_step(self) -> None:
        if self._loader.position is not None:
            try:
                self._collector.unstored.settle(self._loader.position)
            except JournalError as error:
                _log.error("what must be loaded again cannot be counted yet: %s", error)
            self.retention.tick()
        self._report()
        if not 0 <= self.clock.now() - self._remembered < EVERY * SECOND:
            self._remember()

    def _remember(self) -> None:
        self._remembered = self.clock.now()
        try:
            write_states(self._folder.path, *self._collector.saved_states())
        except OSError as error:
            _log.warning("what the detector remembers cannot be written: %s", error)

    def _report(self) -> None:
        snapshot = {"time": self.clock.now(), "ledger": self.ledger().to_dict()}
        try:
            self._folder.write_snapshot(snapshot)
        except OSError as error:
            _log.warning("the status for the command line cannot be written: %s", error)

    # -- how it is doing ----------------------------------------------------------

    def status(self) -> Status:
        """How everything is doing now."""
        return Status(
            now=self.clock.now(),
            started=self.started,
            source=self._source_status(),
            journal=self._collector.journal_status(),
            store=self._loader.status(),
            loading=not self.workers[1].failure,
            failures=tuple(worker.failure for worker in self.workers if worker.failure),
            restarts=tuple(worker.last_failure for worker in self.workers if worker.last_failure),
            silent=self._collector.silent(),
            dead_letters=DeadLetterStatus(
                readings=self._dead_letters.counts().total(), damaged=self._dead_letters.damaged_now()
            ),
        )

    def ledger(self) -> Ledger:
        """Where every reading is. With the store away, as of when it was last seen."""
        return self._books.ledger()

    def journal_depth(self) -> pd.DataFrame:
        """What waited in the journal, second by second over the last hour: time, readings, age."""
        return self._collector.unstored.depth.frame()

    def retry_dead_letters(self) -> None:
        """Have the dead letters tried again with the loader's next step."""
        self._loader.retry_dead_letters()

    def _source_status(self) -> SourceStatus:
        source, state = self._source, self._source_state
        refused = self._collector.refused
        if self.workers[0].failure:
            state = SourceState.FAILED
        elif refused and state in (SourceState.COLLECTING, SourceState.WAITING):
            state = SourceState.REFUSING
        return SourceStatus(
            name=source.name if source else "http",
            state=state,
            interval=source.interval if source else 0.0,
            tags=tuple(tag.name for tag in source.tags) if source else (),
            rate=self._collector.arrivals.rate(self.clock.now()),
            last_reading=self._collector.arrivals.newest,
            problem=refused,
            refused=self._collector.refused_readings,
        )

    # -- readings -----------------------------------------------------------------

    def recent(self, since: int, tags: Sequence[str] | None = None, until: int | None = None) -> pd.DataFrame:
        """Readings with time >= since, and < until, in order of arrival, stored or not; never raises.

        `attrs["complete"]` is False where the store could not be asked: then they are those in memory.
        """
        memory, first = self.newest.part(since, tags)
        if until is not None:
            memory = memory[memory["time"] < pd.Timestamp(until, unit="us", tz="UTC")]
        until = until or self.clock.now() + 3600 * SECOND
        try:
            stored = self._store.readings.frame(tags, since, until, below_id=first)
        except StoreError:
            memory.attrs["complete"] = False
            return memory
        if memory.empty:
            both = stored
        else:
            both = pd.concat([stored, memory], ignore_index=True) if len(stored) else memory
        both.attrs["complete"] = True
        return both

    def live_tags(self) -> frozenset[str]:
        """The tags with readings that were not imported, as far as the store could be asked; never raises."""
        if not self._stored_tags:  # what has come since is in memory
            with suppress(StoreError):
                self._stored_tags = frozenset(self._store.readings.live_tags())
        return self._stored_tags | {name for name, *_ in self.newest.last_scores()}

    def activity(self, since: int, until: int, parts: int) -> pd.DataFrame:
        """Stored readings by tag and equal part of the span. See `Store.activity`."""
        return self._store.readings.activity(since, until, max(1, -((since - until) // parts)))

    def history(
        self, tags: Sequence[str] | None, since: int, until: int, limit: int | None = None
    ) -> pd.DataFrame:
        """Stored readings with since <= time < until, in order of arrival; the newest `limit`."""
        return self._store.readings.frame(tags, since, until, limit=limit)

    def anomalies(
        self,
        tags: Sequence[str] | None,
        since: int,
        until: int,
        min_score: float = 0.0,
        limit: int = 10_000,
    ) -> pd.DataFrame:
        """Stored readings that were flagged, newest first."""
        return self._store.readings.anomalies(tags, since, until, min_score, limit)

    def would_be_rejected(self, tag: str, since: int, valid: tuple[float, float]) -> tuple[int, int]:
        """How many of the tag's stored readings since lie outside this range, and how many there are."""
        return self._store.readings.outside(tag, since, self.clock.now() + 1, *valid)

    def live_anomalies(self, since: int, tags: Sequence[str] | None = None) -> int:
        """How many stored readings of these tags with time >= since were flagged, imported ones left out."""
        return self._store.readings.live_anomalies(since, tags)

    def first_time(self, since: int, until: int) -> int | None:
        """The earliest time of a stored reading with since <= time < until; None without one."""
        return self._store.readings.first_time(since, until)

    def events(self, tags: Sequence[str] | None, since: int, until: int) -> pd.DataFrame:
        """The events of stored readings, a row an event, newest first. See `EventReader.events`."""
        return self._events.events(tags, since, until, self.clock.now())

    def act(
        self,
        event_ids: Sequence[int],
        action: str,
        who: str,
        *,
        label: str = "",
        note: str = "",
        until: int | None = None,
    ) -> None:
        """Acknowledge, label, shelve or note these events; durable when it returns.

        See `event_actions` for the actions. Raises UsageError, or JournalError where it could
        not be recorded.
        """
        now = self.clock.now()
        self._collector.act(checked(event_ids, action, who, now, label=label, note=note, until=until))

    @property
    def acts(self) -> int:
        """How many times somebody acted on events since the start."""
        return self._collector.acts

    def event_history(self, first: int, last: int) -> pd.DataFrame:
        """What people did with events of readings with first <= id <= last, oldest first."""
        return self._events.actions(first, last)

    def rejected(self, limit: int = 200) -> pd.DataFrame:
        """The newest rejected readings, newest first."""
        return self._store.readings.rejected(limit)

    def stream(self, tags: Sequence[str], since: int, until: int) -> Iterator[pa.Table]:
        """What a case is made of. See `ReadingStreams.by_arrival`."""
        return self.streams.by_arrival(tags, since, until)

    def stream_rejected(self, tags: Sequence[str] | None, since: int, until: int) -> Iterator[pa.Table]:
        """Readings rejected at since <= received < until, stored ones, in pieces, in order of arrival."""
        return self._store.readings.stream_rejected(tags, since, until)

    def notes(self, tags: Sequence[str] | None, since: int, until: int) -> list[Annotation]:
        """The notes on this span, stored or not. See `Annotations.between`."""
        return self.annotations.between(since, until, tags)

    def last_scores(self) -> list[tuple[str, float, bool]]:
        """Tag, score and verdict of the newest reading of each tag."""
        return self.newest.last_scores()

    # -- detection ----------------------------------------------------------------

    def detection(self) -> DetectorSettings:
        """The detector settings in force."""
        return self._collector.settings

    def settings_by_id(self) -> dict[int, DetectorSettings]:
        """All detector settings there have been, by the id that readings name them with."""
        return self._events.settings()

    def judges(self) -> dict[int, DetectorSettings]:
        """The same; with the store away, those in force alone."""
        try:
            return self.settings_by_id()
        except StoreError:
            now = self.detection()
            return {now.id: now}

    def injected_faults(self, since: int, until: int) -> pd.DataFrame:
        """Ground truth of the simulator: tag, time and fault of each reading that a fault touched."""
        return self._store.readings.injected_faults(since, until)

    # -- simulated faults ---------------------------------------------------------

    @property
    def simulator(self) -> Simulator | None:
        """The simulator, where it is the source."""
        return self._source if isinstance(self._source, Simulator) else None

    def inject(self, fault: str, tag: str, seconds: float) -> None:
        """Have the simulator make this fault from now on, for so long. Raises UsageError without one."""
        if self.simulator is None:
            raise UsageError(
                "there is no simulator to make a fault", where="source", hint="Use SENSORMON_SOURCE=simulator"
            )
        self.simulator.inject(fault, tag, self.clock.now(), seconds)
