"""`streamlit run app.py`: the ASGI app (collector, API) and the list of pages.

The file is imported once as the server's ASGI module and run again for each page view.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio.to_thread
import streamlit as st
from starlette.middleware import Middleware
from streamlit.runtime.pages_manager import PagesManager
from streamlit.runtime.scriptrunner import get_script_run_ctx

from sensormon.model.errors import UsageError
from sensormon.monitor import runtime


@asynccontextmanager
async def lifespan(_: object) -> AsyncIterator[None]:
    """The collector starts and stops with the server, not with a visitor."""
    await anyio.to_thread.run_sync(start)
    try:
        yield
    finally:
        await anyio.to_thread.run_sync(runtime.stop)


def start() -> None:
    """Start the monitor and say how to write to it."""
    from sensormon.api.auth import Tokens, announcement  # noqa: PLC0415  a page view needs no API

    # A thread that comes back from a sync waits so long for one that computes. At the default of 5 ms
    # a post that takes 1 ms of work takes 20.
    sys.setswitchinterval(0.001)
    monitor = runtime.monitor()
    said = announcement(Tokens.of(monitor.settings), st.get_option("server.port"), monitor.tags)
    sys.stderr.write(f"sensormon: {said}\n")


def show_pages() -> None:
    """The dashboard, once per page view."""
    page = st.navigation(
        [
            st.Page("pages/live.py", title="Live", default=True),
            st.Page("pages/anomalies.py", title="Anomalies"),
            st.Page("pages/explore.py", title="Explore"),
            st.Page("pages/tuning.py", title="Tuning"),
            st.Page("pages/pipeline.py", title="Pipeline"),
            st.Page("pages/data.py", title="Data"),
        ],
        position="top",
    )
    try:
        runtime.monitor()
    except UsageError as error:
        st.error(f"{error.where}: {error.what}", title="The monitor cannot start")
        st.write(error.hint)
        return
    page.run()


if get_script_run_ctx(suppress_warning=True) is None:
    from sensormon.api import make_api
    from sensormon.api.assets import Assets
    from sensormon.api.mount import ApiFirst

    # Until `st.navigation` has run once, Streamlit would take pages/ for its own menu.
    PagesManager.uses_pages_directory = False
    try:
        runtime.build()
    except UsageError as error:
        sys.stderr.write(f"sensormon: {error}\n")
        sys.exit(2)
    app = st.App(
        __file__,
        lifespan=lifespan,
        middleware=[
            Middleware(ApiFirst, api=make_api(), prefix="/api"),
            Middleware(ApiFirst, api=Assets(), prefix="/assets"),
        ],
    )
else:
    show_pages()
