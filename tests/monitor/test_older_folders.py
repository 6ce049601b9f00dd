"""Data folders of earlier versions: they open with the same ledger, and every journal record is read."""

from __future__ import annotations

import dataclasses
import json
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sensormon.model.clock import SECOND, ManualClock
from sensormon.model.settings import Settings
from sensormon.monitor.monitor import Monitor
from sensormon.monitor.offline import StoppedMonitor
from sensormon.monitor.verify import verify

FOLDERS = Path(__file__).parents[1] / "data" / "folders"
VERSIONS = sorted(path.stem for path in FOLDERS.glob("*.json"))
LATER = 1_790_000_200 * SECOND
"""A moment after the last one in each folder."""


def plain(value: Any) -> Any:
    """The value as JSON: dataclasses, by the fields that count as equal, and arrays as objects and lists."""
    if dataclasses.is_dataclass(value):
        counted = [field.name for field in dataclasses.fields(value) if field.compare]
        return {name: plain(getattr(value, name)) for name in counted}
    if isinstance(value, np.ndarray):
        return [plain(item) for item in value.tolist()]
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, float):
        return value if np.isfinite(value) else None
    return value if isinstance(value, int) or value is None else str(value)


@pytest.fixture(params=VERSIONS)
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def expected(version: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((FOLDERS / f"{version}.json").read_text(encoding="utf-8"))
    for ledger in (content["ledger"], content["after"]):
        for counts in (ledger, *ledger["sources"].values()):
            counts.setdefault("undone", 0)  # older than the undoing of imports
    return content


@pytest.fixture
def folder(version: str, tmp_path: Path) -> Path:
    """A copy of the folder."""
    with tarfile.open(FOLDERS / f"{version}.tar.xz") as archive:
        archive.extractall(tmp_path / "data", filter="data")
    return tmp_path / "data"


def of_today(record: dict[str, Any]) -> dict[str, Any]:
    """The record as an earlier version wrote it, with what later ones added at its default."""
    if "processed" in record["entry"]:
        record["entry"]["processed"].setdefault("unlisted", {})
        record["entry"].setdefault("import_id", 0)
        record["entry"]["processed"].setdefault("words", [])
        record["entry"]["processed"]["accepted"] |= {"words": [], "word": None}
        record["entry"]["processed"]["scores"].setdefault("verdicts", None)
    if "settings" in record["entry"]:
        record["entry"]["settings"] = settings_of_today(record["entry"]["settings"])
    return record


def settings_of_today(settings: dict[str, Any]) -> dict[str, Any]:
    """The detector settings as an earlier version wrote them, when there were no profiles."""
    return {**settings, "profiles": None, "reason": ""}


def ledger_of_today(ledger: dict[str, Any]) -> dict[str, Any]:
    """The ledger as an earlier version counted it: nothing was undone."""
    sources = {name: {**counts, "undone": 0} for name, counts in ledger["sources"].items()}
    return {**ledger, "undone": 0, "sources": sources}


def stopped(folder: Path) -> StoppedMonitor:
    return StoppedMonitor(folder, str(folder / "sensormon.duckdb"))


def running(folder: Path) -> Monitor:
    return Monitor(Settings(data_dir=folder, source="none"), ManualClock(LATER))


def test_the_ledger_of_a_stopped_folder_is_equal(folder: Path, expected: dict[str, Any]) -> None:
    monitor = stopped(folder)
    with monitor.store() as store:
        ledger = monitor.ledger(store)
    assert ledger.to_dict() == ledger_of_today(expected["ledger"])
    assert expected["ledger"]["difference"] == 0


def test_every_journal_record_reads_as_it_was_written(folder: Path, expected: dict[str, Any]) -> None:
    records = [
        {"number": record.number, "kind": type(record.entry).__name__, "entry": plain(record.entry)}
        for record in stopped(folder).records()
    ]
    assert records == [of_today(record) for record in expected["records"]]


def test_a_monitor_opens_the_folder_and_loads_pending_readings(
    folder: Path, expected: dict[str, Any]
) -> None:
    monitor = running(folder)
    assert monitor.ledger.now().to_dict() == ledger_of_today(expected["ledger"])
    monitor.drain()
    assert monitor.ledger.now().to_dict() == ledger_of_today(expected["after"])
    monitor.stop()
    report = verify(stopped(folder))
    assert report.findings == ()


def test_actions_and_settings_are_kept(folder: Path, expected: dict[str, Any]) -> None:
    monitor = running(folder)
    monitor.drain()
    state = expected["state"]
    events = monitor.events.between(None, 0, LATER)
    assert plain(events[list(state["events"][0])].to_dict("records")) == state["events"]
    assert plain(monitor.annotations.between(0, LATER)) == state["notes"]
    assert plain(monitor.detection.in_force) == settings_of_today(state["detection"])
    known = [plain(settings) for _, settings in sorted(monitor.detection.by_id().items())]
    assert known == [settings_of_today(settings) for settings in state["settings"]]
    assert plain(monitor.retention.policy) == state["retention"]
    assert len(monitor.stored.frame(None, 0, LATER)) == state["readings"]
    monitor.stop()
    with stopped(folder).store() as store:
        assert store is not None
        assert int(store.retention.rolled_up()["gone"].sum()) == state["rolled_up"]


def test_a_lost_database_is_rebuilt_from_archive_and_journal(folder: Path, expected: dict[str, Any]) -> None:
    for path in folder.glob("sensormon.duckdb*"):
        path.unlink()
    monitor = running(folder)
    monitor.drain()
    monitor.stop()
    after = stopped(folder)
    with after.store() as store:
        assert store is not None
        ledger = after.ledger(store).to_dict()
    assert (ledger["difference"], ledger["pending"]) == (0, 0)
    assert ledger["received"] == expected["after"]["received"]
    assert verify(after).findings == ()
