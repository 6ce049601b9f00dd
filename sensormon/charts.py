"""Readings as Plotly figures: frames in, figures out.

Every chart is drawn with SVG traces (a page of WebGL charts runs out of contexts), has no
title and no legend, and keeps `uirevision`, so that new data moves nothing the viewer set.
Times are sent as milliseconds in the viewer's zone. The zone's offset at the end of the
span holds for the whole chart, so a line never runs backwards when the clocks change.

A span is `(since, until)` in microseconds UTC. Frames are those of the monitor.
What it is not: a place that reads data or knows about Streamlit.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import tzinfo
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from sensormon.readings import Bools, Floats, Ints
from sensormon.tags import Tag
from sensormon.thinning import GAP, breaks, gaps, kept_rows, usual_interval
from sensormon.timestamps import to_datetime

Span = tuple[int, int]
Trace = dict[str, Any]


@dataclass(frozen=True)
class Palette:
    """The colours of one theme. The same as in .streamlit/config.toml."""

    ground: str
    panel: str
    text: str
    secondary: str
    grid: str
    line: str
    band: str
    anomaly: str
    uncertain: str
    interaction: str


LIGHT = Palette(
    ground="#F2F3F5",
    panel="#FFFFFF",
    text="#1F2328",
    secondary="#57606A",
    grid="#E7E9EC",
    line="#4A5560",
    band="rgba(74,85,96,0.12)",
    anomaly="#C62828",
    uncertain="#9A6700",
    interaction="#2457A6",
)
DARK = Palette(
    ground="#14171A",
    panel="#1C2024",
    text="#E6E9EC",
    secondary="#9AA4AE",
    grid="#2A3036",
    line="#B4BDC6",
    band="rgba(180,189,198,0.16)",
    anomaly="#FF6B61",
    uncertain="#E3B341",
    interaction="#7DA7F0",
)

_MARGIN = {"l": 60, "r": 12, "t": 20, "b": 26}
_FONT = '"Source Sans", "Source Sans Pro", sans-serif'
_SKIP = {"hoverinfo": "skip"}
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
    height: int = 190,
    *,
    zone: tzinfo,
    mark: int | None = None,
    zoom: bool = False,
) -> go.Figure:
    """The readings of one tag over a span, with the band they were expected in.

    The line breaks where a reading is missing, a hatched strip on the time axis says so.
    `mark` (µs UTC) draws a thin upright line at that time; `zoom` lets the viewer zoom.
    """
    view = _View(frame, tag, span, zone)
    return _figure(
        [
            _band(view, palette),
            *_no_data(view, palette),
            _line(view, palette),
            _markers(view, view.uncertain, "circle-open", palette.uncertain, 8),
            _bad(view, palette),
            _markers(view, view.flagged, "diamond", palette.anomaly, 9),
        ],
        view,
        palette,
        height,
        mark=mark,
        zoom=zoom,
    )


def before_after_chart(
    before: pd.DataFrame,
    after: pd.DataFrame,
    tag: Tag,
    span: Span,
    palette: Palette,
    height: int = 340,
    *,
    zone: tzinfo,
) -> go.Figure:
    """The readings with the band of `after`, and the flags of both, told apart by shape.

    Kept: filled diamond. Gained: upward triangle. Lost: open square. The frames hold the
    same readings by `id`, scored with the old and with the new settings.
    """
    changes = flag_changes(before, after)
    view = _View(after, tag, span, zone, keep=changes)
    at = changes.reindex(view.rows["id"]).fillna("").to_numpy()
    return _figure(
        [
            _band(view, palette),
            *_no_data(view, palette),
            _line(view, palette),
            _markers(view, at == "lost", "square-open", palette.secondary, 10, width=1.8),
            _markers(view, at == "gained", "triangle-up", palette.interaction, 11),
            _markers(view, at == "kept", "diamond", palette.anomaly, 9),
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
        one: "kept" if one in old and one in new else "lost" if one in old else "gained" for one in old | new
    }
    return pd.Series(words, dtype=object).sort_index()


def count_chart(
    frame: pd.DataFrame, span: Span, palette: Palette, height: int = 90, *, zone: tzinfo
) -> go.Figure:
    """How many rows of the frame fall into each of 60 equal parts of the span, as bars."""
    since, until = span
    width = max(1, (until - since) // 60)
    bins = np.arange(since, since + 61 * width, width, dtype=np.int64)
    counts, _ = np.histogram(_micros(frame["time"]), bins=bins)
    shift = _shift(until, zone)
    trace = {
        "type": "bar",
        "x": (bins[:-1] + width // 2 + shift) / 1e3,
        "y": counts.astype(np.int32),
        "width": width / 1e3 * 0.8,
        "marker": {"color": palette.anomaly, "line": {"width": 0}},
        "hovertemplate": "%{x|%d %b %H:%M}  %{y} anomalies<extra></extra>",
        "hoverinfo": "y",
    }
    layout = _layout(span, shift, palette, height, zoom=False)
    top = max(1, int(counts.max(initial=0)))
    layout["yaxis"].update(range=[0, top * 1.15], tickvals=[0, top], tickformat=",d", zeroline=False)
    return go.Figure(data=[trace], layout=layout)


class _View:
    """The rows of one chart: of the span, in order of time, thinned, as plain arrays."""

    def __init__(
        self,
        frame: pd.DataFrame,
        tag: Tag,
        span: Span,
        zone: tzinfo,
        keep: pd.Series[str] | None = None,
    ) -> None:
        since, until = span
        time = _micros(frame["time"])
        inside = np.flatnonzero((time >= since) & (time <= until))
        order = inside[np.argsort(time[inside], kind="stable")]
        rows, time = frame.iloc[order], time[order]
        special = rows["is_anomaly"].to_numpy(dtype=bool) | (rows["quality"].to_numpy(dtype=np.uint32) != 0)
        if keep is not None:
            special |= rows["id"].isin(keep.index).to_numpy()
        self.tag, self.span, self.shift = tag, span, _shift(until, zone)
        self.interval = usual_interval(time)
        self.gaps = gaps(time, self.interval, span)
        drawn_all = (rows["quality"].to_numpy(dtype=np.uint32) >> np.uint32(30)) < 2
        segment = np.zeros(len(rows), dtype=np.int64)
        segment[drawn_all] = breaks(time[drawn_all], self.interval)
        kept = kept_rows(time, rows["value"].to_numpy(dtype=np.float64), special, span)
        self.rows, self.time, self.segment = rows.iloc[kept], time[kept], segment[kept]
        self.x: Floats = (self.time + self.shift) / 1e3
        self.value = self._floats("value")
        self.expected, self.lower, self.upper = (self._floats(n) for n in ("expected", "lower", "upper"))
        self.score = self._floats("score")
        verdict = self.rows["quality"].to_numpy(dtype=np.uint32) >> np.uint32(30)
        self.bad: Bools = verdict >= 2
        self.uncertain: Bools = verdict == 1
        self.flagged: Bools = self.rows["is_anomaly"].to_numpy(dtype=bool) & ~self.bad
        self.judged: Bools = np.isfinite(self.expected)

    def _floats(self, name: str) -> Floats:
        return self.rows[name].to_numpy(dtype=np.float64)

    @property
    def clock(self) -> str:
        """How the hover writes a time: with the date on long spans, finer at high rates."""
        time = "%H:%M:%S.%L" if 0 < self.interval < 1_000_000 else "%H:%M:%S"
        return f"%d %b {time}" if self.span[1] - self.span[0] > 86_400_000_000 else time


def _line(view: _View, palette: Palette) -> Trace:
    """The reading line, broken at gaps; its hover tells everything about a reading."""
    rows = np.flatnonzero(~view.bad)
    at = np.flatnonzero(np.diff(view.segment[rows])) + 1
    customdata = np.column_stack((view.expected, view.upper - view.expected, view.score))[rows]
    judged = view.judged[rows]
    text = np.array([_limit(view, row) if view.flagged[row] else "" for row in rows], dtype=object)
    number = f",.{view.tag.decimals}f"
    head = f"%{{x|{view.clock}}}  %{{y:{number}}} {view.tag.unit}"
    full = (
        f"{head}  expected %{{customdata[0]:{number}}} ± %{{customdata[1]:{number}}}"
        "  z %{customdata[2]:.1f}%{text}<extra></extra>"
    )
    template: Any = full
    if not judged.all():
        template = np.where(judged, full, f"{head}  not judged<extra></extra>").astype(object)
        template = np.insert(template, at, full).tolist()
    return {
        "type": "scatter",
        "mode": "lines",
        "x": np.insert(view.x[rows], at, (view.x[rows][at - 1] + view.x[rows][at]) / 2),
        "y": np.insert(view.value[rows], at, np.nan),
        "customdata": np.insert(customdata, at, np.nan, axis=0).astype(np.float32),
        "text": np.insert(text, at, "").tolist(),
        "hovertemplate": template,
        "hoverinfo": "y",
        "line": {"color": palette.line, "width": 1.4},
        "connectgaps": False,
    }


def _limit(view: _View, row: int) -> str:
    off = abs(view.value[row] - view.expected[row])
    margin = view.upper[row] - view.expected[row]
    side = "above" if view.value[row] > view.expected[row] else "below"
    if not off > 0 or not margin > 0:
        return f", {side} a flat line"
    return f", above {view.score[row] * margin / off:.1f}"


def _band(view: _View, palette: Palette) -> Trace:
    """One closed outline per stretch with a band: fills between lines misdraw at breaks."""
    rows = np.flatnonzero(view.judged)
    x: list[Floats] = []
    y: list[Floats] = []
    for part in np.split(rows, np.flatnonzero((np.diff(view.segment[rows]) != 0) | _skips(rows, view)) + 1):
        if len(part) > 1:
            x += [view.x[part], view.x[part][::-1], np.array([np.nan])]
            y += [view.upper[part], view.lower[part][::-1], np.array([np.nan])]
    return {
        "type": "scatter",
        "mode": "lines",
        "x": np.concatenate(x) if x else np.array([]),
        "y": np.concatenate(y).astype(np.float32) if y else np.array([]),
        "fill": "toself",
        "fillcolor": palette.band,
        "line": {"width": 0},
        **_SKIP,
    }


def _skips(rows: Ints, view: _View) -> Bools:
    """Where more than a few rows without a band lie between two with one."""
    result: Bools = np.diff(rows) > GAP
    return result


def _no_data(view: _View, palette: Palette) -> list[Trace]:
    """The hatched strip on the time axis, and points that say "no data" on hover."""
    x: list[float] = []
    y: list[float] = []
    points: list[Floats] = []
    words: list[str] = []
    step = (view.span[1] - view.span[0]) / 60
    for start, end in view.gaps:
        left, right = (start + view.shift) / 1e3, (end + view.shift) / 1e3
        x += [left, right, right, left, left, np.nan]
        y += [0, 0, 0.05, 0.05, 0, np.nan]
        count = max(1, int((end - start) / step))
        points.append(left + (right - left) * (np.arange(count) + 0.5) / count)
        words += [f"no data for {_seconds((end - start) / 1e6)}"] * count
    strip = {
        "type": "scatter",
        "mode": "lines",
        "x": np.array(x),
        "y": np.array(y, dtype=np.float32),
        "yaxis": "y2",
        "fill": "toself",
        "fillcolor": "rgba(0,0,0,0)",
        "fillpattern": {
            "shape": "/",
            "fgcolor": palette.secondary,
            "fgopacity": 0.6,
            "size": 5,
            "solidity": 0.25,
        },
        "line": {"width": 0},
        **_SKIP,
    }
    hover = np.concatenate(points) if points else np.array([])
    return [
        strip,
        {
            "type": "scatter",
            "mode": "markers",
            "x": hover,
            "y": np.full(len(hover), 0.025, dtype=np.float32),
            "yaxis": "y2",
            "text": words,
            "marker": {"opacity": 0, "size": 6, "color": palette.secondary},
            "hovertemplate": "%{text}<extra></extra>",
            "hoverinfo": "y",
        },
    ]


def _seconds(seconds: float) -> str:
    return f"{seconds:,.0f} s" if seconds < 120 else f"{seconds / 60:,.0f} min"


def _markers(view: _View, rows: Bools, symbol: str, color: str, size: int, *, width: float = 1.5) -> Trace:
    """Marks in front of the line; the line's own hover speaks for them."""
    outline = {"color": color, "width": width} if symbol.endswith("open") else {"width": 0}
    return {
        "type": "scatter",
        "mode": "markers",
        "x": view.x[rows],
        "y": view.value[rows],
        "marker": {"symbol": symbol, "color": color, "size": size, "opacity": 1, "line": outline},
        "cliponaxis": False,
        **_SKIP,
    }


def _bad(view: _View, palette: Palette) -> Trace:
    trace = _markers(view, view.bad, "x-thin-open", palette.uncertain, 8, width=2)
    head = f"%{{x|{view.clock}}}  %{{y:,.{view.tag.decimals}f}} {view.tag.unit}"
    return {**trace, "hoverinfo": "y", "hovertemplate": f"{head}  bad quality, not judged<extra></extra>"}


def _figure(
    traces: list[Trace], view: _View, palette: Palette, height: int, *, zoom: bool, mark: int | None = None
) -> go.Figure:
    layout = _layout(view.span, view.shift, palette, height, zoom=zoom)
    low, high = fitted(np.concatenate((view.value, view.lower, view.upper)), view.tag)
    layout["yaxis"].update(range=[low, high], tickformat=f",.{_tick_decimals(high - low)}f")
    layout["yaxis2"] = {"range": [0, 1], "overlaying": "y", "visible": False, "fixedrange": True}
    layout["annotations"] = [
        {
            "text": view.tag.unit,
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
    ]
    edges = [edge for edge in view.tag.normal or () if low < edge < high]
    dashed = {"color": palette.secondary, "width": 1, "dash": "dash"}
    layout["shapes"] = [
        {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": e, "y1": e, "line": dashed, "opacity": 0.45,
         "layer": "below"}
        for e in edges
    ]  # fmt: skip
    if mark is not None:
        x = (mark + view.shift) / 1e3
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
    return go.Figure(data=traces, layout=layout)


def _layout(span: Span, shift: int, palette: Palette, height: int, *, zoom: bool) -> dict[str, Any]:
    tick = {"size": 11, "color": palette.secondary}
    return {
        "height": height,
        "margin": _MARGIN,
        "autosize": True,
        "showlegend": False,
        "uirevision": "kept",
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": _FONT, "color": palette.text},
        "hovermode": "x",
        "hoverdistance": 40,
        "dragmode": "zoom" if zoom else False,
        "hoverlabel": {
            "bgcolor": palette.panel,
            "bordercolor": palette.secondary,
            "font": {"family": _FONT, "size": 13, "color": palette.text},
            "align": "left",
        },
        "xaxis": {
            "type": "date",
            "range": [(span[0] + shift) / 1e3, (span[1] + shift) / 1e3],
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


def fitted(values: Floats, tag: Tag) -> tuple[float, float]:
    """The y range that shows these values with 5 % air, moved outward to a round step.

    The round step keeps the axis still while readings come. Without any finite value it
    is the tag's normal band, or 0 to 1.
    """
    finite = values[np.isfinite(values)]
    if not len(finite):
        low, high = tag.normal or (0.0, 1.0)
    else:
        low, high = float(finite.min()), float(finite.max())
    least = max(4 * tag.resolution, 1e-9 * max(abs(low), abs(high)), 1e-12)
    if high - low < least:
        low, high = (low + high - least) / 2, (low + high + least) / 2
    air = 0.05 * (high - low)
    step = 10.0 ** np.floor(np.log10((high - low) / 10))
    return float(np.floor((low - air) / step) * step), float(np.ceil((high + air) / step) * step)


def _tick_decimals(size: float) -> int:
    return int(max(0, -np.floor(np.log10(size / 5))))


def _micros(times: pd.Series[Any]) -> Ints:
    micros: Ints = (
        times.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy(dtype="datetime64[us]").astype(np.int64)
    )
    return micros


def _shift(time: int, zone: tzinfo) -> int:
    offset = to_datetime(time).astimezone(zone).utcoffset()
    return round(offset.total_seconds() * 1e6) if offset else 0
