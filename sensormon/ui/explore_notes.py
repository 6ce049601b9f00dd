"""Notes on the Explore page: those in view, adding one, removing one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC
from html import escape

import streamlit as st

from sensormon.access.audit import Change
from sensormon.access.roles import Act
from sensormon.events.actions import LONGEST_NOTE
from sensormon.model.entries import Annotation
from sensormon.model.format import day_and_time
from sensormon.monitor.monitor import Monitor
from sensormon.ui.acts import allowed, carried_out, name_field
from sensormon.ui.explore_view import Chosen
from sensormon.ui.parts import dialog
from sensormon.ui.viewer import Viewer
from sensormon.view.explore import times
from sensormon.view.phrases import literal

LISTED = 50
"""The most notes listed, the first ones if there are more."""


def notes_look(m: Monitor, viewer: Viewer, chosen: Chosen, notes: Sequence[Annotation]) -> None:
    """The notes in view, a button to add one and one to remove each."""
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button(
            "Add a note",
            key="note-add",
            type="primary",
            icon=":material/edit_note:",
            **allowed(m, Act.NOTE),
        ):
            write_note(m, viewer, chosen)
        at = st.session_state.get("explore_clicked")
        st.caption(
            f"Clicked: {day_and_time(at, viewer.zone)}"
            if at
            else "Click the chart to attach a note to a moment.",
            width="content",
        )
    if not notes:
        st.caption("No notes on these tags in view.")
    for note in notes[:LISTED]:
        where = ", ".join(m.tags.title(tag) for tag in note.tags) or "all tags"
        when = (
            day_and_time(note.since, viewer.zone)
            if note.since == note.until
            else times(note.since, note.until, viewer.zone)
        )
        with st.container(horizontal=True, vertical_alignment="center", key=f"note-{note.id}"):
            st.html(
                f"<div class='note'><b>{escape(note.text)}</b><br><span class='quiet'>{escape(when)} · "
                f"{escape(where)} · {escape(note.who)}, {day_and_time(note.time, viewer.zone)}</span></div>",
                width="stretch",
            )
            if st.button("Remove", key=f"remove-{note.id}", **allowed(m, Act.NOTE)):
                remove_note(m, note)
    if len(notes) > LISTED:
        st.caption(f"{len(notes) - LISTED:,} more; zoom in to see them.")


@dialog("Note", icon=":material/edit_note:")
def write_note(m: Monitor, viewer: Viewer, chosen: Chosen) -> None:
    """A form for the note, its place and its author."""
    at = st.session_state.get("explore_clicked")
    places = {f"the span in view: {times(*chosen.span, viewer.zone)}": chosen.span}
    if at is not None:
        places = {f"the clicked moment: {day_and_time(at, viewer.zone)}": (at, at), **places}
    every, shown = "all tags", f"the tags shown: {literal(', '.join(map(m.tags.title, chosen.names)))}"
    with st.form("explore-note", border=False):
        text = st.text_area("Note", max_chars=LONGEST_NOTE, key="explore-note-text")
        place = st.radio("At", list(places), key="explore-note-place")
        of = st.radio("For", [shown, every], key="explore-note-tags")
        who = name_field(m, "explore-note-who")

        def add(name: str) -> None:
            tags = chosen.names if of == shown else ()
            m.annotations.add(text or "", name, *places[place], tags=tags)

        named = ", ".join(chosen.names) if of == shown else every
        change = Change(Act.NOTE, f"note on {named}, {times(*places[place], UTC)} UTC", "", text or "")
        sent = st.form_submit_button("Save", type="primary")
        if sent and carried_out(m, change, add, "Nothing was recorded", who):
            st.session_state.pop("explore_clicked", None)
            st.rerun()


@dialog("Remove this note?", icon=":material/delete:")
def remove_note(m: Monitor, note: Annotation) -> None:
    """Remove the note from the charts; it stays in the record."""
    st.markdown(literal(note.text))
    with st.form("explore-remove", border=False):
        who = name_field(m, "explore-remove-who")
        sent = st.form_submit_button("Remove", type="primary")
        change = Change(Act.NOTE, f"note of {note.who}", note.text, "removed")

        def remove(name: str) -> None:
            m.annotations.remove(note.id, name)

        if sent and carried_out(m, change, remove, "The note was not removed", who):
            st.rerun()
