"""The outputs of one monitor: what outputs.toml says is what runs.

Off by default: without the file at the start there is no thread, and neither paho nor asyncua is imported.
Where several processes use the store each output runs in one of them. What it is not: a protocol.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass

from sensormon.access.documents import Documents
from sensormon.ingest.workers import Worker
from sensormon.model.errors import SensormonError, StoreError
from sensormon.model.source_health import Link
from sensormon.model.status import CompanionStatus
from sensormon.monitor.monitor import Monitor
from sensormon.outputs.config import Output
from sensormon.outputs.config_text import OutputsFile, outputs_file
from sensormon.outputs.event_look import EventLooks
from sensormon.outputs.opening import Around, opened
from sensormon.outputs.report import OutputHealth
from sensormon.outputs.running import RunningOutput
from sensormon.stores.leader import Leader

NAME = "outputs"
"""Of the thread, and of what the monitor keeps for this room."""
LOOK = 1.0
"""Seconds between two looks at the file."""

_log = logging.getLogger(__name__)


@dataclass
class _Place:
    """Where an output runs: its leader among the processes, and what runs here."""

    leader: Leader
    running: RunningOutput | None = None
    leads: bool = False


class Outputs:
    """Of one monitor. `environment` holds the secrets, which are never stored. Thread-safe."""

    def __init__(self, monitor: Monitor, environment: Mapping[str, str] = os.environ) -> None:
        parts = monitor.parts
        self.documents = Documents(parts.collector, parts.store.entries, monitor.clock)
        self.shared = parts.store.collectors is not None
        self.file: OutputsFile = outputs_file(
            monitor.settings.outputs_file, monitor.settings.data_dir, self.documents if self.shared else None
        )
        self.worker = Worker(NAME, self._run, monitor.clock)
        self._monitor = monitor
        self._around = Around(monitor, EventLooks(monitor), self.documents, environment, self.shared)
        self._places: dict[str, _Place] = {}
        self._lock = threading.RLock()

    def config(self) -> Mapping[str, Output]:
        """The outputs in force, by name."""
        return self.file.current()

    def look(self) -> None:
        """Start and stop what the file and the other processes say; the room's thread calls it."""
        with self._lock:
            wanted = self.config()
            ending = [
                place
                for name, place in self._places.items()
                if place.running is not None and place.running.config != wanted.get(name)
            ]
            _stop(ending)  # all of them before any starts: one may have the port of another
            for name in [*self._places]:
                if name not in wanted:
                    self._places.pop(name).leader.resign()
            for name, config in wanted.items():
                self._attend(name, config)

    def health(self) -> tuple[OutputHealth, ...]:
        """How each output is, in the order of the file."""
        with self._lock:
            running = {name: place.running for name, place in self._places.items()}
        return tuple(
            own.health() if (own := running.get(name)) is not None else self._idle(config)
            for name, config in self.config().items()
        )

    def problems(self) -> tuple[str, ...]:
        """What is wrong, one line each, without secrets."""
        file = (f"Outputs: {self.file.problem}",) if self.file.problem else ()
        return (*file, *(_problem_of(health) for health in self.health() if not health.works))

    def stop(self) -> None:
        """End all of them."""
        with self._lock:
            _stop([*self._places.values()])
            for place in self._places.values():
                place.leader.resign()
            self._places.clear()

    def _attend(self, name: str, config: Output) -> None:
        """Let this output run here, or not. The lock is held."""
        place = self._places.setdefault(name, _Place(self._monitor.parts.store.leader(f"output {name}")))
        common = config.common
        if common.on and common.collector in ("", self._monitor.settings.collector):
            try:
                place.leads = place.leader.leads()
            except StoreError:  # values go on without the store, if no other process can publish them
                place.leads = place.leads or not self.shared
        elif place.leads:
            place.leader.resign()
            place.leads = False
        if place.leads and place.running is None:
            clock, collector = self._monitor.clock, self._monitor.settings.collector
            place.running = RunningOutput(config, opened(config, self._around), clock, collector)
            place.running.start()
        elif not place.leads:
            _stop([place])

    def _idle(self, config: Output) -> OutputHealth:
        """Of an output that does not run here."""
        link = Link.ELSEWHERE if config.common.on else Link.STOPPED
        common, since = config.common, self._monitor.started
        return OutputHealth(common.name, config.kind, config.place, link, since, collector=common.collector)

    def _run(self, stopping: threading.Event) -> None:
        try:
            while not stopping.is_set():
                try:
                    self.look()
                except SensormonError as error:
                    _log.warning("outputs: %s", error)
                self._monitor.clock.wait(stopping, LOOK)
        finally:
            self.stop()


def _stop(places: list[_Place]) -> None:
    """End what runs there, all at once."""
    running = [place.running for place in places if place.running is not None]
    for each in running:
        each.ask_to_stop()
    for each in running:
        each.stop()
    for place in places:
        place.running = None


def _problem_of(health: OutputHealth) -> str:
    why = f": {health.trouble.what}" if health.trouble else ""
    return f"Output {health.name} is {health.link}{why}"


def outputs_of(monitor: Monitor) -> Outputs:
    """Those of this monitor, made at the first call."""
    return monitor.kept_beside(NAME, Outputs)


def accompany(monitor: Monitor) -> None:
    """Give the monitor the thread of its outputs, if it has a file of them; before it starts.

    On a store that several processes use there is a thread in any case: another one may have the file.
    """
    if monitor.parts.store.collectors is None and not monitor.settings.outputs_file.exists():
        return
    outputs = outputs_of(monitor)
    monitor.accompany(outputs.worker, lambda: CompanionStatus(NAME, impaired=outputs.problems()))
