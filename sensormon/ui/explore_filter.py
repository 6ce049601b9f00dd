"""The choice of a state on Explore: only while it lasts are the lines of the other tags drawn."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from sensormon.monitor.monitor import Monitor
from sensormon.ui.tag_choice import linked
from sensormon.view.explore_chart import Series, kept_while
from sensormon.view.phrases import literal

ANY = "any state"
_MOST = 50
"""The most states of a tag to choose from, those met first."""

Only = tuple[str, str]
"""A tag of states by its name, and a word of it."""


def only_while(m: Monitor, names: Sequence[str]) -> Only | None:
    """The state chosen, one of the tags of states among these; None for any, or if there are none."""
    words = m.state_words(names)
    choices: dict[str, Only] = {
        f"{name}={word}": (name, word)
        for name in names
        for word in list(dict.fromkeys(words.get(name, {}).values()))[:_MOST]
    }
    if not choices:
        return None
    titles = {text: f"{m.tags.title(name)} = {word}" for text, (name, word) in choices.items()}

    def draw() -> tuple[str, ...]:
        chosen = st.selectbox(
            "Only while",
            [ANY, *choices],
            format_func=lambda text: titles.get(text, text),
            key="only",
            width=240,
            help="Draws the lines of the other tags only at times when this tag is in this state",
        )
        return (chosen or ANY,)

    def read(text: str, came: bool) -> tuple[tuple[str, ...], str]:
        older = {title: choice for choice, title in titles.items()}  # earlier releases wrote the title
        choice = text if text in choices else older.get(text)
        wrong = f"The link names a state that is not here: {literal(text[:100])}." if came else ""
        return ((choice,), "") if choice else ((ANY,), wrong)

    (text,) = linked("only", draw, (ANY,), (ANY, *choices), read, "".join)
    return choices.get(text)


def filtered(drawn: Sequence[Series], only: Only | None, span: tuple[int, int]) -> tuple[list[Series], str]:
    """The series as drawn while the state lasts, and a sentence that says so; all of them without a state."""
    source = next((line for line in drawn if only and line.tag.name == only[0]), None)
    if source is None or only is None:
        return list(drawn), ""
    windows = [
        (stretch.start, stretch.end)
        for stretch in source.course
        if stretch.quality < 2 and source.words.get(stretch.code) == only[1]
    ]
    inside = sum(max(0, min(end, span[1]) - max(start, span[0])) for start, end in windows)
    share = inside / max(1, span[1] - span[0])
    words = (
        f"Lines are drawn only while {source.tag.label} = {only[1]}, {share:.1%} of the time in view. "
        "Measures, the compared span and an export of every reading are of all times."
    )
    return [line if line.is_band else kept_while(line, windows) for line in drawn], words
