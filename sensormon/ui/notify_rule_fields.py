"""A rule as fields: what it tells of, when, and whom."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from sensormon.detectors import PER_TAG
from sensormon.events.actions import LABEL_WORDS, LABELS, State
from sensormon.model.events import Severity
from sensormon.monitor.monitor import Monitor
from sensormon.notify.config import Condition, Escalation, NotifyConfig, Rule
from sensormon.ui.glossary import meaning
from sensormon.ui.notify_fields import Fields, names_input
from sensormon.ui.notify_words import CONDITIONS, length

EVENTS, ITSELF, ALIVE = "Events", "The monitor itself", "A sign of life"
LONGEST_NAME = 60
_OFFERED = 500
"""Tags that are offered; with more of them a pattern serves better."""
_STEPS = 5
"""Steps of an escalation that the page offers."""


def rule_fields(m: Monitor, config: NotifyConfig, start: Rule, fields: Fields, *, new: bool) -> Rule:
    """Draw the fields; the rule that they make. `new`: its name can be chosen."""
    name = start.name
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if new:
            with fields.field("name", 300):
                name = st.text_input(
                    "Name",
                    start.name,
                    max_chars=LONGEST_NAME,
                    key=fields.key("name"),
                    placeholder="For example: hot",
                    help="Letters, digits, dots, - and _. It stays: messages and the log carry it.",
                )
        on = st.toggle("On", start.on, key=fields.key("on"), width="content")
    rule = replace(start, name=(name or "").strip(), on=on)
    begun_as = ALIVE if start.heartbeat else ITSELF if start.health else EVENTS
    subject = st.segmented_control(
        "Tells of",
        [EVENTS, ITSELF, ALIVE],
        default=begun_as,
        required=True,
        key=fields.key("subject"),
    )
    if subject == ITSELF:
        rule = _health(rule, start, fields)
    elif subject == ALIVE:
        rule = _alive(rule, start, fields)
    else:
        rule = _events(m, rule, start, fields)
    rule = _when(config, rule, start, fields)
    return _whom(config, rule, start, fields)


def _events(m: Monitor, rule: Rule, start: Rule, fields: Fields) -> Rule:
    """Which events."""
    names = [name for name in m.tags.names if not m.tags[name].has_states][:_OFFERED]
    groups = sorted({m.tags[name].group for name in m.tags.names} - {""})
    with fields.field("tags"):
        tags = names_input(
            "Tags",
            names,
            start.tags,
            key=fields.key("tags"),
            free=True,
            placeholder="all tags",
            help="Names, or patterns with * and ? that you type: fermenter_*",
        )
    left, right = st.columns(2, gap="small")
    with left, fields.field("groups"):
        chosen_groups = names_input(
            "Groups",
            groups,
            start.groups,
            key=fields.key("groups"),
            free=True,
            placeholder="all groups",
            help="With the groups below them; patterns with * and ? serve too",
        )
    with right:
        severity = st.segmented_control(
            "Severity, at least",
            [*Severity],
            format_func=str,
            default=start.severity,
            required=True,
            key=fields.key("severity"),
            help=meaning("severity"),
        )
    more = [start.profiles, start.detectors, start.labels, start.states]
    with st.expander("By profile, detector, label or state", expanded=any(more), key=fields.key("more")):
        left, right = st.columns(2, gap="small")
        with left, fields.field("profiles"):
            profiles = names_input(
                "Profiles",
                [*m.detection.in_force.in_use.by_name],
                start.profiles,
                key=fields.key("profiles"),
                free=True,
                placeholder="any",
            )
        with right, fields.field("detectors"):
            detectors = names_input(
                "Detectors",
                [*PER_TAG],
                start.detectors,
                key=fields.key("detectors"),
                free=True,
                placeholder="any",
            )
        with left, fields.field("labels"):
            labels = names_input(
                "Labels",
                LABELS,
                start.labels,
                key=fields.key("labels"),
                placeholder="any",
                words=LABEL_WORDS,
            )
        with right, fields.field("states"):
            states = names_input(
                "States", [*map(str, State)], start.states, key=fields.key("states"), placeholder="any"
            )
        st.caption("An event has its label and state of the moment in which the message is made.")
    return replace(
        rule,
        tags=tags,
        groups=chosen_groups,
        severity=severity or start.severity,
        profiles=profiles,
        detectors=detectors,
        labels=labels,
        states=states,
        health=(),
        heartbeat=0.0,
    )


def _health(rule: Rule, start: Rule, fields: Fields) -> Rule:
    """Which conditions of the monitor."""
    with fields.field("health"):
        chosen = st.pills(
            "When",
            [*Condition],
            format_func=CONDITIONS.__getitem__,
            selection_mode="multi",
            default=[*start.health],
            key=fields.key("health"),
        )
    if not chosen:
        fields.problems["health"] = "Choose at least one"
    return replace(_of_no_events(rule), health=tuple(chosen), heartbeat=0.0)


def _alive(rule: Rule, start: Rule, fields: Fields) -> Rule:
    with fields.field("heartbeat", 300):
        heartbeat = fields.time(
            "heartbeat",
            "Every",
            start.heartbeat or 86_400.0,
            unset="1 d",
            help="If it stays away, either the monitor or the way to you is down",
        )
    if not heartbeat:
        fields.problems.setdefault("heartbeat", "Say how often, for example 1 d")
    return replace(_of_no_events(rule), health=(), heartbeat=heartbeat, returned=False)


def _of_no_events(rule: Rule) -> Rule:
    """Without what selects events: a rule tells of events or of the monitor."""
    return replace(
        rule, tags=(), groups=(), profiles=(), detectors=(), severity=Severity.LOW, labels=(), states=()
    )


def _when(config: NotifyConfig, rule: Rule, start: Rule, fields: Fields) -> Rule:
    left, right = st.columns(2, gap="small")
    after = 0.0
    if not rule.heartbeat:
        with left, fields.field("after"):
            after = fields.time(
                "after",
                "Once it has lasted",
                start.after,
                unset="at once",
                help="30 s, 15 min, 2 h; empty: at once. What is over before that is not told.",
            )
    with right, fields.field("when"):
        calendars = names_input(
            "Only during",
            [*config.calendars],
            start.calendars,
            key=fields.key("when"),
            placeholder="always" if config.calendars else "always; add a calendar to choose it here",
            help="The rule applies while any of these calendars does",
        )
    return replace(rule, after=after, calendars=calendars)


def _whom(config: NotifyConfig, rule: Rule, start: Rule, fields: Fields) -> Rule:
    """Contacts, reminders, escalation."""
    contacts = [*config.contacts]
    with fields.field("to"):
        to = names_input("Tells", contacts, start.to, key=fields.key("to"), placeholder="Choose contacts")
    if not to:
        fields.problems["to"] = "Choose at least one contact"
    if rule.heartbeat:
        return replace(rule, to=to, remind=0.0, escalate=())
    left, right = st.columns(2, gap="small", vertical_alignment="bottom")
    with left, fields.field("remind"):
        remind = fields.time(
            "remind",
            "Repeat every",
            start.remind,
            unset="never",
            help="Until somebody acknowledges, or it is over",
        )
    with right:
        returned = st.checkbox("Tell when it is back to normal", start.returned, key=fields.key("returned"))
    return replace(rule, to=to, remind=remind, returned=returned, escalate=_steps(contacts, start, fields))


def _steps(contacts: list[str], start: Rule, fields: Fields) -> tuple[Escalation, ...]:
    """Whom to tell next while nobody acknowledges: a row for each step."""
    count = int(st.session_state.get(fields.key("steps"), len(start.escalate)))
    steps: list[Escalation] = []
    with fields.field("escalate"):
        st.markdown("If nobody acknowledges", help="Counted from the first message")
        for place in range(count):
            begun = start.escalate[place] if place < len(start.escalate) else Escalation(0.0, ())
            left, right = st.columns([1, 2], gap="small")
            with left:
                after = fields.time(f"escalate-{place}", "after", begun.after, unset="15 min")
            with right:
                to = names_input(
                    "tell", contacts, begun.to, key=fields.key(f"escalate-to-{place}"), placeholder="nobody"
                )
            if to or after:
                steps.append(Escalation(after, to))
            if to and not after:
                fields.problems.setdefault("escalate", "Say after how long, for example 15 min")
            if after and not to:
                fields.problems.setdefault("escalate", f"Choose whom to tell after {length(after)}")
    if count < _STEPS:
        st.button(
            "Add a step",
            icon=":material/add:",
            key=fields.key("step-add"),
            type="tertiary",
            on_click=st.session_state.__setitem__,
            args=(fields.key("steps"), count + 1),
        )
    return tuple(steps)
