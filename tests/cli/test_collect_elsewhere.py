"""Collectors without pages and a dashboard without a source: processes of their own on one PostgreSQL."""

from __future__ import annotations

import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.support.postgresql import PostgreSQL
from tests.support.server import ROOT, Server

pytestmark = pytest.mark.long

TAG = '[tags.{name}]\nlabel = "{name}"\nunit = "bar"\nvalid = [0, 10]\nnormal = [4, 6]\nnoise = 0.1\n'
LIVE = 2.0
"""Seconds after which a reading taken elsewhere must be on the dashboard, nine times out of ten: a busy
machine may hold one of the processes up for a moment."""


class Collecting:
    """`python -m sensormon collect` with tags of its own."""

    def __init__(self, folder: Path, url: str, name: str) -> None:
        folder.mkdir(exist_ok=True)
        tags = folder / "tags.toml"
        tags.write_text(TAG.format(name=f"{name}_pressure"), encoding="utf-8")
        self.environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith("SENSORMON_")},
            "PYTHONPATH": str(ROOT),
            "SENSORMON_DATA_DIR": str(folder / "data"),
            "SENSORMON_TAGS": str(tags),
            "SENSORMON_STORE": url,
            "SENSORMON_COLLECTOR": name,
            "SENSORMON_INTERVAL": "0.1",
        }
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "sensormon", "collect"],
            cwd=ROOT,
            env=self.environment,
            stderr=subprocess.DEVNULL,
        )

    def end(self, how: signal.Signals) -> None:
        self.process.send_signal(how)
        self.process.wait(20)

    def verify(self) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "sensormon", "verify", self.environment["SENSORMON_DATA_DIR"]]
        return subprocess.run(
            command, cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False
        )


@pytest.fixture
def url(postgresql: PostgreSQL) -> str:
    return postgresql.new_database()


@pytest.fixture
def collectors(tmp_path: Path, url: str) -> Iterator[list[Collecting]]:
    both = [Collecting(tmp_path / name, url, name) for name in ("north", "south")]
    yield both
    for collector in both:
        if collector.process.poll() is None:
            collector.end(signal.SIGKILL)


@pytest.fixture
def dashboard(tmp_path: Path, url: str) -> Iterator[Server]:
    tags = tmp_path / "all.toml"
    tags.write_text("\n".join(TAG.format(name=f"{name}_pressure") for name in ("north", "south")))
    server = Server(
        tmp_path / "dashboard",
        SENSORMON_TAGS=str(tags),
        SENSORMON_STORE=url,
        SENSORMON_SOURCE="none",
        SENSORMON_COLLECTOR="dashboard",
    )
    yield server
    server.stop(signal.SIGKILL)
    server.output()


def newest(dashboard: Server, tag: str) -> float:
    """How old (s) the newest reading of the tag is that the Live board has."""
    board = dashboard.get(f"/api/live/board?tag={tag}&span=60")[1]
    times = board["tags"].get(tag, {}).get("x", [])
    return time.time() - times[-1] / 1e3 if times else float("inf")


def test_readings_of_collectors_elsewhere_are_live_and_none_is_lost_by_a_kill(
    collectors: list[Collecting], dashboard: Server, url: str
) -> None:
    tags = ("north_pressure", "south_pressure")
    dashboard.wait_until("/api/stats", lambda ledger: ledger["stored"] > 500)
    until = time.monotonic() + 60
    while max(newest(dashboard, tag) for tag in tags) > LIVE and time.monotonic() < until:
        time.sleep(0.1)
    ages = []
    while len(ages) < 40:
        ages.append(max(newest(dashboard, tag) for tag in tags))
        time.sleep(0.1)
    assert statistics.quantiles(ages, n=10)[-1] < LIVE, sorted(ages)
    for _ in range(3):
        collectors[1].end(signal.SIGKILL)
        collectors[1].start()
        stored = dashboard.get("/api/stats")[1]["stored"]
        dashboard.wait_until("/api/stats", lambda ledger, least=stored: ledger["stored"] > least + 200)
    for collector in collectors:
        collector.end(signal.SIGTERM)
        report = collector.verify()
        assert report.returncode == 0, report.stdout + report.stderr
    ledger = dashboard.get("/api/stats")[1]
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            "SELECT count(*), count(DISTINCT id), count(DISTINCT (tag, time)) FROM readings"
        )
        assert set(rows.fetchall()[0]) == {ledger["stored"]}
    assert ledger["difference"] == 0
