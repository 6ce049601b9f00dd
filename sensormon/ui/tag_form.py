"""One new tag: fields that are checked as they are left, and a sentence of what adding it will do."""

from __future__ import annotations

import math
from collections.abc import Callable

import streamlit as st

from sensormon.model.errors import UsageError
from sensormon.model.tag_edit import PRIORITY, SIMULATED, TEXTS, Edited
from sensormon.model.tag_file import Draft
from sensormon.model.tags import PRIORITIES, Tag, make_tag
from sensormon.monitor.monitor import Monitor
from sensormon.ui.tag_meanings import MEANINGS
from sensormon.ui.tag_saving import ROUND, TagEdit, preview
from sensormon.view.new_tag import new_tag_words
from sensormon.view.phrases import literal

Key = Callable[[str], str]

NUMBERS, STATES, BOOLEAN, WORDS = "Numbers", "States with names", "On and off", "Any words"
KINDS = (NUMBERS, STATES, BOOLEAN, WORDS)
"""What the readings of a tag are."""


def new_tag(m: Monitor, draft: Draft) -> None:
    """The fields, the sentence, and the button that saves."""

    def key(name: str) -> str:
        return f"new-tag-{name}-{st.session_state.get(ROUND, 0)}"

    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = _text("Name", key, "ti_101", 220)
        label = _text("Label", key, "from the name", 280)
        groups = sorted({tag.group for tag in draft.tags} - {""})
        group = st.selectbox(
            "Group",
            groups,
            None,
            key=key("group"),
            accept_new_options=True,
            placeholder="none",
            width=280,
            help=f"{MEANINGS['Group']}; slashes nest, as in Plant A/Unit 1",
        )
        kind = st.selectbox("Readings are", KINDS, key=key("kind"), width=190)
    table: dict[str, object] = {}
    if label:
        table["label"] = label
    if group:
        table["group"] = group.strip()
    table |= _numbers(key) if kind == NUMBERS else _states(kind or NUMBERS, key)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        description = _text("Description", key, "none", 508)
        table["priority"] = st.selectbox(
            PRIORITY,
            PRIORITIES,
            PRIORITIES.index("medium"),
            key=key("priority"),
            width=190,
            help=MEANINGS[PRIORITY],
        )
        profiles = m.detection.in_force.in_use
        chosen = None
        if kind == NUMBERS:
            chosen = st.selectbox(
                "Profile",
                list(profiles.by_name),
                None,
                key=key("profile"),
                placeholder="by the assignments",
                width=220,
                help="What judges it. Empty: as the assignments on Tuning say",
            )
        simulated = m.source.simulator is not None and st.checkbox(
            SIMULATED, key=key("simulated"), help=MEANINGS[SIMULATED]
        )
    if description:
        table["description"] = description.strip()
    table["simulated"] = simulated
    if not name:
        st.caption("Give the tag a name; what adding it will do appears here.")
        return
    tag = _checked(draft, name.strip(), table)
    if tag is None:
        return
    judged = "" if tag.has_states else chosen or profiles.of(tag).name
    st.markdown(literal(new_tag_words(tag, judged)))
    edit = TagEdit(Edited(draft.tags.with_tags([tag])), {tag.name: chosen} if chosen else {})
    preview(m, draft, edit)


def _text(title: str, key: Key, placeholder: str, width: int) -> str | None:
    """The field of a text column."""
    return st.text_input(
        title,
        key=key(title.lower()),
        max_chars=TEXTS[title],
        placeholder=placeholder,
        width=width,
        help=MEANINGS.get(title),
    )


def _checked(draft: Draft, name: str, table: dict[str, object]) -> Tag | None:
    """The tag; None, with the reason on the page, if it cannot be one."""
    if name in draft.tags:
        st.error(
            literal(f"There is a tag {name} already, {draft.tags[name].label}"), title="Choose another name"
        )
        return None
    try:
        return make_tag(name, table)
    except UsageError as error:
        st.error(literal(f"{error.where}: {error.what}"), title=literal(error.hint))
        return None


def _numbers(key: Key) -> dict[str, object]:
    """Unit and limits of a tag of numbers, as keys of the file."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        unit = _text("Unit", key, "none", 110)
        ends = {
            title: st.number_input(
                title,
                value=None,
                key=key(title),
                placeholder="none",
                width=140,
                format="%.10g",
                help=MEANINGS[title],
            )
            for title in ("Valid low", "Valid high", "Normal low", "Normal high", "Resolution")
        }
    table: dict[str, object] = {"unit": unit.strip()} if unit else {}
    low, high = ends["Valid low"], ends["Valid high"]
    if low is not None or high is not None:
        table["valid"] = [-math.inf if low is None else low, math.inf if high is None else high]
    low, high = ends["Normal low"], ends["Normal high"]
    if low is not None or high is not None:
        table["normal"] = [end for end in (low, high) if end is not None]
    if ends["Resolution"] is not None:
        table["resolution"] = ends["Resolution"]
    return table


def _states(kind: str, key: Key) -> dict[str, object]:
    """The states of a tag of words, as keys of the file."""
    if kind == BOOLEAN:
        return {"kind": "boolean"}
    if kind == WORDS:
        return {"kind": "text"}
    words = st.text_input(
        "States, in the order of their numbers from 0",
        key=key("states"),
        placeholder="closed, open",
        width=508,
    )
    return {"states": [state.strip() for state in words.split(",") if state.strip()]}
