"""Data, Calculated tags: the form says what a formula does or where it is wrong, and saves it."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from sensormon.model.clock import SECOND, ManualClock
from sensormon.model.readings import Batch, Reading
from sensormon.model.settings import Settings
from sensormon.model.tags import Tag
from sensormon.monitor.monitor import Monitor
from tests.support.pages import figures, show, text
from tests.support.plant import START, Adopt

ROWS = 300


@pytest.fixture
def plant(settings: Settings, adopt: Adopt) -> Monitor:
    """Five minutes of three tags, stored."""
    monitor = adopt(Monitor(settings, ManualClock(START + ROWS * SECOND)))
    readings = [
        Reading(tag, START + second * SECOND, value + second % 5)
        for second in range(ROWS)
        for tag, value in (("fermenter_temp", 36.0), ("agitator_rpm", 400.0))
    ]
    monitor.submit(Batch.of(readings, source="test", received=monitor.clock.now()))
    monitor.drain()
    return monitor


def entered(formula: str) -> AppTest:
    app = show("data", section="Calculated tags")
    return app.text_input(key="calculated-0-new-formula").set_value(formula).run()


@pytest.mark.parametrize(
    ("formula", "said"),
    [
        ("fermenter_temp + agitator_rpm", "cannot be added to °C"),
        ("fermenter_tmp", "Did you mean fermenter"),
        ("mean(fermenter_temp, 1min", "this parenthesis is not closed"),
        ("median(fermenter_temp)", "there is no function"),
    ],
)
@pytest.mark.usefixtures("plant")
def test_wrong_formula_is_pointed_at_and_cannot_be_saved(formula: str, said: str) -> None:
    app = entered(formula)
    assert not app.exception
    assert said in text(app)
    assert app.code[-1].value.endswith("^")
    assert not [button for button in app.button if button.key == "calculated-save-button"]


def test_formula_is_explained_previewed_and_saved(plant: Monitor) -> None:
    app = entered("mean(fermenter_temp, 10s) * 2")
    assert not app.exception
    assert "Gives a value in °C whenever Fermenter temperature has a reading" in text(app)
    assert "300 of 300 times have a value" in text(app)
    assert figures(app) == 1
    assert app.dataframe[0].value["Value"].iloc[0] == "76.000 °C"
    app.text_input(key="calculated-0-new-name").set_value("twice").run()
    app.text_input(key="calculated-who").set_value("Ada")
    app.button(key="calculated-save-button").click().run()
    assert not app.exception
    assert "Twice is calculated from the next reading on" in text(app)
    tag = plant.tags["twice"]
    assert (tag.formula, tag.unit, tag.simulated) == ("mean(fermenter_temp, 10s) * 2", "°C", False)
    assert plant.tag_file.read().tags["twice"] == tag
    assert app.dataframe[0].value["Name"].tolist() == ["twice"]


def test_circle_and_a_name_that_is_taken_are_refused(plant: Monitor) -> None:
    draft = plant.tag_file.read()
    new = [Tag("a", "A", formula="fermenter_temp * 2"), Tag("b", "B", formula="a + 1")]
    plant.tag_file.save(draft, draft.tags.with_tags(new), "Ada", ["added"])
    app = show("data", section="Calculated tags")
    app.selectbox(key="calculated-chosen").set_value("a").run()
    app.text_input(key="calculated-0-a-formula").set_value("b * 2").run()
    assert "a → b → a" in text(app)
    app = entered("fermenter_temp")
    app.text_input(key="calculated-0-new-name").set_value("a").run()
    app.text_input(key="calculated-who").set_value("Ada")
    app.button(key="calculated-save-button").click().run()
    assert "there is a tag" in text(app)
