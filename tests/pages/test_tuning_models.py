"""The section Models of Tuning: training a model, what is refused, and putting one in force."""

from __future__ import annotations

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from sensormon.model.clock import SECOND, ManualClock
from sensormon.model.readings import Batch, Reading
from sensormon.model.settings import Settings
from sensormon.monitor.monitor import Monitor
from tests.support.pages import show, text
from tests.support.plant import START, Adopt

ROWS = 400


@pytest.fixture
def full(settings: Settings, adopt: Adopt) -> Monitor:
    """A plant that has run steadily for `ROWS` seconds, all of it stored."""
    monitor = adopt(Monitor(settings, ManualClock(START + ROWS * SECOND)))
    rows = np.array([37.0, 7.0, 450.0]) + np.array([0.2, 0.05, 10.0]) * np.random.default_rng(3).normal(
        size=(ROWS, 3)
    )
    readings = [
        Reading(tag, START + number * SECOND, value)
        for number, row in enumerate(rows.tolist())
        for tag, value in zip(monitor.tags.names, row, strict=True)
    ]
    monitor.submit(Batch.of(readings, source="test", received=monitor.clock.now()))
    monitor.drain()
    return monitor


def trained(m: Monitor, name: str) -> AppTest:
    """The section after a press of Train on all tags over the last day."""
    app = show("tuning", part="Models")
    app.text_input(key="model-name-0").set_value(name)
    app.multiselect(key="model-tags").set_value(list(m.tags.names)).run()
    return app.button(key="model-new-train").click().run()


def test_trained_model_shows_its_fit_and_is_put_in_force(full: Monitor) -> None:
    app = trained(full, "reactor")
    assert not app.exception
    assert "Trained on" in text(app)
    assert not full.tag_models.known, "nothing is in force before somebody says so"
    app.text_input(key="model-new-who").set_value("day shift")
    app.text_input(key="model-new-reason").set_value("steady batch")
    app.button(key="model-new-keep").click().run()
    assert not app.exception
    (model,) = full.tag_models.known
    assert (model.name, model.version, model.reason) == ("reactor", 1, "steady batch")
    assert app.dataframe[0].value["Name"].tolist() == ["reactor"]
    assert "A model of this name exists" not in text(app), "the form is ready for another"


def test_name_of_a_tag_or_none_at_all_is_refused_with_the_reason(full: Monitor) -> None:
    for name in ("fermenter_ph", "<b>x</b>", "a b", "é"):
        app = trained(full, name)
        assert not app.exception
        assert "This stretch cannot be learned from" in text(app)
    assert not full.tag_models.known
