"""Every place that states the rate of events states the same for the same events and the same time."""

from __future__ import annotations

import re

import pytest

from sensormon.model.clock import SECOND, ManualClock
from sensormon.model.event_rate import UNIT, rate_words
from sensormon.model.events import Severity
from sensormon.model.jobs import Progress
from sensormon.monitor.monitor import Monitor
from sensormon.notify.config import Contact, NotifyConfig, Rule
from sensormon.ui.notify_forecast import work_of
from sensormon.view.alarm_load import load_line
from tests.support.pages import show, text
from tests.support.plant import START

RATE = r"\D{0,12}?([\d,.]+) events per 10 min"


def rate(words: str, before: str) -> float:
    """The rate that a text states after these words."""
    stated = re.search(re.escape(before) + RATE, words)
    assert stated is not None, f"no rate after {before!r} in {words}"
    return float(stated[1].replace(",", ""))


@pytest.mark.usefixtures("full")
def test_status_line_and_pages_state_the_same_rate() -> None:
    page, tuning = show("anomalies"), text(show("tuning"))
    (load,) = [box.label for box in page.expander if box.label.startswith("Alarm load")]
    rates = {
        "status line": rate(text(page), "in the last hour ("),
        "Anomalies": rate(load, "Alarm load"),
        "Tuning": rate(tuning, "currently "),
    }
    assert len(set(rates.values())) == 1, rates
    assert rates["status line"] > 1


@pytest.mark.usefixtures("full")
def test_rates_are_the_same_on_all_pages_after_a_gap(full: Monitor) -> None:
    assert isinstance(full.clock, ManualClock)
    full.clock.advance(12 * 60)  # nothing came meanwhile
    page, tuning = show("anomalies", past="1 h"), text(show("tuning", history="1 h"))
    (load,) = [box.label for box in page.expander if box.label.startswith("Alarm load")]
    rates = [rate(load, "Alarm load"), rate(text(page), "in the last hour ("), rate(tuning, "currently ")]
    assert len(set(rates)) == 1, rates
    title = full.tags.title(full.tags.names[1])
    page, tuning = show("anomalies", past="1 h", tags=title), text(show("tuning", history="1 h", tune=title))
    (load,) = [box.label for box in page.expander if box.label.startswith("Alarm load")]
    one_tag = re.search(r"Current: .*? events?, ([\d.]+) ", tuning)
    assert one_tag is not None
    assert rate(load, "Alarm load") == float(one_tag[1]) > 0


def test_forecast_counts_the_same_time(full: Monitor) -> None:
    rule = Rule("all", ("shift",), severity=Severity.LOW)
    config = NotifyConfig(contacts={"shift": Contact("shift", ())}, rules={"all": rule})
    forecast = work_of(full, config)(Progress())
    first = full.stored.first_time(START - 3_600 * SECOND, START)
    assert first is not None
    assert forecast.load.seconds == (START - first) / SECOND, "not the whole week"
    stated = rate(load_line(forecast.load), "Alarm load")
    assert rate_words(forecast.events, forecast.load.seconds) == f"{stated:,.1f} {UNIT}"
