"""The Data page's exports, cases and imports, and the comparison of all tags, as jobs in every state."""

from __future__ import annotations

import io
import threading
from pathlib import Path

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from sensormon.analysis.what_if import as_stored, rescored, total
from sensormon.exchange.exporter import Exported
from sensormon.exchange.import_job import ImportPart, start_imports
from sensormon.exchange.import_table import Table, read_file
from sensormon.model.clock import SECOND, ManualClock
from sensormon.model.errors import StoreUnavailable
from sensormon.model.jobs import Cancelled, Job, Progress
from sensormon.model.settings import Settings
from sensormon.monitor import runtime, tuner
from sensormon.monitor.monitor import Monitor
from sensormon.tables.columns import Columns
from sensormon.ui import tuning_scope
from tests.support.pages import show, text
from tests.support.plant import START, Adopt


def ended(monitor: Monitor, kind: str) -> Job:
    job = monitor.jobs.of(kind)[0]
    assert monitor.jobs.wait(job, 60)
    return job


def titles(app: AppTest) -> str:
    """All text, including that of buttons, downloads and warnings."""
    parts = [*app.button, *app.get("download_button"), *app.get("link_button")]
    return "\n".join(
        [text(app), *(element.proto.label for element in parts), *(warning.value for warning in app.warning)]
    )


@pytest.mark.parametrize("section", ["Export", "Cases"])
def test_empty_monitor_has_no_rows_to_export(settings: Settings, adopt: Adopt, section: str) -> None:
    monitor = adopt(Monitor(settings, ManualClock(START)))
    monitor.drain()
    app = show("data", section=section)
    assert ("No rows" if section == "Export" else "0 readings of 3 tags") in text(app)
    if section == "Cases":
        assert app.button(key="case-start").disabled


@pytest.mark.parametrize("section", ["Export", "Cases"])
def test_unavailable_store_is_reported(full: Monitor, monkeypatch: pytest.MonkeyPatch, section: str) -> None:
    def away(*_: object, **__: object) -> int:
        raise StoreUnavailable("the database is not open", where="x", hint="Wait")

    monkeypatch.setattr(full.parts.store.readings, "count", away)
    app = show("data", section=section)
    assert "The database cannot be read" in text(app)


def test_export_of_the_url_is_offered_once_written(full: Monitor) -> None:
    app = show("data", section="Export", out="Flagged readings", out_span="1 h", out_form="Parquet")
    app.button(key="out-start").click().run()
    export = ended(full, "export").result
    assert isinstance(export, Exported)
    assert export.file.name.startswith("sensormon-flagged-readings-")
    app.run()
    assert f"{export.rows} rows" in text(app)
    (button,) = app.get("download_button")
    assert button.proto.label.startswith(f"Download {export.file.name}")
    frame = pd.read_parquet(export.file.path)
    assert len(frame) == export.rows == len(full.stored.anomalies(None, 0, START + SECOND))


def test_large_file_is_served_from_disk(full: Monitor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sensormon.ui.downloads.SMALL", 10)
    app = show("data", section="Export")
    app.button(key="out-start").click().run()
    export = ended(full, "export").result
    app.run()
    (link,) = app.get("link_button")
    assert link.proto.url == f"api/exports/{export.file.key}"


def test_too_many_rows_for_excel_disable_the_export(full: Monitor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sensormon.ui.data_export.EXCEL_ROWS", 100)
    app = show("data", section="Export", out_form="Excel")
    assert app.button(key="out-start").disabled
    assert full.jobs.of("export") == []
    assert "Choose a shorter span or fewer tags" in titles(app)


def test_case_is_saved_and_opened_by_another_monitor(full: Monitor, adopt: Adopt, tmp_path: Path) -> None:
    app = show("data", section="Cases")
    app.button(key="case-start").click().run()
    assert "needs a name" in text(app)
    app.text_input(key="case-name").set_value("night shift").run()
    app.button(key="case-start").click().run()
    saved = ended(full, "case-save").result
    app.run()
    assert "Case night shift" in text(app)
    data = saved.file.path.read_bytes()
    tags = tmp_path / "tags.toml"
    tags.write_text(full.settings.tags.read_text())
    runtime.stop()
    elsewhere = Settings(data_dir=tmp_path / "o", source="none", tags=tags, access="open")
    other = adopt(Monitor(elsewhere, ManualClock(START)))
    other.drain()
    app = show("data", section="Cases")
    job = other.cases.open(io.BytesIO(data), "night shift")
    assert other.jobs.wait(job, 60)
    app.run()
    assert "night shift is open" in text(app)
    link = next(element for element in app.get("link_button") if element.proto.label == "Open its view")
    assert link.proto.url.startswith("./explore?explore=fermenter_temp%2C")


@pytest.mark.usefixtures("full")
def test_invalid_case_file_is_reported_by_name() -> None:
    app = show("data", section="Cases")
    app.file_uploader(key="case-file").upload("batch 12.sensormon", b"no zip").run()
    assert r"batch 12\.sensormon\: it cannot be opened" in text(app)


@pytest.mark.usefixtures("full")
def test_header_only_file_has_nothing_to_import() -> None:
    app = show("data", section="Import")
    app.file_uploader(key="import-file").upload("header.csv", b"time,fermenter_ph\n", "text/csv").run()
    words = text(app)
    assert r"header\.csv\: it has no rows, so there is nothing to import" in words
    assert "the first ones" not in words
    assert "Import" not in [button.label for button in app.button]


def begin_import(m: Monitor, table: Table, columns: Columns, name: str) -> Job:
    part = ImportPart(table, columns, name)
    return start_imports(m.jobs, m.importer, m.loading.keep_up, m.exporter.files, [part], m.clock.now())


def history_file(path: Path, rows: int = 12_000) -> Path:
    times = pd.date_range("2026-01-01", periods=rows, freq="s").astype(str)
    pd.DataFrame({"time": times, "fermenter_ph": 7.0}).to_csv(path, index=False)
    return path


def test_import_runs_in_the_background_and_reports_later(full: Monitor, tmp_path: Path) -> None:
    columns = Columns("time", values={"fermenter_ph": "fermenter_ph"})
    table = read_file(history_file(tmp_path / "a.csv"))
    job = begin_import(full, table, columns, "a [x](y).csv")
    assert full.jobs.wait(job, 60)
    app = show("data")
    assert "12,000 of 12,000 readings imported" in text(app).replace("\\", "")
    assert r"\[x\]" in text(app), "a file's name is no Markdown"
    app.button(key="import-dismiss").click().run()
    assert "readings imported" not in text(app)
    again = begin_import(full, table, columns, "a.csv")
    assert full.jobs.wait(again, 60)
    assert again.result.again == 12_000


def test_cancelled_import_keeps_its_readings_and_resumes(
    full: Monitor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go = threading.Event(), threading.Event()

    def wait(_: Progress) -> None:
        begun.set()
        go.wait(20)

    monkeypatch.setattr(full.loading, "keep_up", wait)
    columns = Columns("time", values={"fermenter_ph": "fermenter_ph"})
    table = read_file(history_file(tmp_path / "a.csv"))
    job = begin_import(full, table, columns, "a.csv")
    assert begun.wait(20)
    app = show("data")
    assert any(button.label == "Cancel" for button in app.button), "another viewer sees it, and can cancel it"
    job.progress.cancel()
    go.set()
    assert full.jobs.wait(job, 60)
    app.run()
    assert "Import the same file again to continue" in text(app)
    rest = begin_import(full, table, columns, "a.csv")
    assert full.jobs.wait(rest, 60)
    assert 0 < rest.result.again < 12_000
    assert rest.result.again + rest.result.accepted == 12_000


def test_long_comparison_of_all_tags_runs_as_a_job(full: Monitor, monkeypatch: pytest.MonkeyPatch) -> None:
    inline = show("tuning")
    assert full.jobs.of(tuner.KIND) == []
    monkeypatch.setattr(tuning_scope, "TOGETHER", 1_000)
    app = show("tuning")
    assert "All tags together" not in text(app)
    app.toggle(key="all_tags").set_value(True).run()
    job = ended(full, tuner.KIND)
    app.run()
    assert "All tags together" in text(app)
    assert app.dataframe[-1].value.equals(inline.dataframe[-1].value)

    def unread(*_: object) -> None:
        raise AssertionError("it was read before")

    monkeypatch.setattr(full.tuner, "tag_history", unread)
    app.slider(key="threshold").set_value(5.0).run()
    assert ended(full, tuner.KIND) is not job
    app.run()
    assert not app.exception
    assert "All tags together" in text(app)
    full.jobs.of(tuner.KIND)[0].result, full.jobs.of(tuner.KIND)[0].cancelled = None, True
    app.run()
    assert "Completed work is kept" in text(app)
    app.button(key="tuning-again").click().run()
    ended(full, tuner.KIND)
    app.run()
    assert "All tags together" in text(app)


def test_cancelled_comparison_resumes(full: Monitor) -> None:
    own = full.tuner.tag_history("fermenter_temp", START - 900 * SECOND, START)

    class Short(Progress):
        def step(self, words: str, done: float = 0.0, whole: float = 0.0) -> None:
            if words.startswith("2 of 3 tags read"):
                raise Cancelled
            super().step(words, done, whole)

    shelf = tuner.Shelf()
    span = START - 900 * SECOND, START
    profile = full.detection.in_force.in_use.default
    work = full.tuner.outcomes(
        shelf,
        own,
        span,
        full.tags.names,
        lambda history: (as_stored(history, profile), rescored(history, profile)),
        [],
        full.tuner.known(*span),
        tuner.Limits(50, 800_000),
    )
    with pytest.raises(Cancelled):
        work(Short())
    assert len(shelf.histories) == 2
    load = total({name: outcome.load for name, outcome in work(Progress()).items()})
    assert len(shelf.histories) == 3
    assert load.before == load.after > 0, "the settings in force change nothing"


def test_time_column_of_any_name_is_recognised(settings: Settings, adopt: Adopt) -> None:
    adopt(Monitor(settings, ManualClock(START)))
    app = show("data", section="Import")
    rows = ["Zeit;Fermenter pH;flow;weather", "2026-09-01 12:00:00;7,01;1.234;sunny"]
    rows += [f"2026-09-01 12:00:{i:02d};7,0{i % 10};998,5;rain" for i in range(1, 60)]
    app.file_uploader(key="import-file").upload("a.csv", "\n".join(rows).encode(), "text/csv").run()
    assert not app.exception
    words = text(app).replace("\\", "")
    assert "Times from 2026-09-01 12:00:00 to 2026-09-01 12:00:59." in words
    assert "Not imported: flow, weather" in words
    (table,) = [frame.value for frame in app.dataframe if "Highest" in frame.value]
    assert table["Tag"].tolist() == ["fermenter_ph", "not imported", "not imported"]
    assert table["Lowest"].tolist()[:2] == [7.0, 998.5]
    assert table["Highest"].tolist()[:2] == [7.09, 1234.0]
    assert "No column is assigned yet" not in words


def test_a_question_is_asked_and_the_answer_is_what_is_stored(settings: Settings, adopt: Adopt) -> None:
    monitor = adopt(Monitor(settings, ManualClock(START)))
    app = show("data", section="Import")
    rows = "When,Fermenter pH\n03/04/2026 12:00,7.0\n04/05/2026 12:00,7.1\n04/05/2026 12:00,high\n"
    app.file_uploader(key="import-file").upload("a.csv", rows.encode(), "text/csv").run()
    assert "Nothing is imported until you choose" in titles(app)
    assert "Import" not in [button.label for button in app.button], "nothing is imported unasked"
    (question,) = [radio for radio in app.radio if radio.label == "Which one is right?"]
    question.set_value("yes").run()
    assert not app.exception
    (shown,) = [frame.value for frame in app.dataframe if "Time (UTC)" in frame.value]
    assert shown["Time (UTC)"].tolist() == ["2026-04-03T12:00:00.000Z", "2026-05-04T12:00:00.000Z"]
    (wrong,) = [frame.value for frame in app.dataframe if "Why" in frame.value]
    assert wrong["Line"].tolist() == [4]
    app.text_input(key="import-save-name").set_value("lab")
    next(button for button in app.button if button.label == "Save").click().run()
    assert not app.exception
    app.button(key="import-start").click().run()
    assert not app.exception
    report = ended(monitor, "import").result
    assert (report.accepted, report.reasons.total()) == (2, 1)
    app.run()
    labels = titles(app)
    assert "Open in Explore" in labels
    assert "Download rejected.csv" in labels
    lines = report.rejected_file.path.read_text(encoding="utf-8-sig").splitlines()
    assert lines[1] == "a.csv,4,fermenter_ph,04/05/2026 12:00,high,not_a_number,the value must be a number"
    monitor.drain()
    assert monitor.stored.frame(["fermenter_ph"], 0, START)["value"].tolist() == [7.0, 7.1]


def test_files_with_the_same_columns_are_imported_together(settings: Settings, adopt: Adopt) -> None:
    monitor = adopt(Monitor(settings, ManualClock(START)))
    app = show("data", section="Import")
    files = [
        (f"{day}.csv", f"Zeit;fermenter_ph\n2026-01-0{day} 12:00:00;7,{day}\n".encode(), "text/csv")
        for day in (1, 2)
    ]
    app.file_uploader(key="import-file").set_value(files).run()
    assert not app.exception
    app.button(key="import-start").click().run()
    report = ended(monitor, "import").result
    assert report.accepted == 2
    monitor.drain()
    assert monitor.stored.frame(["fermenter_ph"], 0, START)["value"].tolist() == [7.1, 7.2]
