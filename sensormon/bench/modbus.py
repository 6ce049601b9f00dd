"""`bench modbus`: what it costs to poll a thousand registers of ten devices every second."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
from pymodbus.client import AsyncModbusTcpClient

from sensormon.bench.measured import (
    Figures,
    Measured,
    Size,
    load_since,
    machine_load,
    percentile,
    ratios,
    spread,
)
from sensormon.model.clock import SECOND, SystemClock
from sensormon.model.readings import Batch, Bools, Rejection
from sensormon.model.settings import ROOT, Settings
from sensormon.model.tags import Tag, TagTable
from sensormon.monitor.monitor import Monitor
from sensormon.sources.connected import Position, Stopping, Taken
from sensormon.sources.kinds import KINDS
from sensormon.sources.modbus.source import MISSED
from sensormon.sources.named_text import parse_sources
from sensormon.sources.report import Report

DEVICES = 10
REGISTERS = 100
"""Of each device, read at once."""
WARM = 3
"""Polls before the clock runs."""
PATIENCE = 60.0
"""Seconds until then at most."""
NAME = "plc"


def modbus(size: Size, seconds: int = 30) -> Measured:
    """How long a sweep of 1,000 registers of ten devices takes, polled at 1 Hz by a monitor.

    The lag is from the first request of a sweep until all its readings are durable. The processor's time is
    that of the whole monitor, which judges and stores what it polls. The reference is pymodbus alone, which
    makes the same requests in the same way and keeps nothing.
    """
    before = machine_load()
    seconds = 5 * seconds if size.full else seconds
    with _devices() as port, tempfile.TemporaryDirectory() as name:
        figures = _monitored(Path(name), port, seconds)
        reference = _bare(port, max(3, seconds // 3))
    return Measured(figures, reference, ratios(figures, reference), load_since(before))


class _Intake:
    """Hands over to a monitor, and notes how long each poll took."""

    def __init__(self, monitor: Monitor) -> None:
        self.clock = monitor.clock
        self.sweeps: list[float] = []
        self.lags: list[float] = []
        self._monitor = monitor

    def take(
        self, batch: Batch, malformed: Sequence[Rejection] = (), position: Position | None = None
    ) -> Taken:
        """Submit them; see `Intake.take`."""
        del position
        first = int(batch.time.min())
        self._monitor.submit(batch)
        self.sweeps.append((batch.received - first) / SECOND)
        self.lags.append((self.clock.now() - first) / SECOND)
        return Taken(len(batch), 0, len(malformed))

    def position(self) -> Position | None:
        """A poll has none."""
        return None

    def newest(self, tags: Collection[str]) -> Mapping[str, int]:
        """Nothing is known before."""
        del tags
        return {}

    def known(self, batch: Batch) -> Bools:
        """A poll is read once."""
        return np.zeros(len(batch), dtype=np.bool_)

    def tags(self) -> TagTable:
        """Those of the monitor."""
        return self._monitor.tags

    def offer_tags(self, tags: Sequence[Tag]) -> None:
        """They are in the table."""


def _monitored(folder: Path, port: int, seconds: int) -> Figures:
    table = folder / "tags.toml"
    table.write_text("".join(f"[tags.{tag}]\nresolution = 1.0\n" for tag, _, _ in _registers()))
    config = parse_sources(_sources(port))[NAME]
    monitor = Monitor(Settings(data_dir=folder, tags=table, source="none"), SystemClock())
    monitor.start()
    intake, stopping = _Intake(monitor), threading.Event()
    report = Report(NAME, config.kind, config.place, monitor.clock)
    source = KINDS[config.kind].open(config, str, folder)

    def run() -> None:
        with suppress(Stopping):
            source.run(intake, report, stopping)

    thread = threading.Thread(target=run)
    try:
        thread.start()
        until = time.monotonic() + PATIENCE
        while len(intake.lags) < WARM and time.monotonic() < until:  # the first find everything cold
            time.sleep(0.1)
        missed = report.health().notes.get(MISSED, 0)
        warm, busy, began = len(intake.lags), time.process_time(), time.perf_counter()
        time.sleep(seconds)
        busy, length = time.process_time() - busy, time.perf_counter() - began
    finally:
        stopping.set()
        thread.join()
        monitor.stop()
    return {
        **spread("sweep, ms", intake.sweeps[warm:]),
        "lag, ms p99": percentile(intake.lags[warm:], 99),
        "polls": float(len(intake.lags) - warm),
        "polls missed": float(report.health().notes.get(MISSED, 0) - missed),
        "processor, % of a core": 100 * busy / length,
    }


def _bare(port: int, sweeps: int) -> Figures:
    """The same requests, once a second."""
    taken = []

    async def sweep() -> None:
        client = AsyncModbusTcpClient("127.0.0.1", port=port)
        await client.connect()
        for _ in range(sweeps):
            now = time.time()
            await asyncio.sleep(1 - now % 1)
            began = time.perf_counter()
            for device in range(1, DEVICES + 1):
                await client.read_holding_registers(0, count=REGISTERS, device_id=device)
            taken.append(time.perf_counter() - began)
        client.close()

    busy, began = time.process_time(), time.perf_counter()
    asyncio.run(sweep())
    busy, length = time.process_time() - busy, time.perf_counter() - began
    return {**spread("sweep, ms", taken), "processor, % of a core": 100 * busy / length}


def _registers() -> Iterator[tuple[str, int, int]]:
    for device in range(1, DEVICES + 1):
        for address in range(REGISTERS):
            yield f"d{device}_r{address}", device, address


def _sources(port: int) -> str:
    rows = (
        f'[[sources.{NAME}.registers]]\ntag = "{tag}"\ndevice = {device}\n'
        f'address = {address}\ntype = "uint16"\n'
        for tag, device, address in _registers()
    )
    return f'[sources.{NAME}]\nkind = "modbus"\nurl = "modbus://127.0.0.1:{port}"\n{"".join(rows)}'


@contextmanager
def _devices() -> Iterator[int]:
    """The port of a process with the devices."""
    command = [sys.executable, "-m", "sensormon.bench.modbus_devices", str(DEVICES), str(REGISTERS)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, cwd=ROOT) as process:
        if process.stdout is None or process.stdin is None:
            raise RuntimeError("the devices have no pipes")
        try:
            yield int(process.stdout.readline())
        finally:
            process.stdin.close()
