"""Overviews of tags as one Plotly figure: overlaid in one chart, or stacked on one time axis.

Times are sent as milliseconds UTC, which Plotly shows in the zone of the browser. The y axes fit
what is in view; what lies beside it is drawn too, so that a pan shows something at once.
What it is not: a place that reads data or knows about Streamlit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from sensormon.analysis.downsample import Overview
from sensormon.model.entries import Annotation
from sensormon.model.readings import Bools, Floats, Ints
from sensormon.model.tags import Tag
from sensormon.view.palette import Palette
from sensormon.view.time_charts import FONT
from sensormon.view.trace_styles import Trace
from sensormon.view.traces import Span, chart_text, micros
from sensormon.view.y_range import fitted

AXES = 4
"""Y axes beside one chart at the most; with more units the lines are normalised."""

ROW, ALONE, HEAD = 180, 380, 34
"""Heights in pixels: of a chart in a stack, of one on its own, of the line above a chart in a stack."""

CROWDED = 150
"""With this many marks of a kind they are drawn smaller; of flags then only the worst are, on the line."""

WORST = 30
"""So many flags in view, those with the highest scores; the others are strokes on the upper edge."""

STROKES = 1_500
"""Strokes on the upper edge for a whole view at the most; more could not be told apart."""

LABELLED = 12
"""With more notes in view their texts are left to the list below."""

_TICKS = [
    {"dtickrange": [None, 1_000], "value": "%H:%M:%S.%L"},
    {"dtickrange": [1_000, 60_000], "value": "%H:%M:%S"},
    {"dtickrange": [60_000, 86_400_000], "value": "%H:%M\n%d %b"},
    {"dtickrange": [86_400_000, "M1"], "value": "%d %b\n%Y"},
    {"dtickrange": ["M1", None], "value": "%b %Y"},
]
_SKIP = {"hoverinfo": "skip"}


@dataclass(frozen=True, eq=False)
class Series:
    """A tag as it is drawn: its overview, and that of a span `offset` µs earlier, where compared."""

    tag: Tag
    number: int
    now: Overview
    earlier: Overview | None = None
    offset: int = 0


def explore_chart(
    series: Sequence[Series],
    span: Span,
    palette: Palette,
    *,
    stacked: bool,
    normalised: bool = False,
    flags: bool = True,
    notes: Sequence[Annotation] = (),
    earlier: str = "",
) -> go.Figure:
    """The tags over a span, each with its marks and gaps, and what was earlier lighter and dashed.

    Without `flags` flagged readings have no marks. `normalised`: every line from the lowest to the highest
    value in view, in percent. `earlier` is what the hover calls the compared span. In an overlay lines have
    their number at the right end.
    """
    figure = _Figure(series, span, palette, stacked, normalised, flags)
    for place, one in enumerate(series):
        figure.add(place, one, earlier)
    figure.numbers()
    figure.gaps()
    figure.notes(notes)
    figure.legend()
    return go.Figure(data=figure.traces, layout=figure.layout)


def empty_stretches(series: Sequence[Series], stacked: bool) -> list[list[Span]]:
    """Of each chart, where it has no data: its tag's in a stack, in an overlay all tags' together."""
    if stacked:
        return [one.now.gaps() for one in series]
    common = series[0].now.gaps() if series else []
    for one in series[1:]:
        common = _overlap(common, one.now.gaps())
    return [common]


def normal_in_view(series: Sequence[Series], span: Span) -> bool:
    """Whether an edge of a normal band lies where it is drawn."""
    ranges = [(one.tag.normal or (), *_range([one], span)) for one in series]
    return any(low < edge < high for edges, low, high in ranges for edge in edges)


def crowded(marks: pd.DataFrame, span: Span) -> bool:
    """Whether so many flags are in view that only the worst are marked on the line."""
    return int((marks["is_anomaly"].to_numpy(dtype=bool) & _inside(marks, span)).sum()) > CROWDED


def units(series: Sequence[Series]) -> list[str]:
    """The different units, in order of their first tag."""
    return list(dict.fromkeys(one.tag.unit for one in series))


class _Figure:
    """Traces and layout while they are put together."""

    def __init__(
        self,
        series: Sequence[Series],
        span: Span,
        palette: Palette,
        stacked: bool,
        normalised: bool,
        flags: bool,
    ) -> None:
        self.flags = flags
        self.series, self.span, self.palette = series, span, palette
        self.stacked = stacked and len(series) > 1
        self.normalised = normalised and not self.stacked
        self.traces: list[Trace] = []
        rows = len(series) if self.stacked else 1
        own = [""] if self.normalised else units(series)
        self.axis_of = {  # by place in the series
            place: place if self.stacked else 0 if self.normalised else own.index(one.tag.unit)
            for place, one in enumerate(series)
        }
        self.layout = _layout(span, palette, rows)
        self.rows = [
            (1 - (row + 1) / rows, 1 - row / rows - (HEAD / (ROW * rows) if rows > 1 else 0))
            for row in range(rows)
        ]
        for axis in sorted(set(self.axis_of.values())):
            self._axis(axis)
        self.layout["xaxis"]["anchor"] = _y(rows - 1) if self.stacked else "y"

    def _axis(self, axis: int) -> None:
        members = [one for place, one in enumerate(self.series) if self.axis_of[place] == axis]
        found: dict[str, Any] = {
            "gridcolor": self.palette.grid,
            "zeroline": False,
            "nticks": 5,
            "tickmode": "auto",
            "fixedrange": True,
            "automargin": True,
            "tickfont": {"size": 11, "color": self.palette.secondary},
            "domain": self.rows[axis if self.stacked else 0],
        }
        if self.normalised:
            found |= {"range": [-5, 105], "tickvals": [0, 50, 100], "ticksuffix": " %"}
        else:
            low, high = _range(members, self.span)
            found |= {"range": [low, high], "tickformat": f",.{_decimals(high - low)}f"}
            color = self.palette.secondary
            if len(set(self.axis_of.values())) > 1 and not self.stacked:
                color = _color(self.palette, members[0].number)
                found["tickfont"] = {"size": 11, "color": color}
            title = members[0].tag.unit
            if self.stacked:
                self._text(f"<b>{chart_text(members[0].tag.label)}</b>", 0, self.rows[axis][1], "left", 0)
            found["title"] = {"text": chart_text(title), "standoff": 2, "font": {"size": 11, "color": color}}
        if axis and not self.stacked:
            found |= {"overlaying": "y", "side": "right" if axis % 2 else "left", "showgrid": False}
            found |= {"anchor": "x"} if axis == 1 else {"anchor": "free", "autoshift": True, "shift": None}
        self.layout[_layout_y(axis)] = found
        if not self.normalised:
            self._normal_band(axis, members)

    def _text(self, text: str, x: float, y: float, anchor: str, shift: int) -> None:
        self.layout["annotations"].append(
            {
                "text": text,
                "x": x,
                "y": y,
                "xref": "paper",
                "yref": "paper",
                "xanchor": anchor,
                "yanchor": "bottom",
                "xshift": shift,
                "showarrow": False,
                "font": {"size": 12, "color": self.palette.text},
            }
        )

    def _normal_band(self, axis: int, members: Sequence[Series]) -> None:
        if len(members) != 1 or (len(self.series) > 1 and not self.stacked):
            return
        low, high = self.layout[_layout_y(axis)]["range"]
        for edge in members[0].tag.normal or ():
            if low < edge < high:
                self.layout["shapes"].append(
                    {
                        "type": "line",
                        "xref": "x domain",
                        "yref": _y(axis),
                        "x0": 0,
                        "x1": 1,
                        "y0": edge,
                        "y1": edge,
                        "layer": "below",
                        "opacity": 0.45,
                        "line": {"color": self.palette.secondary, "width": 1, "dash": "dash"},
                    }
                )

    # -- lines and marks ------------------------------------------------------------------

    def add(self, place: int, one: Series, earlier: str) -> None:
        """A tag: what was earlier behind, then the line, then its marks."""
        axis = _y(self.axis_of[place])
        alone = self.stacked or len(self.series) == 1
        color = self.palette.line if alone else _color(self.palette, one.number)
        low, high = _range([one], self.span)

        def scaled(values: Floats) -> Floats:
            return (values - low) / (high - low) * 100 if self.normalised else values

        name = chart_text(one.tag.label if alone else f"{one.number}  {one.tag.label}")
        if one.earlier is not None:
            trace = _line(one.earlier, one.tag, f"{name}, {chart_text(earlier)}", scaled, shift=one.offset)
            trace |= {"yaxis": axis, "opacity": 0.6, "line": {"color": color, "width": 1.2, "dash": "dash"}}
            trace["legendrank"] = 100 + one.number
            if alone:
                trace["name"] = chart_text(earlier)
            self.traces.append(trace)
        trace = _line(one.now, one.tag, name, scaled, told=True)
        dash = "solid" if alone or one.number <= len(self.palette.series) else "dot"
        trace |= {"yaxis": axis, "line": {"color": color, "width": 1.4, "dash": dash}}
        self.traces.append(trace | {"showlegend": not alone, "legendrank": one.number})
        self._marks(one.now.marks, axis, scaled, one.tag, place if self.stacked else 0)

    def numbers(self) -> None:
        """The number of each overlaid line where it ends, pushed apart where lines end together."""
        if self.stacked or len(self.series) == 1:
            return
        places: list[tuple[float, int]] = []
        for place, one in enumerate(self.series):
            inside = np.flatnonzero((one.now.time >= self.span[0]) & (one.now.time < self.span[1]))
            if not len(inside):
                continue
            axis = self.layout[_layout_y(self.axis_of[place])]
            low, high = _range([one], self.span) if self.normalised else axis["range"]
            share = (float(one.now.value[inside[-1]]) - low) / (high - low)
            places.append((share * 100 / 110 + 5 / 110 if self.normalised else share, one.number))
        apart = 16 / ALONE
        at = -1.0
        for share, number in sorted(places):
            at = max(share, at + apart)
            color = _color(self.palette, number)
            self.layout["annotations"].append(
                {
                    "text": f"<b>{number}</b>",
                    "x": 1,
                    "xref": "paper",
                    "y": min(at, 1.0),
                    "yref": "paper",
                    "xanchor": "right",
                    "yanchor": "middle",
                    "xshift": -3,
                    "showarrow": False,
                    "borderpad": 1,
                    "font": {"size": 12, "color": color},
                    "bgcolor": self.palette.panel,
                }
            )

    def _marks(self, marks: pd.DataFrame, axis: str, scaled: Any, tag: Tag, row: int) -> None:
        quality = marks["quality"].to_numpy(dtype=np.uint32) >> np.uint32(30)
        flagged = marks["is_anomaly"].to_numpy(dtype=bool) & (quality < 2) & self.flags
        if self.flags and crowded(marks, self.span):
            kept = _worst(marks, flagged, self.span)
            self._strokes(micros(marks["time"])[flagged & ~kept], row)
            flagged = kept
        x, y = micros(marks["time"]) / 1e3, scaled(marks["value"].to_numpy(dtype=np.float64))
        for kind, symbol, color, words in (
            (quality == 1, "circle-open", self.palette.uncertain, "uncertain"),
            (quality >= 2, "x-thin-open", self.palette.uncertain, "bad quality"),
            (flagged, "diamond", self.palette.anomaly, "flagged"),
        ):
            if kind.any():
                trace = _points(x, y, kind, symbol, color) | {"yaxis": axis, "name": words}
                if symbol == "x-thin-open":
                    name = chart_text(tag.label)
                    head = f"%{{customdata:,.{tag.decimals}f}} {chart_text(tag.unit)}"
                    trace |= {
                        "customdata": marks["value"].to_numpy(dtype=np.float64)[kind],
                        "hovertemplate": f"{name}  {head}  bad quality, not judged<extra></extra>",
                        "hoverinfo": "y",
                    }
                self.traces.append(trace)

    def _strokes(self, time: Ints, row: int) -> None:
        """A stroke on the upper edge of a chart for each flag, those that lie on each other once."""
        if not len(time):
            return
        step = max(1, (self.span[1] - self.span[0]) // STROKES)
        x = np.unique(time // step) * step / 1e3
        self.traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "x": x,
                "y": np.full(len(x), 0.99),
                **_SKIP,
                "cliponaxis": False,
                "yaxis": self._edges(row),
                "marker": {
                    "symbol": "line-ns-open",
                    "size": 5,
                    "opacity": 0.45,
                    "color": self.palette.anomaly,
                    "line": {"width": 1, "color": self.palette.anomaly},
                },
            }
        )

    def _edges(self, row: int) -> str:
        """The axis of a chart from 0 at its lower edge to 1 at its upper one."""
        name = 49 + row
        self.layout[_layout_y(name)] = {
            "range": [0, 1],
            "overlaying": _y(row) if row else "y",
            "visible": False,
            "fixedrange": True,
            "anchor": "x",
        }
        return _y(name)

    # -- gaps and notes -------------------------------------------------------------------

    def gaps(self) -> None:
        """The hatched strip where there is no data: of each chart's tag, of an overlay's tags together."""
        for row, common in enumerate(empty_stretches(self.series, self.stacked)):
            if not common:
                continue
            self.traces.append(_strip(common, self.palette) | {"yaxis": self._edges(row), "name": "no data"})

    def notes(self, notes: Sequence[Annotation]) -> None:
        """A line for a note on a moment, a tint with a bracket for one on a span, the text above."""
        for place, one in enumerate(notes):
            left, right = one.since / 1e3, one.until / 1e3
            edge = {
                "type": "line",
                "xref": "x",
                "yref": "paper",
                "line": {"color": self.palette.interaction, "width": 1.5, "dash": "dot"},
            }
            self.layout["shapes"].append({**edge, "x0": left, "x1": left, "y0": 0, "y1": 1.0})
            if right > left:
                self.layout["shapes"] += [
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
                        "fillcolor": self.palette.interaction,
                        "opacity": 0.1,
                    },
                    {**edge, "x0": left, "x1": right, "y0": 1, "y1": 1},
                    {**edge, "x0": right, "x1": right, "y0": 0, "y1": 1},
                ]
            if len(notes) <= LABELLED:
                short = one.text if len(one.text) <= 30 else f"{one.text[:29].rstrip()}…"
                at = max(left, self.span[0] / 1e3)
                late = at > (self.span[0] + 3 * self.span[1]) / 4e3  # to the left, or it would be cut off
                self.layout["annotations"].append(
                    {
                        "text": f"✎ {chart_text(short)}",
                        "x": at,
                        "xref": "x",
                        "y": 1,
                        "yref": "paper",
                        "xanchor": "right" if late else "left",
                        "yanchor": "bottom",
                        "showarrow": False,
                        "yshift": 1 + 14 * (place % 2),
                        "hovertext": f"{chart_text(one.text)}<br>{chart_text(one.who)}",
                        "font": {"size": 11, "color": self.palette.interaction},
                    }
                )
        if notes and len(notes) <= LABELLED:
            self.layout["margin"]["t"] = 36

    def legend(self) -> None:
        """What is what, once each, for a picture of the chart; on the page the words below it say so."""
        told = {""}
        for trace in self.traces:
            name = trace.get("name", "")
            trace["showlegend"] = trace.get("showlegend", True) and name not in told
            told.add(name)


def _line(one: Overview, tag: Tag, name: str, scaled: Any, *, shift: int = 0, told: bool = False) -> Trace:
    """The readings of an overview, broken where there are none; `told`: flagged ones say so."""
    time, value = one.time, one.value
    ends = np.array([end for end, _ in one.breaks()], dtype=np.int64)
    at = np.unique(np.searchsorted(time, ends, side="right"))
    at = at[(at > 0) & (at < len(time))]
    x = (np.insert(time, at, time[at - 1] + 1) + shift) / 1e3
    number = f",.{tag.decimals}f"
    text: Any = ""
    if told and one.flagged:
        flags = one.marks[one.marks["is_anomaly"].to_numpy(dtype=bool)]
        scores = dict(zip(micros(flags["time"]).tolist(), flags["score"].tolist(), strict=True))
        words = [f"  ◆ flagged, score {scores[t]:,.1f}" if t in scores else "" for t in time.tolist()]
        text = np.insert(np.array(words, dtype=object), at, "").tolist()
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": x,
        "y": np.insert(scaled(value), at, np.nan),
        "customdata": np.insert(value, at, np.nan),
        "text": text or None,
        "hovertemplate": f"{name}  %{{customdata:{number}}} {chart_text(tag.unit)}{'%{text}' if text else ''}"
        "<extra></extra>",
        "connectgaps": False,
    }


def _inside(marks: pd.DataFrame, span: Span) -> Bools:
    time = micros(marks["time"])
    found: Bools = (time >= span[0]) & (time < span[1])
    return found


def _worst(marks: pd.DataFrame, flagged: Bools, span: Span) -> Bools:
    """Of the flags in view, and of those beside it, the ones with the highest scores."""
    kept: Bools = np.zeros(len(marks), dtype=np.bool_)
    inside, score = _inside(marks, span), marks["score"].fillna(np.inf).to_numpy(dtype=np.float64)
    for part in (np.flatnonzero(flagged & inside), np.flatnonzero(flagged & ~inside)):
        kept[part[np.argsort(-score[part], kind="stable")[:WORST]]] = True
    return kept


def _points(x: Floats, y: Floats, kind: Bools, symbol: str, color: str) -> Trace:
    size = 9 if kind.sum() < CROWDED else 6
    outline = {"color": color, "width": 1.5} if symbol.endswith("open") else {"width": 0}
    return {
        "type": "scatter",
        "mode": "markers",
        "x": x[kind],
        "y": y[kind],
        "cliponaxis": True,
        **_SKIP,
        "marker": {"symbol": symbol, "color": color, "size": size, "opacity": 1, "line": outline},
    }


def _strip(gaps: Sequence[Span], palette: Palette) -> Trace:
    x: list[float] = []
    y: list[float] = []
    for start, end in gaps:
        left, right = start / 1e3, end / 1e3
        x += [left, right, right, left, left, np.nan]
        y += [0, 0, 0.05, 0.05, 0, np.nan]
    return {
        "type": "scatter",
        "mode": "lines",
        "x": np.array(x),
        "y": np.array(y),
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


def _overlap(some: Sequence[Span], others: Sequence[Span]) -> list[Span]:
    """The stretches that lie in both."""
    found = [(max(a, c), min(b, d)) for a, b in some for c, d in others if max(a, c) < min(b, d)]
    return sorted(found)


def _range(members: Sequence[Series], span: Span) -> tuple[float, float]:
    """What fits the readings in view of these tags, and what is compared with them."""
    values = [
        part.value[(part.time + shift >= span[0]) & (part.time + shift < span[1])]
        for one in members
        for part, shift in ((one.now, 0), (one.earlier, one.offset))
        if part is not None
    ]
    return fitted(np.concatenate(values), members[0].tag)


def _layout(span: Span, palette: Palette, rows: int) -> dict[str, Any]:
    return {
        "height": ROW * rows + 46 if rows > 1 else ALONE,
        "margin": {"l": 54, "r": 22, "t": 12, "b": 34},
        "autosize": True,
        "showlegend": False,
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": FONT, "color": palette.text},
        "hovermode": "x unified",
        "hoversubplots": "axis",
        "hoverdistance": 40,
        "dragmode": "zoom",
        "shapes": [],
        "annotations": [],
        "hoverlabel": {
            "bgcolor": palette.panel,
            "bordercolor": palette.border,
            "align": "left",
            "font": {"family": FONT, "size": 13, "color": palette.text},
        },
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
            "tickfont": {"size": 11, "color": palette.secondary},
            "tickformatstops": _TICKS,
            "nticks": 8,
            "hoverformat": "%d %b %Y  %H:%M:%S",
            "unifiedhovertitle": {"text": "%{x|%a %d %b %Y  %H:%M:%S}"},
            "showspikes": True,
            "spikemode": "across",
            "spikesnap": "cursor",
            "spikethickness": 1,
            "spikedash": "solid",
            "spikecolor": palette.secondary,
        },
    }


def _y(axis: int) -> str:
    return "y" if axis == 0 else f"y{axis + 1}"


def _layout_y(axis: int) -> str:
    return "yaxis" if axis == 0 else f"yaxis{axis + 1}"


def _color(palette: Palette, number: int) -> str:
    return palette.series[(number - 1) % len(palette.series)]


def _decimals(size: float) -> int:
    return int(max(0, -np.floor(np.log10(size / 5))))
