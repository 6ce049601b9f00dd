"""Sessions: who is signed in, since when and from where, and ending them."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from sensormon.access.audit import Change
from sensormon.access.roles import Act
from sensormon.access.sessions import Session
from sensormon.model.format import counted, day_and_time
from sensormon.monitor.monitor import Monitor
from sensormon.ui.acts import allowed, managed, why_not
from sensormon.ui.drawing import panel
from sensormon.ui.glossary import meaning
from sensormon.ui.sections import section_head
from sensormon.ui.viewer import Viewer
from sensormon.ui.who import person
from sensormon.view.access import browser_words, times_column

_SAID = "sessions-said"


def section(m: Monitor, viewer: Viewer) -> None:
    """The live sessions and the buttons that end them. Raises StoreError."""
    section_head(
        "Sessions",
        "People who are signed in now. A session that is ended ends on every open page at once.",
        meaning("session"),
    )
    locked = why_not(m, Act.MANAGE_SESSIONS)
    if said := st.session_state.pop(_SAID, None):
        st.info(said)
    sessions = [] if locked else m.access.sessions.all()
    if not locked:
        _list(m, viewer, sessions)
    left, right = st.columns(2, gap="medium")
    with left, panel("session-end", stretch=True):
        _end(m, viewer, sessions)
    with right, panel("session-end-all", stretch=True):
        _end_all(m, sessions)


def _list(m: Monitor, viewer: Viewer, sessions: list[Session]) -> None:
    if not sessions:
        st.caption("Nobody is signed in.")
        return
    own = person(m).session
    time = st.column_config.DatetimeColumn(format="YYYY-MM-DD HH:mm:ss", timezone=viewer.zone_name)
    st.dataframe(
        pd.DataFrame(
            {
                "Name": [session.name for session in sessions],
                "": ["this session" if session.key == own else "" for session in sessions],
                "Signed in by": [str(session.way) for session in sessions],
                "Since": times_column([session.started for session in sessions]),
                "Last used": times_column([session.used for session in sessions]),
                "From": [session.address for session in sessions],
                "Browser": [browser_words(session.browser) for session in sessions],
            }
        ),
        hide_index=True,
        key="sessions",
        alt=counted(len(sessions), "session"),
        height=min(38 + 35 * len(sessions), 388),
        column_config={"Since": time, "Last used": time},
    )


def _end(m: Monitor, viewer: Viewer, sessions: list[Session]) -> None:
    field = allowed(m, Act.MANAGE_SESSIONS, disabled=not sessions)
    by_key = {session.key: session for session in sessions}

    def words(key: str) -> str:
        session = by_key[key]
        where = f"{browser_words(session.browser)}, {session.address or 'unknown address'}"
        return f"{session.name}, since {day_and_time(session.started, viewer.zone)}, {where}"

    st.markdown("**End a session**")
    key = st.selectbox(
        "Session",
        list(by_key),
        None,
        format_func=words,
        key="session-chosen",
        placeholder="Choose a session",
        **field,
    )
    name = by_key[key].name if key in by_key else ""
    change = Change(Act.MANAGE_SESSIONS, f"session of {name}", "live", "ended")
    chosen = allowed(m, Act.MANAGE_SESSIONS, disabled=not name)
    if st.button("End the session", key="session-end", **chosen) and managed(
        m, change, lambda by: m.access.sessions.end(by, key or ""), "Session not ended"
    ):
        _done(f"A session of {name} was ended.")


def _end_all(m: Monitor, sessions: list[Session]) -> None:
    field = allowed(m, Act.MANAGE_SESSIONS, disabled=not sessions)
    st.markdown("**End all sessions of a person**")
    names = sorted({session.name for session in sessions})
    name = (
        st.selectbox("Person", names, None, key="session-person", placeholder="Choose a person", **field)
        or ""
    )
    change = Change(Act.MANAGE_SESSIONS, f"all sessions of {name}", "live", "ended")
    chosen = allowed(m, Act.MANAGE_SESSIONS, disabled=not name)
    if st.button("End all", key="session-end-all", **chosen) and managed(
        m, change, lambda by: m.access.sessions.end_all(by, name), "Sessions not ended"
    ):
        _done(f"All sessions of {name} were ended.")


def _done(words: str) -> None:
    st.session_state[_SAID] = words
    st.rerun()
