"""The analyses of what is in view on Explore, chosen like tabs. One more is a function and a line here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import streamlit as st

from sensormon.model.entries import Annotation
from sensormon.model.errors import StoreError
from sensormon.model.format import day_and_time
from sensormon.monitor.monitor import Monitor
from sensormon.ui.drawing import panel
from sensormon.ui.explore_files import export_look
from sensormon.ui.explore_measures import control_look, distribution_look, two_tags_look
from sensormon.ui.explore_notes import notes_look
from sensormon.ui.explore_similar import similar_look
from sensormon.ui.explore_statistics import statistics_look
from sensormon.ui.explore_view import Chosen
from sensormon.ui.frames_look import frames_look
from sensormon.ui.viewer import Viewer
from sensormon.view.explore_chart import Series


@dataclass(frozen=True)
class Looked:
    """What is in view: the state of the controls, the series as drawn, the notes."""

    chosen: Chosen
    drawn: list[Series]
    notes: Sequence[Annotation]


@dataclass(frozen=True)
class Look:
    """One analysis; `whole` if it needs readings that are not rolled up."""

    draw: Callable[[Monitor, Viewer, Looked], None]
    whole: bool = True


LOOKS: Mapping[str, Look] = {
    "Notes": Look(lambda m, v, x: notes_look(m, v, x.chosen, x.notes), whole=False),
    "Statistics": Look(lambda m, v, x: statistics_look(m, v, x.chosen)),
    "Distribution": Look(lambda m, v, x: distribution_look(m, v, x.chosen)),
    "Two tags": Look(lambda m, v, x: two_tags_look(m, v, x.chosen)),
    "Similar stretches": Look(lambda m, v, x: similar_look(m, v, x.chosen)),
    "Control chart": Look(lambda m, v, x: control_look(m, v, x.chosen, x.drawn, x.notes)),
    "Event frames": Look(lambda m, v, x: frames_look(m, v, x.chosen), whole=False),
    "Export": Look(lambda m, v, x: export_look(m, v, x.chosen, x.drawn)),
}


def looks(m: Monitor, viewer: Viewer, view: Looked) -> None:
    """One analysis of the view, chosen like a tab. Raises SensormonError if it is not possible."""
    name = st.segmented_control(
        "Analyse", list(LOOKS), default="Notes", required=True, key="look", bind="query-params"
    )
    look = LOOKS[name]
    with panel("look"):
        if look.whole:
            _rolled_up(m, viewer, view.chosen)
        look.draw(m, viewer, view)


def _rolled_up(m: Monitor, viewer: Viewer, chosen: Chosen) -> None:
    """If part of the span is rolled up, say from when on measures have readings."""
    try:
        whole = m.explorer.since_whole(chosen.names, chosen.span[0])
    except StoreError:
        return  # the analysis below reports that the database is unavailable
    if whole > chosen.span[0]:
        st.caption(
            f"Before {day_and_time(whole, viewer.zone)} only one-minute roll-ups and flagged readings are "
            "stored: statistics start there, and an export has only flagged readings from before."
        )
