"""The server without its pages: collector, API and assets on the dashboard's port.

`streamlit run app.py` builds its ASGI app from these parts. What it is not: a server; Streamlit's
runs it.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import anyio.to_thread
from starlette.middleware import Middleware

from sensormon.api import make_api
from sensormon.api.answer import Answer
from sensormon.api.assets import Assets
from sensormon.api.auth import Tokens, announcement
from sensormon.api.connections import BoundedServer, Connections, most_for_connections, raise_descriptor_limit
from sensormon.api.early import Early
from sensormon.api.ending import end_in_time
from sensormon.api.gate import Gate
from sensormon.api.hosts import Hosts, KnownHosts, MachineNames
from sensormon.api.mount import ApiFirst
from sensormon.api.oidc import secrets_for
from sensormon.api.origins import SameOrigin
from sensormon.api.peer import TruePeer
from sensormon.api.provider_away import ProviderAway
from sensormon.api.provider_cookie import visit_with_claims
from sensormon.api.security_headers import SecurityHeaders, faults_answered, security_headers
from sensormon.api.sign_in import SignIn
from sensormon.api.visitor import visit_of
from sensormon.intake import named_sources
from sensormon.model.errors import JournalError, StoreNewer, UsageError
from sensormon.monitor import runtime
from sensormon.monitor.monitor import Monitor
from sensormon.notify import notifications
from sensormon.notify.answering import Answering, answering_of
from sensormon.outputs import outputs
from sensormon.reports import sending

AFTER = 2.0
"""Seconds from the start of the collector to what can wait until it runs."""
SWITCH_INTERVAL = 0.001
"""How long (s) a thread returning from a sync waits for one that computes.

At Python's default of 5 ms a write that takes 1 ms of work takes 20.
"""


def build_or_exit() -> None:
    """Build the monitor of this process; if that cannot be, report it in one line and exit (2).

    Wrong are settings, the token, a journal that cannot be read, or a newer version's journal or store.
    """
    runtime.accompany(notifications.accompany)
    runtime.accompany(named_sources.accompany)
    runtime.accompany(outputs.accompany)
    runtime.accompany(sending.accompany)
    try:
        Tokens.of(runtime.build().settings)
    except (UsageError, JournalError, StoreNewer) as error:
        sys.stderr.write(f"sensormon: {error}\n")
        sys.exit(2)


def middleware() -> list[Middleware]:
    """What every request passes, the API, the assets, answers and signing in, in front of Streamlit's own.

    The headers come first, so that refusals have them too. Needs the monitor to be built.
    """
    settings = runtime.build().settings
    visit = visit_with_claims if settings.access == "oidc" else visit_of
    base = urlsplit(settings.url).hostname  # links in messages lead here
    hosts = Hosts([*settings.hosts, *([base] if base else [])], MachineNames())
    provided = [Middleware(ProviderAway)] if settings.access == "oidc" else []
    return [
        Middleware(BoundedServer, connections=_connections),
        Middleware(SecurityHeaders, headers=security_headers()),
        Middleware(KnownHosts, hosts=hosts),
        Middleware(SameOrigin),
        Middleware(TruePeer),
        Middleware(ApiFirst, api=make_api(visit=visit), prefix="/api"),
        Middleware(ApiFirst, api=Assets(), prefix="/assets"),
        Middleware(Answer, monitor=runtime.monitor, answering=_answering),
        Middleware(SignIn, monitor=runtime.monitor, visit=visit),
        Middleware(Gate, monitor=runtime.monitor, visit=visit),
        Middleware(Early),
        *provided,
    ]


def _answering(monitor: Monitor) -> Answering:
    """Answers over the messages that this monitor's notifications know."""
    kept = notifications.notifications_of(monitor)
    return answering_of(monitor, kept.documents, lambda key: kept.outbox.messages().get(key))


def secrets_or_exit() -> dict[str, Any] | None:
    """What Streamlit needs to sign people in, if the settings want it; ends like `build_or_exit`."""
    try:
        return secrets_for(runtime.build().settings)
    except UsageError as error:
        sys.stderr.write(f"sensormon: {error}\n")
        sys.exit(2)


def exception_handlers() -> dict[Any, Any]:
    """What Streamlit's app answers if one of its own routes fails."""
    return {Exception: faults_answered(security_headers())}


def lifespan(
    port: Callable[[], int], afterwards: Callable[[], None] = lambda: None
) -> Callable[[object], AbstractAsyncContextManager[None]]:
    """Starts and stops the collector with the server, independent of visitors; `port` is the server's.

    `afterwards` is called in a thread of its own once the collector has run for `AFTER` seconds.
    """

    @asynccontextmanager
    async def running(_: object) -> AsyncIterator[None]:
        await anyio.to_thread.run_sync(_start, port)
        end_in_time(runtime.end)
        timer = threading.Timer(AFTER, afterwards)
        timer.daemon = True  # the end of the process does not wait for it
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            await anyio.to_thread.run_sync(runtime.end)

    return running


def _start(port: Callable[[], int]) -> None:
    """Start the monitor and log how to write to it."""
    sys.setswitchinterval(SWITCH_INTERVAL)
    monitor = runtime.monitor()
    tokens = Tokens.of(monitor.settings)
    text = announcement(tokens, port(), monitor.tags, monitor.access)
    sys.stderr.write(f"sensormon: {text}\n")


def _connections() -> Connections:
    return Connections(most_for_connections(raise_descriptor_limit()), time.monotonic)
