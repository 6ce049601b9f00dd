"""Tags: the table to edit, a form for a new one, rows pasted from a spreadsheet, and who changed what."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from sensormon.access.audit import Change
from sensormon.access.roles import Act
from sensormon.model.errors import UsageError
from sensormon.model.tag_edit import changes
from sensormon.model.tag_file import Draft
from sensormon.model.tags import TagTable
from sensormon.model.timestamps import to_datetime
from sensormon.monitor.monitor import Monitor
from sensormon.ui.acts import allowed, carried_out
from sensormon.ui.drawing import not_done, panel
from sensormon.ui.sections import section_head
from sensormon.ui.tag_form import new_tag
from sensormon.ui.tag_grid import draft_of, tag_grid
from sensormon.ui.tag_paste import pasted_tags
from sensormon.ui.tag_saving import SAID, TagEdit, bullets, preview, start_over
from sensormon.ui.url_state import held, hold
from sensormon.ui.viewer import Viewer
from sensormon.view.access import tag_values
from sensormon.view.phrases import literal

TABLE, NEW, PASTE = "Table", "Add a tag", "Paste from a spreadsheet"


def section(m: Monitor, viewer: Viewer) -> None:
    """The tags, in the way to edit them that is chosen."""
    section_head(
        "Tags",
        "Name, unit and limits of each measuring point. A reading outside its valid range is rejected; the "
        "normal band is drawn. Changes apply from the next reading on, without a restart.",
    )
    if said := st.session_state.pop(SAID, None):
        st.info(said, title="Tags saved")
    try:
        now = m.tag_file.read()
    except UsageError as error:
        not_done(error, "The tag table cannot be edited")
        return
    _by_hand(m, now)
    way = st.segmented_control(
        "Way to edit",
        [TABLE, NEW, PASTE],
        default=TABLE,
        required=True,
        key="edit",
        bind="query-params",
        label_visibility="collapsed",
        **allowed(m, Act.EDIT_TAGS),
    )
    if way == NEW:
        new_tag(m, now)
    elif way == PASTE:
        pasted_tags(m, now)
    else:
        _in_the_table(m, now)
    _log(m, viewer)


def _in_the_table(m: Monitor, now: Draft) -> None:
    only = _asked_for(now)
    draft = draft_of(now, only)
    edited = tag_grid(m, draft, only if only in draft.tags else "")
    if draft.seen != now.seen:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.warning("Somebody else has changed the tags. Your changes cannot be saved over theirs.")
            st.button("Start over", key="tags-start-over", on_click=start_over, help="Drops your changes")
    preview(m, draft, TagEdit(edited))


def _asked_for(now: Draft) -> str:
    """The tag that the address names, as `tag`: the table then has it alone. Empty for all tags."""
    name = held("tag")
    if not name:
        return ""
    with st.container(horizontal=True, vertical_alignment="center"):
        if name in now.tags:
            st.markdown(f"Only **{literal(now.tags.title(name))}**", width="content")
        else:
            st.caption(f":material/error: The link names a tag that is not here: {literal(name[:100])}.")
        st.button("Show all tags", key="tags-all", on_click=hold, args=("tag", ""), type="tertiary")
    return name if name in now.tags else ""


def _by_hand(m: Monitor, draft: Draft) -> None:
    """If the file was changed by hand and the monitor does not use it yet, say so and offer to apply it."""
    running = TagTable(tag for tag in m.running_tags.now() if tag.name in draft.tags or m.source.simulator)
    lines = changes(running, draft.tags)
    if not lines:
        return
    with panel("tags-by-hand"):
        st.markdown("**The file was changed by hand.** The monitor still runs without these changes:")
        st.markdown(bullets(lines))
        change = Change(
            Act.EDIT_TAGS, f"{m.tag_file.path.name}, changed by hand", *tag_values(running, draft.tags)
        )
        pressed = st.button("Apply the changes", key="tags-take-over", **allowed(m, Act.EDIT_TAGS))
        if pressed and carried_out(
            m, change, lambda who: m.tag_file.apply(draft, who), "The changes cannot be applied"
        ):
            st.rerun()


def _log(m: Monitor, viewer: Viewer) -> None:
    """Who changed what, newest first."""
    done = m.tag_file.changes()
    if not done:
        return
    with st.expander(f"Change history ({len(done):,})", key="tags-log"):
        st.dataframe(
            pd.DataFrame(
                {
                    "Time": [to_datetime(edit.time) for edit in done],
                    "Who": [edit.who for edit in done],
                    "What": ["; ".join(edit.changes) for edit in done],
                }
            ),
            hide_index=True,
            key="tags-log-table",
            column_config={
                "Time": st.column_config.DatetimeColumn(
                    format="YYYY-MM-DD HH:mm:ss", timezone=viewer.zone_name, width=150
                ),
                "Who": st.column_config.TextColumn(width=120),
                "What": st.column_config.TextColumn(width=700),
            },
        )
