"""What is due of events: each stage once, in order, and after a restart what was missed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from sensormon.outputs.event_look import EventLook
from sensormon.outputs.published import Due, EventKind, Published


@dataclass(frozen=True)
class Event:
    id: int
    over: bool = False
    acknowledged: int = 0
    start: int = 1_000
    tag: str = "temp"
    readings: tuple[int, ...] = ()


def look(*events: Event, whole: bool = True) -> EventLook:
    lists = [event.readings or (event.id,) for event in events]
    return EventLook(
        now=10_000,
        frame=pd.DataFrame(),
        row=np.arange(len(events)),
        id=np.array([event.id for event in events], dtype=np.int64),
        start=np.array([event.start for event in events], dtype=np.int64),
        tag=tuple(event.tag for event in events),
        over=np.array([event.over for event in events], dtype=np.bool_),
        acknowledged=np.array([event.acknowledged for event in events], dtype=np.int64),
        readings=np.array([number for numbers in lists for number in numbers], dtype=np.int64),
        edges=np.cumsum([0, *map(len, lists)]),
        whole=whole,
    )


def told(published: Published, seen: EventLook, *, confirm: bool = True) -> list[tuple[int, str]]:
    due: Sequence[Due] = published.due(seen, lambda tag: tag != "other", 100)
    for each in due if confirm else ():
        published.confirmed(each)
    return [(each.id, str(each.kind)) for each in due]


def test_each_stage_is_told_once() -> None:
    published = Published(None, since=500)
    assert told(published, look()) == []
    assert told(published, look(Event(1))) == [(1, "opened")]
    assert told(published, look(Event(1))) == []
    assert told(published, look(Event(1, acknowledged=7))) == [(1, "acknowledged")]
    assert told(published, look(Event(1, over=True, acknowledged=7))) == [(1, "ended")]
    assert told(published, look(Event(1, over=True, acknowledged=9))) == [(1, "acknowledged")]
    assert told(published, look(Event(1, acknowledged=9))) == [(1, "opened")]


def test_an_event_that_is_over_and_acknowledged_when_first_seen_is_told_whole() -> None:
    published = Published(None, since=500)
    assert [kind for _, kind in told(published, look(Event(1, over=True, acknowledged=7)))] == [
        "opened",
        "acknowledged",
        "ended",
    ]


def test_what_did_not_arrive_is_due_again_with_the_same_key() -> None:
    published = Published(None, since=500)
    first = published.due(look(Event(1)), bool, 100)
    again = published.due(look(Event(1)), bool, 100)
    assert [due.key for due in first] == [due.key for due in again] == ["1-opened"]


def test_a_first_start_tells_nothing_of_before() -> None:
    published = Published(None, since=2_000)
    assert told(published, look(Event(1), Event(2, start=3_000))) == [(2, "opened")]
    assert told(published, look(Event(1, over=True), Event(2, start=3_000))) == [(1, "ended")]


def test_a_restart_goes_on_from_the_position() -> None:
    before = Published(None, since=0)
    told(before, look(Event(1, over=True), Event(2), Event(3, over=True, acknowledged=5)))
    kept = before.position()
    assert kept == {"through": 3, "unfinished": [[1, "temp", True, 0], [2, "temp", False, 0]]}
    after = Published(kept, since=0)
    events = look(
        Event(1, over=True, acknowledged=8),
        Event(2, over=True),
        Event(3, over=True, acknowledged=5),
        Event(4),
        Event(5, tag="other"),
    )
    assert told(after, events) == [(1, "acknowledged"), (2, "ended"), (4, "opened")]
    assert told(after, events) == []


def test_of_collectors_whose_ids_overlap_events_are_rather_told_twice() -> None:
    after = Published({"through": 100, "unfinished": []}, since=0, overlap=50)
    assert told(after, look(Event(40), Event(60), Event(101))) == [(60, "opened"), (101, "opened")]


def test_there_is_no_position_before_the_first_look() -> None:
    assert Published(None, since=0).position() is None


def test_an_event_that_has_joined_another_is_withdrawn_and_says_which() -> None:
    published = Published(None, since=0)
    told(published, look(Event(5)))
    due = published.due(look(Event(3, readings=(3, 4, 5))), bool, 100)
    assert [(each.kind, each.id, each.joined) for each in due] == [
        (EventKind.OPENED, 3, 0),
        (EventKind.WITHDRAWN, 5, 3),
    ]


def test_nothing_is_withdrawn_by_a_look_that_is_not_whole() -> None:
    published = Published(None, since=0)
    told(published, look(Event(5)))
    assert told(published, look(whole=False)) == []
    assert told(published, look()) == [(5, "withdrawn")]


def test_at_most_so_many_are_due_at_once_the_oldest_first() -> None:
    published = Published(None, since=0)
    due = published.due(look(*(Event(number, over=True) for number in range(1, 9))), bool, 5)
    assert [(each.id, str(each.kind)) for each in due] == [
        (1, "opened"),
        (1, "ended"),
        (2, "opened"),
        (2, "ended"),
        (3, "opened"),
    ]
