"""States as coloured bands in charts: a stretch has its word, its colour, and a mark if it is not good.

Each word of a tag has its colour in the order of the codes, so that it is the same on every page and
day. With more words than colours those that share one differ in pattern. Text and hover name the word,
so nothing depends on colour alone. Times are microseconds UTC; Plotly gets milliseconds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sensormon.analysis.state_course import Stretch
from sensormon.view.palette import Palette
from sensormon.view.trace_styles import SKIP, Trace
from sensormon.view.traces import Span, chart_text

Words = Mapping[float, str]
"""The words of one tag by code."""

HEIGHT = 96
"""Height of a chart that is one band (px)."""
POINTS = 150
"""Points to hover over in a band as long as the chart."""
LISTED = 8
"""The most words in a legend."""
PATTERNS = ("", "/", ".", "x", "|")
"""Of the first words, of those that use the colours a second time, and so on."""
QUALITIES = ("", "uncertain", "bad quality")
TEXT = {"minsize": 10, "mode": "hide"}
"""Plotly's `uniformtext`: a word that does not fit into its stretch is left out."""

_MIDDLE, _THICK, _LEGIBLE = 0.5, 0.56, 11


def place_of(words: Words, code: float) -> int:
    """The place of this code among those of its tag, which decides its colour."""
    return sorted(words).index(code) if code in words else len(words)


def fill(palette: Palette, place: int) -> tuple[str, str, str]:
    """Colour, pattern and colour of the text of the word at this place."""
    color, text = palette.states[place % len(palette.states)]
    return color, PATTERNS[min(place // len(palette.states), len(PATTERNS) - 1)], text


def word_of(words: Words, code: float) -> str:
    """The word, or the code itself if it has none, as for readings from before the tag had states."""
    return words.get(code, f"{code:g}")


def band(course: Sequence[Stretch], words: Words, palette: Palette) -> Trace:
    """The coloured band of these stretches, on the axis from 0 to 1 of its chart."""
    places = [place_of(words, stretch.code) for stretch in course]
    fills = [fill(palette, place) for place in places]
    bad = [stretch.quality == 2 for stretch in course]
    doubtful = [bool(stretch.quality) for stretch in course]
    return {
        "type": "bar",
        "orientation": "h",
        "base": [stretch.start / 1e3 for stretch in course],
        "x": [(stretch.end - stretch.start) / 1e3 for stretch in course],
        "y": [_MIDDLE] * len(course),
        "width": _THICK,
        "text": [chart_text(word_of(words, stretch.code)) for stretch in course],
        "textposition": "inside",
        "insidetextanchor": "middle",
        "textangle": 0,
        "constraintext": "inside",
        "insidetextfont": {
            "size": _LEGIBLE,
            "color": [palette.text if poor else text for poor, (*_, text) in zip(bad, fills, strict=True)],
        },
        "marker": {
            "color": [palette.panel if poor else color for poor, (color, *_) in zip(bad, fills, strict=True)],
            "line": {
                "width": [2 if poor else 0 for poor in doubtful],
                "color": [palette.uncertain if poor else palette.panel for poor in doubtful],
            },
            "pattern": {
                "shape": ["x" if poor else shape for poor, (_, shape, _) in zip(bad, fills, strict=True)],
                "fgcolor": [palette.uncertain if poor else palette.panel for poor in bad],
                "fgopacity": 0.55,
                "fillmode": "overlay",
                "size": 7,
                "solidity": 0.25,
            },
        },
        **SKIP,
    }


def hover(course: Sequence[Stretch], words: Words, name: str, span: Span) -> Trace:
    """Points along the band whose hover has the word and the quality; `name` comes before them."""
    step = max(1, (span[1] - span[0]) // POINTS)
    x: list[float] = []
    text: list[str] = []
    for stretch in course:
        start, end = max(stretch.start, span[0] - 4 * (span[1] - span[0])), stretch.end
        count = max(2, min(POINTS * 10, -(-(end - start) // step) + 1))
        x += np.linspace(start / 1e3, max(start, end - 1_000) / 1e3, count).tolist()
        poor = f", {QUALITIES[stretch.quality]}" if stretch.quality else ""
        text += [f"{chart_text(word_of(words, stretch.code))}{poor}"] * count
    label = f"{chart_text(name)}  " if name else ""
    return {
        "type": "scatter",
        "mode": "markers",
        "name": chart_text(name),
        "x": x,
        "y": [_MIDDLE] * len(x),
        "text": text,
        "marker": {"opacity": 0, "size": 6},
        "hovertemplate": f"{label}%{{text}}<extra></extra>",
    }


def layout() -> dict[str, Any]:
    """What the layout of a chart that is one band has of its own."""
    return {
        "height": HEIGHT,
        "yaxis": {"range": [0, 1], "visible": False, "fixedrange": True},
        "barmode": "overlay",
        "uniformtext": TEXT,
    }


def styles(palette: Palette) -> dict[str, Any]:
    """What the Live board needs to draw bands as here (`ui/browser/states.js`)."""
    empty, points = band([], {}, palette), hover([], {}, "", (0, 1))
    return {
        "trace": {name: empty[name] for name in _SAME},
        "pattern": {
            name: empty["marker"]["pattern"][name] for name in ("fgopacity", "fillmode", "size", "solidity")
        },
        "hover": {name: points[name] for name in ("type", "mode", "marker")},
        "layout": layout(),
        "fills": [fill(palette, place) for place in range(len(palette.states) * len(PATTERNS))],
        "font": _LEGIBLE,
        "middle": _MIDDLE,
        "points": POINTS,
        "listed": LISTED,
        "qualities": QUALITIES,
        "doubt": palette.uncertain,
        "panel": palette.panel,
        "text": palette.text,
    }


_SAME = (
    "type",
    "orientation",
    "width",
    "textposition",
    "insidetextanchor",
    "textangle",
    "constraintext",
    "hoverinfo",
)
