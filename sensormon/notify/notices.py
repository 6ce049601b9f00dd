"""What is due to be told of events by one rule to one contact at one moment. Pure, by columns.

An event is due when the rule takes it, it has lasted long enough, its state is not shelved, its tag is
not quiet, and nobody has dealt with it; it must have lasted at some moment at which the rule existed and its
calendars applied. Dealt with is an event that is acknowledged, or labelled benign or false, unless the rule
asks for just these states or labels. What ended while it was shelved or its tag quiet is not told, nor what
ended more than `LATEST` before.

What was told and continues after it was told as over is due again. A reminder goes to the rule's own
contacts. An escalation goes on when the calendar no longer applies, and when the event is over: it asks
whether anybody has acknowledged. A return to normal is told to everybody whom the rule told of the event.

A digest tells everything of its events that was due when it was made, for every rule.
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
from sensormon.notify.matching import taken
from sensormon.notify.messages import Kind
from sensormon.notify.told import OVER

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
class Taken:
    """A rule's view of the events: `counts` are those it may tell, `ready` since when.

    `open` are those with which nobody has dealt, `held` those of which nothing goes out now; `gone` ended
    while it was held, `fresh` lately or not at all.
    """

    rule: Rule
    counts: Bools
    ready: Ints
    open: Bools
    held: Bools
    gone: Bools
    fresh: Bools
    within: list[tuple[int, int]] | None

    def applies(self, now: int) -> bool:
        """Whether one of the rule's calendars applies."""
        return self.within is None or any(begin <= now < end for begin, end in self.within)


def take(facts: Facts, rule: Rule, calendars: Mapping[str, Calendar], since: int, now: int) -> Taken:
    """The view of a rule that exists since this moment (µs UTC)."""
    facets = facts.facets
    asks = bool(rule.labels or rule.states)
    shelved = facets.state.rows(lambda state: state == State.SHELVED and state not in rule.states)
    dealt = facets.state.rows(lambda state: state == State.ACKNOWLEDGED and state not in rule.states)
    dealt |= facets.label.rows(lambda label: label in DEALT_WITH and label not in rule.labels)
    after = round(rule.after * SECOND)
    begin, ended = facts.start + after, facts.end
    if asks:  # it may be an action that makes the rule take it, long after the event
        begin, ended = np.maximum(begin, facts.acted), np.maximum(ended, facts.acted)
    ready = np.maximum(begin, since)
    within = None
    if rule.calendars:
        earliest = int(ready.min()) if len(ready) else now
        within = stretches((calendars[name] for name in rule.calendars), min(earliest, now), now)
        ready = first_within(ready, within)
    last = np.where(facts.over, ended, NEVER - 1)
    return Taken(
        rule=rule,
        counts=taken(facets, rule)
        & ~facts.imported
        & (facts.end - facts.start >= after)
        & (ready <= np.maximum(last, np.where(ended > now, now, 0))),
        ready=ready,
        open=~dealt,
        held=facts.quiet | shelved,
        gone=facts.over & (facts.ended_quietly | (facts.shelved_until > facts.end)) & np.bool_(not asks),
        fresh=~facts.over | (ended >= now - LATEST),
        within=within,
    )


def dues(facts: Facts, views: Iterable[Taken], contact: str, past: Past, now: int) -> Iterator[Due]:
    """All that is due to be told to this contact now, by each rule and kind."""
    for view in views:
        rule = view.rule
        if contact in rule.to:
            yield _due(view, Kind.EVENT, *_untold(facts, view, contact, past), past, contact, now)
            if rule.remind:
                yield _due(
                    view, Kind.REMINDER, *_reminders(facts, view, contact, past, now), past, contact, now
                )
        if any(contact in step.to for step in rule.escalate):
            yield _due(view, Kind.ESCALATION, *_escalations(view, contact, past, now), past, contact, now)
        if rule.returned:
            yield _due(view, Kind.RETURNED, *_returned(facts, view, contact, past, now), past, contact, now)


def _due(view: Taken, kind: Kind, which: Bools, ready: Ints, past: Past, contact: str, now: int) -> Due:
    rows = np.flatnonzero(which & view.fresh & ~view.held & (ready <= now))
    name = view.rule.name
    return Due(name, kind, rows, ready[rows], past.last(name, contact, kind)[rows])


def _told_first(view: Taken, contact: str, past: Past) -> Ints:
    """When this contact was told of each event by this rule, or by a digest since it was due; 0 for never.

    Of an event that was due again, when that was told.
    """
    own = past.last(view.rule.name, contact, Kind.EVENT)
    first, last = (when("", contact, Kind.DIGEST) for when in (past.first, past.last))
    digest = np.where(first >= view.ready, first, np.where(last >= view.ready, last, 0))
    times: Ints = np.where((own > 0) | ~view.counts, own, digest)
    return times


def _told_last(view: Taken, contact: str, past: Past) -> Ints:
    """The same, when it last was."""
    own, digest = past.last(view.rule.name, contact, Kind.EVENT), past.last("", contact, Kind.DIGEST)
    counts = view.counts & (digest >= view.ready)
    times: Ints = np.maximum(own, np.where(counts | (own > 0), digest, 0))
    return times


def _last_over(view: Taken, contact: str, past: Past) -> Ints:
    """When this contact was last told that the event was over."""
    name = view.rule.name
    over = np.maximum(past.last(name, contact, Kind.RETURNED), past.last(name, contact, OVER))
    latest: Ints = np.maximum(over, past.last("", contact, OVER))
    return latest


def _untold(facts: Facts, view: Taken, contact: str, past: Past) -> tuple[Bools, Ints]:
    latest, over = _told_last(view, contact, past), _last_over(view, contact, past)
    again = (latest > 0) & (over >= latest) & ~facts.over & (facts.end > over)
    which = view.counts & view.open & ~view.gone & ((latest == 0) | again)
    return which, np.where(again, np.maximum(view.ready, over), view.ready)


def _reminders(facts: Facts, view: Taken, contact: str, past: Past, now: int) -> tuple[Bools, Ints]:
    latest = _told_last(view, contact, past)
    which = view.counts & view.open & ~facts.over & (latest > 0) & np.bool_(view.applies(now))
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


def _returned(facts: Facts, view: Taken, contact: str, past: Past, now: int) -> tuple[Bools, Ints]:
    latest = np.zeros(len(facts), dtype=np.int64)
    if contact in view.rule.to:
        latest = _told_last(view, contact, past)
    if any(contact in step.to for step in view.rule.escalate):
        latest = np.maximum(latest, _escalated(view, contact, past))
    over = _last_over(view, contact, past)
    which = facts.over & (latest > 0) & (over < latest) & np.bool_(view.applies(now))
    return which, facts.end
