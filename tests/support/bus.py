"""Devices on a bus, workers as processes of their own, and the check that every reading was stored once."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from sensormon.model.clock import SECOND
from sensormon.model.settings import Settings
from sensormon.monitor.monitor import Monitor
from sensormon.stores.protocol import Store
from tests.support.nats import Nats, published
from tests.support.plant import batch_of

TAGS = tuple(f"line_{number}" for number in range(24))
_COLUMNS = ["tag", "time", "value", "n", "score", "expected", "lower", "upper", "is_anomaly", "threshold"]
_FOREVER = 1 << 52

Row = tuple[str, float]


def wait_until(condition: Callable[[], bool], seconds: float = 20.0) -> float:
    """Wait until this holds; returns how many seconds it took. Raises AssertionError if it takes too long."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() < began + seconds, "it did not come about in time"
        time.sleep(0.05)
    return time.monotonic() - began


def tag_table(folder: Path) -> Path:
    """A table of these tags."""
    path = folder / "bus_tags.toml"
    path.write_text("".join(f"[tags.{tag}]\nvalid = [-1000, 1000]\nresolution = 0.001\n" for tag in TAGS))
    return path


def some_rows(count: int, seed: int = 0) -> list[Row]:
    """Readings of all tags in turn, with a spike now and then."""
    noise = np.random.default_rng(seed).normal(size=count)
    return [
        (TAGS[i % len(TAGS)], round(20 + float(z) / 10 + 3 * (i % 997 > 990), 6)) for i, z in enumerate(noise)
    ]


class Devices:
    """They publish these readings, one a second from `at` on by their own clocks, `rate` a second by ours.

    `published` counts those that the stream has acknowledged. They end early once it is `enough`, after at
    least so many. The result is raised by `join`.
    """

    def __init__(self, bus: Nats, rows: Sequence[Row], at: int, rate: float, least: int) -> None:
        self.published = 0
        self._least = least
        self._enough = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, args=(bus, rows, at, rate), daemon=True)
        self._thread.start()

    def enough(self) -> None:
        """Publish no more than the least."""
        self._enough.set()

    def join(self, seconds: float) -> None:
        """Wait until they have ended."""
        self._thread.join(seconds)
        assert not self._thread.is_alive(), "the devices could not publish in time"
        assert self._error is None, self._error

    def _run(self, bus: Nats, rows: Sequence[Row], at: int, rate: float) -> None:
        try:
            asyncio.run(published(bus.url, self._paced(payloads(rows, at), rate)))
        except BaseException as error:
            self._error = error
            raise

    def _paced(self, messages: Iterable[tuple[str, bytes]], rate: float) -> Iterable[tuple[str, bytes]]:
        began = time.monotonic()
        for place, message in enumerate(messages):
            if place >= self._least and self._enough.is_set():
                return
            early = began + place / rate - time.monotonic()
            if early > 0.02:
                time.sleep(early)
            yield message
            self.published = place + 1


def payloads(rows: Iterable[Row], at: int) -> Iterable[tuple[str, bytes]]:
    """The readings as devices publish them, by tag."""
    for place, (tag, value) in enumerate(rows):
        yield tag, json.dumps({"tag": tag, "time": (at + place * SECOND) / SECOND, "value": value}).encode()


class WorkerProcess:
    """`python -m sensormon collect` on this bus and database."""

    def __init__(self, name: str, bus: Nats, database: str, tags: Path, folder: Path) -> None:
        self.log = folder / f"{name}.log"
        environment = {
            **os.environ,
            "SENSORMON_BUS": bus.url,
            "SENSORMON_STORE": database,
            "SENSORMON_DATA_DIR": str(folder / name),
            "SENSORMON_TAGS": str(tags),
            "SENSORMON_COLLECTOR": name,
        }
        with self.log.open("wb") as log:
            command = [sys.executable, "-m", "sensormon", "collect"]
            self._process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)

    def has_taken_over(self) -> bool:
        """Whether it has got a partition."""
        return "took over partition" in self.log.read_text()

    def kill(self) -> None:
        """End it with SIGKILL."""
        self._process.kill()
        self._process.wait()

    def hang(self) -> None:
        """It does nothing from now on, and closes nothing."""
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """It goes on from where it hung."""
        self._process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        """End it in order."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGCONT)
            self._process.terminate()
            try:
                self._process.wait(30)  # a busy machine takes its time
            except subprocess.TimeoutExpired:
                self.kill()
                raise


def assert_stored_as_by_one_process(
    store: Store, rows: Sequence[Row], at: int, settings: Settings, folder: Path
) -> None:
    """The store has each of these readings once, in order within its tag, and judged as one process would."""
    recount = store.ledger.recount()
    assert (recount.rows, recount.distinct_ids) == (len(rows), len(rows))
    alone = Monitor(replace(settings, store="", bus="", source="none", data_dir=folder / "alone"))
    try:
        alone.submit(batch_of(*rows, at=at))
        alone.drain()
        theirs = alone.parts.store
        flagged = 0
        for tag in dict(rows):
            ours = store.readings.frame([tag], 0, _FOREVER)[_COLUMNS]
            expected = theirs.readings.frame([tag], 0, _FOREVER)[_COLUMNS]
            assert ours.equals(expected), tag
            flagged += int(ours["is_anomaly"].sum())
        assert flagged
        accounts = store.ledger.accounts()
        assert (accounts.stored, accounts.rejected) == ({"bus": len(rows)}, {})
    finally:
        alone.stop()
