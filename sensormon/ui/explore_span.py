"""The span in view on the Explore page: a preset up to now, or two times in the URL, which win."""

from __future__ import annotations

import streamlit as st

from sensormon.model.clock import SECOND
from sensormon.monitor.monitor import Monitor
from sensormon.ui.explore_view import show
from sensormon.ui.time_range import (
    START_AFTER_END,
    in_calendar,
    preset,
    span_of,
    times_form,
    up_to,
)
from sensormon.ui.url_state import write, write_bound
from sensormon.ui.viewer import Viewer
from sensormon.ui.widget_keys import fresh_key, replace_widget
from sensormon.view.traces import Span

_ALL = "All"
_PAST = ("15 min", "1 h", "6 h", "24 h", "7 d", "30 d", "90 d", _ALL)
_FIRST = "1 h"
_COMING_IN = 60 * SECOND  # µs: readings of a tag still come in if its newest one is no older
_AGAIN = "past-again"
WHOLE = "explore_whole"
"""Key in the session's state: the spans of all readings, held still like the moment."""


def moment(m: Monitor) -> int:
    """Where presets end: held still, so that nothing moves while the viewer works."""
    return int(st.session_state.setdefault("explore_now", m.clock.now()))


def span_control(m: Monitor, viewer: Viewer, whole: Span | None) -> Span:
    """The span in view, and the controls that change it. `whole` is the span of all readings."""
    pinned = _pinned()
    if pinned:
        _preset_again()
        span = pinned
    else:
        name = preset(_PAST, "past", _FIRST, on_change=_renew)
        span = _preset_span(name, moment(m), whole)
    _custom_range(viewer, span)
    if st.button(
        "Jump to now",
        key="explore-newest",
        icon=":material/update:",
        help="Move the end of the view to the newest readings",
    ):
        if pinned:
            show((m.clock.now() - (pinned[1] - pinned[0]), m.clock.now()))
        _renew()
        st.rerun()
    return span


def _pinned() -> Span | None:
    """The span given by the two times in the URL."""
    query = st.query_params
    return span_of(query["from"], query["to"]) if "from" in query and "to" in query else None


def _preset_again() -> None:
    """Presets with none chosen, while the URL has two times; choosing one drops the times.

    It is a different widget from the one without times. A shared one, cleared when the view is moved,
    would take the browser's late report of its last choice for a new choice, and drop the view.
    """
    write_bound("past", "")
    key = fresh_key(_AGAIN)
    st.segmented_control("Time range", _PAST, default=None, key=key, on_change=_leave_times, args=(key,))


def _leave_times(key: str) -> None:
    """A preset was chosen in the control of this key, in place of the times in the URL."""
    if key != fresh_key(_AGAIN):
        return  # a late report from a replaced control; another choice may have followed
    replace_widget(_AGAIN)
    write({"from": "", "to": ""})
    st.session_state["past"] = st.session_state[key]
    write_bound("past", st.session_state["past"] or _FIRST)
    _renew()


def _renew() -> None:
    """Move the end of presets to now."""
    st.session_state.pop("explore_now", None)
    st.session_state.pop(WHOLE, None)


def _preset_span(name: str, now: int, whole: Span | None) -> Span:
    """Up to now, or from the first reading to the last: to now while readings still come in."""
    if name != _ALL:
        return up_to(now, name)
    if not whole:
        return up_to(now, _FIRST)
    return whole[0], max(now, whole[1]) if whole[1] > now - _COMING_IN else whole[1]


def _custom_range(viewer: Viewer, span: Span) -> None:
    """Type the span in the viewer's zone."""
    with st.popover("Custom range", icon=":material/calendar_clock:", help="Choose start and end"):
        times = times_form(viewer, "explore-times", {"From": span[0], "To": span[1]})
        if times is None:
            return
        since, until = times
        if in_calendar(since, until) is None:
            st.error(f"{START_AFTER_END}.")
        else:
            show((since, until))
            st.rerun()
