"""The sections of the Data page in every state."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from sensormon.model.clock import SECOND, ManualClock
from sensormon.model.settings import ROOT, Settings
from sensormon.monitor.monitor import Monitor
from tests.support.pages import show, text
from tests.support.plant import START, Adopt, batch_of

SECTIONS = {
    "Import": "Import history",
    "Export": "Export",
    "Tags": "Name, unit and limits of each measuring point",
    "Calculated tags": "A tag whose value is a formula over other tags",
    "Storage": "Retention at full resolution",
}
DAY = 86_400 * SECOND


@pytest.fixture
def writable(settings: Settings, tmp_path: Path) -> Settings:
    """Settings with an editable tag table of their own."""
    file = tmp_path / "tags.toml"
    file.write_bytes((ROOT / "data" / "tags.toml").read_bytes())
    return replace(settings, tags=file)


@pytest.mark.parametrize("section", SECTIONS)
def test_every_section_has_a_url_and_a_purpose(settings: Settings, adopt: Adopt, section: str) -> None:
    adopt(Monitor(settings, ManualClock(START)))
    assert SECTIONS[section] in text(show("data", section=section))


@pytest.mark.parametrize("section", SECTIONS)
def test_no_section_breaks_while_the_store_is_away(settings: Settings, adopt: Adopt, section: str) -> None:
    Path(settings.store_url).mkdir(parents=True)
    clock = ManualClock(START)
    monitor = adopt(Monitor(settings, clock))
    monitor.submit(batch_of(("fermenter_ph", 7.0)))
    monitor.drain()
    app = show("data", section=section)
    words = text(app)
    assert SECTIONS[section] in words
    if section == "Storage":
        assert "contents unknown: the database is unavailable" in words
        assert "Not measurable now" in words
        Path(settings.store_url).rmdir()
        clock.advance(60.0)  # the next try
        monitor.drain()
        assert "1 reading at full resolution" in text(app.run()), (
            "what was measured while it was away is not kept"
        )


@pytest.mark.usefixtures("full")
def test_unknown_section_in_the_url_opens_the_first() -> None:
    assert "Import history" in text(show("data", section="<script>"))


def test_invalid_tag_table_is_reported_in_one_line(writable: Settings, adopt: Adopt) -> None:
    adopt(Monitor(writable, ManualClock(START)))
    writable.tags.write_text("[tags.a]\nunit = 3\n")
    assert "unit must be text, not 3" in text(show("data", section="Tags"))
    writable.tags.unlink()
    assert "the tag table cannot be read" in text(show("data", section="Tags"))


def test_manual_changes_are_applied_on_demand(writable: Settings, adopt: Adopt) -> None:
    monitor = adopt(Monitor(writable, ManualClock(START)))
    writable.tags.write_text(writable.tags.read_text().replace("[5.0, 9.0]", "[6.0, 9.0]"))
    app = show("data", section="Tags")
    assert "changed by hand" in text(app)
    assert "valid 5–9 → 6–9 pH" in text(app)
    app.button(key="tags-take-over").click().run()
    assert monitor.tags["fermenter_ph"].valid == (6.0, 9.0)
    assert "changed by hand" not in text(app)


def test_tag_change_history_is_listed(writable: Settings, adopt: Adopt) -> None:
    monitor = adopt(Monitor(writable, ManualClock(START)))
    assert not show("data", section="Tags").expander
    monitor.tag_file.save(monitor.tag_file.read(), monitor.tags, "Ana", ["Fermenter pH: unit pH → -"])
    app = show("data", section="Tags")
    (log,) = [frame.value for frame in app.dataframe if "What" in frame.value]
    assert log["Who"].tolist() == ["Ana"]
    assert log["What"].tolist() == ["Fermenter pH: unit pH → -"]


def click(app: AppTest, key: str) -> AppTest:
    """Press the button with this key."""
    app.button(key=key).click().run()
    assert not app.exception
    return app


def test_retention_is_set_and_rolled_up_on_demand(
    settings: Settings, adopt: Adopt, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sensormon.monitor.retention.keep", lambda: 5)
    monitor = adopt(Monitor(settings, ManualClock(START)))
    for at in (START - 40 * DAY, START - SECOND):
        values = [("fermenter_ph", 7.0 + 0.01 * (i % 5)) for i in range(120)]
        monitor.submit(batch_of(*values, at=at - 120 * SECOND))
    monitor.drain()
    app = show("data", section="Storage")
    assert "Full resolution, unlimited." in text(app)
    app.number_input(key="retention-days").set_value(30).run()
    click(app, "retention-set")
    assert "120 readings older than 30 days become" in text(app)
    assert app.button(key="retention-confirm").label == "Set"
    monitor.retention.set(30, "Ana")  # a dialog's buttons need a browser; see tests/browser/test_data.py
    assert len(monitor.stored.frame(None, 0, START)) == 240
    app = show("data", section="Storage")
    assert "for 30 days, then one-minute roll-ups" in text(app)
    click(app, "retention-run")
    assert app.button(key="retention-go").label == "Roll up 120 readings"
    job = monitor.retention.start()
    assert monitor.jobs.wait(job, 60)
    assert len(monitor.stored.frame(None, 0, START)) == 120
    assert "Last run: 120 readings rolled up" in text(show("data", section="Storage"))
