"""Tags of a file that are not in the tag table: listed, and added on demand."""

from __future__ import annotations

import streamlit as st

from sensormon.access.audit import Change
from sensormon.access.roles import Act
from sensormon.exchange.import_table import Table, propose
from sensormon.exchange.new_tags import MOST, new_tags, states_tag, word_columns
from sensormon.model.errors import UsageError
from sensormon.model.format import counted
from sensormon.model.tag_edit import changes
from sensormon.model.tags import Tag
from sensormon.monitor.monitor import Monitor
from sensormon.tables.column_names import known_names, tag_name
from sensormon.tables.columns import Columns
from sensormon.ui.acts import allowed, carried_out, name_field
from sensormon.ui.drawing import not_done
from sensormon.view.access import tag_values


def offer_tags(m: Monitor, table: Table, stem: str, columns: Columns) -> None:
    """List the columns, or names in the column of tags, that are not tags yet, and add the chosen ones."""
    numbers, words = _candidates(m, table, stem, columns)
    offered = {tag.name: tag for tag in (*numbers, *words)}
    if not offered:
        return
    kind = "name" if columns.tag else "number column"
    kinds = [counted(len(numbers), kind)] if numbers else []
    kinds += [f"{counted(len(words), 'column')} of states"] if words else []
    with st.form("import-new-tags", border=False):
        chosen = st.multiselect(
            f"{' and '.join(kinds)} not in the tag table yet",
            list(offered),
            default=[tag.name for tag in numbers],
            format_func=lambda name: _title(offered[name]),
            key=f"new-tags-{table.key}-{m.running_tags.now().digest}",
            **allowed(m, Act.EDIT_TAGS, help="Units of the file are kept. Set limits and bands under Tags."),
        )
        left, right = st.columns([2, 3], vertical_alignment="bottom")
        with left:
            who = name_field(m, "new-tags-who")
        asked = right.form_submit_button(
            "Add tags", key="new-tags-add", icon=":material/add:", **allowed(m, Act.EDIT_TAGS)
        )
    if asked and chosen:
        _add(m, table, [offered[name] for name in chosen], who)


def _candidates(m: Monitor, table: Table, stem: str, columns: Columns) -> tuple[list[Tag], list[Tag]]:
    """The new tags for what has numbers, and those for columns of words."""
    if columns.tag:
        return new_tags(table, columns, m.running_tags.now())[:MOST], []
    try:
        whole = propose(table, m.running_tags.now(), stem, given=_without_values(columns))
    except UsageError:
        whole = columns
    known = known_names(m.running_tags.now())
    words = [name for name in word_columns(table, whole) if name.casefold() not in known]
    taken = [*m.running_tags.now().names, *whole.values.values()]
    states = []
    for name in words:
        states.append(states_tag(table, name, tag_name(name, taken)))
        taken.append(states[-1].name)
    return [] if whole.tag else new_tags(table, whole, m.running_tags.now())[:MOST], states[:MOST]


def _without_values(columns: Columns) -> Columns:
    return Columns(
        time=columns.time,
        clock=columns.clock,
        zone=columns.zone,
        form=columns.form,
        day_first=columns.day_first,
        decimal=columns.decimal,
        missing=columns.missing,
    )


def _title(tag: Tag) -> str:
    unit = f" [{tag.unit}]" if tag.unit else ""
    states = "" if tag.kind == "number" else ", states"
    return (
        f"{tag.label}{unit}{states}" if tag.label == tag.name else f"{tag.label}{unit} ({tag.name}{states})"
    )


def _add(m: Monitor, table: Table, new: list[Tag], who: str) -> None:
    problem = "The tags could not be added"
    try:
        draft = m.tag_file.read()
    except UsageError as error:
        not_done(error, problem)
        return
    tags = draft.tags.with_tags(new)

    def add(name: str) -> None:
        m.tag_file.save(draft, tags, name, changes(draft.tags, tags))

    change = Change(Act.EDIT_TAGS, counted(len(new), "tag"), *tag_values(draft.tags, tags))
    if carried_out(m, change, add, problem, who):
        st.session_state[_added(table)] = (*tags_added(table), *(tag.name for tag in new))
        st.rerun()


def tags_added(table: Table) -> tuple[str, ...]:
    """The tags that this session added for this file; they go with its import if that is undone."""
    names: tuple[str, ...] = st.session_state.get(_added(table), ())
    return names


def _added(table: Table) -> str:
    return f"tags-added-{table.key}"
