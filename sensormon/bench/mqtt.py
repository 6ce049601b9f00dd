"""`bench mqtt`: messages with QoS 1 from a real Mosquitto to the journal, and how late they are acknowledged.

A publisher in another process sends 5,000 a second of 100 tags, JSON with its own time. Late is from that
time until the reading is durable, which is when its acknowledgement goes out. Beside it a bare paho
subscriber, which keeps nothing, with the same load. Both with `persistence true` alone; then ours with the
settings of Mosquitto that lose least, where the broker saves at each message.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sensormon.bench.measured import Figures, Measured, Size, load_since, machine_load, ratios
from sensormon.bench.mosquitto_server import SAFEST, UNLIMITED, mosquitto
from sensormon.bench.mqtt_load import QUIET, TAGS
from sensormon.intake.named_sources import sources_of
from sensormon.intake.taking import Taking
from sensormon.model.clock import SECOND, Clock, SystemClock
from sensormon.model.readings import Batch, Bools, Rejection
from sensormon.model.settings import ROOT, Settings
from sensormon.model.tags import Tag, TagTable
from sensormon.monitor.monitor import Monitor
from sensormon.sources.connected import Position, Taken
from sensormon.sources.mqtt.opening import open_source
from sensormon.sources.named_text import parse_sources
from sensormon.sources.report import Report

RATE = 5_000.0
SECONDS = 10.0
PATIENCE = 120.0
"""Seconds until all must have come."""
_WARM = 1.0
"""Seconds of load before the clock runs: the first readings compile kernels."""


def mqtt(size: Size, seconds: float = SECONDS, rate: float = RATE) -> Measured:
    """Messages a second and lateness at this rate, beside a bare subscriber and with the safest broker."""
    before = machine_load()
    seconds = 6 * seconds if size.full else seconds
    figures: Figures = {}
    for name, settings in (("persistence", UNLIMITED), ("safest", SAFEST)):
        with mosquitto(settings) as port:
            figures |= _ours(name, port, rate, seconds)
    with mosquitto(UNLIMITED) as port:
        reference = _bare("persistence", port, rate, seconds)
    return Measured(figures, reference, ratios(figures, reference), load_since(before))


class _Timed:
    """An intake that notes how late each reading became durable. See `sources.connected.Intake`."""

    def __init__(self, inner: Taking) -> None:
        self.clock: Clock = inner.clock
        self.late: list[np.ndarray[tuple[int], np.dtype[np.int64]]] = []
        self.taken = Taken(0, 0, 0)
        self._inner = inner

    def take(
        self, batch: Batch, malformed: Sequence[Rejection] = (), position: Position | None = None
    ) -> Taken:
        taken = self._inner.take(batch, malformed, position)
        self.late.append(self.clock.now() - batch.time)
        old = self.taken
        self.taken = Taken(
            old.stored + taken.stored, old.repeated + taken.repeated, old.refused + taken.refused
        )
        return taken

    def position(self) -> Position | None:
        return self._inner.position()

    def newest(self, tags: Collection[str]) -> Mapping[str, int]:
        return self._inner.newest(tags)

    def known(self, batch: Batch) -> Bools:
        return self._inner.known(batch)

    def tags(self) -> TagTable:
        return self._inner.tags()

    def offer_tags(self, tags: Sequence[Tag]) -> None:
        self._inner.offer_tags(tags)


def _ours(name: str, port: int, rate: float, seconds: float) -> Figures:
    """What a monitor in this process does with the load."""
    text = (
        f'[sources.load]\nkind = "mqtt"\nurl = "mqtt://127.0.0.1:{port}"\n[[sources.load.topics]]\n'
        'topic = "plant/+"\ntag = "{1}"\nvalue = "$.v"\ntime = "$.t"\n'
    )
    config: Any = parse_sources(text)["load"]
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "tags.toml"
        table.write_text("".join(f"[tags.t{tag}]\nresolution = 1.0\n" for tag in range(TAGS)))
        monitor = Monitor(Settings(data_dir=Path(folder) / "data", tags=table, source="none"), SystemClock())
        monitor.start()
        report = Report("load", "mqtt", config.place, monitor.clock)
        stopping = threading.Event()
        intake = _Timed(sources_of(monitor).intake(config, report, stopping))
        thread = threading.Thread(
            target=lambda: open_source(config, str).run(intake, report, stopping), daemon=True
        )
        thread.start()
        _wait(lambda: report.health().works and report.health().detail != "")
        warm = int(_publish(port, rate, _WARM)["sent"])
        _wait(lambda: intake.taken.stored >= warm)
        begin = len(intake.late)
        processor = time.process_time()
        sent = _publish(port, rate, seconds)
        _wait(lambda: intake.taken.stored >= warm + sent["sent"])
        processor = time.process_time() - processor
        late = np.concatenate(intake.late[begin:]) / SECOND
        stopping.set()
        thread.join()
        monitor.stop()
    return {
        **_figures(name, late.tolist(), sent["seconds"]),
        f"{name}, our CPU, µs a message": processor / len(late) * 1e6,
        f"{name}, lost, doubled or refused": warm
        + sent["sent"]
        - intake.taken.stored
        + intake.taken.repeated
        + intake.taken.refused,
    }


def _bare(name: str, port: int, rate: float, seconds: float) -> Figures:
    """What a bare subscriber in a process of its own does with the load."""
    command = [sys.executable, "-m", "sensormon.bench.mqtt_load", "listen", str(port)]
    command.append(str(_WARM + seconds + QUIET))
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        if process.stderr is not None:
            process.stderr.readline()  # it has subscribed
        warm = int(_publish(port, rate, _WARM)["sent"])
        sent = _publish(port, rate, seconds)
        output, _ = process.communicate(timeout=PATIENCE)
    return _figures(name, json.loads(output)["late"][warm:], sent["seconds"])


def _publish(port: int, rate: float, seconds: float) -> dict[str, float]:
    """Publish in another process."""
    command = [
        sys.executable,
        "-m",
        "sensormon.bench.mqtt_load",
        "publish",
        str(port),
        str(rate),
        str(seconds),
    ]
    answer = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True, timeout=PATIENCE)
    figures: dict[str, float] = json.loads(answer.stdout)
    return figures


def _figures(name: str, late: Sequence[float], seconds: float) -> Figures:
    """Of these times (s) until each message was acknowledged."""
    return {
        f"{name}, messages/s": len(late) / seconds,
        f"{name}, value's time to acknowledged, ms p50": float(np.percentile(late, 50)) * 1e3,
        f"{name}, value's time to acknowledged, ms p99": float(np.percentile(late, 99)) * 1e3,
    }


def _wait(condition: Callable[[], bool]) -> None:
    """Raises TimeoutError after `PATIENCE`."""
    until = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > until:
            raise TimeoutError(f"it did not come about within {PATIENCE:.0f} s")
        time.sleep(0.01)
