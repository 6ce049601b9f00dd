"""A histogram, two tags against each other, and control limits for a chart of one tag.

What it is not: a place that reads data, computes statistics or knows about Streamlit.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go

from sensormon.analysis.control_chart import ControlLimits
from sensormon.analysis.correlation import Pairs
from sensormon.model.tags import Tag
from sensormon.stores.long_spans import SHARES, Distribution
from sensormon.view.palette import Palette
from sensormon.view.plain_chart import axis_title, plain_layout, value_axis
from sensormon.view.traces import Span, chart_text
from sensormon.view.y_range import tick_decimals

DOTS = 4_000
"""The most pairs in a scatter, an even sample; more could not be told apart."""


def histogram(distribution: Distribution, tag: Tag, palette: Palette, height: int = 280) -> go.Figure:
    """A histogram of the values; edges of the normal band dashed, median and outer percentiles dotted."""
    middles = (distribution.edges[:-1] + distribution.edges[1:]) / 2
    widths = np.diff(distribution.edges)
    if len(widths) == 1 and widths[0] == 0:
        widths = np.array([max(tag.resolution, abs(float(distribution.edges[0])) * 1e-3, 1e-6)])
    number = f",.{tag.decimals}f"
    trace = {
        "type": "bar",
        "x": middles,
        "y": distribution.counts,
        "width": widths,
        "customdata": np.column_stack((distribution.edges[:-1], distribution.edges[1:])),
        "marker": {"color": palette.line, "opacity": 0.55, "line": {"width": 0.5, "color": palette.panel}},
        "hovertemplate": f"%{{customdata[0]:{number}}} to %{{customdata[1]:{number}}} {chart_text(tag.unit)}"
        "  %{y:,} readings<extra></extra>",
    }
    layout = _layout(palette, height)
    low, high = float(distribution.edges[0]), float(distribution.edges[-1])
    for edge in tag.normal or ():
        low, high = min(low, edge), max(high, edge)
        _mark(layout, edge, "normal", palette.secondary, "dash")
    # The outer two are named away from the middle: however near they are, no name covers another.
    for share, name, side in (
        (0.05, "5th percentile", "right"),
        (0.5, "", "center"),
        (0.95, "95th percentile", "left"),
    ):
        at = distribution.quantiles[SHARES.index(share)]
        _mark(layout, at, name, palette.interaction, "dot", low=True, side=side)
    if tag.normal:
        layout["shapes"].append(
            {
                "type": "rect",
                "xref": "x",
                "yref": "paper",
                "x0": tag.normal[0],
                "x1": tag.normal[1],
                "y0": 0,
                "y1": 1,
                "layer": "below",
                "line": {"width": 0},
                "fillcolor": palette.band,
            }
        )
    air = 0.04 * (high - low) or float(widths[0])
    layout["xaxis"] |= {"range": [low - air, high + air], "title": axis_title(tag.unit, palette)}
    layout["yaxis"] |= {"title": axis_title("readings", palette), "tickformat": ",d", "rangemode": "tozero"}
    return go.Figure(data=[trace], layout=layout)


def scatter(pairs: Pairs, x: Tag, y: Tag, palette: Palette, height: int = 380) -> go.Figure:
    """A dot for each pair, the first tag as x, the second as y; of many pairs an even sample."""
    kept = np.unique(np.linspace(0, len(pairs.x) - 1, min(len(pairs.x), DOTS)).astype(np.int64))
    trace = {
        "type": "scatter",
        "mode": "markers",
        "x": pairs.x[kept],
        "y": pairs.y[kept],
        "marker": {"color": palette.line, "size": 5, "opacity": 0.35, "line": {"width": 0}},
        "hovertemplate": f"{chart_text(x.label)} %{{x:,.{x.decimals}f}} {chart_text(x.unit)}<br>"
        f"{chart_text(y.label)} %{{y:,.{y.decimals}f}} {chart_text(y.unit)}<extra></extra>",
    }
    layout = _layout(palette, height)
    layout["xaxis"] |= {"title": axis_title(_named(x), palette), "tickformat": _ticks(pairs.x[kept])}
    layout["yaxis"] |= {"title": axis_title(_named(y), palette), "tickformat": _ticks(pairs.y[kept])}
    layout["margin"]["l"] = 64
    return go.Figure(data=[trace], layout=layout)


def add_limits(figure: go.Figure, limits: ControlLimits, tag: Tag, baseline: Span, palette: Palette) -> None:
    """Add centre line, control limits and the baseline's span to a chart of one tag.

    Readings outside the limits get a triangle that points away from them.
    """
    line = {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "yref": "y"}
    shapes, notes = list(figure.layout.shapes), list(figure.layout.annotations)
    for value, name, dash, side, anchor in (  # labels never overlap, however narrow the limits are
        (limits.upper, "UCL", "solid", "right", "bottom"),
        (limits.centre, "CL", "dashdot", "left", "middle"),
        (limits.lower, "LCL", "solid", "right", "top"),
    ):
        style = {"color": palette.interaction, "width": 1.2, "dash": dash}
        shapes.append({**line, "y0": value, "y1": value, "line": style})
        notes.append(
            {
                "text": f"{name} {value:,.{tag.decimals + 1}f}",
                "x": int(side == "right"),
                "xref": "paper",
                "y": value,
                "yref": "y",
                "xanchor": side,
                "yanchor": anchor,
                "showarrow": False,
                "bgcolor": palette.panel,
                "opacity": 0.85,
                "font": {"size": 11, "color": palette.interaction},
            }
        )
    left, right = baseline[0] / 1e3, baseline[1] / 1e3
    shapes.append(
        {
            "type": "rect",
            "xref": "x",
            "yref": "paper",
            "x0": left,
            "x1": right,
            "y0": 0,
            "y1": 1,
            "layer": "below",
            "line": {"width": 0},
            "fillcolor": palette.band,
        }
    )
    figure.layout.shapes, figure.layout.annotations = shapes, notes
    low, high = figure.layout.yaxis.range
    spread = max(high, limits.upper) - min(low, limits.lower)
    figure.layout.yaxis.range = [
        min(low, limits.lower - 0.05 * spread),
        max(high, limits.upper + 0.05 * spread),
    ]
    lines = [trace for trace in figure.data if trace.mode == "lines" and trace.customdata is not None]
    drawn = lines[-1]  # in front of its reference
    x, y = np.asarray(drawn.x, dtype=np.float64), np.asarray(drawn.y, dtype=np.float64)
    for outside, symbol in (
        (y > limits.upper, "triangle-up-open"),
        (y < limits.lower, "triangle-down-open"),
    ):
        if outside.any():
            figure.add_trace(
                {
                    "type": "scatter",
                    "mode": "markers",
                    "x": x[outside],
                    "y": y[outside],
                    "hoverinfo": "skip",
                    "marker": {
                        "symbol": symbol,
                        "size": 9 if outside.sum() < 150 else 4,
                        "color": palette.anomaly,
                        "line": {"width": 1.5, "color": palette.anomaly},
                    },
                }
            )


def _mark(
    layout: dict[str, Any],
    at: float,
    name: str,
    color: str,
    dash: str,
    *,
    low: bool = False,
    side: str = "center",
) -> None:
    layout["shapes"].append(
        {
            "type": "line",
            "yref": "paper",
            "y0": 0,
            "y1": 1,
            "x0": at,
            "x1": at,
            "line": {"color": color, "width": 1.2, "dash": dash},
        }
    )
    layout["annotations"].append(
        {
            "text": name,
            "x": at,
            "y": 1.0,
            "yref": "paper",
            "yanchor": "bottom",
            "xanchor": side,
            "yshift": 0 if low else 13,
            "showarrow": False,
            "font": {"size": 11, "color": color},
        }
    )


def _named(tag: Tag) -> str:
    """The label with the unit, unless it ends with it, as that of a pH does."""
    return tag.label if tag.label.endswith(tag.unit) else f"{tag.label}, {tag.unit}"


def _ticks(values: np.ndarray) -> str:
    """The same number of decimals for all ticks of an axis: Plotly would write 4.5 and then 4."""
    size = float(np.ptp(values)) if len(values) else 0.0
    return f",.{tick_decimals(size)}f" if size > 0 else ""


def _layout(palette: Palette, height: int) -> dict[str, Any]:
    return {
        **plain_layout(palette),
        "height": height,
        "margin": {"l": 54, "r": 14, "t": 34, "b": 40},
        "dragmode": False,
        "bargap": 0,
        "hovermode": "closest",
        "shapes": [],
        "annotations": [],
        "xaxis": {**value_axis(palette, 7), "showgrid": False},
        "yaxis": value_axis(palette, 7),
    }
