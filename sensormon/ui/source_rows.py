"""The table of what a source reads, the rule that names its tags, and the tags that are new."""

from __future__ import annotations

import hashlib
from typing import Any

import pandas as pd
import streamlit as st

from sensormon.model.format import counted
from sensormon.model.tag_edit import Edited, cells, read_cells
from sensormon.model.tags import Tag, TagTable
from sensormon.monitor.monitor import Monitor
from sensormon.sources.named_keys import Keys
from sensormon.ui.source_open import Opened
from sensormon.view.phrases import literal
from sensormon.view.source_forms import Field, Input, Rows
from sensormon.view.source_names import Naming, name_by_rule, wrong_parts
from sensormon.view.source_rows import frame_of, new_tags, problems_of, renamed, rows_of

_SHOWN = 8
MOST_NEW = 1_000
"""The most tags in the table of new ones; those beyond are added as the server has them."""


def rows_table(shown: Opened, rows: Rows) -> list[Keys]:
    """The table to edit; what it says now."""
    base = shown.read(rows)
    frame = frame_of(rows, base)
    edited: pd.DataFrame = st.data_editor(
        frame,
        num_rows="dynamic",
        hide_index=True,
        height=min(420, 38 + 35 * (len(frame) + 1)),
        key=shown.key(f"rows-{shown.version}"),
        placeholder="",
        column_config={column.label: _column(column) for column in rows.columns},
    )
    values = rows_of(rows, edited, base)
    if rows.says and not values:
        st.caption(rows.says)
    if problems := problems_of(rows, values):
        st.error(bullets(problems), title="Correct these before saving")
    return values


def _column(field: Field) -> Any:
    config = st.column_config
    help_ = field.help or (f"Such as {field.example}" if field.example else None)
    match field.input:
        case Input.CHOICE:
            return config.SelectboxColumn(help=help_, options=list(field.options), default=field.usual)
        case Input.NUMBER:
            return config.NumberColumn(help=help_)
        case Input.WHOLE:
            return config.NumberColumn(help=help_, step=1, format="%d")
        case _:
            return config.TextColumn(help=help_, max_chars=1_000)


def naming_rule(shown: Opened) -> Naming:
    """The rule by which what is picked is named."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        pattern = st.text_input(
            "Name tags by",
            "{name}",
            key=shown.key("pattern"),
            max_chars=200,
            width=240,
            help="{name} is what the server calls it, {address} its whole address, {1}, {2} … the parts of "
            "the address between dots and slashes, {last} the last of them",
        )
        prefix = st.text_input(
            "Prefix", key=shown.key("prefix"), max_chars=60, width=160, placeholder="line1_"
        )
        lower = st.checkbox("Lower case", key=shown.key("lower"))
    if wrong := wrong_parts(pattern):
        st.caption(f":red[{literal(wrong)}]")
    return Naming(pattern.strip() or "{name}", prefix.strip(), bool(lower))


def rename_all(shown: Opened, rows: Rows, values: list[Keys], naming: Naming) -> None:
    """The button that names all rows by the rule, with an example of it."""
    if not values:
        return
    first = values[0]
    address = rows.address_of(first)
    label = shown.offered[address].name if address in shown.offered else ""
    example = name_by_rule(naming, address, label)
    with st.container(horizontal=True, vertical_alignment="center"):
        pressed = st.button("Name all by this rule", key=shown.key("rename"))
        st.caption(f"{literal(address[:80])} becomes {literal(example)}")
    if pressed:
        shown.set_rows(renamed(rows, values, shown.offered, naming))
        st.rerun()


def new_tags_table(m: Monitor, shown: Opened, rows: Rows, values: list[Keys]) -> list[Tag] | None:
    """The tags that saving adds, to edit; None if something in them is wrong."""
    new = new_tags(rows, values, shown.offered, m.tags)
    if not new:
        return []
    edits: dict[str, Tag] = st.session_state.setdefault(shown.key("tags-edited"), {})
    names = "\n".join(tag.name for tag in new)
    digest = hashlib.blake2b(names.encode(), digest_size=8).hexdigest()
    key = shown.key(f"tags-{digest}")
    base: list[Tag] = st.session_state.setdefault(f"{key}-base", [edits.get(tag.name, tag) for tag in new])
    st.markdown(f"**{counted(len(new), 'tag')} will be new in the tag table**")
    st.caption("Unit, range and resolution are the server's where it has them. Empty: no limit.")
    table = TagTable(base[:MOST_NEW])
    frame: pd.DataFrame = st.data_editor(
        cells(table),
        hide_index=True,
        height=min(320, 38 + 35 * (len(table) + 1)),
        key=key,
        disabled=["Name"],
        placeholder="",
        column_order=["Name", "Label", "Unit", "Group", "Valid low", "Valid high", "Resolution"],
    )
    edited: Edited = read_cells(frame, table)
    if edited.problems:
        st.error(bullets(list(edited.problems)), title="Correct these before saving")
        return None
    edits.update({tag.name: tag for tag in edited.tags})
    return [*edited.tags, *base[MOST_NEW:]]


def bullets(lines: list[str]) -> str:
    """Some lines, and how many more there are."""
    more = [f"and {len(lines) - _SHOWN:,} more"] if len(lines) > _SHOWN else []
    return "\n".join(f"- {literal(line)}" for line in [*lines[:_SHOWN], *more])
