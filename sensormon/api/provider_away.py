"""What people see and the log says while the identity provider cannot be reached.

Streamlit's route answers a bare "Authentication error" and logs a traceback.
"""

from __future__ import annotations

import logging

from sensormon.api import sign_in_page
from sensormon.api.body import Receive, Scope, Send
from sensormon.api.mount import App

LOGIN = "/auth/login"
"""Streamlit's route, which asks the provider for its addresses and sends the browser there."""
_LOG = "streamlit.web.server.starlette.starlette_auth_routes"


class ProviderAway:
    """ASGI middleware in front of Streamlit's app: a page that says so, in place of its error."""

    def __init__(self, app: App) -> None:
        self._app = app
        logging.getLogger(_LOG).addFilter(in_one_line)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != LOGIN:
            await self._app(scope, receive, send)
            return
        failed = False

        async def send_unless_failed(message: Scope) -> None:
            nonlocal failed
            if message["type"] == "http.response.start" and message["status"] >= 400:
                failed = True
            if not failed:
                await send(message)

        await self._app(scope, receive, send_unless_failed)
        if failed:
            await sign_in_page.provider_away()(scope, receive, send)


def in_one_line(record: logging.LogRecord) -> bool:
    """Let a record through, with the error's name and words in place of its traceback."""
    if record.exc_info and record.exc_info[1] is not None:
        error = record.exc_info[1]
        record.msg = f"{record.getMessage()} {type(error).__name__}: {error}"
        record.args, record.exc_info = None, None
    return True
