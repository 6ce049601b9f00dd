"""Overviews of tags as one Plotly figure: in one chart, or in several on one time axis.

Times are milliseconds UTC, which Plotly shows in the browser's time zone. The y axes fit
the view; readings beside it are drawn too, so that a pan shows something at once.
`explore_layout` says where each tag is drawn, `explore_traces` has the lines and marks.
What it is not: a place that reads data or knows about Streamlit.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Any

import numpy as np
import plotly.graph_objects as go

from sensormon.model.entries import Annotation
from sensormon.view.explore_layout import (
    AXES,
    PERCENT,
    Arrangement,
    Axis,
    Layout,
    Series,
    arrange,
    band_series,
    charts_of,
    frame,
    kept_while,
    series_color,
    shown_range,
    units,
    value_range,
)
from sensormon.view.explore_traces import (
    WORST,
    bands,
    crowded,
    flag_marks,
    flag_strokes,
    hatched,
    lines,
    quality_marks,
)
from sensormon.view.palette import Palette
from sensormon.view.trace_styles import Trace
from sensormon.view.traces import Span, chart_text

__all__ = [
    "AXES",
    "WORST",
    "Arrangement",
    "Axis",
    "Series",
    "band_series",
    "charts_of",
    "crowded",
    "empty_stretches",
    "explore_chart",
    "kept_while",
    "normal_in_view",
    "series_color",
    "units",
]

LABELLED = 12
"""With more notes in view only the list below the chart has their texts."""

SHORTENED = 30
"""The most characters of a note's text in the chart."""


def explore_chart(
    series: Sequence[Series],
    span: Span,
    palette: Palette,
    *,
    arrangement: Arrangement,
    normalised: bool = False,
    flags: bool = True,
    notes: Sequence[Annotation] = (),
    earlier: str = "",
) -> go.Figure:
    """The tags over a span, each with its marks and gaps; the compared span is lighter and dashed.

    Without `flags` flagged readings have no marks. `normalised`: every line of an overlay from the lowest to
    the highest value in view, in percent. `earlier` is the name of the compared span in the hover. Lines that
    share a chart have their number at the right end.
    """
    layout = arrange(series, span, palette, arrangement=arrangement, normalised=normalised)
    traces: list[Trace] = []
    for place, item in enumerate(series):
        if item.is_band:
            traces += bands(layout, place)
            continue
        traces += lines(layout, place, earlier)
        traces += flag_strokes(layout, place) if flags else []
        traces += quality_marks(layout, place)
        traces += flag_marks(layout, place) if flags else []
    traces += [
        hatched(gaps, row, palette) for row, gaps in enumerate(empty_stretches(series, arrangement)) if gaps
    ]
    plot = frame(layout, traces)
    plot["annotations"] += _numbers(layout)
    plot["shapes"] += [shape for note in notes for shape in _note_shapes(note, palette)]
    if 0 < len(notes) <= LABELLED:
        plot["annotations"] += [_note_label(note, place, layout) for place, note in enumerate(notes)]
        plot["margin"]["t"] = 36
    return go.Figure(data=_named_once(traces), layout=plot)


def empty_stretches(series: Sequence[Series], arrangement: Arrangement) -> list[list[Span]]:
    """The stretches of each chart in which none of its tags has data."""
    charts = charts_of(series, arrangement)
    empty = [
        [item.empty() for item, chart in zip(series, charts, strict=True) if chart == row]
        for row in range(max(charts, default=-1) + 1)
    ]
    return [reduce(_overlap, of_tags) for of_tags in empty]


def normal_in_view(series: Sequence[Series], span: Span, arrangement: Arrangement) -> bool:
    """Whether an edge of a normal band is drawn: it lies in view, and its tag is alone in its chart."""
    charts = charts_of(series, arrangement)
    ranges = [
        (item.tag.normal or (), *shown_range([item], span))
        for item, chart in zip(series, charts, strict=True)
        if not item.is_band and charts.count(chart) == 1
    ]
    return any(low < edge < high for edges, low, high in ranges for edge in edges)


def _overlap(some: Sequence[Span], others: Sequence[Span]) -> list[Span]:
    """The stretches that lie in both."""
    return sorted(
        (max(start, other_start), min(end, other_end))
        for start, end in some
        for other_start, other_end in others
        if max(start, other_start) < min(end, other_end)
    )


def _numbers(layout: Layout) -> list[dict[str, Any]]:
    """The number of each line that shares a chart at its end, moved apart if lines end together."""
    return [label for row in range(layout.rows) for label in _numbers_in(layout, row)]


def _numbers_in(layout: Layout, row: int) -> list[dict[str, Any]]:
    places = layout.in_row(row)
    if len(places) == 1:
        return []
    heights = sorted(
        (height, layout.series[place].number, place)
        for place in places
        if (height := _height_of_end(layout, place)) is not None
    )
    low, high = layout.domain(row)
    apart = 16 / layout.heights[row]
    at = -1.0
    labels = []
    for height, number, place in heights:
        at = max(height, at + apart)
        labels.append(
            {
                "text": f"<b>{number}</b>",
                "x": 1,
                "xref": "paper",
                "y": low + min(at, 1.0) * (high - low),
                "yref": "paper",
                "xanchor": "right",
                "yanchor": "middle",
                "xshift": -3,
                "showarrow": False,
                "borderpad": 1,
                "font": {"size": 12, "color": layout.color(place)},
                "bgcolor": layout.palette.panel,
            }
        )
    return labels


def _height_of_end(layout: Layout, place: int) -> float | None:
    """Where the last reading in view lies, as a share of the chart's height; None if none is in view."""
    overview = layout.series[place].now
    inside = np.flatnonzero((overview.time >= layout.span[0]) & (overview.time < layout.span[1]))
    if not len(inside):
        return None
    value = float(overview.value[inside[-1]])
    if layout.normalised:
        low, high = value_range([layout.series[place]], layout.span)
        size = PERCENT[1] - PERCENT[0]
        return (value - low) / (high - low) * 100 / size - PERCENT[0] / size
    low, high = layout.axis_range(layout.axes[place])
    return (value - low) / (high - low)


def _note_shapes(note: Annotation, palette: Palette) -> list[dict[str, Any]]:
    """A line for a note on a moment; a tint with a bracket for a note on a span."""
    left, right = note.since / 1e3, note.until / 1e3
    edge = {
        "type": "line",
        "xref": "x",
        "yref": "paper",
        "line": {"color": palette.interaction, "width": 1.5, "dash": "dot"},
    }
    start = {**edge, "x0": left, "x1": left, "y0": 0, "y1": 1.0}
    if right <= left:
        return [start]
    tint = {
        "type": "rect",
        "xref": "x",
        "yref": "paper",
        "x0": left,
        "x1": right,
        "y0": 0,
        "y1": 1,
        "layer": "below",
        "line": {"width": 0},
        "fillcolor": palette.interaction,
        "opacity": 0.1,
    }
    return [
        start,
        tint,
        {**edge, "x0": left, "x1": right, "y0": 1, "y1": 1},
        {**edge, "x0": right, "x1": right, "y0": 0, "y1": 1},
    ]


def _note_label(note: Annotation, place: int, layout: Layout) -> dict[str, Any]:
    """The text of a note above the chart; every second one is higher, so that neighbours stay legible."""
    text = note.text if len(note.text) <= SHORTENED else f"{note.text[: SHORTENED - 1].rstrip()}…"
    since, until = layout.span
    x = max(note.since, since) / 1e3
    late = x > (since + 3 * until) / 4e3  # put the text on the left, where it is not cut off
    return {
        "text": f"✎ {chart_text(text)}",
        "x": x,
        "xref": "x",
        "y": 1,
        "yref": "paper",
        "xanchor": "right" if late else "left",
        "yanchor": "bottom",
        "showarrow": False,
        "yshift": 1 + 14 * (place % 2),
        "hovertext": f"{chart_text(note.text)}<br>{chart_text(note.who)}",
        "font": {"size": 11, "color": layout.palette.interaction},
    }


def _named_once(traces: Sequence[Trace]) -> list[Trace]:
    """The traces with each name once in the legend, which only an exported picture of the chart shows."""
    named = {""}
    listed = []
    for trace in traces:
        name = trace.get("name", "")
        listed.append({**trace, "showlegend": trace.get("showlegend", True) and name not in named})
        named.add(name)
    return listed
