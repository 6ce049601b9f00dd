"""`bench opcua`: changes of an OPC UA server until they are durable, beside a bare subscriber's arrivals."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from asyncua import Client
from asyncua.ua import CreateSubscriptionParameters

from sensormon.bench.measured import (
    Figures,
    Measured,
    Size,
    load_since,
    machine_load,
    ratios,
    spread,
)
from sensormon.bench.opcua_server import FIRST, url
from sensormon.model.clock import SECOND, Clock, SystemClock
from sensormon.model.readings import Batch, Rejection
from sensormon.model.settings import Settings
from sensormon.model.tags import Tag
from sensormon.monitor.monitor import Monitor
from sensormon.sources.connected import Position, Taken
from sensormon.sources.named import Common
from sensormon.sources.opcua.kind import KIND, NodeTag, OpcUaSource
from sensormon.sources.opcua.timing import Timing
from sensormon.sources.report import Report

PUBLISHING = 0.1
"""Seconds between two messages of the server."""
PATIENCE = 60.0
"""Seconds until what does not come counts as lost."""
_WHEN = "from its own time until it is"


def opcua(
    size: Size, folder: Path | None = None, nodes: int = 1_000, hertz: float = 5.0, length: float = 20.0
) -> Measured:
    """Changes a second that become durable, and how long after their own time; what is lost or doubled.

    The server, asyncua's, is a process of its own. The reference is a bare subscriber of the same library to
    the same server, which stores nothing: there, arrival counts. A second of changes comes before the clock
    runs.
    """
    before = machine_load()
    length = 5 * length if size.full else length
    with tempfile.TemporaryDirectory(dir=folder) as name, _server(nodes) as (port, change):
        reference = asyncio.run(_bare(port, nodes, hertz, length, change))
        figures = _durable(Path(name), port, nodes, hertz, length, change)
    figures["changes/s at the server"] = nodes * hertz
    return Measured(figures, reference, ratios(figures, reference), load_since(before))


Change = Callable[[float, float], int]


@contextmanager
def _server(nodes: int) -> Iterator[tuple[int, Change]]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = int(listener.getsockname()[1])
    command = [sys.executable, "-m", "sensormon.bench.opcua_server", str(port), str(nodes)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        said, heard = process.stdout, process.stdin
        if said is None or heard is None or said.readline() != "ready\n":
            raise RuntimeError("the server of the benchmark does not start")

        def change(hertz: float, seconds: float) -> int:
            heard.write(f"{hertz} {seconds}\n")
            heard.flush()
            return int(said.readline())

        try:
            yield port, change
        finally:
            process.kill()


async def _bare(port: int, nodes: int, hertz: float, length: float, change: Change) -> Figures:
    """A subscriber of the library alone."""
    late: list[float] = []
    newest = 0.0

    class Handler:
        def datachange_notification(self, node: Any, val: Any, data: Any) -> None:
            nonlocal newest
            del node, val
            newest = time.perf_counter()
            late.append(time.time() - data.monitored_item.Value.SourceTimestamp.timestamp())

    async with Client(url(port)) as client:
        parameters = CreateSubscriptionParameters(
            RequestedPublishingInterval=PUBLISHING * 1000,
            RequestedLifetimeCount=10_000,
            RequestedMaxKeepAliveCount=30,
            MaxNotificationsPerPublish=10_000,
            PublishingEnabled=True,
        )
        subscription = await client.create_subscription(parameters, Handler())
        addresses = [client.get_node(f"ns=2;i={FIRST + place}") for place in range(nodes)]
        await subscription.subscribe_data_change(addresses, queuesize=10_000)
        await asyncio.sleep(1)
        late.clear()
        began = time.perf_counter()
        expected = nodes * await asyncio.to_thread(change, hertz, length)
        until = time.perf_counter() + PATIENCE
        while len(late) < expected and time.perf_counter() < until:
            await asyncio.sleep(0.01)
    lost = float(expected - len(late))
    return {
        "readings/s": len(late) / (newest - began),
        "lost": lost,
        **spread(f"a value, {_WHEN} there, ms", late),
    }


class _Timed:
    """An intake that notes what became durable when; see `Intake`."""

    def __init__(self, monitor: Monitor) -> None:
        self._monitor = monitor
        self.late: list[float] = []
        self.seen: set[tuple[str, int]] = set()
        self.stored = 0

    @property
    def clock(self) -> Clock:
        return self._monitor.clock

    def take(
        self, batch: Batch, malformed: Sequence[Rejection] = (), position: Position | None = None
    ) -> Taken:
        del position
        with self._monitor.parts.collector.turn() as turn:
            processed = turn.score(batch, malformed)
            turn.commit(processed)
        accepted = processed.accepted
        self.late.extend(((self.clock.now() - accepted.time) / SECOND).tolist())
        names = np.array(accepted.tags)[accepted.tag].tolist()
        self.seen.update(zip(names, accepted.time.tolist(), strict=True))
        self.stored += len(accepted)
        return Taken(len(accepted), 0, processed.refused)

    def position(self) -> Position | None:
        return None

    def newest(self, tags: Collection[str]) -> Mapping[str, int]:
        del tags
        return {}

    def offer_tags(self, tags: Sequence[Tag]) -> None:
        del tags


def _durable(folder: Path, port: int, nodes: int, hertz: float, length: float, change: Change) -> Figures:
    """The source of the monitor, to its journal."""
    items = tuple(NodeTag(f"ns=2;i={FIRST + place}", f"tag_{place}") for place in range(nodes))
    config = OpcUaSource(
        Common("bench"), url(port), items, timing=Timing(publishing=PUBLISHING, sampling=0.1)
    )
    table = folder / "tags.toml"
    table.write_text("".join(f"[tags.{item.tag}]\nsimulated = false\n" for item in items))
    monitor = Monitor(Settings(data_dir=folder / "data", tags=table, source="none"), SystemClock())
    monitor.start()
    report = Report(config.name, config.kind, config.place, monitor.clock)
    stopping, timed = threading.Event(), _Timed(monitor)
    source = KIND.open(config, lambda: "", folder)
    thread = threading.Thread(target=source.run, args=(timed, report, stopping), daemon=True)
    thread.start()
    try:
        _wait(lambda: timed.stored >= nodes)  # the first value of each
        warm = timed.stored + nodes * change(hertz, 2)
        _wait(lambda: timed.stored >= warm)
        timed.late.clear()
        stored, seen = timed.stored, len(timed.seen)
        began = time.perf_counter()
        expected = nodes * change(hertz, length)
        _wait(lambda: timed.stored - stored >= expected)
        took = time.perf_counter() - began
    finally:
        stopping.set()
        thread.join(10)
        monitor.stop()
    distinct = len(timed.seen) - seen
    return {
        "readings/s": distinct / took,
        **spread(f"a value, {_WHEN} there, ms", timed.late),
        "lost": float(expected - distinct),
        "doubled": float(timed.stored - stored - distinct),
        "gaps": float(report.health().gaps),
    }


def _wait(condition: Callable[[], bool]) -> None:
    until = time.perf_counter() + PATIENCE
    while not condition() and time.perf_counter() < until:
        time.sleep(0.01)
