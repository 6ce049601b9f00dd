"""Zero loss under fire: killed at random, files harmed in between, each acknowledged reading there once.

The truth is what the monitor said on its standard output before it was killed, not what
it wrote anywhere.
"""

from __future__ import annotations

import random
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from sensormon.model.clock import SystemClock
from sensormon.model.settings import Settings
from sensormon.model.status import WriteState
from sensormon.monitor.monitor import Monitor
from sensormon.monitor.offline import StoppedMonitor
from sensormon.monitor.verify import verify

Fault = Callable[[Path, random.Random], None]


def nothing(_: Path, __: random.Random) -> None:
    """The kill alone."""


def delete_database(folder: Path, _: random.Random) -> None:
    for path in folder.glob("sensormon.duckdb*"):
        path.unlink()


def truncate_database(folder: Path, rng: random.Random) -> None:
    _truncate(folder / "sensormon.duckdb", rng)


def flip_database(folder: Path, rng: random.Random) -> None:
    _flip(folder / "sensormon.duckdb", rng)


def truncate_wal(folder: Path, rng: random.Random) -> None:
    _truncate(folder / "sensormon.duckdb.wal", rng)


def flip_wal(folder: Path, rng: random.Random) -> None:
    _flip(folder / "sensormon.duckdb.wal", rng)


def tear_journal(folder: Path, rng: random.Random) -> None:
    """The beginning of an append that the power cut short."""
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


FAULTS: list[Fault] = [
    nothing,
    tear_journal,
    delete_database,
    nothing,
    truncate_wal,
    flip_wal,
    nothing,
    truncate_database,
    flip_database,
]


def run_and_kill(folder: Path, seed: int, rng: random.Random, most: int, what: str = "") -> dict[int, float]:
    """Let a monitor run for a random number of batches below `most`; what it acknowledged by id.

    `what` is what else the feeder does; it may kill itself earlier.
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
                break  # it killed itself while it spoke
            first, rejected, values = line.split(" ")
            assert rejected == "0"
            for i, value in enumerate(values.split(",")):
                one = int(first) + i
                assert one not in acknowledged
                acknowledged[one] = float(value)
            if count >= lines:
                break
        process.kill()
        rest = process.stdout.read()
        assert acknowledged or what, process.stderr.read()
        for line in rest.splitlines(keepends=True):
            if line.endswith("\n"):  # said before the kill and read after it
                first, _, values = line.split(" ")
                acknowledged |= {int(first) + i: float(v) for i, v in enumerate(values.split(","))}
    return acknowledged


def check(folder: Path, acknowledged: dict[int, float]) -> None:
    """Every acknowledged reading is in the store exactly once, and `verify` agrees."""
    monitor = Monitor(Settings(data_dir=folder, source="none"), SystemClock())
    for _ in range(60):  # it comes back by itself, after some tries where the harm shows late
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
        counts = store.recount()
        assert counts.rows == counts.distinct_ids
        stored = store.values_between(0, 2**62)
    missing = acknowledged.keys() - stored.keys()
    assert not missing, f"{len(missing)} acknowledged readings are lost, the first is {min(missing)}"
    assert {one: stored[one] for one in acknowledged} == acknowledged


@pytest.mark.parametrize(
    ("kills", "most", "seed"),
    [(4, 1000, 1), pytest.param(100, 400, 2, marks=pytest.mark.long)],
    ids=["four", "hundred"],
)
def test_killed_and_harmed_again_and_again_nothing_is_lost_or_doubled(
    tmp_path: Path, kills: int, most: int, seed: int
) -> None:
    rng = random.Random(seed)  # noqa: S311  where a kill falls need not be secret
    folder = tmp_path / "data"
    acknowledged: dict[int, float] = {}
    for round_number in range(kills):
        said = run_and_kill(folder, seed * 1000 + round_number, rng, most)
        assert not said.keys() & acknowledged.keys(), "an id was given twice"
        acknowledged |= said
        FAULTS[round_number % len(FAULTS)](folder, rng)
    check(folder, acknowledged)


@pytest.mark.parametrize(
    "moment",
    [
        "checkpoint",
        "retire",
        pytest.param("replay", marks=pytest.mark.long),
        pytest.param("roll", marks=pytest.mark.long),
    ],
)
def test_killed_in_the_middle_of_a_step_nothing_is_lost_or_doubled(tmp_path: Path, moment: str) -> None:
    rng = random.Random(moment)  # noqa: S311
    folder = tmp_path / "data"
    acknowledged = run_and_kill(folder, 0, rng, 300)
    for seed in range(1, 4):
        if moment == "replay":
            delete_database(folder, rng)  # so that all there is has to be loaded again
        acknowledged |= run_and_kill(folder, seed, rng, 3_000, moment)
    check(folder, acknowledged)
