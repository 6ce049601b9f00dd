"""Whatever the ticks, the restarts and the order: each due event once to each contact, within the limit."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensormon.model.clock import SECOND
from sensormon.notify.config import Contact, Limit, NotifyConfig, Rule
from sensormon.notify.messages import Kind, Message, content_of, message_of
from sensormon.notify.planning import plan
from sensormon.notify.told import Told
from tests.support.noticed import TAGS, Happening, briefly, frame, moment

happenings = st.lists(
    st.tuples(
        st.integers(0, 60), st.integers(0, 10), st.sampled_from(TAGS.names), st.sampled_from(["low", "high"])
    ),
    min_size=1,
    max_size=20,
).map(
    lambda rows: [
        Happening(2 * n, start, start + lasts, tag=tag, severity=severity)
        for n, (start, lasts, tag, severity) in enumerate(rows, start=1)
    ]
)
contacts = st.builds(
    Contact,
    st.just("shift"),
    st.just(()),
    limit=st.builds(Limit, st.integers(1, 4), st.sampled_from([7, 30])),
    group=st.sampled_from([0, 5]),
)
RULES = {"a": Rule("a", ("shift",)), "b": Rule("b", ("shift",), tags=("ph",), after=2)}
SINCE = dict.fromkeys(RULES, moment(-1))
LONG_AFTER = [500.0, 540.0, 580.0, 620.0]


def planned(
    config: NotifyConfig, events: list[Happening], outbox: dict[str, Message], now: float
) -> list[Message]:
    """What a process plans that has just started: it reads the outbox, and the events until now."""
    record = Told(message_of(key, content_of(kept)) for key, kept in outbox.items())
    known = frame([as_of(event, now) for event in events if event.start <= now])
    return plan(config, SINCE, known, record, [], tags=TAGS, describe=briefly, now=moment(now))


def as_of(event: Happening, now: float) -> Happening:
    return replace(event, end=min(event.end, now), over=event.end + 5 <= now)


def due_to(rule: Rule, events: list[Happening]) -> set[int]:
    return {
        event.id
        for event in events
        if (not rule.tags or event.tag in rule.tags) and event.end - event.start >= rule.after
    }


@pytest.mark.long
@given(st.data(), contacts, happenings, st.lists(st.floats(0, 90), max_size=8))
@settings(max_examples=20)
def test_each_due_event_is_told_exactly_once_and_never_more_than_the_limit(
    data: st.DataObject, contact: Contact, events: list[Happening], ticks: list[float]
) -> None:
    config = NotifyConfig(None, {"shift": contact}, {}, RULES)
    outbox: dict[str, Message] = {}
    for now in [*sorted(ticks), *LONG_AFTER]:
        fresh = planned(config, data.draw(st.permutations(events)), outbox, now)
        again = planned(config, events, outbox, now)  # another process, or one killed before it kept them
        assert {message.key: message for message in fresh} == {message.key: message for message in again}
        assert not {message.key for message in fresh} & outbox.keys()
        outbox |= {message.key: message for message in fresh}
    sent = sorted(outbox.values(), key=lambda message: message.created)
    within(contact.limit, [message.created for message in sent])
    said = [(id_, message.created) for message in sent for id_ in message.covers]
    for rule in RULES.values():
        own = Counter(
            id_
            for message in sent
            if message.kind is Kind.EVENT and message.rule == rule.name
            for id_ in message.covers
        )
        due = due_to(rule, events)
        assert all(count == 1 for count in own.values())
        assert set(own) <= due
        ready = {event.id: moment(event.start + rule.after) for event in events}
        assert due - set(own) <= {id_ for id_, created in said if created >= ready[id_]}


def within(limit: Limit, times: list[int]) -> None:
    for last, time in enumerate(times):
        assert sum(other > time - limit.seconds * SECOND for other in times[: last + 1]) <= limit.messages


@given(contacts, st.integers(50, 400), st.integers(9, 40))
@settings(max_examples=6)
def test_a_burst_gives_the_limits_messages_and_one_digest(contact: Contact, events: int, step: int) -> None:
    config = NotifyConfig(None, {"shift": replace(contact, group=0)}, {}, {"a": RULES["a"]})
    burst = [Happening(n, n * 0.01, n * 0.01) for n in range(1, events + 1)]
    record, sent = Told(), list[Message]()
    for now in range(5, 150, step):
        known = frame([as_of(event, now) for event in burst])
        fresh = plan(config, SINCE, known, record, [], tags=TAGS, describe=briefly, now=moment(now))
        for message in fresh:
            record.add(message)
        sent += fresh
    kinds: Any = Counter(message.kind for message in sent)
    assert kinds == {Kind.EVENT: contact.limit.messages, Kind.DIGEST: 1}
    assert sorted(id_ for message in sent for id_ in message.covers) == list(range(1, events + 1))
