"""`backup` and `restore`: nothing acknowledged before a back-up began is missing after it is put back."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from sensormon.__main__ import main
from sensormon.model.clock import SECOND, ManualClock
from sensormon.model.settings import Settings
from sensormon.monitor.monitor import Monitor
from sensormon.monitor.offline import StoppedMonitor
from sensormon.monitor.verify import verify
from tests.support.kills import assert_all_stored
from tests.support.plant import START
from tests.support.postgresql import PostgreSQL
from tests.support.whole_history import killed_with_everything

Command = Callable[..., int]


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> Command:
    """Runs a command on a data folder and a store."""

    def run(folder: Path, *arguments: str, store: str = "") -> int:
        monkeypatch.setenv("SENSORMON_DATA_DIR", str(folder))
        monkeypatch.setenv("SENSORMON_STORE", store)
        return main([*arguments])

    return run


@pytest.fixture
def written(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A stopped monitor with something of everything, and one reading more in its journal than stored."""
    monkeypatch.setenv("SENSORMON_TAGS", str(settings.tags))
    return killed_with_everything(settings, tmp_path)


def settled(settings: Settings) -> int:
    """Start on this folder, store what waits, stop; `verify` agrees. Returns how many were stored."""
    monitor = Monitor(replace(settings, source="none"), ManualClock(START + 60 * SECOND))
    monitor.drain()
    total = monitor.ledger.now().total
    assert (total.difference, total.pending) == (0, 0)
    assert [account.name for account in monitor.access.accounts.all()] == ["Jana"]
    monitor.stop()
    report = verify(StoppedMonitor(settings.data_dir, settings.store_url))
    assert (report.findings, report.unchecked) == ((), ())
    return total.stored


def test_a_back_up_of_either_store_goes_into_the_other(
    written: Settings, postgresql: PostgreSQL, tmp_path: Path, command: Command
) -> None:
    first, second, url = tmp_path / "first", tmp_path / "second", postgresql.new_database()
    assert command(written.data_dir, "backup", str(first)) == 0
    assert command(tmp_path / "on server", "restore", str(first), store=url) == 0
    on_server = replace(written, data_dir=tmp_path / "on server", store=url)
    stored = settled(on_server)
    assert command(on_server.data_dir, "backup", str(second), store=url) == 0
    assert command(tmp_path / "back", "restore", str(second)) == 0
    assert settled(replace(written, data_dir=tmp_path / "back")) == stored == settled(written)
    assert (tmp_path / "back" / "tags.toml").read_bytes() == written.tags.read_bytes()


def test_a_back_up_is_private_and_overwrites_nothing(
    written: Settings, tmp_path: Path, command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "backup"
    assert command(written.data_dir, "backup", str(target)) == 0
    for path in (target, *target.rglob("*")):
        assert path.stat().st_mode & 0o777 == (0o700 if path.is_dir() else 0o600), path
    capsys.readouterr()
    assert command(written.data_dir, "backup", str(target)) == 2
    assert "never overwrites" in capsys.readouterr().err
    assert command(written.data_dir, "restore", str(target)) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_second_restore_changes_nothing(written: Settings, tmp_path: Path, command: Command) -> None:
    target, folder = tmp_path / "backup", tmp_path / "restored"
    assert command(written.data_dir, "backup", str(target)) == 0
    assert command(folder, "restore", str(target)) == 0
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert command(folder, "restore", str(target)) == 0
    assert {path: path.read_bytes() for path in before} == before


def test_a_harmed_back_up_is_refused_by_the_name_of_the_file(
    written: Settings, tmp_path: Path, command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = tmp_path / "backup"
    assert command(written.data_dir, "backup", str(whole)) == 0
    names = json.loads((whole / "manifest.json").read_text())["files"]
    assert "store/readings.arrow" in names
    for name in names:
        for harm in ("cut", "flipped", "missing"):
            copy = shutil.copytree(whole, tmp_path / "copy")
            content = bytearray((copy / name).read_bytes())
            if harm == "missing":
                (copy / name).unlink()
            elif harm == "cut":
                (copy / name).write_bytes(content[:-1] if content else b"x")
            elif content:
                content[len(content) // 2] ^= 1
                (copy / name).write_bytes(content)
            else:
                (copy / name).write_bytes(b"x")
            capsys.readouterr()
            assert command(tmp_path / "restored", "restore", str(copy)) == 2
            (line,) = capsys.readouterr().err.splitlines()
            assert str(copy / name) in line
            assert "damaged" in line
            shutil.rmtree(copy)
    assert not (tmp_path / "restored").exists(), "nothing was touched"


def test_an_unfinished_and_a_newer_back_up_are_refused(
    written: Settings, tmp_path: Path, command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "backup"
    assert command(written.data_dir, "backup", str(target)) == 0
    manifest = target / "manifest.json"
    text = manifest.read_text()
    manifest.write_text(text.replace('"version": 1', '"version": 2'))
    capsys.readouterr()
    assert command(tmp_path / "restored", "restore", str(target)) == 2
    assert "version 2, this program knows 1" in capsys.readouterr().err
    manifest.write_text(text[:-40])
    assert command(tmp_path / "restored", "restore", str(target)) == 2
    assert str(manifest) in capsys.readouterr().err
    manifest.unlink()
    assert command(tmp_path / "restored", "restore", str(target)) == 2
    assert "there is no manifest" in capsys.readouterr().err


@pytest.mark.long
def test_what_was_acknowledged_before_a_back_up_survives_the_machine(
    tmp_path: Path, command: Command
) -> None:
    acknowledged: dict[int, float] = {}
    enough = threading.Event()

    def read() -> None:
        assert process.stdout is not None
        for count, line in enumerate(process.stdout):
            if not line.endswith("\n"):
                return  # killed in the middle of a line
            first, _, values = line.strip("\n").split(" ")
            numbers = values.split(",") if values else []
            acknowledged.update({int(first) + i: float(v) for i, v in enumerate(numbers)})
            if count == 400:
                enough.set()

    target = tmp_path / "backup"
    with subprocess.Popen(
        [sys.executable, "-m", "tests.support.feeder", str(tmp_path / "data"), "1", ""],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        reader = threading.Thread(target=read)
        reader.start()
        try:
            assert enough.wait(60)
            before = dict(acknowledged)
            assert command(tmp_path / "data", "backup", str(target)) == 0
            assert len(acknowledged) > len(before), "it went on meanwhile"
        finally:
            process.kill()
            reader.join()
    assert command(tmp_path / "elsewhere", "restore", str(target)) == 0
    assert len(before) > 400
    assert_all_stored(tmp_path / "elsewhere", before)
