"""Debian's InfluxDB 1.x as a child process, with an own folder and configuration."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import httpx

PATIENCE = 60.0
_CONFIGURATION = """
reporting-disabled = true
bind-address = "127.0.0.1:{rpc}"
[meta]
  dir = "{folder}/meta"
[data]
  dir = "{folder}/data"
  wal-dir = "{folder}/wal"
  query-log-enabled = false
  max-values-per-tag = 0
[monitor]
  store-enabled = false
[http]
  bind-address = "127.0.0.1:{port}"
  auth-enabled = {auth}
  log-enabled = false
  max-row-limit = 0
[logging]
  level = "error"
"""


def program() -> str | None:
    """Where it is installed; None where it is not."""
    return shutil.which("influxd")


class InfluxDB:
    """Started when made; `stop` ends it and removes its files. With `auth` people must sign in."""

    def __init__(self, *, auth: bool = False) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="sensormon-influx-"))
        self.port, rpc = _free_port(), _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._config = self.folder / "influxdb.conf"
        self._config.write_text(
            _CONFIGURATION.format(folder=self.folder, port=self.port, rpc=rpc, auth=str(auth).lower())
        )
        self.start()

    def start(self) -> None:
        """Start the server and wait until it answers. Raises TimeoutError if it does not."""
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [program() or "influxd", "-config", str(self._config)], stdout=log, stderr=log
            )
        until = time.monotonic() + PATIENCE
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > until:
                raise TimeoutError((self.folder / "log").read_text()[-2_000:])
            time.sleep(0.05)

    def halt(self) -> None:
        """End the server; `start` starts it again with what it has stored."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(PATIENCE)

    def stop(self) -> None:
        """End the server and remove its files."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(PATIENCE)
        shutil.rmtree(self.folder)

    def query(self, query: str, database: str = "", **credentials: str) -> dict[str, object]:
        """Ask in InfluxQL, and change. Raises AssertionError for an error of the server."""
        answer = httpx.post(
            f"{self.url}/query", params={"q": query, "db": database, **credentials}, timeout=60
        )
        answer.raise_for_status()
        content: dict[str, object] = answer.json()
        assert "error" not in str(content), content
        return content

    def write(self, database: str, lines: str, precision: str = "u") -> None:
        """Write points in line protocol, with times in µs."""
        answer = httpx.post(
            f"{self.url}/write", params={"db": database, "precision": precision}, content=lines, timeout=60
        )
        assert answer.status_code == 204, answer.text

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/ping", timeout=2).status_code == 204
        except httpx.HTTPError:
            return False


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
