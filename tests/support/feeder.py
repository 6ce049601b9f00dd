"""A monitor that takes readings as fast as it can and writes what it acknowledged to standard output.

`tests.support.kills` runs it, kills it, and starts it again on the same folder. A third argument
arms it: with `checkpoint`, `replay`, `roll` or `retire` it kills itself somewhere in the middle of
that step, `syncs=FILE` records what was really synced, and `unsynced=FILE` does not sync at all,
like a journal that only claims to.
"""

from __future__ import annotations

import inspect
import os
import random
import signal
import sys
import threading
from pathlib import Path

import numpy as np

from sensormon.ingest import loader
from sensormon.journal.archive import Archive
from sensormon.journal.journal import Journal
from sensormon.model.clock import SystemClock
from sensormon.model.readings import Batch
from sensormon.model.settings import Settings
from sensormon.monitor.monitor import Monitor
from sensormon.stores.duckdb_store import DuckDBStore

TAGS = ("fermenter_temp", "fermenter_ph")


def kill_in(owner: type, method: str, seed: int, within: float) -> None:
    """Have the process killed in one of the next calls of this method, up to `within` seconds into it."""
    rng = random.Random(seed)  # noqa: S311  the moment of a kill need not be secret
    calls = rng.randrange(1, 6)
    real = getattr(owner, method)

    def dangerous(*arguments: object, **named: object) -> object:
        nonlocal calls
        calls -= 1
        if calls == 0:
            delay = rng.uniform(0, within)
            threading.Timer(delay, os.kill, (os.getpid(), signal.SIGKILL)).start()
        return real(*arguments, **named)

    setattr(owner, method, dangerous)


def set_default(owner: type, parameter: str, value: object) -> None:
    """Make the constructor of this class use another default value."""
    defaults = inspect.unwrap(vars(owner)["__init__"]).__kwdefaults__
    defaults[parameter] = value


def note_syncs(path: str, real: bool) -> None:
    """Write inode and size to this file after each sync of the journal."""
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def sync(fd: int) -> None:
        if real:
            os.fdatasync(fd)
            status = os.fstat(fd)
            os.write(log, f"{status.st_ino} {status.st_size}\n".encode())

    set_default(Journal, "fdatasync", sync)


def prepare(what: str, seed: int) -> None:
    """Arm what the third argument says."""
    kind, _, path = what.partition("=")
    match kind:
        case "checkpoint":
            kill_in(DuckDBStore, "checkpoint", seed, 0.02)
        case "replay":
            kill_in(DuckDBStore, "load", seed, 0.01)
        case "roll":
            kill_in(Journal, "_roll", seed, 0.001)
        case "retire":
            kill_in(Archive, "put", seed, 0.002)
        case "syncs" | "unsynced":
            note_syncs(path, real=kind == "syncs")


def main(folder: str, seed: int, what: str) -> None:
    """Small segments and frequent checkpoints, so that a kill meets them often."""
    prepare(what, seed)
    loader.CHECKPOINT = 0.05
    loader.PACE = 0.02
    set_default(Journal, "segment_bytes", 20_000)
    clock = SystemClock()
    monitor = Monitor(Settings(data_dir=Path(folder), source="none"), clock)
    monitor.start()
    rng = np.random.default_rng(seed)
    while True:
        count = int(rng.integers(1, 40))
        now = clock.now()
        tag = rng.integers(0, 2, count).astype(np.int32)
        value = np.where(tag == 0, rng.uniform(30, 45, count), rng.uniform(6, 8, count))
        batch = Batch(
            source="feeder",
            received=now,
            tags=TAGS,
            tag=tag,
            time=now + np.arange(count),
            value=np.round(value, 6).astype(np.float64),
            quality=np.zeros(count, dtype=np.uint32),
        )
        receipt = monitor.submit(batch)
        done = receipt.processed.accepted
        values = ",".join(map(repr, done.value.tolist()))
        sys.stdout.write(f"{receipt.first_id} {len(receipt.processed.rejected)} {values}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3] if len(sys.argv) > 3 else "")
