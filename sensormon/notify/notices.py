"""What is due to be told of events by one rule to one contact at one moment. Pure, by columns.

An event is due when the rule takes it, it has lasted long enough, its state is not shelved, its tag is
not quiet, and nobody has dealt with it; it must have lasted at some moment at which the rule existed and its
calendars applied. Dealt with is an event that is acknowledged, or labelled benign or false, unless the rule
asks for just these states or labels. What ended while it was shelved or its tag quiet is not told, nor what
ended more than `LATEST` before.

What was told and continues after it was told as over is due again. A reminder goes to the rule's own
contacts. An escalation goes on when the calendar no longer applies, and when the event is over: it asks
whether anybody has acknowledged. A return to normal is told to everybody whom the rule told of the event,
acknowledged or not, while a calendar applies and for at most `LATEST`; an event that was over when it was
told needs none.

A digest tells everything of its events that was due when it was made, for every rule. Of rules that tell a
contact of the same event, the first by name does; the others count it as theirs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from sensormon.events.actions import State
from sensormon.model.clock import DAY, SECOND
from sensormon.model.readings import Bools, Ints
from sensormon.notify.calendar import NEVER, first_within, stretches
from sensormon.notify.config import Calendar, Rule
from sensormon.notify.facts import Facts, Past
from sensormon.notify.matching import taken_by_acts, taken_by_what
from sensormon.notify.messages import Kind
from sensormon.notify.told import ANY, OVER

LATEST = DAY
"""What ended longer ago than this (µs) is not told any more."""
DEALT_WITH = ("benign", "false")
"""Labels that say that nobody needs to do anything."""


@dataclass(frozen=True, eq=False)
class Due:
    """What one rule has to tell one contact: the places of the events, and since when each is due (µs UTC).

    `before` is when the contact was last told of it by a message of this kind and rule, 0 for never.
    """

    rule: str
    kind: Kind
    rows: Ints
    ready: Ints
    before: Ints


@dataclass(frozen=True, eq=False)
class Ground:
    """What of a rule holds at every moment: which events it takes by what they are, and when it applies.

    `since` is when the rule was first seen; `within` are the stretches of its calendars, None without any.
    """

    rule: Rule
    since: int
    takes: Bools
    within: list[tuple[int, int]] | None

    @property
    def asks(self) -> bool:
        """Whether what people did decides, so that a rule can take an event long after it ended."""
        return bool(self.rule.labels or self.rule.states)

    def ready(self, facts: Facts) -> Ints:
        """From when on each event may be told, NEVER if the calendars never apply."""
        begin = facts.start + round(self.rule.after * SECOND)
        if self.asks:
            begin = np.maximum(begin, facts.acted)
        begin = np.maximum(begin, self.since)
        return begin if self.within is None else first_within(begin, self.within)

    def applies(self, now: int) -> bool:
        """Whether one of the rule's calendars applies."""
        return self.within is None or any(begin <= now < end for begin, end in self.within)


@dataclass(frozen=True, eq=False)
class Taken:
    """A rule's view of the events at one moment: `counts` are those it may tell, `ready` since when.

    `open` are those with which nobody has dealt, `held` those of which nothing goes out now; `gone` ended
    while it was held, `fresh` lately or not at all. `applies` is whether one of its calendars does.
    """

    rule: Rule
    counts: Bools
    ready: Ints
    open: Bools
    held: Bools
    gone: Bools
    fresh: Bools
    applies: bool


def ground_of(facts: Facts, rule: Rule, calendars: Mapping[str, Calendar], since: int, now: int) -> Ground:
    """The ground of a rule that exists since this moment (µs UTC), for moments up to now."""
    within = None
    if rule.calendars:
        first = max(since, int(facts.start.min()) if len(facts) else now)
        within = stretches((calendars[name] for name in rule.calendars), min(first, now), now)
    return Ground(rule, since, taken_by_what(facts.facets, rule) & ~facts.imported, within)


def take(facts: Facts, ground: Ground, now: int) -> Taken:
    """What a rule sees of the events now."""
    rule, facets = ground.rule, facts.facets
    shelved = facets.state.rows(lambda state: state == State.SHELVED and state not in rule.states)
    dealt = facets.state.rows(lambda state: state == State.ACKNOWLEDGED and state not in rule.states)
    dealt |= facets.label.rows(lambda label: label in DEALT_WITH and label not in rule.labels)
    ended = np.maximum(facts.end, facts.acted) if ground.asks else facts.end
    ready = ground.ready(facts)
    last = np.where(facts.over, np.where(ended > now, now, ended), NEVER - 1)
    counts = ground.takes & (facts.end - facts.start >= round(rule.after * SECOND)) & (ready <= last)
    if ground.asks:
        counts &= taken_by_acts(facets, rule)
    gone = facts.over & (facts.ended_quietly | (facts.shelved_until > facts.end))
    return Taken(
        rule=rule,
        counts=counts,
        ready=ready,
        open=~dealt,
        held=facts.quiet | shelved,
        gone=np.zeros_like(gone) if ground.asks else gone,
        fresh=~facts.over | (ended >= now - LATEST),
        applies=ground.applies(now),
    )


def dues(facts: Facts, views: Iterable[Taken], contact: str, past: Past, now: int) -> Iterator[Due]:
    """All that is due to be told to this contact now, by each rule and kind.

    What several rules tell alike, that an event is there or over, only the first tells.
    """
    left = {kind: np.ones(len(facts), dtype=np.bool_) for kind in (Kind.EVENT, Kind.RETURNED)}
    for view in views:
        for kind, (which, ready) in _notices(facts, view, contact, past, now):
            rows = np.flatnonzero(which & view.fresh & ~view.held & (ready <= now) & left.get(kind, True))
            if len(rows):
                if kind in left:
                    left[kind][rows] = False
                before = past.last(view.rule.name, contact, kind)[rows]
                yield Due(view.rule.name, kind, rows, ready[rows], before)


def _notices(
    facts: Facts, view: Taken, contact: str, past: Past, now: int
) -> Iterator[tuple[Kind, tuple[Bools, Ints]]]:
    """By kind which events are to be told, and since when."""
    rule = view.rule
    if contact in rule.to:
        yield Kind.EVENT, _untold(facts, view, contact, past)
        if rule.remind:
            yield Kind.REMINDER, _reminders(facts, view, contact, past)
    escalated = any(contact in step.to for step in rule.escalate)
    if escalated:
        yield Kind.ESCALATION, _escalations(view, contact, past, now)
    if rule.returned and (escalated or contact in rule.to):
        yield Kind.RETURNED, _returned(facts, view, contact, past)


def _told_first(view: Taken, contact: str, past: Past) -> Ints:
    """When this contact was told of each event by this rule, or by another since it was due; 0 for never.

    Of an event that was due again, when that was told.
    """
    own = past.last(view.rule.name, contact, Kind.EVENT)
    first, last = (when("", contact, ANY) for when in (past.first, past.last))
    other = np.where(first >= view.ready, first, np.where(last >= view.ready, last, 0))
    times: Ints = np.where((own > 0) | ~view.counts, own, other)
    return times


def _told_last(view: Taken, contact: str, past: Past) -> Ints:
    """The same, when it last was."""
    own, other = past.last(view.rule.name, contact, Kind.EVENT), past.last("", contact, ANY)
    counts = view.counts & (other >= view.ready)
    times: Ints = np.maximum(own, np.where(counts | (own > 0), other, 0))
    return times


def _last_over(contact: str, past: Past) -> Ints:
    """When this contact was last told that the event was over."""
    return past.last("", contact, OVER)


def _untold(facts: Facts, view: Taken, contact: str, past: Past) -> tuple[Bools, Ints]:
    latest, over = _told_last(view, contact, past), _last_over(contact, past)
    again = (latest > 0) & (over >= latest) & ~facts.over & (facts.end > over)
    which = view.counts & view.open & ~view.gone & ((latest == 0) | again)
    return which, np.where(again, np.maximum(view.ready, over), view.ready)


def _reminders(facts: Facts, view: Taken, contact: str, past: Past) -> tuple[Bools, Ints]:
    latest = _told_last(view, contact, past)
    which = view.counts & view.open & ~facts.over & (latest > 0) & np.bool_(view.applies)
    for kind in (Kind.REMINDER, Kind.ESCALATION):
        latest = np.maximum(latest, past.last(view.rule.name, contact, kind))
    return which, latest + round(view.rule.remind * SECOND)


def _escalations(view: Taken, contact: str, past: Past, now: int) -> tuple[Bools, Ints]:
    first = np.full(len(view.ready), NEVER)
    for to in view.rule.to:
        times = _told_first(view, to, past)
        first = np.where(times > 0, np.minimum(first, times), first)
    latest = _escalated(view, contact, past)
    ready = np.full(len(first), NEVER)
    for step in view.rule.escalate:
        if contact in step.to:
            after = round(step.after * SECOND)
            due = np.where(first < NEVER - after, first, NEVER - after) + after
            ready = np.where((latest < due) & (due <= now), np.minimum(ready, due), ready)
    return view.counts & view.open & (ready < NEVER), ready


def _escalated(view: Taken, contact: str, past: Past) -> Ints:
    """When an event was last escalated to this contact, who is told of escalations by digests too."""
    own, digest = past.last(view.rule.name, contact, Kind.ESCALATION), past.last("", contact, Kind.DIGEST)
    times: Ints = np.maximum(own, digest)
    return times


def _returned(facts: Facts, view: Taken, contact: str, past: Past) -> tuple[Bools, Ints]:
    latest = np.zeros(len(facts), dtype=np.int64)
    if contact in view.rule.to:
        latest = _told_last(view, contact, past)
    if any(contact in step.to for step in view.rule.escalate):
        latest = np.maximum(latest, _escalated(view, contact, past))
    over = _last_over(contact, past)
    which = facts.over & (latest > 0) & (over < latest) & np.bool_(view.applies)
    return which, facts.end
