"""Data folders of versions since 7c1d7d4 open with all that they had; those of a newer one are refused."""

from __future__ import annotations

import csv
import json
import os
import shutil
import struct
import subprocess
import sys
import tarfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from sensormon.__main__ import main
from sensormon.journal.segments import VERSION as JOURNAL_VERSION
from sensormon.model.clock import ManualClock, SystemClock
from sensormon.model.errors import StoreNewer
from sensormon.model.settings import ROOT, Settings
from sensormon.monitor.monitor import Monitor
from sensormon.monitor.offline import StoppedMonitor
from sensormon.monitor.verify import verify
from sensormon.stores.duckdb_database import VERSION
from sensormon.stores.opening import open_store
from tests.support.folder_of_version import INTO, SAID

Printed = Callable[..., str]
ARCHIVES = sorted(INTO.glob("*.tar.xz"))


@pytest.fixture(params=ARCHIVES, ids=lambda path: path.name.partition(".")[0])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A copy of the folder."""
    with tarfile.open(request.param) as archive:
        archive.extractall(tmp_path, filter="data")
    return tmp_path / "data"


@pytest.fixture
def said(folder: Path) -> dict[str, Any]:
    """What the version itself said of the folder."""
    content: dict[str, Any] = json.loads((folder.parent / SAID).read_text(encoding="utf-8"))
    return content


def running(folder: Path) -> Monitor:
    settings = Settings(data_dir=folder, tags=folder / "tags.toml", source="none")
    return Monitor(settings, ManualClock(SystemClock().now()))


def environment_of(folder: Path) -> dict[str, str]:
    return {
        "SENSORMON_DATA_DIR": str(folder),
        "SENSORMON_TAGS": str(folder / "tags.toml"),
        "SENSORMON_SOURCE": "none",
    }


@pytest.fixture
def printed(folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Printed:
    """What a command prints about the folder."""
    for name, value in environment_of(folder).items():
        monkeypatch.setenv(name, value)

    def run(*words: str) -> str:
        assert main(words) == 0, capfd.readouterr()
        return capfd.readouterr().out

    return run


def of_then(now: dict[str, Any], then: dict[str, Any]) -> dict[str, Any]:
    """What both know of; what a later version counts as well must be nothing."""
    assert not any(value for name, value in now.items() if name not in then)
    return {name: value for name, value in now.items() if name in then}


def test_the_ledger_and_every_reading_are_kept(printed: Printed, said: dict[str, Any]) -> None:
    ledger = json.loads(printed("ledger", "--json"))
    sources, before = ledger.pop("sources"), said["ledger"].pop("sources")
    assert of_then(ledger, said["ledger"]) == said["ledger"]
    assert {name: of_then(sources[name], counts) for name, counts in before.items()} == before
    for what in ("readings", "anomalies"):
        rows = list(csv.DictReader(printed("export", what).splitlines()))
        expected = list(csv.DictReader(said[what]))
        assert [{name: row[name] for name in expected[0]} for row in rows] == expected
    assert len(said["anomalies"]) > 1


def test_people_tokens_and_their_trail_are_kept(printed: Printed, said: dict[str, Any]) -> None:
    assert [json.loads(line) for line in printed("audit", "--format", "json").splitlines()] == said["audit"]
    assert "Jana" in printed("users", "list")
    assert "line1" in printed("tokens", "list")
    if said["imports"] is not None:
        assert json.loads(printed("imports", "list", "--json")) == said["imports"]


def test_what_was_pending_is_loaded_and_verified(folder: Path, said: dict[str, Any]) -> None:
    assert said["ledger"]["pending"] > 0
    monitor = running(folder)
    monitor.drain()
    after = monitor.ledger.now().to_dict()
    assert (after["pending"], after["difference"]) == (0, 0)
    assert after["stored"] == said["ledger"]["stored"] + said["ledger"]["pending"]
    monitor.stop()
    assert verify(StoppedMonitor(folder, str(folder / "sensormon.duckdb"))).findings == ()


def test_a_lost_database_is_rebuilt(folder: Path, said: dict[str, Any]) -> None:
    for path in folder.glob("sensormon.duckdb*"):
        path.unlink()
    monitor = running(folder)
    monitor.drain()
    ledger = monitor.ledger.now().to_dict()
    assert (ledger["received"], ledger["pending"], ledger["difference"]) == (said["ledger"]["received"], 0, 0)
    monitor.stop()


# -- newer ones -------------------------------------------------------------------


@pytest.fixture
def newest(tmp_path: Path) -> Path:
    """A folder of this version."""
    with tarfile.open(ARCHIVES[-1]) as archive:
        archive.extractall(tmp_path, filter="data")
    running(tmp_path / "data").stop()
    return tmp_path / "data"


def with_newer_store(folder: Path) -> None:
    with duckdb.connect(str(folder / "sensormon.duckdb")) as connection:
        connection.execute("UPDATE sensormon_version SET version = version + 1")


def with_newer_journal(folder: Path) -> None:
    head = struct.Struct("<8sI32sQ")
    segment = max((folder / "journal").glob("*.seg"))
    content = bytearray(segment.read_bytes())
    magic, version, writer, number = head.unpack_from(content)
    assert version == JOURNAL_VERSION
    newer = head.pack(magic, version + 1, writer, number)
    content[: head.size + 4] = newer + struct.pack("<I", zlib.crc32(newer))
    segment.write_bytes(content)


@pytest.mark.parametrize("made_newer", [with_newer_store, with_newer_journal])
@pytest.mark.parametrize(
    "words",
    [("sensormon", "collect"), ("sensormon", "ledger"), ("streamlit", "run", "app.py", "--server.port", "0")],
    ids=["collect", "ledger", "pages"],
)
def test_a_newer_folder_is_refused_in_one_line_and_left_alone(
    newest: Path, made_newer: Any, words: tuple[str, ...]
) -> None:
    made_newer(newest)
    shutil.copytree(newest, newest.parent / "before")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SENSORMON_")}
    done = subprocess.run(
        [sys.executable, "-m", *words],
        cwd=ROOT,
        env=environment | environment_of(newest),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 2, done
    [line] = [line for line in done.stderr.splitlines() if line.strip()]
    assert line.startswith("sensormon: ")
    assert "this program knows" in line
    for path in (newest.parent / "before").rglob("*"):
        if path.suffix in (".duckdb", ".seg", ".gz"):
            assert path.read_bytes() == (newest / path.relative_to(newest.parent / "before")).read_bytes()


def test_the_version_of_the_tables_is_kept_once(tmp_path: Path) -> None:
    path = tmp_path / "sensormon.duckdb"
    for _ in range(2):
        store = open_store(str(path))
        store.open()
        store.close()
    with duckdb.connect(str(path)) as connection:
        assert connection.execute("SELECT version FROM sensormon_version").fetchall() == [(VERSION,)]
        connection.execute("UPDATE sensormon_version SET version = 99")
    with pytest.raises(StoreNewer, match="version 99"):
        open_store(str(path)).open()
    with pytest.raises(StoreNewer, match="version 99"):
        open_store(str(path), read_only=True).open()
