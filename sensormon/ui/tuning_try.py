"""The section Try of Tuning: what another profile would have flagged in the history, and applying it."""

from __future__ import annotations

from html import escape

import pandas as pd
import streamlit as st

from sensormon.access.roles import Act
from sensormon.analysis.what_if import Comparison, compare, joining, rescored
from sensormon.detectors.profile_state import check
from sensormon.model.errors import StoreError, UsageError
from sensormon.model.event_rate import UNIT
from sensormon.model.format import counted, duration, moment_words
from sensormon.model.profiles import Profile, Profiles
from sensormon.model.timestamps import micros
from sensormon.monitor.monitor import Monitor
from sensormon.ui.acts import allowed, why_not
from sensormon.ui.component import copy_link
from sensormon.ui.drawing import not_readable, panel
from sensormon.ui.glossary import with_terms
from sensormon.ui.memo import remembered
from sensormon.ui.narrow import folded
from sensormon.ui.profile_apply import said
from sensormon.ui.tuning_apply import apply
from sensormon.ui.tuning_choice import Chosen, before, controls, in_use, pinned, watched
from sensormon.ui.tuning_effect import both_flags, how_good, trade_off
from sensormon.ui.tuning_history import (
    MOST,
    Looked,
    choose_end,
    facts_of,
    looked_at,
    no_readings,
    read_again,
)
from sensormon.ui.tuning_profile import fill
from sensormon.ui.tuning_scope import many_tags
from sensormon.ui.tuning_suggest import suggestions
from sensormon.ui.viewer import Viewer
from sensormon.view.profiles import profile_words
from sensormon.view.tuning import first_line, lost_words


def section(m: Monitor, viewer: Viewer) -> None:
    """Controls on the left, their effect on the right."""
    said()
    if not m.running_tags.now().numbers:
        st.info("Every tag here has states; detectors judge numbers.", title="Nothing to tune")
        return
    left, right = st.columns([1, 3], gap="medium")
    with left, folded("Settings"), panel("controls"):
        chosen = controls(m)
        st.button("Reset", on_click=fill, args=(chosen.start,), width="stretch", disabled=not chosen.edited)
        asked = st.button(
            "Apply to live monitoring …",
            width="stretch",
            type="primary",
            **allowed(m, Act.APPLY_SETTINGS, disabled=not chosen.edited),
        )
        own = in_use(m).of(m.tags[chosen.tag])
        st.caption(f"Live monitoring uses {profile_words(own)} (profile {own.name})")
        why_not(m, Act.APPLY_SETTINGS)
    with right:
        try:
            profile = _usable(m, chosen)
            looked = looked_at(m, chosen.tag, chosen.length)
            effect(m, viewer, chosen, profile, looked)
            if asked:
                apply(m, viewer, chosen, profile, looked, m.detection.in_force.id)
        except UsageError as error:
            st.info(f"{error.hint}.", title=f"{error.what[:1].upper()}{error.what[1:]}")
        except StoreError as error:
            not_readable(error)


def effect(m: Monitor, viewer: Viewer, chosen: Chosen, profile: Profile, looked: Looked) -> None:
    """The effect of the profile on the chosen history."""
    if looked.history.rows.empty:
        no_readings(m, viewer, looked)
        return
    facts = facts_of(m, looked.since, looked.until)
    history = m.tuner.watching(looked.history, watched(m, chosen))
    looked = Looked(looked.since, looked.until, history)
    old = remembered(
        "tuning-before",
        (m.started, chosen.tag, chosen.against, looked.since, looked.until, m.detection.in_force.id),
        lambda: before(m, chosen, history),
    )
    result = compare(history, old, rescored(history, profile), facts)
    summary(m, viewer, chosen, looked, result)
    warn_of_lost(m, viewer, result.lost)
    with panel("effect"):
        both_flags(viewer, chosen, profile, looked, result)
    quality, sensitivity = st.columns([6, 5], gap="small")
    with quality, panel("quality", stretch=True):
        how_good(result, history.tag.name in facts.complete)
    many_tags(m, viewer, chosen, profile, looked)
    with sensitivity, panel("curve", stretch=True):
        trade_off(viewer, chosen, profile, looked, facts, result)
    with panel("suggest"):
        suggestions(m, viewer, chosen, profile, looked)


def warn_of_lost(m: Monitor, viewer: Viewer, rows: pd.DataFrame) -> None:
    """The confirmed events that these settings would lose."""
    if len(rows):
        named = zip(rows["tag"], micros(rows["start"]).tolist(), strict=True)
        words = lost_words(((m.tags[tag].label, start) for tag, start in named), viewer.zone)
        st.warning(words, title="These settings lose confirmed events")


def summary(m: Monitor, viewer: Viewer, chosen: Chosen, looked: Looked, result: Comparison) -> None:
    """The number of events now and with new settings, the readings used, and the choice of time."""
    history, until = looked.history, looked.until
    line = first_line(result.load, not chosen.edited).replace(UNIT, f"{{alarm load|{UNIT}}}")
    st.html(f'<div class="first-line">{with_terms(line)}</div>')
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        cut = f", the newest {MOST:,} of them" if len(history.rows) == MOST else ""
        apart = duration(joining(result.interval * 1e6, result.after.off_delay) / 1e6)
        st.html(
            f'<p class="prose">{escape(history.tag.label)}, {counted(len(history.rows), "reading")} up to '
            f"{moment_words(until, m.clock.now(), viewer.zone)}{cut}. "
            f"{with_terms(f'Flags up to {apart} apart are one {{event}} (the {{off-delay}}).')}</p>",
            width="content",
        )
        with st.container(horizontal=True, vertical_alignment="center", width="content", gap="small"):
            choose_end(viewer, until)
            st.button("Load up to now", on_click=read_again, type="tertiary", icon=":material/refresh:")
            copy_link("copy-tuning", **pinned(chosen, until))


def _usable(m: Monitor, chosen: Chosen) -> Profile:
    """The edited profile. Raises UsageError if it cannot judge."""
    if chosen.profile is None:
        raise UsageError("no detector is chosen", where="profile", hint="Choose at least one detector")
    check(Profiles((chosen.profile,)), list(m.running_tags.now()))
    return chosen.profile
