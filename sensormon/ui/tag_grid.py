"""The table of tags as cells to edit."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from sensormon.access.roles import Act
from sensormon.model.profiles import Profiles
from sensormon.model.tag_edit import PRIORITY, SIMULATED, TEXTS, Edited, cells, read_cells
from sensormon.model.tag_file import Draft
from sensormon.model.tags import NAME, PRIORITIES
from sensormon.monitor.monitor import Monitor
from sensormon.ui.acts import allowed, why_not
from sensormon.ui.glossary import meaning
from sensormon.ui.tag_meanings import MEANINGS
from sensormon.ui.tag_saving import DRAFT, ROUND


def draft_of(now: Draft, only: str = "") -> Draft:
    """The file as of when this session began to change cells; the current file if it has not."""
    draft: Draft = st.session_state.setdefault(DRAFT, now)
    if draft.seen != now.seen and not _begun(draft, only):
        draft = st.session_state[DRAFT] = now
    return draft


def grid_key(draft: Draft, only: str = "") -> str:
    """The key of the table of this draft, or of the table with only this tag."""
    return f"tags-table-{draft.seen}-{st.session_state.get(ROUND, 0)}{f'-{only}' if only else ''}"


def _begun(draft: Draft, only: str) -> bool:
    """Whether cells of this table were changed."""
    return any(st.session_state.get(grid_key(draft, only), {}).values())


def tag_grid(m: Monitor, draft: Draft, only: str = "") -> Edited:
    """The table, in a form: what is typed waits there, so that a page drawn meanwhile loses no cell.

    With `only` it has that tag alone, and none can be added or removed.
    """
    number = st.column_config.NumberColumn
    columns = {
        "Name": st.column_config.TextColumn(
            required=True,
            max_chars=TEXTS["Name"],
            validate=f"^{NAME.pattern}$",
            help=f"{MEANINGS['Name']}. Another name is another tag.",
        ),
        "Label": st.column_config.TextColumn(
            max_chars=TEXTS["Label"], help=f"{MEANINGS['Label']}. If empty, it is derived from the name."
        ),
        "Unit": st.column_config.TextColumn(
            max_chars=TEXTS["Unit"], help="For all values of the tag, such as °C or pH"
        ),
        "Group": st.column_config.TextColumn(max_chars=TEXTS["Group"], help=MEANINGS["Group"]),
        "Description": st.column_config.TextColumn(
            max_chars=TEXTS["Description"], help=MEANINGS["Description"]
        ),
        "Valid low": number(help=f"{MEANINGS['Valid low']}. Empty: no limit."),
        "Valid high": number(help=f"{MEANINGS['Valid high']}. Empty: no limit."),
        "Normal low": number(help=MEANINGS["Normal low"]),
        "Normal high": number(help=MEANINGS["Normal high"]),
        "Noise": number(min_value=0.0, help="Standard deviation of the sensor, for the simulator"),
        "Resolution": number(min_value=0.0, help=MEANINGS["Resolution"]),
        PRIORITY: st.column_config.SelectboxColumn(
            options=list(PRIORITIES), default="medium", help=MEANINGS[PRIORITY]
        ),
        SIMULATED: st.column_config.CheckboxColumn(
            default=False,
            help=f"{MEANINGS[SIMULATED]}. Without it the tag waits for readings that are sent, replayed or "
            "imported.",
        )
        if m.source.simulator
        else None,
        "Formula": st.column_config.TextColumn(
            help="What the tag is calculated from; changed in the section Calculated tags."
        ),
        "Profile": st.column_config.TextColumn(
            help=f"What judges the tag; changed on Tuning.\n\n{meaning('profile')}"
        ),
    }
    frame = cells(draft.tags)
    if any(tag.formula for tag in draft.tags):
        frame["Formula"] = [tag.formula for tag in draft.tags]
    frame["Profile"] = _profiles(m, draft, only)
    shown = frame[frame["Name"] == only] if only else frame
    key = grid_key(draft, only)
    locked = why_not(m, Act.EDIT_TAGS)
    with st.container(key="tags-grid"), st.form(f"{key}-form", border=False):
        edited: pd.DataFrame = st.data_editor(
            shown,
            num_rows="fixed" if locked or only else "dynamic",
            disabled=locked or ["Formula", "Profile"],
            hide_index=True,
            height=min(520, 38 + 35 * (len(shown) + (not only))),
            key=key,
            column_config=columns,
            placeholder="",
        )
        with st.container(horizontal=True, vertical_alignment="center"):
            st.form_submit_button("Review changes", key="tags-review", **allowed(m, Act.EDIT_TAGS))
            if not (locked or only):
                st.caption("Select rows at the left edge and press Delete to remove them.")
    if only:
        frame.loc[edited.index] = edited
    return read_cells(frame if only else edited, draft.tags)


def _profiles(m: Monitor, draft: Draft, only: str) -> list[str]:
    """The profile of each tag in the table; those in force when this session began to change cells."""
    kept = f"{grid_key(draft, only)}-profiles"
    if kept not in st.session_state or not _begun(draft, only):
        st.session_state[kept] = m.detection.in_force.in_use
    profiles: Profiles = st.session_state[kept]
    return ["" if tag.has_states else profiles.of(tag).name for tag in draft.tags]
