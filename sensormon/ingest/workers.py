"""The threads of a monitor, and what two of them run.

The source thread takes what the source has due, the loader thread moves the journal into
the store. A thread that dies is reported on the pages and in /health, and another takes its
place after 1, 2, 4 … 30 s.
"""

from __future__ import annotations

import ctypes
import logging
import queue
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress

from sensormon.ingest.collector import Collector
from sensormon.ingest.loader import BACKOFF, Loader
from sensormon.model import timestamps
from sensormon.model.clock import SECOND, Clock
from sensormon.model.errors import JournalError
from sensormon.model.status import SourceState
from sensormon.sources import Source

_log = logging.getLogger(__name__)

_STEADY = 60
"""After running this many seconds a thread's failures are counted from 1 again."""

Work = Callable[[threading.Event], None]
"""What a worker does until the event is set. Only the thread that works may wait on the event."""


class ThreadKilled(BaseException):
    """A thread was killed on purpose (`Worker.kill`). No error handler catches it."""


class Worker:
    """Work that goes on until it is asked to stop. If its thread dies, a new one begins after a delay.

    A second thread supervises: it starts each attempt and waits for its end. Only attempts can be
    killed, so no order of deaths ends the supervision.

    `failure` says why nothing works now, `last_failure` why an attempt last died; `restarts` is
    counted before the new attempt begins.
    """

    def __init__(self, name: str, run: Work, clock: Clock) -> None:
        self.name = name
        self.failure = ""
        self.last_failure = ""
        self.restarts = 0
        self._run = run
        self._clock = clock
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._attempt: _Attempt | None = None
        self._supervisor = threading.Thread(
            target=self._supervise, name=f"sensormon-{name}-supervisor", daemon=True
        )

    def start(self) -> None:
        """Begin; does nothing the second time."""
        if self._supervisor.ident is None:
            self._supervisor.start()

    def stop(self, seconds: float) -> None:
        """Ask it to stop and wait at most `seconds`."""
        with self._lock:
            self._stopping.set()
            if self._attempt is not None:
                self._attempt.ending.set()
        if self._supervisor.is_alive():
            self._supervisor.join(seconds)

    def kill(self) -> int:
        """Kill the thread that works now; for failure drills and tests.

        Returns what `restarts` will be once another has taken its place, or 0 if no thread is at
        work that could be killed: it is starting, dying, killed already, or waiting to be started again.
        """
        with self._lock:
            attempt = self._attempt
        return attempt.number + 1 if attempt is not None and attempt.kill() else 0

    @property
    def alive(self) -> bool:
        """Whether it works, or will again by itself."""
        return self._supervisor.is_alive()

    def _supervise(self) -> None:
        in_a_row = 0
        while (attempt := self._next()) is not None:
            started = self._clock.now()
            attempt.carry_out()
            if not attempt.death:
                break
            now = self._clock.now()
            in_a_row = in_a_row + 1 if 0 <= now - started < _STEADY * SECOND else 1
            wait = BACKOFF[min(in_a_row, len(BACKOFF)) - 1]
            what = f"The {self.name} stopped: {attempt.death}"
            _log.error("the %s stopped, it is started again in %g s\n%s", self.name, wait, attempt.trace)
            self.last_failure = f"{timestamps.render(now)} {what}"
            self.failure = f"{what}. It is started again in {wait:g} s"
            self._clock.wait(self._stopping, wait)
        self.failure = ""

    def _next(self) -> _Attempt | None:
        """The next attempt, which counts as a restart unless it is the first; None if asked to stop."""
        with self._lock:
            if self._stopping.is_set():
                return None
            self.restarts += self._attempt is not None
            self.failure = ""
            self._attempt = _Attempt(f"sensormon-{self.name}", self._run, self.restarts)
            return self._attempt


class _Attempt:
    """One life of a worker, in a thread of its own; it ends once, and can be killed once.

    A thread is killed by its identifier, which the system gives to another as soon as the thread
    has ended. So `kill` holds a lock without which the thread cannot end. Since at most one
    exception comes from outside, `_work` has to catch at most one on its way to that lock.
    """

    def __init__(self, name: str, run: Work, number: int) -> None:
        self.number = number
        self.ending = _Ending()
        self.death = ""  # type and message of what ended it; empty if it came to its end
        self.trace = ""
        self._run = run
        self._lock = threading.Lock()
        self._at_work = False
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)

    def carry_out(self) -> None:
        """Do the work and return at its end, whatever that is."""
        try:
            self._thread.start()
        except RuntimeError as error:  # the system has no more threads to give
            self._die(error)
            return
        self._thread.join()

    def kill(self) -> bool:
        """Raise ThreadKilled in the thread; False if it is not at work, or was killed already."""
        with self._lock:
            if not self._at_work or self.ending.killed:
                return False
            self.ending.kill()
            _raise_in(self._thread, ThreadKilled)
            return True

    def _work(self) -> None:
        try:
            try:
                self._at_work = True
                self._run(self.ending)
            except BaseException as error:  # noqa: BLE001  any error is reported and the work continues
                self._die(error)
            with self._lock:
                self._at_work = False
        except BaseException as error:  # noqa: BLE001  killed between its end and the lock
            self.death = self.death or type(error).__name__
            with self._lock:
                self._at_work = False

    def _die(self, error: BaseException) -> None:
        """Note the error as text: kept itself, it would keep what the work held, a database or a lock."""
        self.death = f"{type(error).__name__}: {error}".rstrip(": ")
        self.trace = "".join(traceback.format_exception(error)).rstrip()
        traceback.clear_frames(error.__traceback__)


class _Ending(threading.Event):
    """Asks an attempt to end. Once the attempt is killed, looking at it raises ThreadKilled too.

    An exception from outside is lost if it falls into a destructor; then the next look ends the
    attempt. It may also fall into the wait itself, and a `threading.Event` could then keep its lock
    for good and hang whoever sets it. So this one is built from steps that cannot be interrupted.
    """

    def __init__(self) -> None:
        super().__init__()
        self.killed = False
        self._asked = False
        self._calls = queue.SimpleQueue[None]()

    def set(self) -> None:
        """Ask it to end."""
        self._asked = True
        self._calls.put(None)

    def kill(self) -> None:
        """Note that it was killed, and end its wait."""
        self.killed = True
        self._calls.put(None)

    def is_set(self) -> bool:
        """Whether it was asked to end. Raises ThreadKilled."""
        if self.killed:
            raise ThreadKilled
        return self._asked

    def wait(self, timeout: float | None = None) -> bool:
        """Wait at most `timeout` seconds until it is asked to end; whether it was. Raises ThreadKilled."""
        if not self.is_set():
            with suppress(queue.Empty):
                self._calls.get(timeout=timeout)
        return self.is_set()


def _raise_in(thread: threading.Thread, error: type[BaseException]) -> None:
    """Raise this error in the thread, which must be alive, at its next step in Python."""
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident or 0), ctypes.py_object(error))


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
        except JournalError as error:
            _log.warning("%s", error)
            clock.wait(stopping, 1.0)
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
