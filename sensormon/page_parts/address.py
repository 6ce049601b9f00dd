"""State of a view that no widget binds, kept in the address: the moment, the chosen events, a stretch.

The address leads: what a link or the browser's Back brings is taken over.
"""

from __future__ import annotations

import streamlit as st

_KEY = "address"


def held(name: str) -> str:
    """What the view holds under this name; empty where there is nothing."""
    kept: dict[str, tuple[str, str]] = st.session_state.setdefault(_KEY, {})
    there = st.query_params.get(name, "")
    value, written = kept.get(name, ("", ""))
    if there != written:
        kept[name] = (value, written) = (there, there)
    return value


def hold(name: str, value: str, written: str | None = None) -> None:
    """Keep the value, and write it there (`written` where it is too long for that); empty takes it out."""
    there = value if written is None else written
    st.session_state.setdefault(_KEY, {})[name] = (value, there)
    if there:
        st.query_params[name] = there
    elif name in st.query_params:
        del st.query_params[name]
