"""Ends what a source waits for in another library when the source is to stop."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_LOOK = 0.1


@contextmanager
def cancelled_by(
    cancel: Callable[[], None], stopping: threading.Event, seconds: float | None = None
) -> Iterator[threading.Event]:
    """`cancel` is called from another thread soon after `stopping` is set, or after this many seconds.

    Gives an event that is set if it was.
    """
    done, cancelled = threading.Event(), threading.Event()

    def watch() -> None:
        waited = 0.0
        while not done.wait(_LOOK):
            waited += _LOOK
            if stopping.is_set() or (seconds is not None and waited >= seconds):
                cancelled.set()
                cancel()
                return

    watcher = threading.Thread(target=watch, name="source watcher", daemon=True)
    watcher.start()
    try:
        yield cancelled
    finally:
        done.set()
        watcher.join()
