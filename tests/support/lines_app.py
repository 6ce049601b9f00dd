"""The app with the small kind of source of `tests.support.lines`. For tests of its page in a browser."""

from __future__ import annotations

import streamlit as st
from streamlit.runtime.pages_manager import PagesManager

from sensormon.api import server
from tests.support.lines import register
from tests.support.server import ROOT

PagesManager.uses_pages_directory = False
register()
server.build_or_exit()
app = st.App(
    ROOT / "app.py",
    lifespan=server.lifespan(port=lambda: st.get_option("server.port")),
    middleware=server.middleware(),
    exception_handlers=server.exception_handlers(),
)
