"""What feeds the Live board: every reading once, with its reasons, with or without the store."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from sensormon.api import Api
from sensormon.model.clock import SECOND, ManualClock
from sensormon.model.readings import Batch, Quality, Reading
from sensormon.model.settings import Settings
from sensormon.model.tags import TagTable
from sensormon.model.timestamps import micros
from sensormon.monitor.monitor import Monitor
from sensormon.monitor.runtime import page_key
from sensormon.stores.duckdb_readings import DuckDBReadings
from sensormon.stores.recent import RecentReadings
from sensormon.view.explanation import Scales
from sensormon.view.live_cards import newest, places_by_tag
from sensormon.view.live_drawing import drawing, tag_facts
from sensormon.view.live_feed import SPANS, LiveFeed
from sensormon.view.live_strip import LiveStrip
from sensormon.view.palette import LIGHT
from sensormon.view.tag_models import fit_frame
from sensormon.view.time_charts import live_chart
from tests.support.api import get
from tests.support.plant import START, Make, batch_of
from tests.support.states import states_of, with_states

NAMES = ["fermenter_temp", "fermenter_ph", "agitator_rpm"]


def feed_ph(m: Monitor, values: list[float], first: int, seconds: float = 1.0) -> None:
    """Submit these values of the pH, one batch each, `seconds` apart, from `first` s after START on."""
    for i, value in enumerate(values):
        at = START + round((first + i * seconds) * SECOND)
        m.clock.advance((at - m.clock.now()) / SECOND)
        m.submit(batch_of(("fermenter_ph", value), at=at))


def test_whole_answer_holds_the_readings_of_the_span(make: Make) -> None:
    m = make(source="simulator")
    m.source.backfill()
    answer = LiveFeed(m).board(NAMES, 600)
    frame = m.readings.recent(START - 600 * SECOND, ["fermenter_ph"])
    ph = answer["tags"]["fermenter_ph"]
    assert answer["whole"]
    assert ph["x"] == (micros(frame["time"]) / 1e3).tolist()
    assert ph["y"] == frame["value"].tolist()
    assert [k & 1 for k in ph["k"]] == frame["is_anomaly"].astype(int).tolist()
    assert len(ph["why"]) == int(frame["is_anomaly"].sum())
    assert ph["head"]["value"].endswith("pH")
    assert "fermenter_temp" in answer["tags"]


@hypothesis_settings(max_examples=20, deadline=None)
@given(sizes=st.lists(st.integers(0, 5), min_size=1, max_size=6))
def test_successive_answers_hold_every_reading_once(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int]
) -> None:
    settings = Settings(data_dir=tmp_path_factory.mktemp("feed") / "data", source="none")
    m = Monitor(settings, ManualClock(START))
    try:
        feed = LiveFeed(m)
        feed_ph(m, [7.0, 7.1, 7.2], 0)
        answer = feed.board(NAMES, 600)
        sent, at = list(answer["tags"]["fermenter_ph"]["x"]), 3
        for size in sizes:
            feed_ph(m, [7.0 + i / 100 for i in range(size)], at)
            at += size
            answer = feed.board(NAMES, 600, after=answer["after"])
            assert not answer["whole"]
            sent += answer["tags"].get("fermenter_ph", {}).get("x", [])
        assert sent == [(START + i * SECOND) / 1e3 for i in range(at)]
    finally:
        m.stop()


def test_gap_cuts_the_line_in_whole_and_later_answers(make: Make) -> None:
    m = make()
    feed = LiveFeed(m)
    feed_ph(m, [7.0] * 30, 0)
    feed_ph(m, [7.0] * 10, 60)
    whole = feed.board(NAMES, 600)["tags"]["fermenter_ph"]
    edges = [(START + 29 * SECOND) / 1e3, (START + 60 * SECOND) / 1e3]
    assert edges in whole["gaps"]
    assert [whole["x"][i] for i in whole["cut"]] == [edges[1]]
    assert (whole["interval"], whole["gap"], whole["stale"]) == (1000, 3000, 5000)
    after = feed.board(NAMES, 600)["after"]
    feed_ph(m, [7.0, 7.0], 90)
    later = feed.board(NAMES, 600, after=after)["tags"]["fermenter_ph"]
    assert later["x"] == [(START + at * SECOND) / 1e3 for at in (90, 91)]
    assert [(START + 69 * SECOND) / 1e3, (START + 90 * SECOND) / 1e3] in later["gaps"]


def test_the_age_on_a_card_counts_from_arrival(make: Make) -> None:
    m = make()
    feed_ph(m, [7.0, 7.1], 0)
    m.submit(replace(batch_of(("fermenter_ph", 8.0), at=START + 300 * SECOND), received=START + 2 * SECOND))
    head = LiveFeed(m).board(NAMES, 600)["tags"]["fermenter_ph"]["head"]
    assert (head["value"], head["arrived"]) == ("8.00 pH", (START + 2 * SECOND) / 1e3)
    feed_ph(m, [7.2], 3)
    head = LiveFeed(m).board(NAMES, 600)["tags"]["fermenter_ph"]["head"]
    assert head["value"] == "7.20 pH", "a clock that is ahead hides no later reading"
    assert head["arrived"] == head["time"] == (START + 3 * SECOND) / 1e3


def waiting_for_the_on_delay(make: Make) -> Monitor:
    """The pH has been too high for 2 s of the 60 s after which it is flagged."""
    m = make()
    now = m.detection.in_force
    slow = now.in_use.with_profile(replace(now.in_use.default, on_delay=60.0))
    m.tuner.apply(slow, "Ana", "", now.id)
    feed_ph(m, [7.0 + i % 2 / 50 for i in range(60)], 0)
    feed_ph(m, [8.5, 8.8, 8.95], 60)
    return m


def test_within_the_on_delay_a_card_says_how_much_of_it_is_over(make: Make) -> None:
    m = waiting_for_the_on_delay(make)
    head = LiveFeed(m).board(NAMES, 600)["tags"]["fermenter_ph"]["head"]
    assert head["verdict"].startswith("above expected for 2 s of 60 s, z ")
    assert not head["abnormal"]
    feed_ph(m, [7.0], 63)
    assert LiveFeed(m).board(NAMES, 600)["tags"]["fermenter_ph"]["head"]["verdict"].startswith("z ")


def test_on_delay_that_began_before_the_readings_at_hand_is_looked_up(make: Make) -> None:
    m = waiting_for_the_on_delay(make)
    whole = m.readings.recent(START, ["fermenter_ph"])
    short = whole.iloc[-2:].reset_index(drop=True)
    at, judges = places_by_tag(short), m.detection.readable()
    alone = newest(short, at, m.clock.now(), judges)["fermenter_ph"].phrase.text
    assert "for at least 1 s of 60 s" in alone
    asked = newest(short, at, m.clock.now(), judges, lambda name, since: m.readings.recent(since, [name]))
    assert " for 2 s of 60 s" in asked["fermenter_ph"].phrase.text


def test_answer_holds_quality_rejections_and_reasons(make: Make) -> None:
    m = make()
    feed_ph(m, [7.0 + i % 2 / 50 for i in range(60)], 0)
    m.clock.advance(3)
    rows = [
        Reading("fermenter_ph", START + 60 * SECOND, 7.0, Quality.UNCERTAIN),
        Reading("fermenter_ph", START + 61 * SECOND, 7.0, Quality.BAD),
        Reading("fermenter_ph", START + 62 * SECOND, 8.9),
        Reading("fermenter_ph", START + 62 * SECOND, 99.0),
    ]
    m.submit(Batch.of(rows, source="test", received=START + 62 * SECOND))
    answer = LiveFeed(m).board(NAMES, 600)
    ph = answer["tags"]["fermenter_ph"]
    assert [kind & 7 for kind in ph["k"][-3:]] == [2, 4, 1]
    assert ph["why"] == [", above 3.0"]
    assert ph["scores"][ph["s"][-1]] == "z"
    assert ph["head"]["abnormal"]
    assert "above expected, z" in ph["head"]["verdict"]
    assert answer["rejected"] == {
        "fermenter_ph": [[(START + 62 * SECOND) / 1e3, "99.0 outside the valid range"]]
    }
    assert answer["tags"]["fermenter_temp"]["x"] == []


def test_events_are_sent_only_when_they_change(make: Make) -> None:
    m = make()
    feed_ph(m, [7.0 + i % 2 / 50 for i in range(60)] + [8.5], 0)
    m.drain()
    feed = LiveFeed(m)
    answer = feed.board(NAMES, 600)
    last = answer["events"]["last"]
    assert answer["events"]["spans"]["fermenter_ph"] == [[(START + 60 * SECOND) / 1e3] * 2]
    assert last["text"].startswith("Fermenter pH: 8.50 pH, expected 7.01 ± ")
    assert last["state"] == "unacknowledged"
    same = feed.board(NAMES, 600, after=answer["after"], known_events=answer["events"]["version"])
    assert "events" not in same
    m.actions.record([last["id"]], "acknowledge", "day shift")
    m.drain()
    changed = feed.board(NAMES, 600, after=answer["after"], known_events=answer["events"]["version"])
    assert changed["events"]["last"]["state"] == "acknowledged"


def test_past_moment_shows_only_earlier_readings(make: Make) -> None:
    m = make()
    feed_ph(m, [7.0] * 100, 0)
    ph = LiveFeed(m).board(NAMES, 30, until=START + 50 * SECOND)["tags"]["fermenter_ph"]
    assert ph["x"] == [(START + i * SECOND) / 1e3 for i in range(20, 51)]


def test_past_moment_reads_no_later_readings(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    m = make()
    m.submit(batch_of(*[("fermenter_ph", 7.0)] * 3_000, at=START))
    m.clock.advance(3_000)
    m.drain()
    nothing = RecentReadings()  # as after a restart
    monkeypatch.setattr(m, "newest", nothing)
    monkeypatch.setattr(m.readings, "_newest", nothing)
    read: list[int] = []
    readings = DuckDBReadings.frame

    def counted(*args: Any, **more: Any) -> Any:
        frame = readings(*args, **more)
        read.append(len(frame))
        return frame

    monkeypatch.setattr(DuckDBReadings, "frame", counted)
    ph = LiveFeed(m).board(["fermenter_ph"], 30, until=START + 100 * SECOND)["tags"]["fermenter_ph"]
    assert ph["x"] == [(START + i * SECOND) / 1e3 for i in range(70, 101)]
    assert read == [31]


def test_events_version_fits_a_url_despite_long_labels(make: Make) -> None:
    m = make()
    m.running_tags.retag(TagTable(replace(tag, label="pH " * 100) for tag in m.tags))
    feed_ph(m, [7.0 + i % 2 / 50 for i in range(60)] + [8.5], 0)
    m.drain()
    api = Api(lambda: m)
    path = "/live/board?tag=fermenter_ph&span=900"
    first = get(api, path).json()
    assert "pH pH" in first["events"]["last"]["text"]
    later = get(api, f"{path}&after={first['after']}&events={first['events']['version']}")
    assert later.status_code == 200
    assert "events" not in later.json()


def test_cache_of_spans_is_bounded(make: Make) -> None:
    m = make()
    feed_ph(m, [7.0] * 10, 0)
    feed = LiveFeed(m)
    for span in range(10, 110):
        feed.board(NAMES, span)
    assert len(feed._shared.names()) == SPANS
    assert len(feed._shared._locks) <= SPANS
    assert "events 109" in feed._shared.names(), "the newest stay"


def test_feed_uses_memory_while_the_store_is_away(make: Make, settings: Settings) -> None:
    Path(settings.store_url).mkdir(parents=True)
    m = make()
    feed_ph(m, [7.0 + i % 2 / 50 for i in range(60)] + [8.5], 0)
    feed = LiveFeed(m)
    answer = feed.board(NAMES, 600)
    assert len(answer["tags"]["fermenter_ph"]["x"]) == 61
    assert "events" not in answer, "the board keeps those it has"
    (row,) = [row for row in LiveStrip(m).answer(600)["rows"] if row["name"] == "fermenter_ph"]
    assert (row["count"], row["seen"]) == (1, 61)


def test_unknown_past_is_no_gap_until_the_store_is_back(make: Make, settings: Settings) -> None:
    away = Path(settings.store_url)
    away.mkdir(parents=True)
    m = make()
    feed_ph(m, [7.0 + i % 2 / 50 for i in range(60)], 0)
    feed = LiveFeed(m)

    def coverage() -> tuple[bool, int, int]:
        answer = feed.board(NAMES, 600)
        (row,) = [row for row in LiveStrip(m).answer(600)["rows"] if row["name"] == "fermenter_ph"]
        return (
            answer["complete"],
            len(answer["tags"]["fermenter_ph"]["gaps"]),
            sum(end - first for first, end in row["empty"]),
        )

    assert coverage() == (False, 0, 0)
    away.rmdir()
    cast(ManualClock, m.clock).advance(60.0)  # the next attempt
    m.drain()
    complete, gaps, empty = coverage()
    assert complete
    assert gaps == 1
    assert empty > 50


def test_feed_is_as_protected_as_the_page(make: Make) -> None:
    m = make(source="simulator", read_token="readers")
    m.source.backfill()
    api = Api(lambda: m)
    path = "/live/board?tag=fermenter_ph&span=900"
    assert get(api, path).status_code == 401
    assert get(api, path, **{"X-Sensormon-Page": "guessed"}).status_code == 401
    assert get(api, path, Authorization="Bearer readers").status_code == 200
    page = {"X-Sensormon-Page": page_key()}
    answer = get(api, path, **page)
    assert answer.headers["content-encoding"] == "gzip", "a whole span is sent compressed"
    assert len(answer.json()["tags"]["fermenter_ph"]["x"]) == 900
    assert get(api, "/live/strip?span=900", **page).json()["parts"] == 91
    assert get(api, "/live/now").status_code == 401
    assert get(api, "/live/now", **page).json()["names"] == NAMES
    for wrong in ("span=5", "span=999999", "span=900&until=-1", "span=900&after=x"):
        assert get(api, f"/live/board?tag=x&{wrong}", **page).status_code == 400
    unknown = get(api, "/live/board?tag=%00nope&span=900", **page)
    assert (unknown.status_code, unknown.json()["tags"]) == (200, {})


def test_the_board_draws_readings_as_the_other_charts_do(make: Make) -> None:
    m = make()
    feed_ph(m, [7.0 + i % 2 / 50 for i in range(60)] + [8.5], 0)
    tag, now = m.tags["fermenter_ph"], m.clock.now()
    answer = LiveFeed(m).board(["fermenter_ph"], 600)["tags"]["fermenter_ph"]
    band, gap, gap_words, line, uncertain, bad, flagged = live_chart(
        m.readings.recent(0), tag, (now - 600 * SECOND, now), LIGHT, scales=Scales(m.detection.by_id())
    ).data
    styles = drawing(LIGHT, 220)["traces"]
    chart = {
        "band": band,
        "gap": gap,
        "gap_words": gap_words,
        "line": line,
        "uncertain": uncertain,
        "bad": bad,
        "flagged": flagged,
    }
    for name, trace in chart.items():
        assert {key: trace[key] for key in styles[name]} == styles[name]
    hover = tag_facts(m.tags, tag, LIGHT, False)["hover"]
    hover = {kind: text.replace("{clock}", answer["clock"]) for kind, text in hover.items()}
    judged = {hover["judged"].replace("{score}", name) for name in answer["scores"]}
    assert set(line["hovertemplate"]) <= {*judged, hover["unjudged"]}
    assert bad["hovertemplate"] == hover["bad"]


def test_score_that_expects_no_value_is_shown_on_hover(make: Make) -> None:
    tag = make().tags["fermenter_ph"]
    frame = fit_frame(START + SECOND * np.arange(3), np.array([0.5, 2.0, 0.7]), tag)
    figure = live_chart(frame, tag, (START, START + 3 * SECOND), LIGHT)
    hovers = {str(trace.get("hovertemplate")) for trace in figure.data if "customdata" in trace}
    assert [hover for hover in hovers if "score %{customdata[2]:.1f}" in hover and "expected" not in hover]
    assert not [hover for hover in hovers if hover.endswith("  not judged<extra></extra>")]


def test_a_card_of_states_gets_words_and_keeps_every_change(
    settings: Settings, tmp_path: Path, clock: ManualClock
) -> None:
    m = Monitor(with_states(settings, tmp_path), clock)
    feed = LiveFeed(m)
    values: list[tuple[str, float | str]] = [
        ("valve", "open" if 2_500 < i < 2_504 else "closed") for i in range(5_000)
    ]
    clock.advance(5_000)
    m.submit(states_of(*values))
    m.submit(states_of(("product", "B"), ("product", "A <b>"), at=START + 4_000 * SECOND))
    m.submit(states_of(("valve", "open"), at=START + 5_000 * SECOND, quality=Quality.BAD))
    answer = feed.board(["valve", "product", "temp"], 6_000)
    valve = answer["tags"]["valve"]
    assert valve["words"] == [[0.0, "closed", 0], [1.0, "open", 1]]
    assert valve["head"]["value"] == "open"
    assert valve["head"]["verdict"] == "bad quality, not judged"
    assert valve["head"]["abnormal"] is False
    drawn = dict(zip(valve["x"], valve["y"], strict=True))
    assert len(drawn) < 4_000
    assert [drawn[(START + i * SECOND) / 1e3] for i in (2_500, 2_501, 2_503, 2_504)] == [0, 1, 1, 0]
    assert valve["k"][-1] == 4
    product = answer["tags"]["product"]
    assert product["head"]["value"] == "A <b>"
    assert product["head"]["verdict"] == ""
    assert product["words"] == [[0.0, "B", 0], [1.0, "A <b>", 1]]
    assert "words" not in answer["tags"]["temp"]
    clock.advance(2)
    m.submit(states_of(("product", "C"), at=START + 5_001 * SECOND))
    news = feed.board(["valve", "product"], 6_000, after=answer["after"])["tags"]["product"]
    assert [2.0, "C", 2] in news["words"]
    m.stop()


def test_viewers_with_the_same_readings_share_an_answer_and_miss_none(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    m = make()
    feed_ph(m, [7.0, 7.1], 0)
    api, page = Api(lambda: m), {"X-Sensormon-Page": page_key()}
    path = "/live/board?tag=fermenter_ph&span=900"
    known = get(api, path, **page).json()["after"]
    times, board = [], LiveFeed.board

    def counted(feed: LiveFeed, *given: Any, **named: Any) -> Any:
        times.append(named["after"])
        return board(feed, *given, **named)

    monkeypatch.setattr(LiveFeed, "board", counted)
    feed_ph(m, [7.2], 2)
    first = get(api, f"{path}&after={known}", **page)
    m.clock.advance(0.2)
    second = get(api, f"{path}&after={known}", **page)
    assert first.json()["tags"]["fermenter_ph"]["y"] == [7.2]
    assert (first.json(), times) == (second.json(), [known])
    sent = [float(answer.headers["X-Sensormon-Now"]) for answer in (first, second)]
    assert sent[1] - sent[0] == 200, "a shared answer says when it was sent"
    m.submit(batch_of(("fermenter_ph", 7.3), at=m.clock.now()))
    m.clock.advance(0.1)
    later = get(api, f"{path}&after={second.json()['after']}", **page)
    assert later.json()["tags"]["fermenter_ph"]["y"] == [7.3]


def test_viewers_soon_know_the_same_readings_however_fast_these_arrive(make: Make) -> None:
    m = make()
    feed_ph(m, [7.0], 0)
    api, page = Api(lambda: m), {"X-Sensormon-Page": page_key()}
    path = "/live/board?tag=fermenter_ph&span=900"
    after = [get(api, path, **page).json()["after"]]
    feed_ph(m, [7.1], 1)
    after.append(get(api, path, **page).json()["after"])
    assert after[0] != after[1]
    y: list[list[float]] = [[], []]
    for moment in range(4):  # they ask at different moments, and a reading arrives before each question
        for viewer in range(2):
            m.submit(batch_of(("fermenter_ph", 7.2 + (2 * moment + viewer) / 10), at=m.clock.now()))
            m.clock.advance(0.02)
            answer = get(api, f"{path}&after={after[viewer]}", **page).json()
            after[viewer] = answer["after"]
            y[viewer] += answer["tags"]["fermenter_ph"].get("y", [])
        assert after[0] == after[1]
        m.clock.advance(0.3)
    assert y[1] == [7.2, 7.3, 7.4, 7.5, 7.6, 7.7, 7.8], "each has every reading once"
    assert y[0] == [7.1, *y[1]]
