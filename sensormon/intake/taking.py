"""Where a named source hands its readings over: they are validated, scored and journaled, and waited for.

The position of a source travels in the record of its batch, so after a kill both are there, or neither.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from sensormon.ingest.collector import Collector
from sensormon.intake.last_values import LastValues
from sensormon.model.clock import Clock
from sensormon.model.entries import POSITION, KeptAnswer
from sensormon.model.errors import JournalError, StoreError
from sensormon.model.readings import Batch, Bools, Reason, Rejection
from sensormon.model.tags import Tag, TagTable
from sensormon.sources.connected import Position, Stopping, Taken
from sensormon.sources.named import NamedSource
from sensormon.sources.report import Report

Result = TypeVar("Result")

RETRY = 0.5
"""Seconds between two tries while the journal takes nothing."""


@dataclass(frozen=True)
class Place:
    """What a source reaches of its monitor.

    `stored` gives the positions that the store has under a key and raises StoreError, `tags` are those that
    it may deliver, `add_tags` adds some to the table, `newest` asks for the newest own time by tag, `known`
    for readings that are durable, `last` for the last value of a tag, or the word of its state. With
    `shared` other processes use the store, too, so that it may know a later position than the journal here.
    """

    collector: Collector
    stored: Callable[[str], Sequence[KeptAnswer]]
    shared: bool
    tags: Callable[[], TagTable]
    add_tags: Callable[[Sequence[Tag]], None]
    newest: Callable[[Collection[str]], Mapping[str, int]]
    known: Callable[[Batch], Bools]
    last: Callable[[str], float | str | None]


class Taking:
    """Of one source and one run; see `sources.connected.Intake`."""

    def __init__(
        self, config: NamedSource, place: Place, report: Report, clock: Clock, stopping: threading.Event
    ) -> None:
        self.clock = clock
        self._source = config.source
        self._key = f"{POSITION}{config.kind}\n{config.name}"
        self._place = place
        self._report = report
        self._stopping = stopping
        self._lock = threading.Lock()
        self._values = LastValues(place.last)
        self._closed = False
        self._last: KeptAnswer | None = None
        self._read = False

    def close(self) -> None:
        """Take nothing more: another run of the source begins. Returns once what is under way is durable."""
        self._closed = True
        with self._lock:
            return

    def take(
        self, batch: Batch, malformed: Sequence[Rejection] = (), position: Position | None = None
    ) -> Taken:
        """See `Intake.take`."""
        if batch.source != self._source:
            raise ValueError(f"a batch of {batch.source!r} from the source {self._source!r}")
        with self._lock:
            batch = self._values.filled(_in_order(batch))
            answer = None if position is None else self._answer(position, batch.received)
            taken = self._until_it_works(lambda: self._submit(batch, malformed, answer))
            if answer is not None:
                self._last = answer
            newest = int(batch.time.max()) if len(batch) else None
            self._report.took(taken.stored, taken.repeated, taken.refused, newest)
            return taken

    def position(self) -> Position | None:
        """See `Intake.position`. Waits until the store or the journal can say it; raises Stopping."""
        with self._lock:
            last = self._newest_position()
        if last is None:
            return None
        position: Position = json.loads(last.body)
        return position

    def known(self, batch: Batch) -> Bools:
        """See `Intake.known`."""
        return self._until_it_works(lambda: self._place.known(batch))

    def newest(self, tags: Collection[str]) -> Mapping[str, int]:
        """See `Intake.newest`."""
        return self._place.newest(tags)

    def tags(self) -> TagTable:
        """See `Intake.tags`."""
        return self._place.tags()

    def offer_tags(self, tags: Sequence[Tag]) -> None:
        """See `Intake.offer_tags`."""
        self._place.add_tags(tags)

    def _submit(self, batch: Batch, malformed: Sequence[Rejection], answer: KeptAnswer | None) -> Taken:
        with self._place.collector.turn() as turn:
            processed = turn.score(batch, malformed, late=True)
            turn.commit(processed, () if answer is None else (answer,))
        repeated = sum(row.reason is Reason.DUPLICATE for row in processed.rejected)
        repeated += processed.unlisted.get(Reason.DUPLICATE, 0)
        return Taken(len(processed.accepted), repeated, processed.refused - repeated)

    def _answer(self, position: Position, received: int) -> KeptAnswer:
        """The position as it is kept, with a number above that of the one before."""
        last = self._newest_position()
        number = int(last.fingerprint) + 1 if last is not None else 1
        return KeptAnswer(self._key, f"{number:020}", 0, json.dumps(position), received)

    def _newest_position(self) -> KeptAnswer | None:
        if not self._read:
            self._last = self._until_it_works(self._kept_position)
            self._read = True
        return self._last

    def _kept_position(self) -> KeptAnswer | None:
        """Raises StoreError if neither journal nor store can say it."""
        own = self._place.collector.positions.get(self._key)
        if own is not None and not self._place.shared:
            return own
        try:
            known = [answer for answer in self._place.stored(self._key) if answer.key == self._key]
        except StoreError:
            if own is None:
                raise
            return own  # another process may have read further: then some is read, and stored, twice
        known += [own] if own is not None else []
        return max(known, key=lambda answer: answer.fingerprint, default=None)

    def _until_it_works(self, step: Callable[[], Result]) -> Result:
        while not self._closed:
            try:
                return step()
            except (JournalError, StoreError) as error:
                self._report.trouble(error)
            if self._stopping.wait(RETRY):
                break
        raise Stopping


def _in_order(batch: Batch) -> Batch:
    """The batch with its readings in the order of their own times, so that they are judged so."""
    if not len(np.flatnonzero(np.diff(batch.time) < 0)):
        return batch
    return batch.take(np.argsort(batch.time, kind="stable"))
