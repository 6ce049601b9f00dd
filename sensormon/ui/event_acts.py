"""Actions on the selected events in a person's name: acknowledge, label, shelve, note."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC

import pandas as pd
import streamlit as st

from sensormon.access.audit import Change
from sensormon.access.roles import Act
from sensormon.events.actions import LABEL_WORDS, LABELS, LONGEST_NOTE, State
from sensormon.model.clock import MINUTE, SECOND
from sensormon.model.format import counted, day_and_time, moment_words
from sensormon.model.timestamps import micros
from sensormon.monitor.monitor import Monitor
from sensormon.ui.acts import allowed, carried_out, name_field, why_not
from sensormon.ui.event_reading import JUST_DONE
from sensormon.ui.parts import dialog
from sensormon.ui.time_range import time_field
from sensormon.ui.url_state import visit
from sensormon.ui.viewer import Viewer, viewer
from sensormon.ui.who import person
from sensormon.view.access import events_words, tally
from sensormon.view.events import done_words
from sensormon.view.phrases import literal

SHELVE = {"1 h": 3_600, "8 h": 28_800, "24 h": 86_400, "until …": 0}
ACTS = {
    "acknowledge": Act.ACKNOWLEDGE,
    "unacknowledge": Act.ACKNOWLEDGE,
    "label": Act.LABEL,
    "shelve": Act.SHELVE,
    "unshelve": Act.SHELVE,
    "note": Act.NOTE,
}
"""The act of each button."""


_QUESTIONS = {
    "acknowledge": "Acknowledge",
    "unacknowledge": "Undo the acknowledgement of",
    "label": "Label",
    "shelve": "Shelve",
    "unshelve": "Unshelve",
    "note": "Write a note on",
}
MANY = 1_000
"""An act on more events than this is asked about first."""
_PRESSED = "pressed"
TICKED = "ticked"
"""Key in the session's state: the events selected in the list after these buttons were drawn."""


@dataclass(frozen=True)
class _Press:
    """A pressed button, with the events drawn beside it, or selected after that."""

    action: str
    ids: tuple[int, ...]
    visit: int  # leaving the page dismisses the dialog
    label: str = ""
    seconds: int = 0  # shelving time; 0: ask for it
    before: str = ""  # the label, the note or the state that the events had, for the audit trail
    asked: bool = False  # a name, a time or a text
    sure: bool = False  # that it is meant for all of many events


def action_row(m: Monitor, chosen: list[int], beside: int, shown: pd.DataFrame) -> None:
    """Buttons for actions on the selected events, or on the one shown `beside` the list if none is.

    `carry_out` performs the action in the next run.
    """
    ids = tuple(chosen) or (beside,)
    st.session_state.pop(TICKED, None)
    held = set(shown.loc[shown["id"].isin(ids), "state"])

    def press(action: str, label: str = "", seconds: int = 0) -> None:
        # A run that was cut off took a new selection without drawing these buttons again.
        meant = st.session_state.get(TICKED, ids)
        if meant and not asking():
            before = _before(action, meant, shown)
            st.session_state[_PRESSED] = _Press(action, meant, visit(), label, seconds, before)

    def label() -> None:
        press("label", label=st.session_state["label-as"])

    def shelve() -> None:
        press("shelve", seconds=SHELVE[st.session_state["shelve-for"]])

    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="event-actions"):
        st.button(
            "Acknowledge",
            key="acknowledge",
            type="primary",
            shortcut=None if asking() else "A",
            on_click=press,
            args=("acknowledge",),
            **allowed(m, Act.ACKNOWLEDGE),
        )
        st.menu_button(
            "Label",
            LABELS,
            key="label-as",
            on_click=label,
            format_func=LABEL_WORDS.__getitem__,
            **allowed(m, Act.LABEL),
        )
        st.menu_button("Shelve", list(SHELVE), key="shelve-for", on_click=shelve, **allowed(m, Act.SHELVE))
        st.button("Note", key="note", on_click=press, args=("note",), **allowed(m, Act.NOTE))
        if State.ACKNOWLEDGED in held:
            st.button(
                "Undo",
                key="unacknowledge",
                on_click=press,
                args=("unacknowledge",),
                **allowed(m, Act.ACKNOWLEDGE),
            )
        if State.SHELVED in held:
            st.button(
                "Unshelve", key="unshelve", on_click=press, args=("unshelve",), **allowed(m, Act.SHELVE)
            )
        me = person(m)
        words = f"{len(chosen):,} selected" if chosen else _on_the_shown(m, beside, shown)
        if chosen and beside not in set(chosen):
            words += ", not the event shown"
        named = me.verified or bool(me.typed)
        st.caption(f"{words} · as {literal(me.signature)}" if named else words, width="content")
    why_not(m, Act.LABEL)  # the two menus show no help while they are disabled


def _on_the_shown(m: Monitor, beside: int, shown: pd.DataFrame) -> str:
    """Which event the buttons act on; on a phone it is not in sight until its row is tapped."""
    words = "None selected: acts on the event shown"
    event = shown[shown["id"] == beside]
    if event.empty:
        return words
    when = moment_words(int(micros(event["start"])[0]), m.clock.now(), viewer().zone)
    return f"{words}, {literal(m.tags.title(str(event['tag'].iloc[0])))} at {when}"


def _before(action: str, ids: tuple[int, ...], shown: pd.DataFrame) -> str:
    """What these events were, as far as they are in the list, for the audit trail."""
    rows = shown[shown["id"].isin(ids)]
    column = {"label": "label", "note": "note"}.get(action, "state")
    return tally(map(str, rows[column]), f"no {column}") if len(rows) else "not in the list"


def carry_out(m: Monitor, viewer: Viewer) -> None:
    """Perform the pressed action in the viewer's name, and confirm it.

    It applies to the events drawn beside the button, even if the list has changed since. A missing
    name, time or text is asked for until it is given or the dialog is dismissed.
    """
    press: _Press | None = st.session_state.get(_PRESSED)
    if press is not None and press.visit != visit():
        _put_away()
    elif press is not None:
        me = person(m)
        if not me.may(ACTS[press.action]):
            _put_away()
            _done(m, press)
        elif len(press.ids) > MANY and not press.sure:
            _ask_many(press)
        elif press.action == "note":
            _note(m, press)
        elif press.action == "shelve" and not press.seconds:
            _shelve_until(m, viewer, press)
        elif (me.verified or me.typed) and not press.asked:
            _put_away()
            _done(m, press)
        else:
            _ask_name(m, press)
        if asking():
            st.session_state[_PRESSED] = replace(press, asked=True)
    if words := st.session_state.pop("said", None):
        st.toast(words, icon=":material/check:")


def asking() -> bool:
    """Whether a dialog of this page is open; the page behind it then stays as it is and ignores keys."""
    return _PRESSED in st.session_state


def _put_away() -> None:
    st.session_state.pop(_PRESSED, None)


def _done(
    m: Monitor, press: _Press, typed: str | None = None, *, until: int | None = None, note: str = ""
) -> bool:
    """Record the action and have the list read again; returns whether it was recorded."""
    if press.seconds:
        until = m.clock.now() + press.seconds * SECOND

    def act(name: str) -> None:
        m.actions.record(press.ids, press.action, name, label=press.label, until=until, note=note)

    done = {
        "acknowledge": "acknowledged",
        "unacknowledge": "acknowledgement undone",
        "label": press.label,
        "shelve": f"shelved until {day_and_time(until or 0, UTC)} UTC",
        "unshelve": "unshelved",
        "note": note,
    }
    change = Change(ACTS[press.action], events_words(press.ids), press.before, done[press.action])
    if not carried_out(m, change, act, "Nothing was recorded", typed):
        return False
    _put_away()
    st.session_state["acted-on"] = st.session_state[JUST_DONE] = list(press.ids)
    st.session_state["said"] = done_words(len(press.ids), press.action, press.label)
    return True


@dialog("Many events", icon=":material/done_all:", on_dismiss=_put_away)
def _ask_many(press: _Press) -> None:
    """Whether the act is meant for all of them; it is one act, with one record in the audit trail."""
    st.markdown(f"**{_QUESTIONS[press.action]} {counted(len(press.ids), 'event')}?**")
    if press.label:
        st.caption(f"Label: {LABEL_WORDS[press.label]}.")
    with st.container(horizontal=True, gap="small"):
        if st.button("Continue", key="many-yes", type="primary"):
            st.session_state[_PRESSED] = replace(press, sure=True, asked=False)
            st.rerun()
        if st.button("Cancel", key="many-no"):
            _put_away()
            st.rerun()


@dialog("Your name", icon=":material/badge:", on_dismiss=_put_away)
def _ask_name(m: Monitor, press: _Press) -> None:
    """The name that goes into the log."""
    with st.form("name", border=False):
        who = name_field(m, "name-given")
        st.caption("You are asked once; the name is recorded with every action.")
        if st.form_submit_button("Continue", type="primary") and _done(m, press, who):
            st.rerun()


@dialog("Shelve until", icon=":material/snooze:", on_dismiss=_put_away)
def _shelve_until(m: Monitor, viewer: Viewer, press: _Press) -> None:
    """A time in the viewer's zone."""
    now = m.clock.now() // MINUTE * MINUTE
    with st.form("until", border=False):
        until = time_field(viewer, "Until", now + 12 * 60 * MINUTE, last=True, key="until-given")
        who = name_field(m, "shelve-who")
        sent = st.form_submit_button("Shelve", type="primary")
        if sent and until is not None and _done(m, press, who, until=until):
            st.rerun()


@dialog("Note", icon=":material/edit_note:", on_dismiss=_put_away)
def _note(m: Monitor, press: _Press) -> None:
    """A sentence that stays with the events."""
    with st.form("write", border=False):
        text = st.text_area(
            f"Note on {counted(len(press.ids), 'event')}", max_chars=LONGEST_NOTE, key="note-given"
        )
        who = name_field(m, "note-who")
        if st.form_submit_button("Save", type="primary") and _done(m, press, who, note=text or ""):
            st.rerun()
