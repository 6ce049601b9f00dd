"""Tags: the table of tags to edit, what a change would do, the button that saves it."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from sensormon.access.audit import Change
from sensormon.access.roles import Act
from sensormon.model.clock import DAY
from sensormon.model.errors import StoreError, UsageError
from sensormon.model.format import counted
from sensormon.model.profiles import Profiles
from sensormon.model.tag_edit import SIMULATED, TEXTS, Edited, cells, changes, narrowed, read_cells
from sensormon.model.tag_file import Draft
from sensormon.model.tags import NAME, TagTable
from sensormon.model.timestamps import to_datetime
from sensormon.monitor.monitor import Monitor
from sensormon.ui.acts import allowed, carried_out, name_field, why_not
from sensormon.ui.drawing import not_done, panel
from sensormon.ui.glossary import meaning
from sensormon.ui.viewer import Viewer
from sensormon.view.access import tag_values
from sensormon.view.phrases import literal

SHOWN = 8
"""Lines of problems or changes shown at once; the others are counted."""

_DRAFT = "tags-draft"


def section(m: Monitor, viewer: Viewer) -> None:
    """The table of tags, what a change would do, the button that saves it."""
    st.subheader("Tags", anchor=False)
    st.caption(
        "Name, unit and limits of each measuring point. A reading outside its valid range is rejected; the "
        "normal band is drawn. Changes apply from the next reading on, without a restart."
    )
    if said := st.session_state.pop("tags-said", None):
        st.info(said, title="Tags saved")
    try:
        now = m.tag_file.read()
    except UsageError as error:
        not_done(error, "The tag table cannot be edited")
        return
    _by_hand(m, now)
    draft = _draft(now)
    edited = _table(m, draft)
    if draft.seen != now.seen:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.warning("Somebody else has changed the tags. Your changes cannot be saved over theirs.")
            st.button("Start over", key="tags-start-over", on_click=_start_over, help="Drops your changes")
    if edited.problems:
        st.error(_bullets(list(edited.problems)), title="Correct these before saving")
    else:
        _preview(m, draft, edited)
    _log(m, viewer)


def _draft(now: Draft) -> Draft:
    """The file as of when this session began to change cells; the current file if it has not."""
    draft: Draft = st.session_state.setdefault(_DRAFT, now)
    if draft.seen != now.seen and not any(st.session_state.get(_key(draft), {}).values()):
        draft = st.session_state[_DRAFT] = now
    return draft


def _key(draft: Draft) -> str:
    return f"tags-table-{draft.seen}-{st.session_state.get('tags-round', 0)}"


def _start_over() -> None:
    st.session_state.pop(_DRAFT, None)
    st.session_state["tags-round"] = st.session_state.get("tags-round", 0) + 1


def _by_hand(m: Monitor, draft: Draft) -> None:
    """If the file was changed by hand and the monitor does not use it yet, say so and offer to apply it."""
    running = TagTable(tag for tag in m.running_tags.now() if tag.name in draft.tags or m.source.simulator)
    lines = changes(running, draft.tags)
    if not lines:
        return
    with panel("tags-by-hand"):
        st.markdown("**The file was changed by hand.** The monitor still runs without these changes:")
        st.markdown(_bullets(lines))
        change = Change(
            Act.EDIT_TAGS, f"{m.tag_file.path.name}, changed by hand", *tag_values(running, draft.tags)
        )
        pressed = st.button("Apply the changes", key="tags-take-over", **allowed(m, Act.EDIT_TAGS))
        if pressed and carried_out(
            m, change, lambda who: m.tag_file.apply(draft, who), "The changes cannot be applied"
        ):
            st.rerun()


def _table(m: Monitor, draft: Draft) -> Edited:
    number = st.column_config.NumberColumn
    columns = {
        "Name": st.column_config.TextColumn(
            required=True,
            max_chars=TEXTS["Name"],
            validate=f"^{NAME.pattern}$",
            help="Readings are sent and stored under it: letters, digits and _ . : / -. "
            "Another name is another tag.",
        ),
        "Label": st.column_config.TextColumn(
            max_chars=TEXTS["Label"], help="What people read. If empty, it is derived from the name."
        ),
        "Unit": st.column_config.TextColumn(
            max_chars=TEXTS["Unit"], help="For all values of the tag, such as °C or pH"
        ),
        "Group": st.column_config.TextColumn(max_chars=TEXTS["Group"], help="The machine or area"),
        "Valid low": number(help="A reading below it is rejected. Empty: no limit."),
        "Valid high": number(help="A reading above it is rejected. Empty: no limit."),
        "Normal low": number(help="Lower edge of the usual band, which is drawn"),
        "Normal high": number(help="Upper edge of the usual band"),
        "Noise": number(min_value=0.0, help="Standard deviation of the sensor, for the simulator"),
        "Resolution": number(
            min_value=0.0, help="Smallest step the sensor reports; no smaller deviation is an anomaly"
        ),
        SIMULATED: st.column_config.CheckboxColumn(
            default=False,
            help="The built-in simulator invents its readings. Without it the tag waits for readings that "
            "are sent, replayed or imported.",
        )
        if m.source.simulator
        else None,
        "Profile": st.column_config.TextColumn(
            help=f"What judges the tag; changed on Tuning.\n\n{meaning('profile')}"
        ),
    }
    frame = cells(draft.tags)
    frame["Profile"] = _profiles(m, draft)
    locked = why_not(m, Act.EDIT_TAGS)
    edited: pd.DataFrame = st.data_editor(
        frame,
        num_rows="fixed" if locked else "dynamic",
        disabled=locked or ["Profile"],
        hide_index=True,
        height=min(520, 38 + 35 * (len(frame) + 1)),
        key=_key(draft),
        column_config=columns,
    )
    if not locked:
        st.caption("Add a tag in the last row. Select rows at the left edge and press Delete to remove them.")
    return read_cells(edited, draft.tags)


def _profiles(m: Monitor, draft: Draft) -> list[str]:
    """The profile of each tag in the table; those in force when this session began to change cells."""
    kept = f"{_key(draft)}-profiles"
    if kept not in st.session_state or not any(st.session_state.get(_key(draft), {}).values()):
        st.session_state[kept] = m.detection.in_force.in_use
    profiles: Profiles = st.session_state[kept]
    return ["" if tag.has_states else profiles.of(tag).name for tag in draft.tags]


def _preview(m: Monitor, draft: Draft, edited: Edited) -> None:
    """The changes in words, and the button that saves them."""
    lines = changes(draft.tags, edited.tags)
    if not lines:
        return
    with panel("tags-preview"):
        st.markdown(f"**What will change** · {counted(len(lines), 'tag')}")
        st.markdown(_bullets(lines))
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
            _start_over()
            st.rerun()
        if save:
            _save(m, draft, edited, who, lines)


def _save(m: Monitor, draft: Draft, edited: Edited, who: str, lines: list[str]) -> None:
    def save(name: str) -> None:
        m.tag_file.save(draft, edited.tags, name, lines, edited.renamed)

    change = Change(Act.EDIT_TAGS, counted(len(lines), "tag"), *tag_values(draft.tags, edited.tags))
    if not carried_out(m, change, save, "The tags could not be saved", who):
        return
    st.session_state["tags-said"] = (
        f"{counted(len(lines), 'tag')} changed, from the next reading on. "
        f"The previous file is kept beside it as {m.tag_file.path.name}.bak."
    )
    _start_over()
    st.rerun()


def _rejections(m: Monitor, draft: Draft, edited: Edited) -> list[str]:
    """For each narrowed valid range: how many readings of the last day it would have rejected."""
    lines = []
    for tag in narrowed(draft.tags, edited.tags)[:SHOWN]:
        try:
            now = m.clock.now()
            outside, whole = m.stored.outside(tag.name, now - DAY, now + 1, *tag.valid)
        except StoreError:
            lines.append(
                f"{literal(tag.label)}: the database is unavailable, so rejections cannot be counted"
            )
            continue
        if whole:
            lines.append(
                f"{literal(tag.label)}: the new valid range would have rejected {outside:,} of the "
                f"{counted(whole, 'reading')} of the last 24 h"
            )
        else:
            lines.append(f"{literal(tag.label)}: no readings in the last 24 h to check against")
    return lines


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


def _bullets(lines: list[str]) -> str:
    more = [f"and {len(lines) - SHOWN:,} more"] if len(lines) > SHOWN else []
    return "\n".join(f"- {literal(line)}" for line in [*lines[:SHOWN], *more])
