"""Tags of a file that are not in the tag table: listed, and added on demand."""

from __future__ import annotations

import streamlit as st

from sensormon.access.audit import Change
from sensormon.access.roles import Act
from sensormon.exchange.import_table import Columns, Table
from sensormon.exchange.new_tags import unknown, with_new
from sensormon.model.errors import UsageError
from sensormon.model.format import counted
from sensormon.model.tag_edit import changes
from sensormon.monitor.monitor import Monitor
from sensormon.ui.acts import allowed, carried_out, name_field
from sensormon.ui.drawing import not_done
from sensormon.view.access import tag_values


def offer_tags(m: Monitor, table: Table, columns: Columns) -> None:
    """List the columns, or names in the column of tags, that are not tags yet, and add the chosen ones."""
    names = unknown(table, columns, m.tags)
    if not names:
        return
    what = counted(len(names), "name" if columns.tag else "number column")
    with st.form("import-new-tags", border=False):
        chosen = st.multiselect(
            f"{what} not in the tag table yet",
            names,
            default=names,
            key=f"new-tags-{table.key}-{m.tags.digest}",
            **allowed(m, Act.EDIT_TAGS, help="Units in brackets are kept. Set limits and bands under Tags."),
        )
        left, right = st.columns([2, 3], vertical_alignment="bottom")
        with left:
            who = name_field(m, "new-tags-who")
        asked = right.form_submit_button(
            "Add tags", key="new-tags-add", icon=":material/add:", **allowed(m, Act.EDIT_TAGS)
        )
    if not asked or not chosen:
        return

    problem = "The tags could not be added"
    try:
        draft = m.tag_file.read()
    except UsageError as error:
        not_done(error, problem)
        return
    tags = with_new(draft.tags, chosen, columns)

    def add(name: str) -> None:
        m.tag_file.save(draft, tags, name, changes(draft.tags, tags))

    new = tuple(tag.name for tag in tags if tag.name not in draft.tags)
    change = Change(Act.EDIT_TAGS, counted(len(chosen), "tag"), *tag_values(draft.tags, tags))
    if carried_out(m, change, add, problem, who):
        st.session_state[_added(table)] = (*tags_added(table), *new)
        st.rerun()


def tags_added(table: Table) -> tuple[str, ...]:
    """The tags that this session added for this file; they go with its import if that is undone."""
    names: tuple[str, ...] = st.session_state.get(_added(table), ())
    return names


def _added(table: Table) -> str:
    return f"tags-added-{table.key}"
