"""Changes in a person's name: the field that asks for it, and its use.

A session asks once: the next form is filled with the name given before.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import streamlit as st

from sensormon.model.errors import SensormonError
from sensormon.model.text import LONGEST_NAME
from sensormon.ui.drawing import not_done

_WHO = "who"


def signer() -> str:
    """The name that was given before in this session; empty if none was."""
    return str(st.session_state.get(_WHO, ""))


def name_field(key: str, *, required: bool = True, width: int | Literal["stretch"] = "stretch") -> str:
    """The field for the viewer's name, inside a form; if `required` the form cannot be sent without it."""
    who = st.text_input(
        "Your name, for the log",
        signer(),
        max_chars=LONGEST_NAME,
        key=key,
        required=required,
        width=width,
    )
    return who or ""


def signed(who: str, change: Callable[[str], object], problem: str) -> bool:
    """Make the change in this name and remember the name; if it fails, say why under the title `problem`."""
    try:
        change(who)
    except SensormonError as error:
        not_done(error, problem)
        return False
    st.session_state[_WHO] = who.strip()
    return True
