"""History on its way in: piece by piece through the journal, scored apart from the live stream."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from sensormon.exchange.import_table import Piece
from sensormon.ingest.collector import Collector
from sensormon.ingest.pipeline import Pipeline
from sensormon.model.entries import KeptAnswer
from sensormon.model.readings import Rejection
from sensormon.model.tags import TagTable
from sensormon.stores import IMPORTED, Store


@dataclass(frozen=True)
class Imported:
    """What came of a piece: rows of the file, readings stored, flagged ones, what was rejected.

    `again` where it was taken before, so that nothing was done. `unsure` are readings of an hour that
    came twice, taken for the later.
    """

    rows: int
    accepted: int = 0
    flagged: int = 0
    rejected: tuple[Rejection, ...] = ()
    again: bool = False
    unsure: int = 0


class Importer:
    """Of one monitor; `tags` gives its tag table as it is now.

    Knows which pieces of files were taken: each is recorded with its readings and never forgotten.
    """

    def __init__(
        self,
        collector: Collector,
        store: Store,
        tags: Callable[[], TagTable],
        answers: Iterable[KeptAnswer],
    ) -> None:
        self._collector = collector
        self._store = store
        self._tags = tags
        self._keys = {one.key for one in answers if one.key.startswith(IMPORTED)}

    def take(self, pieces: Iterable[Piece]) -> Iterator[Imported]:
        """Take in the pieces of one file, in order; says of each what came of it.

        They are scored as they would have been live, by a detector of their own with the
        settings in force; the live one neither sees nor learns them. Durable piece by piece:
        who stops iterating stops the import, and the same file goes on from there. Raises
        StoreError where the store cannot say what was taken, JournalError where a piece
        cannot be made durable.
        """
        history = Pipeline(self._tags(), self._collector.settings)
        known: set[str] | None = None
        for piece in pieces:
            if known is None:
                known = self._keys | self._store.known_keys(piece.key.rpartition(":")[0])
            if (now := self._tags()) is not history.tags:
                history.retag(now)
            if piece.key in known:
                yield Imported(len(piece.batch) + len(piece.malformed), again=True)
            else:
                yield self._take(piece, history)

    def _take(self, piece: Piece, history: Pipeline) -> Imported:
        kept = KeptAnswer(piece.key, "", 201, "", piece.batch.received)
        receipt = self._collector.submit(
            piece.batch,
            piece.positions,
            piece.malformed,
            finish=lambda _, processed: (processed, (kept,)),
            history=history,
        )
        self._keys.add(piece.key)
        done = receipt.processed
        flagged = int(done.scores.is_anomaly.sum())
        return Imported(done.received, len(done.accepted), flagged, done.rejected, unsure=piece.unsure)
