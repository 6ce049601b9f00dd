"""What is tried on Tuning: on which tags, over which history, which profile against which flags."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import streamlit as st

from sensormon.analysis.rescoring import History
from sensormon.analysis.what_if import Side, as_stored, rescored
from sensormon.model.profiles import Profile, Profiles
from sensormon.model.timestamps import render
from sensormon.monitor.monitor import Monitor
from sensormon.monitor.tuner import watched_by
from sensormon.ui.tag_choice import single_tag
from sensormon.ui.time_range import preset
from sensormon.ui.tuning_history import LENGTHS
from sensormon.ui.tuning_profile import address_of, fill, profile_fields
from sensormon.view.phrases import states_left_out
from sensormon.view.profiles import stated

TAG, GROUP, ALL = "Tag", "Group", "All tags"
STORED, IN_FORCE = "Flags as stored", "Profiles in force"


@dataclass(frozen=True)
class Chosen:
    """The state of the controls. `tag` is the one on the chart, `names` are those it is tried on.

    `start` is the profile as it is in force, `profile` as it was edited, None if it has no detector.
    `against` is STORED, IN_FORCE or the name of a profile.
    """

    tag: str
    scope: str
    group: str
    names: tuple[str, ...]
    length: str
    start: Profile
    profile: Profile | None
    against: str

    @property
    def edited(self) -> bool:
        """Whether the profile differs from the one it was begun with."""
        return self.profile is not None and self.profile != stated(self.start)


def in_use(m: Monitor) -> Profiles:
    """The profiles in force."""
    return m.detection.in_force.in_use


def controls(m: Monitor) -> Chosen:
    """Scope, tag, history and the profile."""
    scope, group, names = _scope(m)
    numbers = m.running_tags.now().numbers

    def draw() -> str | None:
        label = "Tag" if scope == TAG else "Tag on the chart"
        return st.selectbox(
            label, numbers, format_func=m.tags.title, key="tune", on_change=_follow, args=(m,)
        )

    tag = single_tag(m, "tune", draw, offered=numbers, usual=numbers[0]) or numbers[0]
    if left_out := states_left_out(m.running_tags.now(), m.running_tags.now().names):
        st.caption(left_out)
    length = preset(LENGTHS, "history", "15 min", label="History")
    profiles = in_use(m)
    against = st.selectbox(
        "Compare with", [STORED, IN_FORCE, *profiles.by_name], key="against", bind="query-params"
    )
    start = _start(m, tag)
    profile = profile_fields(m, start)
    return Chosen(
        tag,
        scope,
        group,
        (tag,) if scope == TAG else names,
        length,
        start,
        None if profile is None else replace(profile, name=start.name),
        against or STORED,
    )


def sides(m: Monitor, chosen: Chosen, profile: Profile) -> Callable[[History], tuple[Side, Side]]:
    """What to make of a history: the flags compared with, and those of the edited profile."""

    def both(history: History) -> tuple[Side, Side]:
        return before(m, chosen, history), rescored(history, profile)

    return both


def before(m: Monitor, chosen: Chosen, history: History) -> Side:
    """The flags that the edited profile is compared with."""
    profiles = in_use(m)
    own = profiles.of(history.tag)
    if chosen.against == STORED:
        return as_stored(history, own)
    return rescored(history, own if chosen.against == IN_FORCE else profiles.by_name[chosen.against])


def watched(m: Monitor, chosen: Chosen) -> list[str]:
    """The tags that conditions look at."""
    return watched_by([*in_use(m).profiles, *([chosen.profile] if chosen.profile else [])])


def pinned(chosen: Chosen, until: int) -> dict[str, str | list[str]]:
    """The parameters of a link to this view: every setting, so that it does not depend on those in force."""
    values: dict[str, str | list[str]] = {
        "tune": chosen.tag,
        "history": chosen.length,
        "upto": render(until),
    }
    if chosen.scope != TAG:
        values["scope"] = chosen.scope
    if chosen.scope == GROUP:
        values["group"] = chosen.group
    if chosen.against != STORED:
        values["against"] = chosen.against
    return values | (address_of(chosen.profile) if chosen.profile else {})


def _scope(m: Monitor) -> tuple[str, str, tuple[str, ...]]:
    """What it is tried on, the group if it is one, and the tags."""
    numbers = tuple(m.running_tags.now().numbers)
    groups = sorted({m.tags[name].group for name in numbers} - {""})
    offered = [TAG, GROUP, ALL] if groups else [TAG, ALL]
    scope = (
        st.segmented_control(
            "Try on",
            offered,
            default=TAG,
            required=True,
            key="scope",
            bind="query-params",
            on_change=_follow,
            args=(m,),
        )
        or TAG
    )
    if scope != GROUP:
        return scope, "", numbers
    group = (
        st.selectbox("Group", groups, key="group", bind="query-params", on_change=_follow, args=(m,))
        or groups[0]
    )
    return scope, group, tuple(name for name in numbers if m.tags[name].group == group)


def _start(m: Monitor, tag: str) -> Profile:
    """The profile that the fields begin as; the choice is only there if there is one."""
    profiles = in_use(m)
    own = profiles.of(m.tags[tag])
    if len(profiles.profiles) == 1:
        return own
    names = list(profiles.by_name)
    name = st.selectbox(
        "Begin with profile",
        names,
        names.index(own.name),
        key="profile",
        bind="query-params",
        on_change=lambda: fill(in_use(m).by_name[st.session_state["profile"]]),
    )
    return profiles.by_name.get(name or own.name, own)


def _follow(m: Monitor) -> None:
    """Another tag or group was chosen: begin with the profile that it has, if that is another one."""
    tag = st.session_state.get("tune") or m.running_tags.now().numbers[0]
    if st.session_state.get("scope") == GROUP and st.session_state.get("group"):
        inside = [n for n in m.running_tags.now().numbers if m.tags[n].group == st.session_state["group"]]
        if inside and tag not in inside:
            tag = st.session_state["tune"] = inside[0]
    own = in_use(m).of(m.tags[tag])
    if st.session_state.get("profile", own.name) != own.name:
        st.session_state["profile"] = own.name
        fill(own)
