"""Where Explore draws each tag: in which chart, on which y axis, over which range, in which colour.

`arrange` decides this once, as a frozen `Layout`. Everything that draws uses the `Layout`.
Axes are numbered from 0; Plotly calls them y, y2, y3 and so on.
What it is not: the lines and marks (`explore_traces`), or a place that reads data.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import count
from typing import Any

import numpy as np

from sensormon.analysis.downsample import Overview
from sensormon.analysis.spans import place_in
from sensormon.analysis.state_course import Stretch
from sensormon.model.readings import Floats
from sensormon.model.tags import Tag
from sensormon.model.timestamps import micros
from sensormon.view.palette import Palette
from sensormon.view.plain_chart import plain_layout
from sensormon.view.state_bands import TEXT
from sensormon.view.trace_styles import Trace
from sensormon.view.traces import Span, chart_text
from sensormon.view.y_range import fitted, tick_decimals

AXES = 2
"""The most y axes beside one chart, one on each side; with more units the lines are normalised."""

NO_UNIT = "no unit"
"""The name of the axis that tags without a unit share."""

TITLE = 44
"""The most characters of labels above a chart of several tags, about what a phone has room for."""

ALONE, HEAD = 440, 34
"""Heights in pixels: of a single chart, of the line above a chart in a stack."""

ROWS = {2: 260, 3: 205, 5: 160, 8: 128, 12: 106}
"""The height of a chart in a stack of up to this number of charts, in pixels, with the line above it."""

BAND, BAND_ALONE = 82, 130
"""Heights in pixels of a band of states below other charts, with the line above it, and of one alone."""

PERCENT = (-5, 105)
"""The range of the axis of normalised lines."""

_EDGES = 49
"""The number of the first chart's axis from 0 at its lower edge to 1 at its upper edge."""

_TICKS = [
    {"dtickrange": [None, 1_000], "value": "%H:%M:%S.%L"},
    {"dtickrange": [1_000, 60_000], "value": "%H:%M:%S"},
    {"dtickrange": [60_000, 86_400_000], "value": "%H:%M\n%d %b"},
    {"dtickrange": [86_400_000, "M1"], "value": "%d %b\n%Y"},
    {"dtickrange": ["M1", None], "value": "%b %Y"},
]


class Arrangement(StrEnum):
    """How tags of numbers are divided among charts; each tag of states has one of its own."""

    STACKED = "Stacked"
    BY_UNIT = "By unit"
    OVERLAY = "Overlay"


@dataclass(frozen=True)
class Axis:
    """How the viewer wants a tag drawn: over this `range` of values, None to fit the view; in which colour.

    `color` counts the palette's series. It is the tag's usual one, drawn where several lines share a chart,
    unless it was `chosen`: then in any chart.
    """

    range: tuple[float, float] | None = None
    color: int | None = None
    chosen: bool = False


@dataclass(frozen=True, eq=False)
class Series:
    """A tag to draw: its overview, and for a comparison that of a span `offset` µs earlier.

    `number` is the tag's place in the list beside the chart, from 1. A tag of states
    has its `course`, which is drawn as a band, and the `words` of its codes. With `windows` the line has
    only readings of these spans, and breaks between them.
    """

    tag: Tag
    number: int
    now: Overview
    earlier: Overview | None = None
    offset: int = 0
    axis: Axis = field(default_factory=Axis)
    course: Sequence[Stretch] = ()
    windows: Sequence[Span] | None = None
    words: Mapping[float, str] = field(default_factory=dict)

    @property
    def is_band(self) -> bool:
        """Whether it is drawn as a band of states."""
        return self.tag.has_states

    def empty(self) -> list[Span]:
        """The stretches of the span without data; a state that lasts through one fills it."""
        return [
            (left, right)
            for left, right in self.now.gaps()
            if not any(stretch.start < right and stretch.end > left for stretch in self.course)
        ]


@dataclass(frozen=True, eq=False)
class Layout:
    """Which chart and axis each series has; see `arrange`.

    `normalised`: each line runs from its lowest to its highest value in view, in percent. `axes` has the
    number of the y axis of each series, `charts` the chart it is in, counted from the top. A `place` is an
    index into `series`.
    """

    series: Sequence[Series]
    span: Span
    palette: Palette
    normalised: bool
    axes: tuple[int, ...]
    charts: tuple[int, ...]

    def is_alone(self, place: int) -> bool:
        """Whether no other tag is in the chart of this one."""
        return self.charts.count(self.charts[place]) == 1

    @property
    def rows(self) -> int:
        """The number of charts."""
        return max(self.charts, default=0) + 1

    def row(self, place: int) -> int:
        """The chart of a series, counted from the top."""
        return self.charts[place]

    def in_row(self, row: int) -> list[int]:
        """The places of the series in a chart."""
        return [place for place, chart in enumerate(self.charts) if chart == row]

    def row_axis(self, row: int) -> int:
        """The first y axis of a chart."""
        return self.axes[self.charts.index(row)]

    @property
    def heights(self) -> list[int]:
        """The height of each chart, in pixels, with the line above it."""
        bands = [self.series[self.charts.index(row)].is_band for row in range(self.rows)]
        if self.rows == 1:
            return [BAND_ALONE if bands[0] else ALONE]
        number = bands.count(False)
        row = next((height for most, height in ROWS.items() if number <= most), min(ROWS.values()))
        return [BAND if is_band else row if number > 1 else ALONE for is_band in bands]

    def axis(self, place: int) -> str:
        """Plotly's name for the y axis of a series."""
        return _axis_name(self.axes[place])

    def members(self, axis: int) -> list[Series]:
        """The series on a y axis."""
        return [series for series, own in zip(self.series, self.axes, strict=True) if own == axis]

    def domain(self, row: int) -> tuple[float, float]:
        """The lower and the upper edge of a chart as shares of the figure's height."""
        heights = self.heights
        whole, above = sum(heights), sum(heights[:row])
        head = HEAD if self.rows > 1 else 0
        return 1 - (above + heights[row]) / whole, 1 - (above + head) / whole

    def axis_range(self, axis: int) -> tuple[float, float]:
        """The range of a y axis."""
        members = self.members(axis)
        if members[0].is_band:
            return 0, 1
        return PERCENT if self.normalised else shown_range(members, self.span)

    def scaled(self, place: int, values: Floats) -> Floats:
        """Values of a series in the units of its y axis."""
        if not self.normalised:
            return values
        low, high = value_range([self.series[place]], self.span)
        return (values - low) / (high - low) * 100

    def color(self, place: int) -> str:
        """The colour of a line; in a chart of its own every tag has the same, unless another was chosen."""
        item = self.series[place]
        plain = self.is_alone(place) and not item.axis.chosen
        return self.palette.line if plain else series_color(self.palette, item)

    def is_dotted(self, place: int) -> bool:
        """Whether a line before this one in the same chart has its colour."""
        own = color_index(self.series[place], self.palette)
        return any(
            color_index(self.series[other], self.palette) == own
            for other in self.in_row(self.charts[place])
            if other < place
        )


def band_series(
    tag: Tag, number: int, overview: Overview, course: Sequence[Stretch], words: Mapping[float, str]
) -> Series:
    """A tag of states to draw: of its readings the changes alone."""
    drawn = [stretch for stretch in course if stretch.quality < 2]
    changes = replace(
        overview,
        time=np.array([stretch.start for stretch in drawn], dtype=np.int64),
        value=np.array([stretch.code for stretch in drawn], dtype=np.float64),
    )
    return Series(tag, number, changes, course=course, words=words)


def kept_while(series: Series, windows: Sequence[Span]) -> Series:
    """The series with only those readings and marks that lie in these spans, which are in order of time."""
    overview = series.now
    inside = place_in(overview.time, windows) >= 0
    marks = overview.marks[place_in(micros(overview.marks["time"]), windows) >= 0]
    kept = replace(overview, time=overview.time[inside], value=overview.value[inside], marks=marks)
    return replace(series, now=kept, windows=windows)


def arrange(
    series: Sequence[Series], span: Span, palette: Palette, *, arrangement: Arrangement, normalised: bool
) -> Layout:
    """Give each series its chart and its axis.

    Stacked: a chart for each tag, in their order. By unit: a chart for the tags of each unit, which share an
    axis. Overlay: one chart for all numbers, with an axis for each unit; only there lines are `normalised`.
    In the last two each tag of states has a chart of its own below.
    """
    charts = charts_of(series, arrangement)
    if arrangement is not Arrangement.OVERLAY:
        return Layout(series, span, palette, normalised=False, axes=charts, charts=charts)
    own = units(series)
    lines = 1 if normalised and own else len(own)  # axes of numbers; each band has one of its own after them
    axes = tuple(
        chart - min(1, lines) + lines if item.is_band else 0 if normalised else own.index(item.tag.unit)
        for item, chart in zip(series, charts, strict=True)
    )
    return Layout(series, span, palette, normalised, axes, charts)


def charts_of(series: Sequence[Series], arrangement: Arrangement) -> tuple[int, ...]:
    """The chart of each series, counted from the top."""
    if arrangement is Arrangement.STACKED:
        return tuple(range(len(series)))
    own = units(series)
    numbers = len(own) if arrangement is Arrangement.BY_UNIT else min(1, len(own))
    below = count(numbers)
    return tuple(
        next(below) if item.is_band else min(own.index(item.tag.unit), numbers - 1) for item in series
    )


def units(series: Sequence[Series]) -> list[str]:
    """The different units of numbers, in order of their first tag."""
    return list(dict.fromkeys(item.tag.unit for item in series if not item.is_band))


def value_range(series: Sequence[Series], span: Span) -> tuple[float, float]:
    """The y range that fits the readings of these series in view, and those they are compared with."""
    values = [
        part.value[(part.time + shift >= span[0]) & (part.time + shift < span[1])]
        for item in series
        for part, shift in ((item.now, 0), (item.earlier, item.offset))
        if part is not None
    ]
    return fitted(np.concatenate(values), series[0].tag)


def shown_range(series: Sequence[Series], span: Span) -> tuple[float, float]:
    """The y range of these series on one axis: what the viewer chose for any of them, or what fits."""
    chosen = [item.axis.range for item in series if item.axis.range is not None]
    if not chosen:
        return value_range(series, span)
    return min(low for low, _ in chosen), max(high for _, high in chosen)


def series_color(palette: Palette, item: Series) -> str:
    """The colour of this tag where lines share a chart; the colours repeat."""
    return palette.series[color_index(item, palette)]


def color_index(item: Series, palette: Palette) -> int:
    """Which of the palette's series the tag has: its own, or that of its place in the list."""
    own = item.number - 1 if item.axis.color is None else item.axis.color
    return own % len(palette.series)


def edge_axis(row: int) -> str:
    """Plotly's name for a chart's axis from 0 at its lower edge to 1 at its upper edge."""
    return _axis_name(_EDGES + row)


def frame(layout: Layout, traces: Iterable[Trace]) -> dict[str, Any]:
    """Plotly's layout for these traces: axes, chart titles, normal bands, and how the hover looks."""
    drawn_on = {trace["yaxis"] for trace in traces}
    axes = sorted(set(layout.axes))
    edges = [row for row in range(layout.rows) if edge_axis(row) in drawn_on]
    return {
        **_base(layout),
        **{_layout_name(axis): _value_axis(layout, axis) for axis in axes},
        **{_layout_name(_EDGES + row): _edge_axis(layout, row) for row in edges},
        "annotations": [_title(layout, row) for row in range(layout.rows) if _is_titled(layout, row)],
        "shapes": [] if layout.normalised else _normal_edges(layout),
    }


def _base(layout: Layout) -> dict[str, Any]:
    span, palette, rows = layout.span, layout.palette, layout.rows
    return {
        **plain_layout(palette),
        "height": sum(layout.heights) + 46 if rows > 1 else layout.heights[0],
        "barmode": "overlay",
        "uniformtext": TEXT,
        "margin": {"l": 54, "r": 22, "t": 12, "b": 34},
        "hovermode": "x unified",
        "hoversubplots": "axis",
        "hoverdistance": 40,
        "dragmode": "zoom",
        "xaxis": {
            "type": "date",
            "range": [span[0] / 1e3, span[1] / 1e3],
            "anchor": _axis_name(layout.row_axis(rows - 1)),
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


def _value_axis(layout: Layout, axis: int) -> dict[str, Any]:
    """A y axis of values; beside another one each has the colour of its first line, the second is right."""
    members = layout.members(axis)
    row = layout.charts[layout.axes.index(axis)]
    if members[0].is_band:
        return {"range": [0, 1], "visible": False, "fixedrange": True, "domain": layout.domain(row)}
    first = layout.row_axis(row)
    several = len(units([layout.series[place] for place in layout.in_row(row)])) > 1
    color = series_color(layout.palette, members[0]) if several else layout.palette.secondary
    style: dict[str, Any] = {
        "gridcolor": layout.palette.grid,
        "zeroline": False,
        "nticks": 5,
        "tickmode": "auto",
        "fixedrange": True,
        "automargin": True,
        "tickfont": {"size": 11, "color": color},
        "domain": layout.domain(row),
    }
    low, high = layout.axis_range(axis)
    style["range"] = [low, high]
    if layout.normalised:
        style |= {"tickvals": [0, 50, 100], "ticksuffix": " %"}
    else:
        unit = chart_text(members[0].tag.unit or NO_UNIT)
        style["tickformat"] = f",.{tick_decimals(high - low)}f"
        style["title"] = {"text": unit, "standoff": 2, "font": {"size": 11, "color": color}}
    if axis != first:
        style |= {"overlaying": _axis_name(first), "side": "right", "showgrid": False, "anchor": "x"}
    return style


def _edge_axis(layout: Layout, row: int) -> dict[str, Any]:
    return {
        "range": [0, 1],
        "overlaying": _axis_name(layout.row_axis(row)),
        "visible": False,
        "fixedrange": True,
        "anchor": "x",
    }


def _is_titled(layout: Layout, row: int) -> bool:
    """Whether a chart needs a title: one of several does, unless it has lines with different axes."""
    return layout.rows > 1 and len({layout.axes[place] for place in layout.in_row(row)}) == 1


def _title(layout: Layout, row: int) -> dict[str, Any]:
    """The tag's label above its chart; of several tags their numbers and labels, as far as they fit."""
    places = layout.in_row(row)
    return {
        "text": f"<b>{chart_text(layout.series[places[0]].tag.label)}</b>"
        if len(places) == 1
        else _labels(layout, places),
        "x": 0,
        "y": layout.domain(row)[1],
        "xref": "paper",
        "yref": "paper",
        "xanchor": "left",
        "yanchor": "bottom",
        "xshift": 0,
        "showarrow": False,
        "font": {"size": 12, "color": layout.palette.text},
    }


def _labels(layout: Layout, places: Sequence[int]) -> str:
    """Numbers and labels of tags in the colours of their lines; what does not fit is counted."""
    parts: list[str] = []
    room = TITLE
    for place in places:
        item = layout.series[place]
        room -= len(item.tag.label) + 4
        if parts and room < 0:
            break
        label = f"<b>{item.number}</b> {chart_text(item.tag.label)}"
        parts.append(f'<span style="color:{layout.color(place)}">{label}</span>')
    more = len(places) - len(parts)
    return "   ".join(parts) + (f"   and {more} more" if more else "")


def _normal_edges(layout: Layout) -> list[dict[str, Any]]:
    """A dashed line at each edge of a normal band that lies in view, of each tag alone in its chart."""
    shapes = []
    for place, item in enumerate(layout.series):
        if item.is_band or not layout.is_alone(place):
            continue
        low, high = layout.axis_range(layout.axes[place])
        shapes += [
            {
                "type": "line",
                "xref": "x domain",
                "yref": layout.axis(place),
                "x0": 0,
                "x1": 1,
                "y0": edge,
                "y1": edge,
                "layer": "below",
                "opacity": 0.45,
                "line": {"color": layout.palette.secondary, "width": 1, "dash": "dash"},
            }
            for edge in item.tag.normal or ()
            if low < edge < high
        ]
    return shapes


def _axis_name(axis: int) -> str:
    return "y" if axis == 0 else f"y{axis + 1}"


def _layout_name(axis: int) -> str:
    return "yaxis" if axis == 0 else f"yaxis{axis + 1}"
