"""A real `streamlit run app.py` on a free port with its own folder, for tests."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


LONGEST = 120.0
"""Seconds to wait for a process to start, or to end by itself, on however busy a machine."""


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def wait_for_port(process: subprocess.Popen[bytes], port: int, why: Callable[[], str]) -> None:
    """Wait until this process listens on its port; if it ends instead, fail with what `why` says."""
    until = time.monotonic() + LONGEST
    while time.monotonic() < until:
        assert process.poll() is None, why()
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError(f"nothing listens on port {port}")


class Server:
    """The monitor with its pages as a process; `stop` or kill it yourself.

    `app` is the file that `streamlit run` gets. With `descriptors` the process can have no more file
    descriptors than these.
    """

    def __init__(
        self,
        data_dir: Path,
        port: int | None = None,
        app: str = "app.py",
        descriptors: int | None = None,
        **environment: str,
    ) -> None:
        self.data_dir = data_dir
        self.app = app
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith("SENSORMON_")},
            "SENSORMON_DATA_DIR": str(data_dir),
            **{name: value for name, value in os.environ.items() if name == "SENSORMON_TAGS"},
            "PYTHONPATH": str(ROOT),
            **environment,
        }
        limit = ["sh", "-c", 'ulimit -n "$0" && exec "$@"', str(descriptors)] if descriptors else []
        self.process = subprocess.Popen(
            [*limit, sys.executable, "-m", "streamlit", "run", app, "--server.port", str(self.port)],
            cwd=ROOT,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    @contextmanager
    def again(self) -> Iterator[Server]:
        """The pages of this server, which has ended, started again: same folder, port and settings."""
        named = {name: value for name, value in self.environment.items() if name.startswith("SENSORMON_")}
        server = Server(self.data_dir, self.port, self.app, None, **named)
        try:
            yield server
        finally:
            server.stop()
            server.output()

    def get(self, path: str) -> tuple[int, Any]:
        """Status and JSON of an API route."""
        try:
            with urllib.request.urlopen(self.url + path, timeout=10) as answer:  # noqa: S310  our own server
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    def wait_until(self, path: str, condition: Any, seconds: float = LONGEST) -> Any:
        """The JSON of an API route as soon as it meets the condition."""
        until = time.monotonic() + seconds
        answer: Any = None
        while time.monotonic() < until:
            if self.process.poll() is not None:
                raise AssertionError(f"the server has ended: {self.output()}")
            try:
                answer = self.get(path)[1]
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                answer = None
            if answer is not None and condition(answer):
                return answer
            time.sleep(0.05)
        raise AssertionError(f"{path} never became what was waited for; last: {answer}")

    def wait_until_stored(self, count: int = 2_000) -> Any:
        """The ledger once that many readings are stored."""
        return self.wait_until("/api/stats", lambda ledger: ledger["stored"] >= count)

    def ended(self) -> int:
        """The exit code once the process has ended by itself; one that goes on is killed, and fails."""
        try:
            return self.process.wait(LONGEST)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise AssertionError(f"the server goes on: {self.output()}") from None

    def stop(self, how: signal.Signals = signal.SIGTERM) -> float:
        """Send the signal; returns how many seconds the process took to end."""
        started = time.monotonic()
        if self.process.poll() is None:
            self.process.send_signal(how)
        self.process.wait(LONGEST)
        return time.monotonic() - started

    def connect(self, request: str) -> socket.socket:
        """A connection on which this was sent: a request, or a part of one."""
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=30)
        connection.sendall(request.encode("latin-1"))
        return connection

    def ask(self, path: str, token: str = "") -> socket.socket:
        """A connection on which this was asked, and nothing read."""
        authorization = f"Authorization: Bearer {token}\r\n" if token else ""
        return self.connect(f"GET {path} HTTP/1.1\r\nHost: localhost:{self.port}\r\n{authorization}\r\n")

    def memory(self) -> int:
        """Bytes of memory that the process has in use (resident)."""
        pages = Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    def output(self) -> str:
        """All that the process printed, after its end."""
        assert self.process.stdout is not None
        with self.process.stdout as stream:
            return stream.read()

    def threads(self) -> list[str]:
        """Names of the threads of the process."""
        tasks = Path(f"/proc/{self.process.pid}/task")
        return [(task / "comm").read_text().strip() for task in tasks.iterdir()]
