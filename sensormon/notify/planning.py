"""Which messages are due now. Pure: the same inputs give the same messages with the same keys.

So two processes, or one after a restart, plan the same; what a message tells counts as told once the
message is in the outbox. Nothing is kept between two calls. What it is not: a sender.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from sensormon.model.readings import Bools, Ints
from sensormon.model.tags import TagTable
from sensormon.notify.conditions import Standing
from sensormon.notify.config import Contact, NotifyConfig, Rule, contacts_of
from sensormon.notify.facts import Facts, Past, PastOf, Quiet, facts_of, never_quiet
from sensormon.notify.health import health_messages
from sensormon.notify.messages import LISTED, Kind, Message, ToldEvent, key_of
from sensormon.notify.notices import Ground, Taken, dues, ground_of, take
from sensormon.notify.parcels import Parcel, in_flood, parcels, reach
from sensormon.notify.told import Told

Describe = Callable[[Mapping[Any, Any]], ToldEvent]
"""A row of the frame of events as a message tells it."""


def plan(
    config: NotifyConfig,
    rules_since: Mapping[str, int],
    events: pd.DataFrame,
    record: Told,
    standing: Sequence[Standing] | None,
    *,
    tags: TagTable,
    describe: Describe,
    now: int,
    quiet: Quiet = never_quiet,
    imported: Sequence[tuple[int, int]] = (),
) -> list[Message]:
    """The messages to put into the outbox now (µs UTC).

    `events` are those of `EventReader.between` that ended within `notices.LATEST`, or last. `rules_since`
    has when each rule was first seen (µs UTC); one that is not there begins now. `standing` are the
    conditions of the monitor, None while they are not known. `imported` are first and last ids of imported
    readings: events of these alone are not told.

    See `notices` for what is due, `parcels` for groups, limits and digests, `health` for conditions.
    """
    facts, ids, edges = facts_of(events, tags, quiet, imported, now)
    past = PastOf(record, ids, edges)
    grounds = grounds_of(config, rules_since, facts, now)
    views = [take(facts, ground, now) for ground in grounds]
    drafts = [
        (contact.name, parcel, flood)
        for contact in config.contacts.values()
        for parcel, flood in parcels_to(contact, facts, views, past, now)
    ]
    listed = listed_events(events, facts, [parcel.rows for _, parcel, _ in drafts], describe)
    messages = [message_of(parcel, name, facts, flood, listed, now) for name, parcel, flood in drafts]
    return messages + health_messages(config, events, record, standing, now)


def grounds_of(config: NotifyConfig, rules_since: Mapping[str, int], facts: Facts, now: int) -> list[Ground]:
    """The grounds of the rules of events that are on, in order of their names."""
    rules = sorted((rule for rule in config.rules.values() if rule.on and rule.of_events), key=_name)
    return [ground_of(facts, rule, config.calendars, rules_since.get(rule.name, now), now) for rule in rules]


def parcels_to(
    contact: Contact, facts: Facts, views: Sequence[Taken], past: Past, now: int
) -> list[tuple[Parcel, bool]]:
    """What goes out to this contact now, and whether it tells of a flood."""
    waiting = list(dues(facts, views, contact.name, past, now))
    if not waiting:
        return []
    sent = past.sent(contact.name, reach(contact, waiting, now))
    ready = parcels(contact, waiting, facts, past.last("", contact.name, Kind.DIGEST), sent, now)
    if not ready:
        return []
    flood = floods(facts, views, contact.name, now)
    return [(parcel, bool(flood[parcel.rows].any())) for parcel in ready]


def floods(facts: Facts, views: Iterable[Taken], contact: str, now: int) -> Bools:
    """For each event whether it is one of a flood among those that rules tell this contact."""
    counts = np.zeros(len(facts), dtype=np.bool_)
    for view in views:
        if contact in contacts_of(view.rule):
            counts |= view.counts & (view.ready <= now)
    order = np.flatnonzero(counts)
    order = order[np.argsort(facts.start[order], kind="stable")]
    counts[order] = in_flood(facts.start[order])
    return counts


def message_of(
    parcel: Parcel, contact: str, facts: Facts, flood: bool, listed: Mapping[int, ToldEvent], now: int
) -> Message:
    """The message of this parcel; `listed` has events by their places."""
    ids = np.sort(facts.id[parcel.rows])
    events = tuple(listed[place] for place in parcel.rows[:LISTED].tolist() if place in listed)
    return Message(
        key=key_of(parcel.rule, contact, parcel.kind, int(ids[0]), parcel.before),
        kind=parcel.kind,
        rule=parcel.rule,
        contact=contact,
        created=now,
        events=events,
        covers=tuple(ids.tolist()),
        held_back=len(ids) - len(events),
        over=tuple(np.sort(facts.id[parcel.rows[facts.over[parcel.rows]]]).tolist()),
        storm=flood,
        due=now,
    )


def listed_events(
    events: pd.DataFrame, facts: Facts, messages: Iterable[Ints], describe: Describe
) -> dict[int, ToldEvent]:
    """The events that messages of these places in the facts list, by their places."""
    places = sorted({place for rows in messages for place in rows[:LISTED].tolist()})
    if not places:
        return {}
    rows = events.loc[:, events.columns != "ids"].iloc[facts.row[places]]
    return {place: describe(row) for place, row in zip(places, rows.to_dict("records"), strict=True)}


def _name(rule: Rule) -> str:
    return rule.name
