"""The fields of a profile, one by one; the caller chooses keys, widths and whether the address has them.

`options` go to the Streamlit widget.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from sensormon.detectors import PER_TAG
from sensormon.model.profiles import (
    COMPARISONS,
    LONGEST_DELAY,
    MOST_DETECTORS,
    OF_STATES,
    SEVERITIES,
    Condition,
    Profile,
)
from sensormon.model.tags import TagTable
from sensormon.ui.glossary import meaning
from sensormon.view.detectors import title
from sensormon.view.profiles import comparison_words, severity_words

_FARTHEST = 1e12  # a condition's value, either way


def detectors_input(begun: Profile, **options: Any) -> list[str]:
    """The names of the detectors that are chosen."""
    return st.multiselect(
        "Detectors",
        list(PER_TAG),
        [choice.detector for choice in begun.detectors],
        format_func=title,
        max_selections=MOST_DETECTORS,
        help=f"A reading is flagged if any of them fires.\n\n{meaning('detector')}",
        **options,
    )


def seconds_input(label: str, start: float, **options: Any) -> float:
    """A delay or a settling time, in seconds."""
    return st.number_input(label, 0.0, LONGEST_DELAY, float(start), 1.0, format="%g", **options)


def severity_input(label: str, begun: Profile, **options: Any) -> str:
    """The severity of the profile's events; empty: it follows from the peak."""
    chosen = st.selectbox(
        label, SEVERITIES, SEVERITIES.index(begun.severity), format_func=severity_words, **options
    )
    return chosen or ""


def watched_tags(tags: TagTable) -> list[str]:
    """The tags that a condition may be on, those of numbers first."""
    return [*tags.numbers, *(tag.name for tag in tags if tag.has_states)]


def comparison_input(begun: Condition | None, **options: Any) -> str:
    """How the tag of a condition, one of numbers, is compared."""
    return _comparison_of(COMPARISONS, begun, **options)


def word_comparison_input(begun: Condition | None, **options: Any) -> str:
    """How the tag of a condition, one of states, is compared."""
    return _comparison_of(OF_STATES, begun, **options)


def word_input(words: Mapping[float, str], begun: Condition | None, **options: Any) -> tuple[str, float]:
    """The state that the tag of a condition is compared with: its word and its code.

    ("", 0) while the tag has no state yet.
    """
    codes = {word: code for code, word in words.items()}
    start = begun.word if begun is not None and begun.word in codes else next(iter(codes), None)
    chosen = st.selectbox(
        "state",
        [*codes],
        None if start is None else [*codes].index(start),
        placeholder="no state is known yet",
        **options,
    )
    return (chosen, codes[chosen]) if chosen is not None else ("", 0.0)


def _comparison_of(comparisons: Sequence[str], begun: Condition | None, **options: Any) -> str:
    known = begun is not None and begun.comparison in comparisons
    place = comparisons.index(begun.comparison) if begun is not None and known else 0
    chosen = st.selectbox("is", comparisons, place, format_func=comparison_words, **options)
    return chosen or comparisons[0]


def value_input(label: str, begun: Condition | None, **options: Any) -> float:
    """What the tag of a condition is compared with."""
    start = float(begun.value) if begun else 0.0
    return st.number_input(label, -_FARTHEST, _FARTHEST, start, format="%g", **options)
