"""Retention: what is set, when it runs, and that the ledger stays balanced."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import duckdb
import numpy as np
import pytest

from sensormon.model.clock import DAY, SECOND, ManualClock
from sensormon.model.errors import UsageError
from sensormon.model.jobs import Cancelled, Job, Progress
from sensormon.model.profiles import single
from sensormon.model.settings import Settings, read_settings
from sensormon.monitor.monitor import Monitor
from sensormon.monitor.offline import StoppedMonitor
from sensormon.monitor.retention import JOB, Retention, RolledUp
from sensormon.monitor.verify import verify
from tests.support.plant import START, batch_of

FAR = START + 1000 * DAY
OLD = START // DAY * DAY - 40 * DAY
TAG = "fermenter_ph"


@pytest.fixture(autouse=True)
def few_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep few readings for a restart; thousands would make every test here slow."""
    monkeypatch.setattr("sensormon.monitor.retention.keep", lambda: 50)
    monkeypatch.setattr("sensormon.ingest.recovery.KEPT", 50)


def fill(monitor: Monitor, count: int = 300, at: int = OLD, seconds: float = 2.0) -> None:
    """Readings from `at` on, one of them a spike."""
    values = np.random.default_rng(count).normal(7, 0.05, count).round(3)
    values[count // 2] = 8.9
    monitor.submit(batch_of(*((TAG, float(value)) for value in values), at=at, seconds=seconds))
    monitor.drain()


def today(monitor: Monitor, count: int = 120) -> None:
    fill(monitor, count, monitor.clock.now() - 200 * SECOND, 1.0)


def run(monitor: Monitor) -> Job:
    job = monitor.retention.start()
    assert monitor.jobs.wait(job, 60)
    return job


def findings(monitor: Monitor) -> tuple[str, ...]:
    monitor.stop()
    return verify(StoppedMonitor(monitor.settings.data_dir, monitor.settings.store_url)).findings


def test_retention_is_off_by_default(settings: Settings, clock: ManualClock) -> None:
    assert read_settings({}).retention_days == 0
    with pytest.raises(UsageError, match="SENSORMON_RETENTION_DAYS"):
        read_settings({"SENSORMON_RETENTION_DAYS": "-1"})
    settings = replace(
        settings, retention_days=read_settings({"SENSORMON_RETENTION_DAYS": "90"}).retention_days
    )
    monitor = Monitor(settings, clock)
    assert monitor.retention.policy.days == 90
    monitor.retention.set(30, " Ana ")
    monitor.stop()
    monitor = Monitor(settings, clock)
    policy = monitor.retention.policy
    assert (policy.days, policy.who, policy.changed) == (30, "Ana", START)
    monitor.retention.set(0, "Ana")
    with pytest.raises(UsageError, match="retention is unlimited"):
        monitor.retention.start()
    for days, who in ((-1, "Ana"), (10**6, "Ana"), (3, "  ")):
        with pytest.raises(UsageError):
            monitor.retention.set(days, who)
    assert monitor.retention.policy.days == 0
    monitor.stop()


def test_unreadable_policy_deletes_nothing_and_is_reported(settings: Settings, clock: ManualClock) -> None:
    settings = replace(settings, retention_days=5)
    settings.data_dir.mkdir()
    (settings.data_dir / "retention.json").write_text('{"days": 3')
    monitor = Monitor(settings, clock)
    assert monitor.retention.policy.days == 0
    assert "retention.json cannot be read" in monitor.retention.problem
    monitor.retention.set(7, "Ana")
    assert monitor.retention.problem == ""
    monitor.stop()


def test_unwritable_folder_keeps_the_policy(settings: Settings, clock: ManualClock) -> None:
    monitor = Monitor(settings, clock)
    (settings.data_dir / "retention.json.tmp").mkdir()
    with pytest.raises(UsageError, match="cannot be written"):
        monitor.retention.set(7, "Ana")
    assert monitor.retention.policy.days == 0
    monitor.stop()


def test_old_readings_become_minutes_and_the_ledger_balances(settings: Settings, clock: ManualClock) -> None:
    monitor = Monitor(settings, clock)
    fill(monitor)
    today(monitor)
    before = monitor.stored.frame([TAG], 0, FAR)
    monitor.retention.set(30, "Ana")
    plan = monitor.retention.plan()
    flagged = int(before[before["time"].astype("int64") < START - DAY]["is_anomaly"].sum())
    assert flagged >= 1
    assert (plan.readings, plan.minutes) == (300 - flagged, 10)
    job = run(monitor)
    assert isinstance(job.result, RolledUp)
    assert job.result.readings == plan.readings
    assert monitor.retention.plan().readings == 0
    after = monitor.stored.frame([TAG], 0, FAR)
    assert len(after) == flagged + 120
    ledger = monitor.ledger.now().total
    assert (ledger.stored, ledger.difference) == (420, 0)
    assert monitor.tuner.tag_history(TAG, 0, FAR).rows["id"].tolist() == list(range(301, 421))
    assert findings(monitor) == ()


def test_explorer_draws_minutes_and_measures_raw_readings(settings: Settings, clock: ManualClock) -> None:
    monitor = Monitor(settings, clock)
    fill(monitor)
    today(monitor)
    spans = ((OLD, OLD + 600 * SECOND, 500), (OLD - DAY, START + DAY, 50))
    seen = [monitor.explorer.overview(TAG, *span).overview for span in spans]
    monitor.retention.set(30, "Ana")
    run(monitor)
    for (since, until, parts), before in zip(spans, seen, strict=True):
        after = monitor.explorer.overview(TAG, since, until, parts).overview
        assert (after.readings, after.flagged) == (before.readings, before.flagged)
        assert (after.value.min(), after.value.max()) == (before.value.min(), before.value.max())
        assert int(after.count.sum()) == int(before.count.sum())
        assert (np.diff(after.time) >= 0).all()
        assert len(after.time) <= 4 * parts + 8
        assert after.marks["id"].tolist() == before.marks["id"].tolist()
    whole = monitor.explorer.since_whole((TAG,), OLD)
    assert whole == OLD // DAY * DAY + DAY
    assert monitor.explorer.since_whole(("agitator_rpm",), OLD) == OLD
    assert monitor.explorer.distribution(TAG, OLD, FAR).readings == 120
    assert monitor.explorer.controlled(TAG, (OLD, FAR), (OLD, FAR)).outside.readings == 120
    monitor.stop()


def test_span_of_minutes_has_no_pairs(settings: Settings, clock: ManualClock) -> None:
    monitor = Monitor(settings, clock)
    fill(monitor)
    today(monitor)
    monitor.retention.set(30, "Ana")
    run(monitor)
    relation = monitor.explorer.relation(TAG, "agitator_rpm", OLD, OLD + 600 * SECOND)
    assert (relation.n, relation.counts, relation.why) == (0, (0, 0), "0 pairs are fewer than 30")
    monitor.stop()


def test_restart_after_a_roll_up_scores_the_same(
    settings: Settings, clock: ManualClock, tmp_path: Path
) -> None:
    rows = []
    for folder, days in ((tmp_path / "whole", 0), (tmp_path / "rolled", 30)):
        monitor = Monitor(replace(settings, data_dir=folder), clock)
        monitor.tuner.apply(single("zscore", {}), "Ana", "needs no more than 50 readings")
        fill(monitor, 400)
        monitor.retention.set(days, "Ana")
        if days:
            assert run(monitor).result.readings > 300
        monitor.stop()
        (folder / "detector_memory.bin").unlink()
        monitor = Monitor(replace(settings, data_dir=folder), clock)
        today(monitor)
        frame = monitor.stored.frame([TAG], START - DAY, FAR)
        rows.append(frame[["id", "n", "score", "lower", "upper"]].to_numpy().tolist())
        monitor.stop()
    assert np.array_equal(rows[0], rows[1], equal_nan=True)


def test_roll_up_runs_once_a_day(settings: Settings, clock: ManualClock) -> None:
    monitor = Monitor(settings, clock)
    fill(monitor)
    today(monitor)
    monitor.retention.set(30, "Ana")
    monitor.drain()
    assert monitor.jobs.of(JOB) == [], "nobody was asked yet"
    clock.advance(86_400)
    monitor.drain()
    (job,) = monitor.jobs.of(JOB)
    assert monitor.jobs.wait(job, 60)
    assert job.result.readings > 200
    clock.advance(3_700)
    monitor.drain()
    assert len(monitor.jobs.of(JOB)) == 1
    monitor.stop()
    monitor = Monitor(settings, clock)
    monitor.drain()
    assert monitor.jobs.of(JOB) == [], "a restart does not forget that it ran today"
    clock.advance(86_400)
    monitor.drain()
    (job,) = monitor.jobs.of(JOB)
    assert monitor.jobs.wait(job, 60)
    assert findings(monitor) == ()


class CancelledAt(Progress):
    """Progress that is cancelled at the given step."""

    def __init__(self, step: int) -> None:
        super().__init__()
        self._left = step

    def step(self, words: str, done: float = 0.0, whole: float = 0.0) -> None:
        self._left -= 1
        if self._left < 0:
            self.cancel()
        super().step(words, done, whole)


def test_cancelled_roll_up_leaves_whole_days_and_resumes(settings: Settings, clock: ManualClock) -> None:
    monitor = Monitor(settings, clock)
    for day in range(3):
        fill(monitor, 100, OLD + day * DAY)
    today(monitor)
    monitor.retention.set(30, "Ana")
    with pytest.raises(Cancelled):
        monitor.retention._run(CancelledAt(2))
    plan = monitor.retention.plan()
    assert [due.day for due in plan.due] == [OLD + DAY, OLD + 2 * DAY]
    assert run(monitor).result.readings == plan.readings
    assert monitor.ledger.now().balanced
    assert findings(monitor) == ()


@pytest.mark.parametrize("days", [0, 20, 7])
def test_roll_up_stops_when_the_policy_changes(
    settings: Settings, clock: ManualClock, monkeypatch: pytest.MonkeyPatch, days: int
) -> None:
    monitor = Monitor(settings, clock)
    for number in range(3):
        fill(monitor, 60, OLD + number * DAY)
    today(monitor)
    monitor.retention.set(7, "Ana")
    step = Progress.step

    def stepped(progress: Progress, words: str, done: float = 0.0, whole: float = 0.0) -> None:
        step(progress, words, done, whole)
        if 0 < done < 100:  # the first day is done
            monitor.retention.set(days, "Ben")

    monkeypatch.setattr(Progress, "step", stepped)
    job = run(monitor)
    assert job.cancelled == (days != 7), "the same days again change nothing"
    left = monitor.stored.frame([TAG], 0, OLD + 3 * DAY)
    assert len(left) < 10 if days == 7 else 60 < len(left) < 70
    monitor.stop()


def test_roll_up_reports_an_unavailable_database(settings: Settings, clock: ManualClock) -> None:
    monitor = Monitor(replace(settings, retention_days=30), clock)
    monitor.parts.store.close()
    job = run(monitor)
    assert job.problem is not None
    assert "not open" in str(job.problem)
    assert monitor.retention.policy.last == 0
    monitor.stop()


def test_lost_database_is_rebuilt_and_rolled_up_again(settings: Settings, clock: ManualClock) -> None:
    monitor = Monitor(settings, clock)
    fill(monitor)
    today(monitor)
    monitor.retention.set(30, "Ana")
    run(monitor)
    minutes = monitor.parts.store.retention.rollups(None, 0, FAR)
    monitor.stop()
    Path(settings.store_url).unlink()
    monitor = Monitor(settings, clock)
    monitor.drain()
    assert len(monitor.stored.frame([TAG], 0, FAR)) == 420
    assert monitor.parts.store.retention.rollups(None, 0, FAR).empty
    assert monitor.ledger.now().balanced
    run(monitor)
    again = monitor.parts.store.retention.rollups(None, 0, FAR)
    assert again.equals(minutes)
    assert findings(monitor) == ()


@pytest.mark.parametrize(
    ("statement", "finding"),
    [
        ("DELETE FROM rollups WHERE minute = (SELECT min(minute) FROM rollups)", "are not in the store"),
        (
            "UPDATE rollups SET count = count - 1 WHERE minute = (SELECT min(minute) FROM rollups)",
            "the roll-up has",
        ),
        (
            "UPDATE rollups SET high = low WHERE minute = (SELECT min(minute) FROM rollups)",
            "are not in the store",
        ),
        ("INSERT INTO readings SELECT * FROM readings LIMIT 1", "are in the store twice"),
    ],
)
def test_verify_finds_damaged_roll_ups(
    settings: Settings, clock: ManualClock, statement: str, finding: str
) -> None:
    monitor = Monitor(settings, clock)
    fill(monitor)
    today(monitor)
    monitor.retention.set(30, "Ana")
    run(monitor)
    monitor.stop()
    with duckdb.connect(settings.store_url) as connection:
        connection.execute(statement)
    report = verify(StoppedMonitor(settings.data_dir, settings.store_url))
    assert any(finding in line for line in report.findings), report.findings


def test_database_of_an_earlier_version_verifies(settings: Settings, clock: ManualClock) -> None:
    monitor = Monitor(settings, clock)
    today(monitor)
    monitor.stop()
    with duckdb.connect(settings.store_url) as connection:
        connection.execute("DROP TABLE rollups; DROP TABLE counted_readings")
    assert verify(StoppedMonitor(settings.data_dir, settings.store_url)).findings == ()
    monitor = Monitor(settings, clock)
    today(monitor)
    assert monitor.retention.plan(1).readings == 0
    monitor.stop()


def test_policy_and_last_run_are_on_disk(settings: Settings, clock: ManualClock) -> None:
    monitor = Monitor(settings, clock)
    monitor.retention.set(30, "Ana")
    row = json.loads((settings.data_dir / "retention.json").read_text())
    assert row == {"days": 30, "who": "Ana", "changed": START, "last": START}
    assert isinstance(monitor.retention, Retention)
    monitor.stop()
    shutil.rmtree(settings.data_dir)
