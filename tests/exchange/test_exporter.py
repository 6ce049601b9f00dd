"""Exports as jobs: all rows, in the requested format and zone, cancellable, without leftovers."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from sensormon.api import Api
from sensormon.exchange import export_folder
from sensormon.exchange.export_folder import KEPT, LASTING, ExportFiles
from sensormon.exchange.exporter import (
    EVENTS,
    FLAGGED,
    READINGS,
    REJECTED,
    TAGS,
    Exported,
    ExportRequest,
    title,
)
from sensormon.exchange.table_writer import EXCEL_ROWS
from sensormon.model.clock import SECOND, ManualClock
from sensormon.model.errors import SensormonError
from sensormon.model.jobs import Job
from sensormon.model.settings import Settings
from sensormon.monitor.monitor import Monitor
from tests.support.api import ask
from tests.support.excel import cells
from tests.support.plant import START, batch_of


@pytest.fixture
def plant(settings: Settings, clock: ManualClock) -> Iterator[Monitor]:
    """300 readings of the pH, two of them spikes and one rejected; the first half is stored."""
    monitor = Monitor(settings, clock)
    rng = np.random.default_rng(0)
    values = [("fermenter_ph", round(float(v), 2)) for v in rng.normal(7, 0.02, 300)]
    values[100] = values[200] = ("fermenter_ph", 8.5)
    values[250] = ("fermenter_ph", 99.0)
    clock.advance(300)
    monitor.submit(batch_of(*values[:150]))
    monitor.drain()
    monitor.submit(batch_of(*values[150:], at=START + 150 * SECOND))
    yield monitor
    monitor.stop()


def order(what: str = READINGS, form: str = "CSV", **other: object) -> ExportRequest:
    wanted = {
        "tags": None,
        "since": START,
        "until": START + 3600 * SECOND,
        "zone_name": "Europe/Berlin",
        **other,
    }
    return ExportRequest(what=what, form=form, **wanted)


def done(monitor: Monitor, wanted: ExportRequest) -> Job:
    job = monitor.exporter.start(wanted)
    assert monitor.jobs.wait(job, 60)
    return job


def exported(monitor: Monitor, wanted: ExportRequest) -> Exported:
    job = done(monitor, wanted)
    assert job.problem is None, job.problem
    result: Exported = job.result
    return result


def test_export_holds_stored_and_pending_readings(
    plant: Monitor,
) -> None:
    export = exported(plant, order())
    table = pd.read_csv(export.file.path)
    assert export.rows == len(table) == 299
    assert list(table)[:6] == ["time (UTC)", "time (Europe/Berlin)", "tag", "label", "value", "unit"]
    assert table["time (UTC)"].iloc[0] == "2026-09-21T14:13:20.000000Z"
    assert table["time (Europe/Berlin)"].iloc[0] == "2026-09-21 16:13:20.000000"
    assert set(table["unit"]) == {"pH"}
    assert export.file.name == "sensormon-readings-20260921T141320Z-20260921T151320Z.csv"
    assert export.file.path.parent == plant.settings.data_dir / "exports"


def test_every_format_has_the_same_rows(plant: Monitor) -> None:
    plant.drain()
    for what, rows in ((READINGS, 299), (FLAGGED, 2), (EVENTS, 2), (TAGS, 3), (REJECTED, 1)):
        for form in ("CSV", "Parquet", "Excel"):
            export = exported(plant, order(what, form))
            data = export.file.path.read_bytes()
            if form == "Excel":
                head, *body = cells(data)
            else:
                table = pd.read_csv(io.BytesIO(data)) if form == "CSV" else pd.read_parquet(io.BytesIO(data))
                head, body = list(table), table.to_numpy().tolist()
            assert export.rows == len(body) == rows, (what, form)
            assert what == TAGS or any("(Europe/Berlin)" in str(name) for name in head)


@pytest.mark.parametrize("form", ["CSV", "Parquet", "Excel"])
def test_simulated_readings_are_marked_in_a_column(plant: Monitor, form: str) -> None:
    for at, source in ((400, "simulator"), (500, "http")):
        batch = batch_of(("fermenter_ph", 7.0), at=START + at * SECOND)
        plant.submit(replace(batch, source=source))
    data = exported(plant, order(READINGS, form)).file.path.read_bytes()
    if form == "Excel":
        head, *body = cells(data)
        column = [row[list(head).index("simulated")] for row in body]
    else:
        table = pd.read_csv(io.BytesIO(data)) if form == "CSV" else pd.read_parquet(io.BytesIO(data))
        column = table["simulated"].tolist()
    assert [bool(cell) for cell in column] == [False] * 299 + [True, False]
    assert form == "Excel" or all(isinstance(cell, bool) for cell in column)


def test_tags_and_span_limit_the_export(plant: Monitor) -> None:
    assert exported(plant, order(tags=("agitator_rpm",))).rows == 0
    assert exported(plant, order(until=START + 10 * SECOND)).rows == 10
    assert exported(plant, order(TAGS, tags=("agitator_rpm",))).rows == 1


def test_too_many_rows_for_excel_are_reported_before_writing(
    plant: Monitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sensormon.exchange.exporter.EXCEL_ROWS", 100)
    job = done(plant, order(form="Excel"))
    assert job.problem is not None
    assert f"more than the {EXCEL_ROWS:,}" in str(job.problem)
    assert not list(plant.settings.data_dir.glob("exports/*"))


@pytest.mark.parametrize("form", ["CSV", "Parquet", "Excel"])
def test_cancelled_export_leaves_nothing(plant: Monitor, monkeypatch: pytest.MonkeyPatch, form: str) -> None:
    begun, go = threading.Event(), threading.Event()

    def slow(*_: object, **__: object) -> Iterator[pa.Table]:
        for _ in range(1_000):
            yield piece
            begun.set()
            go.wait(10)

    piece = next(iter(plant.streams.by_arrival(None, START, START + 3600 * SECOND)))
    monkeypatch.setattr(plant.streams, "by_time", slow)
    job = plant.exporter.start(order(form=form))
    assert begun.wait(10)
    assert len(list(plant.settings.data_dir.glob("exports/*.part"))) == 1
    job.progress.cancel()
    go.set()
    assert plant.jobs.wait(job, 30)
    assert job.cancelled
    assert list(plant.settings.data_dir.glob("exports/*")) == []
    assert job.title == title(order(form=form))


def test_full_disk_is_reported_and_leaves_nothing(plant: Monitor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export_folder, "SPARE", 1 << 62)
    job = done(plant, order())
    assert "left on the disk" in str(job.problem)
    assert list(plant.settings.data_dir.glob("exports/*")) == []


def make(files: ExportFiles, size: int = 3) -> str:
    with files.draft() as draft:
        draft.path.write_bytes(b"x" * size)
        return files.keep(draft, "a.csv", "text/csv").key


def test_old_exports_are_removed_by_age_number_and_size(
    tmp_path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = ExportFiles(tmp_path, clock)
    keys = []
    for _ in range(KEPT + 2):
        keys.append(make(files))
        clock.advance(1)
    assert [files.find(key) is None for key in keys] == [True, True, *([False] * KEPT)]
    assert len(list(files.folder.iterdir())) == KEPT
    monkeypatch.setattr(export_folder, "BYTES", 100)
    large = make(files, 99)
    assert [path.name[:32] for path in files.folder.iterdir()] == [large]
    clock.advance(LASTING + 1)
    assert files.find(large) is None
    assert list(files.folder.iterdir()) == []


def test_start_removes_only_leftovers_of_an_earlier_process(tmp_path: Path, clock: ManualClock) -> None:
    key = make(ExportFiles(tmp_path, clock))
    (tmp_path / "exports" / f"{'a' * 32}.part").touch()
    (tmp_path / "exports" / "mine.csv").touch()
    files = ExportFiles(tmp_path, clock)
    assert files.find(key) is None
    assert [path.name for path in files.folder.iterdir()] == ["mine.csv"]


def test_unfinished_draft_is_removed(tmp_path: Path, clock: ManualClock) -> None:
    files = ExportFiles(tmp_path, clock)

    def half() -> None:
        with files.draft() as draft:
            draft.path.write_bytes(b"half")
            raise OSError(28, "No space left on device")

    with pytest.raises(SensormonError, match="cannot be written"):
        half()
    assert list(files.folder.iterdir()) == []


def test_api_serves_an_export_by_its_key_until_it_expires(plant: Monitor, clock: ManualClock) -> None:
    api = Api(lambda: plant)
    plant.settings = replace(plant.settings, read_token="closed")
    export = exported(plant, order())
    answer = ask(api, lambda client: client.get(f"/exports/{export.file.key}"))
    assert answer.status_code == 200
    assert answer.content == export.file.path.read_bytes()
    assert export.file.name in answer.headers["content-disposition"]
    for wrong in ("x", "..", "%2e%2e%2fsensormon.duckdb", export.file.path.name):
        assert ask(api, lambda client, path=wrong: client.get(f"/exports/{path}")).status_code == 404
    clock.advance(LASTING + 1)
    assert ask(api, lambda client: client.get(f"/exports/{export.file.key}")).status_code == 404
