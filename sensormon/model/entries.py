"""What the journal carries: numbered entries.

An entry is a processed batch, a change of the detector settings, a person's action on
events, a note on a stretch of time, a change of documents with its audit records, or the
undoing of an import.
`journal/codec.py` turns entries into bytes and back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from sensormon.model.profiles import Profiles, single
from sensormon.model.readings import Processed

FROM_CASES = 1_000_000
"""Detector settings with this id and above came with a case: they were never in force here."""

IMPORT = "import"
"""The source of readings that came from a file."""

CASE = "case"
"""The source of readings that came with a case."""


@dataclass(frozen=True)
class DetectorSettings:
    """A version of the settings the collector scores with, from `applied` on. `id` grows by one each time.

    `detector` and `params` are the first detector of the default profile. `profiles` are all of them;
    None in a version from before there were profiles, when that detector judged every tag. `base` is what
    the environment asked for when this was applied, so that a restart can tell a deliberate later choice
    from a changed environment. `reason` is why it was applied, in the words of who applied it.
    """

    id: int
    applied: int  # µs UTC
    who: str
    detector: str
    params: Mapping[str, float]
    base: Mapping[str, float]
    profiles: Profiles | None = None
    reason: str = ""

    @classmethod
    def of(
        cls, profiles: Profiles, *, id: int, applied: int, who: str, base: Mapping[str, float], reason: str
    ) -> DetectorSettings:
        """The version with these profiles."""
        first = profiles.default.detectors[0]
        return cls(id, applied, who, first.detector, dict(first.params), base, profiles, reason)

    @property
    def in_use(self) -> Profiles:
        """The profiles of this version."""
        return self.profiles or single(self.detector, self.params)


BY_CONTENT = "content\n"
"""The prefix of the key of a request that came without one: a digest of the request follows.

No sender's key has a line break.
"""
POSITION = "position\n"
"""The prefix of the key under which a batch has how far its source has read: kind and name follow.

Of such a key the one with the highest `fingerprint`, a number with leading zeros, counts; `body` is JSON.
"""


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """The answer sent for `key`; a repeated request gets it again and stores nothing.

    `fingerprint` is a digest of the request; `status` and `body` are the answer. Where the key is a
    digest (`BY_CONTENT`), `body` says instead which rows were not stored. `received` is the time of
    arrival (µs UTC).
    """

    key: str
    fingerprint: str
    status: int
    body: str
    received: int


@dataclass(frozen=True, eq=False)
class Piece:
    """Batches that were read together, `rows` accepted readings in each.

    `together` has the columns of all of them, one batch after the other, and what they have in common;
    its source, received and settings are nobody's.
    """

    batches: Sequence[Processed]
    rows: int
    together: Processed

    def between(self, first: int, after: int) -> Processed:
        """The columns of the batches [first:after]."""
        if (first, after) == (0, len(self.batches)):
            return self.together
        rows = np.arange(first * self.rows, after * self.rows)
        return replace(
            self.together,
            accepted=self.together.accepted.take(rows),
            scores=self.together.scores.take(rows),
        )


@dataclass(frozen=True, eq=False)
class BatchEntry:
    """A processed batch. Accepted row i has the reading id `first_id + i`.

    `received_totals` is how many readings of each source had come in to this journal up to
    and including this batch: the left-hand side of the ledger, carried along so that a
    restart knows it without the store. `answers` are durable with the readings they acknowledge.
    `import_id` is the import that the readings belong to, 0 if there is none. `piece` is what the batch
    was read together with, and `place` where it is among those batches.
    """

    first_id: int
    received_totals: Mapping[str, int]
    processed: Processed
    answers: tuple[KeptAnswer, ...] = ()
    import_id: int = 0
    piece: Piece | None = field(default=None, compare=False)
    place: int = field(default=0, compare=False)


@dataclass(frozen=True)
class SettingsEntry:
    """The detector settings were changed."""

    settings: DetectorSettings


@dataclass(frozen=True)
class EventAction:
    """A person's action on events: `action` is one of `sensormon.events.actions.ACTIONS`.

    `readings` has one flagged reading of each event, by its id. `time` and `until` (for how
    long it is shelved, 0 if it is not) are µs UTC; `label` and `note` may be empty.
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
    """A person acted on events."""

    action: EventAction


@dataclass(frozen=True)
class Annotation:
    """A note on a moment or a span, or its removal.

    Times are µs UTC; `since` and `until` are the same for a moment. No `tags` stand for all.
    `id` is the note's, the same when it is removed; `who` and `time` belong to this act.
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
    """A person added or removed a note."""

    annotation: Annotation


@dataclass(frozen=True)
class Document:
    """A version of something that is kept under a key: an account, an API token, a session.

    Versions are never changed; the newest of a key counts. `content` holds what JSON can hold.
    `who` and `time` (µs UTC) belong to this version.
    """

    collection: str
    key: str
    content: Mapping[str, Any]
    who: str
    time: int
    removed: bool = False


@dataclass(frozen=True)
class AuditRecord:
    """What a person did, or tried to do.

    `verified` says that `who` was proved by a sign-in; otherwise it is the name that was typed.
    `before` and `after` are the values of what was changed, in words. `address` is the address
    that the person came from. `failure` is why it was not done; empty if it was.
    """

    time: int  # µs UTC
    who: str
    verified: bool
    role: str
    address: str
    act: str
    subject: str
    before: str = ""
    after: str = ""
    failure: str = ""


@dataclass(frozen=True)
class DocumentsEntry:
    """Documents changed, and what the audit trail says of it; either may be empty."""

    documents: tuple[Document, ...] = ()
    audit: tuple[AuditRecord, ...] = ()


@dataclass(frozen=True)
class UndoEntry:
    """An import was undone: every reading of it in earlier records goes. `time` is µs UTC."""

    import_id: int
    who: str
    time: int


Entry = BatchEntry | SettingsEntry | ActionEntry | AnnotationEntry | DocumentsEntry | UndoEntry


@dataclass(frozen=True, eq=False)
class Record:
    """An entry with its number in the journal, counted from 1 without a gap."""

    number: int
    entry: Entry
