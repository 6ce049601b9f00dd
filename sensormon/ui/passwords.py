"""Password fields: what is typed there is used in the run that sends it and kept nowhere.

A form that holds nothing else clears itself when it is sent. One that keeps its other fields has
`hand_over` as the callback of its button: that empties the password's field alone.
"""

from __future__ import annotations

import streamlit as st

from sensormon.access.passwords import LONGEST, SHORTEST

HINT = f"{SHORTEST} characters or more; four random words are easy to remember."


def password_field(label: str, key: str, *, new: bool, disabled: bool = False) -> str:
    """A field for a password inside a form; the session forgets what was typed at once.

    `new` tells the browser's password manager which one is asked for.
    """
    typed = st.text_input(
        label,
        type="password",
        key=key,
        max_chars=LONGEST,
        autocomplete="new-password" if new else "current-password",
        help=HINT if new else None,
        disabled=disabled,
    )
    if typed:
        del st.session_state[key]
    return typed or ""


def hand_over(key: str) -> None:
    """Empty the field of this key, and keep what was typed there for `handed_over` in the same run."""
    st.session_state[_handed(key)] = st.session_state.get(key, "")
    st.session_state[key] = ""


def handed_over(key: str) -> str:
    """What was typed in the field of this key, if its form was just sent; the session forgets it."""
    return str(st.session_state.pop(_handed(key), ""))


def _handed(key: str) -> str:
    return f"{key}-handed-over"
