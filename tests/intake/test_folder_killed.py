"""A monitor that is killed while it reads a growing file goes on exactly where it was."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from sensormon.exchange.mappings import Mappings, SavedMapping
from sensormon.model.settings import ROOT
from sensormon.tables.columns import Columns
from tests.support.kept_intake import until

LINES = 200
"""In each of the three parts."""
TOTAL = 3 * LINES + 1
STARTING = 90.0
"""Seconds until a monitor has started and read, on a busy machine."""


@pytest.mark.long
def test_nothing_is_lost_or_doubled_by_a_kill(tmp_path: Path) -> None:
    data, logs = tmp_path / "data", tmp_path / "logs"
    data.mkdir()
    logs.mkdir()
    Mappings(data).save("loggers", SavedMapping(Columns(time="time", values={"level": "level"})))
    (data / "sources.toml").write_text(
        f'[sources.line]\nkind = "folder"\npath = "{logs}"\nmapping = "loggers"\ninterval = 0.1\n'
    )
    (tmp_path / "tags.toml").write_text("[tags.level]\nsimulated = false\n")
    with (logs / "a.csv").open("w") as file:
        file.write("time,level\n")
        for part in range(3):
            monitor = started(data, tmp_path / "tags.toml")
            try:
                for number in range(part * LINES, (part + 1) * LINES):
                    file.write(f"2026-11-01T{number // 60:02}:{number % 60:02}:00Z,{number}.5\n")
                    file.flush()
                until(partial(has_stored, data, part * LINES + 1), STARTING)
                monitor.send_signal(signal.SIGKILL)
            finally:
                monitor.kill()
                monitor.wait()
        monitor = started(data, tmp_path / "tags.toml")
        try:
            file.write("2026-11-02T00:00:00Z,-1\n")  # whatever came twice would come before this one
            file.flush()
            until(partial(has_stored, data, TOTAL), STARTING)
        finally:
            monitor.terminate()
            monitor.wait(20)
    ledger = json.loads((data / "status.json").read_text())["ledger"]
    assert (ledger["stored"], ledger["rejected"], ledger["difference"]) == (TOTAL, 0, 0)
    assert ledger["received"] == TOTAL


def started(data: Path, tags: Path) -> subprocess.Popen[bytes]:
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith("SENSORMON_")},
        "SENSORMON_DATA_DIR": str(data),
        "SENSORMON_TAGS": str(tags),
        "SENSORMON_SOURCE": "none",
    }
    command = [sys.executable, "-m", "sensormon", "collect"]
    return subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL)


def has_stored(data: Path, count: int) -> bool:
    status = data / "status.json"
    return status.exists() and json.loads(status.read_text())["ledger"]["stored"] >= count
