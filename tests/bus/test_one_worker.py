"""Readings from JetStream with one worker on one node: stored once, in order, judged as by one process."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sensormon.model.clock import SECOND
from sensormon.model.settings import Settings
from sensormon.monitor.monitor import Monitor
from tests.support.nats import Nats, published
from tests.support.plant import batch_of
from tests.support.postgresql import PostgreSQL

NAMES = ("fermenter_temp", "fermenter_ph", "agitator_rpm")
COLUMNS = ["tag", "time", "value", "n", "score", "expected", "lower", "upper", "is_anomaly", "threshold"]


@pytest.fixture
def worker(
    settings: Settings, postgresql: PostgreSQL, bus: Nats, tmp_path: Path
) -> Iterator[Callable[..., Monitor]]:
    """Starts a worker with a data folder of its own; all of them share a database."""
    url, running = postgresql.new_database(), list[Monitor]()

    def begin(name: str) -> Monitor:
        own = replace(settings, store=url, bus=bus.url, data_dir=tmp_path / name, collector=name)
        running.append(Monitor(own))
        running[-1].start()
        return running[-1]

    yield begin
    for monitor in running:
        monitor.stop()


def wait_until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.05)


def values(count: int, first: int = 0) -> list[tuple[str, float]]:
    rng = np.random.default_rng(first)
    level = {"fermenter_temp": 37.0, "fermenter_ph": 7.0, "agitator_rpm": 450.0}
    rows = [(NAMES[i % 3], level[NAMES[i % 3]] * (1 + 0.002 * float(rng.normal()))) for i in range(count)]
    return [(tag, value * 1.06 if i % 97 == 96 else value) for i, (tag, value) in enumerate(rows)]


def payloads(rows: list[tuple[str, float]], at: int) -> list[tuple[str, bytes]]:
    return [
        (tag, json.dumps({"tag": tag, "time": (at + i * SECOND) / SECOND, "value": value}).encode())
        for i, (tag, value) in enumerate(rows)
    ]


def test_readings_are_stored_once_and_judged_as_by_one_process(
    worker: Callable[..., Monitor], bus: Nats, settings: Settings, tmp_path: Path
) -> None:
    at = time.time_ns() // 1000 // SECOND * SECOND - 3_600 * SECOND
    rows = values(600)
    monitor = worker("a")
    store = monitor.parts.store
    wait_until(lambda: "error" not in bus.ask("STREAM.INFO.sensormon"))
    half = payloads(rows, at)[:300]
    asyncio.run(published(bus.url, half))
    wait_until(lambda: store.ledger.recount().rows == 300)
    monitor.stop()
    second = worker("b")  # with nothing of the first one's disk
    store = second.parts.store
    asyncio.run(published(bus.url, payloads(rows, at)[300:]))
    wait_until(lambda: store.ledger.recount().rows == 600)
    wait_until(lambda: bus.ask("STREAM.INFO.sensormon")["state"]["messages"] == 0)

    alone = Monitor(replace(settings, data_dir=tmp_path / "alone"))
    alone.submit(batch_of(*rows, at=at))
    alone.drain()
    for tag in NAMES:
        ours = store.readings.frame([tag], 0, 1 << 52)[COLUMNS]
        theirs = alone.parts.store.readings.frame([tag], 0, 1 << 52)[COLUMNS]
        assert ours.equals(theirs), tag
        assert theirs["is_anomaly"].any()
    alone.stop()
