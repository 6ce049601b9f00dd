"""The traces Explore draws for a tag: its line, the earlier line to compare, its marks, its gaps.

A trace is the dictionary that Plotly draws. What it is not: axes and colours (`explore_layout`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from sensormon.analysis.downsample import Overview
from sensormon.analysis.spans import place_in
from sensormon.analysis.versions import texts
from sensormon.model.readings import Bools, Ints
from sensormon.model.tags import Tag
from sensormon.model.timestamps import micros
from sensormon.view.explanation import score_word
from sensormon.view.explore_layout import Layout, Series, edge_axis
from sensormon.view.palette import Palette
from sensormon.view.state_bands import band, hover
from sensormon.view.trace_styles import CROWDED, Trace
from sensormon.view.traces import Span, chart_text

WORST = 30
"""How many flags of a crowded view are on the line: those with the highest scores.

The others are strokes on the upper edge.
"""

STROKES = 1_500
"""The most strokes on the upper edge of a view; more could not be told apart."""

_SKIP = {"hoverinfo": "skip"}


def lines(layout: Layout, place: int, earlier: str) -> list[Trace]:
    """The line of a series, behind it the line of the span it is compared with, called `earlier`."""
    item, color = layout.series[place], layout.color(place)
    alone = layout.is_alone(place)
    label = item.tag.label if alone else f"{item.number}  {item.tag.label}"
    name, axis = chart_text(label), layout.axis(place)
    drawn = []
    if item.earlier is not None:
        drawn.append(
            _line(layout, place, item.earlier, f"{name}, {chart_text(earlier)}", shift=item.offset)
            | {"yaxis": axis, "opacity": 0.6, "line": {"color": color, "width": 1.2, "dash": "dash"}}
            | {"legendrank": 100 + item.number}
            | ({"name": chart_text(earlier)} if alone else {})
        )
    drawn.append(
        _line(layout, place, item.now, name, flags=_flag_words(item.now))
        | {
            "yaxis": axis,
            "line": {"color": color, "width": 1.4, "dash": "dot" if layout.is_dotted(place) else "solid"},
        }
        | {"showlegend": not alone, "legendrank": item.number}
        | {"meta": {"label": label, "unit": item.tag.unit, "decimals": item.tag.decimals}}
    )
    return drawn


def bands(layout: Layout, place: int) -> list[Trace]:
    """The band of a tag of states, and what its hover says."""
    item, axis = layout.series[place], layout.axis(place)
    drawn = band(item.course, item.words, layout.palette)
    return [
        drawn | {"yaxis": axis, "name": chart_text(item.tag.label)},
        hover(item.course, item.words, item.tag.label, layout.span) | {"yaxis": axis},
    ]


def quality_marks(layout: Layout, place: int) -> list[Trace]:
    """A ring on each uncertain reading, a cross at each bad one, which the line leaves out."""
    item, color = layout.series[place], layout.palette.uncertain
    quality, axis = _quality(item.now.marks), layout.axis(place)
    uncertain, bad = quality == 1, quality >= 2
    drawn = []
    if uncertain.any():
        ring = _points(layout, place, uncertain, "circle-open", color)
        drawn.append(ring | {"yaxis": axis, "name": "uncertain"})
    if bad.any():
        cross = _points(layout, place, bad, "x-thin-open", color)
        drawn.append(cross | {"yaxis": axis, "name": "bad quality"} | _bad_hover(item, bad))
    return drawn


def flag_marks(layout: Layout, place: int) -> list[Trace]:
    """A diamond on each flagged reading; in a crowded view only on the worst."""
    shown, _ = _flags(layout, place)
    if not shown.any():
        return []
    diamond = _points(layout, place, shown, "diamond", layout.palette.anomaly)
    return [diamond | {"yaxis": layout.axis(place), "name": "flagged"}]


def flag_strokes(layout: Layout, place: int) -> list[Trace]:
    """A stroke on the chart's upper edge for each flag of a crowded view that has no diamond.

    Flags that would coincide share one.
    """
    _, others = _flags(layout, place)
    if not others.any():
        return []
    time = micros(layout.series[place].now.marks["time"])[others]
    step = max(1, (layout.span[1] - layout.span[0]) // STROKES)
    x = np.unique(time // step) * step / 1e3
    color = layout.palette.anomaly
    return [
        {
            "type": "scatter",
            "mode": "markers",
            "x": x,
            "y": np.full(len(x), 0.99),
            **_SKIP,
            "cliponaxis": False,
            "yaxis": edge_axis(layout.row(place)),
            "marker": {
                "symbol": "line-ns-open",
                "size": 5,
                "opacity": 0.45,
                "color": color,
                "line": {"width": 1, "color": color},
            },
        }
    ]


def crowded(marks: pd.DataFrame, span: Span) -> bool:
    """Whether so many flags are in view that only the worst are marked on the line."""
    return int((marks["is_anomaly"].to_numpy(dtype=bool) & _inside(marks, span)).sum()) > CROWDED


def hatched(gaps: Sequence[Span], row: int, palette: Palette) -> Trace:
    """The strip at the foot of a chart where it has no data."""
    x: list[float] = []
    y: list[float] = []
    for start, end in gaps:
        left, right = start / 1e3, end / 1e3
        x += [left, right, right, left, left, np.nan]
        y += [0, 0, 0.05, 0.05, 0, np.nan]
    return {
        "type": "scatter",
        "mode": "lines",
        "name": "no data",
        "x": np.array(x),
        "y": np.array(y),
        "yaxis": edge_axis(row),
        "fill": "toself",
        "fillcolor": "rgba(0,0,0,0)",
        "line": {"width": 0},
        **_SKIP,
        "fillpattern": {
            "shape": "/",
            "fgcolor": palette.secondary,
            "fgopacity": 0.6,
            "size": 5,
            "solidity": 0.25,
        },
    }


def _line(
    layout: Layout,
    place: int,
    overview: Overview,
    name: str,
    *,
    shift: int = 0,
    flags: Sequence[str] = (),
) -> Trace:
    """The readings of an overview, moved by `shift` µs and broken at gaps.

    `flags` has the text that the hover adds to each reading; it may be empty.
    """
    tag: Tag = layout.series[place].tag
    time, value = overview.time, overview.value
    ends = np.array([end for end, _ in overview.breaks()], dtype=np.int64)
    at = np.searchsorted(time, ends, side="right")
    if overview is layout.series[place].now and (windows := layout.series[place].windows):
        at = np.concatenate((at, np.flatnonzero(np.diff(place_in(time, windows))) + 1))
    at = np.unique(at)
    at = at[(at > 0) & (at < len(time))]
    text = np.insert(np.array(flags, dtype=object), at, "").tolist() if flags else None
    number = f"%{{customdata:,.{tag.decimals}f}} {chart_text(tag.unit)}"
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": (np.insert(time, at, time[at - 1] + 1) + shift) / 1e3,
        "y": np.insert(layout.scaled(place, value), at, np.nan),
        "customdata": np.insert(value, at, np.nan),
        "text": text,
        "hovertemplate": f"{name}  {number}{'%{text}' if text else ''}<extra></extra>",
        "connectgaps": False,
    }


def _flag_words(overview: Overview) -> list[str]:
    """The hover text on the flag of each reading of the line; empty if none is flagged."""
    if not overview.flagged:
        return []
    flags = overview.marks[overview.marks["is_anomaly"].to_numpy(dtype=bool)]
    names = [score_word(detector) for detector in texts(flags, "detector")]
    said = {
        time: f"  ◆ flagged, {name} {score:,.1f}"
        for time, name, score in zip(micros(flags["time"]).tolist(), names, flags["score"], strict=True)
    }
    return [said.get(time, "") for time in overview.time.tolist()]


def _points(layout: Layout, place: int, kind: Bools, symbol: str, color: str) -> Trace:
    """The marks of a series of this kind; the line's hover covers them."""
    marks = layout.series[place].now.marks
    y = layout.scaled(place, marks["value"].to_numpy(dtype=np.float64))
    size = 9 if kind.sum() < CROWDED else 6
    outline = {"color": color, "width": 1.5} if symbol.endswith("open") else {"width": 0}
    return {
        "type": "scatter",
        "mode": "markers",
        "x": (micros(marks["time"]) / 1e3)[kind],
        "y": y[kind],
        "cliponaxis": True,
        **_SKIP,
        "marker": {"symbol": symbol, "color": color, "size": size, "opacity": 1, "line": outline},
    }


def _bad_hover(item: Series, bad: Bools) -> Trace:
    """The hover text of a bad reading, which is not on the line."""
    value = f"%{{customdata:,.{item.tag.decimals}f}} {chart_text(item.tag.unit)}"
    return {
        "customdata": item.now.marks["value"].to_numpy(dtype=np.float64)[bad],
        "hovertemplate": f"{chart_text(item.tag.label)}  {value}  bad quality, not judged<extra></extra>",
        "hoverinfo": "y",
    }


def _flags(layout: Layout, place: int) -> tuple[Bools, Bools]:
    """Masks of a series' marks: flags with a diamond, and the other flags."""
    marks = layout.series[place].now.marks
    flagged: Bools = marks["is_anomaly"].to_numpy(dtype=bool) & (_quality(marks) < 2)
    if not crowded(marks, layout.span):
        return flagged, np.zeros_like(flagged)
    shown = _worst(marks, flagged, layout.span)
    return shown, flagged & ~shown


def _quality(marks: pd.DataFrame) -> Ints:
    """0 good, 1 uncertain, 2 or 3 bad: the two highest bits of the OPC UA status."""
    quality: Ints = (marks["quality"].to_numpy(dtype=np.uint32) >> np.uint32(30)).astype(np.int64)
    return quality


def _inside(marks: pd.DataFrame, span: Span) -> Bools:
    time = micros(marks["time"])
    inside: Bools = (time >= span[0]) & (time < span[1])
    return inside


def _worst(marks: pd.DataFrame, flagged: Bools, span: Span) -> Bools:
    """The flags with the highest scores, in view and beside it; scores are compared in thresholds."""
    kept: Bools = np.zeros(len(marks), dtype=np.bool_)
    inside, score = _inside(marks, span), marks["score"].fillna(np.inf).to_numpy(dtype=np.float64)
    if "threshold" in marks:
        score = score / marks["threshold"].fillna(1.0).to_numpy(dtype=np.float64)
    for part in (np.flatnonzero(flagged & inside), np.flatnonzero(flagged & ~inside)):
        kept[part[np.argsort(-score[part], kind="stable")[:WORST]]] = True
    return kept
