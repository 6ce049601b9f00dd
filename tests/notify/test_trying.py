"""When a message is tried again, by which way, and when it is given up."""

from __future__ import annotations

from sensormon.model.clock import HOUR, MINUTE, SECOND
from sensormon.notify.messages import Message, MessageState, content_of, message_of
from sensormon.notify.trying import LONGEST, Outcome, after
from tests.support.messages import message
from tests.support.plant import START

AWAY = Outcome(False, "503 Service Unavailable")
REFUSED = Outcome(False, "404 Not Found", lasting=True)


def until_given_up(ways: int, outcome: Outcome) -> list[tuple[float, int]]:
    """When (minutes after the first try) and by which way a message is tried that always gets this answer."""
    tried, current, now = [], message(1), START
    while current.state is MessageState.WAITING:
        tried.append(((now - START) / MINUTE, current.way))
        current = message_of(
            current.key, content_of(after(current, outcome, ways, now))
        )  # as after a restart
        now = max(now, current.due)
    assert current.attempts == len(tried)
    return tried


def test_a_way_that_fails_is_tried_at_longer_and_longer_distances_for_a_day() -> None:
    times = [minutes for minutes, _ in until_given_up(1, AWAY)]
    assert times[:7] == [0, 1, 3, 8, 23, 83, 143]
    assert LONGEST - HOUR <= times[-1] * MINUTE <= LONGEST


def test_the_next_way_follows_a_few_failures_at_once_and_then_they_take_turns() -> None:
    tried = until_given_up(2, AWAY)
    assert tried[:10] == [
        (0, 0), (1, 0), (3, 0), (3, 1), (4, 1), (6, 1), (11, 0), (11, 1), (26, 0), (26, 1)
    ]  # fmt: skip
    assert tried[-1][0] * MINUTE <= LONGEST


def test_many_ways_are_not_tried_more_often_than_few() -> None:
    assert len(until_given_up(4, AWAY)) < 4 * (len(until_given_up(1, AWAY)) + 1)


def test_a_way_that_refuses_for_good_is_not_tried_again() -> None:
    assert until_given_up(3, REFUSED) == [(0, 0), (0, 1), (0, 2)]
    second = after(message(1), REFUSED, 2, START)
    assert (second.way, second.due) == (1, START)
    third = after(second, AWAY, 2, START)
    assert (third.way, third.due) == (1, START + MINUTE)


def test_a_server_that_asks_for_time_gets_it() -> None:
    short = after(message(1), Outcome(False, "429", wait=120.0), 2, START)
    assert (short.way, short.due) == (0, START + 120 * SECOND)
    long = after(message(1), Outcome(False, "503", wait=3600.0), 2, START)
    assert (long.way, long.due) == (1, START)
    alone = after(message(1), Outcome(False, "503", wait=3600.0), 1, START)
    assert (alone.way, alone.due) == (0, START + HOUR)


def test_a_contact_whose_ways_were_all_removed_has_none_to_try() -> None:
    assert after(message(1), Outcome(False, "gone", lasting=True), 0, START).state is MessageState.FAILED


def test_a_message_sent_again_gets_every_way_anew() -> None:
    failed = after(after(message(1), REFUSED, 2, START), REFUSED, 2, START)
    assert failed.state is MessageState.FAILED
    later = START + 2 * LONGEST
    again: Message = message_of(
        failed.key, content_of(failed) | {"state": "waiting", "way": 0, "begun": later, "due": later}
    )
    tried = after(again, AWAY, 2, later)
    assert (tried.state, tried.way, tried.due) == (MessageState.WAITING, 0, later + MINUTE)
