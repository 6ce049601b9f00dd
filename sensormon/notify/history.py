"""What rules would have sent: planning repeated over a stretch of the past, as if it had always gone on.

It goes from one moment at which something can go out to the next, with the functions that `plan` uses, so
that it says what `plan` would have made at these moments. Events are as they are known now: their peaks and
their ends may have been known later. Acknowledgements and labels count from the last action on an event.
Conditions of the monitor and heartbeats are left out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from sensormon.events.alarm_load import AlarmLoad, alarm_load
from sensormon.model.clock import SECOND
from sensormon.model.events import Delays
from sensormon.model.readings import Ints
from sensormon.model.tags import TagTable
from sensormon.notify.calendar import NEVER
from sensormon.notify.config import Contact, NotifyConfig, contacts_of
from sensormon.notify.facts import Quiet, facts_of, never_quiet
from sensormon.notify.messages import LISTED, Kind, Message, ToldEvent
from sensormon.notify.notices import Ground, take
from sensormon.notify.planning import grounds_of, listed_events, message_of, parcels_to
from sensormon.notify.replay import Course

MOST = 20_000
"""Messages after which a forecast stops."""


@dataclass(frozen=True)
class Forecast:
    """What would have been sent in since <= time < until (µs UTC), oldest first.

    `events` are those of which a message would have told; `load` is theirs, beside the norm of ISA-18.2. Not
    `complete` if it stopped after `MOST` messages.
    """

    since: int
    until: int
    messages: tuple[Message, ...]
    events: int
    load: AlarmLoad
    complete: bool = True

    @property
    def counts(self) -> dict[tuple[str, Kind], int]:
        """How many messages each contact would have got, by kind."""
        return dict(Counter((message.contact, message.kind) for message in self.messages))


def would_have_sent(
    config: NotifyConfig,
    events: pd.DataFrame,
    *,
    tags: TagTable,
    since: int,
    until: int,
    rules: Collection[str] | None = None,
    quiet: Quiet = never_quiet,
    changes: Sequence[int] = (),
    imported: Sequence[tuple[int, int]] = (),
    off_seconds: float = Delays().off_seconds,
) -> Forecast:
    """What these rules, all by default, would have sent if they had been in force since `since`.

    `events` are those that `EventReader.between` returned for the stretch at its end or later. `changes` are
    the moments (µs UTC) at which `quiet` may begin to answer otherwise. An event is taken to have been
    over `off_seconds` after its end. Messages list their events without the sentence of why.
    """
    chosen = {name: rule for name, rule in config.rules.items() if rules is None or name in rules}
    config = replace(config, rules=chosen)
    base, _, _ = facts_of(events, tags, quiet, imported, until)
    grounds = grounds_of(config, dict.fromkeys(chosen, since), base, until)
    course = Course(base, round(off_seconds * SECOND), quiet)
    contacts = [
        contact
        for contact in config.contacts.values()
        if any(contact.name in contacts_of(ground.rule) for ground in grounds)
    ]
    sent: list[tuple[Message, Ints]] = []
    for now, contact in _moments(contacts, grounds, course, sorted(changes), since, until):
        own = [ground for ground in grounds if contact.name in contacts_of(ground.rule)]
        rows = course.alive(now, own)
        facts, past = course.at(now, rows), course.past.of(rows)
        views = [take(facts, replace(ground, takes=ground.takes[rows]), now) for ground in own]
        for parcel, flood in parcels_to(contact, facts, views, past, now):
            message = message_of(parcel, contact.name, facts, flood, {}, now)
            sent.append((message, rows[parcel.rows]))
            course.past.add(message, rows[parcel.rows], facts.over[parcel.rows])
        if len(sent) >= MOST:
            break
    covered = np.unique(np.concatenate([rows for _, rows in sent])) if sent else np.zeros(0, dtype=np.int64)
    listed = listed_events(events, base, [rows for _, rows in sent], lambda row: _briefly(row, tags))
    return Forecast(
        since,
        until,
        tuple(_listing(message, [listed[row] for row in rows[:LISTED].tolist()]) for message, rows in sent),
        len(covered),
        alarm_load(base.start[covered], since, until),
        complete=len(sent) < MOST,
    )


def _moments(
    contacts: Sequence[Contact],
    grounds: Sequence[Ground],
    course: Course,
    changes: Sequence[int],
    since: int,
    until: int,
) -> Iterator[tuple[int, Contact]]:
    """Each moment at which something may go out to a contact; the next depends on what did."""
    of = {
        contact.name: [ground for ground in grounds if contact.name in contacts_of(ground.rule)]
        for contact in contacts
    }
    escalated = {name for ground in grounds for step in ground.rule.escalate for name in step.to}
    next_look = dict.fromkeys(of, since)
    while (now := min(next_look.values(), default=NEVER)) < until:
        looking = [contact for contact in contacts if next_look[contact.name] <= now]
        for contact in looking:
            yield now, contact
        for contact in contacts:
            if contact in looking or contact.name in escalated:
                next_look[contact.name] = course.next_moment(contact, of[contact.name], changes, now)


def _listing(message: Message, events: Sequence[ToldEvent]) -> Message:
    """The message with the events that it lists."""
    over = set(message.over)
    listed = tuple(replace(event, over=event.id in over) for event in events)
    return replace(message, events=listed, held_back=len(message.covers) - len(listed))


def _briefly(row: Mapping[Any, Any], tags: TagTable) -> ToldEvent:
    tag = str(row["tag"])
    return ToldEvent(
        id=int(row["id"]),
        tag=tag,
        title=tags.title(tag),
        began=row["start"].value // 1_000,
        value=tags[tag].render(float(row["value"])),
        score=float(row["score"]),
        severity=str(row["severity"]),
        why="",
    )
