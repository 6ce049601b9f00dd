"""The fields that define event frames: when one starts, when it ends, how long it may be."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from sensormon.analysis.frame_rules import CHANGES, OF_NUMBERS, OF_STATES, FrameRule, Trigger
from sensormon.model.clock import SECOND
from sensormon.monitor.monitor import Monitor
from sensormon.ui.time_range import offset
from sensormon.ui.widget_keys import fresh_key
from sensormon.view.profiles import seconds_words

FIELDS = "frames-fields"
"""The name of the fields; `replace_widget` draws them anew for another rule."""
WHILE, OWN, AFTER = "it no longer holds", "another condition holds", "a time has passed"
_WORDS = {
    ">": "is above",
    ">=": "is at least",
    "<": "is below",
    "<=": "is at most",
    "=": "is",
    "!=": "is not",
}


@dataclass(frozen=True)
class Typed:
    """The rule as typed so far; None while something is missing, which `lacks` says."""

    rule: FrameRule | None
    lacks: str = ""


def rule_fields(m: Monitor, begun: FrameRule | None, names: tuple[str, ...]) -> Typed:
    """The fields, with `begun` in them at first; otherwise with the first of these tags."""
    key = fresh_key(FIELDS)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        start = _condition(m, "A frame starts when", begun.start if begun else None, names[0], f"{key}-start")
    end: Trigger | str | None = None
    lasting: float | None = 0.0
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        ends = _ends(begun, key)
        if ends == OWN:
            end = _condition(m, "It ends when", begun.end if begun else None, names[0], f"{key}-end")
        elif ends == AFTER:
            lasting = _length("Lasting", begun.lasting if begun else 0.0, f"{key}-lasting", "60 min")
        shortest = _length("Shortest", begun.shortest if begun else 0.0, f"{key}-shortest", "no limit")
        longest = _length("Longest", begun.longest if begun else 0.0, f"{key}-longest", "no limit")
    if isinstance(start, str):
        return Typed(None, start)
    if isinstance(end, str):
        return Typed(None, end)
    if lasting is None or shortest is None or longest is None:
        return Typed(None, "Enter lengths of time with a unit: s, min, h or d, such as 90 min.")
    if ends == AFTER and not lasting:
        return Typed(None, "Enter how long a frame lasts.")
    return Typed(FrameRule(start, end, lasting, shortest, longest))


def _ends(begun: FrameRule | None, key: str) -> str:
    place = 1 if begun and begun.end else 2 if begun and begun.lasting else 0
    chosen = st.selectbox("and ends when", [WHILE, OWN, AFTER], place, key=f"{key}-ends", width=230)
    return chosen or WHILE


def _condition(m: Monitor, label: str, begun: Trigger | None, first: str, key: str) -> Trigger | str:
    """A condition, or what it lacks."""
    known = list(m.tags.names)
    if begun is not None and begun.tag not in known:
        known.append(begun.tag)  # the refusal names it
    name = st.selectbox(
        label,
        known,
        known.index(begun.tag if begun else first),
        format_func=m.tags.title,
        key=f"{key}-tag",
        width=260,
    )
    tag = m.tags[name or first]
    own = begun if begun is not None and begun.tag == tag.name else None
    comparisons = OF_STATES if tag.has_states else OF_NUMBERS
    if own is not None and own.comparison not in comparisons:
        comparisons = (*comparisons, own.comparison)
    comparison = st.selectbox(
        "Comparison",
        comparisons,
        comparisons.index(own.comparison) if own else 0,
        format_func=lambda each: _WORDS.get(each, "changes"),
        key=f"{key}-{tag.name}-is",
        label_visibility="collapsed",
        width=130,
    )
    if comparison == CHANGES:
        return Trigger(tag.name, CHANGES)
    word, value = "", None
    if tag.has_states or (own and own.word):
        words = list(dict.fromkeys(m.state_words([tag.name]).get(tag.name, {}).values()))
        if own and own.word and own.word not in words:
            words.append(own.word)
        word = (
            st.selectbox(
                "State",
                words,
                words.index(own.word) if own else None,
                key=f"{key}-{tag.name}-word",
                placeholder="Choose a state",
                label_visibility="collapsed",
                width=180,
            )
            or ""
        )
    else:
        value = st.number_input(
            f"Value{f', {tag.unit}' if tag.unit else ''}",
            value=own.value if own else None,
            format="%.10g",
            key=f"{key}-{tag.name}-value",
            placeholder="value",
            width=150,
        )
    hysteresis, hold = _more(tag.unit, own, f"{key}-{tag.name}", numbers=not tag.has_states)
    if hold is None:
        return "Enter for how long the condition holds with a unit: s, min, h or d."
    if tag.has_states and not word:
        return f"Choose the state of {tag.label}."
    if not tag.has_states and not word and value is None:
        return f"Enter the value of {tag.label}."
    return Trigger(tag.name, comparison, value or 0.0, word, hysteresis or 0.0, hold)


def _more(unit: str, own: Trigger | None, key: str, *, numbers: bool) -> tuple[float | None, float | None]:
    """The hysteresis and the time for which the condition must hold, in a popover."""
    given = [f"± {own.hysteresis:g}" if own and own.hysteresis else "", _written(own.hold if own else 0.0)]
    label = ", ".join(part for part in given if part) or "More"
    hysteresis: float | None = 0.0
    with st.popover(label, key=f"{key}-more", help="Hysteresis, and for how long it must hold"):
        if numbers:
            hysteresis = st.number_input(
                f"Hysteresis{f', {unit}' if unit else ''}",
                min_value=0.0,
                value=own.hysteresis if own and own.hysteresis else None,
                format="%.10g",
                key=f"{key}-hysteresis",
                placeholder="none",
                help="By how much the value must be back before the condition is false again",
            )
        hold = _length("Must hold for", own.hold if own else 0.0, f"{key}-hold", "at once")
    return hysteresis, hold


def _length(label: str, seconds: float, key: str, placeholder: str) -> float | None:
    """A length of time in seconds, 0 if it is empty; None if it cannot be read."""
    text = st.text_input(
        label, _written(seconds), key=key, placeholder=placeholder, width=120, help="Such as 45 s or 90 min"
    )
    if not text:
        return 0.0
    length = offset(text)
    return None if length is None else length / SECOND


def _written(seconds: float) -> str:
    return seconds_words(seconds) if seconds else ""
