"""The list of imports on the Data page, and the undoing of one."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from sensormon.exchange.import_job import ImportPart, start_imports
from sensormon.exchange.import_table import read_file
from sensormon.model.clock import ManualClock
from sensormon.model.errors import StoreUnavailable
from sensormon.model.imports import ImportState
from sensormon.model.settings import Settings
from sensormon.monitor.monitor import Monitor
from sensormon.tables.columns import Columns
from tests.support.pages import show, text
from tests.support.plant import START, Adopt


@pytest.fixture
def monitor(settings: Settings, adopt: Adopt, tmp_path: Path) -> Monitor:
    """A monitor into which a file with a strange name was imported."""
    opened = adopt(Monitor(settings, ManualClock(START)))
    path = tmp_path / "a.csv"
    times = pd.date_range("2026-01-01", periods=1_200, freq="s").astype(str)
    pd.DataFrame({"time": times, "fermenter_ph": 7.0}).to_csv(path, index=False)
    columns = Columns("time", values={"fermenter_ph": "fermenter_ph"})
    job = start_imports(
        opened.jobs,
        opened.importer,
        opened.loading.keep_up,
        opened.exporter.files,
        [ImportPart(read_file(path), columns, "a [x](y).csv")],
        START,
        who="Ana",
    )
    assert opened.jobs.wait(job, 60)
    opened.drain()
    return opened


def row(app: AppTest) -> dict[str, object]:
    """The first row of the list."""
    frame = next(table.value for table in app.dataframe if "Already there" in table.value)
    return dict(frame.iloc[0])


def test_an_empty_list_says_so(settings: Settings, adopt: Adopt) -> None:
    monitor = adopt(Monitor(settings, ManualClock(START)))
    monitor.drain()
    assert "No imports yet." in text(show("data", section="Import"))


@pytest.mark.usefixtures("monitor")
def test_the_list_has_what_each_import_stored() -> None:
    cells = row(show("data", section="Import"))
    assert cells["File"] == "a [x](y).csv"
    assert (cells["State"], cells["By"]) == ("done", "Ana")
    assert (cells["Read"], cells["Stored"], cells["Already there"], cells["Rejected"]) == (1_200, 1_200, 0, 0)


def test_an_import_is_undone_after_a_question(monitor: Monitor) -> None:
    app = show("data", section="Import")
    assert app.button(key="import-undo").disabled, "nothing is chosen"
    app.selectbox(key="import-undo-chosen").select(1).run()
    app.button(key="import-undo").click().run()
    assert not app.exception
    assert r"a \[x\]\(y\)\.csv: 1,200 readings will be removed" in text(app)
    assert monitor.import_log.find(1).state is ImportState.DONE, "it is only a question"
    assert app.button(key="import-undo-confirm").label == "Remove 1,200 readings"
    job = monitor.undoing.start(1, "Bo")  # a dialog's buttons need a browser
    assert monitor.jobs.wait(job, 60)
    app = show("data", section="Import")
    assert "Import 1 is undone" in text(app).replace("\\", "")
    assert row(app)["State"] == "undone by Bo"
    assert app.selectbox(key="import-undo-chosen").disabled, "nothing is left to undo"
    app.button(key="undo-dismiss").click().run()
    assert "Import 1 is undone" not in text(app).replace("\\", "")


def test_a_list_that_cannot_be_read_says_so(monitor: Monitor, monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> list[object]:
        raise StoreUnavailable("the database is not open", where="x", hint="Wait")

    monkeypatch.setattr(monitor.parts.store.imports, "totals", away)
    assert "The database cannot be read" in text(show("data", section="Import"))
