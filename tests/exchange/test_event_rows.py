"""Files of events and of their flagged readings: exactly the filtered rows, in every format."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from io import BytesIO

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sensormon.events.filters import Filters, matching
from sensormon.exchange.event_rows import events_file, readings_file, readings_of
from sensormon.exchange.exporter import Exported
from sensormon.model.clock import SECOND, ManualClock
from sensormon.model.settings import Settings
from sensormon.monitor.monitor import Monitor
from tests.support.excel import cells
from tests.support.plant import START
from tests.support.tables import frame_file

FAR = START + 10**6 * SECOND


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Monitor]:
    """A simulated plant with actions on its newest events."""
    settings = Settings(data_dir=tmp_path_factory.mktemp("export") / "data", source="simulator")
    monitor = Monitor(settings, ManualClock(START))
    monitor.source.backfill()
    monitor.drain()
    ids = [int(event_id) for event_id in monitor.events.between(None, 0, FAR)["id"][:4]]
    monitor.actions.record(ids, "acknowledge", "Ana")
    monitor.actions.record(ids[1:3], "label", "Ana", label="benign")
    monitor.actions.record(ids[2:3], "note", "Ana", note="=cleaning in place")
    yield monitor
    monitor.stop()


CHOICES = {
    "all": Filters(),
    "a tag": Filters(tags=("fermenter_ph",)),
    "a severity from a score on": Filters(severities=("high", "medium"), least=6.0),
    "a state": Filters(states=("acknowledged",)),
    "a label": Filters(labels=("benign",)),
    "a word": Filters(text="=cleaning"),
    "a stretch": Filters(stretch=(START - 600 * SECOND, START - 300 * SECOND)),
    "none": Filters(tags=("agitator_rpm",), text="nobody wrote this"),
}


@pytest.mark.parametrize("filters", CHOICES.values(), ids=CHOICES)
@pytest.mark.parametrize("form", ["CSV", "Parquet", "Excel"])
def test_file_holds_the_filtered_events_and_their_readings(
    full: Monitor, form: str, filters: Filters
) -> None:
    listed = matching(full.events.between(None, 0, FAR), filters)
    flagged = full.stored.anomalies(None, 0, FAR, 0.0, 100_000)
    points = readings_of(listed, flagged)
    assert sorted(points["id"]) == sorted(reading_id for ids in listed["ids"] for reading_id in ids)

    events = read(frame_file(events_file(listed, full.tags), form, "Asia/Tokyo"), form)
    assert [int(event_id) for event_id in events.get("event", [])] == listed["id"].tolist()
    rows = read(frame_file(readings_file(points, listed, full.tags), form, "Asia/Tokyo"), form)
    assert [float(value) for value in rows.get("value", [])] == points["value"].tolist()
    assert set(map(int, rows.get("event", []))) == set(listed["id"].tolist())
    assert all(rows.get("simulated", []))
    for table, name in ((events, "start"), (rows, "time")):
        assert {f"{name} (UTC)", f"{name} (Asia/Tokyo)"} <= set(table)
    if form != "Parquet":  # nothing that a spreadsheet would execute
        assert not any(str(note).startswith("=") for note in events.get("note", []))


def read(data: bytes, form: str) -> dict[str, list[object]]:
    """The columns of a file by name."""
    if form == "Excel":
        head, *rows = cells(data)
        full = [[*row, *[None] * (len(head) - len(row))] for row in rows]  # none at the end
        return {str(name): [row[place] for row in full] for place, name in enumerate(head)}
    if form == "CSV":
        return dict(pd.read_csv(BytesIO(data)).to_dict("list"))
    return dict(pq.read_table(BytesIO(data)).to_pandas().to_dict("list"))


@pytest.mark.parametrize("form", ["CSV", "Parquet", "Excel"])
def test_file_made_by_a_job_equals_file_made_at_once(full: Monitor, form: str) -> None:
    every = events_file(full.events.between(None, 0, FAR), full.tags)
    frame = pd.concat([every] * (6_000 // len(every)), ignore_index=True)
    table = pa.Table.from_pandas(frame, preserve_index=False)
    job = full.exporter.begin("events", lambda: iter([table]), "events", form, "Asia/Tokyo", len(frame))
    assert full.jobs.wait(job, 60)
    export: Exported = job.result
    assert export.rows == len(frame) > 5_000
    assert export.file.name.startswith("events.")
    data = export.file.path.read_bytes()
    assert repr(read(data, form)) == repr(read(frame_file(frame, form, "Asia/Tokyo"), form))  # with its NaN


def test_cancelled_file_leaves_nothing(full: Monitor) -> None:
    every = events_file(full.events.between(None, 0, FAR), full.tags)
    table = pa.Table.from_pandas(every, preserve_index=False)

    begun = threading.Event()
    exports = full.settings.data_dir / "exports"
    before = set(exports.glob("*"))

    def pieces() -> Iterator[pa.Table]:
        yield table
        begun.wait(30)
        job.progress.cancel()
        yield table

    job = full.exporter.begin("events", pieces, "events", "CSV", "UTC", 2 * len(every))
    begun.set()
    assert full.jobs.wait(job, 60)
    assert job.cancelled
    assert set(exports.glob("*")) == before
