"""The menu, and the page that a viewer chose from it."""

from __future__ import annotations

import streamlit as st

from sensormon.model.errors import UsageError
from sensormon.monitor import runtime
from sensormon.ui.sign_in import stands_instead


def show_pages() -> None:
    """Show the chosen page, or why the monitor cannot start. Runs once per page view."""
    page = st.navigation(
        [
            st.Page("pages/live.py", title="Live", default=True),
            st.Page("pages/anomalies.py", title="Anomalies"),
            st.Page("pages/explore.py", title="Explore"),
            st.Page("pages/tuning.py", title="Tuning"),
            st.Page("pages/pipeline.py", title="Pipeline"),
            st.Page("pages/data.py", title="Data"),
        ],
        position="top",
    )
    try:
        m = runtime.monitor()
    except UsageError as error:
        st.error(f"{error.where}: {error.what}", title="The monitor cannot start")
        st.write(error.hint)
        return
    if not stands_instead(m):
        page.run()
