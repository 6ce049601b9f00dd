"""Sources: the plant's named sources, how each is, and the way to add, test, change and remove them."""

from __future__ import annotations

import streamlit as st

from sensormon.access.roles import Act
from sensormon.monitor.monitor import Monitor
from sensormon.ui.acts import why_not
from sensormon.ui.source_editor import choose_kind, editor
from sensormon.ui.source_file import known, say_problem
from sensormon.ui.source_list import source_list
from sensormon.ui.source_open import opened
from sensormon.ui.source_text import text_of_the_file
from sensormon.ui.viewer import Viewer


def section(m: Monitor, viewer: Viewer) -> None:
    """The list, or the source that is open."""
    now = known(m)
    say_problem(now)
    locked = why_not(m, Act.MANAGE_SOURCES)
    shown = None if locked or now.draft is None else opened(now.config)
    if shown is None:
        st.subheader("Sources", anchor=False)
        source_list(m, viewer, now)
        if not locked:
            text_of_the_file(m, now)
    elif not shown.kind:
        choose_kind()
    else:
        editor(m, viewer, now, shown)
