"""The section Tags of Tuning: every tag with its profile, events and load, the worst first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
import pyarrow as pa
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from sensormon.access.roles import Act
from sensormon.model.clock import SECOND
from sensormon.model.errors import StoreError, UsageError
from sensormon.model.event_rate import DEFINITION
from sensormon.model.format import counted, moment_words
from sensormon.model.profiles import Assignment, Profiles
from sensormon.model.timestamps import micros
from sensormon.monitor.monitor import Monitor
from sensormon.ui.acts import allowed, why_not
from sensormon.ui.drawing import not_done, not_readable
from sensormon.ui.glossary import meaning
from sensormon.ui.memo import forget, last_remembered, remembered
from sensormon.ui.parts import dialog
from sensormon.ui.profile_apply import apply_form, said
from sensormon.ui.table_download import of_table, table_download
from sensormon.ui.tag_choice import choose
from sensormon.ui.time_range import preset, up_to
from sensormon.ui.viewer import Viewer
from sensormon.ui.widget_keys import fresh_key, replace_widget
from sensormon.view.phrases import states_left_out
from sensormon.view.tag_loads import Facts, tag_table

SPANS = ("1 h", "6 h", "24 h", "7 d", "30 d")
"""The spans offered, up to now."""
FOLLOW = "as its pattern or group says"
"""The choice that takes a profile of their own away from tags."""
_OLD = 600 * SECOND  # the facts are read again after this; sooner only on demand, so that nothing jumps
_FACTS, _ROWS = "tuning-tags-facts", "tuning-tags-rows"


@dataclass(frozen=True, eq=False)
class Read:
    """The facts of since <= time < until, µs UTC; `whole` is False if the oldest flags had to be left out."""

    since: int
    until: int
    facts: Facts
    whole: bool


def tags_section(m: Monitor, viewer: Viewer) -> None:
    """The table of all tags, and assigning a profile to those selected."""
    said()
    if not m.running_tags.now().numbers:
        st.info("Every tag here has states; detectors judge numbers.", title="Nothing to tune")
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        length = preset(SPANS, "load_span", "24 h", label="Events of the last")
        filters = st.container(horizontal=True, vertical_alignment="bottom", width="content")
    try:
        _table(m, viewer, _read(m, length), filters)
    except StoreError as error:
        not_readable(error)


def _read(m: Monitor, length: str) -> Read:
    """The facts up to now, read once. Raises StoreError."""
    last: Read | None = last_remembered(_FACTS)
    if last is not None and not 0 <= m.clock.now() - last.until < _OLD:
        forget(_FACTS)
    wanted = (m.started, length, m.actions.count, m.undoing.last, m.tags.digest)
    return remembered(_FACTS, wanted, lambda: _read_now(m, length))


def _read_now(m: Monitor, length: str) -> Read:
    since, until = up_to(m.clock.now() + 1, length)
    events = m.events.between(None, since, until)
    whole = bool(events.attrs["complete"])
    if not whole:
        since = int(micros(events["start"]).min())
    ages = {age.tag: age for age in m.tag_ages()}
    return Read(since, until, Facts(m.stored.summary(since, until), events, ages, until), whole)


def _table(m: Monitor, viewer: Viewer, read: Read, filters: DeltaGenerator) -> None:
    profiles = m.detection.in_force.in_use
    rows = remembered(
        "tuning-tags-table",
        (read.until, m.detection.in_force.id, m.tags.digest, id(read)),
        lambda: tag_table(m.running_tags.now(), profiles, read.facts),
    )
    with filters:
        shown = _filtered(rows, profiles)
    _summary(m, viewer, read, rows, shown)
    if shown.empty:
        st.info("No tag matches the search and the filters.", title="No tags")
        return
    names = shown["name"].tolist()
    if names != st.session_state.get("tuning-tags-names"):
        replace_widget(_ROWS)  # a late selection in the previous list would hit other tags
    st.session_state["tuning-tags-names"] = names
    actions = st.container(horizontal=True, vertical_alignment="center")
    chosen = _draw(shown)
    with actions:
        _actions(m, viewer, shown, [names[row] for row in chosen])
    why_not(m, Act.APPLY_SETTINGS)


def _filtered(rows: pd.DataFrame, profiles: Profiles) -> pd.DataFrame:
    """The rows that the search and the filters keep."""
    wanted = st.text_input(
        "Search", key="find", bind="query-params", placeholder="tag", icon=":material/search:", width=200
    )
    groups = sorted(set(rows["Group"]) - {""})
    group = _filter("Group", groups, "in_group") if groups else None
    profile = _filter("Profile", [profile.name for profile in profiles.profiles], "under")
    keep = pd.Series(data=True, index=rows.index)
    if sought := (wanted or "").strip().casefold():
        keep = rows["Tag"].str.casefold().str.contains(sought, regex=False)
        keep |= rows["name"].str.casefold().str.contains(sought, regex=False)
    if group:
        keep &= rows["Group"] == group
    if profile:
        keep &= rows["Profile"] == profile
    return rows[keep]


def _filter(label: str, names: list[str], key: str) -> str | None:
    """A choice of one of these; None for all."""
    return st.selectbox(label, names, index=None, key=key, bind="query-params", placeholder="all", width=170)


def _summary(m: Monitor, viewer: Viewer, read: Read, rows: pd.DataFrame, shown: pd.DataFrame) -> None:
    """How many tags and events, up to when, and what the order is."""
    now = m.clock.now()
    since, until = (moment_words(moment, now, viewer.zone) for moment in (read.since, read.until))
    count = counted(len(rows), "tag")
    parts = [count if len(shown) == len(rows) else f"{len(shown):,} of {count}"]
    parts.append(counted(int(shown["Events"].sum()), "event"))
    if above := int((shown["Of target"] > 1.0).sum()):
        parts.append(f"{above:,} above target")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(
            f"**{' · '.join(parts)}** from {since} to {until}",
            help=meaning("event", "profile", "precision"),
            width="content",
        )
        st.button(
            "Load up to now",
            key="tags-again",
            on_click=forget,
            args=(_FACTS,),
            type="tertiary",
            icon=":material/refresh:",
        )
    if not read.whole:
        st.caption(
            f":material/error: Too many flagged readings to group them all: the figures begin at {since}."
        )
    st.caption(
        "Tags above their profile's target first, then the most events a day. Click a tag to try other "
        f"settings on it. {states_left_out(m.running_tags.now(), m.running_tags.now().names)}"
    )


def _draw(shown: pd.DataFrame) -> list[int]:
    """The table; the positions of the selected rows."""
    key = fresh_key(_ROWS)
    names = shown["name"].tolist()

    def picked() -> None:
        for row, column in st.session_state[key]["selection"]["cells"]:
            if column == "Tag" and row < len(names):
                _open(names[row])

    table = shown.drop(columns=["name"]).reset_index(drop=True)
    table["Per day"] = table["Per day"].round(1)
    table["Flagged"] *= 100
    table["Precision"] *= 100
    empty = [
        name
        for name in ("Group", "Target", "Of target", "State")
        if table[name].isin(["", None]).all() or table[name].isna().all()
    ]
    number = st.column_config.NumberColumn
    st.dataframe(
        table,
        hide_index=True,
        height=min(705, 38 + 35 * len(table)),
        column_order=[name for name in table.columns if name not in empty],
        on_select=picked,
        selection_mode=["multi-row", "single-cell"],
        key=key,
        placeholder="–",
        alt="Every tag with its profile, events and load, the worst first",
        column_config={
            "Tag": st.column_config.TextColumn(width=190),
            "Group": st.column_config.TextColumn(width=130),
            "Profile": st.column_config.TextColumn(width=110),
            "Events": number(format="localized", width=70),
            "Per day": number(format="localized", width=75, help=f"Events a day. {DEFINITION}"),
            "Target": number(format="%.3g", width=70, help="Events a day that the profile allows a tag"),
            "Of target": number("× target", format="%.1f", width=75, help="Events a day over the target"),
            "Detector": st.column_config.TextColumn(
                "Main detector", width=150, help="The detector that spoke at the peak of most events"
            ),
            "Flagged": number("Flagged, %", format="%.2f", width=85, help="Share of the readings"),
            "Precision": number(
                "Precision, %",
                format="%.0f",
                width=95,
                help="Confirmed among labelled events; –: none labelled",
            ),
            "State": st.column_config.TextColumn(width=190),
        },
    )
    rows: list[int] = st.session_state.get(key, {}).get("selection", {}).get("rows", [])
    return sorted(row for row in rows if row < len(names))


def _open(tag: str) -> None:
    """Show this tag in the section Try."""
    st.session_state["part"] = "Try"
    choose("tune", tag)
    replace_widget(_ROWS)


def _actions(m: Monitor, viewer: Viewer, shown: pd.DataFrame, chosen: Sequence[str]) -> None:
    """What can be done with the selected tags, and the download of those shown."""
    st.markdown(f"{counted(len(chosen), 'tag')} selected", width="content")
    pressed = st.button(
        "Assign a profile …",
        key="tags-assign",
        **allowed(
            m,
            Act.APPLY_SETTINGS,
            disabled=not chosen,
            help=None if chosen else "Select tags at the left edge of the table.",
        ),
    )
    if len(chosen) == 1:
        st.button("Try settings", key="tags-try", on_click=_open, args=(chosen[0],))
    table = pa.Table.from_pandas(shown, preserve_index=False)
    rows = of_table("tag", table, "tags_by_load", f"the load of {counted(len(shown), 'tag')}")
    table_download(m, viewer, rows, "CSV", "tags-load")
    if pressed:
        _assign(m, tuple(chosen), m.detection.in_force.id)


@dialog("Assign a profile", icon=":material/tune:")
def _assign(m: Monitor, chosen: Sequence[str], over: int) -> None:
    """Choose a profile for the selected tags, see what changes, and apply it over that version."""
    names = [name for name in chosen if name in m.tags]
    profiles = m.detection.in_force.in_use
    st.markdown(f"For {counted(len(names), 'selected tag')}:")
    profile = st.selectbox(
        "Profile", [*profiles.by_name, FOLLOW], index=None, key="tags-profile", placeholder="Choose a profile"
    )
    if profile is None:
        return
    try:
        after = _after(profiles, names, profile)
    except UsageError as error:
        not_done(error, "These tags cannot be assigned")
        return
    if after == profiles:
        st.info("These tags have it already.")
        return
    if apply_form(m, "tags-assign", after, over):
        st.rerun()


def _after(profiles: Profiles, names: Sequence[str], profile: str) -> Profiles:
    if profile == FOLLOW:
        return profiles.unassigned(*(("tag", name) for name in names))
    return profiles.assigned(*(Assignment(profile, "tag", name) for name in names))
