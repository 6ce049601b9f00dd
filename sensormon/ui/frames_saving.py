"""Saving and removing a definition of event frames, through the gate."""

from __future__ import annotations

from datetime import UTC

import streamlit as st

from sensormon.access.audit import Change
from sensormon.access.roles import Act
from sensormon.analysis.frame_rules import FrameRule
from sensormon.events.frame_definitions import LONGEST_TITLE, FrameDefinition, Golden
from sensormon.monitor.monitor import Monitor
from sensormon.ui.acts import NOTHING, allowed, carried_out, name_field
from sensormon.ui.parts import dialog
from sensormon.ui.url_state import hold
from sensormon.ui.viewer import Viewer
from sensormon.ui.widget_keys import replace_widget
from sensormon.view.explore import times
from sensormon.view.frames_words import rule_words, spread_words
from sensormon.view.phrases import literal

CHOSEN, DRAFT, DEFINITION = "frames", "rule", "frames-definition"
"""What the address holds: the name of a definition, a rule that is not saved; the widget that chooses."""


def settled(name: str) -> None:
    """Show the definition of this name, with nothing changed in it; empty for none."""
    hold(CHOSEN, name)
    hold(DRAFT, "")
    replace_widget(DEFINITION)


def golden_words(golden: Golden | None) -> str:
    """The envelope in a phrase."""
    if golden is None:
        return "no envelope"
    return f"envelope: {spread_words(golden.spread, len(golden.frames))}"


@dialog("Save event frames", icon=":material/save:")
def save_dialog(
    m: Monitor, viewer: Viewer, rule: FrameRule, shown: FrameDefinition | None, golden: Golden | None
) -> None:
    """A form for the name; `shown` is the definition in view, `golden` the envelope as chosen now."""
    st.markdown(literal(rule_words(rule, m.tags)))
    kept = golden or (shown.golden if shown else None)
    if golden is not None:
        st.caption(f"With the {golden_words(golden)}, {times(*_extent(golden), viewer.zone)}.")
    elif kept is not None:
        st.caption("The envelope saved before is kept. Choose at least three frames to make another.")
    else:
        st.caption("Without an envelope: choose at least three frames to make one.")
    with st.form("frames-save-form", border=False):
        name = st.text_input(
            "Name", shown.name if shown else "", max_chars=LONGEST_TITLE, key="frames-name", required=True
        )
        who = name_field(m, "frames-save-who")
        sent = st.form_submit_button("Save", type="primary", **allowed(m, Act.EDIT_FRAMES))
    if not sent:
        return
    title = (name or "").strip()
    definition = FrameDefinition(title, rule, kept)
    before, base = NOTHING, 0
    if shown is not None and title == shown.name:
        base = shown.time
        before = f"{rule_words(shown.rule, m.tags)} {golden_words(shown.golden)}"
    after = f"{rule_words(rule, m.tags)} {golden_words(kept)}"
    if kept is not None:
        after += f" of {times(*_extent(kept), UTC)} UTC"
    change = Change(Act.EDIT_FRAMES, f"event frames {title}", before, after)

    def save(author: str) -> None:
        m.frame_definitions.save(definition, author, base)

    if carried_out(m, change, save, "Nothing was saved", who):
        settled(title)
        st.rerun()


@dialog("Remove these event frames?", icon=":material/delete:")
def remove_dialog(m: Monitor, shown: FrameDefinition) -> None:
    """Ask for the name, and remove the definition; readings and events stay."""
    st.markdown(f"**{literal(shown.name)}**. {literal(rule_words(shown.rule, m.tags))}")
    st.caption("The definition and its envelope are removed; no reading is.")
    with st.form("frames-remove-form", border=False):
        who = name_field(m, "frames-remove-who")
        sent = st.form_submit_button("Remove", type="primary", **allowed(m, Act.EDIT_FRAMES))
    before = f"{rule_words(shown.rule, m.tags)} {golden_words(shown.golden)}"
    change = Change(Act.EDIT_FRAMES, f"event frames {shown.name}", before, "removed")

    def remove(author: str) -> None:
        m.frame_definitions.remove(shown.name, author, shown.time)

    if sent and carried_out(m, change, remove, "Nothing was removed", who):
        settled("")
        st.rerun()


def _extent(golden: Golden) -> tuple[int, int]:
    return golden.frames[0][0], golden.frames[-1][1]
