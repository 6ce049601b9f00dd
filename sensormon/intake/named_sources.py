"""The named sources of one monitor: what sources.toml says is what runs.

`accompany` gives a monitor its thread; `sources_of` is what pages and routes ask. Where several processes
use the store each source runs in one of them. What it is not: a protocol, or how readings are taken; see
`sources` and `taking`.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sensormon.access.documents import Documents
from sensormon.ingest.workers import Worker
from sensormon.intake.running import RunningNamed
from sensormon.intake.secrets import secret_of
from sensormon.intake.sources_file import SourcesFile, sources_file
from sensormon.intake.taking import Taking
from sensormon.model.errors import SensormonError, StoreError, UsageError
from sensormon.model.format import counted
from sensormon.model.source_health import Link, SourceHealth
from sensormon.model.status import CompanionStatus
from sensormon.model.tags import Tag
from sensormon.monitor.monitor import Monitor
from sensormon.sources.connected import Explorer, Intake, Secret
from sensormon.sources.kinds import KINDS
from sensormon.sources.named import NamedSource
from sensormon.sources.report import Report
from sensormon.stores.leader import Leader

NAME = "sources"
"""Of the thread, and of what the monitor keeps for this room."""
LOOK = 1.0
"""Seconds between two looks at the file."""
_TRIES = 5

_log = logging.getLogger(__name__)


@dataclass
class _Place:
    """Where a source runs: its leader among the processes, and what runs here."""

    leader: Leader
    running: RunningNamed | None = None
    leads: bool = False


class NamedSources:
    """Of one monitor. `environment` holds the secrets, which are never stored. Thread-safe."""

    def __init__(self, monitor: Monitor, environment: Mapping[str, str] = os.environ) -> None:
        parts = monitor.parts
        self.documents = Documents(parts.collector, parts.store.entries, monitor.clock)
        shared = self.documents if parts.store.collectors is not None else None
        self.file: SourcesFile = sources_file(
            monitor.settings.sources_file, monitor.settings.data_dir, shared
        )
        self.worker = Worker(NAME, self._run, monitor.clock)
        self._monitor = monitor
        self._environment = environment
        self._places: dict[str, _Place] = {}
        self._lock = threading.RLock()
        self._adding = threading.Lock()

    def config(self) -> Mapping[str, NamedSource]:
        """The sources in force, by name."""
        return self.file.current()

    def look(self) -> None:
        """Start and stop what the file and the other processes say; the room's thread calls it."""
        with self._lock:
            wanted = self.config()
            for name in [*self._places]:
                running = self._places[name].running
                if running is not None and (name not in wanted or running.config != wanted[name]):
                    running.stop()
                    self._places[name].running = None
                if name not in wanted:
                    self._places.pop(name).leader.resign()
            for name, config in wanted.items():
                self._attend(name, config)

    def health(self) -> tuple[SourceHealth, ...]:
        """How each source is, in the order of the file."""
        with self._lock:
            running = {name: place.running for name, place in self._places.items()}
        return tuple(
            own.health() if (own := running.get(name)) is not None else self._idle(config)
            for name, config in self.config().items()
        )

    def problems(self) -> tuple[str, ...]:
        """What is wrong, one line each, without secrets."""
        file = (f"Sources: {self.file.problem}",) if self.file.problem else ()
        return (*file, *(_problem_of(health) for health in self.health() if not health.works))

    def status(self) -> CompanionStatus:
        """How they are, in short."""
        healths = self.health()
        return CompanionStatus(NAME, sources_words(healths), self.problems())

    def explore(self, config: NamedSource) -> Explorer:
        """What a page asks of this source, whether or not it is in the file. Raises SourceError."""
        return KINDS[config.kind].explore(config, self._secret(config), self._monitor.settings.data_dir)

    def stop(self) -> None:
        """End all of them."""
        with self._lock:
            for place in self._places.values():
                if place.running is not None:
                    place.running.ask_to_stop()
            for place in self._places.values():
                if place.running is not None:
                    place.running.stop()
                    place.running = None
                place.leader.resign()
            self._places.clear()

    # -- one source ---------------------------------------------------------------

    def _attend(self, name: str, config: NamedSource) -> None:
        """Let this source run here, or not. The lock is held."""
        store = self._monitor.parts.store
        place = self._places.setdefault(name, _Place(store.leader(f"source {name}")))
        mine = config.common.on and config.common.collector in ("", self._monitor.settings.collector)
        if mine:
            try:
                place.leads = place.leader.leads()
            except StoreError:  # whoever delivers goes on: the journal takes what it brings
                place.leads = place.leads or self._monitor.parts.store.collectors is None
        elif place.leads:
            place.leader.resign()
            place.leads = False
        if place.leads and place.running is None:
            place.running = self._made(config)
            place.running.start()
        elif not place.leads and place.running is not None:
            place.running.stop()
            place.running = None

    def _made(self, config: NamedSource) -> RunningNamed:
        kind, secret = KINDS[config.kind], self._secret(config)
        return RunningNamed(
            config,
            lambda: kind.open(config, secret, self._monitor.settings.data_dir),
            lambda report, stopping: self._intake(config, report, stopping),
            self._monitor.clock,
            self._monitor.settings.collector,
        )

    def _intake(self, config: NamedSource, report: Report, stopping: threading.Event) -> Intake:
        monitor = self._monitor
        return Taking(
            config.name,
            monitor.parts.collector,
            self.documents,
            report,
            monitor.clock,
            stopping,
            lambda tags: self._add_tags(config, report, tags),
            self._newest,
            monitor.parts.journal.writer,
        )

    def _secret(self, config: NamedSource) -> Secret:
        return secret_of(config.common, self._environment, self._monitor.settings.data_dir)

    def _idle(self, config: NamedSource) -> SourceHealth:
        """Of a source that does not run here."""
        link = Link.ELSEWHERE if config.common.on else Link.STOPPED
        return SourceHealth(
            config.name,
            config.kind,
            config.place,
            link,
            self._monitor.started,
            collector=config.common.collector,
        )

    def _add_tags(self, config: NamedSource, report: Report, tags: Sequence[Tag]) -> None:
        """Add what the table does not have."""
        with self._adding:
            for attempt in range(_TRIES):
                known = self._monitor.tags
                new = [tag for tag in {tag.name: tag for tag in tags}.values() if tag.name not in known]
                if not new:
                    return
                try:
                    self._monitor.tag_file.add(new, f"source {config.name}")
                except UsageError as error:  # somebody else has just written the file, or nobody can
                    if attempt == _TRIES - 1:
                        report.trouble(error)

    def _newest(self, tags: Collection[str]) -> Mapping[str, int]:
        """By tag, the own time of its newest reading here or in the store."""
        return self._monitor.readings.newest_times(tags)

    def _run(self, stopping: threading.Event) -> None:
        try:
            while not stopping.is_set():
                try:
                    self.look()
                except SensormonError as error:
                    _log.warning("sources: %s", error)
                self._monitor.clock.wait(stopping, LOOK)
        finally:
            self.stop()


def sources_words(healths: Sequence[SourceHealth]) -> str:
    """How many deliver, in a few words; empty if none is to.

    >>> sources_words([SourceHealth("line1", "opcua", "", Link.CONNECTED, 0)])
    '1 source delivers'
    """
    here = [health for health in healths if health.link not in (Link.STOPPED, Link.ELSEWHERE, Link.FINISHED)]
    if not here:
        return ""
    delivering = sum(health.link is Link.CONNECTED for health in here)
    if delivering == len(here):
        return f"{counted(delivering, 'source')} {'delivers' if delivering == 1 else 'deliver'}"
    return f"{delivering} of {counted(len(here), 'source')} deliver"


def _problem_of(health: SourceHealth) -> str:
    why = f": {health.trouble.what}" if health.trouble else ""
    return f"{health.name} is {health.link}{why}"


def sources_of(monitor: Monitor) -> NamedSources:
    """Those of this monitor, made at the first call."""
    with _MAKING:
        if NAME not in monitor.beside:
            monitor.beside[NAME] = NamedSources(monitor)
        kept: NamedSources = monitor.beside[NAME]
        return kept


def accompany(monitor: Monitor) -> None:
    """Give the monitor the thread of its named sources; before it starts. See `runtime.accompany`."""
    sources = sources_of(monitor)
    monitor.accompany(sources.worker, sources.status)


_MAKING = threading.Lock()
