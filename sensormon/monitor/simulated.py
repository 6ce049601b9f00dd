"""Which tags have simulated readings, and over which times: what a badge on a page depends on."""

from __future__ import annotations

import threading
from contextlib import suppress

from sensormon.model.clock import SECOND, Clock
from sensormon.model.errors import StoreError
from sensormon.model.readings import is_simulated
from sensormon.model.timestamps import FOREVER
from sensormon.monitor.live_ledger import LiveLedger
from sensormon.monitor.source import RunningSource
from sensormon.stores.long_spans import Spans

AGAIN = 60 * SECOND
"""µs until the store is asked again; what the running simulator adds is known without it."""


class SimulatedReadings:
    """Of one monitor. Never raises: without the store, what was known last and what runs now."""

    def __init__(self, source: RunningSource, spans: Spans, ledger: LiveLedger, clock: Clock) -> None:
        self._source = source
        self._spans = spans
        self._ledger = ledger
        self._clock = clock
        self._lock = threading.Lock()
        self._stored: dict[str, tuple[int, int]] = {}
        self._asked: int | None = None

    @property
    def running(self) -> frozenset[str]:
        """The tags whose readings the simulator makes now."""
        return self._source.simulated_tags

    def spans(self) -> dict[str, tuple[int, int]]:
        """The times (µs UTC) of the first and the last simulated reading of each tag that has any.

        A tag that is simulated now has no last one.
        """
        running = self.running
        if not running and all(not is_simulated(line.source) for line in self._ledger.now().lines):
            return {}
        stored = self._known()
        return stored | {name: (stored.get(name, (0, 0))[0], FOREVER) for name in running}

    def within(self, since: int, until: int) -> frozenset[str]:
        """The tags with simulated readings at since <= time < until, or between such readings."""
        return frozenset(
            name for name, (first, last) in self.spans().items() if first < until and last >= since
        )

    def _known(self) -> dict[str, tuple[int, int]]:
        now = self._clock.now()
        with self._lock:
            if self._asked is None or not 0 <= now - self._asked < AGAIN:
                with suppress(StoreError):
                    self._stored = self._spans.simulated()
                    self._asked = now
            return dict(self._stored)
