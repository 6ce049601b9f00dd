"""The section Reports: a PDF made by a job, a schedule added and removed through the gate."""

from __future__ import annotations

import pytest

from sensormon.boards.boards import boards_of
from sensormon.boards.views import views_of
from sensormon.model.clock import ManualClock
from sensormon.model.settings import Settings
from sensormon.monitor.monitor import Monitor
from sensormon.reports.schedules import Schedule
from sensormon.reports.sending import sending_of
from tests.support.pages import show, text
from tests.support.plant import Adopt
from tests.support.reported import BOARD, PH, TEMP, fill


@pytest.fixture
def monitor(settings: Settings, clock: ManualClock, adopt: Adopt) -> Monitor:
    monitor = adopt(Monitor(settings, clock))
    fill(monitor, TEMP, PH, hours=2)
    boards_of(monitor).save(BOARD, "Ana")
    settings.notify_file.write_text('[contacts.lead]\nways = ["https://hooks.plant.example/x"]\n')
    return monitor


def test_a_report_is_made_and_offered(monitor: Monitor) -> None:
    app = show("boards", section="Reports")
    app.button(key="report-make").click().run()
    (job,) = monitor.jobs.of("report")
    assert monitor.jobs.wait(job, 60)
    app.run()
    assert "Report Fermenter" in text(app)
    assert monitor.exporter.files.find(job.result.file.key).path.read_bytes().startswith(b"%PDF")


def test_a_view_is_made_over_its_own_span(monitor: Monitor) -> None:
    query = (("explore", PH), ("past", "1 h"))
    view = views_of(monitor).save("Last hour", "explore", query, "Ana", shared=True, who="Ana")
    app = show("boards", section="Reports")
    app.selectbox(key="report-board").set_value(f"view:{view.name}").run()
    assert app.selectbox(key="report-span-view").value == "as in the view"
    app.button(key="report-make").click().run()
    (job,) = monitor.jobs.of("report")
    assert monitor.jobs.wait(job, 60)
    assert job.result.rows == 60
    app.run()
    assert "Report Last hour" in text(app)


def test_schedules_are_listed_with_their_next_time(monitor: Monitor) -> None:
    daily = Schedule("", BOARD.name, "yesterday", "day", "06:00", "UTC", ("lead",))
    sending_of(monitor).schedules.save(daily, "Ana")
    app = show("boards", section="Reports")
    words = text(app).replace("\\", "")
    assert "every day at 06:00 (UTC): yesterday, to lead" in words
    assert "Next: 2026-09-22 06:00" in words
    assert not app.button(key="schedule-add").disabled  # its dialog needs a browser; see tests/browser
