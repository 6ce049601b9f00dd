"""Applying a tried profile: to the profile it was begun with, or as a new one for a tag or a group."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pandas as pd
import streamlit as st

from sensormon.analysis.event_scores import lost
from sensormon.analysis.what_if import as_stored, rescored
from sensormon.model.errors import UsageError
from sensormon.model.format import counted
from sensormon.model.profiles import LONGEST_NAME, Assignment, Profile, Profiles
from sensormon.model.tags import Tag
from sensormon.model.timestamps import micros
from sensormon.monitor.monitor import Monitor
from sensormon.monitor.tuner import watched_by
from sensormon.ui.parts import dialog
from sensormon.ui.profile_apply import apply_form
from sensormon.ui.tuning_choice import GROUP, TAG, Chosen
from sensormon.ui.tuning_history import MOST, Looked, facts_of
from sensormon.ui.viewer import Viewer
from sensormon.view.tuning import lost_words


@dialog("Apply to live monitoring", icon=":material/tune:")
def apply(m: Monitor, viewer: Viewer, chosen: Chosen, profile: Profile, looked: Looked, over: int) -> None:
    """Show what changes and what would be lost, ask for a name and a reason, and apply over that version."""
    now = m.detection.in_force.in_use
    numbers = [m.tags[name] for name in m.running_tags.now().numbers]
    try:
        new = _applied(m, chosen, profile, now)
    except UsageError as error:
        st.info(f"{error.hint}.", title=f"{error.what[:1].upper()}{error.what[1:]}")
        return
    judged_otherwise = [tag for tag in numbers if now.of(tag) != new.of(tag)]
    st.markdown(f"Affects {counted(len(judged_otherwise), 'tag')}.")
    rows = _lost(m, judged_otherwise, now, new, looked)
    if len(rows):
        named = zip(rows["tag"], micros(rows["start"]).tolist(), strict=True)
        words = lost_words(((m.tags[tag].label, start) for tag, start in named), viewer.zone)
        st.warning(words, title="These settings lose confirmed events")
    if apply_form(m, "apply", new, over):
        st.rerun()


def _applied(m: Monitor, chosen: Chosen, profile: Profile, now: Profiles) -> Profiles:
    """The next version, as it is chosen here. Raises UsageError for a name that cannot be used."""
    name = chosen.start.name
    count = sum(now.of(m.tags[tag]).name == name for tag in m.running_tags.now().numbers)
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
