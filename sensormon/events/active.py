"""What is wrong now: each tag once, worst first; what nobody is called for, apart.

Pure functions: events, silent tags and the monitor's own problems in, one list out. An event is on it
until it is over and acknowledged (ANSI/ISA-18.2-2016); one of low severity, for which nobody is called, until
it is over. Times are µs UTC. What it is not: the history of events: what is over waits for a shift at most.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

import pandas as pd

from sensormon.events.actions import ATTENTION, State
from sensormon.events.quiet import SHELVED, Reason
from sensormon.model.clock import HOUR, SECOND
from sensormon.model.events import Severity
from sensormon.model.status import Silence
from sensormon.model.timestamps import micros

SHIFT = 8 * HOUR
"""For so long (µs) an event that is over waits on the list for somebody to acknowledge it."""
RANK = {Severity.HIGH: 3, Severity.MEDIUM: 2, Severity.LOW: 1}


class Kind(StrEnum):
    """What an item of the list is about."""

    EVENT = "event"
    SILENCE = "silence"
    MONITOR = "monitor"


@dataclass(frozen=True)
class Active:
    """Something wrong: the event of a tag to act on, a silent tag, or a problem of the monitor itself.

    `event` is the place of that event in the frame, -1 without one: the worst of those of medium or high
    severity that nobody has acknowledged, or else the worst of all. `unacknowledged` are the ids of the
    tag's events that nobody has acknowledged, `calling` those of medium or high severity. `who` acknowledged
    the event, at `when`; empty and 0 if nobody did. `silent` is how many seconds the tag has been
    silent, 0 if it is not. `text` is the problem of the monitor. `quiet` is why nobody is called.
    """

    kind: Kind
    severity: Severity
    tag: str = ""
    since: int = 0
    state: str = ""
    over: bool = False
    event: int = -1
    unacknowledged: tuple[int, ...] = ()
    calling: tuple[int, ...] = ()
    who: str = ""
    when: int = 0
    silent: float = 0.0
    text: str = ""
    quiet: Reason | None = None

    @property
    def needs_attention(self) -> bool:
        """Whether nobody has dealt with it: an event to acknowledge, a silence, a problem."""
        return self.kind is not Kind.EVENT or self.state in ATTENTION


@dataclass(frozen=True)
class ActiveList:
    """What is wrong, worst first, and what nobody is called for, the first to end first."""

    items: tuple[Active, ...] = ()
    quiet: tuple[Active, ...] = field(default=())

    @property
    def attention(self) -> int:
        """How many items nobody has dealt with."""
        return sum(item.needs_attention for item in self.items)

    @property
    def worst(self) -> Severity | None:
        """The highest severity that nobody has dealt with; None if there is none."""
        waiting = [item.severity for item in self.items if item.needs_attention]
        return max(waiting, key=RANK.__getitem__, default=None)


def active(
    events: pd.DataFrame | None,
    silent: Sequence[Silence],
    problems: Sequence[str],
    quiet: Callable[[str, int], Reason | None],
    now: int,
) -> ActiveList:
    """The list at `now`.

    `events` are as `EventReader.between` returns them, None if nothing is known; `quiet` is `Quiet.why`.
    """
    by_tag = {} if events is None else _of_events(events, now)
    for silence in silent:
        since = now - round(silence.seconds * SECOND)
        own = Active(Kind.SILENCE, Severity.MEDIUM, silence.tag, since, silent=max(silence.seconds, 1e-6))
        known = by_tag.get(silence.tag)
        by_tag[silence.tag] = own if known is None else _joined(known, own)
    items = [replace(item, quiet=item.quiet or quiet(item.tag, now)) for item in by_tag.values()]
    items += [Active(Kind.MONITOR, Severity.HIGH, text=text) for text in dict.fromkeys(problems)]
    return ActiveList(
        tuple(sorted((item for item in items if item.quiet is None), key=_worst_first)),
        tuple(
            sorted(
                (item for item in items if item.quiet is not None),
                key=lambda item: (item.quiet.until if item.quiet else 0, item.tag),
            )
        ),
    )


def _worst_first(item: Active) -> tuple[int, bool, bool, bool, int, str]:
    """Problems of the monitor come before tags of the same severity: what it says of those may be old."""
    return (
        -RANK[item.severity],
        not item.needs_attention,
        item.kind is not Kind.MONITOR,
        item.over,
        -item.since,
        item.tag,
    )


def _joined(known: Active, silence: Active) -> Active:
    """One item for a tag that has an event and is silent: the worse of both, with the facts of both."""
    if RANK[known.severity] > RANK[silence.severity] and known.needs_attention:
        return replace(known, silent=silence.silent)
    return replace(
        known, kind=silence.kind, severity=silence.severity, since=silence.since, silent=silence.silent
    )


def _of_events(events: pd.DataFrame, now: int) -> dict[str, Active]:
    """An item for each tag with an event that is not both over and acknowledged."""
    over, state = events["over"].to_numpy(dtype=bool), events["state"].to_numpy(dtype=object)
    is_low = events["severity"].to_numpy(dtype=object) == str(Severity.LOW)
    is_recent = micros(events["end"]) >= now - SHIFT
    waits = ~over | ((state != str(State.ACKNOWLEDGED)) & ~is_low & is_recent)
    rows = waits.nonzero()[0]
    waiting = events.iloc[rows]
    start, acknowledged_at, until = (
        micros(waiting[name]).tolist() for name in ("start", "acknowledged_at", "shelved_until")
    )
    items: dict[str, list[Active]] = {}
    for place, (row, number, tag, standing, severity, by, who, note) in enumerate(
        zip(
            rows.tolist(),
            *(
                waiting[name].tolist()
                for name in ("id", "tag", "state", "severity", "acknowledged_by", "who", "note")
            ),
            strict=True,
        )
    ):
        ids = (number,) if standing in ATTENTION else ()
        is_acknowledged, since = standing == State.ACKNOWLEDGED, start[place]
        items.setdefault(tag, []).append(
            Active(
                Kind.EVENT,
                Severity(severity),
                tag,
                since,
                standing,
                bool(over[row]),
                row,
                ids,
                ids if severity != Severity.LOW else (),
                by if is_acknowledged else "",
                acknowledged_at[place] if is_acknowledged else 0,
                quiet=Reason(SHELVED, since, until[place], who, note) if standing == State.SHELVED else None,
            )
        )
    return {tag: _once(of_tag) for tag, of_tag in items.items()}


def _once(items: list[Active]) -> Active:
    """The tag's event to act on, with the ids of all that wait; of shelved ones only if all are.

    One that calls for somebody comes before a worse one that somebody has acknowledged, which would hide it.
    """
    waiting = [item for item in items if item.quiet is None] or items
    worst = min(waiting, key=lambda item: (not item.calling, *_worst_first(item)))
    return replace(
        worst,
        unacknowledged=tuple(sorted(number for item in waiting for number in item.unacknowledged)),
        calling=tuple(sorted(number for item in waiting for number in item.calling)),
    )
