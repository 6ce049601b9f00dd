"""A profile as fields, each of them in the address: its detectors, their parameters, and when it judges."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

import streamlit as st

from sensormon.detectors import PER_TAG, make
from sensormon.model.profiles import COMPARISONS, OF_STATES, Choice, Condition, Profile
from sensormon.model.tag_links import NONE
from sensormon.monitor.monitor import Monitor
from sensormon.ui.detector_controls import field_value, key_of, parameter_input
from sensormon.ui.glossary import meaning
from sensormon.ui.profile_inputs import (
    comparison_input,
    detectors_input,
    seconds_input,
    severity_input,
    value_input,
    watched_tags,
    word_comparison_input,
    word_input,
)
from sensormon.ui.tag_choice import single_tag
from sensormon.view.detectors import title
from sensormon.view.profiles import severity_words, stated

_BIND: Literal["query-params"] = "query-params"
_OPEN = 2  # a profile with at most so many detectors shows the parameters of all of them


def profile_fields(m: Monitor, start: Profile) -> Profile | None:
    """Draw the fields, which begin as this profile; the profile they make, None if it has no detector."""
    begun = stated(start)
    names = detectors_input(begun, key="detector", bind=_BIND)
    choices = [_detector_fields(name, begun.choice(name), len(names) <= _OPEN) for name in names]
    with st.expander("Delays, severity, condition, target"):
        profile = _other_fields(m, begun)
    if not choices:
        return None
    return replace(profile, detectors=tuple(choices))


def fill(profile: Profile) -> None:
    """Set all fields to this profile."""
    begun = stated(profile)
    st.session_state["detector"] = [choice.detector for choice in begun.detectors]
    for name in PER_TAG:
        params = _params_of(name, begun.choice(name))
        for parameter in PER_TAG[name].PARAMETERS:
            value = params[parameter.name]
            st.session_state[key_of(name, parameter)] = field_value(parameter, value)
    condition = begun.condition
    fields: dict[str, object] = {
        "on_delay": float(begun.on_delay),
        "off_delay": float(begun.off_delay),
        "severity": begun.severity,
        "target": float(begun.target),
        "when": condition.tag if condition else None,
        "compares": condition.comparison if condition and not condition.word else COMPARISONS[0],
        "limit": float(condition.value) if condition and not condition.word else 0.0,
        "state_is": condition.comparison if condition and condition.word else OF_STATES[0],
        "state": (condition.word if condition else "") or None,
        "settle": float(condition.settle) if condition else 0.0,
    }
    st.session_state.update(fields)


def address_of(profile: Profile) -> dict[str, str | list[str]]:
    """The fields of this profile as they stand in an address, every one that does not go without saying."""
    begun = stated(profile)
    values: dict[str, str | list[str]] = {"detector": [title(choice.detector) for choice in begun.detectors]}
    for choice in begun.detectors:
        for parameter in PER_TAG[choice.detector].PARAMETERS:
            value = choice.params[parameter.name]
            if value != parameter.unset:
                values[key_of(choice.detector, parameter)] = f"{value:g}"
    values |= {"on_delay": f"{begun.on_delay:g}", "off_delay": f"{begun.off_delay:g}"}
    if begun.severity:
        values["severity"] = severity_words(begun.severity)
    if begun.target:
        values["target"] = f"{begun.target:g}"
    values["when"] = NONE
    if (condition := begun.condition) is not None:
        compared = (
            {"state_is": condition.comparison, "state": condition.word}
            if condition.word
            else {"compares": condition.comparison, "limit": f"{condition.value:g}"}
        )
        values |= {
            "when": condition.tag,
            **compared,
            "settle": f"{condition.settle:g}",
        }
    return values


def _detector_fields(name: str, begun: Choice | None, expanded: bool) -> Choice:
    judge = make(name)
    params = _params_of(name, begun)
    with st.expander(title(name), expanded=expanded):
        st.caption(f"Catches: {judge.catches}", help=f"Misses: {judge.misses}")
        values = {
            parameter.name: parameter_input(name, parameter, params[parameter.name])
            for parameter in judge.PARAMETERS
        }
    return Choice(name, values)


def _other_fields(m: Monitor, begun: Profile) -> Profile:
    condition = begun.condition
    on_delay, off_delay = (
        seconds_input(label, start, key=key, bind=_BIND, help=meaning(term))
        for label, start, key, term in (
            ("On-delay, s", begun.on_delay, "on_delay", "on-delay"),
            ("Off-delay, s", begun.off_delay, "off_delay", "off-delay"),
        )
    )
    severity = severity_input("Severity of its events", begun, key="severity", bind=_BIND)
    target = st.number_input(
        "Target, events a day and tag (0 = none)",
        0.0,
        1e6,
        float(begun.target),
        1.0,
        format="%g",
        key="target",
        bind=_BIND,
    )
    tags = watched_tags(m.running_tags.now())

    def draw() -> str | None:
        return st.selectbox(
            "Judge only while", tags, None, format_func=m.tags.title, placeholder="always", key="when"
        )

    usual = condition.tag if condition and condition.tag in tags else None
    watched = single_tag(m, "when", draw, offered=tags, usual=usual)
    return replace(
        begun,
        on_delay=on_delay,
        off_delay=off_delay,
        severity=severity,
        target=target,
        condition=None if watched is None else _condition_fields(m, watched, condition),
    )


def _condition_fields(m: Monitor, watched: str, begun: Condition | None) -> Condition:
    left, right = st.columns([2, 3], gap="small")
    word = ""
    if m.running_tags.now()[watched].has_states:
        with left:
            comparison = word_comparison_input(begun, key="state_is", bind=_BIND)
        with right:
            words = m.state_words([watched]).get(watched, {})
            word, value = word_input(words, begun, key="state", bind=_BIND)
    else:
        with left:
            comparison = comparison_input(begun, key="compares", bind=_BIND)
        with right:
            value = value_input("value", begun, key="limit", bind=_BIND)
    start = begun.settle if begun else 0.0
    settle = seconds_input("Settling time, s", start, key="settle", bind=_BIND)
    return Condition(watched, comparison, value, settle, word)


def _params_of(name: str, choice: Choice | None) -> Mapping[str, float]:
    """The parameters of this choice, the detector's defaults if there is none."""
    if choice is not None:
        return choice.params
    judge = make(name)
    return {parameter.name: getattr(judge, parameter.name) for parameter in judge.PARAMETERS}
