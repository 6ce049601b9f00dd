"""The traces of a chart of readings, and the readings in view that they are drawn from.

A trace is the dictionary that Plotly draws; nothing here needs Plotly itself.
Times on the x axis are milliseconds UTC; Plotly shows them in the zone of the browser.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from html import escape
from typing import Any, Self

import numpy as np
import pandas as pd

from sensormon.analysis.gaps import breaks, gaps, kept_rows, usual_interval
from sensormon.analysis.state_course import changes, sent_on_change
from sensormon.model.readings import Bools, Floats, Ints
from sensormon.model.tags import Tag
from sensormon.model.timestamps import micros
from sensormon.view.explanation import Scale, Scales, why_on_hover
from sensormon.view.palette import Palette
from sensormon.view.trace_styles import (
    BRIDGED,
    CROWDED,
    FLAG_SIZES,
    GAP_HEIGHT,
    GAP_POINTS,
    Trace,
    mark_style,
    trace_styles,
)

Span = tuple[int, int]

_JUDGES = frozenset(("settings", "profile", "detector", "is_anomaly"))
"""The columns that tell whose band and score a reading has."""


def chart_text(text: str) -> str:
    """Text from outside, escaped so that a chart does not interpret it as markup.

    Quotes stay as they are: Plotly has no attributes here and would show `&quot;` as it is written.
    """
    return escape(text, quote=False)


class View:
    """The rows of one chart: of the span, in order of time, thinned, as plain arrays.

    `places` are those of the tag's readings in a frame of several tags, in order; without them all are its.
    """

    def __init__(
        self,
        frame: pd.DataFrame,
        tag: Tag,
        span: Span,
        keep: pd.Series[str] | None = None,
        scales: Scales | None = None,
        places: Ints | None = None,
    ) -> None:
        since, until = span
        time = micros(frame["time"])
        inside = np.arange(len(frame)) if places is None else places
        inside = inside[(time[inside] >= since) & (time[inside] <= until)]
        order = inside[np.argsort(time[inside], kind="stable")]
        time, quality = time[order], frame["quality"].to_numpy(dtype=np.uint32)[order]
        value = frame["value"].to_numpy(dtype=np.float64)[order]
        special = frame["is_anomaly"].to_numpy(dtype=bool)[order] | (quality != 0)
        if keep is not None:
            special |= frame["id"].isin(keep.index).to_numpy()[order]
        held = False
        if tag.has_states:  # each change is drawn: there is nothing between two states
            differs = changes(value, quality.astype(np.int64) >> 30)
            special |= differs | np.append(differs[1:], True)[: len(differs)]
            held = sent_on_change(len(time), int(differs.sum()))
        self.tag, self.span = tag, span
        self.interval = 0.0 if held else usual_interval(time)
        self.gaps = gaps(time, self.interval, span)
        drawn_all = (quality >> np.uint32(30)) < 2
        segment = np.zeros(len(time), dtype=np.int64)
        segment[drawn_all] = breaks(time[drawn_all], self.interval)
        kept = kept_rows(time, value, special, span)
        self.time, self.segment, order = time[kept], segment[kept], order[kept]
        self._frame, self.order = frame, order
        self.x: Floats = self.time / 1e3
        self.ids: Ints = frame["id"].to_numpy(dtype=np.int64)[order]
        self.value = value[kept]
        self.expected, self.lower, self.upper = (self._floats(n) for n in ("expected", "lower", "upper"))
        self.score = self._floats("score")
        verdict = quality[kept] >> np.uint32(30)
        self.bad: Bools = verdict >= 2
        self.uncertain: Bools = verdict == 1
        self.flagged: Bools = frame["is_anomaly"].to_numpy(dtype=bool)[order] & ~self.bad
        self.judged: Bools = np.isfinite(self.expected)
        known = scales or Scales({})
        judges = frame[[name for name in frame.columns if name in _JUDGES]].iloc[order]
        self.scales = known.of_each(judges)
        self.off_band: Bools = known.off_band(judges)

    @cached_property
    def rows(self) -> pd.DataFrame:
        """The rows with all columns, whose copy costs more than the rest of the view."""
        return self._frame.iloc[self.order]

    def _floats(self, name: str) -> Floats:
        return self._frame[name].to_numpy(dtype=np.float64)[self.order]

    @property
    def clock(self) -> str:
        """How the hover writes a time: with the date on long spans, finer at high rates."""
        time = "%H:%M:%S.%L" if 0 < self.interval < 1_000_000 else "%H:%M:%S"
        return f"%d %b {time}" if self.span[1] - self.span[0] > 86_400_000_000 else time


def line(view: View, palette: Palette, scales: Sequence[Scale], *, pick: bool = False) -> Trace:
    """The line of readings, broken at gaps; its hover has all facts on a reading.

    `scales` are those of the view's readings. With `pick` each reading can be clicked; the last of
    its `customdata` is its id.
    """
    rows = np.flatnonzero(~view.bad)
    at = np.flatnonzero(np.diff(view.segment[rows])) + 1
    customdata = np.column_stack((view.expected, view.upper - view.expected, view.score))[rows]
    text = [
        why_on_hover(
            view.value[row],
            view.expected[row],
            view.upper[row],
            view.score[row],
            scales[row].drawn_limit,
        )
        if view.flagged[row]
        else ""
        for row in rows.tolist()
    ]
    scored = np.isfinite(view.score)
    hovers = {name: Hover.of(view.tag, view.clock, name) for name in {scale.name for scale in scales}}
    said = [
        hovers[scales[row].name].template(judged=view.judged[row], scored=scored[row])
        for row in rows.tolist()
    ]
    template: Any = said[0] if len(set(said)) == 1 else np.insert(np.array(said, object), at, "").tolist()
    kind: type[np.floating[Any]] = np.float32
    marks: Trace = {}
    if pick:
        customdata = np.column_stack((customdata, view.ids.astype(np.float64)[rows]))
        kind = np.float64  # an id has more digits than 32 bits
        marks = _clickable(palette)
    return {
        **trace_styles(palette)["line"],
        "x": np.insert(view.x[rows], at, (view.x[rows][at - 1] + view.x[rows][at]) / 2),
        "y": np.insert(view.value[rows], at, np.nan),
        "customdata": np.insert(customdata, at, np.nan, axis=0).astype(kind),
        "text": np.insert(np.asarray(text, dtype=object), at, "").tolist(),
        "hovertemplate": template,
        **marks,
    }


@dataclass(frozen=True)
class Hover:
    """The hover texts of a reading, as Plotly templates.

    `judged` takes `customdata` of expected, half the band's width and score, and `text`; `scored` is for a
    score that expects no value, such as that of a model of several tags.
    """

    judged: str
    scored: str
    unjudged: str
    bad: str

    @classmethod
    def of(cls, tag: Tag, clock: str, score: str) -> Self:
        """For readings of this tag; `clock` is the format of a time, `score` the name of the score."""
        number = f",.{tag.decimals}f"
        head = f"%{{x|{clock}}}  %{{y:{number}}} {chart_text(tag.unit)}"
        expected = f"expected %{{customdata[0]:{number}}} ± %{{customdata[1]:{number}}}"
        return cls(
            judged=f"{head}  {expected}  {score} %{{customdata[2]:.1f}}%{{text}}<extra></extra>",
            scored=f"{head}  {score} %{{customdata[2]:.1f}}<extra></extra>",
            unjudged=f"{head}  not judged<extra></extra>",
            bad=f"{head}  bad quality, not judged<extra></extra>",
        )

    def template(self, *, judged: bool, scored: bool) -> str:
        """That of a good reading: with an expected value, with a score alone, or with neither."""
        if judged:
            return self.judged
        return self.scored if scored else self.unjudged


def _clickable(palette: Palette) -> Trace:
    """Marks that become visible when selected; Plotly does not let plain lines be clicked."""
    chosen = {"opacity": 1, "color": palette.interaction, "size": 11}
    return {
        "mode": "lines+markers",
        "marker": {"opacity": 0, "size": 8, "color": palette.interaction, "symbol": "circle"},
        "selected": {"marker": chosen},
        "unselected": {"marker": {"opacity": 0}},
    }


def band(view: View, palette: Palette) -> Trace:
    """One closed outline per stretch with a band: fills between lines misdraw at breaks.

    A flagged reading with another detector's band makes no notch: the outline passes it by.
    """
    rows = np.flatnonzero(view.judged & ~view.off_band)
    x: list[Floats] = []
    y: list[Floats] = []
    place = np.cumsum(~view.off_band)[rows]
    ends = (np.diff(view.segment[rows]) != 0) | (np.diff(place) > BRIDGED)
    for part in np.split(rows, np.flatnonzero(ends) + 1):
        if len(part) > 1:
            x += [view.x[part], view.x[part][::-1], np.array([np.nan])]
            y += [view.upper[part], view.lower[part][::-1], np.array([np.nan])]
    return {
        **trace_styles(palette)["band"],
        "x": np.concatenate(x) if x else np.array([]),
        "y": np.concatenate(y).astype(np.float32) if y else np.array([]),
    }


def no_data(view: View, palette: Palette) -> list[Trace]:
    """The hatched strip on the time axis, and points that say "no data" on hover."""
    x: list[float] = []
    y: list[float] = []
    points: list[Floats] = []
    words: list[str] = []
    step = (view.span[1] - view.span[0]) / GAP_POINTS
    for start, end in view.gaps:
        left, right = start / 1e3, end / 1e3
        x += [left, right, right, left, left, np.nan]
        y += [0, 0, GAP_HEIGHT, GAP_HEIGHT, 0, np.nan]
        count = max(1, int((end - start) / step))
        points.append(left + (right - left) * (np.arange(count) + 0.5) / count)
        words += [f"no data for {_seconds((end - start) / 1e6)}"] * count
    styles = trace_styles(palette)
    hover = np.concatenate(points) if points else np.array([])
    return [
        {**styles["gap"], "x": np.array(x), "y": np.array(y, dtype=np.float32)},
        {
            **styles["gap_words"],
            "x": hover,
            "y": np.full(len(hover), GAP_HEIGHT / 2, dtype=np.float32),
            "text": words,
        },
    ]


def _seconds(seconds: float) -> str:
    return f"{seconds:,.0f} s" if seconds < 120 else f"{seconds / 60:,.0f} min"


def markers(view: View, rows: Bools, symbol: str, color: str, size: int, *, width: float = 1.5) -> Trace:
    """Marks of these rows in front of the line; see `mark_style`."""
    return _marked(view, rows, mark_style(symbol, color, size, width))


def uncertain_readings(view: View, palette: Palette) -> Trace:
    """Marks on readings of uncertain quality."""
    return _marked(view, view.uncertain, trace_styles(palette)["uncertain"])


def bad_readings(view: View, palette: Palette, *, pick: bool = False) -> Trace:
    """Marks of readings of bad quality, which the line leaves out; with `pick` as in `line`."""
    trace = _marked(view, view.bad, trace_styles(palette)["bad"])
    if pick:
        trace["customdata"] = view.ids.astype(np.float64)[view.bad][:, None]
    return {**trace, "hovertemplate": Hover.of(view.tag, view.clock, "").bad}


def flags(view: View, palette: Palette) -> Trace:
    """Marks on flagged readings, smaller if there are many."""
    style = trace_styles(palette)["flagged"]
    size = FLAG_SIZES[0] if view.flagged.sum() < CROWDED else FLAG_SIZES[1]
    return _marked(view, view.flagged, {**style, "marker": {**style["marker"], "size": size}})


def _marked(view: View, rows: Bools, style: Trace) -> Trace:
    return {**style, "x": view.x[rows], "y": view.value[rows]}
