"""What a person does with the chosen events: acknowledge, label, shelve, note, in their name."""

from __future__ import annotations

from datetime import timedelta

import pandas as pd
import streamlit as st

from sensormon.clock import SECOND
from sensormon.errors import SensormonError
from sensormon.event_actions import LABELS, LONGEST_NAME, LONGEST_NOTE, State
from sensormon.event_table import done_words
from sensormon.monitor import Monitor
from sensormon.page_parts.drawing import not_done
from sensormon.page_parts.viewer import Viewer
from sensormon.timestamps import from_local, local_time
from sensormon.words import counted, literal

SHELVE = {"1 h": 3_600, "8 h": 28_800, "24 h": 86_400, "until …": 0}


def action_row(m: Monitor, viewer: Viewer, chosen: list[int], beside: int, shown: pd.DataFrame) -> None:
    """What can be done to the chosen events, to the one shown `beside` the list where none is."""
    ids = chosen or [beside]
    held = set(shown.loc[shown["id"].isin(ids), "state"])
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="event-actions"):
        if st.button("Acknowledge", key="acknowledge", type="primary", shortcut="A"):
            _act(m, ids, "acknowledge")
        label = st.menu_button("Label", LABELS, key="label-as")
        if label:
            _act(m, ids, "label", label=label)
        length = st.menu_button("Shelve", list(SHELVE), key="shelve-for")
        if length and SHELVE[length]:
            _act(m, ids, "shelve", until=m.clock.now() + SHELVE[length] * SECOND)
        elif length:
            _shelve_until(m, viewer, ids)
        if st.button("Note", key="note"):
            _note(m, ids)
        if State.ACKNOWLEDGED in held and st.button("Take back", key="unacknowledge"):
            _act(m, ids, "unacknowledge")
        if State.SHELVED in held and st.button("Unshelve", key="unshelve"):
            _act(m, ids, "unshelve")
        who = st.session_state.get("who", "")
        words = f"{counted(len(chosen), 'event')} chosen" if chosen else "The event shown, or choose by row"
        st.caption(f"{words} · as {literal(who)}" if who else words, width="content")


def said() -> None:
    """A toast about what was just done."""
    if words := st.session_state.pop("said", None):
        st.toast(words, icon=":material/check:")


def _act(m: Monitor, ids: list[int], action: str, **more: object) -> None:
    """Do it in the viewer's name, which is asked for once."""
    who = st.session_state.get("who", "")
    if who:
        _done(m, ids, action, who, more)
    else:
        _ask_name(m, ids, action, more)


def _done(m: Monitor, ids: list[int], action: str, who: str, more: dict[str, object]) -> None:
    """Record it and show the list anew."""
    try:
        m.act(ids, action, who, **more)  # type: ignore[arg-type]
    except SensormonError as error:
        not_done(error, "Nothing was recorded")
        return
    st.session_state["who"] = who.strip()
    st.session_state["acted-on"] = ids
    st.session_state["said"] = done_words(len(ids), action, str(more.get("label", "")))
    st.rerun()


@st.dialog("Who are you?", icon=":material/badge:")
def _ask_name(m: Monitor, ids: list[int], action: str, more: dict[str, object]) -> None:
    """The name that goes into the log."""
    with st.form("name", border=False):
        who = st.text_input("Your name, for the log", max_chars=LONGEST_NAME, key="name-given", required=True)
        st.caption("It is asked for once and stored with each thing you do.")
        if st.form_submit_button("Go on", type="primary"):
            _done(m, ids, action, who or "", more)


@st.dialog("Shelve until", icon=":material/snooze:")
def _shelve_until(m: Monitor, viewer: Viewer, ids: list[int]) -> None:
    """A time in the viewer's zone."""
    now = local_time(m.clock.now(), viewer.zone).replace(second=0)
    with st.form("until", border=False):
        time = st.datetime_input(f"Until ({viewer.zone_name})", now + timedelta(hours=12), key="until-given")
        who = st.text_input("Your name, for the log", st.session_state.get("who", ""), max_chars=LONGEST_NAME)
        if st.form_submit_button("Shelve", type="primary") and time is not None:
            until = from_local(time, viewer.zone, last=True)
            _done(m, ids, "shelve", who or "", {"until": until})


@st.dialog("Note", icon=":material/edit_note:")
def _note(m: Monitor, ids: list[int]) -> None:
    """A sentence that stays with the events."""
    with st.form("write", border=False):
        text = st.text_area(f"Note on {counted(len(ids), 'event')}", max_chars=LONGEST_NOTE, key="note-given")
        who = st.text_input("Your name, for the log", st.session_state.get("who", ""), max_chars=LONGEST_NAME)
        if st.form_submit_button("Save", type="primary"):
            _done(m, ids, "note", who or "", {"note": text or ""})
