"""Which messages on the monitor itself are due: conditions that stand or ended, and heartbeats. Pure.

A condition is told once while it stands, and again when it has begun anew since; with `returned`, its end
is told too. Nobody can acknowledge a condition: reminders and escalations go on while it stands.
Conditions that a rule tells a contact at one time go in one message. These messages have an
allowance of their own, as large as the contact's limit, so that a flood of events never holds them back.

While the store is away each process tells by itself of `OWN` alone: what it knows without the others, and
what they can be ill with, too, each by itself.

A heartbeat goes out once in each period, which begins at a multiple of it since 1970 in UTC, as soon as the
rule's calendars apply, and whatever the limit: one that does not come means that the monitor is dead.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

import pandas as pd

from sensormon.events.actions import ATTENTION
from sensormon.model.clock import DAY, SECOND
from sensormon.model.format import counted, duration
from sensormon.model.timestamps import micros
from sensormon.notify.calendar import applies
from sensormon.notify.conditions import Standing, ended_words
from sensormon.notify.config import Calendar, Condition, Contact, NotifyConfig, Rule, contacts_of
from sensormon.notify.matching import matcher
from sensormon.notify.messages import LISTED, Kind, Message, key_of
from sensormon.notify.parcels import room
from sensormon.notify.told import Occurrence, Told

HEARTBEAT = "heartbeat"
"""What stands for a condition in a heartbeat."""
OWN = (Condition.STORE, Condition.JOURNAL, Condition.DISK, Condition.THREAD)
"""Conditions of a process, which it tells of by itself while nobody can say which process tells."""
TOGETHER = 200
"""Conditions that one message names at most."""
UNREAD = "Events cannot be read now."


def health_messages(
    config: NotifyConfig,
    events: pd.DataFrame | None,
    record: Told,
    standing: Sequence[Standing] | None,
    now: int,
    *,
    alone: bool = False,
) -> list[Message]:
    """The messages due now; without `standing`, heartbeats alone. `events` is None if they cannot be read.

    `alone`: only of conditions in `OWN`, and no heartbeat.
    """
    of = OWN if alone else tuple(Condition)
    in_force = [
        rule
        for rule in sorted(config.rules.values(), key=lambda rule: rule.name)
        if rule.on and not rule.of_events and _applies(rule, config.calendars, now)
    ]
    messages: list[Message] = []
    for contact in config.contacts.values():
        due: list[Message] = []
        alive: list[Message] = []
        for rule in in_force:
            if standing is not None and contact.name in contacts_of(rule):
                stands = [each for each in standing if each.condition in of]
                due += _of_conditions(rule, contact, stands, record, now)
                due += _of_ends(rule, contact, stands, of, record, now)
            if rule.heartbeat and contact.name in rule.to and not alone:
                alive += _heartbeat(rule, contact, events, record, standing, now)
        sent = record.sent(contact.name, now - contact.limit.seconds * SECOND, health=True)
        messages += [*due[: max(0, room(contact.limit, sent, now))], *alive]
    return messages


def _applies(rule: Rule, calendars: Mapping[str, Calendar], now: int) -> bool:
    return not rule.calendars or any(applies(calendars[name], now) for name in rule.calendars)


def _of_conditions(
    rule: Rule, contact: Contact, standing: Sequence[Standing], record: Told, now: int
) -> list[Message]:
    """What stands, in a message for each kind: told first, repeated, escalated."""
    stand = {each.name for each in standing}
    due: dict[Kind, list[tuple[int, Standing]]] = {}
    for each in standing:
        if _takes(rule, each) and each.part_of not in stand:
            for kind, ready in _moments(
                rule, contact, each, record.condition(rule.name, contact.name, each.name)
            ):
                if ready <= now:
                    due.setdefault(kind, []).append((ready, each))
    messages = []
    for kind, waiting in due.items():
        if min(ready for ready, _ in waiting) + round(contact.group * SECOND) <= now:
            words = {each.name: each.words for _, each in waiting}
            messages += _messages(rule, contact, kind, words, record, now)
    return messages


def _takes(rule: Rule, each: Standing) -> bool:
    """Whether the rule tells of this condition; its tags choose among those that are silent."""
    if each.condition not in rule.health:
        return False
    return each.condition is not Condition.SILENT or not rule.tags or matcher(rule.tags)(each.about)


def _moments(rule: Rule, contact: Contact, each: Standing, before: Occurrence) -> Iterator[tuple[Kind, int]]:
    """What is to be told of a condition, and since when (µs UTC)."""
    begins = each.since + round(rule.after * SECOND)
    known = before.open if rule.returned else before.last >= each.since
    if contact.name in rule.to:
        if not known:
            yield Kind.HEALTH, begins
        elif rule.remind:
            yield Kind.REMINDER, before.last + round(rule.remind * SECOND)
    for step in rule.escalate:
        ready = begins + round(step.after * SECOND)
        if contact.name in step.to and before.last < ready:
            yield Kind.ESCALATION, ready


def _of_ends(
    rule: Rule,
    contact: Contact,
    standing: Sequence[Standing],
    of: Collection[Condition],
    record: Told,
    now: int,
) -> list[Message]:
    """What was told and stands no longer, of these conditions."""
    if not rule.returned:
        return []
    stand = {each.name for each in standing}
    ended = [
        name
        for name in record.open_conditions(rule.name, contact.name)
        if name not in stand and name.partition(":")[0] in of
    ]
    return _messages(rule, contact, Kind.RETURNED, {name: ended_words(name) for name in ended}, record, now)


def _heartbeat(
    rule: Rule,
    contact: Contact,
    events: pd.DataFrame | None,
    record: Told,
    standing: Sequence[Standing] | None,
    now: int,
) -> list[Message]:
    period = round(rule.heartbeat * SECOND)
    last = record.condition(rule.name, contact.name, HEARTBEAT).last
    if last // period >= now // period:
        return []
    words = {HEARTBEAT: heartbeat_words(events, standing, period, now)}
    return _messages(rule, contact, Kind.HEALTH, words, record, now)


def heartbeat_words(
    events: pd.DataFrame | None, standing: Sequence[Standing] | None, period: int, now: int
) -> str:
    """That the monitor is alive, with counts of the last period (µs), at most a day."""
    words = "The monitor is alive. " + (_counts(events, period, now) if events is not None else UNREAD)
    return "\n".join([words, *lines_of([each.words for each in standing or ()])])


def _counts(events: pd.DataFrame, period: int, now: int) -> str:
    span = min(period, DAY)
    began = int((micros(events["start"]) >= now - span).sum())
    waiting = int(events["state"].isin(ATTENTION).sum())
    return (
        f"{counted(began, 'event')} began in the last {duration(span / SECOND)}, "
        f"{waiting:,} {'needs' if waiting == 1 else 'need'} attention."
    )


def is_own(message: Message) -> bool:
    """Whether it tells of conditions in `OWN` and of nothing else."""
    names = message.condition.splitlines()
    return bool(names) and all(name.partition(":")[0] in OWN for name in names)


def lines_of(words: Sequence[str]) -> list[str]:
    """These as lines of a message, at most `LISTED`, and how many more there are."""
    more = len(words) - LISTED
    return [*words[:LISTED], *([f"And {more:,} more."] if more > 0 else [])]


def _messages(
    rule: Rule, contact: Contact, kind: Kind, words: Mapping[str, str], record: Told, now: int
) -> list[Message]:
    """The messages of these conditions, by name; more than one if they are many."""
    names = sorted(words)
    messages = []
    for place in range(0, len(names), TOGETHER):
        part = names[place : place + TOGETHER]
        before = record.condition(rule.name, contact.name, part[0])
        messages.append(
            Message(
                key=key_of(rule.name, contact.name, kind, part[0], before.last),
                kind=kind,
                rule=rule.name,
                contact=contact.name,
                created=now,
                text="\n".join(lines_of([words[name] for name in part])),
                condition="\n".join(part),
                due=now,
            )
        )
    return messages
