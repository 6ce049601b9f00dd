"""The Anomalies page: events in every state, acted on in bulk, and there again after a restart."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from sensormon import runtime
from sensormon.clock import SECOND, ManualClock
from sensormon.monitor import Monitor
from sensormon.settings import Settings
from tests.conftest import START, batch_of
from tests.test_pages import figures, show, text

Adopt = Callable[[Monitor], Monitor]
FAR = START + 10**6 * SECOND


@pytest.fixture
def adopt() -> Iterator[Adopt]:
    def take(monitor: Monitor) -> Monitor:
        runtime.adopt(monitor)
        return monitor

    yield take
    runtime.stop()


@pytest.fixture
def full(settings: Settings, adopt: Adopt) -> Monitor:
    """A simulated plant after its first start, all of it stored."""
    monitor = adopt(Monitor(replace(settings, source="simulator"), ManualClock(START)))
    monitor.backfill()
    monitor.drain()
    return monitor


def events(app: AppTest) -> pd.DataFrame:
    """The table of events."""
    return next(one.value for one in app.dataframe if "State" in one.value)


def choose(app: AppTest, monitor: Monitor, *places: int) -> list[int]:
    """Choose events by their place in the list."""
    ids = monitor.events(None, START - 3600 * SECOND, FAR)["id"].tolist()
    chosen = [int(ids[place]) for place in places]
    app.session_state["chosen"] = chosen
    app.run()
    return chosen


def named(app: AppTest, name: str = "Ana") -> AppTest:
    """As somebody who has given a name before."""
    app.session_state["who"] = name
    return app


def states(monitor: Monitor, ids: list[int]) -> list[str]:
    frame = monitor.events(None, 0, FAR)
    return list(frame[frame["id"].isin(ids)]["state"])


def test_nothing_flagged_says_what_to_do(settings: Settings, adopt: Adopt) -> None:
    adopt(Monitor(settings, ManualClock(START)))
    app = show("anomalies")
    assert "No anomalies here" in text(app)
    assert figures(app) == 0


def test_all_events_are_listed_and_the_newest_is_explained(full: Monitor) -> None:
    app = show("anomalies")
    found = full.events(None, START - 3600 * SECOND, FAR)
    assert len(events(app)) == len(found) > 10
    assert events(app)["Time"].is_monotonic_decreasing
    words = text(app)
    assert f"{len(found)} events" in words
    assert "to acknowledge" in words
    assert "z " in words
    assert ", above 3.0" in words
    for fact in (
        "Value",
        "Expected",
        "σ",
        "Score (z)",
        "Threshold",
        "n learned before",
        "Quality",
        "Detector",
    ):
        assert f"<span>{fact}</span>" in words
    assert "Rolling z-score, window 50, threshold 3" in words
    assert figures(app) == 3, "events over time, the event in its context, the reading"
    assert "Nobody has done anything" in words


def test_nothing_is_written_on_the_page_by_accident(full: Monitor) -> None:
    app = show("anomalies")
    assert full.acts == 0
    assert [one.value for one in app.markdown if not one.value.startswith(("**", "Flagged"))] == []


def test_acknowledging_in_bulk_is_done_in_the_viewers_name(full: Monitor) -> None:
    app = show("anomalies")
    chosen = choose(app, full, 0, 2, 3)
    app.button(key="acknowledge").click().run()
    assert full.acts == 0, "somebody without a name"
    assert any(one.label == "Your name, for the log" for one in app.text_input)
    named(app).run()
    app.button(key="acknowledge").click().run()
    assert not app.exception
    assert states(full, chosen) == ["acknowledged"] * 3
    assert events(app)["State"].tolist().count("acknowledged") == 3
    chosen = choose(app, full, 1)
    app.button(key="acknowledge").click().run()
    assert states(full, chosen) == ["acknowledged"]
    app.button(key="unacknowledge").click().run()
    assert "acknowledged" not in states(full, chosen)
    history = full.event_history(chosen[0], chosen[0])
    assert history["who"].tolist() == ["Ana", "Ana"]
    assert "took the acknowledgement back" in [
        what for one in app.dataframe if "What" in one.value for what in one.value["What"]
    ]


def test_a_label_a_note_and_shelving_in_bulk_are_kept_over_a_restart(
    full: Monitor, adopt: Adopt, settings: Settings
) -> None:
    app = named(show("anomalies"))
    chosen = choose(app, full, 1, 4)
    app.menu_button(key="label-as").click("benign").run()
    full.act(chosen, "note", "Ana", note="cleaning in place")
    full.act(chosen[:1], "shelve", "Ana", until=START + 3600 * SECOND)
    full.stop()
    again = adopt(Monitor(replace(settings, source="simulator"), ManualClock(START)))
    again.drain()
    app = show("anomalies")
    table = events(app)
    assert table["Label"].tolist().count("benign") == 2
    assert table["Note"].tolist().count("cleaning in place") == 2
    assert table["State"].tolist().count("shelved") == 1
    assert "1 shelved" in text(app)


def test_filters_leave_what_they_name(full: Monitor) -> None:
    ids = [int(one) for one in full.events(None, START - 3600 * SECOND, FAR)["id"][:2]]
    full.act(ids, "acknowledge", "Ana")
    full.act(ids[:1], "label", "Ana", label="false")
    assert len(events(show("anomalies", state="acknowledged"))) == 2
    assert len(events(show("anomalies", label="false"))) == 1
    assert set(events(show("anomalies", severity="high"))["Severity"]) <= {"high"}
    high = events(show("anomalies", score="6.0"))
    assert high["Score"].min() >= 6.0
    assert "No such event" in text(show("anomalies", state="shelved"))


def test_any_reading_says_why_it_was_not_flagged(full: Monitor) -> None:
    app = show("anomalies")
    app.toggle(key="any").set_value(True).run()
    stored = full.history(["fermenter_temp"], START - 900 * SECOND, START)
    calm = stored[~stored["is_anomaly"] & stored["score"].notna()].iloc[5]
    app.session_state["any-reading"] = int(calm["id"])
    app.run()
    assert not app.exception
    assert "threshold 3.0): not flagged." in text(app)
    app.session_state["any-reading"] = int(stored["id"].iloc[7])
    app.run()
    assert "Not judged: warm-up, 7 of the 50 readings needed were learned." in text(app)


def test_with_the_store_away_it_says_so(settings: Settings, adopt: Adopt) -> None:
    Path(settings.store_url).mkdir(parents=True)
    monitor = adopt(Monitor(settings, ManualClock(START)))
    monitor.submit(batch_of(("fermenter_ph", 7.0), at=START))
    monitor.drain()
    assert "The database cannot be read at the moment" in text(show("anomalies"))
    monitor.act([1], "acknowledge", "Ana")  # goes to the journal


def test_what_comes_later_does_not_move_the_list(settings: Settings, adopt: Adopt) -> None:
    clock = ManualClock(START)
    monitor = adopt(Monitor(settings, clock))

    def feed(count: int, spike: int) -> None:
        for i in range(count):
            clock.advance(1.0)
            monitor.submit(
                batch_of(("fermenter_ph", 8.5 if i == spike else 7 + 0.01 * (i % 3)), at=clock.now())
            )
        monitor.drain()

    feed(100, 80)
    app = show("anomalies")
    assert len(events(app)) == 1
    feed(15, 5)
    app.run()
    assert len(events(app)) == 1
    assert "1 reading flagged since" in text(app)
    app.button(key="renew").click().run()
    assert len(events(app)) == 2
