"""What of each event an output has published, and what is due; kept so that a restart goes on from there.

Each event is told when it opens, when it has ended, and when somebody acknowledges it, in this order. What
was handed over is `confirmed` only once it has arrived; after a kill in between it is told again, with the
same key. What it is not: a history; what was told is what events and their acknowledgements say now.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np

from sensormon.outputs.event_look import EventLook

MOST_KEPT = 2_000
"""Events that are not finished, of which more is told after a restart; of older ones nothing is."""
MOST_MISSED = 5_000
"""Of what was missed while the monitor stood still the newest so many are told."""


class EventKind(StrEnum):
    """What is told of an event."""

    OPENED = "opened"
    ENDED = "ended"
    ACKNOWLEDGED = "acknowledged"
    WITHDRAWN = "withdrawn"  # an earlier event has its readings now, or they are gone


@dataclass(frozen=True)
class Stage:
    """How far an event was told: whether its end was, and the last acknowledgement (µs UTC, 0 for none)."""

    tag: str
    over: bool
    acknowledged: int


@dataclass(frozen=True)
class Due:
    """Something to tell of the event with this id; `place` is where the look has it, -1 if it has not.
    `after` is how far the event is told then, None if it is forgotten. `joined` is the event that has its
    readings now, 0 for none.
    """

    kind: EventKind
    id: int
    tag: str
    place: int
    after: Stage | None
    joined: int = 0

    @property
    def key(self) -> str:
        """The same each time that this is told, so that a receiver knows it again."""
        stage = self.after
        time = stage.acknowledged if stage and self.kind is EventKind.ACKNOWLEDGED else 0
        return f"{self.id}-{self.kind}" + (f"-{time}" if time else "")


class Published:
    """Of one output. Not thread-safe. Without a `kept` position it begins with events that open from `since`
    (µs UTC) on.

    `overlap` is how far below the highest id told events may be that were never told: ids of several
    collectors come in order of their slices of time only.
    """

    def __init__(self, kept: Mapping[str, Any] | None, since: int, overlap: int = 0) -> None:
        self.missed = 0
        """Events of before the start that were too many to tell of."""
        self._since = since
        self._through: int | None = None if kept is None else int(kept["through"]) - overlap
        self._stages: dict[int, Stage] = {} if kept is None else dict(map(_read, kept["unfinished"]))
        self._begun = False

    def due(self, look: EventLook, takes: Callable[[str], bool], most: int) -> list[Due]:
        """The next things to tell, oldest first, at most `most`."""
        if not self._begun:
            self._begin(look, takes)
        due: list[Due] = []
        for place, (number, tag) in enumerate(zip(look.id.tolist(), look.tag, strict=True)):
            if takes(tag):
                due += self._of(look, place, number, tag)
            if len(due) >= most:
                return due[:most]
        return [*due, *self._gone(look)][:most]

    def confirmed(self, due: Due) -> None:
        """This has arrived."""
        if due.after is None:
            self._stages.pop(due.id, None)
        else:
            self._stages[due.id] = due.after
            self._through = max(self._through or 0, due.id)

    def position(self) -> dict[str, Any] | None:
        """What to keep for the next start; None before the first look at events."""
        if not self._begun:
            return None
        unfinished = sorted(number for number, stage in self._stages.items() if not _finished(stage))
        kept = [(number, self._stages[number]) for number in unfinished[-MOST_KEPT:]]
        return {
            "through": self._through or 0,
            "unfinished": [[number, stage.tag, stage.over, stage.acknowledged] for number, stage in kept],
        }

    def _begin(self, look: EventLook, takes: Callable[[str], bool]) -> None:
        """Take for told what was, and what is too much to tell."""
        self._begun = True
        ids = look.id.tolist()
        if self._through is None:
            told = set(look.id[look.start < self._since].tolist())
        else:
            new = [number for number in ids if number > self._through and number not in self._stages]
            told = set(ids) - set(new) - self._stages.keys()
            dropped = sorted(new)[: max(0, len(new) - MOST_MISSED)]
            self.missed, told = len(dropped), told | set(dropped)
        for place, number in enumerate(ids):
            if number in told and takes(look.tag[place]):
                self._stages[number] = _stage(look, place)
        self._through = max([self._through or 0, *told])

    def _of(self, look: EventLook, place: int, number: int, tag: str) -> list[Due]:
        stage, now = self._stages.get(number), _stage(look, place)
        if stage == now:
            return []
        due = []
        if stage is None or (stage.over and not now.over):
            stage = Stage(tag, False, stage.acknowledged if stage else 0)
            due.append(Due(EventKind.OPENED, number, tag, place, stage))
        if now.acknowledged > stage.acknowledged:
            stage = Stage(tag, stage.over, now.acknowledged)
            due.append(Due(EventKind.ACKNOWLEDGED, number, tag, place, stage))
        if now.over and not stage.over:
            due.append(Due(EventKind.ENDED, number, tag, place, Stage(tag, True, stage.acknowledged)))
        return due

    def _gone(self, look: EventLook) -> list[Due]:
        """Events that were told as open and are none any more; finished ones that are gone are forgotten."""
        if not look.whole:
            return []
        gone = self._stages.keys() - set(look.id.tolist())
        due = []
        for number in sorted(gone):
            if self._stages[number].over:
                del self._stages[number]
                continue
            at = np.flatnonzero(look.readings == number)
            event = int(np.searchsorted(look.edges, at[0], side="right")) - 1 if len(at) else -1
            joined = int(look.id[event]) if event >= 0 else 0
            due.append(Due(EventKind.WITHDRAWN, number, self._stages[number].tag, event, None, joined))
        return due


def _stage(look: EventLook, place: int) -> Stage:
    return Stage(look.tag[place], bool(look.over[place]), int(look.acknowledged[place]))


def _finished(stage: Stage) -> bool:
    return stage.over and stage.acknowledged > 0


def _read(item: Any) -> tuple[int, Stage]:
    number, tag, over, acknowledged = item
    return int(number), Stage(str(tag), bool(over), int(acknowledged))
