"""Polls are in step with the clock, and are never made up for."""

from __future__ import annotations

from sensormon.model.clock import SECOND
from sensormon.sources.modbus.register import Register
from sensormon.sources.modbus.requests import requests_of
from sensormon.sources.modbus.schedule import WHOLE_AGAIN, Poll, polls_of

START = 1_790_000_000 * SECOND


def poll(interval: float = 2.0, now: int = START + 1) -> Poll:
    registers = [Register(f"t{place}", 1, "holding", place, "int16", interval) for place in range(8)]
    return Poll(interval, requests_of(registers), now)


def test_the_first_poll_is_at_once_and_the_next_at_a_multiple() -> None:
    due = poll(now=START + 300_000)
    assert due.due == START + 300_000
    assert due.begin(START + 300_500) == 0
    assert due.due == START + 2 * SECOND


def test_missed_polls_are_counted_and_not_made_up_for() -> None:
    late = poll()
    late.begin(START + 1)
    assert late.begin(START + 9 * SECOND) == 3
    assert late.due == START + 10 * SECOND


def test_a_clock_that_is_set_back_makes_no_long_pause() -> None:
    ahead = poll()
    ahead.begin(START + 3_600 * SECOND)
    ahead.keep_step(START)
    assert ahead.due == START + 2 * SECOND


def test_each_interval_is_polled_by_itself() -> None:
    registers = [
        Register("slow", 1, "holding", 0, "int16", 5.0),
        Register("fast", 1, "holding", 1, "int16", 0.5),
    ]
    assert [(each.interval, len(each.requests)) for each in polls_of(registers, START)] == [
        (0.5, 1),
        (5.0, 1),
    ]


def test_a_divided_request_is_tried_whole_again_after_a_while() -> None:
    divided = poll()
    divided.divide(divided.requests[0], START + 1)
    divided.begin(START + WHOLE_AGAIN)
    assert [request.count for request in divided.requests] == [4, 4]
    divided.begin(START + 1 + WHOLE_AGAIN)
    assert [request.count for request in divided.requests] == [8]
