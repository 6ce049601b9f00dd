"""The monitor's threads: one that dies is reported and restarts by itself."""

from __future__ import annotations

import threading

import pytest

from sensormon.ingest.workers import ThreadKilled, Worker
from sensormon.model.clock import ManualClock
from sensormon.model.errors import StoreUnavailable


class Noting(ManualClock):
    """A clock that records each requested wait and the worker's failure at that time."""

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[tuple[float, str]] = []
        self.worker: Worker | None = None

    def wait(self, event: threading.Event, seconds: float) -> bool:
        self.waits.append((seconds, self.worker.failure if self.worker else ""))
        return super().wait(event, seconds)


def started(run: object, clock: Noting) -> Worker:
    worker = Worker("loader", run, clock)
    clock.worker = worker
    worker.start()
    return worker


def test_a_dead_thread_restarts_after_1_2_4_seconds_and_is_shown() -> None:
    calls: list[int] = []
    done = threading.Event()

    def run(_: threading.Event) -> None:
        calls.append(1)
        if len(calls) < 9:
            raise OSError("the disk is gone")
        done.set()

    clock = Noting()
    worker = started(run, clock)
    assert done.wait(10)
    worker.stop(10)
    assert [seconds for seconds, _ in clock.waits] == [1, 2, 4, 8, 16, 30, 30, 30]
    assert clock.waits[0][1] == "The loader stopped: OSError: the disk is gone. It is started again in 1 s"
    assert worker.failure == ""
    assert worker.restarts == 8
    assert worker.last_failure.endswith("The loader stopped: OSError: the disk is gone")


def test_a_long_healthy_run_resets_the_restart_delay() -> None:
    calls: list[int] = []
    done = threading.Event()
    clock = Noting()

    def run(_: threading.Event) -> None:
        calls.append(1)
        if len(calls) == 4:
            done.set()
            return
        clock.advance(61 if len(calls) == 3 else 0)
        raise StoreUnavailable("away")

    worker = started(run, clock)
    assert done.wait(10)
    worker.stop(10)
    assert [seconds for seconds, _ in clock.waits] == [1, 2, 1]


def test_a_thread_stopped_on_purpose_is_not_restarted() -> None:
    clock = Noting()
    begun = threading.Event()

    def run(stopping: threading.Event) -> None:
        begun.set()
        stopping.wait(10)
        raise OSError

    worker = started(run, clock)
    assert begun.wait(10)
    worker.stop(10)
    assert not worker.alive
    assert worker.restarts <= 1


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("after", [1, 3])
def test_a_killed_thread_dies_where_it_is_and_comes_back(after: int) -> None:
    begun = threading.Event()
    deaths: list[str] = []

    def run(stopping: threading.Event) -> None:
        begun.set()
        try:
            while not stopping.is_set():
                stopping.wait(0.001)
        except ThreadKilled:
            deaths.append("killed")
            raise

    worker = started(run, Noting())
    for count in range(after):
        assert begun.wait(10)
        begun.clear()
        worker.kill()
        assert begun.wait(10)
        begun.set()
        assert len(deaths) == count + 1
    worker.stop(10)
    assert worker.restarts == after
