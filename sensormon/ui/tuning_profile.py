"""A profile as fields, each of them in the address: its detectors, their parameters, and when it judges."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import streamlit as st

from sensormon.detectors import PER_TAG, make
from sensormon.model.profiles import (
    COMPARISONS,
    LONGEST_DELAY,
    MOST_DETECTORS,
    SEVERITIES,
    Choice,
    Condition,
    Profile,
)
from sensormon.monitor.monitor import Monitor
from sensormon.ui.detector_controls import field_value, key_of, parameter_input
from sensormon.ui.glossary import meaning
from sensormon.view.detectors import title
from sensormon.view.profiles import comparison_words, severity_words, stated

_OPEN = 2  # a profile with at most so many detectors shows the parameters of all of them


def profile_fields(m: Monitor, start: Profile) -> Profile | None:
    """Draw the fields, which begin as this profile; the profile they make, None if it has no detector."""
    begun = stated(start)
    names = st.multiselect(
        "Detectors",
        list(PER_TAG),
        [choice.detector for choice in begun.detectors],
        format_func=title,
        key="detector",
        bind="query-params",
        max_selections=MOST_DETECTORS,
        help=f"A reading is flagged if any of them fires.\n\n{meaning('detector')}",
    )
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
        "compares": condition.comparison if condition else COMPARISONS[0],
        "limit": float(condition.value) if condition else 0.0,
        "settle": float(condition.settle) if condition else 0.0,
    }
    st.session_state.update(fields)


def address_of(m: Monitor, profile: Profile) -> dict[str, str | list[str]]:
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
    if (condition := begun.condition) is not None:
        values |= {
            "when": m.tags.title(condition.tag),
            "compares": condition.comparison,
            "limit": f"{condition.value:g}",
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
    on_delay = _number("On-delay, s", "on_delay", begun.on_delay, help="on-delay")
    off_delay = _number("Off-delay, s", "off_delay", begun.off_delay, help="off-delay")
    severity = st.selectbox(
        "Severity of its events",
        SEVERITIES,
        SEVERITIES.index(begun.severity),
        format_func=severity_words,
        key="severity",
        bind="query-params",
    )
    target = _number("Target, events a day and tag (0 = none)", "target", begun.target, most=1e6)
    numbers = m.running_tags.now().numbers
    watched = st.selectbox(
        "Judge only while",
        numbers,
        numbers.index(condition.tag) if condition and condition.tag in numbers else None,
        format_func=m.tags.title,
        placeholder="always",
        key="when",
        bind="query-params",
    )
    return replace(
        begun,
        on_delay=on_delay,
        off_delay=off_delay,
        severity=severity or "",
        target=target,
        condition=None if watched is None else _condition_fields(watched, condition),
    )


def _condition_fields(watched: str, begun: Condition | None) -> Condition:
    left, right = st.columns([2, 3], gap="small")
    with left:
        comparison = st.selectbox(
            "is",
            COMPARISONS,
            COMPARISONS.index(begun.comparison) if begun else 0,
            format_func=comparison_words,
            key="compares",
            bind="query-params",
        )
    with right:
        value = st.number_input(
            "value",
            value=float(begun.value) if begun else 0.0,
            key="limit",
            bind="query-params",
            min_value=-1e12,
            max_value=1e12,
            format="%g",
        )
    settle = _number("Settling time, s", "settle", begun.settle if begun else 0.0)
    return Condition(watched, comparison or COMPARISONS[0], value, settle)


def _number(label: str, key: str, start: float, most: float = LONGEST_DELAY, help: str = "") -> float:
    return st.number_input(
        label,
        0.0,
        most,
        float(start),
        1.0,
        format="%g",
        key=key,
        bind="query-params",
        help=meaning(help) if help else None,
    )


def _params_of(name: str, choice: Choice | None) -> Mapping[str, float]:
    """The parameters of this choice, the detector's defaults if there is none."""
    if choice is not None:
        return choice.params
    judge = make(name)
    return {parameter.name: getattr(judge, parameter.name) for parameter in judge.PARAMETERS}
