"""Event frames on the Explore page: defined, found, refused, compared, saved, and linked."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from sensormon.analysis.envelope import STEPS, Spread, envelope
from sensormon.analysis.frame_rules import FrameRule, Trigger
from sensormon.events.frame_definitions import FrameDefinition, Golden
from sensormon.model.clock import SECOND, ManualClock
from sensormon.model.settings import Settings
from sensormon.model.timestamps import render
from sensormon.monitor.monitor import Monitor
from tests.support.batches import BATCHES, EVERY, LENGTH, batches_until, temperature
from tests.support.pages import show, text
from tests.support.plant import START, Adopt
from tests.support.states import states_of, with_states

HOT = FrameRule(Trigger("temp", ">", 80.0, hysteresis=2.0))
FIRST = START - LENGTH * SECOND


@pytest.fixture
def monitor(settings: Settings, tmp_path: Path, adopt: Adopt) -> Monitor:
    running = adopt(Monitor(with_states(settings, tmp_path), ManualClock(START)))
    for batch in batches_until(START):
        running.submit(batch)
    running.drain()
    return running


def look(rule: FrameRule | None = None, **query: str) -> AppTest:
    """The look at this rule over the last six hours."""
    draft = {"rule": json.dumps(rule.as_document())} if rule else {}
    return show("explore", look="Event frames", past="6 h", explore="Temperature", **draft, **query)


def button(app: AppTest, label: str) -> Any:
    return next(element for element in app.button if element.label == label)


def picked(*batches: int) -> str:
    """The starts of these batches, from 0, as the address has them."""
    starts = {}
    for number in range(BATCHES):
        after = next(s for s in range(0, 400, 10) if temperature(s, number) > 80.0)
        starts[number] = FIRST + (number * EVERY + after) * SECOND
    return ",".join(str(starts[batch]) for batch in batches)


@pytest.mark.usefixtures("monitor")
def test_without_a_value_it_says_what_is_missing() -> None:
    app = look()
    assert "Enter the value of Temperature." in text(app)
    assert not app.exception


@pytest.mark.usefixtures("monitor")
def test_a_rule_in_the_address_is_found_and_said() -> None:
    app = look(HOT)
    said = text(app)
    assert "A frame starts when Temperature rises above 80 °C, and ends when it is at 78 °C or below" in said
    assert "Found 8 in view, median 1" in said
    assert "exact to the reading" in said
    assert "no envelope to compare it with" in said
    assert [field.value for field in app.number_input if field.label == "Value, °C"] == [80.0]
    (table,) = [frame.value for frame in app.dataframe if "Ended" in frame.value]
    assert table["Ended"].tolist() == ["complete"] * 7 + ["open"]
    assert table["Temperature, max"].iloc[0].startswith("90.")


@pytest.mark.usefixtures("monitor")
def test_typing_a_rule_writes_it_to_the_address() -> None:
    app = look()
    next(field for field in app.number_input if field.label == "Value, °C").set_value(80.0).run()
    assert "in view" in text(app)
    assert json.loads("".join(app.query_params["rule"]))["start"]["value"] == 80.0


@pytest.mark.usefixtures("monitor")
def test_three_chosen_frames_make_an_envelope_that_the_live_batch_leaves() -> None:
    app = look(HOT, picked=picked(0, 2, 4))
    said = text(app)
    assert "Golden envelope: mean ± 3 σ of 3 chosen frames" in said
    warnings = [element.value for element in app.warning]
    assert any("Temperature has been below the envelope since minute" in each for each in warnings), warnings
    (table,) = [frame.value for frame in app.dataframe if "Ended" in frame.value]
    assert table["Outside"].iloc[-1] > 10
    assert table["First left"].iloc[-1].startswith("minute ")
    assert "2 chosen: an envelope needs at least 3 complete frames" in text(look(HOT, picked=picked(0, 1)))


def test_the_running_batch_moves_on_without_a_jump_to_now(monitor: Monitor) -> None:
    assert isinstance(monitor.clock, ManualClock)

    def later(seconds: int, celsius: float) -> str:
        assert isinstance(monitor.clock, ManualClock)
        values = [("temp", celsius)] * (seconds // 10)
        monitor.submit(states_of(*values, at=monitor.clock.now() + 10 * SECOND, seconds=10))
        monitor.clock.advance(seconds)
        monitor.drain()
        app.run()
        return "\n".join([text(app), *(element.value for element in app.warning)]).replace("\\", "")

    app = look(HOT, picked=picked(0, 2, 4))
    (before,) = [element.value for element in app.warning]
    assert "10 min 50 s in, 83 % of the usual 13 min" in before
    said = later(40, 84.0)
    (after,) = [element.value for element in app.warning]
    assert "11 min 30 s in, 88 % of the usual 13 min" in after
    assert before.split("since minute")[1] == after.split("since minute")[1]
    assert "Found 8 in view" in said, "what was searched stays still"
    said = later(60, 40.0)
    assert "No batch is running. The last one ended " in said
    assert not app.warning
    assert "Batch began" in later(60, 85.0), "the next one"


@pytest.mark.usefixtures("monitor")
def test_a_view_that_ends_before_now_follows_nothing() -> None:
    span = {"from": render(START - 21_600 * SECOND), "to": render(START - 60 * SECOND)}
    said = text(look(HOT, picked=picked(0, 2, 4), **span))
    assert "of 3 chosen frames" in said
    assert "Batch began" not in said


@pytest.mark.usefixtures("monitor")
def test_frames_by_share_and_by_percentiles() -> None:
    app = look(HOT, picked=picked(0, 2, 4), align="Percent", envelope="Median and percentiles")
    said = text(app)
    assert "median and 5 to 95 % percentiles of 3 chosen frames" in said
    assert "With so few frames" in said
    assert "The open frame is taken to last" in said


@pytest.mark.usefixtures("monitor")
@pytest.mark.parametrize(
    ("rule", "why"),
    [
        (FrameRule(Trigger("temp", ">", 120.0)), "Temperature never rose above 120 °C; its highest was 91."),
        (FrameRule(Trigger("temp", "<", 10.0)), "Temperature never fell below 10 °C; its lowest was 29."),
        (FrameRule(Trigger("temp", ">", 85.0, hold=7_200.0)), "never rose above 85 °C for 2 h"),
        (FrameRule(Trigger("temp", ">", 80.0), longest=60.0), "8 frames longer than 60 s left out"),
        (FrameRule(Trigger("step", "=", word="CIP")), "Recipe step was never CIP; it was heat, hold, cool"),
        (FrameRule(Trigger("valve", "=", word="open")), "Feed valve has no good reading in view."),
    ],
)
def test_no_cycle_is_explained(rule: FrameRule, why: str) -> None:
    app = look(rule)
    assert any(element.proto.title == "No cycle found" for element in app.get("info") or app.info)
    assert why in text(app).replace("\\", "")


@pytest.mark.usefixtures("monitor")
@pytest.mark.parametrize(
    ("address", "why"),
    [
        ({"rule": json.dumps(FrameRule(Trigger("away", ">", 1.0)).as_document())}, "there is no tag 'away'"),
        ({"rule": json.dumps(FrameRule(Trigger("temp", "=", word="x")).as_document())}, "numbers in °C"),
        ({"rule": "{"}, "The address holds no rule that can be read"),
        ({"rule": "[" * 5_000}, "The address holds no rule that can be read"),
        ({"rule": "{}"}, "this definition cannot be read"),
        ({"frames": "gone"}, "No event frames are saved as gone"),
    ],
)
def test_an_address_that_cannot_be_followed_is_refused_in_words(address: dict[str, str], why: str) -> None:
    app = show("explore", look="Event frames", past="6 h", explore="Temperature", **address)
    assert not app.exception
    assert why in text(app).replace("\\", "")


def test_a_saved_envelope_is_what_frames_are_compared_with(monitor: Monitor) -> None:
    rows = [np.full(STEPS, 89.0 + number) for number in range(3)]
    spans = ((FIRST, FIRST + SECOND),) * 3
    golden = Golden(spans, False, 720.0, Spread(), {"temp": envelope(rows, Spread())})
    monitor.frame_definitions.save(FrameDefinition("Heating", HOT, golden), "Ana")
    app = look(frames="Heating")
    assert "Golden envelope, as saved: mean ± 3 σ of 3 chosen frames" in text(app)
    assert "rule" not in app.query_params
    (warning,) = [element.value for element in app.warning]
    assert "Temperature has been below the envelope since minute 8" in warning


def test_a_link_shows_a_changed_rule_beside_its_definition(monitor: Monitor) -> None:
    monitor.frame_definitions.save(FrameDefinition("Heating", HOT), "Ana")
    changed = replace(HOT, shortest=900.0)
    app = look(changed, frames="Heating")
    assert "Frames shorter than 15 min are left out" in text(app)
    assert [box.value for box in app.selectbox if box.label == "Event frames"] == ["Heating"]
