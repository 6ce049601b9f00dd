"""`imports list` and `imports undo`: the same on a stopped and on a running monitor."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pytest

from sensormon.__main__ import main
from sensormon.exchange.import_job import ImportPart, start_imports
from sensormon.exchange.import_table import propose, read_file
from sensormon.model.clock import ManualClock
from sensormon.model.entries import UndoEntry
from sensormon.model.settings import Settings
from sensormon.monitor.monitor import Monitor
from tests.support.plant import START

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "plant.csv"
    times = pd.date_range("2026-01-01", periods=100, freq="s").astype(str)
    pd.DataFrame({"time": times, "fermenter_ph": 7.0}).to_csv(path, index=False)
    return path


@pytest.fixture
def run(settings: Settings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command; returns the exit code and what was printed."""
    monkeypatch.setenv("SENSORMON_DATA_DIR", str(settings.data_dir))
    monkeypatch.setenv("SENSORMON_SOURCE", "none")

    def call(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main(arguments)
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return call


@pytest.fixture(params=["stopped", "running"])
def imported(request: pytest.FixtureRequest, settings: Settings, run: Run, file: Path) -> Iterator[None]:
    """A monitor, running or not, into which the file was imported."""
    if request.param == "stopped":
        assert run("import", str(file))[0] == 0
        yield
        return
    monitor = Monitor(settings)
    monitor.start()
    table = read_file(file)
    job = start_imports(
        monitor.jobs,
        monitor.importer,
        monitor.loading.keep_up,
        monitor.exporter.files,
        [ImportPart(table, propose(table, monitor.tags), file.name)],
        monitor.clock.now(),
        who="Ana",
    )
    assert monitor.jobs.wait(job, 60)
    assert job.problem is None
    yield
    monitor.stop()


@pytest.mark.usefixtures("imported")
def test_an_import_is_listed_and_undone(run: Run) -> None:
    code, out, _ = run("imports", "list", "--json")
    assert code == 0
    (entry,) = json.loads(out)
    assert entry["files"] == ["plant.csv"]
    assert (entry["id"], entry["state"], entry["rows"], entry["stored"]) == (1, "done", 100, 100)
    assert entry["who"]
    code, out, _ = run("imports", "undo", "1")
    assert (code, out) == (0, "Import 1 is undone: 100 readings removed.\n")
    code, out, _ = run("imports", "list")
    heading, row = out.splitlines()
    assert heading.split()[:3] == ["id", "state", "when"]
    assert row.split()[:2] == ["1", "undone"]
    code, out, said = run("imports", "undo", "1")
    assert code == 2
    assert "import 1 is undone already" in said
    code, out, said = run("imports", "undo", "7")
    assert code == 2
    assert "there is no import 7" in said


def test_a_stopped_ledger_and_export_have_the_undone_ones_apart(run: Run, file: Path) -> None:
    assert run("import", str(file))[0] == 0
    assert run("imports", "undo", "1")[0] == 0
    ledger = json.loads(run("ledger", "--json")[1])
    counts = {name: ledger[name] for name in ("received", "stored", "undone", "difference")}
    assert counts == {"received": 100, "stored": 100, "undone": 100, "difference": 0}
    assert ledger["sources"]["import"]["undone"] == 100
    assert "undone" in run("ledger")[1]
    assert run("verify")[0] == 0
    assert run("export", "readings")[1].count("\n") == 1
    assert run("import", str(file))[1].startswith("100 of 100 readings imported")


def test_an_import_says_how_it_is_undone(run: Run, file: Path) -> None:
    said = run("import", str(file))[1].splitlines()[-1]
    assert said == f"Import 1, {file.name}; to undo it: imports undo 1"
    assert run(*said.partition(": ")[2].split())[0] == 0
    assert run("import", str(file))[1].splitlines()[-1].endswith("imports undo 2")
    assert "undo" not in run("import", str(file))[1], "nothing new was stored"


def test_an_undo_that_only_the_journal_has_counts_for_list_and_export(
    run: Run, settings: Settings, file: Path
) -> None:
    assert run("import", str(file))[0] == 0
    monitor = Monitor(settings, ManualClock(START))
    monitor.parts.collector.undo(UndoEntry(1, "Bo", START), [(1, 100)])
    monitor.loader.close()
    monitor.parts.collector.close()
    monitor.parts.journal.close()
    monitor.parts.folder.release()
    (entry,) = json.loads(run("imports", "list", "--json")[1])
    assert (entry["state"], entry["undone_by"]) == ("undoing", "Bo")
    assert run("export", "readings")[1].count("\n") == 1
    assert run("verify")[0] == 0


def test_without_imports_the_list_is_empty(run: Run, settings: Settings) -> None:
    settings.data_dir.mkdir()
    code, out, _ = run("imports", "list", "--json")
    assert (code, json.loads(out)) == (0, [])
