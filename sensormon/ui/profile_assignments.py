"""What profiles are assigned to: a row of fields that adds an assignment, and the table of all to edit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pandas as pd
import streamlit as st

from sensormon.model.profiles import KINDS, LONGEST_TARGET, Assignment, Profiles, checked
from sensormon.monitor.monitor import Monitor
from sensormon.ui.glossary import meaning

Key = Callable[[str], str]

_BEGUN = "profiles-assigned"
_ROW = 35  # height of a row, in pixels


def new_assignment(m: Monitor, profiles: Profiles, first: str, key: Key) -> Profiles | None:
    """Fields that assign a profile, at first this one; the profiles with it once the button is pressed.

    Raises UsageError for a name that cannot be used.
    """
    st.markdown("**Assignments**", help=meaning("profile"))
    st.caption(
        "A tag has the profile assigned to it by name; else that of the first pattern that its name fits "
        "(\\* any characters, ? one), in this order; else that of its group; else the default profile."
    )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        names = list(profiles.by_name)
        profile = st.selectbox("Assign", names, names.index(first), key=key(f"assign-{first}"), width=220)
        kind = st.selectbox("to the", KINDS[::-1], key=key("kind"), width=130)
        name = _name_field(m, kind or KINDS[-1], key)
        pressed = st.button("Add", key=key("assign-add"), disabled=not name)
    if not pressed or not name:
        return None
    return profiles.assigned(Assignment(profile or profiles.default.name, kind or KINDS[-1], name))


def _name_field(m: Monitor, kind: str, key: Key) -> str:
    if kind == "pattern":
        typed = st.text_input(
            "Pattern", key=key("pattern"), max_chars=LONGEST_TARGET, placeholder="*_ph", width=280
        )
        return (typed or "").strip()
    if kind == "tag":
        return (
            st.selectbox(
                "Tag", m.running_tags.now().numbers, None, format_func=m.tags.title, key=key("tag"), width=280
            )
            or ""
        )
    groups = sorted({m.tags[name].group for name in m.running_tags.now().numbers} - {""})
    return st.selectbox("Group", groups, None, key=key("group"), width=280) or ""


def edited_assignments(m: Monitor, profiles: Profiles, key: Key) -> Profiles:
    """The table of assignments, to be edited; the profiles with the rows that are complete.

    Raises UsageError for rows that cannot be used.
    """
    begun: Profiles = st.session_state.get(_BEGUN, profiles)
    if key("assignments") not in st.session_state:
        begun = st.session_state[_BEGUN] = profiles
    if not begun.assignments:
        st.caption("Nothing is assigned yet: every tag has the default profile.")
        return profiles
    frame = _frame(m, begun)
    edited: pd.DataFrame = st.data_editor(
        frame,
        num_rows="delete",
        disabled=["Tags", "Kind", "Name"],
        hide_index=True,
        key=key("assignments"),
        height=_height(frame),
        column_config=_columns(profiles),
    )
    rows = edited.dropna(subset=["Kind", "Name", "Profile"])
    rows = rows.assign(Order=rows["Order"].fillna(len(rows) + 1)).sort_values("Order", kind="stable")
    entries = tuple(
        Assignment(str(profile), str(kind), str(name))
        for profile, kind, name in zip(rows["Profile"], rows["Kind"], rows["Name"], strict=True)
    )
    st.caption(
        "Change a profile or the order here. Select rows at the left edge and press Delete to remove them."
    )
    return checked(replace(profiles, assignments=entries))


def assigned_table(m: Monitor, profiles: Profiles) -> None:
    """The assignments, to look at."""
    if profiles.assignments:
        frame = _frame(m, profiles)
        st.dataframe(frame, hide_index=True, height=_height(frame), column_config=_columns(profiles))


def _frame(m: Monitor, profiles: Profiles) -> pd.DataFrame:
    assignments = [profiles.assignment(m.tags[name]) for name in m.running_tags.now().numbers]
    counts = Counter(entry.target for entry in assignments if entry is not None)
    entries = profiles.assignments
    return pd.DataFrame(
        {
            "Order": range(1, len(entries) + 1),
            "Kind": [entry.kind for entry in entries],
            "Name": [entry.name for entry in entries],
            "Profile": [entry.profile for entry in entries],
            "Tags": [counts[entry.target] for entry in entries],
        }
    )


def _height(frame: pd.DataFrame) -> int:
    return min(388, 38 + _ROW * len(frame))


def _columns(profiles: Profiles) -> dict[str, Any]:
    number = st.column_config.NumberColumn
    return {
        "Order": number(width=70, step=1, required=True, help="Patterns are tried in this order"),
        "Kind": st.column_config.TextColumn(width=90),
        "Name": st.column_config.TextColumn(width=280),
        "Profile": st.column_config.SelectboxColumn(options=list(profiles.by_name), required=True, width=200),
        "Tags": number(format="localized", width=70, help="Tags that have their profile by this row"),
    }
