"""Tags of states on the pages: bands and words where they are shown, reasons where they cannot be chosen."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from sensormon.model.clock import SECOND, ManualClock
from sensormon.model.readings import Quality
from sensormon.model.settings import Settings
from sensormon.monitor.monitor import Monitor
from tests.support.pages import show, text
from tests.support.plant import START, Adopt
from tests.support.server import ROOT
from tests.support.states import states_of, with_states


@pytest.fixture
def plant(settings: Settings, tmp_path: Path, adopt: Adopt) -> Monitor:
    """Ten minutes of a number and two tags of states, half of it stored."""
    clock = ManualClock(START + 600 * SECOND)
    monitor = adopt(Monitor(with_states(settings, tmp_path), clock))
    for start in (0, 300):
        for i in range(start, start + 300):
            monitor.submit(
                states_of(
                    ("temp", 37.0 + i % 3),
                    ("valve", i // 50 % 2),
                    ("product", f"Brew {i // 200} <b>"),
                    at=START + i * SECOND,
                    seconds=0.0,
                    quality=Quality.BAD if 100 <= i < 110 else Quality.GOOD,
                )
            )
        if not start:
            monitor.drain()
    return monitor


def mounted(app: AppTest, key: str) -> dict[str, Any]:
    """The data given to the browser component with this key."""
    (component,) = [element for element in app.get("bidi_component") if element.proto.id.endswith(f"-{key}")]
    data: dict[str, Any] = json.loads(component.proto.json)
    return data


def column(part: Any) -> np.ndarray[Any, Any]:
    """The numbers of a trace, as Plotly sends them."""
    if isinstance(part, dict):
        return np.frombuffer(base64.b64decode(part["bdata"]), dtype=part["dtype"])
    return np.array(part, dtype=np.float64)


def explore(*names: str, **query: str) -> AppTest:
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
    app.query_params["explore"] = list(names)
    for name, value in query.items():
        app.query_params[name] = value
    app.run()
    app.switch_page("pages/explore.py").run()
    assert not app.exception, app.exception
    return app


@pytest.mark.usefixtures("plant")
@pytest.mark.parametrize("layout", ["Stacked", "By unit", "Overlay"])
def test_explore_draws_a_band_for_each_tag_of_states(layout: str) -> None:
    app = explore("Temperature", "Feed valve", "Product", past="15 min", layout=layout)
    figure = json.loads(mounted(app, "explore-chart")["figure"])
    valve, product = [trace for trace in figure["data"] if trace["type"] == "bar"]
    assert valve["text"][:3] == ["closed", "open", "closed"]
    assert valve["text"].count("open") == 6
    assert len(valve["base"]) == 13, "twelve stretches, one of them interrupted by bad readings"
    assert product["text"][-1] == "Brew 2 &lt;b&gt;"
    assert "Brew 1 &lt;b&gt;" in text(app), "the legend"
    assert "Of states every change is drawn" in text(app)


@pytest.mark.usefixtures("plant")
def test_lines_are_drawn_only_while_a_state_lasts() -> None:
    app = explore("Temperature", "Feed valve", past="15 min")
    (only,) = [box for box in app.selectbox if box.label == "Only while"]
    assert only.options == ["any state", "Feed valve = closed", "Feed valve = open"]
    only.set_value("Feed valve = open").run()
    assert not app.exception, app.exception
    figure = json.loads(mounted(app, "explore-chart")["figure"])
    line = next(trace for trace in figure["data"] if trace["name"] == "Temperature")
    x, y = column(line["x"]), column(line["y"])
    seconds = {round(at / 1e3 - START / SECOND) for at in x[~np.isnan(y)].tolist()}
    assert seconds
    assert all(second // 50 % 2 and not 100 <= second < 110 for second in seconds)
    assert "only while Feed valve = open" in text(app)


@pytest.mark.usefixtures("plant")
@pytest.mark.parametrize("look", ["Distribution", "Control chart", "Two tags"])
def test_measures_leave_states_out_and_say_why(look: str) -> None:
    app = explore("Feed valve", "Temperature", "Product", past="15 min", look=look)
    if look != "Two tags":
        assert "Left out: Feed valve, Product. A state is not a number" in text(app)
        return
    assert "Fewer than two tags have numbers" in text(app)


@pytest.mark.usefixtures("plant")
@pytest.mark.parametrize("look", ["Distribution", "Control chart"])
def test_measures_of_states_alone_say_why_there_are_none(look: str) -> None:
    app = explore("Feed valve", past="15 min", look=look)
    assert "Only states in view" in text(app)


@pytest.mark.usefixtures("plant")
def test_tuning_offers_numbers_only_and_says_why() -> None:
    app = show("tuning")
    (choice,) = [box for box in app.selectbox if box.label == "Tag"]
    assert choice.options == ["Temperature"]
    assert "A state is not a number" in text(app)


def test_tuning_of_states_alone_has_nothing_to_tune(
    settings: Settings, tmp_path: Path, adopt: Adopt, clock: ManualClock
) -> None:
    path = tmp_path / "only.toml"
    path.write_text('[tags.valve]\nstates = ["closed", "open"]\nsimulated = false\n', encoding="utf-8")
    monitor = adopt(Monitor(replace(settings, tags=path), clock))
    monitor.submit(states_of(("valve", "open")))
    assert "Nothing to tune" in text(show("tuning"))


def test_live_shows_the_word_where_the_board_cannot_be_loaded(plant: Monitor) -> None:
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
    app.session_state["no-board"] = True
    app.run()
    assert not app.exception, app.exception
    plant.drain()
    assert '<span class="value">open</span>' in text(app)
    assert '<span class="value">Brew 2 &lt;b&gt;</span>' in text(app)
