"""The frame of every page: its head, its content, and the end of the run, which the URL depends on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from sensormon.access.roles import Role
from sensormon.monitor.runtime import monitor
from sensormon.ui.head import draw_head
from sensormon.ui.url_state import visiting
from sensormon.ui.viewer import Viewer
from sensormon.ui.who import person


@contextmanager
def page(title: str) -> Iterator[Viewer]:
    """One run of the page of this title: the head is drawn on entry, the URL settles on exit.

    Streamlit cuts a run off by raising through here; `url_state` explains why the URL is then unsettled.
    For somebody who has to sign in first nothing is drawn; `navigation` says so instead.
    """
    if person(monitor()).role is Role.NOBODY:
        st.stop()
    with visiting(title):
        yield draw_head(title, monitor())
