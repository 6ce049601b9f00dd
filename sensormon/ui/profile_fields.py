"""A profile as fields of a form-like panel, in the session alone: nothing of a draft is in the address.

Each field begins as the profile that is passed in, which must stay the same while its fields are drawn;
`key` gives their keys, and other keys make other fields.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import streamlit as st

from sensormon.detectors import PER_TAG, make
from sensormon.detectors.base import Parameter
from sensormon.model.profiles import Choice, Condition, Profile
from sensormon.monitor.monitor import Monitor
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
from sensormon.view.detectors import title
from sensormon.view.profiles import stated

Key = Callable[[str], str]

_ACROSS = 4
_LIMITS = ("low_low", "low", "high", "high_high")


def profile_editor(m: Monitor, begun: Profile, key: Key) -> Profile:
    """Draw the fields; the profile they make, which has no detectors if none is chosen."""
    begun = stated(begun)
    names = detectors_input(begun, key=key("detectors"))
    choices = [_detector(name, begun.choice(name), key) for name in names]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        on_delay = _seconds("On-delay, s", begun.on_delay, key("on-delay"), "on-delay")
        off_delay = _seconds("Off-delay, s", begun.off_delay, key("off-delay"), "off-delay")
        severity = severity_input("Severity", begun, key=key("severity"), help=meaning("severity"), width=160)
        target = st.number_input(
            "Target, events a day",
            0.0,
            1e6,
            float(begun.target),
            format="%g",
            key=key("target"),
            help="How many events a day a tag with this profile may have; 0: not stated",
            width=200,
        )
    return replace(
        begun,
        detectors=tuple(choices),
        on_delay=on_delay,
        off_delay=off_delay,
        severity=severity,
        target=target,
        condition=condition_fields(m, begun.condition, key),
    )


def _detector(name: str, begun: Choice | None, key: Key) -> Choice:
    """The fields of one detector."""
    start = make(name, **(begun.params if begun else {}))
    judge = PER_TAG[name]
    with st.expander(title(name), expanded=True, key=key(f"{name}-open")):
        st.caption(f"Catches: {judge.catches}", help=f"Misses: {judge.misses}")
        by_name: dict[str, Parameter] = {parameter.name: parameter for parameter in judge.PARAMETERS}
        order = [*(limit for limit in _LIMITS if limit in by_name)]
        order += [parameter for parameter in by_name if parameter not in order]
        values: dict[str, float] = {}
        for first in range(0, len(order), _ACROSS):
            row = order[first : first + _ACROSS]
            for column, each in zip(st.columns(_ACROSS, gap="small"), row, strict=False):
                with column:
                    values[each] = _parameter(by_name[each], getattr(start, each), key(f"{name}-{each}"))
    return Choice(name, {parameter: values[parameter] for parameter in by_name})


def _parameter(parameter: Parameter, start: float, key: str) -> float:
    """A field for a parameter; an empty one stands for each tag's own, where that exists."""
    whole = parameter.step == int(parameter.step)
    decimals = 0 if whole else len(f"{parameter.step:g}".partition(".")[2])
    value = st.number_input(
        parameter.label_with_unit,
        float(parameter.low),
        float(parameter.high),
        None if start == parameter.unset else float(start),
        float(parameter.step),
        format=f"%.{decimals}f",
        placeholder="" if parameter.unset is None else "each tag's own",
        key=key,
        help=meaning(*parameter.terms) if parameter.terms else None,
    )
    if value is None:
        return start if parameter.unset is None else parameter.unset
    return round(value) if whole else float(value)


def condition_fields(m: Monitor, begun: Condition | None, key: Key) -> Condition | None:
    """The tag, comparison, value and settling time; None while no tag is chosen."""
    tags = watched_tags(m.running_tags.now())
    if begun is not None and begun.tag not in tags:
        tags.append(begun.tag)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        watched = st.selectbox(
            "Judge only while",
            tags,
            None if begun is None else tags.index(begun.tag),
            format_func=m.tags.title,
            placeholder="always",
            key=key("watched"),
            help=meaning("condition"),
            width=260,
        )
        if watched is None:
            return None
        word = ""
        if watched in m.tags and m.tags[watched].has_states:
            comparison = word_comparison_input(begun, key=key("is"), width=130)
            words = m.state_words([watched]).get(watched, {})
            word, value = word_input(words, begun, key=key("word"), width=160)
        else:
            comparison = comparison_input(begun, key=key("comparison"), width=130)
            unit = m.tags[watched].unit if watched in m.tags else ""
            label = f"value, {unit}" if unit else "value"
            value = value_input(label, begun, key=key("value"), width=160)
        settle = _seconds("Settling, s", begun.settle if begun else 0.0, key("settle"), "settling")
    return Condition(watched, comparison, value, settle, word)


def _seconds(label: str, start: float, key: str, term: str) -> float:
    return seconds_input(label, start, key=key, help=meaning(term), width=160)
