"""Importing history: piece by piece through the journal, scored apart from the live stream.

What is there already, with the same tag, time and value and from wherever, is not stored again.

Also the report of an import.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass, field, replace

from sensormon.exchange.import_log import NAMELESS, ImportedFile, ImportLog
from sensormon.exchange.import_table import Piece
from sensormon.ingest.collector import Collector
from sensormon.ingest.pipeline import Pipeline
from sensormon.model.entries import KeptAnswer
from sensormon.model.errors import JournalError, StoreError
from sensormon.model.format import counted
from sensormon.model.jobs import Progress
from sensormon.model.ledger import add_up
from sensormon.model.readings import Bools, Processed, Reason, Rejection, reason_words
from sensormon.model.settings import DEFAULT_EARLIEST
from sensormon.model.tags import TagTable
from sensormon.stores.entries import IMPORTED
from sensormon.stores.imports import CASES, RELIES
from sensormon.stores.protocol import Store
from sensormon.stores.recent import RecentReadings

EXAMPLES = 5
"""How many rejected readings a report lists individually."""


@dataclass(frozen=True)
class Imported:
    """The result of a piece: rows of the file, readings stored, flagged ones, what was rejected.

    `again`: it was imported before as a whole, so nothing was done. `known` readings were there
    already, with the same tag, time and value. `unsure` counts readings of an hour that the clock
    showed twice, read as the later. `import_id` is the import's number in the list.
    """

    rows: int
    accepted: int = 0
    flagged: int = 0
    rejected: tuple[Rejection, ...] = ()
    again: bool = False
    unsure: int = 0
    known: int = 0
    import_id: int = 0


class Importer:
    """Of one monitor; `tags` returns its current tag table.

    Knows which pieces of files were imported: each is recorded with its readings. `caught_up` waits
    until the store has everything that is durable now. No reading before `earliest` is taken.
    """

    def __init__(
        self,
        collector: Collector,
        store: Store,
        newest: RecentReadings,
        log: ImportLog,
        tags: Callable[[], TagTable],
        answers: Iterable[KeptAnswer],
        caught_up: Callable[[Progress], None],
        earliest: int = DEFAULT_EARLIEST,
    ) -> None:
        self._collector = collector
        self._store = store
        self._newest = newest
        self._log = log
        self.tags = tags
        self._keys = {answer.key: answer for answer in answers if _is_piece(answer)}
        self._caught_up = caught_up
        self.earliest = earliest

    def take(
        self,
        pieces: Iterable[Piece],
        file: ImportedFile = NAMELESS,
        progress: Progress | None = None,
        earliest: int | None = None,
    ) -> Generator[Imported]:
        """Import the pieces of one file, in order; yields the result of each.

        A separate detector with the settings in force scores them as the live one would have; the
        live one neither sees nor learns them. Readings before `earliest` (µs UTC; by default as everywhere)
        are rejected. Durable piece by piece: the import stops when
        the caller stops iterating, and the same file continues from there. Raises StoreError if
        the store cannot say what was imported, JournalError if a piece cannot be made durable,
        UsageError if an import is running or being undone.
        """
        first = self.earliest if earliest is None else earliest
        history = Pipeline(self.tags(), self._collector.settings, self._collector.words, first)
        with self._log.alone():
            self._caught_up(progress or Progress())
            entry, skipped = None, 0
            known: dict[str, KeptAnswer] = {}
            for piece in pieces:
                if entry is None:
                    key = piece.key.rpartition(":")[0]
                    entry = self._log.begin(key, file, self.tags())
                    stored = self._store.entries.answers_to(f"{key}:")
                    known = {answer.key: answer for answer in stored} | self._keys
                if (now := self.tags()) is not history.tags:
                    history.retag(now)
                if piece.key in known:
                    rows = len(piece.batch) + len(piece.malformed)
                    skipped += rows if known[piece.key].body != str(entry.id) else 0
                    yield Imported(rows, again=True, import_id=entry.id)
                else:
                    yield self._take(piece, history, entry.id)
            if entry is not None:
                self._log.end(entry, skipped)

    def forget(self, import_id: int) -> None:
        """The import was undone: its pieces, and those that may rely on it, can be imported again."""
        self._keys = {
            key: answer
            for key, answer in self._keys.items()
            if answer.body != str(import_id) and answer.fingerprint != RELIES
        }

    def _take(self, piece: Piece, history: Pipeline, import_id: int) -> Imported:
        rows = len(piece.batch) + len(piece.malformed)
        done = history.process(piece.batch, piece.positions, piece.malformed, listed=rows)
        try:
            first = self._store.ledger.next_id()  # what is stored after this is in memory too
            known = self._store.imports.known(done.accepted)
            with self._collector.turn() as turn:
                known |= self._newest.known(done.accepted, first)
                kept = KeptAnswer(
                    piece.key,
                    RELIES if known.any() else "",
                    201,
                    str(import_id),
                    piece.batch.received,
                )
                turn.commit(new := _without(done, known), (kept,), import_id)
        except (JournalError, StoreError):
            history.undo()
            raise
        self._keys[piece.key] = kept
        return Imported(
            new.received,
            len(new.accepted),
            int(new.scores.is_anomaly.sum()),
            new.rejected,
            unsure=piece.unsure,
            known=int(known.sum()),
            import_id=import_id,
        )


def _is_piece(answer: KeptAnswer) -> bool:
    return answer.key.startswith(IMPORTED) and not answer.key.startswith(CASES)


def _without(done: Processed, known: Bools) -> Processed:
    """The batch without the accepted readings that are there already; they count as duplicates.

    The others keep the scores that they have among all of them.
    """
    if not known.any():
        return done
    duplicates = {str(Reason.DUPLICATE): int(known.sum())}
    return replace(
        done,
        accepted=done.accepted.take(~known),
        scores=done.scores.take(~known),
        unlisted=add_up(done.unlisted, duplicates),
    )


@dataclass
class Report:
    """The sum of the results. `word` is what a row of the file is called: `line`, or `row`."""

    word: str
    rows: int = 0
    accepted: int = 0
    flagged: int = 0
    again: int = 0
    known: int = 0
    unsure: int = 0
    import_id: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)

    def add(self, piece: Imported) -> None:
        """Count this piece."""
        self.rows += piece.rows
        self.accepted += piece.accepted
        self.flagged += piece.flagged
        self.again += piece.rows if piece.again else 0
        self.known += piece.known
        self.import_id = piece.import_id
        self.unsure += piece.unsure
        self.reasons.update(str(rejection.reason) for rejection in piece.rejected)
        self.examples += [
            each.line(self.word) for each in piece.rejected[: max(0, EXAMPLES - len(self.examples))]
        ]

    @property
    def nothing_taken(self) -> bool:
        """Whether the file had readings and none of them was stored, now or before."""
        return bool(self.rows) and not (self.accepted or self.again or self.known)

    def sentences(self) -> list[str]:
        """What was imported, what was already stored, what was rejected, why and where."""
        lines = [
            f"{self.accepted:,} of {counted(self.rows, 'reading')} imported, {self.flagged:,} of them flagged"
        ]
        if self.again:
            lines.append(f"{self.again:,} were imported before and are not stored twice")
        if self.known:
            lines.append(f"{self.known:,} are already there and are not stored twice")
        if self.unsure:
            lines.append(
                f"{self.unsure:,} are of an hour that the clock showed twice, and their order does not tell "
                "of which; they are taken for the later"
            )
        lines += [
            f"{count:,} rejected: {reason_words(reason)}" for reason, count in sorted(self.reasons.items())
        ]
        return lines + self.examples
