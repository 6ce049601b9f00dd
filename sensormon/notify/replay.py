"""Past events as planning would have seen them at any moment, and when something can go out next."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from sensormon.events.actions import State
from sensormon.model.clock import DAY, SECOND
from sensormon.model.readings import Bools, Ints
from sensormon.notify.calendar import FARTHEST, NEVER
from sensormon.notify.config import Contact, Rule
from sensormon.notify.facts import Facts, Quiet, never_quiet
from sensormon.notify.matching import Words
from sensormon.notify.messages import Kind, Message
from sensormon.notify.notices import LATEST, Ground
from sensormon.notify.told import ANY, OVER, tellers

_STATES = tuple(map(str, State))
_FAR = NEVER - FARTHEST * DAY
"""A moment that does not come, to which seconds can be added."""
_UNACKNOWLEDGED, _RETURNED, _ACKNOWLEDGED, _SHELVED = range(4)


class Replayed:
    """What the messages of a replay told, an item for each event; see `facts.Past`."""

    def __init__(self, events: int) -> None:
        self._none = np.zeros(events, dtype=np.int64)
        self._first: dict[tuple[str, str, str], Ints] = {}
        self._last: dict[tuple[str, str, str], Ints] = {}
        self.sent: dict[str, list[int]] = defaultdict(list)

    def add(self, message: Message, rows: Ints, over: Bools) -> None:
        """Count this message, which tells of the events of these rows."""
        for key in tellers(message):
            told_rows = rows[over] if key[2] == OVER else rows
            if key not in self._last:
                self._first[key], self._last[key] = self._none.copy(), self._none.copy()
            first = self._first[key]
            first[told_rows] = np.where(first[told_rows] > 0, first[told_rows], message.created)
            self._last[key][told_rows] = message.created
        self.sent[message.contact].append(message.created)

    def first(self, rule: str, contact: str, kind: str) -> Ints:
        """When this rule first told this contact of each event by a message of this kind, 0 for never."""
        return self._first.get((rule, contact, str(kind)), self._none)

    def last(self, rule: str, contact: str, kind: str) -> Ints:
        """When it last did."""
        return self._last.get((rule, contact, str(kind)), self._none)

    def of(self, rows: Ints) -> ReplayedOf:
        """The same for these events alone."""
        return ReplayedOf(self, rows)


@dataclass(frozen=True, eq=False)
class ReplayedOf:
    """What a replay told of some events."""

    all: Replayed
    rows: Ints

    def first(self, rule: str, contact: str, kind: str) -> Ints:
        times: Ints = self.all.first(rule, contact, kind)[self.rows]
        return times

    def last(self, rule: str, contact: str, kind: str) -> Ints:
        times: Ints = self.all.last(rule, contact, kind)[self.rows]
        return times

    def sent(self, contact: str, since: int) -> Sequence[int]:
        times = self.all.sent[contact]
        return times[bisect_right(times, since) :]


class Course:
    """Events from beginning to end: `base` are all, as they are known at last.

    Each is over from `over_at` on, so many µs after its end.
    """

    def __init__(self, base: Facts, off: int, quiet: Quiet) -> None:
        self.base = base
        self.over_at: Ints = np.where(base.over, base.end + off, NEVER)
        self._forgotten = np.where(base.over, np.maximum(base.end, base.acted), NEVER - LATEST) + LATEST
        self._acknowledged = base.facets.state.rows(lambda state: state == State.ACKNOWLEDGED)
        self._quiet = quiet
        self._windows: dict[str, _Window] = {}
        self.past = Replayed(len(base))

    def alive(self, now: int, grounds: Sequence[Ground]) -> Ints:
        """The events that planning would have looked at, and one of these rules takes."""
        begun = int(np.searchsorted(self.base.start, now, side="right"))
        takes = np.logical_or.reduce([ground.takes[:begun] for ground in grounds])
        return np.flatnonzero(takes & (self._forgotten[:begun] >= now))

    def at(self, now: int, rows: Ints) -> Facts:
        """These events as they were at this moment."""
        base, quiet = self.base, self._quiet
        facets = base.facets
        acted = base.acted[rows] <= now
        over = self.over_at[rows] <= now
        shelved = acted & (base.shelved_until[rows] > now)
        state = np.where(over, _RETURNED, _UNACKNOWLEDGED)
        state[acted & self._acknowledged[rows]] = _ACKNOWLEDGED
        state[shelved] = _SHELVED
        label = Words(
            np.where(acted, facets.label.places[rows], len(facets.label.different)),
            (*facets.label.different, ""),
        )
        tag = facets.tag.at(rows)
        none = np.zeros(len(rows), dtype=np.bool_)
        return Facts(
            row=base.row[rows],
            id=base.id[rows],
            start=base.start[rows],
            end=np.minimum(base.end[rows], now),
            over=over,
            acted=np.where(acted, base.acted[rows], 0),
            shelved_until=np.where(acted, base.shelved_until[rows], 0),
            rank=base.rank[rows],
            facets=replace(
                facets,
                tag=tag,
                profile=facets.profile.at(rows),
                detector=facets.detector.at(rows),
                severity=facets.severity.at(rows),
                label=label,
                state=Words(state, _STATES),
            ),
            quiet=none if quiet is never_quiet else tag.rows(lambda name: quiet(name, now)),
            ended_quietly=base.ended_quietly[rows],
            imported=base.imported[rows],
        )

    def next_moment(
        self, contact: Contact, grounds: Sequence[Ground], changes: Sequence[int], now: int
    ) -> int:
        """The next moment at which something may go out to this contact; NEVER if there is none."""
        limit, times = contact.limit, self.past.sent[contact.name]
        if limit.messages < 1:
            return NEVER
        free = 0
        if len(times) >= limit.messages:
            free = times[-limit.messages] + limit.seconds * SECOND
        if free > now:
            return free
        after = bisect_right(changes, now)
        rows = self.alive(now, grounds)
        candidates = [*changes[after : after + 1], _next(self.base.shelved_until[rows], now)]
        for ground in grounds:
            window = self._windows.get(ground.rule.name)
            if window is None:
                window = self._windows[ground.rule.name] = _Window.of(self.base, ground)
            if contact.name in ground.rule.to:
                begun = int(np.searchsorted(self.base.start, now, side="right"))
                candidates.append(window.first_from(begun, contact))
            candidates += [
                _next(moments, now) for moments in self._of_rule(contact, ground, window, rows, now)
            ]
        return min(candidates, default=NEVER)

    def _of_rule(
        self, contact: Contact, ground: Ground, window: _Window, rows: Ints, now: int
    ) -> Iterator[Ints]:
        """Moments of one rule and these events, which have begun. A moment too many costs a look."""
        past, rule = self.past.of(rows), ground.rule
        group = round(contact.group * SECOND)
        spoken = past.last("", contact.name, ANY)
        own = past.last(rule.name, contact.name, Kind.EVENT)
        latest = np.maximum(own, spoken)
        takes, over_at = window.takes[rows], self.over_at[rows]
        if contact.name in rule.to:
            for ready in window.ready:
                yield (ready[rows] + group)[takes & (own == 0) & (spoken < ready[rows])]
            if rule.remind:
                said = np.maximum(latest, past.last(rule.name, contact.name, Kind.REMINDER))
                said = np.maximum(said, past.last(rule.name, contact.name, Kind.ESCALATION))
                again = said + round(rule.remind * SECOND) + group
                lasting = takes & (latest > 0) & (over_at > np.maximum(again, now))
                yield again[lasting]
                if lasting.any():
                    yield window.begins
        for step in rule.escalate:
            if contact.name in step.to:
                later = round(step.after * SECOND) + group
                for first in _firsts(past, rule):
                    yield (first + later)[takes & (first > 0)]
        if rule.returned:
            known = np.maximum(latest, past.last(rule.name, contact.name, Kind.ESCALATION)) > 0
            ended = known & (over_at < NEVER)
            yield np.maximum(self.base.end[rows] + group, over_at)[ended]
            if ended.any():
                yield window.begins


@dataclass(frozen=True, eq=False)
class _Window:
    """What of a rule does not depend on the moment: the events that it may take, and from when on.

    `ready` is without and, if the rule asks what people did, with that; `soonest` has the first of these
    among each event and all that begin later. `begins` are when its calendars begin to apply.
    """

    takes: Bools
    ready: tuple[Ints, ...]
    soonest: Ints
    begins: Ints

    @classmethod
    def of(cls, base: Facts, ground: Ground) -> _Window:
        takes = ground.takes & (base.end - base.start >= round(ground.rule.after * SECOND))
        plain = ground.ready(replace(base, acted=np.zeros_like(base.acted)))
        both = [plain, ground.ready(base)] if ground.asks else [plain]
        ready = tuple(np.minimum(moments, _FAR) for moments in both)
        first = np.where(takes, np.minimum.reduce(ready), _FAR)
        soonest = np.minimum.accumulate(np.append(first, _FAR)[::-1])[::-1]
        begins = np.array([begin for begin, _ in ground.within or ()], dtype=np.int64)
        return cls(takes, ready, soonest, begins)

    def first_from(self, row: int, contact: Contact) -> int:
        """When the first event from this row on may go out to this contact."""
        return int(self.soonest[row]) + round(contact.group * SECOND)


def _firsts(past: ReplayedOf, rule: Rule) -> Iterator[Ints]:
    """When the rule's contacts may have been told of each event first."""
    for name in rule.to:
        yield past.last(rule.name, name, Kind.EVENT)
        yield past.first("", name, ANY)
        yield past.last("", name, ANY)


def _next(moments: Ints, now: int) -> int:
    """The first of these after now; NEVER if there is none."""
    later = moments[moments > now]
    return int(later.min()) if len(later) else NEVER
