"""Password fields: what is typed there is used in the run that sends it and kept nowhere."""

from __future__ import annotations

import streamlit as st

from sensormon.access.passwords import LONGEST, SHORTEST

HINT = f"{SHORTEST} characters or more; four random words are easy to remember."


def password_field(label: str, key: str, *, new: bool, disabled: bool = False) -> str:
    """A field for a password inside a form with `clear_on_submit`; the session forgets it at once.

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
