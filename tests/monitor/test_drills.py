"""The drills: real faults on a running monitor, each followed by a proof of recovery."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from sensormon.ingest import workers
from sensormon.model.errors import UsageError
from sensormon.model.settings import Settings
from sensormon.model.status import WriteState
from sensormon.monitor import drills
from sensormon.monitor.drills import DRILLS, FILLER
from sensormon.monitor.monitor import Monitor
from sensormon.monitor.offline import StoppedMonitor
from sensormon.monitor.verify import verify


@pytest.fixture
def running(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Monitor]:
    """A simulated plant on the real clock, with short faults and short waits."""
    monkeypatch.setattr(drills, "SECONDS", 1.5)
    monkeypatch.setattr(workers, "BACKOFF", (0.1,))
    monkeypatch.setattr("sensormon.ingest.loader.BACKOFF", (0.2,))
    monitor = Monitor(replace(settings, source="simulator", interval=0.05, demo=True, journal_quota=50))
    monitor.source.backfill()
    monitor.start()
    yield monitor
    monitor.stop()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # a kill in a destructor
@pytest.mark.parametrize("name", DRILLS)
def test_after_each_fault_the_proof_holds_and_verify_agrees(running: Monitor, name: str) -> None:
    assert running.drills is not None
    running.drills.start(name)
    run = running.drills.wait(60)
    assert run.problem == ""
    assert run.proof is not None
    assert run.proof.holds
    assert run.proof.acknowledged > 0
    said = " ".join(text for _, text in run.steps)
    status = running.status()
    assert status.writing is WriteState.HEALTHY
    expected = {
        "database_down": "has locked the database file",
        "kill_loader": "started again by itself",
        "corrupt_database": "were overwritten",
        "fill_quota": "is used up",
        "duplicate_burst": "200 were rejected as duplicates",
    }
    assert expected[name] in said
    if name == "database_down":
        assert "lock" in status.store.last_error
    if name == "kill_loader":
        assert "ThreadKilled" in status.restarts[0]
    if name == "corrupt_database":
        assert list(running.settings.data_dir.glob("*.damaged-1"))
    if name == "fill_quota":
        assert run.proof.refused > 0
        assert running.status().source.refused == run.proof.refused
    if name == "duplicate_burst":
        assert run.proof.duplicates == 200
    running.stop()
    report = verify(StoppedMonitor(running.settings.data_dir, running.settings.store_url))
    assert report.findings == ()


def test_one_at_a_time_and_only_what_there_is(running: Monitor) -> None:
    assert running.drills is not None
    running.drills.start("fill_quota")
    with pytest.raises(UsageError, match="another drill is still running"):
        running.drills.start("kill_loader")
    with pytest.raises(UsageError, match="there is no 'x'"):
        running.drills.start("x")
    running.stop()
    assert running.drills.wait(10).problem == "the monitor was stopped meanwhile"


def test_off_unless_asked_for(settings: Settings) -> None:
    monitor = Monitor(settings)
    assert monitor.drills is None
    monitor.stop()


def test_leftovers_of_a_killed_drill_are_removed_at_start(settings: Settings) -> None:
    filler = settings.data_dir / "journal" / FILLER
    filler.parent.mkdir(parents=True)
    filler.write_bytes(b"")
    Monitor(settings).stop()
    assert not filler.exists()
