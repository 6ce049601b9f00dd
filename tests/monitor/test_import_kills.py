"""A kill at any point of an import or its undo leaves it whole, partial or undone, never half."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sensormon.model.clock import SystemClock
from sensormon.model.imports import ImportState
from sensormon.model.settings import Settings
from sensormon.monitor.monitor import Monitor
from sensormon.monitor.offline import StoppedMonitor
from sensormon.monitor.verify import verify

ROWS = 8_000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data folder to be, beside a file with two tags and a tag table with one of them."""
    (tmp_path / "tags.toml").write_text(
        "[tags.fermenter_ph]\nunit = 'pH'\nvalid = [5, 9]\n", encoding="utf-8"
    )
    times = pd.date_range("2026-01-01", periods=ROWS, freq="s").astype(str)
    values = np.round(np.random.default_rng(0).normal(7, 0.1, ROWS), 3)
    frame = pd.DataFrame({"time": times, "level": values, "ph": values})
    frame.to_csv(tmp_path / "file.csv", index=False)
    return tmp_path / "data"


def run_and_kill(folder: Path, seed: int, step: str, delay: float) -> None:
    """Run the undoer until it kills itself, or for `delay` seconds after its first words."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.support.undoer", str(folder), str(seed), step],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        line = process.stdout.readline()
        if not step:
            assert line, process.stderr.read()
            threading.Timer(delay, process.kill).start()
        stuck = threading.Timer(120, process.kill)
        stuck.start()
        process.stdout.read()
        process.wait()
        stuck.cancel()
        assert process.returncode == -9, process.stderr.read()


def assert_whole_or_gone(folder: Path) -> None:
    """Restart: each import has exactly the readings that the list says, and `verify` agrees."""
    settings = Settings(data_dir=folder, source="none", tags=folder.parent / "tags.toml")
    monitor = Monitor(settings, SystemClock())
    monitor.drain()
    for job in monitor.jobs.of("undo import"):
        assert monitor.jobs.wait(job, 60)
    entries = monitor.import_log.entries()
    store = monitor.parts.store
    whole = 0
    for entry in entries:
        left = store.imports.left(entry.id)
        if entry.state is ImportState.UNDONE:
            assert left == 0
        else:
            assert left == entry.totals.stored
            assert entry.state in (ImportState.DONE, ImportState.PARTIAL)
            whole += left
    frame = store.readings.frame(None, 0, monitor.clock.now())
    assert int((frame["origin"] == "import").sum()) == whole
    assert monitor.import_log.untidied() == [], "tags that only an undone import needed are gone"
    total = monitor.ledger.now().total
    assert total.difference == 0
    assert total.stored - total.undone == len(frame)
    monitor.drain()
    monitor.stop()
    report = verify(StoppedMonitor(folder, replace(settings, data_dir=folder).store_url))
    assert report.findings == ()


@pytest.mark.parametrize(
    "kills", [pytest.param(3, marks=pytest.mark.long), pytest.param(12, marks=pytest.mark.full)]
)
@pytest.mark.parametrize("step", ["", "load", "record", "tags"])
def test_a_kill_leaves_an_import_whole_or_undone(folder: Path, step: str, kills: int) -> None:
    rng = random.Random(step)  # noqa: S311  the moment of a kill need not be secret
    for seed in range(kills):
        run_and_kill(folder, seed, step, rng.uniform(0, 1.5))
        assert_whole_or_gone(folder)
