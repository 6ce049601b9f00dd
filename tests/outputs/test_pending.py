"""Values on their way: in order while the broker keeps up, else the newest of each tag, and counted."""

from __future__ import annotations

from sensormon.outputs.pending import Pending
from sensormon.outputs.values import Newest, TagValue


def value(tag: str, time: int) -> TagValue:
    return TagValue(tag, time, float(time), 0, None, None, None, None, False)


def test_values_are_taken_in_order() -> None:
    pending = Pending()
    assert pending.add([value("a", 1), value("b", 1), value("a", 2)], connected=True) == 0
    assert pending.take(2) == [value("a", 1), value("b", 1)]
    assert pending.take(5) == [value("a", 2)]


def test_of_more_than_may_wait_only_the_newest_are_kept() -> None:
    pending = Pending(most=10)
    assert pending.add([value(tag, time) for time in range(6) for tag in "ab"], connected=True) == 10
    assert pending.take(9) == [value("a", 5), value("b", 5)]


def test_while_there_is_no_connection_only_the_newest_are_kept() -> None:
    pending = Pending()
    assert pending.add([value("a", 1), value("a", 2)], connected=False) == 1
    assert pending.add([value("a", 3)], connected=False) == 1
    assert pending.take(9) == [value("a", 3)]


def test_a_late_value_is_left_out() -> None:
    newest = Newest()
    assert newest.of([value("a", 5), value("a", 3), value("b", 1), value("a", 6)]) == [
        value("a", 5),
        value("b", 1),
        value("a", 6),
    ]
    assert newest.of([value("a", 6), value("a", 4)]) == [value("a", 6)]
