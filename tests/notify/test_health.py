"""What is told of the monitor itself: each condition once while it stands, its end, and heartbeats."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import time

from sensormon.notify.conditions import Standing
from sensormon.notify.config import Calendar, Condition, Contact, Escalation, Limit, NotifyConfig, Rule
from sensormon.notify.health import health_messages, is_own
from sensormon.notify.messages import Kind, Message
from sensormon.notify.planning import plan
from sensormon.notify.told import Told
from tests.support.noticed import TAGS, Happening, briefly, frame, moment

SHIFT = Contact("shift", (), group=0)
BOSS = Contact("boss", (), group=0)
ILL = Rule("ill", ("shift",), health=tuple(Condition))
PH = Standing(Condition.SILENT, "ph", moment(0), "pH has been silent for 30 s.")
STORE = Standing(Condition.STORE, "DuckDB", moment(0), "Nothing has got into DuckDB.")


def due(
    seconds: float,
    standing: Sequence[Standing] | None,
    record: Told,
    rule: Rule = ILL,
    shift: Contact = SHIFT,
    events: Sequence[Happening] = (),
    *more: Rule,
) -> list[Message]:
    """The messages due at this time; they count as told afterwards."""
    evening = Calendar("evening", begin=time(15), end=time(16))
    rules = {each.name: each for each in (rule, *more)}
    config = NotifyConfig(None, {"shift": shift, "boss": BOSS}, {"evening": evening}, rules)
    since = dict.fromkeys(rules, moment(-1))
    now = moment(seconds)
    messages = plan(config, since, frame(events), record, standing, tags=TAGS, describe=briefly, now=now)
    for message in messages:
        record.add(message)
    return messages


def test_a_condition_is_told_once_while_it_stands_and_again_when_it_comes_back() -> None:
    record = Told()
    (message,) = due(30, [PH], record)
    assert (message.kind, message.condition, message.text) == (Kind.HEALTH, "silent:ph", PH.words)
    assert due(31, [PH], record) == []
    assert due(60, [], record) == []
    (again,) = due(90, [replace(PH, since=moment(70))], record)
    assert again.key != message.key


def test_alone_a_process_tells_of_what_is_its_own_beside_whatever_else_stands() -> None:
    config = NotifyConfig(None, {"shift": SHIFT}, {}, {"ill": replace(ILL, returned=True, heartbeat=60)})
    record = Told()
    due(5, [PH], record, replace(ILL, returned=True))
    (message,) = health_messages(config, None, record, [STORE], moment(30), alone=True)
    assert (message.condition, is_own(message)) == ("store:DuckDB", True)
    (message,) = health_messages(config, None, record, [PH, STORE], moment(30), alone=True)
    assert message.condition == "store:DuckDB"
    record.add(message)
    (back,) = health_messages(config, None, record, [], moment(40), alone=True)
    assert (back.kind, back.condition) == (Kind.RETURNED, "store:DuckDB"), "pH is not said to report again"


def test_a_heartbeat_goes_out_when_events_cannot_be_read() -> None:
    rule = replace(ILL, health=(), heartbeat=60)
    config = NotifyConfig(None, {"shift": SHIFT}, {}, {"ill": rule})
    (alive,) = health_messages(config, None, Told(), [STORE], moment(30))
    assert alive.text.splitlines() == ["The monitor is alive. Events cannot be read now.", STORE.words]


def test_the_end_of_a_condition_is_told_once_if_the_rule_says_so() -> None:
    record, rule = Told(), replace(ILL, returned=True)
    due(30, [PH, STORE], record, rule)
    (back,) = due(40, [STORE], record, rule)
    assert (back.kind, back.condition, back.text) == (Kind.RETURNED, "silent:ph", "ph reports again.")
    assert due(41, [STORE], record, rule) == []
    assert due(42, None, record, rule) == []  # nothing is known after a start
    (back,) = due(43, [], record, rule)
    assert back.text == "DuckDB takes readings again."


def test_conditions_that_begin_together_go_in_one_message() -> None:
    tags = [replace(PH, about=f"tag_{n:02}", words=f"Tag {n} is silent.") for n in range(30)]
    shift = replace(SHIFT, group=20)
    record = Told()
    assert due(19, tags, record, shift=shift) == []
    (message,) = due(20, tags, record, shift=shift)
    assert len(message.condition.splitlines()) == 30
    assert message.text.splitlines()[-1] == "And 10 more."
    assert due(21, tags, record, shift=shift) == []


def test_a_tag_is_not_told_beside_its_silent_source_but_when_it_stays_silent_alone() -> None:
    source = Standing(Condition.SILENT, "source line1", moment(0), "The source line1 has delivered nothing.")
    part, record = replace(PH, part_of=source.name), Told()
    (message,) = due(10, [source, part], record)
    assert message.condition == source.name
    (alone,) = due(20, [PH], record)
    assert alone.condition == "silent:ph"


def test_a_rule_takes_its_conditions_and_of_silent_ones_its_tags() -> None:
    assert due(1, [PH], Told(), replace(ILL, health=(Condition.STORE,))) == []
    assert due(1, [PH], Told(), replace(ILL, tags=("temp*",))) == []
    assert len(due(1, [PH, STORE], Told(), replace(ILL, tags=("p?",)))) == 1
    assert due(59, [PH], Told(), replace(ILL, after=60)) == []
    assert due(1, [PH], Told(), replace(ILL, calendars=("evening",))) == []  # it is 14:13


def test_a_condition_that_stands_is_repeated_and_escalates() -> None:
    record = Told()
    rule = replace(ILL, remind=60, escalate=(Escalation(90, ("boss",)),))
    sent = [
        (seconds, message.kind, message.contact)
        for seconds in range(0, 200, 10)
        for message in due(seconds, [PH], record, rule)
    ]
    assert sent == [
        (0, Kind.HEALTH, "shift"),
        (60, Kind.REMINDER, "shift"),
        (90, Kind.ESCALATION, "boss"),
        (120, Kind.REMINDER, "shift"),
        (180, Kind.REMINDER, "shift"),
    ]


def test_a_flood_of_events_does_not_hold_back_a_condition_nor_the_other_way_round() -> None:
    record, shift = Told(), replace(SHIFT, limit=Limit(2, 3_600))
    events, hot = [Happening(n) for n in range(1, 50)], Rule("hot", ("shift",))
    first = due(1, [], record, ILL, shift, events, hot)
    assert [message.kind for message in first] == [Kind.EVENT] * 2
    flapping = [replace(PH, since=moment(seconds)) for seconds in (2, 4, 6)]
    sent = [due(2 * n + 3, [each], record, ILL, shift, events, hot) for n, each in enumerate(flapping)]
    assert [len(messages) for messages in sent] == [1, 1, 0]
    assert len(due(3_601, [], record, ILL, shift, events, hot)) == 1  # the digest
    assert len(due(3_700, [flapping[-1]], record, ILL, shift, events, hot)) == 1  # it still stands


def test_a_heartbeat_comes_once_a_period_also_after_a_pause() -> None:
    record = Told()
    alive = Rule("alive", ("shift",), heartbeat=600)
    quiet, loud = [Happening(1, over=True, state="acknowledged")], [Happening(1), Happening(2)]
    (first,) = due(1, [], record, alive, events=quiet)
    assert first.text == "The monitor is alive. 1 event began in the last 10 min, 0 need attention."
    period = 600 - moment(0) // 1_000_000 % 600  # the next multiple of 600 s
    assert due(period - 1, [], record, alive) == []
    (second,) = due(period, [STORE], record, alive, events=loud)
    assert second.text.splitlines()[1:] == [STORE.words]
    assert second.key != first.key
    assert len(due(period + 6_000, None, record, alive)) == 1
    assert due(period + 6_001, None, record, alive) == []


def test_a_heartbeat_waits_for_its_calendar() -> None:
    record = Told()
    alive = Rule("alive", ("shift",), heartbeat=86_400, calendars=("evening",))
    at = 46 * 60 + 40  # 15:00
    assert due(at - 1, [], record, alive) == []
    assert len(due(at, [], record, alive)) == 1
    assert due(at + 60, [], record, alive) == []


def test_a_heartbeat_is_never_held_back() -> None:
    record, shift = Told(), replace(SHIFT, limit=Limit(1, 3_600))
    alive = Rule("alive", ("shift",), heartbeat=600)
    assert [m.condition for m in due(1, [PH, STORE], record, ILL, shift, (), alive)] == [
        "silent:ph\nstore:DuckDB",
        "heartbeat",
    ]
    later = [replace(PH, since=moment(650))]
    assert [m.condition for m in due(700, later, record, ILL, shift, (), alive)] == ["heartbeat"]
