"""Applying a tried profile: to the profile it was begun with, or as a new one for a tag or a group."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pandas as pd
import streamlit as st

from sensormon.access.audit import Change
from sensormon.access.roles import Act
from sensormon.analysis.event_scores import lost
from sensormon.analysis.what_if import as_stored, rescored
from sensormon.model.errors import UsageError
from sensormon.model.format import counted
from sensormon.model.profiles import LONGEST_NAME, Assignment, Profile, Profiles
from sensormon.model.tags import Tag
from sensormon.model.timestamps import micros
from sensormon.monitor.monitor import Monitor
from sensormon.monitor.tuner import LONGEST_REASON, watched_by
from sensormon.ui.acts import carried_out, name_field
from sensormon.ui.parts import dialog
from sensormon.ui.tuning_choice import GROUP, TAG, Chosen
from sensormon.ui.tuning_history import MOST, Looked, facts_of
from sensormon.ui.viewer import Viewer
from sensormon.view.phrases import literal
from sensormon.view.profiles import assignment_words, moves, profile_words
from sensormon.view.tuning import lost_words
from sensormon.view.versions import differences

SUBJECT = "detector settings"
"""What the audit trail calls it."""


@dialog("Apply to live monitoring", icon=":material/tune:")
def apply(m: Monitor, viewer: Viewer, chosen: Chosen, profile: Profile, looked: Looked) -> None:
    """Show what changes and what would be lost, ask for a name and a reason, and apply."""
    version = m.detection.in_force
    now = version.in_use
    numbers = [m.tags[name] for name in m.tags.numbers]
    try:
        new = _applied(m, chosen, profile, now)
    except UsageError as error:
        st.info(f"{error.hint}.", title=f"{error.what[:1].upper()}{error.what[1:]}")
        return
    judged_otherwise = [tag for tag in numbers if now.of(tag) != new.of(tag)]
    st.markdown("  \n".join(f"**{literal(line)}**" for line in differences(now, new)))
    for line in moves(now, new, numbers):
        st.caption(literal(line))
    st.markdown(
        f"For all users and {counted(len(judged_otherwise), 'tag')}, from the next reading on. "
        "Stored flags stay as they are."
    )
    rows = _lost(m, judged_otherwise, now, new, looked)
    if len(rows):
        named = zip(rows["tag"], micros(rows["start"]).tolist(), strict=True)
        words = lost_words(((m.tags[tag].label, start) for tag, start in named), viewer.zone)
        st.warning(words, title="These settings lose confirmed events")
    with st.form("apply", border=False):
        reason = st.text_input("Reason", max_chars=LONGEST_REASON, key="apply-reason")
        who = name_field(m, "apply-who")
        if not st.form_submit_button("Apply", type="primary"):
            return
    put_in_force(m, new, version.id, reason or "", who)


def put_in_force(m: Monitor, new: Profiles, over: int, reason: str, who: str) -> None:
    """Apply these profiles over this version, and draw the page again; say so if it fails."""
    now = m.detection.in_force.in_use
    why = f"Reason: {reason}" if reason else ""
    change = Change(
        Act.APPLY_SETTINGS,
        SUBJECT,
        _record(now, new),
        _record(new, now, why),
    )

    def do(name: str) -> None:
        m.tuner.apply(new, name, reason, over)

    if carried_out(m, change, do, "Nothing was changed", who):
        st.session_state["applied"] = f"Live monitoring now uses version {m.detection.in_force.id}."
        st.rerun()


def _record(profiles: Profiles, other: Profiles, more: str = "") -> str:
    """Of these profiles what the other version does not have, for the audit trail."""
    parts = [
        f"{profile.name}: {profile_words(profile)}"
        for profile in profiles.profiles
        if other.by_name.get(profile.name) != profile
    ]
    parts += [
        f"{assignment_words(entry.kind, entry.name)}: {entry.profile}"
        for entry in profiles.assignments
        if entry not in other.assignments
    ]
    return "\n".join([*parts, *([more] if more else [])])


def _applied(m: Monitor, chosen: Chosen, profile: Profile, now: Profiles) -> Profiles:
    """The next version, as it is chosen here. Raises UsageError for a name that cannot be used."""
    name = chosen.start.name
    count = sum(now.of(m.tags[tag]).name == name for tag in m.tags.numbers)
    itself = f"Profile {name}, of {counted(count, 'tag')}"
    target = m.tags.title(chosen.tag) if chosen.scope == TAG else f"group {chosen.group}"
    own = f"A new profile for {target}"
    offered = [itself, own] if chosen.scope in (TAG, GROUP) else [itself]
    if len(offered) == 1 or st.radio("Apply to", offered, key="apply-to") == itself:
        return now.with_profile(replace(profile, name=name))
    begun = chosen.tag if chosen.scope == TAG else chosen.group
    name = st.text_input(
        "Name of the new profile", begun[:LONGEST_NAME], max_chars=LONGEST_NAME, key="apply-name"
    )
    if name in now.by_name:
        raise UsageError(f"there is a profile {name!r} already", where="profiles", hint="Choose another name")
    kind, whose = ("tag", chosen.tag) if chosen.scope == TAG else ("group", chosen.group)
    return now.with_profile(replace(profile, name=name)).assigned(Assignment(name, kind, whose))


def _lost(m: Monitor, tags: Iterable[Tag], now: Profiles, new: Profiles, looked: Looked) -> pd.DataFrame:
    """The confirmed events of these tags that are flagged and would not be."""
    labelled = facts_of(m, looked.since, looked.until).labelled
    confirmed = set(labelled["tag"][labelled["label"] == "true"])
    parts = []
    for tag in tags:
        if tag.name not in confirmed:
            continue
        profile = new.of(tag)
        history = m.tuner.tag_history(tag.name, looked.since, looked.until, MOST)
        if len(history.rows):
            history = m.tuner.watching(history, watched_by([profile]))
            old, after = as_stored(history, now.of(tag)), rescored(history, profile)
            parts.append(lost(labelled, tag.name, old.flagged, after.flagged))
    return pd.concat(parts) if parts else labelled.iloc[:0]
