"""The Tuning page: every detector, its URL, what it shows, what it applies."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from sensormon.analysis.rescoring import History
from sensormon.analysis.what_if import (
    Comparison,
    Known,
    Load,
    as_stored,
    compare,
    curve,
    rescored,
    thresholds,
    total,
)
from sensormon.detectors import PER_TAG, longest_lead, make
from sensormon.ingest.tag_memory import KEPT
from sensormon.model.clock import SECOND, ManualClock
from sensormon.model.errors import StoreUnavailable
from sensormon.model.profiles import Profile, single
from sensormon.model.readings import Floats
from sensormon.model.settings import Settings
from sensormon.model.tags import Tag
from sensormon.model.timestamps import micros, render
from sensormon.monitor import runtime
from sensormon.monitor.monitor import Monitor
from sensormon.monitor.tuner import Tuner
from sensormon.view.detectors import title
from sensormon.view.tuning import flag_table
from tests.support.pages import show, text
from tests.support.plant import START, batch_of

FAR = START + 10**13
SINCE = START - 900 * SECOND


@pytest.fixture
def monitors() -> Iterator[Callable[[Monitor], Monitor]]:
    def take(monitor: Monitor) -> Monitor:
        runtime.adopt(monitor)
        return monitor

    yield take
    runtime.stop()
    st.cache_resource.clear()  # pages cache by the monitor's start time, which is the same in every test


@pytest.fixture
def full(settings: Settings, monitors: Callable[[Monitor], Monitor]) -> Monitor:
    """A simulated plant after its first start, all of it stored."""
    monitor = monitors(Monitor(replace(settings, source="simulator"), ManualClock(START)))
    monitor.source.backfill()
    monitor.drain()
    return monitor


def submit(monitor: Monitor, values: Floats, second: int) -> None:
    """Submit these values of one tag, one per second."""
    monitor.submit(batch_of(*[("fermenter_ph", float(v)) for v in values], at=START + second * SECOND))


def profile_of(detector: str, **params: float) -> Profile:
    return single(detector, params).default


def against_stored(history: History, profile: Profile, known: Known) -> Comparison:
    return compare(history, as_stored(history, profile), rescored(history, profile), known)


def press(app: AppTest, label: str) -> None:
    next(button for button in app.button if button.label == label).click().run()


def confirmed(monitor: Monitor, tag: str, rows: int = 3) -> pd.DataFrame:
    """Labels that confirm the weakest readings of the tag that the z-score flags."""
    scored = monitor.tuner.rescore(tag, SINCE, START, profile_of("zscore"))
    flagged = scored[scored["is_anomaly"]].sort_values("score").head(rows)
    return pd.DataFrame(
        {"id": range(rows), "tag": tag, "start": flagged["time"], "end": flagged["time"], "label": "true"}
    )


@pytest.mark.parametrize("detector", PER_TAG)
@pytest.mark.usefixtures("full")
def test_every_detector_shows_all_its_parameters(detector: str) -> None:
    app = show("tuning", detector=title(detector))
    assert app.multiselect(key="detector").value == [detector]
    labels = {field.label for field in (*app.slider, *app.number_input)}
    assert labels >= {parameter.label_with_unit for parameter in PER_TAG[detector].PARAMETERS}
    assert PER_TAG[detector].catches in text(app)
    assert PER_TAG[detector].misses
    assert "With new settings" in text(app)
    assert "per 10 min" in text(app)


def test_page_shows_the_detectors_results(full: Monitor) -> None:
    app = show("tuning", detector=title("cusum"), cusum_h="5")
    history = full.tuner.tag_history("fermenter_temp", SINCE, START)
    profile, known = profile_of("cusum", h=5.0), full.tuner.known(SINCE, START)
    result = against_stored(history, profile, known)
    words = text(app)
    assert f"With new settings: {result.load.after} event" in words
    assert f"{100 * result.scores_before.recall:.0f} %" in words
    rows = app.dataframe[0].value
    by_tag = {
        name: against_stored(full.tuner.tag_history(name, SINCE, START), profile, known).load
        for name in full.tags.names
    }
    assert rows["Events, new settings"].tolist() == sorted(
        (load.after for load in by_tag.values()), reverse=True
    )
    assert rows["Events, new settings"].is_monotonic_decreasing
    together = total(by_tag)
    assert f"currently {together.rate(together.before):.1f} events per 10 min" in words
    assert "Target ≤ 1 event per 10 min" in words


def test_total_load_adds_the_rates_of_all_tags() -> None:
    often, seldom = Load(10, 5, 600.0, is_cut=True), Load(10, 10, 60_000.0)  # 10 and 0.1 per 10 min
    together = total({"often": often, "seldom": seldom, "still": Load(0, 0, 0.0)})
    assert together.rate(together.before) == pytest.approx(10.1)
    assert together.rate(together.after) == pytest.approx(5.1)
    later = total({"later": Load(10, 5, 600.0), "seldom": seldom})
    assert later.rate(later.before) == pytest.approx(0.2), "the time before its first reading had no event"
    assert total({}).seconds == 0


@pytest.mark.usefixtures("full")
def test_settings_come_from_the_url_and_nonsense_falls_back() -> None:
    app = show("tuning", detector=title("ewma"), ewma_weight="0.25", ewma_width="5.5", ewma_accept="1000")
    values = {field.key: field.value for field in (*app.slider, *app.number_input)}
    assert (values["ewma_weight"], values["ewma_width"], values["ewma_accept"]) == (0.25, 5.5, 1000)
    for nonsense in ("-7", "1e99", "nan", "inf", "<b>", "", "9" * 400, "\x00"):
        app = show("tuning", detector=title("ewma"), ewma_weight=nonsense, ewma_accept=nonsense)
        values = {field.key: field.value for field in (*app.slider, *app.number_input)}
        assert (values["ewma_weight"], values["ewma_accept"]) == (0.1, 300), nonsense
        app = show("tuning", window=nonsense, threshold=nonsense)
        assert (app.slider(key="window").value, app.slider(key="threshold").value) == (50, 3.0), nonsense
    app = show("tuning", detector="no such one", threshold="nan", window="1e3")
    assert app.multiselect(key="detector").value == ["zscore", "recommended"]
    assert app.slider(key="threshold").value == 3.0


def link_of(app: AppTest) -> dict[str, str | list[str]]:
    """The query parameters of the link that the button copies."""
    (button,) = [element for element in app.get("bidi_component") if element.proto.id.endswith("copy-tuning")]
    pinned: dict[str, str | list[str]] = json.loads(button.proto.json)["pinned"]
    return pinned


def test_link_reopens_the_same_view_later(full: Monitor) -> None:
    app = show("tuning", detector=title("hampel"), hampel_window="80", tune="Fermenter pH")
    query = link_of(app)
    assert query == {
        "tune": "fermenter_ph",
        "when": "-",
        "history": "15 min",
        "detector": ["Hampel identifier"],
        "hampel_window": "80",
        "hampel_threshold": "4.5",
        "on_delay": "0",
        "off_delay": "10",
        "upto": render(START),
    }
    full.clock.advance(300)
    full.submit(
        batch_of(*[("fermenter_ph", 7.0 + 0.3 * (i % 9 == 0)) for i in range(200)], at=START + SECOND)
    )
    full.drain()
    again = show("tuning", **query)
    assert link_of(again) == query
    first = [line for line in text(app).splitlines() if "With new settings" in line]
    assert first
    assert first == [line for line in text(again).splitlines() if "With new settings" in line]
    next(button for button in again.button if button.label == "Load up to now").click().run()
    assert link_of(again)["upto"] == render(START + 300 * SECOND)


@pytest.mark.usefixtures("full")
@pytest.mark.parametrize("nonsense", ["", "soon", "9" * 400, "\x00", "2999-01-01T00:00:00Z"])
def test_link_with_an_unusable_moment_shows_the_newest(nonsense: str) -> None:
    assert link_of(show("tuning", upto=nonsense))["upto"] == render(START)


@pytest.mark.usefixtures("full")
def test_reset_begins_again_with_the_profile_in_force() -> None:
    app = show("tuning", detector=title("limits"), limits_low="30", limits_deadband="5", off_delay="60")
    assert app.number_input(key="limits_low").value == 30.0
    press(app, "Reset")
    assert app.multiselect(key="detector").value == ["zscore", "recommended"]
    assert app.number_input(key="off_delay").value == 10.0
    app.multiselect(key="detector").set_value(["limits"]).run()
    assert app.number_input(key="limits_low").value is None, "no limit is each tag's own"
    assert app.slider(key="limits_deadband").value == 1.0


def test_moving_a_slider_reads_no_history(full: Monitor, monkeypatch: pytest.MonkeyPatch) -> None:
    app = show("tuning")
    reads: list[str] = []
    real = Tuner.tag_history
    monkeypatch.setattr(Tuner, "tag_history", lambda *a, **k: reads.append("history") or real(*a, **k))
    app.slider(key="threshold").set_value(4.0).run()
    app.multiselect(key="detector").set_value(["cusum"]).run()
    assert not app.exception
    assert reads == []
    press(app, "Load up to now")
    assert reads, "reading up to now was asked for"
    assert full.detection.in_force.detector == "zscore"


def test_lost_events_are_warned_about_before_applying(full: Monitor, monkeypatch: pytest.MonkeyPatch) -> None:
    labels = confirmed(full, "fermenter_temp")
    monkeypatch.setattr(Tuner, "labelled_events", lambda *_: labels)
    app = show("tuning", detector=title("zscore"))
    assert not app.warning
    app.slider(key="threshold").set_value(8.0).run()
    history = full.tuner.tag_history("fermenter_temp", SINCE, START)
    gone = against_stored(history, profile_of("zscore", threshold=8.0), full.tuner.known(SINCE, START)).lost
    assert len(gone) > 0
    assert f"{len(gone)} confirmed event" in app.warning[0].value
    press(app, "Apply to live monitoring …")
    assert len(app.warning) == 2, "in the dialog too"


def test_detector_change_is_logged_with_old_and_new(full: Monitor) -> None:
    full.tuner.apply(single("cusum", {"h": 6.0}), "day shift", "drifts")
    full.drain()
    app = show("tuning")
    assert app.multiselect(key="detector").value == ["cusum"]
    assert app.slider(key="cusum_h").value == 6.0
    assert "Live monitoring uses CUSUM, h 6" in text(app)
    log = show("tuning", part="Versions").dataframe[-1].value
    assert log["change"].iloc[0] == (
        "default: Rolling z-score is removed; default: Recommended is removed; "
        "default: CUSUM, k 0.5, h 6, accept 300 is added"
    )
    assert log["who"].tolist() == ["day shift", "environment"]
    assert log["reason"].tolist() == ["drifts", "the first start"]
    full.tuner.apply(single("cusum", {"h": 7.0}), "night shift")
    full.drain()
    log = show("tuning", part="Versions").dataframe[-1].value
    assert log["change"].iloc[0] == "default: CUSUM, h 6 → 7"


def test_applied_detector_survives_a_restart(settings: Settings) -> None:
    clock = ManualClock(START)
    monitor = Monitor(settings, clock)
    values = np.random.default_rng(3).normal(7.0, 0.02, 1300).round(3)
    submit(monitor, values[:1000], 0)
    monitor.tuner.apply(single("cusum", {"h": 6.0}), "day shift")
    submit(monitor, values[1000:1100], 1000)
    monitor.drain()
    monitor.stop()
    monitor = Monitor(settings, clock)
    assert (monitor.detection.in_force.detector, monitor.detection.in_force.params["h"]) == ("cusum", 6.0)
    submit(monitor, values[1100:], 1100)
    monitor.drain()
    stored = monitor.stored.frame(None, 0, FAR)
    assert stored["settings"].tolist() == [1] * 1000 + [2] * 300
    assert stored["n"].tolist() == list(range(1300)), "what was learned goes on"
    again = monitor.tuner.rescore("fermenter_ph", START + 1000 * SECOND, FAR, profile_of("cusum", h=6.0))
    assert np.nanmax(np.abs(again["score"].to_numpy() - stored["score"].to_numpy()[1000:])) < 0.5
    monitor.stop()
    monitor = Monitor(replace(settings, window=30), clock)
    assert monitor.detection.in_force.detector == "cusum", "the environment sets the z-score alone"
    monitor.stop()


@pytest.mark.parametrize("restart", [False, True])
def test_detector_with_a_long_lead_reads_it_from_the_store(settings: Settings, restart: bool) -> None:
    assert longest_lead() > KEPT
    clock = ManualClock(START)
    monitor = Monitor(settings, clock)
    values = np.random.default_rng(3).normal(7.0, 0.02, 4000).round(3)
    submit(monitor, values[:3000], 0)
    monitor.drain()
    submit(monitor, values[3000:3500], 3000)
    monitor.tuner.apply(single("recommended", {}), "day shift")
    if restart:
        monitor.drain()
        monitor.stop()
        monitor = Monitor(settings, clock)
    submit(monitor, values[3500:], 3500)
    monitor.drain()
    stored = monitor.stored.frame(None, 0, FAR).iloc[3500:]
    assert stored["n"].tolist() == list(range(3500, 4000)), "it did not start again with the newest readings"
    whole = monitor.tuner.rescore("fermenter_ph", 0, FAR, profile_of("recommended")).iloc[3500:]
    for name in ("score", "expected", "lower", "upper"):
        assert np.array_equal(whole[name], stored[name], equal_nan=True), name
    monitor.stop()


def test_recall_falls_as_the_threshold_rises(full: Monitor) -> None:
    history = full.tuner.tag_history("fermenter_temp", SINCE, START)
    facts = full.tuner.known(SINCE, START)
    points = curve(history, profile_of("hampel"), "hampel", "threshold", facts)
    assert points["threshold"].is_monotonic_increasing
    assert points["recall"].is_monotonic_decreasing
    at = against_stored(history, profile_of("hampel", threshold=points["threshold"][5]), facts).scores_after
    assert (at.precision, at.recall) == (points["precision"][5], points["recall"][5])


@pytest.mark.parametrize("detector", PER_TAG)
def test_swept_thresholds_are_valid(detector: str) -> None:
    swept = make(detector).sensitivity
    assert (swept is None) == (detector == "limits")
    for parameter in PER_TAG[detector].PARAMETERS:
        if parameter.name == swept:
            assert len(thresholds(parameter)) >= 8
            for value in thresholds(parameter):
                assert getattr(make(detector, **{parameter.name: value}), parameter.name) == value


def test_too_few_known_events_are_not_measurable(
    settings: Settings, monitors: Callable[[Monitor], Monitor]
) -> None:
    monitor = monitors(Monitor(settings, ManualClock(START)))
    values = np.random.default_rng(0).normal(37.0, 0.1, 300).round(2)
    values[200] = 39.0
    rows = [("fermenter_temp", float(v)) for v in values]
    monitor.submit(batch_of(*rows, at=START - 400 * SECOND))
    monitor.drain()
    app = show("tuning")
    words = text(app)
    assert "not measurable" in words
    assert "0 known events in this history; 10 are needed" in words
    assert "not enough data to assess" in words
    app.button(key="suggest").click().run()
    assert "Too few known events" in text(app)
    assert "left out for time" not in text(app), "nothing was searched"


def test_labels_judge_only_what_they_cover(full: Monitor) -> None:
    labels = confirmed(full, "fermenter_temp", 12)
    labels.loc[labels.index[:2], "label"] = "benign"
    faults = full.stored.injected_faults(SINCE, START).iloc[:0]
    history = full.tuner.tag_history("fermenter_temp", SINCE, START)
    known = Known(faults, labels, frozenset())
    scores = against_stored(history, profile_of("zscore"), known).scores_before
    assert (scores.known, scores.detected) == (10, 10)
    assert scores.wrong >= 1
    assert scores.judged < scores.judged + scores.unknown
    starts = set(micros(labels["start"]).tolist())
    assert scores.judged <= len(starts)


def test_empty_history_can_be_read_again(settings: Settings, monitors: Callable[[Monitor], Monitor]) -> None:
    clock = ManualClock(START)
    monitor = monitors(Monitor(settings, clock))
    app = show("tuning")
    assert "No readings of Fermenter temperature here" in text(app)
    monitor.submit(batch_of(*[("fermenter_temp", 37.0 + 0.01 * (i % 7)) for i in range(99)], at=START))
    monitor.drain()
    clock.advance(200)
    next(button for button in app.button if button.label == "Check again").click().run()
    assert "99 readings up to" in text(app)


def test_old_history_is_reachable_and_may_end_at_any_moment(
    settings: Settings, monitors: Callable[[Monitor], Monitor]
) -> None:
    monitor = monitors(Monitor(settings, ManualClock(START)))
    ended = START - 200 * 86_400 * SECOND
    values = [37.0 + 0.01 * (i % 7) for i in range(600)]
    monitor.submit(batch_of(*[("fermenter_temp", value) for value in values], at=ended - 599 * SECOND))
    monitor.drain()
    app = show("tuning")
    assert "Stored readings span 2026-03-05 " in text(app)
    press(app, "Show the newest readings")
    assert "600 readings up to 2026-03-05 " in text(app)
    assert link_of(app)["upto"] == render(ended + SECOND)
    (end,) = app.get("date_time_input")
    end.set_value(end.value.replace(minute=10, second=0))
    press(app, "Show")
    shown = text(app)
    assert re.search(r"(\d+) readings up to 2026-03-05 14:10", shown), shown
    assert "No readings" in text(show("tuning", tune="Fermenter pH"))


def test_cached_history_works_while_the_store_is_away(full: Monitor, monkeypatch: pytest.MonkeyPatch) -> None:
    app = show("tuning")

    def away(*_: object) -> pd.DataFrame:
        raise StoreUnavailable("the database is not open", where="x", hint="Wait")

    monkeypatch.setattr(full.stored, "injected_faults", away)
    for name in ("tag_history", "versions"):
        monkeypatch.setattr(full.tuner, name, away)
    app.slider(key="threshold").set_value(4.0).run()
    assert not app.exception
    assert "With new settings" in text(app)
    app.selectbox(key="tune").set_value("fermenter_ph").run()
    assert not app.exception
    assert "The database cannot be read" in text(app)
    assert app.slider(key="threshold").value == 4.0
    monkeypatch.undo()
    app.slider(key="threshold").set_value(5.0).run()
    assert "With new settings" in text(app)


def test_confirmed_event_counts_at_the_next_run(full: Monitor) -> None:
    app = show("tuning", detector=title("zscore"))
    app.slider(key="threshold").set_value(8.0).run()
    assert not app.warning
    events = full.events.between(["fermenter_temp"], SINCE, START).sort_values("score")
    full.actions.record(events["id"].head(2).tolist(), "label", "day shift", label="true")
    full.drain()
    app.run()
    assert "2 confirmed events would no longer be flagged" in app.warning[0].value


def test_table_values_have_the_decimals_of_their_tag() -> None:
    readings = pd.DataFrame(
        {"id": [1, 2], "time": pd.to_datetime([0, 1], unit="s"), "value": [38.8, 2400.0], "score": [3.1, 4.0]}
    )
    changes = pd.Series(["kept", "lost"], index=[1, 2])
    table = flag_table(changes, readings, readings, Tag("temp", "Temperature", "°C", resolution=0.01))
    assert table["Value, °C"].tolist() == ["2,400.00", "38.80"]


@pytest.mark.usefixtures("full")
def test_figure_and_its_count_do_not_wrap() -> None:
    words = text(show("tuning", tune="Fermenter temperature"))
    assert re.search(r"<small>(<span>[^<]* to [^<]* %</span>, )?<span>n = [\d,]+</span></small>", words)
    assert ".figures small span { white-space: nowrap; }" in words
