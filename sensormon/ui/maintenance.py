"""Planned maintenance: a calendar of the next two weeks, a form to add a window, ending and removing it."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from html import escape
from typing import Any

import streamlit as st

from sensormon.access.audit import Change
from sensormon.access.roles import Act
from sensormon.events.actions import LONGEST_NOTE
from sensormon.events.maintenance import LONGEST_PATTERN, MOST_PATTERNS, Maintenance
from sensormon.model.clock import HOUR
from sensormon.model.errors import StoreError, UsageError
from sensormon.model.timestamps import from_local
from sensormon.monitor.monitor import Monitor
from sensormon.ui.acts import allowed, carried_out, name_field, why_not
from sensormon.ui.drawing import not_done
from sensormon.ui.parts import dialog
from sensormon.ui.time_range import time_field
from sensormon.ui.viewer import Viewer
from sensormon.view.live_choice import groups
from sensormon.view.maintenance import DAYS, Day, calendar, window_words
from sensormon.view.phrases import literal


def show_maintenance(m: Monitor, viewer: Viewer) -> None:
    """The calendar, and buttons to add a window and to end or remove one."""
    st.subheader("Maintenance", anchor=False)
    st.caption("Planned times at which nobody is called for the events of some tags.")
    try:
        windows = m.maintenance.all()
    except StoreError as error:
        st.caption(f"Maintenance cannot be read: {literal(error.what)}")
        return
    now = m.clock.now()
    days = calendar(windows, m.tags, now, viewer.zone)
    if days:
        st.html(_calendar(days))
    else:
        later = "; the list below has those that come later" if windows else ""
        st.caption(f"No maintenance in the next {DAYS} days{later}.")
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        if st.button("Plan maintenance …", key="maintenance-add", **allowed(m, Act.SHELVE)):
            _add_dialog(m, viewer)
        if windows:
            _choose(m, viewer, windows, now)
    why_not(m, Act.SHELVE)


def _choose(m: Monitor, viewer: Viewer, windows: list[Maintenance], now: int) -> None:
    by_id = {window.id: window for window in windows}
    chosen = st.selectbox(
        "A window",
        list(by_id),
        index=None,
        format_func=lambda name: window_words(by_id[name], m.tags, now, viewer.zone),
        key="maintenance-chosen",
        placeholder="Choose a window to end or remove",
        label_visibility="collapsed",
        width=440,
        **allowed(m, Act.SHELVE),
    )
    window = by_id.get(chosen or "")
    under_way = window is not None and window.at(now) is not None
    if (
        st.button("End now …", key="maintenance-end", **allowed(m, Act.SHELVE, disabled=not under_way))
        and window
    ):
        _end_dialog(m, viewer, window, whole=False)
    removable = allowed(m, Act.SHELVE, disabled=window is None)
    if st.button("Remove …", key="maintenance-remove", **removable) and window:
        _end_dialog(m, viewer, window, whole=True)


def _calendar(days: list[Day]) -> str:
    parts = []
    for day in days:
        rows = "".join(
            f'<li><b>{entry.times}</b> {escape(entry.tags)}: {escape(entry.reason)} <span class="quiet">'
            f"{escape(entry.who)}{', every week' if entry.weekly else ''}{', under way' if entry.now else ''}"
            "</span></li>"
            for entry in day.entries
        )
        parts.append(f"<dt>{day.title}</dt><dd><ul>{rows}</ul></dd>")
    return f'<dl class="calendar">{"".join(parts)}</dl>'


@dialog("Plan maintenance", icon=":material/event:")
def _add_dialog(m: Monitor, viewer: Viewer) -> None:
    """A form: for which tags, from when to when, why."""
    now = m.clock.now()
    hour = (now // HOUR + 1) * HOUR
    with st.form("maintenance-form", border=False):
        tags = st.multiselect(
            "Tags",
            m.tags.names,
            format_func=m.tags.title,
            key="maintenance-tags",
            placeholder="Choose tags",
        )
        known = groups(m.tags)
        chosen = (
            st.multiselect("Groups", known, key="maintenance-groups", placeholder="Choose groups")
            if known
            else []
        )
        patterns = st.text_input(
            "Patterns",
            max_chars=LONGEST_PATTERN * 5,
            key="maintenance-patterns",
            placeholder="line1_*, *_temp",
            help="Names of tags, separated by commas; * stands for anything, ? for one character, * alone "
            "for all tags. Tags that come later are taken too.",
        )
        left, right = st.columns(2, gap="small")
        with left:
            since = time_field(viewer, "From", hour, key="maintenance-since")
        with right:
            until = time_field(viewer, "To", hour + 2 * HOUR, last=True, key="maintenance-until")
        weekly = st.checkbox("Every week at these times", key="maintenance-weekly")
        last = st.date_input("Last day, if every week", None, format="YYYY-MM-DD", key="maintenance-last")
        reason = st.text_input("Reason", max_chars=LONGEST_NOTE, key="maintenance-reason", required=True)
        who = name_field(m, "maintenance-who")
        refused = st.container()  # beside the button: below it may be below the window's edge
        sent = st.form_submit_button("Plan", type="primary", **allowed(m, Act.SHELVE))
    if not sent:
        return
    if since is None or until is None:
        with refused:
            not_done(UsageError("give both times"), "Nothing was planned")
        return
    named = [name.strip() for name in (patterns or "").split(",") if name.strip()]
    given: dict[str, Any] = {
        "patterns": [*tags, *named][: MOST_PATTERNS + 1],
        "groups": chosen,
        "since": since,
        "until": until,
        "reason": reason or "",
        "weekly": bool(weekly),
        "zone": viewer.zone_name,
        "last": 0,
    }
    if last is not None and weekly:
        given["last"] = from_local(datetime.combine(last + timedelta(days=1), time()), viewer.zone)
    planned = Maintenance(
        "", tuple(given["patterns"]), tuple(chosen), since, until, reason or "", "", bool(weekly)
    )
    change = Change(Act.SHELVE, "maintenance", "", f"{window_words(planned, m.tags, 0, UTC)} (UTC)")

    def add(name: str) -> None:
        m.maintenance.add(who=name, **given)

    with refused:
        done = carried_out(m, change, add, "Nothing was planned", who)
    if done:
        st.rerun()


@dialog("End this maintenance?", icon=":material/event_busy:")
def _end_dialog(m: Monitor, viewer: Viewer, window: Maintenance, *, whole: bool) -> None:
    """Ask for the name, and end what is under way, or remove the whole window."""
    st.markdown(literal(window_words(window, m.tags, m.clock.now(), viewer.zone)))
    if window.weekly:
        st.caption("All weeks to come." if whole else "Only what is under way; the weeks to come stay.")
    with st.form("maintenance-end-form", border=False):
        who = name_field(m, "maintenance-end-who")
        label = "Remove" if whole else "End now"
        sent = st.form_submit_button(label, type="primary", **allowed(m, Act.SHELVE))
    words = f"{window_words(window, m.tags, 0, UTC)} (UTC)"
    change = Change(Act.SHELVE, "maintenance", words, "removed" if whole else "ended")

    def end(name: str) -> None:
        if whole:
            m.maintenance.remove(window.id, name, window.version)
        else:
            m.maintenance.end(window.id, name, window.version)

    if sent and carried_out(m, change, end, "Nothing was changed", who):
        st.session_state.pop("maintenance-chosen", None)
        st.rerun()
