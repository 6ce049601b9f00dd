"""One output while it runs: its thread, tried again for ever, and how it is."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace

from sensormon.ingest.workers import Worker
from sensormon.model.clock import Clock
from sensormon.model.errors import SensormonError
from sensormon.model.source_health import Link, SourceTrouble
from sensormon.outputs.config import Output
from sensormon.outputs.report import OutputHealth, OutputReport

STOP_SECONDS = 1.0
BACKOFF = (1.0, 2.0, 5.0, 10.0, 30.0)
"""Seconds before an output that cannot run is tried again; the last value for all further tries."""

Run = Callable[[OutputReport, threading.Event], None]
"""Publishes or serves until the event is set. Raises SensormonError for what a person must mend first."""


class RunningOutput:
    """Of one output with this configuration."""

    def __init__(self, config: Output, run: Run, clock: Clock, collector: str) -> None:
        self.config = config
        self.report = OutputReport(config.common.name, config.kind, config.place, clock, collector)
        self._carry_out = run
        self._stopping = threading.Event()
        self._worker = Worker(f"output {config.common.name}", self._run, clock)

    def start(self) -> None:
        """Begin."""
        self._worker.start()

    def ask_to_stop(self) -> None:
        """Let it end, without waiting."""
        self._stopping.set()

    def stop(self) -> None:
        """End it."""
        self.ask_to_stop()
        self._worker.stop(STOP_SECONDS)

    def health(self) -> OutputHealth:
        """How it is now."""
        health = self.report.health()
        if failure := self._worker.failure:
            trouble = SourceTrouble(health.since, failure, "This is a fault of sensormon")
            return replace(health, link=Link.FAILED, trouble=trouble)
        return health

    def _run(self, ending: threading.Event) -> None:
        del ending
        tries = 0
        while not self._stopping.is_set():
            try:
                self._carry_out(self.report, self._stopping)
            except SensormonError as error:
                self.report.failed(error)
                self._stopping.wait(BACKOFF[min(tries, len(BACKOFF) - 1)])
                tries += 1
