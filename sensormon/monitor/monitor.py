"""A running monitor: what the pages, the API and the command line talk to.

Is: the threads, their lifecycle, and the readers by name. Is not: how the parts are made
(see `assembly`), or a place for what a part can answer itself.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from sensormon.access.commands import owner_of, run_command
from sensormon.access.person import Person
from sensormon.ingest.collector import Receipt
from sensormon.ingest.workers import Worker
from sensormon.model.clock import Clock, SystemClock
from sensormon.model.readings import Batch
from sensormon.model.settings import MEGABYTE, Settings
from sensormon.model.status import CompanionStatus, DeadLetterStatus, Silence, Status, TagAge
from sensormon.model.tags import TagTable
from sensormon.monitor import backing_up
from sensormon.monitor.assembly import Parts, build
from sensormon.monitor.backing_up import BackUps
from sensormon.monitor.control import ControlSocket
from sensormon.monitor.drills import Drills
from sensormon.monitor.import_commands import COMMANDS, run_import_command

Kept = TypeVar("Kept")

STOP_SECONDS = 0.2
"""How long a stop keeps loading the last readings; the rest is safe in the journal."""


@dataclass(frozen=True)
class Workers:
    """The threads: source, loader, requests, models, calculated tags, commands from the command line,
    other collectors, the bus."""

    collecting: Worker
    loading: Worker
    requests: Worker
    models: Worker
    calculated: Worker
    control: Worker
    following: Worker | None
    """Only on a store that several processes use."""
    bus: Worker | None
    """Only where there is a bus."""

    @property
    def all(self) -> tuple[Worker, ...]:
        """In the order in which their failures are shown."""
        own = (
            self.collecting,
            self.loading,
            self.requests,
            self.models,
            self.calculated,
            self.control,
        )
        return (*own, *(worker for worker in (self.following, self.bus) if worker is not None))


class Monitor:
    """One per data folder. `parts` has everything; the readers among them have their own names.

    The constructor raises UsageError with the one line to show. Nothing runs before `start`.
    """

    def __init__(self, settings: Settings, clock: Clock | None = None) -> None:
        parts = build(settings, clock or SystemClock())
        self.parts = parts
        self.settings = parts.settings
        self.clock = parts.clock
        self.started = parts.started
        self.jobs = parts.jobs
        self.source = parts.source
        self.running_tags = parts.running_tags
        self.requests = parts.requests
        self.loader = parts.loader
        self.loading = parts.loading
        self.depth = parts.collector.unstored.depth
        self.readings = parts.readings
        self.newest = parts.newest
        self.stored = parts.store.readings
        self.streams = parts.streams
        self.explorer = parts.explorer
        self.frame_reader = parts.frame_reader
        self.frame_definitions = parts.frame_definitions
        self.simulated = parts.simulated
        self.ledger = parts.ledger
        self.attention = parts.attention
        self.detection = parts.detection
        self.tuner = parts.tuner
        self.tag_models = parts.tag_models
        self.model_runner = parts.model_runner
        self.calculated = parts.calculated
        self.access = parts.access
        self.events = parts.events
        self.actions = parts.actions
        self.annotations = parts.annotations
        self.quiet = parts.quiet
        self.shelved_tags = parts.quiet.shelved_tags
        self.maintenance = parts.quiet.maintenance
        self.tag_file = parts.tag_file
        self.importer = parts.importer
        self.import_log = parts.import_log
        self.undoing = parts.undoing
        self.exporter = parts.exporter
        self.cases = parts.cases
        self.retention = parts.retention
        self.disk_usage = parts.disk_usage
        self.workers = Workers(
            collecting=Worker("collector", parts.source.run, parts.clock),
            loading=Worker("loader", parts.loading.run, parts.clock),
            requests=Worker("requests", parts.requests.run, parts.clock),
            models=Worker("models", parts.model_runner.run, parts.clock),
            calculated=Worker("calculated tags", parts.calculated.runner.run, parts.clock),
            control=Worker("control socket", self._control(parts).run, parts.clock),
            following=Worker("following", parts.following.run, parts.clock) if parts.following else None,
            bus=Worker("bus", parts.bus.run, parts.clock) if parts.bus else None,
        )
        self.following = parts.following
        self.drills = self._drills(parts)
        self.beside: dict[str, Any] = {}
        """What other rooms keep of this monitor, by the name of each; see `kept_beside`."""
        self._keeping = threading.RLock()
        self._companions: list[Worker] = []
        self._companion_status: list[Callable[[], CompanionStatus]] = []

    @property
    def tags(self) -> TagTable:
        """The current tag table, with the tags of the models over several tags."""
        return self.parts.tag_models.with_their_tags()

    def state_words(self, names: Collection[str] | None = None) -> dict[str, dict[float, str]]:
        """The words by code of each tag of states, former ones too, or of those with these names."""
        words = self.parts.collector.words.by_tag(self.tags)
        return words if names is None else {name: words[name] for name in names if name in words}

    def kept_beside(self, name: str, make: Callable[[Monitor], Kept]) -> Kept:
        """What another room keeps of this monitor under this name; made at the first call."""
        with self._keeping:
            if name not in self.beside:
                self.beside[name] = make(self)
            kept: Kept = self.beside[name]
            return kept

    def accompany(self, worker: Worker, status: Callable[[], CompanionStatus] | None = None) -> None:
        """Let this thread of another room run as long as the monitor; call it before `start`.

        `status` says how that room is.
        """
        self._companions.append(worker)
        if status is not None:
            self._companion_status.append(status)

    def start(self) -> None:
        """Begin to collect and to load. A second call does nothing."""
        self.loading.in_thread = True
        for worker in self._threads:
            worker.start()

    def stop(self) -> None:
        """Stop taking readings, store what can be stored quickly, release the folder."""
        if self.drills is not None:
            self.drills.stop()
        self.jobs.close(0.3)
        for companion in self._companions:
            companion.stop(0.3)
        self.requests.close()
        self.workers.control.stop(0.3)
        self.workers.requests.stop(0.3)
        self.workers.models.stop(0.3)
        self.workers.calculated.stop(0.3)
        if self.workers.bus is not None:
            self.workers.bus.stop(1.5)
        if self.workers.following is not None:
            self.workers.following.stop(0.3)
        self.workers.collecting.stop(0.3)
        self.workers.loading.stop(0.4)
        self.access.audit.close()
        self.parts.collector.close()
        if not self.workers.loading.alive:
            self.loading.finish(STOP_SECONDS)
        self.loading.save_states()
        self.parts.journal.close()
        self.parts.folder.release()
        self.source.stopped()

    def submit(self, batch: Batch) -> Receipt:
        """Take in a batch; it is durable when this returns. See `Collector.submit`."""
        return self.parts.collector.submit(batch)

    def drain(self) -> None:
        """Store what the journal holds, at once; for a monitor that was not started."""
        self.loading.drain()

    def status(self) -> Status:
        """The current status of everything."""
        parts, workers = self.parts, self.workers
        return Status(
            now=self.clock.now(),
            started=self.started,
            source=self.source.status(dead=bool(workers.collecting.failure)),
            journal=parts.collector.journal_status(),
            store=parts.loader.status(),
            loading=not workers.loading.failure,
            failures=self._failures(),
            companions=tuple(status() for status in self._companion_status),
            restarts=tuple(worker.last_failure for worker in self._threads if worker.last_failure),
            silent=self._silent(),
            ahead=parts.collector.ahead(),
            attention=parts.attention.now(),
            acknowledged=parts.attention.acknowledged.difference,
            dead_letters=DeadLetterStatus(
                readings=parts.dead_letters.counts().total(),
                damaged=parts.dead_letters.damaged_now(),
                kept=parts.ledger.kept_dead_letters,
            ),
        )

    @property
    def _threads(self) -> tuple[Worker, ...]:
        return (*self.workers.all, *self._companions)

    def _failures(self) -> tuple[str, ...]:
        """Why a thread does not work, and why nothing comes from the bus."""
        stopped = [worker.failure for worker in self._threads if worker.failure]
        bus = self.parts.bus.problem if self.parts.bus is not None else ""
        return (*stopped, *([bus] if bus else []))

    def _silent(self) -> tuple[Silence, ...]:
        """The tags that are overdue, without those of a source that has come to its end."""
        ended = self.source.ended
        return tuple(silence for silence in self.parts.collector.silent() if silence.source not in ended)

    def tag_ages(self) -> tuple[TagAge, ...]:
        """When each tag's last live reading arrived, by our clock, in the order of the table."""
        ended = self.source.ended
        ages = self.parts.collector.tag_ages()
        return tuple(replace(age, silent=False) if age.source in ended else age for age in ages)

    def source_ages(self) -> dict[str, float]:
        """By source, how many seconds ago its last reading arrived, before or since the start."""
        return self.parts.collector.arrivals.ages(self.clock.now())

    def _control(self, parts: Parts) -> ControlSocket:
        """The way in for the command line."""
        return ControlSocket(
            parts.settings.data_dir,
            lambda uid, name, arguments: self._answer(parts, owner_of(uid), name, arguments),
            parts.clock,
        )

    @staticmethod
    def _answer(parts: Parts, by: Person, name: str, arguments: Mapping[str, Any]) -> Any:
        if name in COMMANDS:
            return run_import_command(
                parts.import_log, parts.undoing, parts.access.audit, parts.jobs, by, name, arguments
            )
        if name in backing_up.COMMANDS:
            return BackUps(
                parts.settings, parts.store, parts.journal, parts.access.audit, parts.jobs, parts.clock
            ).answer(by, name, arguments)
        return run_command(parts.access, by, name, arguments)

    def _drills(self, parts: Parts) -> Drills | None:
        """The failure drills, if they are enabled and the store is a file."""
        database = self.settings.database_file
        if not self.settings.demo or database is None:
            return None
        return Drills(
            clock=parts.clock,
            store=parts.store,
            journal=parts.journal,
            collector=parts.collector,
            loader=self.workers.loading,
            status=self.status,
            ledger=parts.ledger,
            recent=parts.newest,
            database=database,
            quota=self.settings.journal_quota * MEGABYTE,
        )
