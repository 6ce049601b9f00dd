"""Building blocks of pages: panels, charts, phrases, messages for an unavailable store."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from html import escape
from typing import Any, Literal

import plotly.graph_objects as go
import streamlit as st
from plotly.basedatatypes import BaseFigure
from streamlit.delta_generator import DeltaGenerator

from sensormon.model.errors import SensormonError
from sensormon.view.drawn import Drawn
from sensormon.view.phrases import Phrase, literal


def marked(phrase: Phrase) -> str:
    """The phrase as HTML; an abnormal one is red and has a diamond."""
    text = escape(phrase.text)
    return f'<span class="abnormal">◆ {text}</span>' if phrase.abnormal else text


def panel(key: str, *, stretch: bool = False) -> DeltaGenerator:
    """A bordered container on the panel's colour; stretched, it is as tall as its neighbour."""
    height: Literal["stretch", "content"] = "stretch" if stretch else "content"
    return st.container(border=True, key=f"panel-{key}", gap="small", height=height)


def ready(chart: Drawn) -> Any:
    """The chart for `st.plotly_chart`, which would have Plotly check anything but a figure of its own.

    Streamlit asks a figure for its dictionary and for nothing else. The constructor, which checks and copies
    what it is given, is passed by.
    """
    figure = BaseFigure.__new__(BaseFigure)
    vars(figure).update(to_dict=chart.sent)
    return figure


def chart(figure: go.Figure | Drawn, key: str, alt: str) -> None:
    """The figure at full width, without a tool bar."""
    shown = ready(figure) if isinstance(figure, Drawn) else figure
    st.plotly_chart(shown, width="stretch", theme=None, key=key, config={"displayModeBar": False}, alt=alt)


def picking_chart(figure: Drawn, key: str, alt: str, on_pick: Callable[[int], None]) -> None:
    """A chart made with `pick`; `on_pick` gets the id of the reading that is clicked."""

    def clicked() -> None:
        points = st.session_state[key]["selection"]["points"]
        data = points[0].get("customdata") if points else None
        if data:  # a row of an array is returned as a list, or as a mapping by index
            on_pick(int(list(data.values() if isinstance(data, Mapping) else data)[-1]))

    st.plotly_chart(
        ready(figure),
        width="stretch",
        theme=None,
        key=key,
        on_select=clicked,
        selection_mode="points",
        config={"displayModeBar": False},
        alt=alt,
    )


def not_done(error: SensormonError, title: str) -> None:
    """A block that says why something was not done."""
    st.error(literal(str(error)), title=title)


UNREAD = "unread"
"""Key in the session's state: part of this page could not be read; the head retries it."""


def not_readable(error: SensormonError) -> None:
    """A block that says that the store cannot be read, why, and what to do."""
    st.session_state[UNREAD] = True
    hint = f" {error.hint}." if error.hint else ""
    st.error(
        f"{error.what[:1].upper()}{error.what[1:]}.{hint} Collection continues and readings are safe in the "
        "journal; the Live page shows the newest ones.",
        title="The database cannot be read at the moment",
        icon=":material/database_off:",
    )
