"""Long work that goes on while people look at other pages: import, export, roll-up, re-scoring.

A job runs in a thread of its own, says how far it is and stops at the next step once it is
asked to. Work is a generator function's body: it gets a `Progress` and calls `step` often.

What it is not: durable. A job ends with the process; each kind of work says what is left then.
"""

from __future__ import annotations

import itertools
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sensormon.model.clock import Clock
from sensormon.model.errors import SensormonError, UsageError

_log = logging.getLogger(__name__)

KEPT = 20
"""Finished jobs remembered; the oldest are forgotten with their results."""


class Cancelled(Exception):
    """Raised by `Progress.step` once somebody has cancelled; the work may tidy up and let it pass."""


class Progress:
    """What a job says of itself; written by its thread, read by pages."""

    def __init__(self) -> None:
        self.share: float | None = None
        self.words = ""
        self.waiting = ""
        self._cancelled = threading.Event()

    def step(self, words: str, done: float = 0.0, whole: float = 0.0) -> None:
        """Say how far the work is: `done` of `whole`, unknown where `whole` is 0. Raises Cancelled."""
        self.words, self.waiting = words, ""
        self.share = min(1.0, max(0.0, done / whole)) if whole > 0 else None
        if self._cancelled.is_set():
            raise Cancelled

    def wait_for(self, words: str) -> None:
        """Say what is waited for, beside how far the work is. Raises Cancelled."""
        self.waiting = words
        if self._cancelled.is_set():
            raise Cancelled

    def cancel(self) -> None:
        """Have the next `step` raise."""
        self._cancelled.set()

    @property
    def cancelling(self) -> bool:
        return self._cancelled.is_set()


@dataclass(eq=False)
class Job:
    """One piece of long work. `ended` is µs UTC; `result` is what the work returned."""

    id: int
    kind: str
    title: str
    started: int
    progress: Progress = field(default_factory=Progress)
    ended: int | None = None
    result: Any = None
    problem: SensormonError | None = None
    cancelled: bool = False

    @property
    def running(self) -> bool:
        return self.ended is None


class Jobs:
    """The jobs of one monitor, newest last."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._jobs: list[Job] = []
        self._threads: dict[int, threading.Thread] = {}
        self._ids = itertools.count(1)
        self._closed = False

    def start(self, kind: str, title: str, work: Callable[[Progress], Any], *, alone: bool = True) -> Job:
        """Begin this work. Raises UsageError where work of the same kind runs that must be `alone`."""
        with self._lock:
            if self._closed:
                raise UsageError("the monitor is stopping", where=title, hint="Try again once it has started")
            if alone and any(one.running and one.kind == kind for one in self._jobs):
                raise UsageError(
                    "the same kind of work is going on", where=title, hint="Wait for it, or cancel it"
                )
            job = Job(next(self._ids), kind, title, self._clock.now())
            self._jobs = [one for one in self._jobs if one.running] + [
                one for one in self._jobs if not one.running
            ][-KEPT + 1 :]
            self._jobs.sort(key=lambda one: one.id)
            self._jobs.append(job)
            thread = threading.Thread(
                target=self._run, args=(job, work), name=f"sensormon-job-{job.id}", daemon=True
            )
            self._threads[job.id] = thread
            thread.start()
        return job

    def of(self, kind: str) -> list[Job]:
        """The jobs of this kind, newest first."""
        with self._lock:
            return [one for one in reversed(self._jobs) if one.kind == kind]

    def find(self, number: int) -> Job | None:
        """The job with this id; None where it is forgotten."""
        with self._lock:
            return next((one for one in self._jobs if one.id == number), None)

    def wait(self, job: Job, seconds: float) -> bool:
        """Wait for the end of a job, `seconds` at most; True where it has ended."""
        thread = self._threads.get(job.id)
        if thread is not None:
            thread.join(seconds)
        return not job.running

    def close(self, seconds: float) -> None:
        """Cancel what runs, take nothing more, and wait so long for it at the most."""
        with self._lock:
            self._closed = True
            running = [one for one in self._jobs if one.running]
        for one in running:
            one.progress.cancel()
        for one in running:
            self.wait(one, seconds / len(running))

    def _run(self, job: Job, work: Callable[[Progress], Any]) -> None:
        try:
            job.result = work(job.progress)
        except Cancelled:
            job.cancelled = True
        except SensormonError as error:
            job.problem = error
        except BaseException as error:  # noqa: BLE001  whatever it is, it is on the screen and in the log
            _log.exception("%s stopped", job.title)
            job.problem = SensormonError(
                f"it stopped: {type(error).__name__}: {error}".rstrip(": "),
                where=job.title,
                hint="Report it; the log has more",
            )
        finally:
            job.ended = self._clock.now()
            self._threads.pop(job.id, None)
