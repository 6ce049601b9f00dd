"""A Mosquitto of one's own, as a child process: what Debian's package `mosquitto` installs."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from sensormon.model.errors import UsageError

UNLIMITED = ("max_queued_messages 0", "max_inflight_messages 0")
"""Nothing is dropped while a client is away."""
SAFEST = (*UNLIMITED, "autosave_on_changes true", "autosave_interval 1")
"""What loses least when the broker is killed."""
PATIENCE = 20.0
"""Seconds for it to start."""
_PLACE = "/usr/sbin/mosquitto"


def binary() -> str | None:
    """The broker of this machine; None without one."""
    return shutil.which("mosquitto") or (_PLACE if Path(_PLACE).exists() else None)


@contextmanager
def mosquitto(more: Sequence[str]) -> Iterator[int]:
    """The port of a broker with `persistence true` and these lines, which ends with the block.

    Raises UsageError if none is installed or it does not start.
    """
    server = binary()
    if server is None:
        raise UsageError("no Mosquitto", where="bench mqtt", hint="apt-get install mosquitto")
    with tempfile.TemporaryDirectory(prefix="sensormon-mqtt-") as name, socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
        free.close()
        lines = [f"listener {port} 127.0.0.1", "allow_anonymous true", "user root", "persistence true"]
        text = "\n".join([*lines, f"persistence_location {name}/", *more])
        configuration = Path(name) / "mosquitto.conf"
        configuration.write_text(f"{text}\n")
        process = subprocess.Popen([server, "-c", str(configuration)], stderr=subprocess.DEVNULL)
        try:
            _wait(process, port)
            yield port
        finally:
            process.kill()
            process.wait()


def _wait(process: subprocess.Popen[bytes], port: int) -> None:
    until = time.monotonic() + PATIENCE
    while process.poll() is None and time.monotonic() < until:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise UsageError("Mosquitto does not start", where="bench mqtt", hint="Run mosquitto -v to see why")
