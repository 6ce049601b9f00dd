"""Acting on many events at once: a question first, then one act, also on those beyond the rows shown."""

from __future__ import annotations

import time

import pytest

from sensormon.monitor.monitor import Monitor
from tests.support.anomalies import FAR, events, named
from tests.support.pages import show, text


def test_many_events_are_acted_on_after_a_question(full: Monitor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sensormon.ui.event_acts.MANY", 20)
    monkeypatch.setattr("sensormon.ui.event_list.MOST_SHOWN", 15)
    count = len(full.events.between(None, 0, FAR))
    app = named(show("anomalies"))
    assert len(events(app)) == 15
    assert count > 20
    app.button(key="select-all").click().run()
    assert f"{count} selected" in text(app)
    app.button(key="acknowledge").click().run()
    assert f"Acknowledge {count} events?" in text(app)
    assert full.actions.count == 0
    app.button(key="many-no").click().run()
    assert full.actions.count == 0
    app.button(key="acknowledge").click().run()
    app.button(key="many-yes").click().run()
    assert not app.exception
    assert full.actions.count == 1, "one act"
    assert set(full.events.between(None, 0, FAR)["state"]) == {"acknowledged"}
    assert f"{count} events acknowledged" in [toast.value for toast in app.toast]


def test_thousands_of_events_are_recorded_in_one_short_act(full: Monitor) -> None:
    begun = time.perf_counter()
    full.actions.record(list(range(1, 10_001)), "acknowledge", "Ana")
    assert time.perf_counter() - begun < 2.0, "seconds, where it takes hundredths"
    assert full.actions.count == 1
