"""Every page in every state: empty, full, store unavailable, collector dead."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from sensormon.analysis.what_if import flagged_times
from sensormon.model.clock import SECOND, ManualClock
from sensormon.model.profiles import default_profiles
from sensormon.model.settings import Settings
from sensormon.model.tags import Tag, TagTable
from sensormon.monitor.drills import DRILLS, Proof, Run
from sensormon.monitor.monitor import Monitor
from tests.support.pages import PAGES, figures, show, text
from tests.support.plant import START, Adopt, batch_of


@pytest.mark.parametrize("page", PAGES)
def test_empty_monitor_says_what_to_do(settings: Settings, adopt: Adopt, page: str) -> None:
    adopt(Monitor(settings, ManualClock(START)))
    app = show(page)
    assert figures(app) == 0
    words = text(app).lower()
    assert {"live": "no readings yet", "anomalies": "no anomalies here", "explore": "no readings yet"}.get(
        page, ""
    ) in words
    assert "traceback" not in words


def test_pipeline_shows_the_journal_and_its_state(full: Monitor) -> None:
    app = show("pipeline")
    assert figures(app) == 2
    assert "Healthy: readings go from the journal into the database" in text(app)
    assert "Break it" not in text(app)
    assert full.drills is None


def test_dead_letters_are_reported_and_retried_by_a_button(full: Monitor) -> None:
    letters = full.settings.data_dir / "failed_measurements.jsonl"
    row = {
        "id": 9_000_000,
        "source": "simulator",
        "tag": "fermenter_ph",
        "timestamp": "2026-01-01T00:00:00Z",
        "value": 7.0,
        "quality": 0,
        "received": "2026-01-01T00:00:00Z",
        "origin": "live",
        "settings": 1,
        "n": 0,
        "score": None,
        "expected": None,
        "lower": None,
        "upper": None,
        "is_anomaly": False,
        "reason": "r",
        "attempts": 1,
        "first_failed": "x",
        "last_failed": "x",
    }
    letters.write_text(json.dumps(row) + "\nnot json\n")
    app = show("pipeline")
    assert "1 reading in failed_measurements.jsonl that the database refused" in text(app)
    assert "1 line there cannot be read" in text(app)
    app.button(key="retry-dead-letters").click().run()
    full.drain()  # stores the record of the audit trail
    full.drain()  # everything journaled before is stored, so they are retried
    assert not letters.exists()
    assert full.stored.frame(["fermenter_ph"], 0, START)["id"].max() == 9_000_000
    words = text(show("pipeline"))
    assert "that the database refused" not in words
    assert "1 line there cannot be read" in words, "a damaged line stays reported until a person removes it"


@pytest.mark.parametrize("count", [3, 300])
def test_pipeline_lists_tags_by_when_they_last_reported(
    settings: Settings, adopt: Adopt, clock: ManualClock, count: int
) -> None:
    monitor = adopt(Monitor(settings, clock))
    tags = TagTable([Tag(f"tag{i}", f"Tag {i}") for i in range(count)])
    monitor.running_tags.retag(tags)
    monitor.submit(batch_of(("tag1", 1.0), source="http"))
    clock.advance(325)
    monitor.submit(batch_of(("tag2", 1.0), source="http", at=clock.now()))
    app = show("pipeline")
    assert f"{count} tags · 1 silent · {count - 2} without live data yet" in text(app)
    table = next(frame.value for frame in app.dataframe if "Clock ahead, s" in frame.value)
    assert len(table) == count
    assert table.iloc[:3]["State"].tolist() == ["silent", "reporting", "no live data yet"]
    assert table.iloc[0][["Tag", "Source", "Age, s"]].tolist() == ["Tag 1", "http", 325.0]
    assert "Tag 1 has been silent for 5 min" in text(app)
    ledger = next(frame.value for frame in app.dataframe if "Dead-lettered" in frame.value)
    assert ledger["Age, s"].tolist() == [0.0]


def test_drills_show_in_demo_mode(settings: Settings, adopt: Adopt) -> None:
    monitor = adopt(Monitor(replace(settings, demo=True), ManualClock(START)))
    app = show("pipeline")
    assert "Break it, and watch it come back" in text(app)
    titles = [button.label for button in app.button]
    assert {"Database down for 20 s", "Kill the loader", "Corrupt the database"} <= set(titles)
    drills = monitor.drills
    assert drills is not None
    run = Run(DRILLS["kill_loader"], START, [(START, "the loader thread was killed")])
    run.proof = Proof(30, 29, 1, 0, 0, 1, 2.0)
    drills.runs.append(run)
    words = text(show("pipeline"))
    assert "The proof fails" in words
    assert "30 readings acknowledged meanwhile, 29 of them stored, 1 twice; ledger difference 1" in words


def test_anomalies_lists_the_filtered_flagged_readings(full: Monitor) -> None:
    app = show("anomalies", points="true")
    shown = flagged(app)
    assert len(shown) == len(full.stored.anomalies(None, START - 3600 * SECOND, START + SECOND))
    assert {"Time", "Tag", "Value", "Expected", "Score", "Why"} <= set(shown.columns)
    assert all("above" in why or "below" in why for why in shown["Why"])
    app.number_input[0].set_value(6.0).run()
    fewer = flagged(app)
    assert 0 < len(fewer) < len(shown)


def flagged(app: AppTest) -> pd.DataFrame:
    """The table of flagged readings."""
    return next(frame.value for frame in app.dataframe if "Why" in frame.value)


def test_tuning_rescores_with_the_sliders(full: Monitor) -> None:
    app = show("tuning")
    window, threshold, *_ = app.slider
    assert (window.value, threshold.value) == (50, 3.0)
    same = text(app)
    threshold.set_value(5.0).run()
    assert not app.exception
    stored = full.stored.frame(["fermenter_temp"], START - 900 * SECOND, START)
    profile = default_profiles(50, 5.0).default
    rescored = full.tuner.rescore("fermenter_temp", START - 900 * SECOND, START, profile)
    assert int(rescored["is_anomaly"].sum()) < int(stored["is_anomaly"].sum())
    for sentence, frame in (("Current:", stored), ("With new settings:", rescored)):
        times = flagged_times(frame)
        events = 1 + int((np.diff(times) > 10 * SECOND).sum())
        assert f"{sentence} {events} events" in text(app)
    assert text(app) != same
    assert dict(full.detection.in_force.params) == {"window": 50, "threshold": 3.0}, (
        "moving a slider applied it"
    )


def test_counts_by_reason_are_formatted_like_the_ledger(full: Monitor) -> None:
    full.submit(batch_of(("fermenter_ph", 99.0)))
    full.drain()
    app = show("pipeline")
    (table,) = [frame for frame in app.dataframe if "Rejected because" in frame.value.columns]
    assert json.loads(table.proto.columns)["Readings"]["type_config"]["format"] == "localized"
    equation = next(block.proto.body for block in app.get("html") if 'class="sum"' in block.proto.body)
    assert equation.count('<span class="signed"><span class="sign">') == 5, "a sign stands with its term"


def test_pipeline_shows_the_ledger_and_starts_a_simulated_fault(full: Monitor) -> None:
    app = show("pipeline")
    assert f"{full.ledger.now().total.received:,}" in text(app)
    assert full.source.simulator is not None
    assert full.source.simulator.active(START + SECOND) == ()
    app.button(key="fault-start").click().run()
    (fault,) = full.source.simulator.active(START + SECOND)
    assert fault.fault == "level_shift"


def test_event_rate_covers_the_time_with_readings(full: Monitor) -> None:
    count = len(full.events.between(None, START - 3_600 * SECOND, START))
    words = f"{count:,} events in the last hour ({count / 1.5:,.1f} events per 10 min)"
    assert words in text(show("pipeline"))


@pytest.mark.parametrize("page", PAGES)
def test_every_page_reports_an_unavailable_store(settings: Settings, adopt: Adopt, page: str) -> None:
    Path(settings.store_url).mkdir(parents=True)  # a folder where the file should be cannot be opened
    monitor = adopt(Monitor(settings, ManualClock(START)))
    for i in range(60):
        monitor.submit(batch_of(("fermenter_ph", 7.0 + 0.01 * (i % 5)), at=START - (60 - i) * SECOND))
    monitor.drain()
    words = text(show(page))
    assert "60 readings" in words
    assert "journal" in words


@pytest.mark.parametrize("page", PAGES)
def test_dead_collector_is_reported_on_every_page(
    full: Monitor, page: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        full.workers.collecting, "failure", "The collector stopped: OSError: boom. It is started again in 1 s"
    )
    assert "The collector stopped" in text(show(page))


@pytest.mark.usefixtures("full")
@pytest.mark.parametrize("page", PAGES)
def test_nonsense_in_the_url_is_ignored(page: str) -> None:
    nonsense = {
        "range": "9 y",
        "within": "<script>",
        "tags": "nope",
        "tune": "'; DROP",
        "window": "-5",
        "threshold": "abc",
        "score": "1e99",
        "history": "",
        "tag": "\x00",
        "explore": "x",
        "past": "9 y",
        "from": "soon",
        "to": "\x00",
        "baseline": "a/b/c",
        "earlier": "<b>",
        "offset": "1 y",
        "look": "?",
        "layout": "3",
        "axes": "-",
    }
    show(page, **nonsense)
