"""The list of what is wrong now as viewers poll for it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from sensormon.api import Api
from sensormon.events.reader import EventReader
from sensormon.model.clock import HOUR, SECOND, ManualClock
from sensormon.model.errors import StoreUnavailable
from sensormon.model.settings import Settings
from sensormon.monitor.monitor import Monitor
from sensormon.monitor.runtime import page_key
from sensormon.view.active_feed import EVERY, ActiveFeed, problem_key, to_acknowledge
from tests.support.anomalies import usual
from tests.support.api import get
from tests.support.plant import START, batch_of

SPIKES = [*usual(60), *[("fermenter_ph", 8.5)] * 3]


@pytest.fixture
def monitor(settings: Settings, clock: ManualClock) -> Iterator[Monitor]:
    running = Monitor(settings, clock)
    running.submit(batch_of(*SPIKES, at=START - 62 * SECOND))
    running.drain()
    yield running
    running.stop()


def test_item_says_what_since_when_and_how_bad(monitor: Monitor) -> None:
    answer = ActiveFeed(monitor).answer()
    (item,) = answer["items"]
    assert (answer["count"], answer["attention"], answer["worst"]) == (1, 1, "high")
    assert (item["tag"], item["label"], item["severity"]) == ("fermenter_ph", "Fermenter pH", "high")
    assert item["since"] == (START - 2 * SECOND) // 1_000
    assert item["what"].startswith("8.50 pH, expected 7.0")
    assert item["calls"] == [str(item["event"])] == [str(item["newest"])]
    assert item["waiting"] == 1
    assert (item["who"], answer["quiet"], answer["events"]) == ("", [], 0)


def test_acting_shows_at_once_and_nothing_calls_any_more(monitor: Monitor) -> None:
    feed = ActiveFeed(monitor)
    (item,) = feed.answer()["items"]
    assert to_acknowledge(monitor, "fermenter_ph", item["newest"] - 1) == ()
    monitor.actions.record(to_acknowledge(monitor, "fermenter_ph", item["newest"]), "acknowledge", "Ana")
    answer = feed.answer()
    (item,) = answer["items"]
    assert (item["who"], item["when"], item["waiting"], item["calls"]) == ("Ana", START / 1e3, 0, [])
    assert (answer["count"], answer["attention"], answer["worst"]) == (1, 0, "")
    monitor.shelved_tags.shelve(["fermenter_ph"], START + HOUR, "probe", "Bo")
    answer = feed.answer()
    assert (answer["count"], answer["quiet_count"]) == (0, 1)
    assert answer["quiet"][0]["quiet"] == {
        "kind": "shelved",
        "until": (START + HOUR) / 1e3,
        "who": "Bo",
        "reason": "probe",
    }


def test_who_knows_the_list_gets_only_its_version(monitor: Monitor, clock: ManualClock) -> None:
    feed = ActiveFeed(monitor)
    version = feed.answer()["version"]
    clock.advance(EVERY / SECOND)
    assert feed.answer(version) == {"version": version}
    assert feed.answer("another")["count"] == 1


def test_without_the_store_the_events_read_last_are_shown_with_their_time(
    monitor: Monitor, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise StoreUnavailable("away")

    feed, never = ActiveFeed(monitor), ActiveFeed(monitor)
    assert feed.answer()["count"] == 1
    monkeypatch.setattr(EventReader, "between", away)
    clock.advance(60)
    answer = feed.answer()
    assert answer["events"] == START / 1e3
    assert "fermenter_ph" in [item["tag"] for item in answer["items"]]
    assert never.answer()["events"] == monitor.started / 1e3


def test_silent_tag_and_problem_of_the_monitor_call_once(
    monitor: Monitor, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock.advance(600)
    feed = ActiveFeed(monitor)
    monkeypatch.setattr(monitor, "_failures", lambda: ("the loader stopped 12 s ago",))
    answer = feed.answer()
    problem, silent = answer["items"]
    assert (problem["label"], problem["severity"], problem["calls"]) == (
        "This monitor",
        "high",
        ["monitor the loader stopped"],
    )
    assert silent["calls"][-1] == "silent fermenter_ph"
    assert silent["what"].endswith("> 3.0); no readings arrive")
    assert problem_key("the loader stopped 40 min ago") == problem_key("the loader stopped 12 s ago")


def test_route_answers_pages_and_nobody_else(settings: Settings, clock: ManualClock) -> None:
    monitor = Monitor(replace(settings, read_token="readers"), clock)
    api, page = Api(lambda: monitor), {"X-Sensormon-Page": page_key()}
    answer = get(api, "/live/active", **page).json()
    assert answer["count"] == 0
    known = f"/live/active?known={answer['version']}"
    assert get(api, known, **page).json() == {"version": answer["version"]}
    assert get(api, f"/live/active?known={'x' * 33}", **page).status_code == 400
    assert get(api, "/live/active").status_code == 401
    monitor.stop()
