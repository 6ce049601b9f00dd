"""What an edit of the tags would do, and the button that saves it, whichever way the edit came about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import streamlit as st

from sensormon.access.audit import Change
from sensormon.access.roles import Act
from sensormon.model.clock import DAY
from sensormon.model.errors import StoreError
from sensormon.model.format import counted
from sensormon.model.profiles import Assignment, Profiles
from sensormon.model.tag_edit import Edited, changes, narrowed
from sensormon.model.tag_file import Draft
from sensormon.monitor.monitor import Monitor
from sensormon.ui.acts import allowed, carried_out, name_field
from sensormon.ui.drawing import panel
from sensormon.ui.url_state import held, hold
from sensormon.view.access import tag_values
from sensormon.view.phrases import literal
from sensormon.view.profiles import record_words

SHOWN = 8
"""Lines of problems or changes shown at once; the others are counted."""
DRAFT = "tags-draft"
ROUND = "tags-round"
SAID = "tags-said"


@dataclass(frozen=True)
class TagEdit:
    """An edit of the tags, and the profiles that some of them are to have, by name."""

    edited: Edited
    profiles: Mapping[str, str] = field(default_factory=dict)


def start_over() -> None:
    """Forget what this session has entered; the file is read again."""
    st.session_state.pop(DRAFT, None)
    st.session_state[ROUND] = st.session_state.get(ROUND, 0) + 1


def preview(m: Monitor, draft: Draft, edit: TagEdit) -> None:
    """The changes in words with the button that saves them, or what has to be corrected first."""
    edited = edit.edited
    if edited.problems:
        st.error(bullets(list(edited.problems)), title="Correct these before saving")
        return
    after = _assigned(m, edit)
    lines = changes(draft.tags, edited.tags)
    judged = [*_moves(m, edit, after)]
    if not lines and not judged:
        return
    with panel("tags-preview"):
        st.markdown(f"**What will change** · {counted(len(lines) + len(judged), 'change')}")
        st.markdown(bullets([*lines, *judged]))
        for line in _rejections(m, draft, edited):
            st.markdown(f":material/block: {literal(line)}")
        with st.form("tags-save", border=False):
            who = name_field(m, "tags-who", required=False, width=320)  # Discard needs no name
            with st.container(horizontal=True):
                save = st.form_submit_button(
                    "Save", type="primary", key="tags-save-button", **allowed(m, Act.EDIT_TAGS)
                )
                drop = st.form_submit_button("Discard", key="tags-discard")
        if drop:
            start_over()
            st.rerun()
        if save and (not lines or _save(m, draft, edited, who, lines)):
            said = f"{counted(len(lines), 'tag')} changed, from the next reading on. " if lines else ""
            if judged and not _judge(m, after, who):
                return
            if (renamed := edited.renamed.get(held("tag"))) is not None:
                hold("tag", renamed)  # the table may have that tag alone
            st.session_state[SAID] = (
                f"{said}The previous file is kept beside it as {m.tag_file.path.name}.bak."
                if lines
                else f"{counted(len(judged), 'tag')} judged by another profile, from the next reading on."
            )
            start_over()
            st.rerun()


def _save(m: Monitor, draft: Draft, edited: Edited, who: str, lines: list[str]) -> bool:
    def save(name: str) -> None:
        m.tag_file.save(draft, edited.tags, name, lines, edited.renamed)

    change = Change(Act.EDIT_TAGS, counted(len(lines), "tag"), *tag_values(draft.tags, edited.tags))
    return carried_out(m, change, save, "The tags could not be saved", who)


def _judge(m: Monitor, after: Profiles, who: str) -> bool:
    before = m.detection.in_force

    def apply(name: str) -> None:
        m.tuner.apply(after, name, "with the tag table", before.id)

    change = Change(
        Act.APPLY_SETTINGS,
        "profiles (with the tag table)",
        record_words(before.in_use, after),
        record_words(after, before.in_use),
    )
    return carried_out(m, change, apply, "The tags are saved; their profiles are as before", who)


def _assigned(m: Monitor, edit: TagEdit) -> Profiles:
    """The profiles in force with those of the edit where they differ."""
    now = m.detection.in_force.in_use
    wanted = (
        Assignment(profile, "tag", name)
        for name, profile in edit.profiles.items()
        if name in edit.edited.tags and now.of(edit.edited.tags[name]).name != profile
    )
    return now.assigned(*wanted)


def _moves(m: Monitor, edit: TagEdit, after: Profiles) -> list[str]:
    now = m.detection.in_force.in_use
    return [
        f"{edit.edited.tags[name].label}: judged by the profile {after.of(edit.edited.tags[name]).name}"
        for name in edit.profiles
        if name in edit.edited.tags
        and now.of(edit.edited.tags[name]).name != after.of(edit.edited.tags[name]).name
    ]


def _rejections(m: Monitor, draft: Draft, edited: Edited) -> list[str]:
    """For each narrowed valid range: how many readings of the last day it would have rejected."""
    lines = []
    for tag in narrowed(draft.tags, edited.tags)[:SHOWN]:
        try:
            now = m.clock.now()
            outside, whole = m.stored.outside(tag.name, now - DAY, now + 1, *tag.valid)
        except StoreError:
            lines.append(f"{tag.label}: the database is unavailable, so rejections cannot be counted")
            continue
        if whole:
            lines.append(
                f"{tag.label}: the new valid range would have rejected {outside:,} of the "
                f"{counted(whole, 'reading')} of the last 24 h"
            )
        else:
            lines.append(f"{tag.label}: no readings in the last 24 h to check against")
    return lines


def bullets(lines: list[str]) -> str:
    """These lines as a Markdown list, at most `SHOWN` of them."""
    more = [f"and {len(lines) - SHOWN:,} more"] if len(lines) > SHOWN else []
    return "\n".join(f"- {literal(line)}" for line in [*lines[:SHOWN], *more])
