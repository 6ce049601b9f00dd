"""Choosing a stretch of time: presets up to now, times in the viewer's zone, spans and offsets as text.

Each page chooses its presets and names its parameters, so that a link opens the same view in every
version.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import streamlit as st

from sensormon.events.filters import read_time
from sensormon.ingest.validation import EARLIEST, FUTURE
from sensormon.model.clock import DAY, MINUTE, SECOND
from sensormon.model.timestamps import LAST, from_local, local_time, parse, render
from sensormon.ui.url_state import held, hold
from sensormon.ui.viewer import Viewer
from sensormon.view.presets import SECONDS
from sensormon.view.traces import Span

START_AFTER_END = "Start is after end"
SHORTEST = 20_000
"""The shortest span in view, µs."""

_STORED, _EVERYTHING, _CUSTOM = ("1 h", "24 h", "7 d", "30 d"), "Everything", "From … to …"
_UNITS = {"s": 1, "min": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_OFFSET = re.compile(r"\s*(\d{1,7}(?:\.\d{1,3})?)\s*([a-z]+)\s*", re.ASCII)
_LONGEST = 100 * 366 * 86_400
_FARTHEST = LAST - 2 * DAY  # leaves room for every time zone before the last date


# -- presets ------------------------------------------------------------------------------


def preset(
    names: Sequence[str],
    key: str,
    default: str,
    *,
    label: str = "Time range",
    label_visibility: Literal["visible", "collapsed"] = "visible",
    on_change: Callable[[], None] | None = None,
) -> str:
    """A row of presets, of which one is always chosen; the URL has its name under `key`."""
    chosen = st.segmented_control(
        label,
        list(names),
        default=default,
        required=True,
        key=key,
        bind="query-params",
        label_visibility=label_visibility,
        on_change=on_change,
    )
    return chosen or default


def up_to(moment: int, name: str) -> Span:
    """The span of this preset up to a moment (µs UTC)."""
    return moment - SECONDS[name] * SECOND, moment


# -- custom ranges ------------------------------------------------------------------------


def time_field(
    viewer: Viewer, label: str, moment: int | None, *, last: bool = False, **options: Any
) -> int | None:
    """A field for a time in the viewer's zone, in µs UTC; None while it is empty.

    In an hour that occurs twice it means the first, or the `last`. `options` go to `st.datetime_input`.
    """
    picked = st.datetime_input(
        f"{label} ({viewer.zone_name})",
        None if moment is None else local_time(moment, viewer.zone),
        format="YYYY-MM-DD",
        step=60,
        **options,
    )
    return None if picked is None else from_local(picked, viewer.zone, last=last)


def times_form(viewer: Viewer, key: str, fields: Mapping[str, int]) -> list[int] | None:
    """A form with a field for each of these times (µs UTC); the times, once the form is sent complete.

    The last field is the end of a range.
    """
    with st.form(key, border=False):
        end = list(fields)[-1]
        picked = [time_field(viewer, label, moment, last=label == end) for label, moment in fields.items()]
        sent = st.form_submit_button("Show", type="primary")
    times = [time for time in picked if time is not None]
    return times if sent and len(times) == len(picked) else None


def held_range(viewer: Viewer, now: int) -> Span:
    """Two fields whose times the URL holds in UTC as `from` and `to`; at first the last 24 hours.

    They are returned as typed: the start may be after the end.
    """
    minute = (now // MINUTE + 1) * MINUTE
    return (
        _held_time(viewer, "from", "From", minute - DAY, now),
        _held_time(viewer, "to", "To", minute, now),
    )


def _held_time(viewer: Viewer, name: str, label: str, usual: int, now: int) -> int:
    time = read_time(held(name))
    if time is None:
        time = usual
        hold(name, render(time))
    key = f"between-{name}"
    st.session_state[key] = local_time(time, viewer.zone).replace(second=0)

    def changed() -> None:
        picked = st.session_state[key]
        if picked is not None:
            hold(name, render(from_local(picked, viewer.zone, last=name == "to")))

    time_field(
        viewer,
        label,
        None,
        min_value=local_time(0, viewer.zone),
        max_value=local_time(now + 2 * DAY, viewer.zone),
        key=key,
        label_visibility="collapsed",
        width=240,
        on_change=changed,
    )
    return time


def stored_range(viewer: Viewer, now: int, key: str) -> Span:
    """Presets, everything that is stored, or two times; in the URL as `key`, `key_from` and `key_to`."""
    chosen = preset([*_STORED, _EVERYTHING, _CUSTOM], key, "24 h", label="Span")
    if chosen == _EVERYTHING:
        return EARLIEST, now + FUTURE
    if chosen != _CUSTOM:
        return now - SECONDS[chosen] * SECOND, now + SECOND
    minute = now // MINUTE * MINUTE
    with st.container(horizontal=True):
        since, until = (
            time_field(viewer, label, usual, last=last, key=f"{key}_{name}", bind="query-params", width=240)
            for label, name, usual, last in (
                ("From", "from", minute - 60 * MINUTE, False),
                ("To", "to", minute + MINUTE, True),
            )
        )
    return now if since is None else since, now if until is None else until


# -- as text ------------------------------------------------------------------------------


def offset(text: str) -> int | None:
    """The offset in a text like "36 h", in µs; None if the text is not an offset.

    >>> offset("36 h"), offset("1.5 d"), offset("soon")
    (129600000000, 129600000000, None)
    """
    match = _OFFSET.fullmatch(text)
    if not match or match[2] not in _UNITS:
        return None
    seconds = float(match[1]) * _UNITS[match[2]]
    return round(seconds * SECOND) if 0 < seconds <= _LONGEST else None


def span_of(since: str, until: str) -> Span | None:
    """The span between two times of a URL; None if they are invalid or reversed."""
    try:
        start, end = parse(since), parse(until)
    except (ValueError, OverflowError):
        return None
    return in_calendar(start, end)


def in_calendar(start: int, end: int) -> Span | None:
    """The part of a span within the range of dates; None if it is reversed, or too short to draw."""
    start, end = max(0, start), min(end, _FARTHEST)
    return (start, end) if end - start >= SHORTEST else None


def span_text(span: Span) -> str:
    """A span as one parameter of a URL."""
    return f"{render(span[0])}/{render(span[1])}"
