"""What the tiles of a board poll for: long spans in few readings, and the events of a span."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from sensormon.api import Api
from sensormon.model.clock import SECOND, ManualClock
from sensormon.model.settings import Settings
from sensormon.monitor.monitor import Monitor
from sensormon.monitor.runtime import page_key
from sensormon.view.board_feed import BoardFeed
from tests.support.anomalies import usual
from tests.support.api import get
from tests.support.plant import START, batch_of

PH = "fermenter_ph"
WEEK = 7 * 86_400


@pytest.fixture
def monitor(settings: Settings, clock: ManualClock) -> Iterator[Monitor]:
    running = Monitor(settings, clock)
    running.submit(batch_of(*usual(60), *[(PH, 8.5)] * 3, at=START - 62 * SECOND))
    running.drain()
    yield running
    running.stop()


def test_long_span_has_its_highest_reading_and_its_flags(monitor: Monitor) -> None:
    answer = BoardFeed(monitor).history([PH, "missing"], WEEK)
    assert list(answer["tags"]) == [PH]
    line = answer["tags"][PH]
    assert max(value for value in line["y"] if value is not None) == 8.5
    assert line["flagged"] == len(line["flags"]["x"]) > 0
    assert answer["complete"]
    assert answer["until"] - answer["since"] == WEEK * 1e3


def test_tiles_share_the_tags_that_they_have_in_common(
    monitor: Monitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed, asked = BoardFeed(monitor), list[tuple[str, ...]]()
    overviews = monitor.explorer.overviews

    def noted(tags: list[str], *span: int) -> object:
        asked.append(tuple(tags))
        return overviews(tags, *span)

    monkeypatch.setattr(monitor.explorer, "overviews", noted)
    first = feed.history([PH, "agitator_rpm"], WEEK)
    second = feed.history(["agitator_rpm", "fermenter_temp", PH], WEEK)
    assert asked == [(PH, "agitator_rpm"), ("fermenter_temp",)]
    assert list(second["tags"]) == ["agitator_rpm", "fermenter_temp", PH]
    assert first["tags"][PH] == second["tags"][PH] == BoardFeed(monitor).history([PH], WEEK)["tags"][PH]


def test_events_are_those_of_the_tags_and_of_all_without_any(monitor: Monitor) -> None:
    feed = BoardFeed(monitor)
    (event,) = feed.events([PH], 3_600)["events"]
    assert (event["label"], event["severity"]) == ("Fermenter pH", "high")
    assert event["what"].startswith("8.50 pH, expected 7.0")
    assert feed.events([], 3_600)["count"] == 1
    assert feed.events(["agitator_rpm"], 3_600)["count"] == 0
    assert feed.events(["missing"], 3_600)["count"] == 0, "a tag that was removed is not all tags"


def test_routes_answer_pages_and_refuse_others(settings: Settings, clock: ManualClock) -> None:
    monitor = Monitor(replace(settings, read_token="readers"), clock)
    api, page = Api(lambda: monitor), {"X-Sensormon-Page": page_key()}
    for path in (f"/live/history?tag={PH}&span={WEEK}", "/live/events?span=3600"):
        assert get(api, path, **page).status_code == 200
        assert get(api, path).status_code == 401
    assert get(api, f"/live/history?tag={PH}&span=9", **page).status_code == 400
    monitor.stop()
