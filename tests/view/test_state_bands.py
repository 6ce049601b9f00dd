"""States as coloured bands: legible in both themes, named, and marked if they are not good."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest

from sensormon.analysis.downsample import Overview, whole
from sensormon.analysis.state_course import Stretch
from sensormon.model.clock import SECOND
from sensormon.model.tags import Tag
from sensormon.view.explore_chart import (
    Arrangement,
    Series,
    band_series,
    empty_stretches,
    explore_chart,
    kept_while,
)
from sensormon.view.palette import DARK, LIGHT, Palette
from sensormon.view.state_bands import PATTERNS, band, fill, hover, place_of, word_of
from tests.support.plant import START

THEMES = pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
WORDS = {0.0: "closed", 1.0: "open", 2.0: "<b>fault</b>"}

SPAN = (START, START + 100 * SECOND)
VALVE = Tag("valve", "Valve <i>", states=("closed", "open", "<b>fault</b>"))
COURSE = [
    Stretch(START, START + 40 * SECOND, 0.0, 0),
    Stretch(START + 40 * SECOND, START + 60 * SECOND, 1.0, 2),
    Stretch(START + 60 * SECOND, START + 80 * SECOND, 2.0, 1),
    Stretch(START + 80 * SECOND, START + 100 * SECOND, 1.0, 0),
]


def overview(values: list[float]) -> Overview:
    """One good reading per second with these values."""
    frame = pd.DataFrame(
        {
            "time": pd.to_datetime([START + i * SECOND for i in range(len(values))], unit="us", utc=True),
            "value": values,
            "quality": np.zeros(len(values), np.uint32),
            "score": np.nan,
            "is_anomaly": False,
        }
    )
    return whole(frame, *SPAN)


def linear(color: str) -> np.ndarray:
    """The linear RGB of a colour such as #2457A6 (IEC 61966-2-1)."""
    parts = np.array([int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    return np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)


def contrast(a: str, b: str) -> float:
    """The contrast of two colours (WCAG 2.2)."""
    low, high = sorted(float(linear(color) @ [0.2126, 0.7152, 0.0722]) for color in (a, b))
    return (high + 0.05) / (low + 0.05)


SIGHT = {
    "usual": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]]
    ),
}
"""How colours look to people (Machado, Oliveira and Fernandes, 2009), as matrices on linear RGB."""


def lab(rgb: np.ndarray) -> np.ndarray:
    """CIELAB of linear RGB."""
    matrix = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    x = (matrix @ np.clip(rgb, 0, 1)) / [0.9505, 1, 1.089]
    f = np.where(x > 0.008856, np.cbrt(x), 7.787 * x + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@THEMES
def test_bands_and_their_words_have_enough_contrast(palette: Palette) -> None:
    for color, text in palette.states:
        assert contrast(color, palette.panel) >= 2.9, "a band on the panel"
        assert contrast(color, text) >= 4.5, "the word in it"


@THEMES
@pytest.mark.parametrize("sight", SIGHT)
def test_bands_are_told_apart_by_people_who_see_colours_differently(palette: Palette, sight: str) -> None:
    seen = [lab(SIGHT[sight] @ linear(color)) for color, _ in palette.states]
    assert min(np.linalg.norm(a - b) for a, b in itertools.combinations(seen, 2)) > 11


def test_words_that_share_a_colour_differ_in_pattern() -> None:
    many = len(LIGHT.states) * len(PATTERNS)
    assert len({fill(LIGHT, place)[:2] for place in range(many)}) == many
    assert fill(LIGHT, 10_000)[1] == PATTERNS[-1]


def test_a_word_keeps_its_colour_whatever_other_words_are_in_view() -> None:
    assert place_of(WORDS, 1.0) == 1
    assert word_of(WORDS, 7.0) == "7"


def test_a_band_names_each_state_and_marks_those_that_are_not_good() -> None:
    drawn = band(COURSE, WORDS, LIGHT)
    assert drawn["text"] == ["closed", "open", "&lt;b&gt;fault&lt;/b&gt;", "open"]
    assert [start + size for start, size in zip(drawn["base"], drawn["x"], strict=True)] == [
        stretch.end / 1e3 for stretch in COURSE
    ]
    marker = drawn["marker"]
    assert marker["color"][0] != marker["color"][3]
    assert marker["color"][1] == LIGHT.panel
    assert marker["pattern"]["shape"] == ["", "x", "", ""]
    assert marker["line"]["color"][1] == marker["line"]["color"][2] == LIGHT.uncertain
    assert marker["line"]["width"] == [0, 2, 2, 0], "a line would hide a stretch that is thinner than it"


def test_the_hover_has_word_and_quality_at_both_ends_of_each_stretch() -> None:
    points = hover(COURSE, WORDS, "Valve <i>", SPAN)
    at = dict(zip(points["x"], points["text"], strict=True))
    assert at[COURSE[0].start / 1e3] == "closed"
    assert at[COURSE[1].start / 1e3] == "open, bad quality"
    assert at[COURSE[1].end / 1e3 - 1] == "open, bad quality"
    assert at[COURSE[2].start / 1e3] == "&lt;b&gt;fault&lt;/b&gt;, uncertain"
    assert points["hovertemplate"].startswith("Valve &lt;i&gt;  ")


def numbers_and_bands() -> list[Series]:
    temp = Series(Tag("temp", "Temp", "°C"), 1, overview([1.0, 2.0] * 50))
    ph = Series(Tag("ph", "pH", "pH"), 2, overview([7.0] * 100))
    bands = [band_series(VALVE, number, overview([0.0] * 100), COURSE, WORDS) for number in (3, 4)]
    return [temp, bands[0], ph, bands[1]]


def test_in_an_overlay_bands_lie_below_the_lines_on_the_same_time_axis() -> None:
    figure = explore_chart(numbers_and_bands(), SPAN, LIGHT, arrangement=Arrangement.OVERLAY)
    bars = [trace for trace in figure.data if trace.type == "bar"]
    domains = [figure.layout[f"yaxis{trace.yaxis[1:]}"].domain for trace in bars]
    lines = figure.layout.yaxis.domain
    assert lines[0] > domains[0][1] > domains[0][0] > domains[1][1]
    assert domains[1][0] == pytest.approx(0)
    assert figure.layout.xaxis.anchor == bars[1].yaxis
    assert [note.text for note in figure.layout.annotations if "Valve" in note.text] == [
        "<b>Valve &lt;i&gt;</b>"
    ] * 2


def test_in_a_stack_bands_are_lower_than_lines() -> None:
    figure = explore_chart(numbers_and_bands(), SPAN, LIGHT, arrangement=Arrangement.STACKED)
    heights = [np.diff(figure.layout[name].domain)[0] for name in ("yaxis", "yaxis2", "yaxis3", "yaxis4")]
    assert heights[1] == pytest.approx(heights[3])
    assert heights[1] < heights[0] / 2
    assert heights[0] == pytest.approx(heights[2])


@pytest.mark.parametrize("arrangement", list(Arrangement))
@pytest.mark.parametrize("normalised", [True, False])
def test_bands_alone_need_no_axis_of_numbers(arrangement: Arrangement, normalised: bool) -> None:
    only = [item for item in numbers_and_bands() if item.is_band]
    figure = explore_chart(only, SPAN, DARK, arrangement=arrangement, normalised=normalised)
    assert not figure.layout.yaxis.visible
    one = explore_chart(only[:1], SPAN, DARK, arrangement=arrangement, normalised=normalised)
    assert one.layout.height < 200


def test_by_unit_bands_lie_below_the_charts_of_numbers() -> None:
    figure = explore_chart(numbers_and_bands(), SPAN, LIGHT, arrangement=Arrangement.BY_UNIT)
    bars = [trace.yaxis for trace in figure.data if trace.type == "bar"]
    assert bars == ["y3", "y4"]
    tops = [figure.layout[name].domain[1] for name in ("yaxis", "yaxis2", "yaxis3", "yaxis4")]
    assert tops == sorted(tops, reverse=True)


def test_gaps_of_bands_are_their_own() -> None:
    whole_span, half = overview([0.0] * 100), overview([0.0] * 50)
    temp = Series(Tag("temp", "Temp", "°C"), 1, whole_span)
    valve = band_series(VALVE, 2, half, [Stretch(START, START + 49 * SECOND, 0.0, 0)], WORDS)
    assert empty_stretches([valve, temp], Arrangement.OVERLAY) == [[], half.gaps()]
    assert half.gaps() != []
    held = band_series(VALVE, 2, half, [Stretch(START, SPAN[1], 0.0, 0)], WORDS)
    assert empty_stretches([held, temp], Arrangement.STACKED) == [[], []], "a state that lasts leaves no gap"


def test_a_line_kept_to_a_state_has_its_readings_alone_and_breaks_between() -> None:
    line = Series(Tag("temp", "Temp", "°C"), 1, overview([float(i) for i in range(100)]))
    windows = [(START + 10 * SECOND, START + 20 * SECOND), (START + 21 * SECOND, START + 30 * SECOND)]
    kept = kept_while(line, windows)
    assert kept.now.value.tolist() == [*range(10, 20), *range(21, 30)]
    (trace,) = explore_chart([kept], SPAN, LIGHT, arrangement=Arrangement.STACKED).data
    assert np.isnan(trace.y).sum() == 1, "the line does not lead from one to the other"
    assert kept_while(line, []).now.value.tolist() == []
    assert kept.now.gaps() == line.now.gaps(), "what is hidden is not missing"
