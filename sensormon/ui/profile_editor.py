"""The section Profiles of Tuning: the profiles, which tags have them, and a draft of changes to both.

Changes gather in a draft of this session until somebody applies them all together.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from sensormon.access.roles import Act
from sensormon.model.errors import UsageError
from sensormon.model.profiles import (
    DEFAULT_PROFILE,
    LONGEST_NAME,
    Profile,
    Profiles,
    checked,
)
from sensormon.monitor.monitor import Monitor
from sensormon.ui.acts import why_not
from sensormon.ui.drawing import not_done, panel
from sensormon.ui.glossary import prose
from sensormon.ui.profile_apply import apply_form, change_lines, said
from sensormon.ui.profile_assignments import assigned_table, edited_assignments, new_assignment
from sensormon.ui.profile_fields import profile_editor
from sensormon.ui.viewer import Viewer
from sensormon.view.detectors import title
from sensormon.view.profiles import (
    condition_words,
    seconds_words,
    severity_words,
    tag_counts,
    target_words,
)

_DRAFT, _ROUND, _BEGUN = "profiles-draft", "profiles-round", "profiles-begun"
_NAME, _NEXT = "edit", "profile-next"


@dataclass(frozen=True)
class Draft:
    """Profiles as this session has changed them; `seen` is the version in force when it began."""

    seen: int
    begun: Profiles
    profiles: Profiles


def profiles_section(m: Monitor, viewer: Viewer) -> None:
    """The profiles, their editor, what they are assigned to, and the form that applies the changes."""
    del viewer  # nothing here has a time
    said()
    prose(
        "A {profile} says how tags are judged: by which {detector|detectors}, how long one must fire before "
        "a reading is flagged ({on-delay}), under which {condition}, and how serious its events are."
    )
    draft = _draft(m)
    overview = st.container()
    if why_not(m, Act.APPLY_SETTINGS):
        _overview(overview, m, draft.begun)
        assigned_table(m, draft.begun)
        return
    _warn_of_others(m, draft)
    with panel("profile-editor"):
        draft = _edit(draft, m)
    with panel("profile-assignments"):
        draft = _assigned(m, draft)
    _overview(overview, m, draft.profiles)
    if change_lines(m, draft.begun, draft.profiles):
        with panel("profile-changes"):
            if apply_form(m, "profiles", draft.profiles, draft.seen):
                _start_over()
                st.rerun()
            st.button("Discard all changes", key="profiles-discard", on_click=_start_over, type="tertiary")


# -- the draft ----------------------------------------------------------------------------


def _draft(m: Monitor) -> Draft:
    """This session's draft; the version in force if nothing was changed, or if that is what was applied."""
    now = m.detection.in_force
    kept: Draft | None = st.session_state.get(_DRAFT)
    if kept is not None and kept.seen != now.id:
        changed = [change_lines(m, other, kept.profiles) for other in (kept.begun, now.in_use)]
        if not all(changed):
            _start_over()
            kept = None
    if kept is None:
        kept = st.session_state[_DRAFT] = Draft(now.id, now.in_use, now.in_use)
    return kept


def _keep(draft: Draft, profiles: Profiles) -> Draft:
    changed = replace(draft, profiles=profiles)
    st.session_state[_DRAFT] = changed
    return changed


def _start_over() -> None:
    """Drop the draft and everything typed into its fields."""
    st.session_state.pop(_DRAFT, None)
    _new_fields()


def _new_fields() -> None:
    st.session_state[_ROUND] = st.session_state.get(_ROUND, 0) + 1
    st.session_state.pop(_BEGUN, None)


def _key(name: str) -> str:
    """The key of a field, until `_new_fields` replaces all of them."""
    return f"profiles-{st.session_state.get(_ROUND, 0)}-{name}"


def _assigned(m: Monitor, draft: Draft) -> Draft:
    """The draft with the assignments as they were edited."""
    try:
        first = st.session_state.get(_NAME) or DEFAULT_PROFILE
        added = new_assignment(m, draft.profiles, first, _key)
        if added is not None:
            _keep(draft, added)
            _new_fields()
            st.rerun()
        return _keep(draft, edited_assignments(m, draft.profiles, _key))
    except UsageError as error:
        not_done(error, "These assignments are not part of the changes")
        return draft


def _warn_of_others(m: Monitor, draft: Draft) -> None:
    if draft.seen == m.detection.in_force.id:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.warning("Somebody else has applied other settings. Your changes cannot be applied over theirs.")
        st.button("Start over", key="profiles-start-over", on_click=_start_over, help="Drops your changes")


# -- the profiles -------------------------------------------------------------------------


def _overview(slot: DeltaGenerator, m: Monitor, profiles: Profiles) -> None:
    """A row for each profile."""
    counts = tag_counts(profiles, (m.tags[name] for name in m.running_tags.now().numbers))
    rows = profiles.profiles
    frame = pd.DataFrame(
        {
            "Profile": [profile.name for profile in rows],
            "Tags": [counts[profile.name] for profile in rows],
            "Detectors": [
                ", ".join(title(choice.detector) for choice in profile.detectors) for profile in rows
            ],
            "Judges": [condition_words(profile) for profile in rows],
            "On-delay": [seconds_words(profile.on_delay) for profile in rows],
            "Off-delay": [seconds_words(profile.off_delay) for profile in rows],
            "Severity": [severity_words(profile.severity) for profile in rows],
            "Target": [target_words(profile.target) for profile in rows],
        }
    )
    slot.dataframe(
        frame,
        hide_index=True,
        key="profiles-table",
        alt="The profiles, how many tags each has, and how it judges",
        height=min(388, 38 + 35 * len(frame)),
        column_config={
            "Tags": st.column_config.NumberColumn(format="localized", width=60),
            "Detectors": st.column_config.TextColumn(width=280),
            "Judges": st.column_config.TextColumn(width=240),
        },
    )


def _edit(draft: Draft, m: Monitor) -> Draft:
    """Choose a profile, add, copy, rename or remove it, and change its fields."""
    profiles = draft.profiles
    if (following := st.session_state.pop(_NEXT, None)) is not None:
        st.session_state[_NAME] = following
    if st.session_state.get(_NAME, DEFAULT_PROFILE) not in profiles.by_name:
        st.session_state[_NAME] = DEFAULT_PROFILE
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.selectbox("Profile", list(profiles.by_name), key=_NAME, bind="query-params", width=300)
        name = name or DEFAULT_PROFILE
        chosen = profiles.by_name[name]
        _by_name("Add", "", draft, lambda new: _with_new(profiles, replace(profiles.default, name=new)))
        _by_name("Copy", "", draft, lambda new: _with_new(profiles, replace(chosen, name=new)))
        if name != DEFAULT_PROFILE:
            _by_name("Rename", name, draft, lambda new: profiles.renamed(name, new))
            st.button("Remove", key="profile-remove", on_click=_remove, args=(draft, name))
    begun: tuple[str, Profile] | None = st.session_state.get(_BEGUN)
    if begun is None or begun[0] != name or _key(f"{name}-detectors") not in st.session_state:
        begun = st.session_state[_BEGUN] = (name, chosen)
    edited = profile_editor(m, begun[1], lambda field: _key(f"{name}-{field}"))
    try:
        return _keep(draft, profiles.with_profile(replace(edited, name=name)))
    except UsageError as error:
        not_done(error, "This is not part of the changes")
        return draft


def _by_name(label: str, start: str, draft: Draft, make: Callable[[str], Profiles]) -> None:
    """A button that asks for a name, with which `make` makes other profiles."""
    key = f"profile-{label.casefold()}"
    with st.popover(label, key=f"{key}-open"), st.form(f"{key}-form", border=False, clear_on_submit=True):
        new = st.text_input("Name of the profile", start, max_chars=LONGEST_NAME, key=f"{key}-name")
        if not st.form_submit_button(label, type="primary", key=f"{key}-do"):
            return
    name = (new or "").strip()
    try:
        _keep(draft, make(name))
    except UsageError as error:
        not_done(error, "Nothing was changed")
        return
    _new_fields()
    st.session_state[_NEXT] = name
    st.rerun()


def _with_new(profiles: Profiles, profile: Profile) -> Profiles:
    """These and a new one. Raises UsageError if there is one of its name."""
    return checked(replace(profiles, profiles=(*profiles.profiles, profile)))


def _remove(draft: Draft, name: str) -> None:
    _keep(draft, draft.profiles.without_profile(name))
    st.session_state[_NAME] = DEFAULT_PROFILE
    _new_fields()
