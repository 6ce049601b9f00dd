"""How each trace of a chart of readings looks: Plotly's properties, without any data.

`traces` adds readings to them. So does the Live board in the browser (`ui/browser/traces.js`), which is
sent them once and has no colour, size or symbol of its own.
"""

from __future__ import annotations

from typing import Any

from sensormon.view.palette import Palette

Trace = dict[str, Any]

BRIDGED = 3
"""The band continues across this many readings without one (bad or uncertain values)."""

CROWDED = 150
"""From this many marks on they are smaller, and of more flags Explore puts only the worst on the line."""

FLAG_SIZES = (9, 6)
"""Size of a flag's mark (px), and in a crowded chart."""

NARROW_FLAG_SIZES = (7, 5)
"""The same in a chart as narrow as a phone."""

GAP_HEIGHT = 0.05
"""How high the strip of a gap is, as a part of the chart's height."""

GAP_POINTS = 60
"""The number of hover points in a gap as long as the chart."""

BRACKET_FOOT = 0.955
"""Where the bracket of an event ends below the upper edge, as a part of the chart's height."""

REJECTED_HEIGHT = 0.9
"""The position of rejected readings, which have no place among the values."""

SKIP = {"hoverinfo": "skip"}


def mark_style(symbol: str, color: str, size: float, width: float = 1.5) -> Trace:
    """Marks in front of the line, whose own hover covers them. `width` is of an open symbol (px)."""
    outline = {"color": color, "width": width} if symbol.endswith("open") else {"width": 0}
    return {
        "type": "scatter",
        "mode": "markers",
        "marker": {"symbol": symbol, "color": color, "size": size, "opacity": 1, "line": outline},
        "cliponaxis": False,
        **SKIP,
    }


def trace_styles(palette: Palette) -> dict[str, Trace]:
    """The style of each trace by its name, in the order in which they are drawn."""
    area = {"type": "scatter", "mode": "lines", "fill": "toself", "line": {"width": 0}, **SKIP}
    return {
        "band": {**area, "fillcolor": palette.band},
        "event": {**area, "yaxis": "y2", "fillcolor": palette.anomaly, "opacity": 0.1},
        "gap": {
            **area,
            "yaxis": "y2",
            "fillcolor": "rgba(0,0,0,0)",
            "fillpattern": {
                "shape": "/",
                "fgcolor": palette.secondary,
                "fgopacity": 0.6,
                "size": 5,
                "solidity": 0.25,
            },
        },
        "gap_words": {
            "type": "scatter",
            "mode": "markers",
            "yaxis": "y2",
            "marker": {"opacity": 0, "size": 6, "color": palette.secondary},
            "hovertemplate": "%{text}<extra></extra>",
            "hoverinfo": "y",
        },
        "line": {
            "type": "scatter",
            "mode": "lines",
            "hoverinfo": "y",
            "line": {"color": palette.line, "width": 1.4},
            "connectgaps": False,
        },
        "uncertain": mark_style("circle-open", palette.uncertain, 8),
        "bad": {**mark_style("x-thin-open", palette.uncertain, 8, width=2), "hoverinfo": "y"},
        "flagged": mark_style("diamond", palette.anomaly, FLAG_SIZES[0]),
        "bracket": {
            "type": "scatter",
            "mode": "lines",
            "yaxis": "y2",
            "line": {"color": palette.anomaly, "width": 1.5},
            "cliponaxis": False,
            **SKIP,
        },
        "rejected": {
            "type": "scatter",
            "mode": "markers",
            "yaxis": "y2",
            "marker": {
                "symbol": "triangle-down-open",
                "size": 9,
                "color": palette.text,
                "line": {"width": 1.5, "color": palette.text},
            },
            "hovertemplate": "%{x|%H:%M:%S}  rejected: %{text}<extra></extra>",
            "hoverinfo": "y",
        },
    }


def unit_label(unit: str, palette: Palette) -> dict[str, Any]:
    """The annotation above the y axis. `unit` is text that Plotly reads as its markup."""
    return {
        "text": unit,
        "x": 0,
        "y": 1,
        "xref": "paper",
        "yref": "paper",
        "xanchor": "right",
        "yanchor": "bottom",
        "xshift": -6,
        "yshift": 2,
        "showarrow": False,
        "font": {"size": 11, "color": palette.secondary},
    }


def edge_line(palette: Palette) -> dict[str, Any]:
    """The shape of an edge of the normal band; `y0` and `y1`, where it lies, are to be added."""
    return {
        "type": "line",
        "xref": "paper",
        "x0": 0,
        "x1": 1,
        "line": {"color": palette.secondary, "width": 1, "dash": "dash"},
        "opacity": 0.45,
        "layer": "below",
    }


def version_mark(palette: Palette) -> dict[str, Any]:
    """The shape and the label of a change of the settings; their place and text are to be added."""
    line = {"color": palette.interaction, "width": 1.5, "dash": "dot"}
    return {
        "line": {"type": "line", "xref": "x", "yref": "paper", "y0": 0, "y1": 1, "line": line},
        "label": {
            "xref": "x",
            "y": 1,
            "yref": "paper",
            "xanchor": "left",
            "yanchor": "bottom",
            "showarrow": False,
            "font": {"size": 11, "color": palette.interaction},
        },
    }
