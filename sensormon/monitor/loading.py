"""The loader's work in a monitor, and what follows each of its steps.

After a step the backlog is settled, the retention of the day begins if it is due, the
snapshot for the command line is written, and now and then the detector's state.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from sensormon.ingest.collector import Collector
from sensormon.ingest.detector_state import EVERY, write_states
from sensormon.ingest.loader import Loader
from sensormon.ingest.workers import run_loader
from sensormon.model.clock import SECOND, Clock
from sensormon.model.errors import JournalError, StoreUnavailable
from sensormon.model.jobs import Progress
from sensormon.model.status import StoreState
from sensormon.monitor.attention import Attention
from sensormon.monitor.data_folder import DataFolder
from sensormon.monitor.live_ledger import LiveLedger
from sensormon.monitor.retention import Retention

_log = logging.getLogger(__name__)

MOST_WAITING = 100_000
"""An import waits while the journal has more unstored readings; fewer than are kept in memory."""
_DRAIN_SECONDS = 60.0


class Loading:
    """Of one monitor. `run` is for its thread, `drain` for a monitor that was never started."""

    def __init__(
        self,
        loader: Loader,
        collector: Collector,
        ledger: LiveLedger,
        attention: Attention,
        retention: Retention,
        folder: DataFolder,
        clock: Clock,
    ) -> None:
        self.follow: Callable[[], None] = lambda: None
        """Called after each step that left the store reachable."""
        self.in_thread = False
        """Whether a thread loads, or is about to."""
        self._loader = loader
        self._collector = collector
        self._ledger = ledger
        self._attention = attention
        self._retention = retention
        self._folder = folder
        self._clock = clock
        self._saved = clock.now()

    def run(self, stopping: threading.Event) -> None:
        """Load until `stopping` is set."""
        run_loader(self._loader, self._clock, stopping, self.after_step)

    def drain(self) -> None:
        """Store what the journal holds, at once."""
        self._loader.drain(_DRAIN_SECONDS)
        self.after_step()

    def finish(self, seconds: float) -> None:
        """Store what can be stored in this many seconds, then release the store."""
        self._loader.drain(seconds)
        self._report()
        self._loader.close()

    def keep_up(self, progress: Progress) -> None:
        """Wait until the store has nearly all that the journal holds; for work that adds a lot of history.

        Raises what `Progress.wait_for` raises.
        """
        unstored = self._collector.unstored
        if not self.in_thread:
            if unstored.readings > MOST_WAITING:
                self.drain()
            return
        pause = threading.Event()
        while unstored.readings > MOST_WAITING:
            progress.wait_for(f"{unstored.readings:,} readings wait for the database")
            self._clock.wait(pause, 0.1)

    def catch_up(self, progress: Progress) -> None:
        """Wait until the store has everything that is durable now.

        Raises StoreUnavailable if it cannot take it, and what `Progress.wait_for` raises.
        """
        last = self._collector.last_record
        pause = threading.Event()
        while (self._loader.position or 0) < last or self._collector.unstored.waits(last):
            if not self.in_thread:
                self.drain()
            status = self._loader.status()
            if status.state not in (StoreState.HEALTHY, StoreState.STARTING):
                raise StoreUnavailable(
                    "the database does not have the newest readings yet",
                    where=status.name,
                    hint=status.problem or "Try again in a moment",
                )
            if not self.in_thread:
                return  # what is left cannot be read, and is reported
            progress.wait_for("the database takes the newest readings")
            self._clock.wait(pause, 0.05)

    def save_states(self) -> None:
        """Save the detector's state for the next start."""
        self._saved = self._clock.now()
        try:
            write_states(self._folder.path, *self._collector.saved_states())
        except OSError as error:
            _log.warning("what the detector remembers cannot be written: %s", error)

    def after_step(self) -> None:
        """Do what follows each step of the loader."""
        self._collector.arrange()
        if self._loader.position is not None:
            try:
                self._collector.unstored.settle(self._loader.position)
            except JournalError as error:
                _log.error("what must be loaded again cannot be counted yet: %s", error)
            if not self._collector.unstored.undos():  # readings of an import that is to go must not roll up
                self._retention.tick()
            self.follow()
        self._report()
        if not 0 <= self._clock.now() - self._saved < EVERY * SECOND:
            self.save_states()

    def _report(self) -> None:
        measured = self._ledger.measured()
        self._attention.judge(measured)
        ledger = measured or self._ledger.now()
        snapshot = {"time": self._clock.now(), "ledger": ledger.to_dict()}
        try:
            self._folder.write_snapshot(snapshot)
        except OSError as error:
            _log.warning("the status for the command line cannot be written: %s", error)
