"""Export: readings and anomalies as files, the one-file case."""

from __future__ import annotations

import streamlit as st

from sensormon.monitor import Monitor
from sensormon.page_parts.viewer import Viewer


def section(m: Monitor, viewer: Viewer) -> None:  # noqa: ARG001
    """What can be taken away, and in which form."""
    st.subheader("Export", anchor=False)
