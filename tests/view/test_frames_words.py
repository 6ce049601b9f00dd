"""Event frames in words: rules, results, the live frame; and as a file."""

from __future__ import annotations

import math
from datetime import UTC

import numpy as np
import pytest

from sensormon.analysis.envelope import STEPS, Leaving, Spread, envelope
from sensormon.analysis.event_frames import Course, Frame, Frames, Outcome
from sensormon.analysis.frame_figures import Figures
from sensormon.analysis.frame_rules import CHANGES, FrameRule, Trigger
from sensormon.model.clock import HOUR, MINUTE, SECOND
from sensormon.model.tags import Tag, TagTable
from sensormon.monitor.frame_reader import Conditions
from sensormon.view.frames_chart import LIVE, FrameLine, overlay_chart
from sensormon.view.frames_table import frame_file, frame_table
from sensormon.view.frames_words import beside_words, ended_words, found_words, live_words, rule_words
from sensormon.view.palette import LIGHT
from tests.support.plant import START

TEMP = Tag("temp", "Temperature", "°C", resolution=0.1)
TAGS = TagTable([TEMP, Tag("step", "Step", states=("idle", "CIP"))])
HOT = Trigger("temp", ">", 80.0, hysteresis=2.0)


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (FrameRule(HOT), "Temperature rises above 80 °C, and ends when it is at 78 °C or below."),
        (FrameRule(Trigger("temp", "<=", 5.0, hold=90.0)), "falls to 5 °C for at least 90 s"),
        (FrameRule(HOT, Trigger("temp", "<", 30.0)), "and ends when Temperature falls below 30 °C."),
        (FrameRule(Trigger("step", "=", word="CIP")), "Step becomes CIP, and ends when it is another state."),
        (FrameRule(Trigger("step", "!=", word="idle")), "is no longer idle, and ends when it is idle again."),
        (FrameRule(Trigger("temp", "=", 5.0)), "becomes 5 °C, and ends when it is no longer 5 °C."),
        (FrameRule(Trigger("temp", "=", 5.0, hysteresis=0.5)), "is more than 0.5 °C away from 5 °C."),
        (FrameRule(Trigger("temp", "!=", 5.0)), "is no longer 5 °C, and ends when it is 5 °C again."),
        (FrameRule(Trigger("step", CHANGES)), "Step changes, and ends when it changes again."),
        (FrameRule(HOT, lasting=7_200.0), "and ends 2 h later."),
        (FrameRule(HOT, shortest=60.0, longest=7_200.0), "Only frames of 60 s to 2 h count."),
    ],
)
def test_a_rule_says_what_it_will_find(rule: FrameRule, words: str) -> None:
    assert words in rule_words(rule, TAGS)


def test_what_was_found_and_what_was_not_is_said() -> None:
    frames = Frames(
        (
            Frame(0, 40 * MINUTE),
            Frame(HOUR, HOUR + 44 * MINUTE),
            Frame(3 * HOUR, 4 * HOUR, Outcome.GAP, start_seen=False),
        ),
        too_short=2,
        too_long=1,
    )
    assert found_words(frames) == "Found 3 in view, median 42 min"
    none = np.zeros(0, dtype=np.int64)
    read = Conditions({"temp": Course(none, none.astype(np.float64), 1)}, {}, 120 * SECOND, 5)
    said = beside_words(frames, read, 0, UTC)
    assert "Left out: 2 shorter and 1 longer." in said
    assert "1 frame with a gap in the data. 1 frame whose start was not seen." in said
    assert "exact to 2 min" in said
    assert "only one-minute roll-ups" in said
    assert ended_words(frames.frames[2]) == "data gap, start not seen"
    assert ended_words(Frame(0, HOUR, missing=90 * SECOND)) == "complete, 1 min 30 s missing"


def test_the_live_frame_is_told_where_it_left() -> None:
    live = Frame(START, START + 15 * MINUTE, Outcome.OPEN)

    def said(went: Leaving) -> tuple[str, bool]:
        return live_words(live, {"temp": went}, TAGS, 2_400.0, UTC, by_share=False, now=START)

    below, left = said(Leaving(0.2, 36, "below", 36, "below"))
    assert "; Temperature has been below the envelope since minute 12 (" in below
    assert left
    assert "was above the envelope at minute 4 (" in said(Leaving(0.1, 12, "above"))[0]
    twice = said(Leaving(0.1, 12, "above", last=24))[0]
    assert "first left the envelope at minute 4 (" in twice
    assert "last at minute 8 (" in twice
    assert said(Leaving(0.0))[0].endswith("all inside the envelope so far.")
    assert "no envelope to compare it with" in said(Leaving(math.nan))[0]


def test_rows_and_file_have_the_figures_of_each_tag() -> None:
    frames = (Frame(START, START + MINUTE), Frame(START + HOUR, START + HOUR + MINUTE, Outcome.OPEN))
    known = {"temp": Figures(np.array([1.0, np.nan]), np.array([2.0, np.nan]), np.array([3.0, np.nan]))}
    goes = [{"temp": Leaving(0.25, 60, "above")}, {}]
    table = frame_table(frames, known, goes, TAGS, 2_400.0, by_share=False)
    assert table["Temperature, mean"].tolist() == ["2.0 °C", "–"]
    assert table["First left"].tolist() == ["minute 20, Temperature above", ""]
    file = frame_file(frames, known, goes, TAGS)
    assert file["temp max (°C)"].iloc[0] == 3.0
    assert file["temp outside (%)"].iloc[0] == 25.0
    assert file["ended"].tolist() == ["closed", "open"]
    assert file["seconds"].tolist() == [60.0, 60.0]


def test_the_live_frame_is_drawn_in_front_with_its_steps_outside_marked() -> None:
    golden = envelope([np.full(STEPS, 80.0 + number) for number in range(3)], Spread(k=1.0))
    low = np.where(np.arange(STEPS) < 50, 81.0, 70.0)
    low[90:] = np.nan
    lines = [FrameLine("1", "<b>", {"temp": np.full(STEPS, 81.0)}), FrameLine(LIVE, "now", {"temp": low})]
    figure = overlay_chart(lines, [TEMP], {"temp": golden}, LIGHT, 2_400.0, by_share=False)
    (marks,) = [trace for trace in figure.data if trace.mode == "markers"]
    assert len(marks.x) == 40
    assert figure.layout.xaxis.title.text == "min since the start"
    assert "&lt;b&gt;" in figure.data[3].hovertemplate
    assert figure.data[-1] is marks or figure.data[-1].mode == "markers"
