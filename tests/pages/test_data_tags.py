"""Data → Tags: a new tag by the form, many by pasted rows, what is refused, and who may."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from sensormon.model.settings import Settings
from sensormon.monitor.monitor import Monitor
from tests.support.pages import show
from tests.support.pages import text as markdown
from tests.support.plant import Adopt
from tests.support.server import ROOT


@pytest.fixture
def monitor(settings: Settings, adopt: Adopt, tmp_path: Path) -> Iterator[Monitor]:
    file = tmp_path / "tags.toml"
    file.write_bytes((ROOT / "data" / "tags.toml").read_bytes())
    return adopt(Monitor(replace(settings, tags=file, access="open")))


def text(app: AppTest) -> str:
    """All text on the page, without what escapes it for Markdown."""
    return markdown(app).replace("\\", "")


def field(app: AppTest, kind: str, name: str) -> Any:
    """The field of the form whose key has this name in it."""
    return next(each for each in app.get(kind) if each.key and f"new-tag-{name}-" in each.key)


def save(app: AppTest) -> AppTest:
    app.text_input(key="tags-who").input("Ana")
    app.button(key="tags-save-button").click().run()
    assert not app.exception
    return app


def test_a_new_tag_is_checked_described_and_saved(monitor: Monitor) -> None:
    app = show("data", section="Tags", edit="Add a tag")
    assert "Give the tag a name" in text(app)
    field(app, "text_input", "name").input("ti 101").run()
    assert any("cannot be a tag's name" in error.value for error in app.error)
    field(app, "text_input", "name").input("ti_101")
    field(app, "text_input", "unit").input("°C")
    field(app, "number_input", "Valid low").set_value(200.0)
    field(app, "number_input", "Valid high").set_value(0.0).run()
    assert any("valid must go from low to high" in error.value for error in app.error)
    field(app, "number_input", "Valid low").set_value(0.0)
    field(app, "number_input", "Valid high").set_value(200.0)
    field(app, "text_input", "description").input("Behind the pump")
    field(app, "selectbox", "priority").select("high").run()
    assert "Those below 0 or above 200 °C are rejected and counted" in text(app)
    assert "The profile default judges them. It waits for readings" in text(app)
    app = save(app)
    tag = monitor.tags["ti_101"]
    assert (tag.unit, tag.valid, tag.description, tag.priority) == (
        "°C",
        (0.0, 200.0),
        "Behind the pump",
        "high",
    )
    assert not tag.simulated
    assert 'description = "Behind the pump"' in monitor.settings.tags.read_text()
    assert not field(app, "text_input", "name").value, "the form is empty again"


@pytest.mark.usefixtures("monitor")
def test_a_name_that_exists_and_half_a_band_are_refused() -> None:
    app = show("data", section="Tags", edit="Add a tag")
    field(app, "text_input", "name").input("fermenter_ph").run()
    assert any("There is a tag" in error.value for error in app.error)
    field(app, "text_input", "name").input("ti_1")
    field(app, "number_input", "Normal low").set_value(2.0).run()
    assert any("normal must be two numbers" in error.value for error in app.error)
    assert not [button for button in app.button if button.key == "tags-save-button"]


def test_a_tag_of_states_has_its_words(monitor: Monitor) -> None:
    app = show("data", section="Tags", edit="Add a tag")
    field(app, "selectbox", "kind").select("States with names").run()
    field(app, "text_input", "name").input("valve")
    field(app, "text_input", "states").input("closed, open").run()
    assert "Readings of valve are words: closed, open." in text(app)
    save(app)
    assert monitor.tags["valve"].states == ("closed", "open")


def test_a_profile_chosen_in_the_form_judges_the_tag(monitor: Monitor) -> None:
    now = monitor.detection.in_force
    steady = replace(now.in_use.default, name="steady", on_delay=30.0)
    monitor.tuner.apply(now.in_use.with_profile(steady), "Ana", "", now.id)
    app = show("data", section="Tags", edit="Add a tag")
    field(app, "text_input", "name").input("ti_1")
    field(app, "selectbox", "profile").select("steady").run()
    assert "judged by the profile steady" in text(app)
    save(app)
    assert monitor.detection.in_force.in_use.of(monitor.tags["ti_1"]).name == "steady"


def test_pasted_rows_are_previewed_and_saved(monitor: Monitor) -> None:
    app = show("data", section="Tags", edit="Paste from a spreadsheet")
    rows = "Name\tUnit\tValid low\tValid high\tColour\nfermenter_ph\tpH\t5\t8\tred\npi_1\tbar\t0\t10\t\n"
    app.text_area[0].input(rows).run()
    assert "Ignored: Colour" in text(app)
    assert "Fermenter pH: valid 5–9 → 5–8 pH" in text(app)
    app = save(app)
    assert monitor.tags["fermenter_ph"].valid == (5.0, 8.0)
    assert monitor.tags["pi_1"].unit == "bar"
    assert not app.text_area[0].value


def test_pasted_numbers_in_doubt_are_asked_for(monitor: Monitor) -> None:
    app = show("data", section="Tags", edit="Paste from a spreadsheet")
    app.text_area[0].input("Name\tValid low\tValid high\npi_1\t1,200\t1,500\n").run()
    assert not [button for button in app.button if button.key == "tags-save-button"]
    app.radio[0].set_value("decimal comma").run()
    save(app)
    assert monitor.tags["pi_1"].valid == (1.2, 1.5)


@pytest.mark.usefixtures("monitor")
def test_pasted_nonsense_is_refused_in_words() -> None:
    app = show("data", section="Tags", edit="Paste from a spreadsheet")
    app.text_area[0].input("<script>\n").run()
    assert not app.exception
    assert any("no rows under a row of headings" in error.value for error in app.error)
    app.text_area[0].input("Name\tProfile\tValid low\na\tnone such\tx\n").run()
    words = "\n".join(error.value for error in app.error).replace("\\", "")
    assert "There is no profile none such" in words
    assert "Row 2, Valid low: 'x' is not a number" in words


def test_a_link_shows_the_row_of_its_tag_alone(monitor: Monitor) -> None:
    app = show("data", section="Tags", tag="fermenter_ph")
    (grid,) = [each for each in app.dataframe if "Valid low" in each.value]
    assert grid.value["Name"].tolist() == ["fermenter_ph"]
    assert "Only **Fermenter pH**" in text(app)
    app.button(key="tags-all").click().run()
    assert "tag" not in app.query_params
    (grid,) = [each for each in app.dataframe if "Valid low" in each.value]
    assert len(grid.value) == len(monitor.tags)
    app = show("data", section="Tags", tag="nope")
    assert "The link names a tag that is not here: nope." in text(app)
