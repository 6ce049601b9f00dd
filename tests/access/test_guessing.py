"""Guessing gets slower and slower, and keeps nobody out who has signed in before."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sensormon.access.guessing import (
    FORGOTTEN,
    FREE,
    FREE_NAME,
    LONGEST_NAME,
    LONGEST_PAIR,
    MOST,
    Guessing,
)
from sensormon.model.clock import SECOND

addresses = st.sampled_from(["192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8:0:1::1", ""])
attempts = st.lists(st.tuples(addresses, st.integers(0, 3 * SECOND)), min_size=FREE_NAME, max_size=80)


@given(attempts)
def test_a_familiar_address_is_never_delayed_by_failures_of_others(failures: list[tuple[str, int]]) -> None:
    guessing, now = Guessing(), 0
    guessing.succeeded("jana", "198.51.100.1")
    for address, pause in failures:
        now += pause
        guessing.failed("jana", address, now)
        assert guessing.wait("jana", "198.51.100.1", now) == 0


@given(st.integers(1, 40))
def test_the_wait_of_a_pair_grows_up_to_a_minute(failures: int) -> None:
    guessing = Guessing()
    guessing.succeeded("jana", "a")
    waits = []
    for _ in range(failures):
        guessing.failed("jana", "a", 0)
        waits.append(guessing.wait("jana", "a", 0))
    assert waits == sorted(waits)
    assert max(waits[: FREE - 1], default=0) == 0
    assert all(0 < wait <= LONGEST_PAIR for wait in waits[FREE - 1 :])
    assert failures < FREE + 7 or waits[-1] == LONGEST_PAIR


def test_waiting_passes_by_the_clock() -> None:
    guessing = Guessing()
    for _ in range(FREE + 3):
        guessing.failed("jana", "a", 0)
    wait = guessing.wait("jana", "a", 0)
    assert guessing.wait("jana", "a", wait - 1) == 1
    assert guessing.wait("jana", "a", wait) == 0


def test_many_addresses_for_one_name_slow_strangers_by_seconds_only() -> None:
    guessing = Guessing()
    for i in range(10 * FREE_NAME):
        guessing.failed("jana", f"10.0.{i // 250}.{i % 250}", 0)
    assert 0 < guessing.wait("jana", "203.0.113.9", 0) <= LONGEST_NAME
    assert guessing.wait("bo", "203.0.113.9", 0) == 0


def test_a_machine_does_not_begin_again_with_each_of_its_ipv6_addresses() -> None:
    guessing = Guessing()
    for i in range(FREE + 1):
        guessing.failed("jana", f"2001:db8::{i:x}", 0)
    assert guessing.wait("jana", "2001:db8::ffff", 0) > 0
    assert guessing.wait("jana", "2001:db8:0:1::1", 0) == 0


def test_failures_are_forgotten_by_success_and_by_time() -> None:
    guessing = Guessing()
    for _ in range(FREE):
        guessing.failed("jana", "a", 0)
        guessing.failed("jana", "b", 0)
    guessing.succeeded("jana", "a")
    assert guessing.wait("jana", "a", 0) == 0
    assert guessing.wait("jana", "b", 0) > 0
    guessing.failed("jana", "b", FORGOTTEN + 1)
    assert guessing.wait("jana", "b", FORGOTTEN + 1) == 0


def test_a_clock_that_was_set_back_locks_nobody_out() -> None:
    guessing = Guessing()
    for _ in range(50):
        guessing.failed("jana", "a", 10**15)
    assert guessing.wait("jana", "a", 0) == 0


def test_what_is_remembered_is_bounded() -> None:
    guessing = Guessing()
    for i in range(MOST + 500):
        guessing.failed(f"name {i}", "a", 0)
        guessing.succeeded(f"name {i}", "b")
    sizes = [len(known) for known in vars(guessing).values() if hasattr(known, "__len__")]
    assert sizes
    assert max(sizes) == MOST


def test_tries_that_run_at_once_are_no_way_around_the_wait() -> None:
    guessing = Guessing()
    waits = [guessing.begin("jana", "a", 0) for _ in range(50)]
    assert waits[:FREE] == [0] * FREE
    assert min(waits[FREE:]) > 0


def test_a_right_password_and_one_that_was_not_checked_leave_no_failure() -> None:
    guessing = Guessing()
    for _ in range(10 * FREE_NAME):
        assert guessing.begin("jana", "a", 0) == 0
        guessing.succeeded("jana", "a")
        assert guessing.begin("jana", "b", 0) == 0
        guessing.undecided("jana", "b")
    assert guessing.wait("jana", "c", 0) == 0
