"""Long work that goes on while people look at other pages: import, export, roll-up, re-scoring.

A job runs in a thread of its own, reports its progress and stops at the next step after somebody
cancels it. The work is a function that takes a `Progress` and calls `step` often.

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
"""Number of finished jobs kept; older ones are dropped with their results."""


class Cancelled(Exception):
    """Raised by `Progress.step` once somebody has cancelled; the work may tidy up and let it pass."""


class Progress:
    """How far a job is; written by its thread, read by pages."""

    def __init__(self) -> None:
        self.share: float | None = None
        self.words = ""
        self.waiting = ""
        self._cancelled = threading.Event()

    def step(self, words: str, done: float = 0.0, whole: float = 0.0) -> None:
        """Report progress: `done` of `whole`, or unknown if `whole` is 0. Raises Cancelled."""
        self.words, self.waiting = words, ""
        self.share = min(1.0, max(0.0, done / whole)) if whole > 0 else None
        if self._cancelled.is_set():
            raise Cancelled

    def wait_for(self, words: str) -> None:
        """Report what the work waits for. Raises Cancelled."""
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
        """Begin this work. Raises UsageError if it must be `alone` and work of its kind runs already."""
        with self._lock:
            if self._closed:
                raise UsageError("the monitor is stopping", where=title, hint="Try again once it has started")
            if alone and any(job.running and job.kind == kind for job in self._jobs):
                raise UsageError(
                    "work of this kind is already running", where=title, hint="Wait for it, or cancel it"
                )
            job = Job(next(self._ids), kind, title, self._clock.now())
            running = [earlier for earlier in self._jobs if earlier.running]
            ended = [earlier for earlier in self._jobs if not earlier.running]
            self._jobs = sorted(running + ended[-KEPT + 1 :], key=lambda earlier: earlier.id)
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
            return [job for job in reversed(self._jobs) if job.kind == kind]

    def find(self, number: int) -> Job | None:
        """The job with this id; None if it is forgotten."""
        with self._lock:
            return next((job for job in self._jobs if job.id == number), None)

    def wait(self, job: Job, seconds: float) -> bool:
        """Wait at most `seconds` for the end of a job; True if it has ended."""
        thread = self._threads.get(job.id)
        if thread is not None:
            thread.join(seconds)
        return not job.running

    def close(self, seconds: float) -> None:
        """Cancel running jobs, refuse new ones, and wait at most `seconds` for the end."""
        with self._lock:
            self._closed = True
            running = [job for job in self._jobs if job.running]
        for job in running:
            job.progress.cancel()
        for job in running:
            self.wait(job, seconds / len(running))

    def _run(self, job: Job, work: Callable[[Progress], Any]) -> None:
        try:
            job.result = work(job.progress)
        except Cancelled:
            job.cancelled = True
        except SensormonError as error:
            job.problem = error
        except BaseException as error:  # noqa: BLE001  the job's thread must not die unseen: the page and the log show it
            _log.exception("%s stopped", job.title)
            job.problem = SensormonError(
                f"it stopped: {type(error).__name__}: {error}".rstrip(": "),
                where=job.title,
                hint="Report it; the log has more",
            )
        finally:
            job.ended = self._clock.now()
            self._threads.pop(job.id, None)
