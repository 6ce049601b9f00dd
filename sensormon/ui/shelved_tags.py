"""Shelved tags: shelving a tag's alarm until a time, the list of those shelved, ending it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC
from html import escape

import streamlit as st

from sensormon.access.audit import Change
from sensormon.access.roles import Act
from sensormon.events.actions import LONGEST_NOTE
from sensormon.events.quiet import until_words
from sensormon.events.shelved_tags import MOST_AT_ONCE, SUGGESTED, ShelvedTag
from sensormon.model.clock import SECOND
from sensormon.model.errors import StoreError
from sensormon.model.format import counted, day_and_time, listed
from sensormon.monitor.monitor import Monitor
from sensormon.ui.acts import allowed, carried_out, name_field, why_not
from sensormon.ui.parts import dialog
from sensormon.ui.time_range import time_field
from sensormon.ui.viewer import Viewer
from sensormon.view.phrases import literal

LISTED = 100
"""The most shelved tags in the table, the first to end."""
_NAMED = 5


def show_shelved_tags(m: Monitor, viewer: Viewer) -> None:
    """The tags shelved now, a button to shelve some and one to end it."""
    st.subheader("Shelved tags", anchor=False)
    st.caption("Their events are recorded as ever. They leave the bell, and nobody is called for them.")
    try:
        shelved = m.shelved_tags.now()
    except StoreError as error:
        st.caption(f"Shelved tags cannot be read: {literal(error.what)}")
        return
    if shelved:
        st.html(_table(m, viewer, shelved))
        if len(shelved) > LISTED:
            st.caption(f"{len(shelved) - LISTED:,} more end later.")
    else:
        st.caption("No tag is shelved.")
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        if st.button("Shelve tags …", key="shelve-tags", **allowed(m, Act.SHELVE)):
            shelve_dialog(m, viewer, ())
        if shelved:
            chosen = st.multiselect(
                "End the shelving of",
                [shelving.tag for shelving in shelved],
                format_func=m.tags.title,
                key="unshelve-chosen",
                placeholder="Choose tags to unshelve",
                label_visibility="collapsed",
                width=360,
                **allowed(m, Act.SHELVE),
            )
            if st.button("Unshelve …", key="unshelve-tags", **allowed(m, Act.SHELVE, disabled=not chosen)):
                _unshelve_dialog(m, tuple(chosen), _versions(m))
    why_not(m, Act.SHELVE)


def _table(m: Monitor, viewer: Viewer, shelved: list[ShelvedTag]) -> str:
    rows = "".join(
        f"<tr><td>{escape(m.tags.title(shelving.tag) if shelving.tag in m.tags else shelving.tag)}</td>"
        f"<td>{until_words(shelving.until, m.clock.now(), viewer.zone)}</td>"
        f"<td>{escape(shelving.who)}, since {until_words(shelving.since, m.clock.now(), viewer.zone)}</td>"
        f"<td>{escape(shelving.reason)}</td></tr>"
        for shelving in shelved[:LISTED]
    )
    head = "".join(f'<th scope="col">{name}</th>' for name in ("Tag", "Until", "By", "Reason"))
    return f'<table class="figures"><tr>{head}</tr>{rows}</table>'


def shelve_dialog(m: Monitor, viewer: Viewer, tags: tuple[str, ...]) -> None:
    """Open a form: until when, and why; and which tags, if none are given."""
    _shelve_dialog(m, viewer, tags, _versions(m))


def _versions(m: Monitor) -> Mapping[str, int]:
    """Which shelvings the person has in view, for a refusal if somebody changes one meanwhile."""
    try:
        return m.shelved_tags.versions()
    except StoreError:  # shelving raises it, too
        return {}


@dialog("Shelve tags", icon=":material/snooze:")
def _shelve_dialog(m: Monitor, viewer: Viewer, tags: tuple[str, ...], seen: Mapping[str, int]) -> None:
    """The form; `seen` are the shelvings when it was opened."""
    now = m.clock.now()
    with st.form("shelve-form", border=False):
        if tags:
            st.markdown(f"**{literal(listed([m.tags.title(tag) for tag in tags], _NAMED))}**")
            st.caption("Events are recorded as ever. The tag leaves the bell, and nobody is called for it.")
        else:
            tags = tuple(
                st.multiselect(
                    "Tags",
                    m.tags.names,
                    format_func=m.tags.title,
                    key="shelve-chosen",
                    max_selections=MOST_AT_ONCE,
                    placeholder="Choose tags",
                )
            )
        preset = st.segmented_control(
            "For", list(SUGGESTED), default="8 h", key="shelve-preset", required=True
        )
        given = time_field(viewer, "Or until", None, last=True, key="shelve-until")
        reason = st.text_input("Reason", max_chars=LONGEST_NOTE, key="shelve-reason", required=True)
        who = name_field(m, "shelve-tags-who")
        sent = st.form_submit_button("Shelve", type="primary", **allowed(m, Act.SHELVE))
    until = given if given is not None else now + SUGGESTED[preset or "8 h"] * SECOND
    change = Change(
        Act.SHELVE,
        f"{counted(len(tags), 'tag')}: {listed(tags, _NAMED)}",
        "",
        f"shelved until {day_and_time(until, UTC)} UTC: {reason}",
    )

    def shelve(name: str) -> None:
        m.shelved_tags.shelve(tags, until, reason or "", name, seen)

    if sent and carried_out(m, change, shelve, "Nothing was shelved", who):
        st.rerun()


@dialog("End the shelving?", icon=":material/notifications_active:")
def _unshelve_dialog(m: Monitor, tags: tuple[str, ...], seen: Mapping[str, int]) -> None:
    """Ask for the name, and end it; `seen` are the shelvings when this was opened."""
    st.markdown(f"**{literal(listed([m.tags.title(tag) for tag in tags], _NAMED))}**")
    with st.form("unshelve-form", border=False):
        who = name_field(m, "unshelve-who")
        sent = st.form_submit_button("Unshelve", type="primary", **allowed(m, Act.SHELVE))
    change = Change(
        Act.SHELVE, f"{counted(len(tags), 'tag')}: {listed(tags, _NAMED)}", "shelved", "unshelved"
    )

    def unshelve(name: str) -> None:
        m.shelved_tags.unshelve(tags, name, seen)

    if sent and carried_out(m, change, unshelve, "Nothing was changed", who):
        st.session_state.pop("unshelve-chosen", None)
        st.rerun()
