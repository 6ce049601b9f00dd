"""The chart of an event, drawn by matplotlib without a display. Only `picture` imports it."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from io import BytesIO
from typing import Any

import numpy as np
from matplotlib.dates import AutoDateLocator, DateFormatter
from matplotlib.figure import Figure

from sensormon.analysis.gaps import breaks, kept_rows, usual_interval
from sensormon.model.readings import Bools, Floats, Ints
from sensormon.model.timestamps import to_datetime
from sensormon.view.palette import LIGHT

INCHES = (6.4, 2.9)
DPI = 150
"""The picture is 960 by 435 pixels, twice what a mail shows on a sharp screen."""
LONGEST_TITLE = 60
"""Characters."""
_AIR = 0.08
"""The margin above and below the readings, as a part of their range."""
_NARROWEST = 60.0
"""Seconds that the time axis has at least."""
_PLAIN = 1e7
"""Numbers on the axis are written in full below it."""
_LEAST = 1e-3
"""The smallest range of the axis, as a part of the value."""
_BAND = "#E4E6E9"
"""The palette's band on white; with an alpha it would be darker where stretches meet."""


def drawn(
    times: Ints,
    values: Floats,
    lower: Floats,
    upper: Floats,
    flagged: Bools,
    title: str,
    unit: str,
    zone: tzinfo,
) -> bytes:
    """See `picture.event_chart`; at least one value is finite."""
    finite = np.isfinite(values)
    stretches = breaks(times[finite], usual_interval(times))
    times, values, flagged = times[finite], values[finite], flagged[finite]
    lower, upper = lower[finite], upper[finite]
    span = (int(times[0]), int(times[-1]))
    rows = kept_rows(times, values, flagged, span)
    stretches, times, values, flagged = stretches[rows], times[rows], values[rows], flagged[rows]
    edges = np.where(np.isfinite(lower[rows]) & np.isfinite(upper[rows]), (lower[rows], upper[rows]), np.nan)

    figure = Figure(figsize=INCHES, dpi=DPI, facecolor=LIGHT.panel, layout="constrained")
    axes: Any = figure.add_subplot()
    dates = times.astype("datetime64[us]")
    at = np.flatnonzero(np.diff(stretches)) + 1  # a missing value ends the line there
    broken, line, low, high = (
        np.insert(part, at, missing)
        for part, missing in ((dates, dates[at]), (values, np.nan), (edges[0], np.nan), (edges[1], np.nan))
    )
    axes.fill_between(broken, low, high, color=_BAND, linewidth=0, zorder=1)
    axes.plot(broken, line, color=LIGHT.line, linewidth=1.3, zorder=2)
    alone = np.bincount(stretches)[stretches] == 1  # a line of one reading would not be seen
    axes.plot(dates[alone], values[alone], ".", color=LIGHT.line, markersize=5, zorder=2)
    axes.plot(dates[flagged], values[flagged], "D", color=LIGHT.anomaly, markersize=4.5, zorder=3)
    axes.set_ylim(*_range(values, edges))
    _dress(axes, title, unit, zone, span)
    picture = BytesIO()
    figure.savefig(picture, format="png", metadata={"Software": None})
    return picture.getvalue()


def _range(value: Floats, edges: Floats) -> tuple[float, float]:
    """The y range: the readings, and the band as far as their own spread from them."""
    low, high = float(value.min()), float(value.max())
    spread = max(high - low, _LEAST * max(abs(low), abs(high))) or 1.0
    near = np.clip(edges[np.isfinite(edges)], low - spread, high + spread)
    low, high = min(low, *near, low), max(high, *near, high)
    air = max(_AIR * (high - low), (spread - (high - low)) / 2)
    return low - air, high + air


def _dress(axes: Any, title: str, unit: str, zone: tzinfo, span: tuple[int, int]) -> None:
    """Title, axes and grid; texts are shown as they are, not as formulas."""
    text = title if len(title) <= LONGEST_TITLE else title[: LONGEST_TITLE - 1] + "…"
    axes.set_title(text, loc="left", fontsize=10, color=LIGHT.text, fontweight="bold", parse_math=False)
    day = to_datetime(span[0]).astimezone(zone)
    seconds = (span[1] - span[0]) / 1e6
    days = f"{day:%Y-%m-%d} {_zone_name(day)}" if seconds < 86_400 else _zone_name(day)
    axes.set_xlabel(days, fontsize=8, color=LIGHT.secondary, loc="left")
    axes.set_ylabel(unit, fontsize=8, color=LIGHT.secondary, parse_math=False)
    form = "%H:%M:%S" if seconds < 600 else "%H:%M" if seconds < 86_400 else "%d %b %H:%M"
    locator = AutoDateLocator(tz=zone, minticks=4, maxticks=7)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(DateFormatter(form, tz=zone))
    edge = 0.02 * seconds if seconds >= _NARROWEST else (_NARROWEST - seconds) / 2
    axes.set_xlim(*(to_datetime(time) for time in (span[0] - int(edge * 1e6), span[1] + int(edge * 1e6))))
    if max(map(abs, axes.get_ylim())) < _PLAIN:
        axes.ticklabel_format(axis="y", style="plain", useOffset=False)
    axes.grid(color=LIGHT.grid, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=8, colors=LIGHT.secondary, length=0)
    for side, spine in axes.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(LIGHT.border)


def _zone_name(day: datetime) -> str:
    """Its abbreviation, with the distance from UTC unless that is none."""
    offset = day.utcoffset()
    if not offset or day.tzinfo is UTC:
        return "UTC"
    sign, minutes = "-" if offset.days < 0 else "+", abs(int(offset.total_seconds())) // 60
    return f"{day.tzname()}, UTC{sign}{minutes // 60:02d}:{minutes % 60:02d}"
