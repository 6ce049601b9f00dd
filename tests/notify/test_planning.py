"""Which messages are due: each notice once, in groups, within limits, with the same keys each time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import time
from time import process_time
from typing import Any

from sensormon.model.events import Severity
from sensormon.notify.config import Calendar, Contact, Escalation, Limit, NotifyConfig, Rule
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
    record: Told | None = None,
    since: float = -1e6,
    **more: Any,
) -> list[Message]:
    """The messages due at this time; they count as told afterwards."""
    setting, record = setting or config(), record if record is not None else Told()
    rules = dict.fromkeys(setting.rules, moment(since))
    now = moment(seconds)
    messages = plan(setting, rules, frame(events), record, [], tags=TAGS, describe=briefly, now=now, **more)
    for message in messages:
        record.add(message)
    return messages


def covered(messages: Sequence[Message]) -> list[tuple[int, ...]]:
    return [message.covers for message in messages]


def test_an_event_is_told_once_with_the_same_key_in_every_process() -> None:
    record, event = Told(), Happening(5)
    (message,) = due(1, [event], record=record)
    (again,) = due(2, [event])
    assert message.covers == (5,)
    assert message.kind is Kind.EVENT
    assert message.key == again.key
    assert due(3, [event], record=record) == []


def test_an_event_whose_id_changes_when_late_readings_join_two_is_not_told_again() -> None:
    record = Told()
    due(1, [Happening(5, ids=(5, 6))], record=record)
    assert due(2, [Happening(3, ids=(3, 5, 6))], record=record) == []
    assert covered(due(3, [Happening(3, ids=(3, 5, 6)), Happening(9)], record=record)) == [(9,)]


def test_an_event_must_last() -> None:
    setting = config(replace(HOT, after=60))
    short, long = Happening(1, 0, 59, over=True), Happening(2, 0, 60, over=True)
    assert covered(due(100, [short, long], setting)) == [(2,)]
    assert due(40, [Happening(3, 0, 40)], setting) == []
    assert covered(due(61, [Happening(3, 0, 61)], setting)) == [(3,)]


def test_a_rule_takes_by_severity_and_selections() -> None:
    events = [Happening(1, severity="low"), Happening(2, tag="temp"), Happening(3, tag="rpm")]
    assert covered(due(1, events, config(replace(HOT, severity=Severity.MEDIUM, groups=("Hall 1",))))) == [
        (2,)
    ]
    assert covered(due(1, events, config(replace(HOT, tags=("r?m",))))) == [(3,)]
    assert due(1, events, config(replace(HOT, on=False))) == []


def test_what_is_shelved_or_quiet_waits_and_is_told_if_it_lasts_on() -> None:
    record, event = Told(), Happening(1)
    assert due(1, [replace(event, state="shelved", shelved_until=5)], record=record) == []
    assert due(6, [event], record=record, quiet=lambda tag, at: tag == "ph" and at < moment(10)) == []
    assert covered(due(10, [event], record=record, quiet=lambda _, at: at < moment(10))) == [(1,)]


def test_what_ended_while_it_was_shelved_or_quiet_is_not_told() -> None:
    ended = Happening(1, 0, 8, over=True)
    assert due(20, [ended], quiet=lambda _, at: at < moment(10)) == []
    assert due(20, [replace(ended, shelved_until=15, acted=3)]) == []
    assert covered(due(20, [replace(ended, shelved_until=5, acted=3)])) == [(1,)]


def test_what_somebody_has_dealt_with_is_not_told_unless_the_rule_asks_for_it() -> None:
    dealt = [
        Happening(1, state="acknowledged", acted=1),
        Happening(2, label="false", acted=1),
        Happening(3, label="benign", acted=1),
    ]
    real = Happening(4, label="true", acted=1)
    assert covered(due(5, [*dealt, real])) == [(4,)]
    assert covered(due(5, [*dealt, real], config(replace(HOT, labels=("false",))))) == [(2,)]
    assert covered(due(5, [*dealt, real], config(replace(HOT, states=("acknowledged",))))) == [(1,)]


def test_a_label_on_an_old_event_is_told_by_a_rule_that_asks_for_it() -> None:
    old = Happening(1, -3 * 86_400, -3 * 86_400, over=True, label="true", acted=0)
    asks = config(replace(HOT, labels=("true",)))
    assert due(5, [old], asks) == []
    assert covered(due(15, [replace(old, acted=10)], asks, since=5)) == [(1,)]


def test_a_new_rule_does_not_tell_what_ended_before_it() -> None:
    before, lasts, after = Happening(1, 0, 9, over=True), Happening(2, 0, 9), Happening(3, 11, 12, over=True)
    assert covered(due(30, [before, lasts, after], since=10)) == [(2,), (3,)]
    record = Told()
    messages = plan(
        config(), {}, frame([lasts, after]), record, [], tags=TAGS, describe=briefly, now=moment(30)
    )
    assert covered(messages) == [(2,)]  # a rule never seen before begins now


def test_what_began_and_ended_while_nobody_planned_is_told_within_a_day() -> None:
    event = Happening(1, 0, 5, over=True)
    assert covered(due(5 + 86_400, [event])) == [(1,)]
    assert due(6 + 86_400, [event]) == []
    assert covered(due(6 + 86_400, [replace(event, over=False)])) == [(1,)]


def test_imported_readings_are_not_told() -> None:
    events = [Happening(10, ids=(10, 11)), Happening(12, ids=(12, 20)), Happening(21)]
    assert covered(due(1, events, imported=[(10, 12), (21, 25)])) == [(12,)]


def test_a_calendar_decides_by_the_time_of_the_event() -> None:
    # START is 14:13:20 UTC.
    evening = Calendar("evening", begin=time(15), end=time(16))
    setting = config(replace(HOT, calendars=("evening",)), evening=evening)
    at = 46 * 60 + 40  # 15:00
    lasts, ended, within = Happening(1), Happening(2, 0, 60, over=True), Happening(3, at, at + 5, over=True)
    assert due(at - 1, [lasts, ended], setting) == []
    assert covered(due(at, [lasts, ended], setting)) == [(1,)]
    assert covered(due(at + 7_200, [ended, within], setting)) == [(3,)]  # nobody planned in between


def test_what_falls_together_goes_in_one_message_that_waits_from_the_first() -> None:
    setting, record = config(shift=replace(SHIFT, group=30)), Told()
    events = [Happening(1, 0), Happening(2, 20), Happening(3, 29.5, tag="temp")]
    assert due(29, events[:2], setting, record) == []
    (message,) = due(30, events, setting, record)
    assert message.covers == (1, 2, 3)
    assert due(59, [*events, Happening(4, 31)], setting, record) == []
    assert covered(due(61, [*events, Happening(4, 31)], setting, record)) == [(4,)]


def test_a_message_lists_the_worst_and_covers_all() -> None:
    events = [Happening(n, severity="low" if n < 30 else "high") for n in range(1, 41)]
    (message,) = due(30, events, config(shift=replace(SHIFT, group=30)))
    assert message.covers == tuple(range(1, 41))
    assert [event.id for event in message.events] == [*range(30, 41), *range(1, 10)]
    assert message.held_back == 20
    assert message.storm


def test_what_is_over_the_limit_comes_in_one_digest_when_the_limit_allows_again() -> None:
    setting, record = config(shift=replace(SHIFT, limit=Limit(3, 60))), Told()
    events = [Happening(n, n / 1_000) for n in range(1, 501)]
    assert covered(due(1, events, setting, record)) == [(1,), (2,), (3,)]
    assert due(2, events, setting, record) == []
    assert due(60.999, events, setting, record) == []
    (digest,) = due(61, events, setting, record)
    assert digest.kind is Kind.DIGEST
    assert digest.covers == tuple(range(4, 501))
    assert digest.held_back == 497 - 20
    assert digest.storm
    assert due(300, events, setting, record) == []
    assert covered(due(301, [*events, Happening(900, 301)], setting, record)) == [(900,)]


def test_if_there_is_room_for_some_messages_only_the_worst_go_first() -> None:
    setting = config(shift=replace(SHIFT, limit=Limit(1, 60)))
    events = [Happening(1, severity="low"), Happening(2, 0.5, severity="high")]
    assert covered(due(1, events, setting)) == [(2,)]


def test_ten_events_in_ten_minutes_are_no_flood_and_eleven_are() -> None:
    setting = config(shift=replace(SHIFT, group=700))
    spaced = [Happening(n, n * 59.9) for n in range(11)[1:]]
    (calm,) = due(1_500, spaced, setting)
    assert not calm.storm
    (flood,) = due(1_500, [*spaced, Happening(50, 11 * 59.9)], setting)
    assert flood.storm


def test_the_return_to_normal_is_told_once_to_everybody_who_was_told() -> None:
    rule = replace(HOT, returned=True, escalate=(Escalation(10, ("boss",)),))
    setting, record = config(rule), Told()
    lasts = Happening(1, 0, 3)
    assert [m.kind for m in due(1, [lasts], setting, record)] == [Kind.EVENT]
    assert [m.kind for m in due(20, [lasts], setting, record)] == [Kind.ESCALATION]
    over = replace(lasts, over=True, end=25, state="returned, unacknowledged")
    messages = due(40, [over], setting, record)
    assert [(m.kind, m.contact) for m in messages] == [(Kind.RETURNED, "shift"), (Kind.RETURNED, "boss")]
    assert due(50, [over], setting, record) == []


def test_an_event_that_was_over_when_it_was_told_needs_no_return() -> None:
    setting, record = config(replace(HOT, returned=True)), Told()
    (message,) = due(1, [Happening(1, over=True)], setting, record)
    assert message.over == (1,)
    assert due(2, [Happening(1, over=True)], setting, record) == []


def test_an_event_that_continues_after_its_return_was_told_is_told_again() -> None:
    setting, record = config(replace(HOT, returned=True)), Told()
    (first,) = due(1, [Happening(1)], setting, record)
    (back,) = due(20, [Happening(1, 0, 5, over=True)], setting, record)
    (again,) = due(30, [Happening(1, 0, 29)], setting, record)
    assert (first.kind, back.kind, again.kind) == (Kind.EVENT, Kind.RETURNED, Kind.EVENT)
    assert first.key != again.key
    assert due(31, [Happening(1, 0, 29)], setting, record) == []
    (back,) = due(60, [Happening(1, 0, 35, over=True)], setting, record)
    assert back.kind is Kind.RETURNED


def test_a_reminder_comes_while_an_event_lasts_and_nobody_has_acknowledged() -> None:
    setting, record, event = config(replace(HOT, remind=60)), Told(), Happening(1)
    keys = {due(1, [event], setting, record)[0].key}
    assert due(60, [event], setting, record) == []
    for seconds in (61, 121):
        (message,) = due(seconds, [event], setting, record)
        assert message.kind is Kind.REMINDER
        keys.add(message.key)
    assert len(keys) == 3
    assert due(200, [replace(event, state="acknowledged", acted=150)], setting, record) == []
    assert due(200, [replace(event, over=True)], setting, record) == []


def test_an_event_that_nobody_acknowledges_goes_to_the_next_person_step_by_step() -> None:
    rule = replace(HOT, escalate=(Escalation(60, ("boss",)), Escalation(120, ("boss", "shift"))))
    setting, record, event = config(rule), Told(), Happening(1, 0, 1, over=True)
    due(1, [event], setting, record)
    assert due(60, [event], setting, record) == []
    assert [(m.kind, m.contact) for m in due(61, [event], setting, record)] == [(Kind.ESCALATION, "boss")]
    assert due(120, [event], setting, record) == []
    last = due(121, [event], setting, record)
    assert [(m.kind, m.contact) for m in last] == [(Kind.ESCALATION, "shift"), (Kind.ESCALATION, "boss")]
    assert due(1_000, [event], setting, record) == []


def test_an_acknowledgement_or_a_label_stops_the_escalation() -> None:
    setting = config(replace(HOT, escalate=(Escalation(60, ("boss",)),)))
    for done in (
        Happening(1, state="acknowledged", acted=30),
        Happening(1, label="false", acted=30),
        Happening(1, state="shelved", acted=30, shelved_until=900),
    ):
        record = Told()
        due(1, [Happening(1)], setting, record)
        assert due(100, [done], setting, record) == []


def test_an_event_that_several_rules_tell_a_contact_of_is_told_once() -> None:
    rules = {name: replace(HOT, name=name, returned=True) for name in ("a", "b")}
    setting, record = NotifyConfig(None, {"shift": replace(SHIFT, group=0)}, {}, rules), Told()
    (first,) = due(1, [Happening(1)], setting, record)
    assert (first.rule, first.kind) == ("a", Kind.EVENT)
    assert due(2, [Happening(1)], setting, record) == []
    (second,) = due(9, [Happening(1, 0, 3, over=True)], setting, record)
    assert (second.rule, second.kind) == ("a", Kind.RETURNED)
    assert due(10, [Happening(1, 0, 3, over=True)], setting, record) == []


def test_a_rule_escalates_what_another_has_told() -> None:
    boss = replace(SHIFT, name="boss", group=0)
    contacts = {"shift": replace(SHIFT, group=0), "boss": boss}
    rules = {
        "a": replace(HOT, name="a"),
        "b": replace(HOT, name="b", escalate=(Escalation(60, ("boss",)),)),
    }
    setting, record = NotifyConfig(None, contacts, {}, rules), Told()
    assert [message.rule for message in due(1, [Happening(1)], setting, record)] == ["a"]
    (message,) = due(62, [Happening(1)], setting, record)
    assert (message.rule, message.kind, message.contact) == ("b", Kind.ESCALATION, "boss")


def test_a_digest_tells_each_of_its_events_for_every_rule() -> None:
    rules = {"a": replace(HOT, name="a", tags=("ph",)), "b": replace(HOT, name="b")}
    contact = replace(SHIFT, limit=Limit(1, 60))
    setting, record = NotifyConfig(None, {"shift": contact}, {}, rules), Told()
    events = [Happening(1), Happening(2, tag="ph"), Happening(3)]
    assert len(due(1, events, setting, record)) == 1
    (digest,) = due(61, events, setting, record)
    assert digest.kind is Kind.DIGEST
    assert len(digest.covers) == 2
    assert due(500, events, setting, record) == []


def test_the_clock_of_a_sender_may_be_ahead() -> None:
    assert covered(due(1, [Happening(1, 100, 100)])) == [(1,)]


def test_the_order_of_the_events_changes_nothing() -> None:
    setting = config(shift=replace(SHIFT, limit=Limit(2, 60)))
    events = [Happening(n, n % 3, severity=("low", "high")[n % 2]) for n in range(1, 9)]
    assert due(9, events, setting) == due(9, events[::-1], setting)


def test_what_was_quiet_until_now_is_no_digest_though_the_limit_was_reached_meanwhile() -> None:
    setting, record = config(shift=replace(SHIFT, limit=Limit(1, 60))), Told()
    rest = [Happening(1), Happening(2, tag="temp")]
    assert covered(due(1, rest, setting, record, quiet=lambda tag, _: tag == "temp")) == [(1,)]
    (message,) = due(500, rest, setting, record)
    assert (message.kind, message.covers) == (Kind.EVENT, (2,))


def test_ten_thousand_events_twenty_rules_and_a_thousand_messages_are_planned_quickly() -> None:
    many = frame([Happening(10 * n, n / 10) for n in range(1, 10_001)])
    contacts = {f"c{n}": Contact(f"c{n}", ()) for n in range(5)}
    steps = (Escalation(900, ("c0",)),)
    rules = {
        f"r{n}": Rule(f"r{n}", (f"c{n % 5}",), tags=("p*",), remind=600, returned=True, escalate=steps)
        for n in range(20)
    }
    setting = NotifyConfig(None, contacts, {}, rules)
    record = Told(
        Message(f"k{n}", Kind.EVENT, f"r{n % 20}", f"c{n % 5}", moment(n), covers=(10 * n, 10 * n + 10))
        for n in range(1, 1_001)
    )
    since = dict.fromkeys(rules, moment(-1))
    begin = process_time()
    messages = plan(setting, since, many, record, [], tags=TAGS, describe=briefly, now=moment(5_000))
    assert process_time() - begin < 0.75  # 0.07 s on an idle machine
    assert {message.contact for message in messages} == set(contacts)
