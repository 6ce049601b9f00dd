"""No order of deaths ends a worker for good, and a kill hits nothing but the thread that is at work."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensormon.ingest import workers
from sensormon.ingest.workers import ThreadKilled, Worker
from sensormon.model.clock import ManualClock

SECONDS = 10.0
"""Within this time a thread of the tests must do what it is asked."""

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # see _swallowed


def aside(act: Callable[[], object]) -> None:
    """Do this in a thread of its own, as a page or a drill does, and wait for it."""
    thread = threading.Thread(target=act)
    thread.start()
    thread.join(SECONDS)
    assert not thread.is_alive()


class Swallows:
    """Its destructor is where an exception from outside is lost."""

    def __init__(self, kill: Callable[[], int]) -> None:
        self.kill = kill

    def __del__(self) -> None:
        aside(self.kill)
        for _ in range(1_000):
            pass


class Life:
    """A worker, and the script of its attempts: what each does and what happens in the wait after it."""

    def __init__(self, script: list[tuple[str, str]]) -> None:
        self.clock = Backing(self)
        self.worker = Worker("loader", self.run, self.clock)
        self.script = script
        self.begun = 0
        self.ending = threading.Event()
        self.working = threading.Event()
        self.stopped = threading.Event()

    def run(self, ending: threading.Event) -> None:
        self.begun += 1
        self.ending = ending
        if self.begun > len(self.script):
            self.working.set()
            self.clock.really(ending)
            return
        death, _ = self.script[self.begun - 1]
        DEATHS[death](self)

    def stop(self) -> None:
        threading.Thread(target=self.end).start()

    def end(self) -> None:
        self.worker.stop(SECONDS)
        self.stopped.set()


class Backing(ManualClock):
    """A clock on which the script goes on while the worker backs off."""

    def __init__(self, life: Life) -> None:
        super().__init__()
        self.life = life
        self.waits: list[float] = []

    def really(self, event: threading.Event) -> None:
        """Wait for the event itself."""
        assert event.wait(SECONDS)

    def wait(self, event: threading.Event, seconds: float) -> bool:
        self.waits.append(seconds)
        _, meanwhile = self.life.script[self.life.begun - 1]
        if "kill" in meanwhile:
            assert self.life.worker.kill() == 0, "nothing is at work"
        if "twice" in meanwhile:
            aside(self.life.worker.kill)
        if "stop" in meanwhile:
            self.life.stop()
            self.really(event)
        return super().wait(event, seconds)


def _at_the_start(_: Life) -> None:
    raise OSError("it cannot begin")


def _after_a_while(life: Life) -> None:
    life.clock.advance(61)
    raise OSError("the disk is gone")


def _killed_at_work(life: Life) -> None:
    aside(life.worker.kill)
    life.clock.really(life.ending)


def _killed_by_two(life: Life) -> None:
    try:
        aside(life.worker.kill)
    finally:
        aside(life.worker.kill)


def _killed_in_its_sleep(life: Life) -> None:
    killer = threading.Timer(0.001, life.worker.kill)
    killer.start()
    try:
        life.clock.really(life.ending)
    finally:
        killer.join(SECONDS)


def _killed_while_it_dies(life: Life) -> None:
    try:
        raise OSError("the disk is gone")
    finally:
        aside(life.worker.kill)


def _swallowed(life: Life) -> None:
    Swallows(life.worker.kill)
    life.clock.really(life.ending)


def _killed_while_it_stops(life: Life) -> None:
    life.stop()
    life.clock.really(life.ending)
    aside(life.worker.kill)
    life.ending.is_set()


def _dead_while_it_stops(life: Life) -> None:
    life.stop()
    life.clock.really(life.ending)
    raise OSError("the disk is gone")


DEATHS: dict[str, Callable[[Life], None]] = {
    name.lstrip("_"): death
    for name, death in list(globals().items())
    if name in {"_at_the_start", "_after_a_while", "_swallowed"} or name.startswith(("_killed", "_dead"))
}
LAST = {"killed_while_it_stops", "dead_while_it_stops"}


@given(
    st.lists(
        st.tuples(
            st.sampled_from(sorted(DEATHS)),
            st.sampled_from(["nothing", "kill", "kill twice", "stop", "kill, stop", "kill twice, stop"]),
        ),
        max_size=9,
    )
)
def test_whatever_the_order_of_deaths_it_works_again_or_has_stopped(script: list[tuple[str, str]]) -> None:
    last = next((i for i, (death, wait) in enumerate(script) if death in LAST or "stop" in wait), None)
    life = Life(script if last is None else script[: last + 1])
    worker = life.worker
    worker.start()
    if last is None:
        assert life.working.wait(SECONDS), "it never worked again"
        assert worker.alive
        assert worker.failure == ""
        assert worker.restarts == life.begun - 1 == len(life.clock.waits)
        assert bool(worker.last_failure) == bool(script)
        life.end()
    assert life.stopped.wait(SECONDS)
    assert not worker.alive
    assert worker.failure == ""
    assert worker.kill() == 0
    assert life.begun == len(life.script) + (last is None), "nothing begins after the stop"


@pytest.mark.parametrize("death", DEATHS)
def test_each_kind_of_death_is_noted_and_survived(death: str) -> None:
    life = Life([(death, "kill twice")] * 3)
    life.worker.start()
    assert (life.stopped if death in LAST else life.working).wait(SECONDS)
    life.end()
    assert "OSError" in life.worker.last_failure or "ThreadKilled" in life.worker.last_failure


def test_a_system_without_threads_is_a_death_like_any_other(monkeypatch: pytest.MonkeyPatch) -> None:
    refused: list[str] = []
    working = threading.Event()
    begin = threading.Thread.start

    def start(thread: threading.Thread) -> None:
        if thread.name == "sensormon-loader" and len(refused) < 2:
            refused.append(thread.name)
            raise RuntimeError("can't start new thread")
        begin(thread)

    def run(ending: threading.Event) -> None:
        working.set()
        ending.wait(SECONDS)

    monkeypatch.setattr(threading.Thread, "start", start)
    worker = Worker("loader", run, ManualClock())
    worker.start()
    assert working.wait(SECONDS)
    assert worker.restarts == 2
    assert worker.last_failure.endswith("The loader stopped: RuntimeError: can't start new thread")
    worker.stop(SECONDS)


def test_a_restart_is_counted_before_the_new_attempt_begins() -> None:
    counted: list[int] = []
    done = threading.Event()

    def run(_: threading.Event) -> None:
        counted.append(worker.restarts)
        if len(counted) == 3:
            done.set()
            return
        raise OSError("the disk is gone")

    worker = Worker("loader", run, ManualClock())
    worker.start()
    assert done.wait(SECONDS)
    worker.stop(SECONDS)
    assert counted == [0, 1, 2]


class Page:
    """A thread that is none of the worker's, with the exception that hit it, if one did."""

    def __init__(self) -> None:
        self.hit: BaseException | None = None
        self._over = threading.Event()
        self.thread = threading.Thread(target=self._draw)
        self.thread.start()

    def _draw(self) -> None:
        try:
            while not self._over.wait(0.001):
                pass
        except ThreadKilled as error:
            self.hit = error

    def end(self) -> None:
        self._over.set()
        self.thread.join(SECONDS)


@contextmanager
def page_with(identifier: int) -> Iterator[Page]:
    """A page whose thread has the identifier of one that has ended, as soon as the system gives it."""
    pages: list[Page] = []
    try:
        for _ in range(500):
            pages.append(Page())
            if pages[-1].thread.ident == identifier:
                break
        else:
            pytest.skip("this system does not give the identifier again")
        yield pages[-1]
    finally:
        for page in pages:
            page.end()


def test_a_page_that_has_the_dead_thread_s_identifier_is_never_hit() -> None:
    identifiers: list[int] = []
    backing_off, go_on = threading.Event(), threading.Event()

    class Held(ManualClock):
        def wait(self, event: threading.Event, seconds: float) -> bool:
            backing_off.set()
            assert go_on.wait(SECONDS)
            return super().wait(event, seconds)

    def run(ending: threading.Event) -> None:
        identifiers.append(threading.get_ident())
        if len(identifiers) == 1:
            raise OSError("the disk is gone")
        ending.wait(SECONDS)

    worker = Worker("loader", run, Held())
    worker.start()
    assert backing_off.wait(SECONDS)
    with page_with(identifiers[0]) as page:
        for _ in range(5):
            assert worker.kill() == 0
        page.end()
        assert page.hit is None
    go_on.set()
    worker.stop(SECONDS)


def test_a_thread_cannot_end_while_a_kill_is_on_its_way(monkeypatch: pytest.MonkeyPatch) -> None:
    reached, leave, threads = threading.Event(), threading.Event(), list[threading.Thread]()
    raised = workers._raise_in

    def slowly(thread: threading.Thread, error: type[BaseException]) -> None:
        leave.set()  # the work ends by itself just now
        threads.append(thread)
        until = time.monotonic() + 0.2
        while time.monotonic() < until:
            assert thread.is_alive(), "its identifier could belong to a page by now"
            threading.Event().wait(0.01)
        raised(thread, error)
        assert thread.is_alive()

    def run(_: threading.Event) -> None:
        reached.set()
        leave.wait(SECONDS)

    monkeypatch.setattr(workers, "_raise_in", slowly)
    worker = Worker("loader", run, ManualClock())
    worker.start()
    assert reached.wait(SECONDS)
    killed: list[int] = []
    aside(lambda: killed.append(worker.kill()))
    assert killed == [1]
    threads[0].join(SECONDS)
    assert not threads[0].is_alive()
    worker.stop(SECONDS)


def test_the_supervisor_is_never_the_one_that_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    names: list[str] = []
    raised = workers._raise_in

    def noted(thread: threading.Thread, error: type[BaseException]) -> None:
        names.append(thread.name)
        raised(thread, error)

    monkeypatch.setattr(workers, "_raise_in", noted)
    begun = threading.Semaphore(0)

    def run(ending: threading.Event) -> None:
        begun.release()
        ending.wait(SECONDS)

    worker = Worker("loader", run, ManualClock())
    worker.start()
    killed = 0
    until = time.monotonic() + SECONDS
    while killed < 20:
        assert time.monotonic() < until
        assert begun.acquire(timeout=SECONDS)
        while worker.kill():
            killed += 1
    worker.stop(SECONDS)
    assert set(names) == {"sensormon-loader"}
    assert len(names) == killed
    assert ThreadKilled.__name__ in worker.last_failure
