"""The bell in the head of every page: what is wrong now, and what can be done about it from there.

Its list lives in the browser (`browser/bell.js`) and comes from the feed. Here is what people do from it.
If its files cannot be loaded it is not drawn; the Anomalies page has the events.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from sensormon.access.audit import Change
from sensormon.access.person import refusal
from sensormon.access.roles import Act
from sensormon.model.errors import StoreError
from sensormon.model.format import counted
from sensormon.monitor.monitor import Monitor
from sensormon.monitor.runtime import page_key
from sensormon.ui.acts import carried_out, name_field
from sensormon.ui.component import browser_component, no_op
from sensormon.ui.drawing import not_done
from sensormon.ui.going import go_to
from sensormon.ui.parts import dialog, fragment
from sensormon.ui.shelved_tags import shelve_dialog
from sensormon.ui.viewer import viewer
from sensormon.ui.who import person
from sensormon.view.access import events_words
from sensormon.view.active_feed import to_acknowledge
from sensormon.view.phrases import literal

QUIET = "quiet"
"""The parameter of the Anomalies page that opens the shelved tags and the maintenance."""
_SAID = "bell-said"


@fragment
def bell(m: Monitor) -> None:
    """The bell, and the dialogs that it leads to."""
    me = person(m)
    result = browser_component(
        "bell",
        {
            "key": page_key(),
            "may": {"acknowledge": refusal(me, Act.ACKNOWLEDGE), "shelve": refusal(me, Act.SHELVE)},
            "named": me.verified or bool(me.typed),
        },
        "bell",
        width="content",
        on_act_change=no_op,
    )
    _say()
    if isinstance(result.act, Mapping):
        act_on(m, result.act)


def act_on(m: Monitor, act: Mapping[str, Any]) -> None:
    """Do what was pressed; the browser's words are checked, as anybody could have sent them."""
    tag = act.get("tag")
    name = tag if isinstance(tag, str) and tag in m.tags else ""
    match act.get("what"):
        case "acknowledge" if name:
            _begin(m, name, int(act["newest"]))
        case "shelve" if name:
            shelve_dialog(m, viewer(), (name,))
        case "open":
            go_to("anomalies", {"event": str(int(act["event"]))})
        case "quiet":
            go_to("anomalies", {QUIET: "1"})
        case "live":
            go_to("", {"tag": name})
        case "pipeline":
            go_to("pipeline")


def _begin(m: Monitor, tag: str, newest: int) -> None:
    """Acknowledge this tag's events up to the one of this id, once the person's name is known."""
    try:
        ids = to_acknowledge(m, tag, newest)
    except StoreError as error:
        not_done(error, "Nothing was recorded")
        return
    me = person(m)
    if not ids:
        st.toast("Somebody has acknowledged it already", icon=":material/check:")
    elif not (me.verified or me.typed or not me.may(Act.ACKNOWLEDGE)):
        _ask_name(m, tag, ids)
    elif _acknowledge(m, ids):
        _say()


def _acknowledge(m: Monitor, ids: tuple[int, ...], typed: str | None = None) -> bool:
    """Acknowledge these events; returns whether that was recorded."""
    change = Change(Act.ACKNOWLEDGE, events_words(ids), "unacknowledged", "acknowledged")

    def acknowledge(name: str) -> None:
        m.actions.record(ids, "acknowledge", name)

    done = carried_out(m, change, acknowledge, "Nothing was recorded", typed)
    if done:
        st.session_state[_SAID] = f"{counted(len(ids), 'event')} acknowledged"
    return done


def _say() -> None:
    if words := st.session_state.pop(_SAID, None):
        st.toast(words, icon=":material/check:")


@dialog("Your name", icon=":material/badge:")
def _ask_name(m: Monitor, tag: str, ids: tuple[int, ...]) -> None:
    """The name that goes into the log."""
    with st.form("bell-name", border=False):
        st.markdown(
            f"Acknowledge {counted(len(ids), 'event')} of **{literal(m.tags.title(tag))}**" if tag else ""
        )
        who = name_field(m, "bell-name-given")
        st.caption("You are asked once; the name is recorded with every action.")
        sent = st.form_submit_button("Acknowledge", type="primary")
        if sent and _acknowledge(m, ids, who):
            st.rerun()
