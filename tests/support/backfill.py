"""A history of 20 tags at a minute in a real database, read by monitors that are killed, and compared."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import psycopg

from sensormon.intake.named_sources import accompany, sources_of
from sensormon.model.clock import MINUTE
from sensormon.model.settings import Settings
from sensormon.monitor.monitor import Monitor
from tests.support.influxdb import InfluxDB
from tests.support.memory import peak

TAGS = 20
BEGIN = 1_609_459_200_000_000
"""2021-01-01 in µs UTC."""
_PART = 2_000
"""Minutes that are made at a time."""
SQL = """
query = "SELECT time, tag, value FROM history WHERE time > :cursor ORDER BY time"
cursor = "time"
"""
INFLUXQL = """
query = "SELECT value FROM history WHERE time >= $cursor AND time < $end GROUP BY *"
"""


@dataclass
class Digest:
    """Of readings in any order."""

    rows: int = 0
    total: int = 0

    def add(self, frame: pd.DataFrame) -> None:
        """These readings: columns tag, time (µs UTC) and value."""
        hashes = pd.util.hash_pandas_object(
            frame[["tag", "time", "value"]].astype({"tag": "str"}), index=False
        )
        self.rows += len(frame)
        self.total = (self.total + int(hashes.to_numpy().sum(dtype=np.uint64))) % (1 << 64)


def history(minutes: int) -> Iterator[pd.DataFrame]:
    """What the tags measured, by time."""
    names = np.array([f"tag_{n}" for n in range(TAGS)], dtype=object)
    for first in range(0, minutes, _PART):
        minute = np.repeat(np.arange(first, min(first + _PART, minutes)), TAGS)
        number = np.tile(np.arange(TAGS), len(minute) // TAGS)
        value = np.round(np.sin(minute * 0.001 + number) * 10 + number, 3)
        yield pd.DataFrame({"tag": names[number], "time": BEGIN + minute * MINUTE, "value": value})


def fill_postgresql(url: str, minutes: int) -> Digest:
    """Put the history into a new table `history`."""
    digest = Digest()
    with psycopg.connect(url, autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE history (time timestamptz, tag text, value float8)")
        for frame in history(minutes):
            digest.add(frame)
            text = frame.assign(time=pd.to_datetime(frame["time"], unit="us", utc=True)).to_csv(
                index=False, header=False, columns=["time", "tag", "value"]
            )
            with cursor.copy("COPY history FROM STDIN (FORMAT csv)") as copy:
                copy.write(text)
        cursor.execute("CREATE INDEX ON history (time)")
        cursor.execute("ANALYZE history")
    return digest


def fill_influxdb(server: InfluxDB, database: str, minutes: int) -> Digest:
    """Put the history into the measurement `history` of a new database."""
    digest = Digest()
    server.query(f'CREATE DATABASE "{database}"')
    for frame in history(minutes):
        digest.add(frame)
        rows = zip(frame["tag"], frame["value"], frame["time"], strict=True)
        server.write(
            database, "\n".join(f"history,tag={tag} value={value!r} {time}" for tag, value, time in rows)
        )
    return digest


@dataclass(frozen=True)
class Run:
    """The folder of a monitor with one source, whose keys are in `text`."""

    folder: Path
    settings: Settings

    @property
    def environment(self) -> dict[str, str]:
        """For a process of its own."""
        return os.environ | {
            "SENSORMON_DATA_DIR": str(self.settings.data_dir),
            "SENSORMON_TAGS": str(self.settings.tags),
            "SENSORMON_SOURCE": "none",
        }


def run_of(folder: Path, text: str) -> Run:
    """A new folder with this source."""
    data = folder / "data"
    data.mkdir(parents=True)
    tags = Path(shutil.copy(Settings().tags, folder / "tags.toml"))
    (data / "sources.toml").write_text(f"[sources.history]\nnew_tags = true\ninterval = 0.5\n{text}")
    return Run(folder, Settings(data_dir=data, source="none", tags=tags))


def killed_run(run: Run, grown: int) -> None:
    """A monitor that is killed (SIGKILL) when its folder has grown by this many bytes."""
    before = _size(run)
    process = subprocess.Popen(
        [sys.executable, "-m", "sensormon", "collect"], env=run.environment, stderr=subprocess.DEVNULL
    )
    wait_for(lambda: _size(run) >= before + grown or process.poll() is not None)
    assert process.poll() is None, "the monitor ended by itself"
    process.kill()
    process.wait()


def read_to_the_end(run: Run, readings: int, patience: float = 600) -> tuple[float, int, int]:
    """Let a monitor read the rest; returns readings/s of this run, the most MB it had, and repeats."""
    monitor = Monitor(run.settings)
    accompany(monitor)
    monitor.start()
    sources = sources_of(monitor)
    begun = time.monotonic()
    try:

        def finished() -> bool:
            total = monitor.parts.ledger.now().total
            return total.stored >= readings and total.pending == 0

        wait_for(finished, patience)
        (health,) = sources.health()
        return health.stored / (time.monotonic() - begun), peak(), health.repeated
    finally:
        monitor.stop()


def stored_digest(run: Run) -> Digest:
    """Of what is in the store of a stopped monitor; of a copy, as this process may still have it open."""
    digest = Digest()
    copy = run.folder / "copy"
    copy.mkdir()
    for path in run.settings.data_dir.glob("sensormon.duckdb*"):
        shutil.copy(path, copy)
    with duckdb.connect(str(copy / "sensormon.duckdb")) as connection:
        rows: Any = connection.sql(
            "SELECT tag, epoch_us(time) AS time, value FROM readings WHERE source = 'history'"
        )
        for batch in rows.to_arrow_reader(200_000):
            digest.add(batch.to_pandas())
    return digest


def wait_for(condition: Callable[[], bool], patience: float = 120) -> None:
    """Wait for another process or thread."""
    until = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.02)


def _size(run: Run) -> int:
    size = 0
    for path in run.settings.data_dir.rglob("*"):
        with suppress(FileNotFoundError):  # what was loaded goes
            size += path.stat().st_size
    return size
