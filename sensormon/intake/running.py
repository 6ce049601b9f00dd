"""One named source while it runs: its thread, and what it is told to do."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace

from sensormon.ingest.workers import Worker
from sensormon.intake.taking import Taking
from sensormon.model.clock import SECOND, Clock
from sensormon.model.errors import SensormonError
from sensormon.model.source_health import Link, SourceHealth, SourceTrouble
from sensormon.sources.connected import ConnectedSource, Stopping
from sensormon.sources.named import NamedSource
from sensormon.sources.report import Report

STOP_SECONDS = 1.0
BACKOFF = (1.0, 2.0, 5.0, 10.0, 30.0)
"""Seconds before a source that cannot run is tried again; the last value for all further tries."""
STEADY = 60 * SECOND
"""After running this long (µs) a source begins with the first of them again."""


class RunningNamed:
    """Of one source with this configuration.

    `open_source` makes it anew for each try, `intake` where it delivers.
    """

    def __init__(
        self,
        config: NamedSource,
        open_source: Callable[[], ConnectedSource],
        intake: Callable[[Report, threading.Event], Taking],
        clock: Clock,
        collector: str,
    ) -> None:
        self.config = config
        self.report = Report(config.name, config.kind, config.place, clock, collector)
        self._open = open_source
        self._intake = intake
        self._clock = clock
        self._taking: Taking | None = None
        self._stopping = threading.Event()  # any thread of the source may wait on it
        self._worker = Worker(f"source {config.name}", self._run, clock)

    def start(self) -> None:
        """Begin to deliver."""
        self._worker.start()

    def ask_to_stop(self) -> None:
        """Let it end, without waiting."""
        self._stopping.set()

    def stop(self) -> None:
        """End it; what was not taken is not acknowledged, and nothing is taken any more."""
        self.ask_to_stop()
        self._worker.stop(STOP_SECONDS)
        if self._taking is not None:
            self._taking.close()

    def kill(self) -> int:
        """Kill its thread; for tests. See `Worker.kill`."""
        return self._worker.kill()

    def health(self) -> SourceHealth:
        """How it is now. A thread that died is its last trouble until another one comes."""
        health = self.report.health()
        if failure := self._worker.failure or self._worker.last_failure:
            trouble = SourceTrouble(health.since, failure, "This is a fault of sensormon")
            if self._worker.failure:
                return replace(health, link=Link.FAILED, trouble=trouble)
            return replace(health, trouble=health.trouble or trouble)
        return health

    def _run(self, ending: threading.Event) -> None:
        del ending
        stopping, tries = self._stopping, 0
        while not stopping.is_set():
            self.report.connecting()
            began = self._clock.now()
            try:
                self._open().run(self._begin(stopping), self.report, stopping)
            except Stopping:
                return
            except SensormonError as error:
                self.report.failed(error)
                tries = 0 if self._clock.now() - began > STEADY else tries
                stopping.wait(BACKOFF[min(tries, len(BACKOFF) - 1)])
                tries += 1
            else:
                if stopping.is_set():
                    return
                self.report.finished()
                stopping.wait()

    def _begin(self, stopping: threading.Event) -> Taking:
        """Where this run delivers; threads of the one before can do so no longer."""
        if self._taking is not None:
            self._taking.close()
        self._taking = self._intake(self.report, stopping)
        return self._taking
