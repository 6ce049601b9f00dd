"""`bench outputs`: what publishing costs, and whether the collector waits for it."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from importlib.util import find_spec
from pathlib import Path

from sensormon.bench.long_history import tag_name
from sensormon.bench.measured import Figures, Measured, Size, load_since, machine_load, ratios, spread
from sensormon.bench.tick import as_the_server
from sensormon.model.clock import SECOND, SystemClock
from sensormon.model.readings import Batch, Reading
from sensormon.model.settings import Settings
from sensormon.model.source_health import Link
from sensormon.monitor.monitor import Monitor
from sensormon.outputs.outputs import accompany, outputs_of

PARTS = 20
"""A second's readings come in so many batches."""
WARM = 60
"""Readings of each tag before the clock runs: its detectors judge from then on."""
PATIENCE = 180.0
"""Seconds until what does not come about counts as failed."""
_PLACES = ("/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto")


def outputs(size: Size, folder: Path | None = None, tags: int = 1_000, seconds: float = 20.0) -> Measured:
    """How long a batch takes to be durable, ms p50 and p99, with 1,000 tags at 1 Hz published and without.

    One after the other in this process: a broker that does not answer, an MQTT broker, and our own OPC UA
    server, each right after the same without any of them, which is the reference; with the processor's
    share of a core, and what is published a second. The broker is Mosquitto; without it, or without asyncua,
    their figures are left out.
    """
    before = machine_load()
    seconds = 6 * seconds if size.full else seconds
    figures: Figures = {}
    reference: Figures = {}
    with tempfile.TemporaryDirectory(dir=folder) as name, as_the_server():
        root = Path(name)
        for way, (text, running) in _ways(root).items():
            place = root / way.replace(" ", "_")
            quiet = _measured(place.with_suffix(".quiet"), "", tags, seconds, answers=False)
            with running():
                measured = _measured(place, text, tags, seconds, answers=way != "silent broker")
            figures |= {f"{way}, {figure}": value for figure, value in measured.items()}
            reference |= {f"{way}, {figure}": value for figure, value in quiet.items()}
    return Measured(figures, reference, ratios(figures, reference), load_since(before))


def _ways(root: Path) -> dict[str, tuple[str, Callable[[], AbstractContextManager[None]]]]:
    """By way outputs.toml, and what runs beside."""
    silent, broker, server = (_free_port() for _ in range(3))
    ways: dict[str, tuple[str, Callable[[], AbstractContextManager[None]]]] = {
        "silent broker": (_to_broker(silent), lambda: _silent(silent))
    }
    mosquitto = shutil.which("mosquitto") or next((place for place in _PLACES if Path(place).exists()), None)
    if mosquitto is not None:
        ways["MQTT"] = (_to_broker(broker), lambda: _mosquitto(mosquitto, root, broker))
    if find_spec("asyncua") is not None:
        ways["OPC UA"] = (f'[outputs.o]\nkind = "opcua"\nport = {server}\n', nullcontext)
    return ways


def _to_broker(port: int) -> str:
    return f'[outputs.o]\nkind = "mqtt"\nurl = "mqtt://127.0.0.1:{port}"\n'


@contextmanager
def _silent(port: int) -> Iterator[None]:
    """It takes connections and says nothing."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(100)
        yield


@contextmanager
def _mosquitto(server: str, root: Path, port: int) -> Iterator[None]:
    configuration = root / "mosquitto.conf"
    configuration.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\nuser root\n")
    process = subprocess.Popen(
        [server, "-c", str(configuration)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield
    finally:
        process.kill()
        process.wait()


def _measured(folder: Path, text: str, tags: int, seconds: float, *, answers: bool) -> Figures:
    """What each batch took, and the processor meanwhile."""
    with _monitor(folder, text, tags) as monitor:
        health = outputs_of(monitor).health if text else tuple
        if answers:
            _wait(lambda: all(each.link is Link.CONNECTED and each.published >= tags for each in health()))
        published = sum(each.published for each in health())
        taken: list[float] = []
        begun, busy = time.perf_counter(), time.process_time()
        for step in range(round(PARTS * seconds)):
            time.sleep(max(0.0, begun + step / PARTS - time.perf_counter()))
            batch = _batch(range(step % PARTS, tags, PARTS), step // PARTS)
            started = time.perf_counter()
            monitor.submit(batch)
            taken.append(time.perf_counter() - started)
        lasted, busy = time.perf_counter() - begun, time.process_time() - busy
        published = sum(each.published for each in health()) - published
    figures = spread("batch durable, ms", taken) | {"share of a core": busy / lasted}
    return figures | {"published/s": published / lasted}


@contextmanager
def _monitor(folder: Path, text: str, tags: int) -> Iterator[Monitor]:
    """A running one whose detectors know its tags."""
    folder.mkdir()
    table = folder / "tags.toml"
    table.write_text("".join(f"[tags.{tag_name(tag)}]\nresolution = 0.01\n" for tag in range(tags)))
    if text:
        (folder / "outputs.toml").write_text(text)
    monitor = Monitor(Settings(data_dir=folder, tags=table, source="none"), SystemClock())
    accompany(monitor)
    monitor.start()
    try:
        now = monitor.clock.now()
        for row in range(WARM):
            monitor.submit(_batch(range(tags), row, now - (WARM - row) * SECOND))
        _wait(lambda: not monitor.status().journal.depth_readings)
        yield monitor
    finally:
        monitor.stop()


def _batch(tags: range, row: int, at: int | None = None) -> Batch:
    now = time.time_ns() // 1_000
    readings = [Reading(tag_name(tag), at or now, 20.0 + 0.1 * (row % 5)) for tag in tags]
    return Batch.of(readings, source="bench", received=now)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def _wait(condition: Callable[[], bool]) -> None:
    """Raises TimeoutError after `PATIENCE`."""
    until = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > until:
            raise TimeoutError(f"it did not come about within {PATIENCE:.0f} s")
        time.sleep(0.02)
