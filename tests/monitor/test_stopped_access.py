"""Accounts of a stopped monitor: appended under the lock, seen by the next start, nothing else disturbed."""

from __future__ import annotations

import json
import os
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from sensormon.access.access import Access
from sensormon.access.commands import run_command
from sensormon.access.roles import Role
from sensormon.access.tokens import Scope
from sensormon.model.clock import ManualClock
from sensormon.model.errors import JournalFull, StoreError, UsageError
from sensormon.model.settings import Settings
from sensormon.model.timestamps import FOREVER
from sensormon.monitor.monitor import Monitor
from sensormon.monitor.offline import StoppedMonitor
from sensormon.monitor.stopped_access import readable_access, writable_access
from sensormon.monitor.verify import verify
from sensormon.stores.entries import AuditQuery
from tests.support.access import ADMIN, PHRASE, full_journal
from tests.support.plant import START, batch_of

FOLDERS = Path(__file__).parents[1] / "data" / "folders"
EVERYTHING = AuditQuery(0, FOREVER)


def add(access: Access, name: str = "Jana") -> None:
    access.accounts.add(ADMIN, name, Role.OPERATOR, PHRASE)


def names(access: Access) -> list[str]:
    return [account.name for account in access.accounts.all()]


def check_folder(settings: Settings) -> None:
    stopped = StoppedMonitor(settings.data_dir, settings.store_url)
    report = verify(stopped)
    assert report.findings == ()
    assert report.ledger is not None
    assert report.ledger.to_dict()["difference"] == 0


@pytest.fixture
def used(settings: Settings, clock: ManualClock) -> Settings:
    """A stopped monitor's folder, with readings and an account; the last readings are not stored yet."""
    monitor = Monitor(settings, clock)
    monitor.submit(batch_of(*[("fermenter_ph", 7.0 + i / 100) for i in range(30)]))
    add(monitor.access, "Bo")
    monitor.drain()
    monitor.submit(batch_of(("fermenter_ph", 7.5), at=START + 40_000_000))
    monitor.parts.journal.close()
    monitor.parts.store.close()
    monitor.parts.folder.release()
    return settings


def test_before_the_first_start_the_folder_is_made(settings: Settings, clock: ManualClock) -> None:
    with writable_access(settings, clock) as access:
        add(access)
        assert names(access) == ["Jana"]
    report = verify(StoppedMonitor(settings.data_dir, settings.store_url))
    assert (report.findings, report.ledger) == ((), None)  # no database was there to look at
    with readable_access(settings, clock) as access:
        assert names(access) == ["Jana"]
    monitor = Monitor(settings, clock)
    assert names(monitor.access) == ["Jana"]
    assert monitor.source.status(dead=False) is not None
    monitor.drain()
    monitor.stop()
    check_folder(settings)
    with readable_access(settings, clock) as access:
        assert names(access) == ["Jana"]
        assert [record.subject for record in access.audit.read(EVERYTHING)] == ["user Jana"]


def test_the_first_start_after_it_is_still_the_first(settings: Settings, clock: ManualClock) -> None:
    with writable_access(settings, clock) as access:
        add(access)
    monitor = Monitor(replace(settings, source="simulator"), clock)
    monitor.source.backfill()
    assert monitor.ledger.now().to_dict()["received"] > 1_000  # a day of history, as in a new folder
    monitor.stop()


def test_what_was_added_is_seen_by_commands_and_by_the_next_start(used: Settings, clock: ManualClock) -> None:
    with StoppedMonitor(used.data_dir, used.store_url).store() as store:
        before = StoppedMonitor(used.data_dir, used.store_url).ledger(store).to_dict()
    for name in ("Jana", "Eve"):
        with writable_access(used, clock) as access:
            add(access, name)
            token, secret = access.tokens.add(ADMIN, f"of {name}", Scope.READ)
            assert access.tokens.find(secret) is not None
    stopped = StoppedMonitor(used.data_dir, used.store_url)
    with stopped.store() as store:
        assert stopped.ledger(store).to_dict() == before
    assert before["pending"] == 1
    check_folder(used)
    monitor = Monitor(used, clock)
    assert names(monitor.access) == ["Bo", "Eve", "Jana"]
    known = monitor.access.tokens.find(secret)
    assert known is not None
    assert known.id == token.id
    monitor.drain()
    assert monitor.ledger.now().to_dict() == {**before, "stored": 31, "pending": 0} | {
        "sources": monitor.ledger.now().to_dict()["sources"]
    }
    monitor.stop()
    check_folder(used)


def test_the_settings_of_the_detector_are_left_alone(used: Settings, clock: ManualClock) -> None:
    other = replace(used, window=99)
    with writable_access(other, clock) as access:
        add(access)
    records = StoppedMonitor(used.data_dir, used.store_url).records()
    kinds = [type(record.entry).__name__ for record in records]
    assert kinds == ["SettingsEntry", "BatchEntry", "DocumentsEntry", "BatchEntry", "DocumentsEntry"]


def test_a_running_monitor_is_not_touched(settings: Settings, clock: ManualClock) -> None:
    monitor = Monitor(settings, clock)
    for opened in (readable_access, writable_access):
        with pytest.raises(UsageError), opened(settings, clock):
            pass
    monitor.stop()


def test_the_lock_is_held_while_it_lasts_and_released_after_any_end(
    used: Settings, clock: ManualClock
) -> None:
    with writable_access(used, clock) as access:
        with pytest.raises(UsageError, match="another monitor"):
            Monitor(used, clock)
        add(access)
    with pytest.raises(UsageError, match="already"), writable_access(used, clock) as access:
        add(access)
    Monitor(used, clock).stop()


def test_a_folder_that_is_not_there_is_not_made_by_reading(settings: Settings, clock: ManualClock) -> None:
    with pytest.raises(UsageError, match="no such data folder"), readable_access(settings, clock):
        pass
    assert not settings.data_dir.exists()


def test_reading_changes_nothing(used: Settings, clock: ManualClock) -> None:
    def state() -> dict[str, bytes]:
        files = sorted(path for path in used.data_dir.rglob("*") if path.is_file())
        return {str(path): path.read_bytes() for path in files}

    before = state()
    with readable_access(used, clock) as access:
        assert names(access) == ["Bo"]
        assert access.audit.read(EVERYTHING)
        with pytest.raises(UsageError):
            add(access)
    assert state() == before


def test_a_full_journal_takes_no_account(used: Settings, clock: ManualClock) -> None:
    small = replace(used, journal_quota=1)
    with full_journal(used.data_dir), pytest.raises(JournalFull), writable_access(small, clock) as access:
        add(access)
    with readable_access(used, clock) as access:
        assert names(access) == ["Bo"]


def test_a_database_that_cannot_be_read_is_said_and_nothing_is_appended(
    used: Settings, clock: ManualClock
) -> None:
    before = sorted((used.data_dir / "journal").iterdir())
    Path(used.store_url).write_bytes(b"damaged")
    for opened in (readable_access, writable_access):
        with pytest.raises(StoreError), opened(used, clock):
            pass
    assert sorted((used.data_dir / "journal").iterdir()) == before


def test_a_journal_that_was_lost_goes_on_above_what_the_store_has(used: Settings, clock: ManualClock) -> None:
    monitor = Monitor(used, clock)
    monitor.drain()
    monitor.stop()
    (segment,) = (used.data_dir / "journal").glob("*.seg")
    os.truncate(segment, segment.stat().st_size // 3)
    with writable_access(used, clock) as access:
        add(access)
    monitor = Monitor(used, clock)
    monitor.drain()
    assert names(monitor.access) == ["Bo", "Jana"]
    monitor.stop()


def test_roles_that_cannot_be_read_do_not_stand_in_the_way(
    used: Settings, clock: ManualClock, tmp_path: Path
) -> None:
    with writable_access(replace(used, roles=tmp_path / "nothing.toml"), clock) as access:
        add(access)


@pytest.fixture(params=sorted(path.stem for path in FOLDERS.glob("*.json")))
def older(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """A data folder that an earlier version wrote."""
    with tarfile.open(FOLDERS / f"{request.param}.tar.xz") as archive:
        archive.extractall(tmp_path / "data", filter="data")
    return Settings(data_dir=tmp_path / "data", source="none")


def test_a_folder_of_an_earlier_version_has_no_accounts_yet_and_takes_some(
    older: Settings, clock: ManualClock
) -> None:
    with readable_access(older, clock) as access:
        assert names(access) == []
        assert access.audit.read(EVERYTHING) == []
        assert access.sessions.all() == []
        assert access.tokens.all() == []
    check_folder(older)
    with writable_access(older, clock) as access:
        add(access)
    check_folder(older)
    with readable_access(older, clock) as access:
        assert json.dumps(run_command(access, ADMIN, "audit", {}))
        assert names(access) == ["Jana"]
    monitor = Monitor(older, clock)
    monitor.drain()
    assert names(monitor.access) == ["Jana"]
    monitor.stop()
    check_folder(older)
