"""A monitor that is killed, its files damaged afterwards, and a check that no acknowledged reading is lost.

The truth is what the monitor wrote to its standard output before it was killed (see
`tests.support.feeder`), not what it wrote to a file.
"""

from __future__ import annotations

import random
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from sensormon.model.clock import SystemClock
from sensormon.model.settings import Settings
from sensormon.model.status import WriteState
from sensormon.monitor.monitor import Monitor
from sensormon.monitor.offline import StoppedMonitor
from sensormon.monitor.verify import verify

Fault = Callable[[Path, random.Random], None]
"""Damages the files in a data folder after a kill."""


def kill_alone(_: Path, __: random.Random) -> None:
    """Leave the files as the kill left them."""


def delete_database(folder: Path, _: random.Random) -> None:
    """Delete the database and its write-ahead log."""
    for path in folder.glob("sensormon.duckdb*"):
        path.unlink()


def truncate_database(folder: Path, rng: random.Random) -> None:
    """Cut the database off at a random length."""
    _truncate(folder / "sensormon.duckdb", rng)


def flip_database(folder: Path, rng: random.Random) -> None:
    """Flip a random bit of the database."""
    _flip(folder / "sensormon.duckdb", rng)


def truncate_wal(folder: Path, rng: random.Random) -> None:
    """Cut the database's write-ahead log off at a random length."""
    _truncate(folder / "sensormon.duckdb.wal", rng)


def flip_wal(folder: Path, rng: random.Random) -> None:
    """Flip a random bit of the database's write-ahead log."""
    _flip(folder / "sensormon.duckdb.wal", rng)


def tear_journal(folder: Path, rng: random.Random) -> None:
    """Append the beginning of a record, as an append that a power cut interrupts leaves it."""
    newest = max((folder / "journal").glob("*.seg"))
    with newest.open("ab") as file:
        file.write(b"\xf5SMR" + rng.randbytes(2))


def _truncate(path: Path, rng: random.Random) -> None:
    if path.exists():
        with path.open("r+b") as file:
            file.truncate(rng.randrange(path.stat().st_size + 1))


def _flip(path: Path, rng: random.Random) -> None:
    if path.exists() and path.stat().st_size:
        with path.open("r+b") as file:
            at = rng.randrange(path.stat().st_size)
            file.seek(at)
            (byte,) = file.read(1)
            file.seek(at)
            file.write(bytes([byte ^ (1 << rng.randrange(8))]))


def run_and_kill(folder: Path, seed: int, rng: random.Random, most: int, what: str = "") -> dict[int, float]:
    """Run a monitor for a random number of batches below `most`, then kill it.

    Returns the values that it acknowledged, by id. `what` is passed to the feeder, which may
    kill itself earlier.
    """
    acknowledged: dict[int, float] = {}
    lines = rng.randrange(1, most)
    with subprocess.Popen(
        [sys.executable, "-m", "tests.support.feeder", str(folder), str(seed), what],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        for count, line in enumerate(process.stdout):
            if not line.endswith("\n"):
                break  # it killed itself in the middle of a line
            first, rejected, values = line.split(" ")
            assert rejected == "0"
            for i, value in enumerate(values.split(",")):
                number = int(first) + i
                assert number not in acknowledged
                acknowledged[number] = float(value)
            if count >= lines:
                break
        process.kill()
        rest = process.stdout.read()
        assert acknowledged or what, process.stderr.read()
        for line in rest.splitlines(keepends=True):
            if line.endswith("\n"):  # written before the kill, read after it
                first, _, values = line.split(" ")
                acknowledged |= {int(first) + i: float(value) for i, value in enumerate(values.split(","))}
    return acknowledged


def assert_all_stored(folder: Path, acknowledged: dict[int, float]) -> None:
    """Restart the monitor; every acknowledged reading must be stored exactly once, and `verify` agree."""
    monitor = Monitor(Settings(data_dir=folder, source="none"), SystemClock())
    for _ in range(60):  # it recovers by itself, after several tries if the damage shows late
        monitor.drain()
        status = monitor.status()
        if status.writing is WriteState.HEALTHY and not status.journal.depth_readings:
            break
        monitor.clock.wait(threading.Event(), 1.0)
    monitor.stop()
    stopped = StoppedMonitor(folder, str(folder / "sensormon.duckdb"))
    report = verify(stopped)
    assert report.findings == ()
    with stopped.store() as store:
        assert store is not None
        counts = store.ledger.recount()
        assert counts.rows == counts.distinct_ids
        stored = store.ledger.values_between(0, 2**62)
    missing = acknowledged.keys() - stored.keys()
    assert not missing, f"{len(missing)} acknowledged readings are lost, the first is {min(missing)}"
    assert {number: stored[number] for number in acknowledged} == acknowledged
