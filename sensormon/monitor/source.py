"""The source of a running monitor: the work of its thread, its status, and simulated faults."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from sensormon.ingest.collector import Collector
from sensormon.ingest.workers import run_source
from sensormon.model.clock import Clock
from sensormon.model.errors import UsageError
from sensormon.model.status import SourceState, SourceStatus
from sensormon.sources import Source
from sensormon.sources.simulator import Simulator

HTTP = "http"
"""The source of readings that come in by requests."""


@dataclass(frozen=True)
class Named:
    """The named sources by the names of their readings, whichever process runs them.

    Those that may still deliver, and those that were removed, stopped or have come to their end; the tags of
    which some make up the readings here.
    """

    delivering: frozenset[str] = frozenset()
    ended: frozenset[str] = frozenset()
    simulated: frozenset[str] = frozenset()


class RunningSource:
    """Of one monitor. `source` is None if readings come in only over HTTP.

    `first_start`: nothing was ever collected in the data folder.
    """

    def __init__(self, source: Source | None, collector: Collector, clock: Clock, first_start: bool) -> None:
        self._source = source
        self._collector = collector
        self._clock = clock
        self._backfill = first_start
        self._state = SourceState.STARTING
        self.named = Named()
        """The sources beside this one; see `intake.named_sources`."""

    @property
    def name(self) -> str:
        """The name of its readings."""
        return self._source.name if self._source else HTTP

    @property
    def delivering(self) -> frozenset[str]:
        """The names of the sources that may still deliver: requests, those named, its own until its end."""
        own = {self._source.name} if self._source and self._state is not SourceState.FINISHED else set()
        return frozenset({HTTP, *own, *self.named.delivering})

    @property
    def ended(self) -> frozenset[str]:
        """The names of the sources whose tags nobody expects to report any more."""
        return (self.named.ended | {self.name}) - self.delivering

    @property
    def simulator(self) -> Simulator | None:
        """The simulator, if it is the source."""
        return self._source if isinstance(self._source, Simulator) else None

    @property
    def simulated_tags(self) -> frozenset[str]:
        """The tags whose readings a simulator makes now."""
        own = (tag.name for tag in self.simulator.tags) if self.simulator else ()
        return self.named.simulated.union(own)

    def run(self, stopping: threading.Event) -> None:
        """Take due batches from the source until `stopping` is set or the source ends."""
        self.backfill()
        if self._source is None:
            self._state = SourceState.WAITING
            return
        self._state = SourceState.COLLECTING
        self._state = run_source(self._source, self._collector, self._clock, stopping)

    def stopped(self) -> None:
        """Note that the monitor has stopped."""
        self._state = SourceState.STOPPED

    def backfill(self) -> None:
        """At the very first start of a simulated plant, fill in the last 15 minutes."""
        if self._backfill and self.simulator is not None:
            self._backfill = False
            for piece in self.simulator.backfill_pieces(self._clock.now()):
                self._collector.submit(piece)

    def inject(self, fault: str, tag: str, seconds: float) -> None:
        """Start this fault in the simulator, for this long. Raises UsageError without a simulator."""
        if self.simulator is None:
            raise UsageError(
                "there is no simulator to make a fault", where="source", hint="Use SENSORMON_SOURCE=simulator"
            )
        self.simulator.inject(fault, tag, self._clock.now(), seconds)

    def status(self, dead: bool) -> SourceStatus:
        """Its status; `dead` says that its thread has died."""
        source, state, refused = self._source, self._state, self._collector.refused
        if dead:
            state = SourceState.FAILED
        elif refused and state in (SourceState.COLLECTING, SourceState.WAITING):
            state = SourceState.REFUSING
        return SourceStatus(
            name=self.name,
            state=state,
            interval=source.interval if source else 0.0,
            tags=tuple(tag.name for tag in source.tags) if source else (),
            rate=self._collector.arrivals.rate(self._clock.now()),
            last_reading=self._collector.arrivals.last,
            newest_time=self._collector.arrivals.newest,
            problem=refused,
            refusal=self._collector.refusal,
            refused=self._collector.refused_readings,
        )
