"""Event frames of the tags and the span in view on Explore: define, list, overlay, compare, export."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import streamlit as st

from sensormon.access.roles import Act
from sensormon.analysis.event_frames import Frames, Outcome, find_frames
from sensormon.analysis.frame_rules import FrameRule, checked, read_rule
from sensormon.events.frame_definitions import FrameDefinition
from sensormon.model.errors import UsageError
from sensormon.monitor.frame_reader import Conditions
from sensormon.monitor.monitor import Monitor
from sensormon.ui.acts import allowed, why_not
from sensormon.ui.drawing import not_done
from sensormon.ui.explore_view import Chosen
from sensormon.ui.frames_compare import compare
from sensormon.ui.frames_fields import FIELDS, rule_fields
from sensormon.ui.frames_saving import CHOSEN, DEFINITION, DRAFT, remove_dialog, save_dialog
from sensormon.ui.memo import remembered
from sensormon.ui.url_state import held, hold
from sensormon.ui.viewer import Viewer
from sensormon.ui.widget_keys import fresh_key, replace_widget
from sensormon.view.frames_words import beside_words, found_words, none_words, rule_words
from sensormon.view.phrases import literal

NEW = "New"
_DRAWN = "frames-drawn"  # the rule that the fields were drawn for, and what they have become
_BASE = "frames-base"  # the name and the time of the definition that they were drawn for


@dataclass(frozen=True)
class Search:
    """A rule, and what it finds in view."""

    rule: FrameRule
    read: Conditions
    frames: Frames


def frames_look(m: Monitor, viewer: Viewer, chosen: Chosen) -> None:
    """The whole analysis. Raises StoreError."""
    definitions = m.frame_definitions.all()
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        shown = _definition(definitions)
        buttons = st.container(horizontal=True, vertical_alignment="bottom", gap="small")
    rule = _rule(m, chosen, shown)
    golden = None
    if rule is not None:
        search = _search(m, chosen, rule)
        st.markdown(literal(rule_words(rule, m.tags)))
        if search is not None and _said(m, viewer, chosen, search):
            golden = compare(m, viewer, chosen, rule, search.frames, shown)
    with buttons:
        if (
            st.button("Save …", key="frames-save", **allowed(m, Act.EDIT_FRAMES, disabled=rule is None))
            and rule
        ):
            save_dialog(m, viewer, rule, _as_seen(shown), golden)
        if shown and st.button("Remove …", key="frames-remove", **allowed(m, Act.EDIT_FRAMES)):
            remove_dialog(m, shown)
        why_not(m, Act.EDIT_FRAMES)


def _as_seen(shown: FrameDefinition | None) -> FrameDefinition | None:
    """The definition with the time of the version that the fields began with."""
    name, time = st.session_state.get(_BASE, ("", 0))
    return replace(shown, time=time) if shown is not None and shown.name == name else shown


def _definition(definitions: Mapping[str, FrameDefinition]) -> FrameDefinition | None:
    """The definition in view, chosen from a list."""
    asked = held(CHOSEN)
    if asked and asked not in definitions:
        st.caption(f":material/error: No event frames are saved as {literal(asked[:100])}.")
    names = [NEW, *definitions]
    place = names.index(asked) if asked in definitions else 0
    if st.session_state.get("frames-place") != (asked, tuple(names)):
        st.session_state["frames-place"] = (asked, tuple(names))
        replace_widget(DEFINITION)
    key = fresh_key(DEFINITION)

    def choose() -> None:
        name = st.session_state[key]
        hold(CHOSEN, "" if name == NEW else name)
        hold(DRAFT, "")
        hold("picked", "")

    name = st.selectbox("Event frames", names, place, key=key, on_change=choose, width=260)
    return definitions.get(name or NEW)


def _rule(m: Monitor, chosen: Chosen, shown: FrameDefinition | None) -> FrameRule | None:
    """The rule as it is in the fields; the address has it unless it is the saved one."""
    draft = held(DRAFT)
    begun = shown.rule if shown else None
    if draft:
        try:
            begun = read_rule(json.loads(draft))
        except (ValueError, RecursionError):
            st.caption(":material/error: The address holds no rule that can be read; define it here.")
        except UsageError as error:
            not_done(error, "The address holds no rule")
    start = (shown.name if shown else "", draft)
    base = (start[0], shown.time if shown else 0)
    newer = not draft and st.session_state.get(_BASE, base) != base  # someone has saved a newer version
    if newer or st.session_state.get(_DRAWN) != start:  # another one was chosen, or the browser went back
        st.session_state[_DRAWN] = start
        if newer or st.session_state.get(_BASE, ("", 0))[0] != base[0]:
            st.session_state[_BASE] = base
        replace_widget(FIELDS)
        st.session_state["frames-begun"] = begun
    typed = rule_fields(m, st.session_state["frames-begun"], chosen.names)
    if typed.rule is None:
        st.caption(typed.lacks)
        return None
    try:
        checked(typed.rule, m.tags)
    except UsageError as error:
        not_done(error, "These frames cannot be found")
        return None
    text = "" if shown and typed.rule == shown.rule else json.dumps(typed.rule.as_document())
    if text != draft:
        hold(DRAFT, text)
        st.session_state[_DRAWN] = (start[0], text)
    return typed.rule


def _search(m: Monitor, chosen: Chosen, rule: FrameRule) -> Search | None:
    """The frames in view; None, which is then said, if there are too many. Raises StoreError."""
    since, until = chosen.span
    until = max(since + 1, min(until, chosen.now))
    words = m.state_words(rule.tags)

    def find() -> Search:
        states = {name: words.get(name, {}) for name in rule.tags if m.tags[name].has_states}
        read = m.frame_reader.conditions(rule.triggers, states, since, until)
        return Search(rule, read, find_frames(rule, read.courses, until))

    wanted = (m.started, rule, since, until, chosen.now, m.tags.digest)
    try:
        search: Search = remembered("frames-search", wanted, find)
    except UsageError as error:
        not_done(error, "Too many frames")
        return None
    return search


def _said(m: Monitor, viewer: Viewer, chosen: Chosen, search: Search) -> bool:
    """Say what was found, or why nothing was; returns whether there are frames."""
    frames = search.frames
    if not frames.frames:
        states = {name: _was(search, name) for name in search.rule.tags}
        st.info(literal(none_words(search.rule, frames, search.read, m.tags, states)), title="No cycle found")
        return False
    st.markdown(f"**{found_words(frames)}.**")
    st.caption(literal(beside_words(frames, search.read, chosen.span[0], viewer.zone)))
    last = frames.frames[-1]
    if last.outcome is Outcome.OPEN and chosen.span[1] < chosen.now:
        st.caption("The last frame continues after the view.")
    return True


def _was(search: Search, name: str) -> Sequence[str]:
    """The states that a tag was in."""
    course = search.read.courses[name]
    return [course.words[code] for code in dict.fromkeys(course.value.tolist()) if code in course.words]
