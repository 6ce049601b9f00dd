"""What goes out to one contact now: what is due in groups, within the contact's limit. Pure.

What is due waits `group` seconds from the first and goes out together, by rule and kind; without a group,
each event by itself. If there was no room for it when it should have gone out, it was held back: as soon
as the limit allows a message again, all that is due to the contact goes out in one digest. If there is room
for some messages only, the worst go first. What is due since long ago, and was not waiting when the limit
last allowed a message again, was not held back: it was quiet until now, or became worse.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sensormon.model.clock import SECOND
from sensormon.model.readings import Bools, Ints
from sensormon.notify.calendar import NEVER
from sensormon.notify.config import Contact, Limit
from sensormon.notify.facts import Facts
from sensormon.notify.messages import Kind
from sensormon.notify.notices import Due

FLOOD, WITHIN = 10, 600 * SECOND
"""More events than this that begin within 10 minutes are a flood (ANSI/ISA-18.2-2016)."""
LATELY = 60 * SECOND
"""A digest follows within this time (µs) on the end of the stretch that had no room."""
MOST_COVERED = 20_000
"""Events that a message tells of at most; others wait for the next."""


@dataclass(frozen=True, eq=False)
class Parcel:
    """A message to be: the places of its events, the worst first.

    `before` is when the contact was last told of the event with the lowest id by such a message.
    """

    kind: Kind
    rule: str
    rows: Ints
    before: int


def parcels(
    contact: Contact, waiting: Sequence[Due], facts: Facts, digested: Ints, sent: Sequence[int], now: int
) -> list[Parcel]:
    """What goes out to this contact now.

    `sent` are the times of its messages as far back as `reach` says, in order, `digested` when each event
    was last in a digest to it.
    """
    free = room(contact.limit, sent, now)
    waiting = [due for due in waiting if len(due.rows)]
    if free <= 0 or not waiting:
        return []
    group = round(contact.group * SECOND)
    full = full_until(contact.limit, sent, now)
    if goes_at(waiting, contact) < full and now - full < LATELY:
        rows = np.unique(np.concatenate([due.rows for due in waiting]))
        rules = {due.rule for due in waiting}
        return [_parcel(Kind.DIGEST, rules.pop() if len(rules) == 1 else "", rows, digested[rows], facts)]
    choice: list[tuple[tuple[int, int, str, str, int], Parcel]] = []
    for due in waiting:
        if group:
            ready = int(due.ready.min())
            if ready + group <= now:
                parcel = _parcel(due.kind, due.rule, due.rows, due.before, facts)
                choice.append((_place(parcel, ready, facts), parcel))
            continue
        best = np.lexsort((facts.id[due.rows], due.ready, -facts.rank[due.rows]))[:free]
        for each in best.tolist():
            at = slice(each, each + 1)
            parcel = _parcel(due.kind, due.rule, due.rows[at], due.before[at], facts)
            choice.append((_place(parcel, int(due.ready[each]), facts), parcel))
    return [parcel for _, parcel in sorted(choice, key=lambda each: each[0])[:free]]


def goes_at(waiting: Sequence[Due], contact: Contact) -> int:
    """When the first of this should go out, if there is room; NEVER if nothing is due."""
    ready = min((int(due.ready.min()) for due in waiting if len(due.rows)), default=NEVER)
    return ready if ready == NEVER else ready + round(contact.group * SECOND)


def reach(contact: Contact, waiting: Sequence[Due], now: int) -> int:
    """Since when the times of messages decide on what goes out."""
    return min(now, goes_at(waiting, contact)) - contact.limit.seconds * SECOND


def room(limit: Limit, sent: Sequence[int], now: int) -> int:
    """How many messages the limit allows now after those of these times."""
    since = now - limit.seconds * SECOND
    return limit.messages - sum(time > since for time in sent)


def full_until(limit: Limit, sent: Sequence[int], now: int) -> int:
    """When the last stretch ended, or ends, that had no room for a message before now; 0 if none had."""
    if limit.messages < 1:
        return NEVER
    times = np.array(sent, dtype=np.int64)
    begins = times[limit.messages - 1 :]
    ends = times[: len(begins)] + limit.seconds * SECOND
    ends = ends[(begins < ends) & (begins < now)]
    return int(ends.max()) if len(ends) else 0


def in_flood(starts: Ints) -> Bools:
    """For each of these ascending times whether it is one of more than `FLOOD` within 10 minutes."""
    places = np.arange(len(starts))
    beyond = np.searchsorted(starts, starts + WITHIN, side="left")
    floods = beyond - places > FLOOD
    change = np.zeros(len(starts) + 1, dtype=np.int64)
    np.add.at(change, places[floods], 1)
    np.add.at(change, beyond[floods], -1)
    within: Bools = np.cumsum(change[:-1]) > 0
    return within


def _parcel(kind: Kind, rule: str, rows: Ints, before: Ints, facts: Facts) -> Parcel:
    order = np.lexsort((facts.id[rows], facts.start[rows], -facts.rank[rows]))[:MOST_COVERED]
    rows, before = rows[order], before[order]
    return Parcel(kind, rule, rows, int(before[np.argmin(facts.id[rows])]))


def _place(parcel: Parcel, ready: int, facts: Facts) -> tuple[int, int, str, str, int]:
    """Its place in line."""
    first = int(facts.id[parcel.rows].min())
    return -int(facts.rank[parcel.rows].max()), ready, parcel.rule, str(parcel.kind), first
