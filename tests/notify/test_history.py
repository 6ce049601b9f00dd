"""What rules would have sent is what planning would have made at every second."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensormon.notify.config import Calendar, Contact, Escalation, Limit, NotifyConfig, Rule
from sensormon.notify.history import would_have_sent
from sensormon.notify.messages import Kind, Message
from sensormon.notify.planning import plan
from sensormon.notify.told import Told
from tests.support.noticed import TAGS, Happening, briefly, frame, moment

SECONDS = 40
OFF = 4.0


def as_of(event: Happening, now: int) -> Happening:
    """The event as it was known at this second."""
    acted = 0 < event.acted <= now
    over = event.over and event.end + OFF <= now
    state = "returned, unacknowledged" if over else "unacknowledged"
    if acted and event.state == "acknowledged":
        state = "acknowledged"
    if acted and event.shelved_until > now:
        state = "shelved"
    return replace(
        event,
        end=min(event.end, now),
        over=over,
        state=state,
        label=event.label if acted else "",
        acted=event.acted if acted else 0.0,
        shelved_until=event.shelved_until if acted else 0.0,
    )


def second_by_second(config: NotifyConfig, events: Sequence[Happening], quiet: Any) -> list[Message]:
    """What planning makes, asked each second; what it makes counts at once."""
    record, sent = Told(), []
    for now in range(SECONDS):
        known = frame([as_of(event, now) for event in events if event.start <= now])
        since = dict.fromkeys(config.rules, moment(0))
        at = moment(now)
        fresh = plan(config, since, known, record, [], tags=TAGS, describe=briefly, now=at, quiet=quiet)
        for message in fresh:
            record.add(message)
        sent += fresh
    return sent


seconds = st.integers(0, SECONDS)


@st.composite
def happenings(draw: st.DrawFn) -> list[Happening]:
    events = []
    for number in range(1, 1 + draw(st.integers(1, 12))):
        start = draw(seconds)
        end = start + draw(st.integers(0, 12))
        acted = draw(st.sampled_from([0, 0, end + 3, end + 9, start + 1]))
        done = draw(st.sampled_from(["acknowledged", "labelled", "shelved"])) if acted else ""
        events.append(
            Happening(
                number,
                start,
                end,
                tag=draw(st.sampled_from(TAGS.names)),
                severity=draw(st.sampled_from(["low", "medium", "high"])),
                over=end + OFF <= SECONDS,
                acted=acted,
                state="acknowledged" if done == "acknowledged" else "unacknowledged",
                label=draw(st.sampled_from(["false", "true"])) if done == "labelled" else "",
                shelved_until=acted + draw(st.integers(1, 15)) if done == "shelved" else 0,
            )
        )
    return events


@st.composite
def configs(draw: st.DrawFn) -> NotifyConfig:
    contacts = {
        name: Contact(
            name,
            (),
            limit=Limit(draw(st.integers(1, 4)), draw(st.sampled_from([5, 20]))),
            group=draw(st.sampled_from([0, 3])),
        )
        for name in ("shift", "boss")
    }
    # START is 14:13:20 UTC.
    evening = Calendar("evening", begin=time(14, 13, 30), end=time(14, 13, 45))
    rules = {
        name: Rule(
            name,
            draw(st.sampled_from([("shift",), ("shift", "boss")])),
            tags=draw(st.sampled_from([(), ("ph", "rp?")])),
            labels=draw(st.sampled_from([(), (), ("true",)])),
            after=draw(st.sampled_from([0, 0, 4])),
            calendars=draw(st.sampled_from([(), (), ("evening",)])),
            remind=draw(st.sampled_from([0, 0, 6])),
            escalate=draw(st.sampled_from([(), (Escalation(5, ("boss",)), Escalation(11, ("boss",)))])),
            returned=draw(st.booleans()),
        )
        for name in draw(st.sampled_from([["a"], ["a", "b"]]))
    }
    return NotifyConfig(None, contacts, {"evening": evening}, rules)


def in_maintenance(tag: str, at: int) -> bool:
    return tag == "temp" and moment(10) <= at < moment(25)


@pytest.mark.long
@given(configs(), happenings())
@settings(max_examples=15)
def test_a_forecast_says_what_planning_makes_each_second(
    config: NotifyConfig, events: list[Happening]
) -> None:
    forecast = would_have_sent(
        config,
        frame(events),
        tags=TAGS,
        since=moment(0),
        until=moment(SECONDS),
        quiet=in_maintenance,
        changes=[moment(10), moment(25)],
        off_seconds=OFF,
    )
    planned = second_by_second(config, events, in_maintenance)
    assert [seen(message) for message in forecast.messages] == [seen(message) for message in planned]
    assert sum(forecast.counts.values()) == len(planned)


def seen(message: Message) -> Any:
    """The message without the words in which it lists events."""
    listed = tuple((event.id, event.over, event.began) for event in message.events)
    return replace(message, events=()), listed


def test_a_forecast_counts_messages_and_the_load_of_their_events() -> None:
    contact = Contact("shift", (), limit=Limit(2, 3_600), group=0)
    config = NotifyConfig(None, {"shift": contact}, {}, {"a": Rule("a", ("shift",), tags=("ph",))})
    events = [Happening(n, n * 10, n * 10, over=True) for n in range(1, 31)]
    forecast = would_have_sent(
        config,
        frame([*events, Happening(99, 5, 5, tag="temp", over=True)]),
        tags=TAGS,
        since=moment(0),
        until=moment(7_200),
    )
    assert forecast.counts == {("shift", Kind.EVENT): 2, ("shift", Kind.DIGEST): 1}
    assert [message.created for message in forecast.messages] == [moment(10), moment(20), moment(3_610)]
    assert forecast.messages[-1].held_back == 28 - 20
    assert (forecast.events, forecast.load.events, forecast.load.worst) == (30, 30, 30)
    nothing = would_have_sent(config, frame(events), tags=TAGS, since=moment(0), until=moment(9), rules=["b"])
    assert (nothing.messages, nothing.events, nothing.complete) == ((), 0, True)
