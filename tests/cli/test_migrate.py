"""`python -m sensormon migrate`: a history goes to another store and back, through kills, or not at all."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import duckdb
import psycopg
import pytest

from sensormon.__main__ import main
from sensormon.cli import copying
from sensormon.cli.migrate import migrate
from sensormon.model.clock import SECOND, ManualClock
from sensormon.model.errors import StoreFault
from sensormon.model.jobs import Progress
from sensormon.model.settings import Settings
from sensormon.monitor.monitor import Monitor
from sensormon.monitor.offline import StoppedMonitor
from sensormon.monitor.verify import verify
from sensormon.stores.opening import open_store, opened_to_read
from tests.support.plant import START, batch_of
from tests.support.postgresql import PostgreSQL
from tests.support.stored import fill_folder
from tests.support.whole_history import killed_with_everything

Refused = Callable[..., str]


@pytest.fixture
def written(settings: Settings, tmp_path: Path) -> Settings:
    """A stopped monitor with something of everything, and one reading more in its journal than stored."""
    return killed_with_everything(settings, tmp_path)


@pytest.fixture
def refused(capsys: pytest.CaptureFixture[str]) -> Refused:
    """Runs a command that must be refused in one line; returns the line."""

    def run(*arguments: str) -> str:
        capsys.readouterr()
        assert main([*arguments]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        return line

    return run


def settled(settings: Settings, at: int, added: int) -> None:
    """Start on this store, add a reading of this time, stop; `verify` agrees with the journal."""
    with opened_to_read(settings.store_url) as store:
        assert store is not None
        before = store.ledger.recount().rows
        watermark = store.ledger.watermark(StoppedMonitor(settings.data_dir, settings.store_url).writer)
    assert watermark is not None, "the journal is known in the new store"
    monitor = Monitor(replace(settings, source="none"), ManualClock(at))
    monitor.submit(batch_of(("fermenter_ph", 7.0), at=at))
    monitor.drain()
    assert monitor.ledger.now().total.difference == 0
    assert monitor.ledger.now().total.pending == 0
    monitor.stop()
    report = verify(StoppedMonitor(settings.data_dir, settings.store_url))
    assert report.findings == ()
    with opened_to_read(settings.store_url) as store:
        assert store is not None
        assert store.ledger.recount().rows == before + added


def test_a_journal_goes_on_in_the_other_store_and_back(
    written: Settings, postgresql: PostgreSQL, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = postgresql.new_database()
    assert main(["migrate", str(written.data_dir), url, "--json"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    answer = json.loads(line)
    assert answer["differing"] == []
    assert answer["rows_copied"] == answer["readings"] + sum(answer["tables"].values())
    assert "sensormon@" not in line, "no user and password in what is printed"
    written.data_dir.joinpath("sensormon.duckdb").rename(tmp_path / "before.duckdb")
    settled(replace(written, store=url), START + 60 * SECOND, added=2)
    back = tmp_path / "back" / "sensormon.duckdb"
    assert main(["migrate", url, f"{back.parent}/"]) == 0
    assert "counts and digests are equal on both sides" in capsys.readouterr().out
    assert back.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in back.parent.iterdir()] == [back.name]
    settled(replace(written, store=str(back)), START + 120 * SECOND, added=1)


def test_a_second_run_finds_it_there(
    written: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = str(tmp_path / "copy.duckdb")
    assert main(["migrate", str(written.data_dir), target]) == 0
    first = Path(target).read_bytes()
    assert main(["migrate", str(written.data_dir), target]) == 0
    assert " 0 rows copied" in capsys.readouterr().out.splitlines()[-2]
    assert Path(target).read_bytes() == first


@pytest.mark.long
@pytest.mark.parametrize("direction", ["to PostgreSQL", "to a file"])
def test_a_copy_killed_at_any_point_goes_on(direction: str, postgresql: PostgreSQL, tmp_path: Path) -> None:
    folder, url = fill_folder(tmp_path / "data", 120_000), postgresql.new_database()
    source, target = str(folder / "sensormon.duckdb"), url
    if direction == "to a file":
        migrate(source, url, Progress())
        source, target = url, str(tmp_path / "copy.duckdb")
    kills = 0
    for steps in (0, 1, 2, 1, 12, 22, 24, 1, 26, 40, 1_000):
        ended = subprocess.run(
            [sys.executable, "-m", "tests.support.killed_migration", source, target, str(steps)],
            check=False,
            capture_output=True,
            text=True,
        )
        kills += ended.returncode == -signal.SIGKILL
        assert ended.returncode in (0, -signal.SIGKILL), ended.stderr
        if not ended.returncode:
            break
    assert kills > 2
    moved = migrate(source, target, Progress())
    assert (moved.copied, moved.differing) == (0, ())
    with opened_to_read(target) as store:
        assert store is not None
        recount = store.ledger.recount()
        assert recount.rows == recount.distinct_ids == 120_000


def test_a_connection_that_ends_meanwhile_is_waited_for(
    written: Settings, postgresql: PostgreSQL, tmp_path: Path
) -> None:
    url = postgresql.new_database()
    migrate(f"{written.data_dir}/sensormon.duckdb", url, Progress())
    with psycopg.connect(url, application_name="sensormon") as connection:

        class Ending(Progress):
            """The connection ends once somebody waits for it."""

            def step(self, words: str, done: float = 0.0, whole: float = 0.0) -> None:
                super().step(words, done, whole)
                if words == "waiting for the connections of others to end":
                    connection.close()

        assert migrate(url, str(tmp_path / "copy.duckdb"), Ending()).differing == ()
        assert connection.closed


@pytest.mark.long
def test_what_cannot_be_is_refused_in_one_line(
    written: Settings,
    postgresql: PostgreSQL,
    tmp_path: Path,
    refused: Refused,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(copying, "PATIENCE", 0.5)
    source, url = str(written.data_dir), postgresql.new_database()
    target = str(tmp_path / "copy.duckdb")
    assert "FROM and TO are the same" in refused("migrate", source, f"{source}/sensormon.duckdb")
    assert "no such database" in refused("migrate", str(tmp_path / "nothing"), url)
    assert "not the URL of a store" in refused("migrate", source, "mysql://x/y")
    fill_folder(tmp_path / "other", 30)
    assert "holds another history" in refused("migrate", source, str(tmp_path / "other"))
    monitor = Monitor(replace(written, source="none"), ManualClock(START + 60 * SECOND))
    monitor.drain()
    assert f"its monitor is running (process {os.getpid()})" in elsewhere("migrate", source, target)
    monitor.stop()
    with psycopg.connect(url, application_name="sensormon") as connection:
        connection.execute("SELECT 1")
        line = refused("migrate", source, url)
        assert "it is in use: collectors or dashboards have 1 connection to it. Stop them first" in line
    assert main(["migrate", source, url]) == 0
    with psycopg.connect(url) as connection:
        connection.execute("UPDATE sensormon_version SET version = 99")
    assert "its tables are of version 99" in refused("migrate", url, target)
    with duckdb.connect(f"{source}/sensormon.duckdb") as database:
        database.execute("CREATE TABLE later (x INTEGER)")
    assert "a newer version has written it: later.x" in refused("migrate", source, target)
    assert not list(tmp_path.glob("copy.duckdb"))


def elsewhere(*arguments: str) -> str:
    """The line with which another process is refused."""
    ended = subprocess.run(
        [sys.executable, "-m", "sensormon", *arguments],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.returncode == 2
    (line,) = ended.stderr.splitlines()
    return line


@pytest.mark.long
def test_nobody_opens_half_a_history(postgresql: PostgreSQL, tmp_path: Path) -> None:
    folder, url = fill_folder(tmp_path / "data", 60_000), postgresql.new_database()
    target = tmp_path / "copy.duckdb"
    for place in (url, str(target)):
        command = [sys.executable, "-m", "tests.support.killed_migration"]
        ended = subprocess.run([*command, str(folder / "sensormon.duckdb"), place, "3"], check=False)
        assert ended.returncode == -signal.SIGKILL
    store = open_store(url)
    with pytest.raises(StoreFault, match="a history is being copied into it"):
        store.open()
    assert not target.exists()
