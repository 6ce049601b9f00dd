"""Parts of a page that run by themselves: fragments and dialogs.

Streamlit runs such a part without the page around it, and so without the question who is at it. Here
each part asks first; once somebody has to sign in, the whole page runs instead, which says so.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import streamlit as st

from sensormon.model.errors import SignInRefused, StoreError
from sensormon.monitor import runtime
from sensormon.ui.run_turns import turn
from sensormon.ui.sign_in import must_sign_in

Part = Callable[..., None]


def fragment(draw: Part, run_every: float | None = None) -> Part:
    """`draw` as a fragment that runs again by itself every `run_every` seconds, if given."""
    return st.fragment(_asked(draw), run_every=run_every)


def every(seconds: float) -> Callable[[Part], Part]:
    """The decorator of a fragment that runs again at this interval, in seconds."""
    return lambda draw: fragment(draw, seconds)


def dialog(title: str, **options: Any) -> Callable[[Part], Part]:
    """The decorator of a dialog; the options are those of `st.dialog`."""
    return lambda draw: st.dialog(title, **options)(_asked(draw))


def _asked(draw: Part) -> Part:
    @wraps(draw)
    def asked(*given: Any, **named: Any) -> None:
        try:
            is_stranger = must_sign_in(runtime.monitor())
        except (StoreError, SignInRefused):
            is_stranger = True
        if is_stranger:
            st.rerun()
        with turn():
            draw(*given, **named)

    return asked
