"""The menu, and the page that a viewer chose from it."""

from __future__ import annotations

from typing import Literal

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from sensormon.model.errors import SignInRefused, StoreError, UsageError
from sensormon.monitor import runtime
from sensormon.monitor.monitor import Monitor
from sensormon.ui.run_turns import turn
from sensormon.ui.sign_in import draw_sign_in, must_sign_in
from sensormon.ui.views_menu import open_home


def show_pages() -> None:
    """Show the chosen page, or how to sign in, or why the monitor cannot start. Runs once per page view."""
    try:
        m = runtime.monitor()
    except UsageError as error:
        _menu("top")
        st.error(f"{error.where}: {error.what}", title="The monitor cannot start")
        st.write(error.hint)
        return
    try:
        is_stranger = must_sign_in(m)
    except (StoreError, SignInRefused) as error:
        _menu("hidden")
        st.error(f"{error.what}. {error.hint}", title="Nobody can be recognised now")
        _once_readable(m)
        return
    if is_stranger:
        _menu("hidden")
        draw_sign_in(m)
        return
    page = _menu("top")
    open_home(m, page.url_path)
    with turn():
        page.run()


def _menu(position: Literal["top", "hidden"]) -> StreamlitPage:
    return st.navigation(
        [
            st.Page("pages/live.py", title="Live", default=True),
            st.Page("pages/boards.py", title="Boards"),
            st.Page("pages/anomalies.py", title="Anomalies"),
            st.Page("pages/explore.py", title="Explore"),
            st.Page("pages/tuning.py", title="Tuning"),
            st.Page("pages/pipeline.py", title="Pipeline"),
            st.Page("pages/data.py", title="Data"),
            st.Page("pages/notifications.py", title="Notifications"),
            st.Page("pages/access.py", title="Access"),
        ],
        position=position,
    )


@st.fragment(run_every=3)
def _once_readable(m: Monitor) -> None:
    """Draw the page once accounts can be read again."""
    try:
        must_sign_in(m)
    except (StoreError, SignInRefused):
        return
    st.rerun()
