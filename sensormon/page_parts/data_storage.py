"""Storage: how long readings are kept, the size on disk and its forecast."""

from __future__ import annotations

import streamlit as st

from sensormon.monitor import Monitor
from sensormon.page_parts.viewer import Viewer


def section(m: Monitor, viewer: Viewer) -> None:  # noqa: ARG001
    """What is on disk, how it grows, and what is kept for how long."""
    st.subheader("Storage", anchor=False)
