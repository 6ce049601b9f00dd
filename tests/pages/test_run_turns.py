"""A few pages compute at once; the others wait."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from sensormon.ui.run_turns import AT_ONCE, turn


def test_a_few_runs_compute_at_once() -> None:
    lock, counts, running = threading.Lock(), [], [0]
    together = threading.Barrier(AT_ONCE)

    def run(_: int) -> None:
        with turn():
            with lock:
                running[0] += 1
                counts.append(running[0])
            together.wait(20)  # as many as may be here are here
            with lock:
                running[0] -= 1

    with ThreadPoolExecutor(4 * AT_ONCE) as threads:
        list(threads.map(run, range(4 * AT_ONCE)))
    assert max(counts) == AT_ONCE
    assert len(counts) == 4 * AT_ONCE


def test_a_part_inside_a_run_needs_no_turn_of_its_own_and_faults_give_it_back() -> None:
    for _ in range(3 * AT_ONCE):
        with pytest.raises(LookupError), turn(), turn():
            raise LookupError
