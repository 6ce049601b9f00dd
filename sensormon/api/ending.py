"""The end of the process: within `SECONDS` of a signal, whatever its clients do.

Uvicorn waits without a limit for open requests before it stops the app, and the interpreter for
threads that still compute. So a thread of our own stops the monitor if the server has not come to it
`GRACE` seconds after the signal, and ends the process if it is still there `REST` seconds after the
monitor has stopped, or at the latest `SECONDS` after the signal. Clients that are still being served
then lose their connection.

Nothing that was acknowledged is lost even if the monitor could not be stopped in time (a disk that
hangs): it is in the journal, from which the next start goes on.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType

SECONDS = 2.5
GRACE = 0.4
"""Seconds for requests that are being answered."""
REST = 0.2
"""Seconds for the interpreter to end by itself."""

Handler = Callable[[int, FrameType | None], object]


def end_in_time(stop: Callable[[], None]) -> None:
    """From now on, a SIGTERM or SIGINT ends this process in time; `stop` stops the monitor, once.

    Call it in the main thread once the server has its own handlers, which go on to be called;
    elsewhere it does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    begun = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        before = signal.getsignal(number)
        if callable(before):
            signal.signal(number, _handler(before, begun, stop))


def _handler(before: Handler, begun: threading.Event, stop: Callable[[], None]) -> Handler:
    def handle(number: int, frame: FrameType | None) -> None:
        if not begun.is_set():
            begun.set()
            threading.Thread(target=_end, args=(stop,), name="sensormon-end", daemon=True).start()
        before(number, frame)

    return handle


def _end(stop: Callable[[], None]) -> None:
    stopped = threading.Event()

    def stop_monitor() -> None:
        stop()
        stopped.set()

    never = threading.Event()
    never.wait(GRACE)
    threading.Thread(target=stop_monitor, name="sensormon-stop", daemon=True).start()
    if stopped.wait(SECONDS - GRACE - REST):
        never.wait(REST)
        os._exit(0)
    line = "sensormon: the monitor could not be stopped in time; the next start goes on from its journal\n"
    threading.Thread(target=sys.stderr.write, args=(line,), daemon=True).start()  # it may block
    never.wait(REST)
    os._exit(1)
