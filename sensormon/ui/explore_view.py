"""The state of the Explore page's controls, and how to change the span in view."""

from __future__ import annotations

from dataclasses import dataclass

from sensormon.model.timestamps import render
from sensormon.ui.time_range import in_calendar
from sensormon.ui.url_state import write
from sensormon.view.explore_layout import Arrangement
from sensormon.view.traces import Span

OTHER = "another time earlier"
"""The choice of "Compare with" that has a field for how much earlier."""


@dataclass(frozen=True)
class Chosen:
    """The state of the controls."""

    names: tuple[str, ...]
    span: Span
    whole: Span
    arrangement: Arrangement
    flags: bool
    earlier: int  # µs, 0 for no comparison
    earlier_words: str
    now: int
    only: tuple[str, str] | None = None  # a tag of states and its word, while which lines are drawn


def show(span: Span) -> None:
    """Show this span, by writing it to the address."""
    possible = in_calendar(*span)
    if possible:
        write({"from": render(possible[0]), "to": render(possible[1])})
