"""The frame of every page: its head, its content, and the end of the run, which the URL depends on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sensormon.monitor.runtime import monitor
from sensormon.ui.head import draw_head
from sensormon.ui.url_state import visiting
from sensormon.ui.viewer import Viewer


@contextmanager
def page(title: str) -> Iterator[Viewer]:
    """One run of the page of this title: the head is drawn on entry, the URL settles on exit.

    Streamlit cuts a run off by raising through here; `url_state` explains why the URL is then unsettled.
    """
    with visiting(title):
        yield draw_head(title, monitor())
