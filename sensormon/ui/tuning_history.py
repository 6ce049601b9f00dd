"""The history that Tuning uses: up to a moment, read once, so that moving a slider reads nothing."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from sensormon.analysis.rescoring import History
from sensormon.analysis.what_if import Known
from sensormon.model.clock import SECOND
from sensormon.model.errors import StoreError
from sensormon.model.timestamps import parse, render
from sensormon.monitor.monitor import Monitor
from sensormon.ui.memo import forget, last_remembered, remembered
from sensormon.ui.time_range import times_form, up_to
from sensormon.ui.url_state import held, hold
from sensormon.ui.viewer import Viewer
from sensormon.view.phrases import stored_words

LENGTHS = ("15 min", "1 h", "6 h", "24 h", "7 d", "30 d")
"""The presets offered."""
MOST = 200_000
"""Readings of the chosen tag, the newest ones."""
_OLD = 600 * SECOND  # an older history is read again; sooner only on demand, so that nothing jumps
_LOOKED = "tuning"


@dataclass(frozen=True, eq=False)
class Looked:
    """The tag's history of since <= time < until, µs UTC."""

    since: int
    until: int
    history: History


def looked_at(m: Monitor, tag: str, length: str) -> Looked:
    """The chosen history, up to now or to the moment in the address. Raises StoreError."""
    moment = _stated(m)

    def read() -> Looked:
        since, until = up_to(moment or m.clock.now(), length)
        return Looked(since, until, m.tuner.tag_history(tag, since, until, MOST))

    last: Looked | None = last_remembered(_LOOKED)
    if moment is None and last is not None and not 0 <= m.clock.now() - last.until < _OLD:
        forget(_LOOKED)
    return remembered(_LOOKED, (m.started, tag, length, moment, m.undoing.last), read)


def facts_of(m: Monitor, since: int, until: int) -> Known:
    """Faults and labels of the span; kept until somebody acts on an event."""
    wanted = (m.started, since, until, m.actions.count)
    return remembered("tuning-known", wanted, lambda: m.tuner.known(since, until))


def read_again() -> None:
    """Read the history up to now in the next run."""
    _up_to(None)


def choose_end(viewer: Viewer, until: int) -> None:
    """Choose the end of the history, in the viewer's zone."""
    with st.popover("Another time", type="tertiary", icon=":material/calendar_clock:"):
        times = times_form(viewer, "tuning-end", {"Up to": until})
        if times is not None:
            _up_to(times[0])
            st.rerun()


def no_readings(m: Monitor, viewer: Viewer, looked: Looked) -> None:
    """The stored extent of the tag instead, and a link to it."""
    tag = looked.history.tag
    try:
        extent = m.explorer.extent([tag.name])
    except StoreError:
        extent = None
    if extent is not None:
        words = stored_words(extent, viewer.zone)
    elif m.ledger.now().total.received:
        words = "Choose another tag."
    else:
        words = "No readings have arrived yet. Help explains how to start; the Data page imports history."
    st.info(words, title=f"No readings of {tag.label} here")
    with st.container(horizontal=True):
        if extent is not None:
            st.button("Show the newest readings", on_click=_up_to, args=(extent[1] + SECOND,), type="primary")
        st.button("Check again", on_click=read_again)


def _stated(m: Monitor) -> int | None:
    """The moment in the address; None if it has no usable one."""
    try:
        return min(parse(held("upto")), m.clock.now()) if held("upto") else None
    except (ValueError, OverflowError):
        return None


def _up_to(moment: int | None) -> None:
    forget(_LOOKED)
    hold("upto", "" if moment is None else render(moment))
