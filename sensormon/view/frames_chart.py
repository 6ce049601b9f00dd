"""Frames drawn over one another, aligned at their start, with the golden envelope and the live frame.

A chart for each tag, one below the other. What it is not: a place that reads data, computes, or knows about
Streamlit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go

from sensormon.analysis.envelope import STEPS, Envelope, beyond
from sensormon.model.readings import Floats
from sensormon.model.tags import Tag
from sensormon.view.frames_words import unit_for
from sensormon.view.palette import Palette
from sensormon.view.plain_chart import axis_title, plain_layout, value_axis
from sensormon.view.traces import chart_text

ROW, ALONE = 210, 330
"""Heights in pixels of a chart among others, and of a single one."""
TICKS = 6
"""About how many ticks an axis has."""
TOLD_APART = 6
"""Up to this many frames have a colour and a number each; more are drawn alike."""
LIVE = "live"
"""The label of the live frame."""


@dataclass(frozen=True, eq=False)
class FrameLine:
    """A frame to draw: its label, its start in words, and its course of each tag, in `STEPS` steps."""

    label: str
    start: str
    courses: Mapping[str, Floats]


def overlay_chart(
    lines: Sequence[FrameLine],
    tags: Sequence[Tag],
    envelopes: Mapping[str, Envelope],
    palette: Palette,
    seconds: float,
    *,
    by_share: bool,
) -> go.Figure:
    """The frames over one another; the one labelled `LIVE` in front, its steps outside marked."""
    x, unit = _steps(seconds, by_share=by_share)
    data: list[dict[str, Any]] = []
    layout = _layout(palette, len(tags), unit)
    rows = len(tags)
    air = 0.0 if rows == 1 else 0.16 / rows
    for row, tag in enumerate(tags):
        axis = "y" if row == 0 else f"y{row + 1}"
        top = 1 - row / rows
        layout[axis.replace("y", "yaxis")] = {
            **value_axis(palette, TICKS),
            "domain": [top - 1 / rows, top - air],
            "title": {"text": chart_text(tag.unit), "font": {"size": 11, "color": palette.secondary}},
        }
        if rows > 1:
            layout["annotations"].append(_heading(tag, top - air, palette))
        if tag.name in envelopes:
            data += _band(envelopes[tag.name], tag, x, axis, palette)
        apart = sum(line.label != LIVE for line in lines) <= TOLD_APART
        for number, line in enumerate(lines):
            data += _line(line, number, tag, (x, unit, axis), palette, apart=apart)
            if line.label == LIVE and tag.name in envelopes:
                data += _outside(line, tag, envelopes[tag.name], (x, axis), palette)
    layout["xaxis"]["anchor"] = "y" if rows == 1 else f"y{rows}"
    return go.Figure(data=data, layout=layout)


def _steps(seconds: float, *, by_share: bool) -> tuple[Floats, str]:
    """The middle of each step, and what it is measured in."""
    share = (np.arange(STEPS) + 0.5) / STEPS
    if by_share:
        return share * 100, "% of the frame"
    _, unit, length = unit_for(seconds)
    return share * seconds / length, f"{unit} since the start"


def _band(golden: Envelope, tag: Tag, x: Floats, axis: str, palette: Palette) -> list[dict[str, Any]]:
    base = {"type": "scatter", "mode": "lines", "x": x, "yaxis": axis, "hoverinfo": "skip"}
    number = f",.{tag.decimals}f"
    text = [
        f"{low:{number}} to {high:{number}} {chart_text(tag.unit)}"
        for low, high in zip(golden.lower.tolist(), golden.upper.tolist(), strict=True)
    ]
    return [
        {**base, "y": golden.upper, "line": {"width": 0}},
        {**base, "y": golden.lower, "line": {"width": 0}, "fill": "tonexty", "fillcolor": palette.band},
        {
            **base,
            "y": golden.centre,
            "line": {"width": 1.2, "dash": "dot", "color": palette.secondary},
            "hoverinfo": "all",
            "customdata": text,
            "hovertemplate": "golden envelope %{customdata}<extra></extra>",
        },
    ]


def _line(
    line: FrameLine,
    number: int,
    tag: Tag,
    axes: tuple[Floats, str, str],
    palette: Palette,
    *,
    apart: bool,
) -> list[dict[str, Any]]:
    x, unit, axis = axes
    y = line.courses[tag.name]
    live = line.label == LIVE
    color = palette.series[number % len(palette.series)] if apart else palette.line
    style = {"color": palette.text if live else color, "width": 2.6 if live else 1.3}
    known = np.flatnonzero(np.isfinite(y))
    if not len(known):
        return []
    trace: dict[str, Any] = {
        "type": "scatter",
        "mode": "lines",
        "x": x,
        "y": y,
        "yaxis": axis,
        "line": style,
        "opacity": 1.0 if live or apart else 0.45,
        "hovertemplate": f"{chart_text(line.label)}, {chart_text(line.start)}<br>%{{x:.4~g}} {unit}  "
        f"%{{y:,.{tag.decimals}f}} {chart_text(tag.unit)}<extra></extra>",
    }
    if not live and not apart:
        return [trace]
    label = {
        "type": "scatter",
        "mode": "text",
        "x": [x[known[-1]]],
        "y": [y[known[-1]]],
        "yaxis": axis,
        "text": [f"<b>\u2002{chart_text(line.label)}</b>"],
        "textposition": "middle right",
        "textfont": {"size": 12, "color": style["color"]},
        "hoverinfo": "skip",
        "cliponaxis": False,
    }
    return [trace, label]


def _outside(
    line: FrameLine, tag: Tag, golden: Envelope, axes: tuple[Floats, str], palette: Palette
) -> list[dict[str, Any]]:
    x, axis = axes
    y = line.courses[tag.name]
    above, below = beyond(y, golden, tag.resolution)
    out = above | below
    if not out.any():
        return []
    return [
        {
            "type": "scatter",
            "mode": "markers",
            "x": x[out],
            "y": y[out],
            "yaxis": axis,
            "hoverinfo": "skip",
            "marker": {"symbol": "diamond", "size": 7, "color": palette.anomaly},
        }
    ]


def _heading(tag: Tag, at: float, palette: Palette) -> dict[str, Any]:
    return {
        "text": chart_text(tag.label),
        "x": 0,
        "xref": "paper",
        "xanchor": "left",
        "y": at,
        "yref": "paper",
        "yanchor": "bottom",
        "showarrow": False,
        "font": {"size": 12, "color": palette.text},
    }


def _layout(palette: Palette, rows: int, unit: str) -> dict[str, Any]:
    return {
        **plain_layout(palette),
        "height": ALONE if rows == 1 else ROW * rows,
        "margin": {"l": 54, "r": 40, "t": 26, "b": 44},
        "dragmode": False,
        "hovermode": "closest",
        "annotations": [],
        "xaxis": {
            **value_axis(palette, TICKS),
            "showgrid": False,
            "title": axis_title(unit, palette),
        },
    }
