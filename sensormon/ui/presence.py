"""Whether the viewer is still there: long work in the run of a page ends when nobody waits for it."""

from __future__ import annotations

import streamlit as st


def still_here() -> None:
    """End this run of the page if its viewer has closed it or asked for another run; call it often.

    Streamlit stops a run only where the run calls it, and reading the session's state is the cheapest call.
    """
    st.session_state.get("still-here")
