"""Real faults on the running system, on request, and the proof of recovery after each.

Is: for demonstration and trials, with `SENSORMON_DEMO=1`. Every fault occurs in real
plants: another program holds the database, a thread dies, bytes of the file are
overwritten, the space is used up, a sender repeats itself. Nothing in the monitor knows
that it is being tested. Is not: simulated sensor faults (`sources/faults.py`).
"""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from sensormon.ingest.collector import Collector
from sensormon.ingest.workers import Worker
from sensormon.journal.journal import Journal
from sensormon.model.clock import SECOND, Clock
from sensormon.model.errors import StoreError, StoreUnavailable, UsageError
from sensormon.model.ledger import Ledger
from sensormon.model.readings import Batch
from sensormon.model.status import Status, StoreState
from sensormon.monitor.live_ledger import LiveLedger
from sensormon.stores.protocol import Store
from sensormon.stores.recent import RecentReadings

_log = logging.getLogger(__name__)

SECONDS = 20.0
"""How long a lasting fault lasts."""
PATIENCE = 600.0
"""Seconds after which a recovery counts as failed."""
BURST = 200
"""Readings that a duplicate burst repeats."""
FILLER = "demonstration.filler"
"""The file in the journal's folder that uses up its quota."""

_HEADERS = 3 * 4096
_STRIDE = 4096


@dataclass(frozen=True)
class Drill:
    """A failure drill: its name, its title, and what it really does, in a sentence."""

    name: str
    title: str
    sentence: str


DRILLS = {
    drill.name: drill
    for drill in (
        Drill(
            "database_down",
            "Database down for 20 s",
            "Another process takes the database file and keeps it locked for 20 s.",
        ),
        Drill("kill_loader", "Kill the loader", "The thread that loads the database is killed."),
        Drill(
            "corrupt_database",
            "Corrupt the database",
            "Bytes in every 4 KiB of the database file are overwritten.",
        ),
        Drill(
            "fill_quota",
            "Fill the disk quota",
            "The journal's quota is used up for 20 s; readings of that time are refused, not lost.",
        ),
        Drill("duplicate_burst", "Duplicate burst", f"The newest {BURST} readings are sent a second time."),
    )
}


@dataclass(frozen=True)
class Proof:
    """The count after recovery; `stored` rows hold the readings acknowledged during the fault."""

    acknowledged: int
    stored: int
    doubled: int
    refused: int
    duplicates: int
    difference: int
    seconds: float  # from the end of the fault to the recovery

    @property
    def holds(self) -> bool:
        """Whether no acknowledged reading is lost and none is stored twice."""
        return self.stored == self.acknowledged and self.doubled == 0 and self.difference == 0


@dataclass
class Run:
    """One run of a drill: its start, what has happened so far, the proof at the end."""

    drill: Drill
    started: int
    steps: list[tuple[int, str]] = field(default_factory=list)
    proof: Proof | None = None
    problem: str = ""

    @property
    def over(self) -> bool:
        return self.proof is not None or bool(self.problem)


class Drills:
    """Causes one fault at a time in a thread of its own; `runs` has all runs, newest last."""

    def __init__(
        self,
        *,
        clock: Clock,
        store: Store,
        journal: Journal,
        collector: Collector,
        loader: Worker,
        status: Callable[[], Status],
        ledger: LiveLedger,
        recent: RecentReadings,
        database: Path,
        quota: int,
    ) -> None:
        self._clock = clock
        self._store = store
        self._journal = journal
        self._collector = collector
        self._loader = loader
        self._status = status
        self._ledger = ledger
        self._recent = recent
        self._database = database
        self._quota = quota
        self._stopping = threading.Event()
        self._starting = threading.Lock()
        self._thread = threading.Thread()
        self.runs: list[Run] = []

    def start(self, name: str) -> None:
        """Cause this fault now. Raises UsageError if it is impossible, or another is active."""
        if name not in DRILLS:
            known = ", ".join(DRILLS)
            raise UsageError(f"there is no {name!r}", where="demonstration", hint=f"Choose one of: {known}")
        if name == "fill_quota" and not self._quota:
            raise UsageError(
                "the journal has no quota",
                where="demonstration",
                hint="Set SENSORMON_JOURNAL_QUOTA to a number of MB",
            )
        with self._starting:
            if self.runs and not self.runs[-1].over:
                raise UsageError(
                    "another drill is still running",
                    where="demonstration",
                    hint="Wait until it has recovered",
                )
            run = Run(DRILLS[name], self._clock.now())
            self.runs = [*self.runs[-9:], run]
        self._thread = threading.Thread(
            target=self._carry_out, args=(run,), name="sensormon-demonstration", daemon=True
        )
        self._thread.start()

    def wait(self, seconds: float) -> Run:
        """The newest run, once it is over or after at most this many seconds."""
        self._thread.join(seconds)
        return self.runs[-1]

    def stop(self) -> None:
        """End the active fault, if there is one."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join(1.0)

    def _carry_out(self, run: Run) -> None:
        faults = {
            "database_down": self._hold_database,
            "kill_loader": self._kill_loader,
            "corrupt_database": self._corrupt_database,
            "fill_quota": self._fill_quota,
            "duplicate_burst": self._repeat,
        }
        before, refused = self._ledger.now(), self._collector.refused_readings
        first = self._collector.next_id
        try:
            faults[run.drill.name](run)
            self._await_recovery(run, first, before, refused)
        except Exception as error:  # noqa: BLE001  the end of the thread; any error is reported
            run.problem = f"{type(error).__name__}: {error}"
            _log.exception("the demonstration %s ended early", run.drill.name)

    def _say(self, run: Run, text: str) -> None:
        run.steps.append((self._clock.now(), text))

    # -- the faults -----------------------------------------------------------------

    def _hold_database(self, run: Run) -> None:
        with self._held_by_another() as holder:
            self._say(run, f"process {holder} has locked the database file")
            self._clock.wait(self._stopping, SECONDS)
        self._say(run, "the database file is free again")

    @contextmanager
    def _held_by_another(self) -> Iterator[int]:
        """Hold the database file open in another process; yields its id."""
        command = [sys.executable, "-m", "sensormon.stores.duckdb_hold", str(self._database)]
        with subprocess.Popen(  # noqa: S603  our own module, our own path
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]
        ) as holder:
            held = threading.Event()
            threading.Thread(target=_when_said, args=(holder, held), daemon=True).start()
            try:
                while not held.is_set() and holder.poll() is None and not self._stopping.is_set():
                    self._store.close()  # long enough for the other process to open it
                    self._clock.wait(held, 0.05)
                if not held.is_set():
                    raise StoreUnavailable("the other process could not get hold of the database file")
                yield holder.pid
            finally:
                if holder.stdin is not None:
                    holder.stdin.close()
                holder.wait(10)

    def _kill_loader(self, run: Run) -> None:
        while not (restarts := self._loader.kill()):
            if self._clock.wait(self._stopping, 0.2):
                return
        self._say(run, "the loader thread was killed")
        while self._loader.restarts < restarts:
            if self._clock.wait(self._stopping, 0.2):
                return
        self._say(run, "the loader thread was started again by itself")

    def _corrupt_database(self, run: Run) -> None:
        with self._held_by_another() as holder:  # so that no open connection repairs it from memory
            size = self._database.stat().st_size
            with self._database.open("r+b") as file:
                for offset in range(_HEADERS, size - 64, _STRIDE):
                    file.seek(offset)
                    old = np.frombuffer(file.read(64), dtype=np.uint8)
                    file.seek(offset)
                    file.write((old ^ 0xFF).tobytes())
            os.kill(holder, signal.SIGKILL)
        self._say(run, f"64 bytes in every 4 KiB of the database file ({size:,} bytes) were overwritten")

    def _fill_quota(self, run: Run) -> None:
        filler = self._journal.folder / FILLER
        with filler.open("wb") as file:
            file.truncate(self._quota)
        self._say(run, f"the journal's quota of {self._quota:,} bytes is used up")
        try:
            self._clock.wait(self._stopping, SECONDS)
        finally:
            filler.unlink(missing_ok=True)
        self._say(run, "there is room again")

    def _repeat(self, run: Run) -> None:
        frame = self._recent.frame(0).tail(BURST)
        names = tuple(dict.fromkeys(map(str, frame["tag"])))
        code = {name: i for i, name in enumerate(names)}
        receipt = self._collector.submit(
            Batch(
                source="demonstration",
                received=self._clock.now(),
                tags=names,
                tag=np.array([code[str(name)] for name in frame["tag"]], dtype=np.int32),
                time=frame["time"].to_numpy(dtype="datetime64[us]").astype(np.int64),
                value=frame["value"].to_numpy(dtype=np.float64),
                quality=frame["quality"].to_numpy(dtype=np.uint32),
            )
        )
        rejected = receipt.processed.refused
        self._say(run, f"{len(frame):,} readings were sent again, {rejected:,} were rejected as duplicates")

    # -- the proof ------------------------------------------------------------------

    def _await_recovery(self, run: Run, first: int, before: Ledger, refused: int) -> None:
        freed = self._clock.now()
        upto = self._journal.last
        while not self._recovered(upto):
            if self._clock.now() - freed > PATIENCE * SECOND:
                run.problem = f"no recovery within {PATIENCE:.0f} s"
                return
            if self._clock.wait(self._stopping, 0.2):
                run.problem = "the monitor was stopped meanwhile"
                return
        recovered = self._clock.now()
        self._say(run, "readings go from the source to the database again")
        last = self._collector.next_id
        upto = self._journal.last
        while not self._recovered(upto) and not self._clock.wait(self._stopping, 0.2):
            pass
        recount = self._store.ledger.recount()
        ledger = self._ledger.now()
        dead = ledger.total.dead_lettered - before.total.dead_lettered
        run.proof = Proof(
            acknowledged=last - first,
            stored=len(self._store.ledger.values_between(first, last)) + dead,
            doubled=recount.rows - recount.distinct_ids,
            refused=self._collector.refused_readings - refused,
            duplicates=ledger.total.duplicates_dropped - before.total.duplicates_dropped,
            difference=ledger.total.difference,
            seconds=(recovered - freed) / SECOND,
        )

    def _recovered(self, upto: int) -> bool:
        status = self._status()
        try:
            position = self._store.ledger.accounts().positions.get(self._journal.writer, 0)
        except StoreError:
            return False
        healthy = status.store.state is StoreState.HEALTHY and not status.failures
        return healthy and not status.source.problem and position >= upto


def remove_leftovers(journal: Path) -> None:
    """Remove what a drill left behind if its monitor was killed."""
    (journal / FILLER).unlink(missing_ok=True)


def _when_said(process: subprocess.Popen[bytes], event: threading.Event) -> None:
    if process.stdout is not None and process.stdout.readline():
        event.set()
