"""The threads of a monitor, and what two of them run.

The source thread takes what the source has due, the loader thread moves the journal into
the store. A thread that dies is reported on the pages and in /health, and restarted after
1, 2, 4 … 30 s.
"""

from __future__ import annotations

import ctypes
import logging
import threading
from collections.abc import Callable

from sensormon.ingest.collector import Collector
from sensormon.ingest.loader import BACKOFF, Loader
from sensormon.model import timestamps
from sensormon.model.clock import SECOND, Clock
from sensormon.model.errors import JournalError, JournalFull
from sensormon.model.status import SourceState
from sensormon.sources import Source

_log = logging.getLogger(__name__)

_STEADY = 60
"""After running this many seconds a thread's failures are counted from 1 again."""


class ThreadKilled(BaseException):
    """A thread was killed on purpose (`Worker.kill`). No error handler catches it."""


class Worker:
    """A thread that runs until asked to stop. If it dies it is restarted, after a growing delay.

    `failure` says why it is not running now, `last_failure` why it last died.
    """

    def __init__(self, name: str, run: Callable[[threading.Event], None], clock: Clock) -> None:
        self.name = name
        self.failure = ""
        self.last_failure = ""
        self.restarts = 0
        self.stopping = threading.Event()
        self._run = run
        self._clock = clock
        self._thread = threading.Thread(target=self._watch, name=f"sensormon-{name}", daemon=True)

    def start(self) -> None:
        """Begin; does nothing the second time."""
        if self._thread.ident is None:
            self._thread.start()

    def stop(self, seconds: float) -> None:
        """Ask it to stop and wait at most `seconds`."""
        self.stopping.set()
        if self._thread.is_alive():
            self._thread.join(seconds)

    def kill(self) -> None:
        """Raise ThreadKilled in the thread; for failure drills and tests."""
        if self._thread.ident is not None:
            thread, error = ctypes.c_ulong(self._thread.ident), ctypes.py_object(ThreadKilled)
            ctypes.pythonapi.PyThreadState_SetAsyncExc(thread, error)

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def _watch(self) -> None:
        in_a_row = 0
        while not self.stopping.is_set():
            started = self._clock.now()
            try:
                self._run(self.stopping)
                return
            except BaseException as error:  # noqa: BLE001  any error is reported and the work continues
                now = self._clock.now()
                in_a_row = in_a_row + 1 if 0 <= now - started < _STEADY * SECOND else 1
                wait = BACKOFF[min(in_a_row, len(BACKOFF)) - 1]
                what = f"The {self.name} stopped: {type(error).__name__}: {error}".rstrip(": ")
                _log.exception("the %s stopped, it is started again in %g s", self.name, wait)
                self.last_failure = f"{timestamps.render(now)} {what}"
                self.failure = f"{what}. It is started again in {wait:g} s"
            self._clock.wait(self.stopping, wait)
            self.restarts += 1
            self.failure = ""


def run_source(source: Source, collector: Collector, clock: Clock, stopping: threading.Event) -> SourceState:
    """Take what the source has due, until `stopping` is set or it has come to its end."""
    while not stopping.is_set():
        now = clock.now()
        due = source.due(now)
        if due is None:
            return SourceState.FINISHED
        if clock.wait(stopping, (due - now) / SECOND):
            break
        batch = source.read(clock.now())
        if not len(batch) and not batch.injected:
            continue
        try:
            collector.submit(batch)
        except JournalFull as error:
            _log.warning("%s", error)
            clock.wait(stopping, 1.0)
        except JournalError as error:
            _log.error("%s", error)
    return SourceState.STOPPED


def run_loader(
    loader: Loader, clock: Clock, stopping: threading.Event, after_step: Callable[[], None]
) -> None:
    """Step the loader until `stopping` is set; call `after_step` after each step."""
    loader.begin()
    while not stopping.is_set():
        seconds = loader.step()
        after_step()
        clock.wait(stopping, seconds)
