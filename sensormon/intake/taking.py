"""Where a named source hands its readings over: they are validated, scored and journaled, and waited for.

A position travels with its batch without being in the same record: a document that is kept first says how
many readings of the source were received before the batch. The ledger's count, which is in the batch's
record, tells after a kill whether the batch is there.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

from sensormon.access.documents import Documents
from sensormon.ingest.collector import Collector
from sensormon.model.clock import Clock
from sensormon.model.errors import JournalError, StoreError
from sensormon.model.readings import Batch, Reason, Rejection
from sensormon.model.tags import Tag
from sensormon.sources.connected import Position, Stopping, Taken
from sensormon.sources.report import Report

Result = TypeVar("Result")

COLLECTION = "source_positions"
RETRY = 0.5
"""Seconds between two tries while the journal takes nothing."""


class Taking:
    """Of one source and one run; see `sources.connected.Intake`.

    `add_tags` adds tags to the table. `newest` asks for the newest own time by tag. `writer` is the number of
    this process on the store.
    """

    def __init__(
        self,
        name: str,
        collector: Collector,
        documents: Documents,
        report: Report,
        clock: Clock,
        stopping: threading.Event,
        add_tags: Callable[[Sequence[Tag]], None],
        newest: Callable[[Collection[str]], Mapping[str, int]],
        writer: str = "",
    ) -> None:
        self.clock = clock
        self._name = name
        self._collector = collector
        self._documents = documents
        self._report = report
        self._stopping = stopping
        self._add_tags = add_tags
        self._newest = newest
        self._writer = writer
        self._lock = threading.Lock()
        self._position: Position | None = None
        self._read = False

    def take(
        self, batch: Batch, malformed: Sequence[Rejection] = (), position: Position | None = None
    ) -> Taken:
        """See `Intake.take`."""
        with self._lock:
            batch = _in_order(batch)
            if position is not None:
                self._until_it_works(lambda: self._keep(position))
            taken = self._until_it_works(lambda: self._submit(batch, malformed))
            if position is not None:
                self._position = position
            newest = int(batch.time.max()) if len(batch) else None
            self._report.took(taken.stored, taken.repeated, taken.refused, newest)
            return taken

    def position(self) -> Position | None:
        """See `Intake.position`. Waits until the store or the journal can say it; raises Stopping."""
        with self._lock:
            if not self._read:
                self._position = self._until_it_works(self._last)
                self._read = True
            return self._position

    def newest(self, tags: Collection[str]) -> Mapping[str, int]:
        """See `Intake.newest`."""
        return self._newest(tags)

    def offer_tags(self, tags: Sequence[Tag]) -> None:
        """See `Intake.offer_tags`."""
        self._add_tags(tags)

    def _submit(self, batch: Batch, malformed: Sequence[Rejection]) -> Taken:
        with self._collector.turn() as turn:
            processed = turn.score(batch, malformed)
            turn.commit(processed)
        repeated = sum(row.reason is Reason.DUPLICATE for row in processed.rejected)
        repeated += processed.unlisted.get(Reason.DUPLICATE, 0)
        return Taken(len(processed.accepted), repeated, processed.refused - repeated)

    def _received(self) -> int:
        return self._collector.unstored.received.get(self._name, 0)

    def _keep(self, position: Position) -> None:
        content: dict[str, Any] = {
            "before": self._position,
            "after": position,
            "received": self._received(),
            "writer": self._writer,
        }
        self._documents.keep(COLLECTION, self._name, content, self._name)

    def _last(self) -> Position | None:
        document = self._documents.of(COLLECTION).get(self._name)
        if document is None or document.removed:
            return None
        kept = document.content
        mine = kept["writer"] == self._writer
        taken = mine and self._received() != kept["received"]
        position: Position | None = kept["after"] if taken else kept["before"]
        return position

    def _until_it_works(self, step: Callable[[], Result]) -> Result:
        while True:
            try:
                return step()
            except (JournalError, StoreError) as error:
                self._report.trouble(error)
            if self._stopping.wait(RETRY):
                raise Stopping


def _in_order(batch: Batch) -> Batch:
    """The batch with the readings of each tag in the order of their own times, so that they are judged so."""
    late = np.flatnonzero(np.diff(batch.time) < 0)
    return batch.take(np.argsort(batch.time, kind="stable")) if len(late) else batch
