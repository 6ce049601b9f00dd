"""Readings as charts that Plotly draws: frames in, charts out.

Every chart has SVG traces (a page of WebGL charts would run out of contexts), no title and no
legend, and keeps `uirevision`, so that new data does not undo a viewer's zoom.
Times are milliseconds UTC, which Plotly shows in the browser's time zone.

A span is `(since, until)` in microseconds UTC. Frames are those of the monitor.
What it is not: a place that reads data or knows about Streamlit.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from sensormon.analysis.state_course import of_frame, stretches
from sensormon.model.readings import Ints
from sensormon.model.tags import Tag
from sensormon.model.timestamps import micros
from sensormon.view.drawn import Drawn
from sensormon.view.explanation import Scale, Scales
from sensormon.view.palette import Palette
from sensormon.view.plain_chart import plain_layout
from sensormon.view.state_bands import Words, hover, layout
from sensormon.view.state_bands import band as band_of
from sensormon.view.trace_styles import Trace, edge_line, unit_label
from sensormon.view.traces import (
    Span,
    View,
    bad_readings,
    band,
    chart_text,
    flags,
    line,
    markers,
    no_data,
    uncertain_readings,
)
from sensormon.view.y_range import fitted, near, tick_decimals

_MARGIN = {"l": 50, "r": 12, "t": 20, "b": 26}
_STRIP_AXIS = {"range": [0, 1], "overlaying": "y", "visible": False, "fixedrange": True}
"""An axis for marks without a value: the strip of gaps, the brackets of events."""
_TICKS = [
    {"dtickrange": [None, 1_000], "value": "%H:%M:%S.%L"},
    {"dtickrange": [1_000, 60_000], "value": "%H:%M:%S"},
    {"dtickrange": [60_000, 86_400_000], "value": "%H:%M"},
    {"dtickrange": [86_400_000, None], "value": "%d %b"},
]


def live_chart(
    frame: pd.DataFrame,
    tag: Tag,
    span: Span,
    palette: Palette,
    height: int = 220,
    *,
    mark: int | None = None,
    zoom: bool = False,
    pick: bool = False,
    shade: Span | None = None,
    scales: Scales | None = None,
) -> Drawn:
    """The readings of one tag over a span, with the band in which they were expected.

    The line breaks at gaps, which a hatched strip on the time axis shows.
    `mark` (µs UTC) draws a thin vertical line at that time; `zoom` lets the viewer zoom, `pick`
    lets them click readings (see `traces.line`); `shade` marks the span of an event. `scales`
    name the scores.
    """
    view = View(frame, tag, span, scales=scales)
    shown = [
        uncertain_readings(view, palette),
        bad_readings(view, palette, pick=pick),
        flags(view, palette),
    ]
    if pick:
        for trace in shown:  # selecting another reading must not dim them
            trace["unselected"] = {"marker": {"opacity": 1}}
    figure = _figure(
        [band(view, palette), *no_data(view, palette), line(view, palette, view.scales, pick=pick), *shown],
        view,
        palette,
        height,
        mark=mark,
        zoom=zoom,
    )
    if shade is not None:
        _shade(figure, shade, palette)
    return figure


def band_chart(frame: pd.DataFrame, tag: Tag, words: Words, span: Span, palette: Palette) -> Drawn:
    """The states of one tag over a span as a coloured band, with its gaps; `words` are those of its codes."""
    view = View(frame, tag, span)
    course = stretches(*of_frame(view.rows), view.gaps, span[1])
    shape = layout()
    return _drawn(
        [*no_data(view, palette), band_of(course, words, palette), hover(course, words, "", span)],
        {**_layout(span, palette, shape["height"], zoom=False), **shape, "yaxis2": _STRIP_AXIS},
    )


def _shade(chart: Drawn, event: Span, palette: Palette) -> None:
    """Mark an event's span by a tint and a bracket on the top edge."""
    left, right = event[0] / 1e3, event[1] / 1e3
    edge = {"type": "line", "yref": "paper", "line": {"color": palette.anomaly, "width": 1.5}}
    tint = {
        "type": "rect",
        "yref": "paper",
        "x0": left,
        "x1": right,
        "y0": 0,
        "y1": 1,
        "layer": "below",
        "line": {"width": 0},
        "fillcolor": palette.anomaly,
        "opacity": 0.1,
    }
    chart.layout["shapes"] += [
        tint,
        {**edge, "x0": left, "x1": right, "y0": 1, "y1": 1},
        {**edge, "x0": left, "x1": left, "y0": 0.96, "y1": 1},
        {**edge, "x0": right, "x1": right, "y0": 0.96, "y1": 1},
    ]


def before_after_chart(
    before: pd.DataFrame,
    after: pd.DataFrame,
    tag: Tag,
    span: Span,
    palette: Palette,
    height: int = 340,
    *,
    score: str = "z",
    threshold: float | None = None,
) -> Drawn:
    """The readings with the band of `after`, and the flags of both, distinguished by shape.

    Kept: filled diamond. Gained: upward triangle. Lost: open square. The frames have the
    same readings by `id`, scored with the old and with the new settings. `score` is the name
    of the new score, `threshold` its threshold.
    """
    changes = flag_changes(before, after)
    view = View(after, tag, span, keep=changes)
    scale = Scale(score, math.nan if threshold is None else threshold, from_band=threshold is None)
    at = changes.reindex(view.rows["id"]).fillna("").to_numpy()
    return _figure(
        [
            band(view, palette),
            *no_data(view, palette),
            line(view, palette, [scale] * len(view.rows)),
            markers(view, at == "lost", "square-open", palette.secondary, 10, width=1.8),
            markers(view, at == "gained", "triangle-up", palette.interaction, 11),
            markers(view, at == "kept", "diamond", palette.anomaly, 9),
        ],
        view,
        palette,
        height,
        zoom=True,
    )


def flag_changes(before: pd.DataFrame, after: pd.DataFrame) -> pd.Series[str]:
    """`kept`, `gained` or `lost` by reading id, for the readings flagged in either frame."""
    old = set(before.loc[before["is_anomaly"].astype(bool), "id"])
    new = set(after.loc[after["is_anomaly"].astype(bool), "id"])
    words = {
        **dict.fromkeys(old & new, "kept"),
        **dict.fromkeys(old - new, "lost"),
        **dict.fromkeys(new - old, "gained"),
    }
    return pd.Series(words, dtype=object).sort_index()


def count_chart(
    counts: Ints,
    edges: Ints,
    words: Sequence[str],
    palette: Palette,
    height: int = 90,
    *,
    chosen: Span | None = None,
) -> Drawn:
    """Bars of counts between edges (µs UTC); `words` has the hover text of each bar.

    Bars can be clicked; the `customdata` of a bar is its index. With `chosen` the bars inside
    that stretch are opaque with an outline, the others are pale.
    """
    start, end = edges[:-1], edges[1:]
    inside = np.ones(len(counts), dtype=bool)
    if chosen is not None:
        inside = (start >= chosen[0]) & (end <= chosen[1])
    top = max(1, int(counts.max(initial=0)))
    trace = {
        "type": "bar",
        "x": (start + (end - start) // 2) / 1e3,
        "y": counts.astype(np.int32),
        "width": (end - start) / 1e3 * 0.82,
        "customdata": np.arange(len(counts))[:, None],
        "text": list(words),
        "textposition": "none",
        "marker": {
            "color": palette.line,
            "opacity": np.where(inside, 1.0, 0.35),
            "line": {
                "width": np.where(inside & (chosen is not None), 2, 0),
                "color": palette.interaction,
            },
        },
        "selected": {"marker": {"opacity": 1}},
        "unselected": {"marker": {"opacity": 0.35}},
        "hovertemplate": "%{text}<extra></extra>",
    }
    layout = _layout((int(edges[0]), int(edges[-1])), palette, height, zoom=False)
    layout["yaxis"].update(range=[0, top * 1.15], tickvals=[0, top], tickformat=",d", zeroline=False)
    layout.update(clickmode="event+select", bargap=0, margin={**_MARGIN, "t": 6})
    return _drawn([trace], layout)


def precision_recall_chart(
    points: pd.DataFrame, marks: Sequence[tuple[str, str, float, float]], palette: Palette, height: int = 260
) -> Drawn:
    """Precision over recall, one point per threshold, with marks for settings.

    `points` has threshold, precision and recall; rows with NaN are left out. A mark is a name, a
    Plotly symbol, precision and recall.
    """
    drawn = points.dropna(subset=["precision", "recall"]).sort_values("threshold")
    hover = "%{text}<br>precision %{y:.0%}, recall %{x:.0%}<extra></extra>"
    traces: list[Trace] = [
        {
            "type": "scatter",
            "mode": "lines+markers",
            "x": drawn["recall"].to_numpy(dtype=np.float64),
            "y": drawn["precision"].to_numpy(dtype=np.float64),
            "text": [f"threshold {threshold:g}" for threshold in drawn["threshold"]],
            "line": {"color": palette.line, "width": 1.4},
            "marker": {"color": palette.line, "size": 4},
            "hovertemplate": hover,
        }
    ]
    for name, symbol, precision, recall in marks:
        color = palette.secondary if symbol.endswith("open") else palette.interaction
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "x": [recall],
                "y": [precision],
                "text": [name],
                "marker": {
                    "symbol": symbol,
                    "size": 12,
                    "color": color,
                    "line": {"width": 2, "color": color},
                },
                "cliponaxis": False,
                "hovertemplate": hover,
            }
        )
    layout = _layout((0, 1), palette, height, zoom=False)
    share = {"range": [-0.02, 1.04], "tickformat": ".0%", "tickvals": [0, 0.25, 0.5, 0.75, 1]}
    layout["xaxis"].update(type="linear", title={"text": "recall", "standoff": 4}, **share)
    layout["yaxis"].update(title={"text": "precision", "standoff": 4}, **share)
    del layout["xaxis"]["tickformatstops"]  # they are for times
    layout["xaxis"]["title"]["font"] = layout["yaxis"]["title"]["font"] = {
        "size": 12,
        "color": palette.secondary,
    }
    layout.update(hovermode="closest", margin={"l": 64, "r": 14, "t": 10, "b": 42})
    return _drawn(traces, layout)


def depth_chart(frame: pd.DataFrame, column: str, span: Span, palette: Palette, height: int = 110) -> Drawn:
    """The `readings` that waited in the journal, or their `age` (seconds), as steps above 0."""
    time = micros(frame["time"])
    value = frame[column].to_numpy(dtype=np.float64)
    unit = "readings" if column == "readings" else "s"
    trace = {
        "type": "scatter",
        "mode": "lines",
        "x": time / 1e3,
        "y": value,
        "line": {"color": palette.line, "width": 1.4, "shape": "hv"},
        "fill": "tozeroy",
        "fillcolor": palette.band,
        "hovertemplate": f"%{{x|%H:%M:%S}}  %{{y:,.3~f}} {unit}<extra></extra>",
    }
    layout = _layout(span, palette, height, zoom=False)
    inside = value[(time >= span[0]) & (time <= span[1])]
    top = max(5.0, float(inside.max(initial=0)))
    layout["yaxis"].update(range=[0, top * 1.1], nticks=4, tickformat="~s")
    return _drawn([trace], layout)


def board_layout(palette: Palette, height: int = 220) -> dict[str, Any]:
    """The layout that all charts of the Live board share; the browser fills in the rest, like `_figure`."""
    layout = _layout((0, 1), palette, height, zoom=True)
    layout["yaxis2"] = _STRIP_AXIS
    return layout


def _figure(
    traces: list[Trace], view: View, palette: Palette, height: int, *, zoom: bool, mark: int | None = None
) -> Drawn:
    layout = _layout(view.span, palette, height, zoom=zoom)
    edges = near(view.value, view.lower, view.upper, view.tag)
    low, high = fitted(np.concatenate((view.value, edges)), view.tag)
    layout["yaxis"].update(range=[low, high], tickformat=f",.{tick_decimals(high - low)}f")
    layout["yaxis2"] = _STRIP_AXIS
    layout["annotations"] = [unit_label(chart_text(view.tag.unit), palette)]
    normal = [edge for edge in view.tag.normal or () if low < edge < high]
    layout["shapes"] = [{**edge_line(palette), "y0": edge, "y1": edge} for edge in normal]
    if mark is not None:
        x = mark / 1e3
        line = {"color": palette.anomaly, "width": 1, "dash": "dot"}
        layout["shapes"].append(
            {
                "type": "line",
                "yref": "paper",
                "x0": x,
                "x1": x,
                "y0": 0,
                "y1": 1,
                "line": line,
                "layer": "below",
            }
        )
    return _drawn(traces, layout)


def _drawn(traces: list[Trace], layout: dict[str, Any]) -> Drawn:
    """The chart, with room for whatever is written along its axes."""
    axes = {name: {**layout[name], "automargin": True} for name in ("xaxis", "yaxis")}
    return Drawn(traces, {**layout, **axes})


def _layout(span: Span, palette: Palette, height: int, *, zoom: bool) -> dict[str, Any]:
    tick = {"size": 11, "color": palette.secondary}
    plain = plain_layout(palette)
    return {
        **plain,
        "height": height,
        "margin": _MARGIN,
        "uirevision": "kept",
        "hovermode": "x",
        "hoverdistance": 40,
        "dragmode": "zoom" if zoom else False,
        "hoverlabel": plain["hoverlabel"] | {"bordercolor": palette.secondary},
        "xaxis": {
            "type": "date",
            "range": [span[0] / 1e3, span[1] / 1e3],
            "showgrid": False,
            "zeroline": False,
            "showline": True,
            "linecolor": palette.grid,
            "ticks": "outside",
            "ticklen": 4,
            "tickcolor": palette.grid,
            "tickfont": tick,
            "tickformatstops": _TICKS,
            "nticks": 7,
            "fixedrange": not zoom,
        },
        "yaxis": {
            "gridcolor": palette.grid,
            "gridwidth": 1,
            "zeroline": False,
            "tickfont": tick,
            "nticks": 5,
            "fixedrange": not zoom,
        },
    }
