"""Similar stretches in words and as small drawings. Pure functions; what it is not: the search."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from datetime import tzinfo
from html import escape

import numpy as np

from sensormon.analysis.gaps import GAP
from sensormon.analysis.similar import normalised
from sensormon.model.clock import SECOND
from sensormon.model.format import counted, duration
from sensormon.model.readings import Floats
from sensormon.model.tags import Tag, TagTable
from sensormon.monitor.similar import Nearest, Similar
from sensormon.view.explore import NAMED, finer, step_words, times
from sensormon.view.palette import Palette

CLOSE = 0.8
"""A match with a correlation below this is not close; the page says so."""
_WORDS = ((0.99, "almost identical"), (0.95, "very similar"), (CLOSE, "similar"), (0.5, "loosely similar"))
_WIDTH, _HEIGHT, _EDGE = 220, 46, 2


def likeness(match: Nearest, tag: Tag, *, level: bool) -> str:
    """How like the query a match is, in words with the number behind them."""
    if level:
        return f"{finer(tag, match.distance)} apart (root mean square)"
    words = next((words for least, words in _WORDS if match.correlation >= least), "hardly similar")
    return f"{words}, correlation {_signed(match.correlation)}"


def search_words(result: Similar, tags: TagTable, zone: tzinfo) -> list[str]:
    """What was searched, and how; first of all if nothing is close."""
    size = result.until - result.since
    length, step = duration(size / SECOND), step_words(result.step)
    lines = []
    if not result.matches:
        lines.append(
            f"No other stretch of {length} without a gap is stored: nothing to compare with. "
            "Choose a shorter stretch."
        )
    where = "; ".join(f"{tags.title(name)}, {times(*span, zone)}" for name, span in result.searched.items())
    grid = f"Compared with {counted(result.compared, 'place')} in the history on a grid of {step} means"
    finer = f", then moved the best by steps of {step_words(result.fine)}"
    lines.append(
        f"{grid}{finer if result.fine < result.step else ''}. Searched: {where}. Matches overlap neither the "
        f"query nor each other. Dropouts of up to {GAP} usual intervals are bridged by a straight line; no "
        "match crosses a longer gap."
    )
    if result.left_out:
        names = "; ".join(f"{tags.title(name)} {why}" for name, why in result.left_out.items())
        lines.append(f"Not searched: {names}.")
    return lines


def no_close_match(result: Similar, *, level: bool) -> str:
    """A caution if even the nearest stretch is not similar by shape; empty otherwise."""
    if level or not result.matches or result.matches[0].correlation >= CLOSE:
        return ""
    best = _signed(result.matches[0].correlation)
    return f"Nothing in this history looks much like it: the nearest has a correlation of {best}."


def before_or_after(match: Nearest, query_since: int) -> str:
    """How far from the query a match lies: "2 d earlier"."""
    apart = match.since - query_since
    if not apart:
        return "at the same time"
    return f"{duration(abs(apart) / SECOND)} {'later' if apart > 0 else 'earlier'}"


def offset_text(apart: int) -> str:
    """A time (µs) as the text of the field "How much earlier", to the millisecond where it fits."""
    seconds = abs(apart) / SECOND
    value, unit = (seconds, "s") if seconds < 1e7 else (seconds / 60, "min")
    return f"{f'{value:.3f}'.rstrip('0').rstrip('.')} {unit}"


def earlier_choice(apart: int, other: str) -> tuple[str, str]:
    """What "Compare with" and "How much earlier" are for spans this far apart (µs)."""
    for name, seconds in NAMED.items():
        if abs(apart) == seconds * SECOND:
            return name, ""
    return other, offset_text(apart)


def overlay(query: Floats, match: Floats, palette: Palette, *, level: bool, alt: str) -> str:
    """The match over the query, dashed, as an `<img>`; by shape both in standard deviations.

    A picture, not markup: the page's cleaning of HTML takes drawings out.
    """
    lines = [query, match] if level else [normalised(query), normalised(match)]
    low, high = (float(edge(np.concatenate(lines))) for edge in (np.min, np.max))
    dashed = f'stroke="{palette.secondary}" stroke-dasharray="3 3" stroke-width="1.2"'
    solid = f'stroke="{palette.interaction}" stroke-width="1.6"'
    drawn = "".join(
        f'<polyline fill="none" {style} points="{_points(line, low, high)}"/>'
        for line, style in zip(lines, (dashed, solid), strict=True)
    )
    size = f'width="{_WIDTH}" height="{_HEIGHT}"'
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" {size}>{drawn}</svg>'
    source = b64encode(svg.encode()).decode()
    return f'<img {size} alt="{escape(alt, quote=True)}" src="data:image/svg+xml;base64,{source}">'


def _points(values: Floats, low: float, high: float) -> str:
    x = np.linspace(_EDGE, _WIDTH - _EDGE, len(values))
    y = _HEIGHT - _EDGE - (values - low) / ((high - low) or 1.0) * (_HEIGHT - 2 * _EDGE)
    return " ".join(_pair(pair) for pair in np.column_stack((x, y)).tolist())


def _pair(pair: Sequence[float]) -> str:
    return f"{pair[0]:.1f},{pair[1]:.1f}"


def _signed(correlation: float) -> str:
    return f"{correlation:.3f}".replace("-", "−")
