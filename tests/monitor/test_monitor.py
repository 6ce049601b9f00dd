"""A whole monitor on a real folder: durable, stored, and the same after a restart."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sensormon.__main__ import main
from sensormon.model.clock import SECOND, ManualClock
from sensormon.model.errors import UsageError
from sensormon.model.profiles import single
from sensormon.model.readings import Batch, OwnScore, Quality, Reading
from sensormon.model.settings import Settings
from sensormon.monitor.monitor import Monitor
from sensormon.monitor.offline import StoppedMonitor
from sensormon.monitor.verify import verify
from tests.support.plant import START, batch_of

FAR = START + 10**6 * SECOND


def submit(monitor: Monitor, count: int, first: int = 0, seed: int = 0) -> None:
    """Readings of a real tag, one per second."""
    rng = np.random.default_rng(seed)
    values = [("fermenter_ph", round(float(v), 2)) for v in rng.normal(7, 0.02, first + count)[first:]]
    for i, value in enumerate(values):
        monitor.submit(batch_of(value, at=START + (first + i) * SECOND))


def test_submitted_readings_are_stored_and_the_ledger_balances(
    settings: Settings, clock: ManualClock
) -> None:
    monitor = Monitor(settings, clock)
    submit(monitor, 80)
    monitor.submit(batch_of(("fermenter_ph", 99.0), ("nope", 1.0)))
    pending = monitor.ledger.now().total
    assert (pending.received, pending.pending, pending.difference) == (82, 82, 0)
    monitor.stop()
    stopped = StoppedMonitor(settings.data_dir, settings.store_url)
    report = verify(stopped)
    assert report.findings == ()
    assert report.ledger is not None
    total = report.ledger.total
    assert (total.received, total.stored, total.rejected, total.pending) == (82, 80, 2, 0)


def test_restart_scores_as_if_never_stopped(settings: Settings, clock: ManualClock, tmp_path: Path) -> None:
    whole = Monitor(replace(settings, data_dir=tmp_path / "whole"), clock)
    submit(whole, 160)
    parts = Monitor(settings, clock)
    submit(parts, 77)
    parts.stop()
    parts = Monitor(settings, clock)
    submit(parts, 83, first=77)
    for monitor in (whole, parts):
        monitor.drain()
    left, right = (m.stored.frame(["fermenter_ph"], 0, FAR) for m in (whole, parts))
    for name in ("id", "value", "n", "score", "lower", "upper", "is_anomaly"):
        assert left[name].equals(right[name]), name
    whole.stop()
    parts.stop()


def said_by(monitor: Monitor, detector: str, stored: pd.DataFrame) -> pd.DataFrame:
    """Score, expected, lower and upper of this detector, whichever of them spoke."""
    ids = stored["id"].tolist()
    own = monitor.stored.own(ids)
    nothing = OwnScore(detector, np.nan, np.nan, np.nan, np.nan)
    rows = [next((each for each in own[number] if each.detector == detector), nothing) for number in ids]
    return pd.DataFrame([asdict(row) for row in rows])


def test_rescoring_with_the_same_settings_is_bit_identical(settings: Settings, clock: ManualClock) -> None:
    monitor = Monitor(settings, clock)
    submit(monitor, 300)
    monitor.drain()
    since = START + 120 * SECOND
    stored = monitor.stored.frame(["fermenter_ph"], since, FAR)
    again = monitor.tuner.rescore("fermenter_ph", since, FAR, single("zscore", {}).default)
    of_zscore = said_by(monitor, "zscore", stored)
    for name in ("score", "expected", "lower", "upper"):
        assert of_zscore[name].equals(again[name]), name
    assert (stored["is_anomaly"] | ~again["is_anomaly"]).all()
    monitor.stop()


def test_bad_readings_change_neither_restart_nor_rescoring(settings: Settings, clock: ManualClock) -> None:
    rng = np.random.default_rng(4)
    rows = [
        Reading("fermenter_ph", START + i * SECOND, round(float(value), 3), Quality.UNCERTAIN if bad else 0)
        for i, (value, bad) in enumerate(zip(rng.normal(7, 0.02, 3000), rng.random(3000) < 0.7, strict=True))
    ]
    settings = replace(settings, window=300)
    for half in (rows[:2500], rows[2500:]):
        monitor = Monitor(settings, clock)
        for i in range(0, len(half), 100):
            part = half[i : i + 100]
            monitor.submit(Batch.of(part, source="test", received=part[-1].time))
        monitor.stop()
    monitor = Monitor(settings, clock)
    monitor.drain()
    since = START + 2000 * SECOND
    stored = monitor.stored.frame(["fermenter_ph"], since, FAR)
    again = monitor.tuner.rescore("fermenter_ph", since, FAR, single("zscore", {"window": 300}).default)
    assert stored["score"].notna().sum() > 200
    of_zscore = said_by(monitor, "zscore", stored)
    assert stored["n"].equals(again["n"])
    for name in ("score", "lower", "upper"):
        assert of_zscore[name].equals(again[name]), name
    monitor.stop()


def test_applied_settings_are_recorded_and_survive_a_restart(settings: Settings, clock: ManualClock) -> None:
    monitor = Monitor(settings, clock)
    submit(monitor, 60)
    clock.advance(5)
    monitor.tuner.set_zscore({"threshold": 4.0}, "day shift")
    assert dict(monitor.detection.in_force.params) == {"window": 50, "threshold": 4.0}
    monitor.tuner.set_zscore({"window": 20, "threshold": 4.5}, "night shift", "too many")
    submit(monitor, 5, first=60)
    monitor.stop()
    monitor = Monitor(settings, clock)
    assert dict(monitor.detection.in_force.params) == {"window": 20, "threshold": 4.5}
    log = monitor.tuner.versions()
    assert [version.who for version in log] == ["night shift", "day shift", "environment"]
    assert monitor.stored.frame(None, 0, FAR)["settings"].tolist() == [1] * 60 + [3] * 5
    monitor.stop()
    monitor = Monitor(replace(settings, window=30), clock)
    assert monitor.detection.in_force.params["window"] == 30, (
        "a changed environment is a deliberate choice too"
    )
    monitor.stop()
    with pytest.raises(UsageError, match="threshold"):
        monitor.tuner.set_zscore({"threshold": 99.0}, "x")


def test_recent_readings_include_pending_and_survive_a_restart(
    settings: Settings, clock: ManualClock
) -> None:
    monitor = Monitor(settings, clock)
    submit(monitor, 10)
    monitor.drain()
    submit(monitor, 5, first=10)
    assert len(monitor.readings.recent(0)) == 15
    assert monitor.readings.recent(0)["id"].tolist() == list(range(1, 16))
    monitor.stop()
    monitor = Monitor(settings, clock)
    submit(monitor, 5, first=15)
    assert monitor.readings.recent(0)["id"].tolist() == list(range(1, 21))
    monitor.stop()


def test_peaks_are_those_of_the_recent_readings_stored_or_not(settings: Settings, clock: ManualClock) -> None:
    simulated = replace(settings, source="simulator")
    monitor = Monitor(simulated, clock)
    monitor.source.backfill()
    monitor.drain()
    monitor.stop()
    monitor = Monitor(settings, clock)
    submit(monitor, 20)
    monitor.drain()
    submit(monitor, 5, first=20)
    since = clock.now() - 600 * SECOND
    by_tag = monitor.readings.recent(since).groupby("tag", as_index=False)
    expected = by_tag.agg(flagged=("is_anomaly", "sum"), score=("score", "max"))
    peaks = monitor.readings.peaks(since).sort_values("tag", ignore_index=True)
    assert peaks["flagged"].sum() > 0
    pd.testing.assert_frame_equal(peaks, expected, check_dtype=False)
    monitor.stop()


def test_labelled_events_are_those_that_somebody_labelled(settings: Settings, clock: ManualClock) -> None:
    monitor = Monitor(replace(settings, source="simulator"), clock)
    monitor.source.backfill()
    monitor.drain()
    since, until = clock.now() - 900 * SECOND, clock.now() + 1
    events = monitor.events.between(None, since, until)
    assert len(events) > 1
    assert monitor.tuner.labelled_events(since, until).empty
    event = events.iloc[1]
    monitor.actions.record([int(event["id"])], "label", "Jana", label="true")
    for _ in ("waiting in the journal", "stored"):
        labelled = monitor.tuner.labelled_events(since, until)
        assert labelled.to_dict("records") == [
            {**event[["id", "tag", "start", "end"]].to_dict(), "label": "true"}
        ]
        assert monitor.tuner.labelled_events(since, since + 1).empty
        monitor.drain()
    monitor.stop()


def test_first_start_backfills_fifteen_minutes(settings: Settings, clock: ManualClock) -> None:
    settings = replace(settings, source="simulator")
    monitor = Monitor(settings, clock)
    monitor.source.backfill()
    frame = monitor.readings.recent(0)
    assert set(frame["origin"]) == {"backfill"}
    assert frame.groupby("tag").size().tolist() >= [840, 840, 840]
    monitor.stop()
    again = Monitor(settings, clock)
    again.source.backfill()
    assert len(again.readings.recent(0)) == len(frame), "a second start filled in again"
    again.stop()


def test_a_restart_without_the_store_keeps_settings_and_ledger(
    settings: Settings, clock: ManualClock
) -> None:
    monitor = Monitor(settings, clock)
    submit(monitor, 70)
    monitor.tuner.set_zscore({"window": 40, "threshold": 4.0}, "x")
    monitor.drain()
    monitor.stop()
    database = Path(settings.store_url)
    held = database.rename(database.with_name("held"))
    database.mkdir()
    monitor = Monitor(settings, clock)
    assert dict(monitor.detection.in_force.params) == {"window": 40, "threshold": 4.0}
    submit(monitor, 5, first=70)
    assert monitor.readings.recent(0)["n"].tolist() == [70, 71, 72, 73, 74]
    assert monitor.readings.recent(0)["score"].notna().all()
    assert monitor.ledger.now().balanced
    database.rmdir()
    held.rename(database)
    clock.advance(60)
    monitor.drain()
    assert monitor.ledger.now().total.stored == 75
    assert monitor.ledger.now().balanced
    monitor.stop()
    assert verify(StoppedMonitor(settings.data_dir, settings.store_url)).findings == ()


def test_second_monitor_on_the_folder_is_refused(settings: Settings, clock: ManualClock) -> None:
    first = Monitor(settings, clock)
    with pytest.raises(UsageError, match=f"process {os.getpid()}"):
        Monitor(settings, clock)
    first.stop()
    Monitor(settings, clock).stop()


def test_invalid_setting_touches_nothing(settings: Settings, clock: ManualClock, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.toml"
    wrong.write_text("[tags.x]\nvalid = [5, 1]\n")
    with pytest.raises(UsageError, match="low to high"):
        Monitor(replace(settings, tags=wrong), clock)
    with pytest.raises(UsageError, match="no column"):
        Monitor(replace(settings, source=f"replay:{wrong}"), clock)
    with pytest.raises(UsageError, match="roles cannot be read"):
        Monitor(replace(settings, roles=tmp_path / "none.toml"), clock)
    assert not settings.data_dir.exists()


def test_kill_at_any_moment_loses_nothing(tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "SENSORMON_DATA_DIR": str(tmp_path / "data"),
        "SENSORMON_INTERVAL": "0.02",
    }
    seen = 0
    for _ in range(3):
        monitor = subprocess.Popen(
            [sys.executable, "-m", "sensormon", "collect"], env=environment, stderr=subprocess.PIPE, text=True
        )
        assert monitor.stderr is not None
        assert any("collecting from" in line for line in monitor.stderr)
        status, stored = tmp_path / "data" / "status.json", seen
        while stored <= seen:  # until it has stored more than before
            time.sleep(0.02)
            stored = json.loads(status.read_text())["ledger"]["stored"] if status.exists() else 0
        seen = stored
        monitor.send_signal(signal.SIGKILL)
        monitor.wait()
        monitor.stderr.close()
        stopped = StoppedMonitor(tmp_path / "data", str(tmp_path / "data" / "sensormon.duckdb"))
        report = verify(stopped)
        assert report.findings == ()
        assert report.ledger is not None
        assert report.ledger.total.received > 2_000
        assert report.ledger.balanced


def test_verify_finds_damage(
    settings: Settings, clock: ManualClock, capsys: pytest.CaptureFixture[str]
) -> None:
    import duckdb

    monitor = Monitor(settings, clock)
    submit(monitor, 40)
    monitor.stop()
    folder = str(settings.data_dir)
    assert main(["verify", folder]) == 0
    with duckdb.connect(settings.store_url) as connection:
        connection.execute("DELETE FROM readings WHERE id = 7")
    assert main(["verify", folder]) == 1
    with duckdb.connect(settings.store_url) as connection:
        connection.execute("INSERT INTO readings SELECT * FROM readings WHERE id = 8")
    assert main(["verify", folder]) == 1
    assert "twice" in capsys.readouterr().out
    with open(settings.store_url, "r+b") as file:
        file.truncate(5000)
    assert main(["verify", folder]) == 1


def test_ledger_of_a_running_monitor_is_available(
    settings: Settings,
    clock: ManualClock,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SENSORMON_DATA_DIR", str(settings.data_dir))
    monitor = Monitor(settings, clock)
    submit(monitor, 10)
    monitor.drain()
    assert main(["ledger", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["stored"] == 10
    assert main(["verify"]) == 2
    assert "is running" in capsys.readouterr().err
    monitor.stop()
    assert main(["ledger"]) == 0
    assert "stopped" in capsys.readouterr().out


def test_clock_set_back_an_hour_stops_nothing(settings: Settings, clock: ManualClock) -> None:
    monitor = Monitor(replace(settings, source="simulator"), clock)
    simulator = monitor.source.simulator
    assert simulator is not None

    def run(seconds: int) -> None:
        for _ in range(seconds):
            clock.advance(1)
            monitor.submit(simulator.read(clock.now()))
            monitor.parts.loader.step()
            monitor.loading.after_step()

    run(100)
    before = monitor.ledger.now().total
    assert before.stored > 3 * 90
    clock.advance(-3600)
    run(100)
    total = monitor.ledger.now().total
    assert (total.received, total.difference) == (600, 0)
    assert total.stored > before.stored + 3 * 90, "the loader waits for the old time to come again"
    assert monitor.status().problems == ()
    clock.advance(3600)
    run(5)
    monitor.drain()
    assert monitor.ledger.now().total.difference == 0
    monitor.stop()
    assert verify(StoppedMonitor(settings.data_dir, settings.store_url)).findings == ()


@pytest.mark.long
def test_damage_in_any_database_block_is_repaired_at_start(settings: Settings, clock: ManualClock) -> None:
    monitor = Monitor(settings, clock)
    rng = np.random.default_rng(5)
    for i in range(30):
        values = [("fermenter_ph", float(v)) for v in np.round(rng.normal(7, 0.1, 1000), 4)]
        monitor.submit(batch_of(*values, at=START - 10**6 * SECOND + i * 1000 * SECOND))
    monitor.drain()
    monitor.parts.store.checkpoint()
    monitor.stop()
    database = Path(settings.store_url)
    whole = database.read_bytes()
    block = 262_144
    assert len(whole) > 4 * block
    for start in range(12_288, len(whole), block):
        for path in database.parent.glob(database.name + "*"):
            path.unlink()
        damaged = bytearray(whole)
        damaged[min(start + 5_000, len(whole) - 1)] ^= 0xFF
        database.write_bytes(damaged)
        monitor = Monitor(settings, clock)
        monitor.drain()
        clock.advance(31)
        monitor.drain()
        monitor.stop()
        report = verify(StoppedMonitor(settings.data_dir, settings.store_url))
        assert report.findings == (), f"block at {start}"
        assert report.ledger is not None
        assert report.ledger.total.stored == 30_000
