"""A kill -9 of a monitor with calculated tags: no value is lost, made twice, or another than history's."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from sensormon.model.clock import SystemClock
from sensormon.model.settings import Settings
from sensormon.monitor.monitor import Monitor

TAGS = """
[tags.a]
[tags.b]
[tags.off]
formula = "a - b"
[tags.smooth]
formula = "mean(off, 2s) + std(a, 1s) * delay(b, 1s)"
"""
KILLS = 2


def run_and_kill(folder: Path, seed: int) -> None:
    """Run until values were calculated, and a fraction of a second longer."""
    command = [sys.executable, "-m", "tests.support.calculating", str(folder), str(seed)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        stuck = threading.Timer(60, process.kill)
        stuck.start()
        line = process.stdout.readline()
        stuck.cancel()
        threading.Timer(0.1 + 0.13 * seed, process.kill).start()
        process.wait()
        assert line == "calculated\n", process.stderr.read()
        assert process.returncode == -9


@pytest.mark.long
def test_values_after_kills_are_each_there_once_and_the_bits_of_the_history(tmp_path: Path) -> None:
    (tmp_path / "tags.toml").write_text(TAGS, encoding="utf-8")
    for seed in range(KILLS):
        run_and_kill(tmp_path / "data", seed)
    settings = Settings(data_dir=tmp_path / "data", source="none", tags=tmp_path / "tags.toml")
    monitor = Monitor(settings, SystemClock())
    monitor.drain()
    try:
        monitor.calculated.runner.step()  # what came in just before the last kill
        monitor.drain()
        end = monitor.clock.now()
        for tag in ("off", "smooth"):
            live = monitor.stored.frame([tag], 0, end)
            times = live["time"].astype("int64").to_numpy() // (1 if live["time"].dt.unit == "us" else 1_000)
            assert len(times) > 20
            assert (np.diff(times) > 0).all()
            formula = monitor.calculated.check(tag, monitor.tags[tag].formula, 5.0)
            history = monitor.calculated.preview(formula, int(times[0]) - 1, int(times[-1]))
            usable = np.isfinite(history.values)
            assert np.array_equal(history.times[usable], times)
            assert history.values[usable].tobytes() == live["value"].to_numpy().tobytes()
        assert monitor.ledger.now().balanced
    finally:
        monitor.stop()
