"""Streamlit Community Cloud by its documented limits: 690 MB, no disk that is kept, nothing compiled."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from http import HTTPStatus
from http.client import HTTPConnection
from pathlib import Path

import pytest

from sensormon.bench.visitor import opened
from tests.support.server import ROOT, free_port

LIMIT = 690_000_000
"""The least memory that an app may use, in bytes."""
GROUPS = Path("/sys/fs/cgroup/memory")
PATIENCE = 180.0
PAGES = ("", "anomalies", "explore", "tuning", "pipeline", "data", "notifications", "access")


@pytest.fixture
def group() -> Iterator[Path]:
    """A control group that may use LIMIT, page cache included."""
    folder = GROUPS / f"sensormon-{os.getpid()}"
    try:
        folder.mkdir()
        (folder / "memory.limit_in_bytes").write_text(str(LIMIT), encoding="ascii")
    except OSError as error:
        pytest.skip(f"no control group of memory can be made here: {error}")
    yield folder
    folder.rmdir()


def wait_until_served(process: subprocess.Popen[bytes], port: int) -> None:
    """Return once /api/health says that all is well."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        assert process.poll() is None, "the server has ended"
        with closing(HTTPConnection("127.0.0.1", port, timeout=30)) as connection, suppress(OSError):
            connection.request("GET", "/api/health")
            if connection.getresponse().status == HTTPStatus.OK:
                return
        time.sleep(0.2)
    raise AssertionError("the server does not answer")


@pytest.mark.long
def test_it_starts_from_nothing_within_the_limit_and_shows_every_page(group: Path, tmp_path: Path) -> None:
    enter = 'echo $$ > "$0/cgroup.procs" && exec "$@"'
    for start in ("first", "again, on an empty disk"):
        port = free_port()
        command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port)]
        kept = {name: value for name, value in os.environ.items() if not name.startswith("SENSORMON_")}
        folder = tmp_path / start
        process = subprocess.Popen(
            ["sh", "-c", enter, str(group), *command],
            cwd=ROOT,
            env={
                **kept,
                "SENSORMON_DATA_DIR": str(folder),
                "NUMBA_CACHE_DIR": str(folder.with_suffix(".nbi")),
            },
        )
        try:
            wait_until_served(process, port)
            for page in PAGES * 2:
                opened(port, page)
            wait_until_served(process, port)
            control = (group / "memory.oom_control").read_text(encoding="ascii")
            assert "oom_kill 0" in control
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) in (0, -signal.SIGTERM)
        finally:
            process.kill()
            process.wait()
