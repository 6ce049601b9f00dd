"""Going to another page of the app, so that one Back returns to the exact address left.

Streamlit's `switch_page` first gives the parameters to the page that is left, as a step of the history there.
So the browser goes by itself (`browser/going.js`), as by a link, but without loading the app again.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from urllib.parse import urlencode

import streamlit as st

from sensormon.ui.component import browser_component

_COUNT = "going"


def address(page: str, parameters: Mapping[str, str] = MappingProxyType({})) -> str:
    """The address of this page, relative to any other; "" is the Live page."""
    query = urlencode(parameters)
    return f"{page or '.'}?{query}" if query else page or "."


def go_to(page: str, parameters: Mapping[str, str] = MappingProxyType({})) -> None:
    """Have the browser go to this page with exactly these parameters; the run goes on meanwhile."""
    count = st.session_state[_COUNT] = st.session_state.get(_COUNT, 0) + 1
    browser_component("going", {"to": address(page, parameters)}, f"going-{count}", height=1)
