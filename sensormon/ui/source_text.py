"""The text of sources.toml, for those who would rather write it."""

from __future__ import annotations

import streamlit as st

from sensormon.access.roles import Act
from sensormon.intake.sources_file import SourcesDraft
from sensormon.model.text import without_password
from sensormon.monitor.monitor import Monitor
from sensormon.ui.acts import allowed, name_field
from sensormon.ui.source_file import SAID, Known, save_text
from sensormon.ui.widget_keys import fresh_key, replace_widget

LONGEST = 200_000
"""Characters; a longer file is edited by hand."""
_DRAFT = "sources-text-draft"


def text_of_the_file(m: Monitor, now: Known) -> None:
    """The text with the button that saves it; for administrators."""
    if now.draft is None:
        return
    with st.expander("The file sources.toml", key="sources-text-open"):
        st.caption("Changes apply at once. Comments stay. Passwords are only named, never written here.")
        if len(now.text) > LONGEST:
            st.caption(f"It has {len(now.text):,} characters: edit it by hand, at {now.path}.")
            return
        key = fresh_key("sources-text")
        draft: SourcesDraft = st.session_state.setdefault(_DRAFT, now.draft)
        shown = without_password(draft.text)
        if draft.seen != now.draft.seen and st.session_state.get(key) in (None, shown):
            draft = st.session_state[_DRAFT] = now.draft
            st.session_state.pop(key, None)
            shown = without_password(draft.text)
        if shown != draft.text:
            st.warning("A password stands in it. Put it into an environment variable, by hand.")
        text = st.text_area(
            "Text",
            shown,
            height=320,
            max_chars=LONGEST,
            key=key,
            label_visibility="collapsed",
            disabled=shown != draft.text,
        )
        if draft.seen != now.draft.seen:
            st.warning("Somebody else has changed the file. Your text cannot be saved over theirs.")
        with st.form("sources-text-form", border=False):
            who = name_field(m, "sources-text-who", required=False, width=320)
            with st.container(horizontal=True):
                pressed = st.form_submit_button(
                    "Save the file", key="sources-text-save", **allowed(m, Act.MANAGE_SOURCES)
                )
                dropped = st.form_submit_button("Discard", key="sources-text-drop")
        if dropped or (pressed and save_text(m, draft, text, who)):
            if pressed:
                st.session_state[SAID] = "The file is saved and in force."
            st.session_state.pop(_DRAFT, None)
            replace_widget("sources-text")
            st.rerun()
