"""Tags: the tag table, to edit."""

from __future__ import annotations

import streamlit as st

from sensormon.monitor import Monitor
from sensormon.page_parts.viewer import Viewer


def section(m: Monitor, viewer: Viewer) -> None:  # noqa: ARG001
    """The table of tags, what a change would do, the button that saves it."""
    st.subheader("Tags", anchor=False)
