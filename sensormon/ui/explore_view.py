"""What the controls of the Explore page say, and how what is in view is changed."""

from __future__ import annotations

from dataclasses import dataclass

from sensormon.model.timestamps import render
from sensormon.ui.time_range import in_calendar
from sensormon.ui.url_state import write
from sensormon.view.traces import Span


@dataclass(frozen=True)
class Chosen:
    """What the controls say."""

    names: tuple[str, ...]
    span: Span
    whole: Span
    stacked: bool
    flags: bool
    earlier: int  # µs, 0 for no comparison
    earlier_words: str
    now: int


def show(span: Span) -> None:
    """Put this span into the address, and so into view."""
    possible = in_calendar(*span)
    if possible:
        write({"from": render(possible[0]), "to": render(possible[1])})
