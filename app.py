"""`streamlit run app.py`: the collector and the API on one port with the pages.

Streamlit imports this file once as the server's ASGI app and executes it again for each page view.
It finds the app by reading the file, so `st.App` must be assigned here.
"""

from __future__ import annotations

import gc
from importlib import import_module

import streamlit as st
from streamlit.runtime.pages_manager import PagesManager
from streamlit.runtime.scriptrunner import get_script_run_ctx

if get_script_run_ctx(suppress_warning=True) is None:
    # A start makes a quarter of a million objects that stay. Looking through them for garbage meanwhile is a
    # fifth of the start; Streamlit does it after each run of a page, too, for a quarter of a second.
    gc.disable()
    from sensormon.api import server
    from sensormon.model import garbage

    # Until `st.navigation` has run once, Streamlit would take pages/ for its own menu.
    PagesManager.uses_pages_directory = False
    # On Community Cloud settings are secrets; Streamlit makes variables of them only later by itself.
    st.secrets.load_if_toml_exists()
    server.build_or_exit()
    app = st.App(
        __file__,
        lifespan=server.lifespan(
            port=lambda: st.get_option("server.port"),
            afterwards=lambda: import_module("sensormon.ui.preload").preload(),
        ),
        middleware=server.middleware(),
        exception_handlers=server.exception_handlers(),
        secrets=server.secrets_or_exit(),
    )
    garbage.look_seldom()
    gc.enable()
else:
    from sensormon.ui.navigation import show_pages

    show_pages()
