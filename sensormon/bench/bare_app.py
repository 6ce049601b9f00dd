"""The reference for pages: a Streamlit app that draws one chart and does nothing else.

`streamlit run` executes this file at each opening.
"""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
import streamlit as st

LINES, POINTS = 3, 2_400
"""As much as three tags in a long span of the Explore page: each part of it with at most four readings."""


def draw() -> None:
    """One chart of `LINES` lines of `POINTS` points each."""
    time = np.arange(POINTS, dtype=np.float64) * 1_000
    lines = [go.Scatter(x=time, y=np.sin(time / 1e5 + line)) for line in range(LINES)]
    figure = go.Figure(lines)
    figure.update_xaxes(type="date")
    st.plotly_chart(figure)


if __name__ == "__main__":
    draw()
