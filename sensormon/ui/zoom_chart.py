"""A chart that zooms in the browser at once and is then read again for the new view."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from sensormon.ui.component import browser_component
from sensormon.ui.viewer import Viewer
from sensormon.view.traces import Span

WORDS = {
    "back": ("←", "Back in time by a quarter of the view (left arrow key)"),
    "forth": ("→", "Forward in time by a quarter of the view (right arrow key)"),
    "closer": ("+", "Zoom in (plus key, or Ctrl and the wheel)"),
    "wider": ("−", "Zoom out (minus key, or Ctrl and the wheel)"),
    "whole": ("All", "The whole history (Home key, or a double click)"),
    "pan": ("Pan", "Dragging moves the chart instead of choosing a span (or hold Shift)"),
    "cursors": (
        "Cursors",
        "Two cursors with their difference: a click moves the nearer one, Shift and an arrow key moves B",
    ),
    "png": ("PNG", "Save this chart as a PNG picture"),
    "svg": ("SVG", "Save this chart as an SVG picture"),
}
"""The buttons above the chart: what they show, and what they do."""


def zoom_chart(
    figure: go.Figure,
    key: str,
    alt: str,
    viewer: Viewer,
    *,
    span: Span,
    whole: Span,
    head: str,
    title: str,
    file: str,
    on_span: Callable[[Span], None],
    on_pick: Callable[[int], None] | None = None,
) -> None:
    """Draw the figure, whose x axis is `xaxis` with times in ms UTC, with this span in view.

    `on_span` gets the span (µs UTC) once the viewer has moved the chart and it rests,
    `on_pick` the time of a click. `whole` is what Home shows, `head` a line above, `title` and `file`
    belong to an exported picture. If the browser's part cannot be loaded, Streamlit's own chart is drawn:
    its zoom is not reported and ends with the next refresh.
    """
    seen = (st.session_state.get(key) or {}).get("span")
    if st.session_state.get("no-zoom-chart"):
        st.markdown(head)
        st.plotly_chart(
            figure, width="stretch", theme=None, key=f"{key}-plain", config={"displayModeBar": False}, alt=alt
        )
        return

    def moved() -> None:
        edges = st.session_state[key].get("span")
        if _is_span(edges):
            on_span((round(edges[0] * 1e3), round(edges[1] * 1e3)))

    def picked() -> None:
        at = st.session_state[key].get("picked")
        if on_pick is not None and isinstance(at, int | float):
            on_pick(round(at * 1e3))

    result = browser_component(
        "zoom_chart",
        {
            "figure": figure.to_json(),
            "span": [span[0] / 1e3, span[1] / 1e3],
            "whole": [whole[0] / 1e3, whole[1] / 1e3],
            "seen": seen,
            "alt": alt,
            "head": head,
            "title": title,
            "file": file,
            "panel": viewer.palette.panel,
            "words": WORDS,
        },
        key,
        on_span_change=moved,
        on_picked_change=picked,
    )
    if result.unavailable:
        st.session_state["no-zoom-chart"] = True
        st.rerun()


def _is_span(edges: Any) -> bool:
    """Whether the browser sent two finite times, in order."""
    return (
        isinstance(edges, list | tuple)
        and len(edges) == 2
        and all(isinstance(edge, int | float) and abs(edge) < 1e15 for edge in edges)
        and edges[0] < edges[1]
    )
