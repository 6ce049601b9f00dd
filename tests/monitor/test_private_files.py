"""The data folder and everything that a monitor makes in it are for its account alone."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from sensormon.api.auth import Tokens
from sensormon.model.clock import ManualClock
from sensormon.model.errors import UsageError
from sensormon.model.settings import Settings
from sensormon.monitor.data_folder import DataFolder
from sensormon.monitor.monitor import Monitor
from tests.support.plant import START


@pytest.fixture(autouse=True)
def usual_mask() -> Iterator[None]:
    """The mask that most accounts have: others may read."""
    before = os.umask(0o022)
    yield
    os.umask(before)


def modes(folder: Path) -> dict[str, str]:
    paths = [folder, *folder.rglob("*")]
    return {str(path.relative_to(folder)): oct(stat.S_IMODE(path.stat().st_mode)) for path in paths}


def lived_in(settings: Settings) -> Path:
    """A data folder in which a monitor has run, with its token and an export."""
    monitor = Monitor(replace(settings, source="simulator"), ManualClock(START))
    monitor.source.backfill()
    monitor.drain()
    Tokens.of(settings)
    with monitor.exporter.files.draft() as draft:
        draft.path.write_bytes(b"time,value\n")
        monitor.exporter.files.keep(draft, "readings.csv", "text/csv")
    monitor.start()
    monitor.stop()
    return settings.data_dir


def test_everything_a_monitor_makes_is_private(settings: Settings) -> None:
    folder = lived_in(settings)
    every = modes(folder)
    assert {"journal", "journal/reserve", "sensormon.duckdb", "token", "monitor.lock", "exports"} <= set(
        every
    )
    assert {name: mode for name, mode in every.items() if mode not in ("0o700", "0o600")} == {}


def test_an_existing_folder_is_made_private_and_foreign_files_are_left_alone(settings: Settings) -> None:
    folder = lived_in(settings)
    (folder / "archive").mkdir(exist_ok=True)
    (folder / "archive" / "1.seg.gz").write_bytes(b"")
    (folder / "exports").mkdir(exist_ok=True)
    (folder / "exports" / "readings.csv").write_bytes(b"")
    (folder / "failed_measurements.jsonl").write_bytes(b"")
    (folder / "samples").mkdir()
    (folder / "tags.toml").write_text("", encoding="utf-8")
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)
    DataFolder(folder).release()
    Tokens.of(settings)
    loose = {name for name, mode in modes(folder).items() if mode not in ("0o700", "0o600")}
    assert loose == {"samples", "tags.toml"}
    assert modes(folder)["."] == "0o700"


def test_what_a_link_in_the_folder_leads_to_keeps_its_mode(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "page.html").write_bytes(b"")
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "exports").symlink_to(elsewhere)
    (folder / "status.json").symlink_to(elsewhere / "page.html")
    before = modes(elsewhere)
    DataFolder(folder).release()
    assert modes(elsewhere) == before == {".": "0o755", "page.html": "0o644"}


@pytest.mark.parametrize("planted", ["link", "writable by others", "pipe", "of another account"])
def test_a_token_that_somebody_else_may_have_laid_is_refused(
    settings: Settings, tmp_path: Path, planted: str
) -> None:
    settings.data_dir.mkdir(exist_ok=True)
    token = settings.data_dir / "token"
    if planted == "link":
        (tmp_path / "known").write_text("known", encoding="ascii")
        token.symlink_to(tmp_path / "known")
    elif planted == "pipe":
        os.mkfifo(token)
    else:
        token.write_text("known", encoding="ascii")
        token.chmod(0o646 if planted == "writable by others" else 0o600)
    if planted == "of another account":
        if os.geteuid() != 0:
            pytest.skip("only root can give a file away")
        os.chown(token, 12_345, -1)
    DataFolder(settings.data_dir).release()
    with pytest.raises(UsageError, match="somebody else"):
        Tokens.of(settings)


def test_a_folder_shared_by_all_keeps_its_own_mode(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    DataFolder(shared).release()
    assert stat.S_IMODE(shared.stat().st_mode) == 0o1777
    assert stat.S_IMODE((shared / "monitor.lock").stat().st_mode) == 0o600


def test_a_database_elsewhere_is_made_private_too(settings: Settings, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere" / "readings.duckdb"
    elsewhere.parent.mkdir()
    settings = replace(settings, store=str(elsewhere))
    lived_in(settings)
    elsewhere.chmod(0o644)
    lived_in(settings)
    assert stat.S_IMODE(elsewhere.stat().st_mode) == 0o600
    assert stat.S_IMODE(elsewhere.parent.stat().st_mode) == 0o755, "that folder is not ours"
