"""The Anomalies page: filters and time ranges, counts over time, alarm load, flagged readings."""

from __future__ import annotations

import pandas as pd
import pytest

from sensormon.model.clock import SECOND, ManualClock
from sensormon.model.settings import Settings
from sensormon.monitor.monitor import Monitor
from tests.support.anomalies import FAR, events, table_id
from tests.support.pages import show, text
from tests.support.plant import START, Adopt, batch_of


def test_button_leads_to_events_of_long_ago(settings: Settings, adopt: Adopt) -> None:
    monitor = adopt(Monitor(settings, ManualClock(START)))
    ended = START - 200 * 86_400 * SECOND
    values = [("fermenter_ph", 7 + 0.01 * (i % 3)) for i in range(100)]
    monitor.submit(batch_of(*values, ("fermenter_ph", 8.5), *values, at=ended))
    monitor.drain()
    app = show("anomalies")
    assert "no readings in the last 1 h" in text(app)
    assert "Stored readings span 2026-03-05 14:13:20 to 2026-03-05 14:16:40" in text(app)
    app.button(key="newest-day").click().run()
    assert len(events(app)) == 1
    assert app.query_params["to"] in ("2026-03-05T14:17:00.000Z", ["2026-03-05T14:17:00.000Z"])


def test_filters_narrow_the_list(full: Monitor) -> None:
    ids = [int(event_id) for event_id in full.events.between(None, START - 3600 * SECOND, FAR)["id"][:2]]
    full.actions.record(ids, "acknowledge", "Ana")
    full.actions.record(ids[:1], "label", "Ana", label="false")
    assert len(events(show("anomalies", state="acknowledged"))) == 2
    assert len(events(show("anomalies", label="false"))) == 1
    assert set(events(show("anomalies", severity="high"))["Severity"]) <= {"◆ high"}
    high = events(show("anomalies", score="6.0"))
    assert high["Score"].min() >= 6.0
    assert "No matching events" in text(show("anomalies", state="shelved"))


@pytest.mark.usefixtures("full")
@pytest.mark.parametrize("score", ["abc", "nan", "inf", "-1", "1001", "**6**", "0"])
def test_unusable_score_in_the_url_is_ignored(score: str) -> None:
    app = show("anomalies", score=score)
    labels = [popover.proto.popover.label for popover in app.get("popover")]
    assert "More filters" in labels


@pytest.mark.usefixtures("full")
def test_score_in_the_url_is_shown() -> None:
    app = show("anomalies", score="6.5")
    assert "**score ≥ 6.5**" in [popover.proto.popover.label for popover in app.get("popover")]


def test_bar_filters_the_list_and_can_be_cleared(full: Monitor) -> None:
    every = full.events.between(None, 0, FAR)
    first = every["start"].min().floor("min")
    since = first.tz_localize(None).isoformat() + "Z"
    until = (first + pd.Timedelta(minutes=2)).tz_localize(None).isoformat() + "Z"
    app = show("anomalies", bar=f"{since}/{until}")
    inside = every[every["start"] < first + pd.Timedelta(minutes=2)]
    assert 0 < len(inside) < len(every)
    assert len(events(app)) == len(inside)
    assert f"{len(every)} events" in text(app), "the counts are those of the whole time range"
    app.button(key="stretch-off").click().run()
    assert len(events(app)) == len(every)


def test_button_clears_filters_that_match_nothing(full: Monitor) -> None:
    app = show("anomalies", state="shelved", find="nobody wrote this", score="9.5")
    assert "No matching events" in text(app)
    app.button(key="clear-here").click().run()
    assert len(events(app)) == len(full.events.between(None, 0, FAR))
    assert "find" not in app.query_params


def test_custom_time_range_in_the_viewers_zone(full: Monitor) -> None:
    app = show(
        "anomalies",
        within="between",
        **{"from": "2026-09-21T14:00:00Z", "to": "2026-09-21T14:05:00Z"},
    )
    every = full.events.between(None, 0, FAR)
    start = every["start"].dt.tz_localize(None)
    inside = every[(start >= "2026-09-21 14:00") & (start < "2026-09-21 14:05")]
    assert 0 < len(inside) < len(every)
    assert len(events(app)) == len(inside)
    assert [str(field.value) for field in app.get("date_time_input")] == [
        "2026-09-21 14:00:00",
        "2026-09-21 14:05:00",
    ]
    swapped = show(
        "anomalies",
        within="between",
        **{"from": "2026-09-21T14:05:00Z", "to": "2026-09-21T14:00:00Z"},
    )
    assert len(events(swapped)) == len(inside)
    assert "Start is after end; the two were swapped." in text(swapped)


@pytest.mark.parametrize(
    "wrong",
    [
        {"bar": "x/y"},
        {"asof": "tomorrow"},
        {"event": "-1,x,99999999999999999999999"},
        {"score": "nan"},
        {"within": "between", "from": "never"},
        {"tags": "No such tag"},
        {"list": "x"},
        {"around": "9 h"},
    ],
    ids=str,
)
def test_nonsense_in_the_url_is_ignored(full: Monitor, wrong: dict[str, str]) -> None:
    app = show("anomalies", **wrong)
    assert len(events(app)) == len(full.events.between(None, 0, FAR))


def test_alarm_load_and_top_tags_show_when_opened(full: Monitor) -> None:
    closed = show("anomalies")
    assert "Top tags" not in text(closed)
    app = show("anomalies", load="true")
    words = text(app)
    assert "Alarm load" in words
    assert "Chattering tags" in words
    top = next(frame.value for frame in app.dataframe if "Share" in frame.value)
    assert top["Events"].sum() == len(full.events.between(None, 0, FAR))
    assert top["Share"].sum() == pytest.approx(1)
    assert "Readings begin" in words, "the hour before the first reading is not counted"


def test_flagged_readings_of_the_listed_events_show_when_opened(full: Monitor) -> None:
    app = show("anomalies", points="true", severity="high")
    listed = full.events.between(None, 0, FAR).query("severity == 'high'")
    table = next(frame.value for frame in app.dataframe if "Why" in frame.value)
    assert len(table) == listed["readings"].sum()


def test_top_tags_table_changes_when_tags_change_elsewhere(full: Monitor) -> None:
    app = show("anomalies", load="true")
    every = table_id(app, "Share")
    app.session_state["tags"] = [full.tags.names[0]]
    app.run()
    chosen = table_id(app, "Share")
    assert chosen != every
    app.run()
    assert table_id(app, "Share") == chosen
    next(button for button in app.button if button.key == "clear").click().run()
    assert table_id(app, "Share") not in (every, chosen)


@pytest.mark.usefixtures("full")
@pytest.mark.parametrize(
    ("key", "given", "kept"),
    [
        ("state", "going on, unacknowledged", "going-on"),
        ("state", ["unacknowledged", "shelved"], "unacknowledged,shelved"),
        ("label", "False alarm", "false"),
        ("severity", "high", "high"),
        ("list", "worst first", "worst"),
    ],
)
def test_words_of_older_links_become_codes(key: str, given: str | list[str], kept: str) -> None:
    app = show("anomalies", **{key: given})
    value = app.query_params[key]
    assert (value if isinstance(value, str) else ",".join(value)) == kept
    assert "cannot be chosen here" not in text(app)


@pytest.mark.parametrize(
    ("key", "what"),
    [
        ("state", "a state"),
        ("severity", "a severity"),
        ("label", "a label"),
        ("spoke", "a detector"),
        ("under", "a profile"),
        ("list", "an order"),
    ],
)
def test_unknown_filter_of_a_link_is_named(full: Monitor, key: str, what: str) -> None:
    app = show("anomalies", **{key: "Severe [x](y)"})
    assert f"The link names {what} that cannot be chosen here: Severe" in text(app)
    assert len(events(app)) == len(full.events.between(None, 0, FAR))
    assert not app.exception
