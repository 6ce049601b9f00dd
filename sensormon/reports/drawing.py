"""The chart of a tag for print, as SVG, drawn by matplotlib without a display.

Every text in it is made here: numbers and times on the axes. Names and units from outside are set beside it
by the page, as text. What it is not: a chart of the pages, which browsers draw.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from io import StringIO
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from matplotlib.dates import AutoDateLocator, DateFormatter
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from sensormon.analysis.state_course import Stretch
from sensormon.model.readings import Floats, Ints
from sensormon.model.timestamps import micros, to_datetime
from sensormon.reports.content import Course
from sensormon.view.palette import LIGHT
from sensormon.view.state_bands import fill, place_of

WIDTH, HEIGHT, BAND_HEIGHT = 7.09, 1.55, 0.62
"""Inches: the width of the text on A4, a chart of numbers, a band of states."""
MOST_FLAGS = 400
"""Flags that a chart marks; of more, those with the highest scores."""
_NORMAL, _EMPTY = "#EDEFF2", "#F2F3F5"
"""The palette's band on white, and a stretch without readings."""
_LARGEST = 1e300
"""Numbers are drawn up to here: a range of the largest that there are is wider than any of them."""
_AIR = 0.08
_PLAIN = 1e7
_LEFT, _RIGHT, _TOP, _BOTTOM = 0.52, 0.06, 0.07, 0.24  # inches around the axes


def drawn(course: Course, zone: ZoneInfo, share: float = 1.0) -> str:
    """The chart of this course as SVG, as wide as this share of the page's text; empty without readings."""
    if not course.overview.readings:
        return ""
    states = course.tag.has_states
    if not states and not np.isfinite(course.overview.value).any():
        return ""
    width, height = WIDTH * share, BAND_HEIGHT if states else HEIGHT
    figure = Figure(figsize=(width, height), facecolor="none")
    left = 0.02 if states else _LEFT
    place = (
        left / width,
        _BOTTOM / height,
        1 - (left + _RIGHT) / width,
        1 - (_TOP + _BOTTOM) / height,
    )
    axes: Any = figure.add_axes(place)
    axes.patch.set_visible(False)
    if states:
        _band(axes, course.stretches, course.words or {})
    else:
        _line(axes, course)
    _dress(axes, course, zone, width)
    picture = StringIO()
    figure.savefig(picture, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    return picture.getvalue()


def _line(axes: Any, course: Course) -> None:
    """The readings, the normal band, stretches without readings, flags as diamonds."""
    overview = course.overview
    if course.tag.normal is not None:
        axes.axhspan(*course.tag.normal, color=_NORMAL, linewidth=0, zorder=1)
    for start, end in overview.gaps():
        axes.axvspan(
            _date(start), _date(end), facecolor="none", edgecolor=LIGHT.border, hatch="////", lw=0, zorder=1
        )
    times, values = _broken(overview.time, _drawable(overview.value), overview.breaks())
    axes.plot(times, values, color=LIGHT.line, linewidth=0.8, solid_joinstyle="round", zorder=2)
    alone = np.isfinite(values)
    alone &= ~np.isfinite(np.concatenate((values[1:], [np.nan]))) & ~np.isfinite(
        np.concatenate(([np.nan], values[:-1]))
    )
    axes.plot(times[alone], values[alone], ".", color=LIGHT.line, markersize=2.5, zorder=2)
    marks = overview.marks[overview.marks["is_anomaly"].astype(bool)]
    if len(marks) > MOST_FLAGS:
        marks = marks.nlargest(MOST_FLAGS, "score")
    at = micros(marks["time"]).astype("datetime64[us]")
    flagged = _drawable(marks["value"].to_numpy(dtype=np.float64))
    axes.plot(at, flagged, "D", color=LIGHT.anomaly, markersize=2.6, markeredgewidth=0, zorder=3)
    seen = np.concatenate((values[np.isfinite(values)], flagged[np.isfinite(flagged)]))
    axes.set_ylim(*_range(seen, course.tag.normal))
    axes.yaxis.set_major_locator(MaxNLocator(nbins=4, min_n_ticks=2))
    if max(map(abs, axes.get_ylim())) < _PLAIN:
        axes.ticklabel_format(axis="y", style="plain", useOffset=False)


def _broken(time: Ints, value: Floats, gaps: list[tuple[int, int]]) -> tuple[Any, Floats]:
    """The line with a hole at each of these gaps, which it must not bridge."""
    at = np.searchsorted(time, [start for start, _ in gaps], side="right")
    times = np.insert(time, at, [start for start, _ in gaps]).astype("datetime64[us]")
    values: Floats = np.insert(value, at, np.nan)
    return times, values


def _drawable(values: Floats) -> Floats:
    drawable: Floats = np.clip(values, -_LARGEST, _LARGEST)  # NaN, a hole, stays
    return drawable


def _range(values: Floats, normal: tuple[float, float] | None) -> tuple[float, float]:
    """The readings, and the normal band as far as their own spread from them."""
    low, high = float(values.min()), float(values.max())
    spread = max(high - low, 1e-3 * max(abs(low), abs(high))) or 1.0
    if normal is not None:
        low, high = min(low, max(normal[0], low - spread)), max(high, min(normal[1], high + spread))
    air = max(_AIR * (high - low), (spread - (high - low)) / 2)
    return low - air, high + air


def _band(axes: Any, stretches: tuple[Stretch, ...], words: Mapping[float, str]) -> None:
    """A bar for each stretch in the colour of its state; what is not good has an amber edge."""
    for stretch in stretches:
        color, pattern, _ = fill(LIGHT, place_of(words, stretch.code))
        start, end = _date(stretch.start), _date(stretch.end)
        edge = LIGHT.uncertain if stretch.quality else color
        style = {
            "facecolor": color,
            "edgecolor": LIGHT.panel if pattern else edge,
            "hatch": pattern * 3 or None,
        }
        axes.axvspan(start, end, 0.0, 1.0, linewidth=0.8 if stretch.quality else 0, **style)
    axes.set_ylim(0, 1)
    axes.set_yticks([])


def _dress(axes: Any, course: Course, zone: ZoneInfo, width: float) -> None:
    since, until = course.overview.since, course.overview.until
    seconds = (until - since) / 1e6
    axes.set_xlim(_date(since), _date(until))
    locator = AutoDateLocator(tz=zone, minticks=3, maxticks=8 if width > WIDTH / 2 else 5)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(DateFormatter(_form(seconds), tz=zone))
    axes.tick_params(labelsize=6.5, colors=LIGHT.secondary, length=0, pad=2.5)
    if not course.tag.has_states:
        axes.grid(color=LIGHT.grid, linewidth=0.5)
    axes.set_axisbelow(True)
    for side, spine in axes.spines.items():
        spine.set_visible(side == "bottom")
        spine.set_color(LIGHT.border)
        spine.set_linewidth(0.6)


def _form(seconds: float) -> str:
    """How times are written on the axis of a span of this length."""
    for most, form in (
        (600, "%H:%M:%S"),
        (90_000, "%H:%M"),
        (8 * 86_400, "%a %d %H:%M"),
        (120 * 86_400, "%d %b"),
    ):
        if seconds <= most:
            return form
    return "%b %Y"


def _date(time: int) -> datetime:
    return to_datetime(time)
