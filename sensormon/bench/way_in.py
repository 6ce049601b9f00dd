"""The way of a reading in one folder: validation, scoring, journal, loader and a DuckDB store.

Is: what `bench pipeline` and `bench tick` measure, built of the monitor's own parts. Is not: a monitor;
there are no pages, no source and no requests.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from sensormon.bench.judging import version_of
from sensormon.ingest.collector import Collector, Receipt
from sensormon.ingest.dead_letters import DeadLetters
from sensormon.ingest.loader import Loader
from sensormon.ingest.pipeline import Pipeline
from sensormon.ingest.unstored import Unstored
from sensormon.journal.journal import Journal
from sensormon.model.clock import SystemClock
from sensormon.model.errors import StoreError
from sensormon.model.profiles import Profiles
from sensormon.model.readings import Batch
from sensormon.model.tags import TagTable
from sensormon.stores.duckdb_store import DuckDBStore
from sensormon.stores.recent import RecentReadings

POLL = 0.02
LONGEST = 600.0
"""Seconds after which a store that does not take the readings counts as broken."""


class WayIn:
    """Everything between a batch and the store, in this folder."""

    def __init__(self, folder: Path, tags: TagTable, profiles: Profiles) -> None:
        folder.mkdir(exist_ok=True)
        clock = SystemClock()
        self.tags = tags.names
        self.database = folder / "sensormon.duckdb"
        self.journal = Journal(folder / "journal")
        self.loader = Loader(self.journal, DuckDBStore(self.database), DeadLetters(folder), clock)
        self.unstored = Unstored(self.journal, clock, {})
        self.collector = Collector(
            Pipeline(tags, version_of(profiles)), self.journal, RecentReadings(), self.unstored, clock
        )
        self._clock = clock

    def store_all(self, batches: Sequence[Batch]) -> list[Receipt]:
        """Take these batches in while the loader works beside, until the store has them all."""
        with self.loading():
            receipts = [self.collector.submit(batch) for batch in batches]
        self.drain()
        return receipts

    def drain(self) -> None:
        """Load what is in the journal. Raises StoreError if the store does not take it."""
        if not self.loader.drain(LONGEST):
            raise StoreError(
                self.loader.status().problem or "the store is too slow", where=str(self.database)
            )
        self._settle()

    @contextmanager
    def loading(self, pause: float = POLL) -> Iterator[None]:
        """The loader works in a thread of its own meanwhile, as in a monitor whose readings never stop.

        So it looks for readings every `pause` seconds, and goes on with the store that is open.
        """
        stopping = threading.Event()
        thread = threading.Thread(target=self._load, args=(stopping, pause), name="bench-loader")
        thread.start()
        try:
            yield
        finally:
            stopping.set()
            thread.join()

    def close(self) -> None:
        """Close journal and store."""
        self.journal.close()
        self.loader.close()

    def _load(self, stopping: threading.Event, pause: float) -> None:
        while not stopping.is_set():
            wait = self.loader.step()
            self._settle()
            self._clock.wait(stopping, min(wait, pause))

    def _settle(self) -> None:
        self.collector.arrange()
        if self.loader.position is not None:
            self.unstored.settle(self.loader.position)
