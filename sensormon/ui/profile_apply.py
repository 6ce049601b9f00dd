"""Putting profiles in force: what would change, who does it and why, through the gate of `acts`."""

from __future__ import annotations

import streamlit as st

from sensormon.access.audit import Change
from sensormon.access.roles import Act
from sensormon.detectors.profile_state import check
from sensormon.model.errors import UsageError
from sensormon.model.format import counted
from sensormon.model.profiles import Profiles
from sensormon.monitor.monitor import Monitor
from sensormon.ui.acts import allowed, carried_out, name_field
from sensormon.view.phrases import literal
from sensormon.view.profiles import changes, moves, record_words

SHOWN = 12
"""Changes shown at once; the others are counted."""
LONGEST_REASON = 200
"""The most characters of a reason."""


def change_lines(m: Monitor, before: Profiles, after: Profiles) -> list[str]:
    """What differs, and which tags get another profile."""
    judged = (m.tags[name] for name in m.running_tags.now().numbers)
    return [*changes(before, after), *moves(before, after, judged)]


def apply_form(m: Monitor, key: str, after: Profiles, over: int, why: str = "") -> bool:
    """What these profiles would change, and the form that puts them in force; whether it did so now.

    `why` is the reason that the form begins with. They are refused if they cannot judge, and if the
    version in force is no longer `over`.
    """
    before = m.detection.in_force.in_use
    lines = change_lines(m, before, after)
    st.markdown(f"**What will change** · {counted(len(lines), 'change')}")
    st.markdown(bullets(lines))
    try:
        check(after, list(m.running_tags.now()))
    except UsageError as error:
        st.error(literal(str(error)), title="These profiles cannot be applied")
        return False
    st.caption("From the next reading on, for all users. Stored flags stay as they are.")
    with st.form(f"{key}-form", border=False):
        who = name_field(m, f"{key}-who", width=320)
        reason = st.text_input("Reason", why, max_chars=LONGEST_REASON, key=f"{key}-reason", required=True)
        sent = st.form_submit_button(
            "Apply to live monitoring", type="primary", key=f"{key}-apply", **allowed(m, Act.APPLY_SETTINGS)
        )
    if not sent:
        return False
    change = Change(
        Act.APPLY_SETTINGS,
        f"profiles ({reason})" if reason else "profiles",
        record_words(before, after),
        record_words(after, before),
    )

    def put_in_force(name: str) -> None:
        m.tuner.apply(after, name, reason or "", over)

    if not carried_out(m, change, put_in_force, "Nothing was changed", who):
        return False
    st.session_state["profiles-said"] = counted(len(lines), "change")
    return True


def said() -> None:
    """Report what this session applied last, once."""
    if applied := st.session_state.pop("profiles-said", None):
        st.toast(f"Live monitoring uses the new profiles: {applied}.")


def bullets(lines: list[str]) -> str:
    """These lines as a Markdown list, at most `SHOWN` of them."""
    more = [f"and {len(lines) - SHOWN:,} more"] if len(lines) > SHOWN else []
    return "\n".join(f"- {literal(line)}" for line in [*lines[:SHOWN], *more])
