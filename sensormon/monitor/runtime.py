"""The one monitor of this process, which survives Streamlit's reloads and cleared caches.

Streamlit drops the package's modules and imports them again when a file changes, so a
module variable would exist twice. The registry is a module object under a name without a
file, which nothing ever drops.
"""

from __future__ import annotations

import os
import secrets
import sys
import threading
from collections.abc import Callable
from types import ModuleType
from typing import Any

from sensormon.model.errors import UsageError
from sensormon.model.settings import read_settings
from sensormon.monitor.monitor import Monitor

_REGISTRY = "_sensormon_of_this_process"


def build() -> Monitor:
    """The monitor of this process; made from the environment at the first call, not started.

    Raises UsageError if the settings, the tags, the source or the data folder are wrong, and after `end`.
    """
    registry = _registry()
    with registry.lock:
        if registry.ending:
            raise UsageError("the monitor has stopped", where="sensormon", hint="Start it again")
        if registry.monitor is None:
            registry.monitor = Monitor(read_settings(os.environ))
            for accompany in registry.companions:
                accompany(registry.monitor)
        built: Monitor = registry.monitor
        return built


def accompany(companion: Callable[[Monitor], None]) -> None:
    """Let this give every monitor that is made from now on its threads; see `Monitor.accompany`.

    For rooms that the monitor does not know. A second call with the same does nothing.
    """
    registry = _registry()
    with registry.lock:
        if companion not in registry.companions:
            registry.companions.append(companion)


def monitor() -> Monitor:
    """The running monitor; made and started at the first call. Raises like `build`."""
    registry = _registry()
    running: Monitor | None = registry.running
    if running is not None:  # every request and every run of a page asks: they must not wait for each other
        return running
    with registry.lock:
        built = build()
        if not registry.adopted:
            built.start()
        registry.running = built
        return built


def stop() -> None:
    """Stop the running monitor, if there is one; a later call of `monitor` makes a new one."""
    registry = _registry()
    with registry.lock:
        running, registry.monitor, registry.adopted, registry.running = registry.monitor, None, False, None
        if running is not None:
            running.stop()


def end() -> None:
    """Stop the running monitor for good: the process ends, and a late request must not start another.

    A second call does nothing; it returns once the monitor has stopped.
    """
    registry = _registry()
    with registry.lock:
        registry.ending = True
        stop()


def adopt(running: Monitor) -> None:
    """Install this monitor as that of the process; for programs and tests that build their own."""
    registry = _registry()
    with registry.lock:
        registry.monitor, registry.adopted, registry.running = running, True, None


def page_key() -> str:
    """The key with which the pages' own components read their feed; a new one at each start.

    Anyone who can open a page has it: the routes of a page are as open as the page.
    """
    key: str = _registry().page_key
    return key


def _registry() -> Any:
    known = sys.modules.get(_REGISTRY)
    if known is not None:
        return known
    registry = ModuleType(_REGISTRY)
    vars(registry).update(
        lock=threading.RLock(),
        monitor=None,
        running=None,
        companions=[],
        adopted=False,
        ending=False,
        page_key=secrets.token_urlsafe(24),
    )
    return sys.modules.setdefault(_REGISTRY, registry)
