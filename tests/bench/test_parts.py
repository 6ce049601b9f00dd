"""The watches on parts of a program: exclusive, and complete."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from sensormon.bench.parts import Spent, Watches, microseconds_a_request, noted


def compute(seconds: float) -> None:
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        pass


def test_what_a_watched_call_takes_counts_once() -> None:
    watches = Watches("outer", "rest")
    inner = watches.timed("inner", compute)

    def both() -> None:
        compute(0.03)
        inner(0.05)

    outer = watches.timed("outer", both)

    def work() -> None:
        watches.here("thread")
        outer()
        outer()
        compute(0.08)
        done.append(watches.spent())

    done: list[Spent] = []
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    (spent,) = done
    assert spent.requests == 2
    assert spent.seconds["inner"] == pytest.approx(0.10, abs=0.02)
    assert spent.seconds["outer"] == pytest.approx(0.06, abs=0.02)
    assert spent.seconds["thread"] == pytest.approx(0.08, abs=0.03), "the kernel counts in hundredths"
    assert sum(spent.seconds.values()) == pytest.approx(time.process_time(), abs=0.05)


def test_a_call_that_fails_counts_too() -> None:
    watches = Watches("part", "rest")

    def fail() -> None:
        compute(0.02)
        raise ValueError("on purpose")

    with pytest.raises(ValueError, match="on purpose"):
        watches.timed("part", fail)()
    assert watches.spent().seconds["part"] == pytest.approx(0.02, abs=0.01)
    assert watches.spent().requests == 1


def test_processes_are_added_up_by_request() -> None:
    first = Spent(30, {"a": 3.0, "rest": 1.0}).since(Spent(10, {"a": 1.0, "rest": 1.0}))
    assert first == Spent(20, {"a": 2.0, "rest": 0.0})
    both = microseconds_a_request([first, Spent(20, {"a": 1.0, "b": 4.0})])
    assert both == {"a": 75_000.0, "rest": 0.0, "b": 100_000.0}


def test_notes_end_with_the_threads_that_they_are_about(tmp_path: Path) -> None:
    watches = Watches("part", "rest")
    ended = threading.Event()

    def work() -> None:
        watches.here("thread")
        ended.wait(20)

    working = threading.Thread(target=work)
    working.start()
    noting = threading.Thread(target=watches.keep_noting, args=(tmp_path / "parts.json",))
    noting.start()
    while not (tmp_path / "parts.json").exists():
        assert noting.is_alive()
    assert "thread" in noted(tmp_path / "parts.json").seconds
    ended.set()
    noting.join(20)
    assert not noting.is_alive()
    working.join()
