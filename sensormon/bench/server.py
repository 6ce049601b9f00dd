"""A real server for a benchmark: `streamlit run` on a free port, with a data folder of its own.

It is ended with the block that uses it. What its processes take is read from /proc.
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sensormon.model.settings import ROOT

Stats = dict[str, Any]
PATIENCE = 120.0
"""Seconds until a condition counts as never fulfilled."""


@dataclass(frozen=True)
class Server:
    """One that runs. `environment` holds its settings, the token for writing among them."""

    port: int
    process: subprocess.Popen[bytes]
    environment: Mapping[str, str]

    def get(self, path: str) -> bytes:
        """The body of the answer to this request, also of one that reports an error. Raises OSError."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=30) as answer:
                body: bytes = answer.read()
        except urllib.error.HTTPError as error:
            body = error.read()
        return body

    def wait(self, condition: Callable[[Stats], bool]) -> Stats:
        """`/api/stats` as soon as it fulfils this. Raises TimeoutError after `PATIENCE`."""
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            try:
                stats: Stats = json.loads(self.get("/api/stats"))
                if condition(stats):
                    return stats
            except OSError:
                pass  # it does not listen yet
            time.sleep(0.02)
        raise TimeoutError(f"the server did not get this far within {PATIENCE:.0f} s")

    def wait_until_it_listens(self) -> None:
        """Returns as soon as it answers at all. Raises TimeoutError after `PATIENCE`."""
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            try:
                self.get("/_stcore/health")
            except OSError:
                time.sleep(0.02)
            else:
                return
        raise TimeoutError(f"the server did not answer within {PATIENCE:.0f} s")

    def processor_seconds(self) -> float:
        """Processor time of all its processes: it tells a slow server from a busy machine."""
        return processor_seconds_of(self.process.pid)

    def memory(self) -> float:
        """What its processes take together, MB: pages that two share count once."""
        return sum(map(_memory, self.processes())) / 1e6

    def descriptors(self) -> int:
        """How many files and connections its processes have open."""
        return sum(len(list(Path(f"/proc/{pid}/fd").iterdir())) for pid in self.processes())

    def processes(self) -> list[int]:
        """The ids of the server's process and of all below it."""
        return _family(self.process.pid)


@contextmanager
def running(folder: Path, app: str = "app.py", **settings: str) -> Iterator[Server]:
    """A server with these settings (`SOURCE="none"`), its data in `folder`/data, the tags in its tags.toml.

    `app` is the file that Streamlit runs. It may not listen yet: `Server.wait` tells. The settings of this
    process's environment do not count.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith("SENSORMON_")},
        "SENSORMON_DATA_DIR": str(folder / "data"),
        "SENSORMON_TAGS": str(folder / "tags.toml"),
        "SENSORMON_TOKEN": secrets.token_hex(),
        **{f"SENSORMON_{name}": value for name, value in settings.items()},
    }
    command = [sys.executable, "-m", "streamlit", "run", app, "--server.port", str(port)]
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield Server(port, process, environment)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def processor_seconds_of(pid: int) -> float:
    """Processor time of this process and of all below it that run now."""
    return sum(map(_processor_seconds, _family(pid)))


def _family(pid: int) -> list[int]:
    """The ids of this process and of all below it."""
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            try:
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue  # it has ended
            children.setdefault(int(fields[1]), []).append(int(folder.name))
    ids = [pid]
    for each in ids:
        ids += children.get(each, [])
    return ids


def _processor_seconds(pid: int) -> float:
    return seconds_in(Path(f"/proc/{pid}/stat"))


def seconds_in(stat: Path) -> float:
    """Processor time in this file of /proc, of a process or of a thread. Raises OSError once it has ended."""
    fields = stat.read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _memory(pid: int) -> int:
    """The proportional set size of a process, bytes."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return 0
