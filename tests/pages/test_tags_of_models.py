"""What the pages make of tags that only models of several tags write to."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sensormon.model.clock import SECOND, ManualClock
from sensormon.model.settings import Settings
from sensormon.model.tag_models import TagModel
from sensormon.monitor.monitor import Monitor
from tests.support.pages import show, text
from tests.support.plant import START, Adopt


@pytest.fixture
def monitor(settings: Settings, adopt: Adopt) -> Monitor:
    """A simulated plant after its first start, with a model of two of its tags in force."""
    monitor = adopt(Monitor(replace(settings, source="simulator"), ManualClock(START)))
    monitor.source.backfill()
    monitor.drain()
    tags = ("fermenter_temp", "agitator_rpm")
    first = START - 1_000 * SECOND
    wanted = TagModel("rig", "spe", tags, 1.0, first, first + 600 * SECOND, {})
    monitor.tag_models.keep(monitor.tag_models.train(wanted), "Ada", "first model")
    assert "rig" in monitor.tags
    return monitor


@pytest.mark.usefixtures("monitor")
def test_model_in_force_is_no_change_of_the_tag_file() -> None:
    assert "changed by hand" not in text(show("data", section="Tags"))


@pytest.mark.usefixtures("monitor")
def test_profiles_are_offered_for_and_conditions_on_tags_that_profiles_judge_only() -> None:
    for query in ({"part": "Tags"}, {"part": "Try"}, {"part": "Profiles"}):
        app = show("tuning", **query)
        for box in app.selectbox:
            assert "Model rig" not in box.options, (query, box.label)
        for frame in app.dataframe:
            assert "Model rig" not in frame.value.to_string(), query
