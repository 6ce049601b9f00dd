"""Which messages are due: each notice once, in groups, within limits, with the same keys each time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sensormon.notify.config import Calendar, Contact, NotifyConfig, Rule
from sensormon.notify.messages import Kind, Message
from sensormon.notify.planning import plan
from sensormon.notify.told import Told
from tests.support.noticed import TAGS, Happening, briefly, frame, moment

SHIFT = Contact("shift", ("mailto:shift@plant.example",), group=0)
BOSS = Contact("boss", ("mailto:boss@plant.example",), group=0)
HOT = Rule("hot", ("shift",))


def config(rule: Rule = HOT, *, shift: Contact = SHIFT, **calendars: Calendar) -> NotifyConfig:
    return NotifyConfig(None, {"shift": shift, "boss": BOSS}, calendars, {rule.name: rule})


def due(
    seconds: float,
    events: Sequence[Happening],
    setting: NotifyConfig | None = None,
    told: Told | None = None,
    since: float = -1e6,
    **more: Any,
) -> list[Message]:
    """The messages due at this time; they count as told afterwards."""
    setting, told = setting or config(), told if told is not None else Told()
    rules = dict.fromkeys(setting.rules, moment(since))
    now = moment(seconds)
    messages = plan(setting, rules, frame(events), told, [], tags=TAGS, describe=briefly, now=now, **more)
    for message in messages:
        told.add(message)
    return messages


def covered(messages: Sequence[Message]) -> list[tuple[int, ...]]:
    return [message.covers for message in messages]


def test_an_event_is_told_once_with_the_same_key_in_every_process() -> None:
    told, event = Told(), Happening(5)
    (message,) = due(1, [event], told=told)
    (again,) = due(2, [event])
    assert message.covers == (5,)
    assert message.kind is Kind.EVENT
    assert message.key == again.key
    assert due(3, [event], told=told) == []
