"""What the journal carries: numbered entries.

An entry is a processed batch, a change of the detector settings, what a person did with
events or a note on a stretch of time. `journal/codec.py` turns entries into bytes and back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sensormon.model.readings import Processed

FROM_CASES = 1_000_000
"""Detector settings with this id and above came with a case: they were never in force here."""

IMPORT = "import"
"""The source of readings that came from a file."""

CASE = "case"
"""The source of readings that came with a case."""


@dataclass(frozen=True)
class DetectorSettings:
    """What the collector scores with, from `applied` on. `id` grows by one each time.

    `base` is what the environment asked for when this was applied, so that a restart
    can tell a deliberate later choice from a changed environment.
    """

    id: int
    applied: int  # µs UTC
    who: str
    detector: str
    params: Mapping[str, float]
    base: Mapping[str, float]


@dataclass(frozen=True)
class KeptAnswer:
    """What the sender of `key` was told, so that sending again gets the same and stores nothing.

    `fingerprint` is a digest of what was sent, `status` and `body` the answer, `received`
    when it came in (µs UTC).
    """

    key: str
    fingerprint: str
    status: int
    body: str
    received: int


@dataclass(frozen=True, eq=False)
class BatchEntry:
    """A processed batch. Accepted row i has the reading id `first_id + i`.

    `received_totals` is how many readings of each source had come in to this journal up to
    and including this batch: the left-hand side of the ledger, carried along so that a
    restart knows it without the store. `answers` are durable with the readings they tell of.
    """

    first_id: int
    received_totals: Mapping[str, int]
    processed: Processed
    answers: tuple[KeptAnswer, ...] = ()


@dataclass(frozen=True)
class SettingsEntry:
    """The detector settings were changed."""

    settings: DetectorSettings


@dataclass(frozen=True)
class EventAction:
    """What a person did with events: `action` is one of `sensormon.events.actions.ACTIONS`.

    `readings` has one flagged reading of each event, by its id. `time` and `until` (for how
    long it is shelved, 0 where it is not) are µs UTC; `label` and `note` may be empty.
    """

    readings: tuple[int, ...]
    time: int
    who: str
    action: str
    label: str = ""
    until: int = 0
    note: str = ""


@dataclass(frozen=True)
class ActionEntry:
    """Somebody did something with events."""

    action: EventAction


@dataclass(frozen=True)
class Annotation:
    """A note on a moment or a span, or that it was removed.

    Times are µs UTC; `since` and `until` are the same for a moment. No `tags` stand for all.
    `id` is the note's, the same when it is removed; `who` and `time` tell of this act.
    """

    id: str
    since: int
    until: int
    tags: tuple[str, ...]
    text: str
    who: str
    time: int
    removed: bool = False


@dataclass(frozen=True)
class AnnotationEntry:
    """Somebody left a note, or removed one."""

    annotation: Annotation


Entry = BatchEntry | SettingsEntry | ActionEntry | AnnotationEntry


@dataclass(frozen=True, eq=False)
class Record:
    """An entry with its number in the journal, counted from 1 without a gap."""

    number: int
    entry: Entry
