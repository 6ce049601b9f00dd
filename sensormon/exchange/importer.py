"""Importing history: piece by piece through the journal, scored apart from the live stream.

Also a sentence on how a file's times are read, the report of an import, and the import as a job
that runs while people look at other pages.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import tzinfo

from sensormon.exchange.import_table import Columns, Piece, Table, pieces
from sensormon.ingest.collector import Collector
from sensormon.ingest.pipeline import Pipeline
from sensormon.model.entries import KeptAnswer
from sensormon.model.errors import JournalError
from sensormon.model.format import counted, day_and_time
from sensormon.model.jobs import Job, Jobs, Progress
from sensormon.model.readings import Rejection, reason_words
from sensormon.model.tags import TagTable
from sensormon.stores.entries import IMPORTED, StoredEntries
from sensormon.tables.times import read_times, unit_of

KIND = "import"
"""The kind of the job."""

EXAMPLES = 5
"""How many rejected readings a report lists individually."""


@dataclass(frozen=True)
class Imported:
    """The result of a piece: rows of the file, readings stored, flagged ones, what was rejected.

    `again`: it was imported before, so nothing was done. `unsure` counts readings of an hour that the
    clock showed twice, read as the later.
    """

    rows: int
    accepted: int = 0
    flagged: int = 0
    rejected: tuple[Rejection, ...] = ()
    again: bool = False
    unsure: int = 0


class Importer:
    """Of one monitor; `tags` returns its current tag table.

    Knows which pieces of files were imported: each is recorded with its readings, for good.
    """

    def __init__(
        self,
        collector: Collector,
        stored: StoredEntries,
        tags: Callable[[], TagTable],
        answers: Iterable[KeptAnswer],
    ) -> None:
        self._collector = collector
        self._stored = stored
        self._tags = tags
        self._keys = {answer.key for answer in answers if answer.key.startswith(IMPORTED)}

    def take(self, pieces: Iterable[Piece]) -> Iterator[Imported]:
        """Import the pieces of one file, in order; yields the result of each.

        A separate detector with the settings in force scores them as the live one would have; the
        live one neither sees nor learns them. Durable piece by piece: the import stops when
        the caller stops iterating, and the same file continues from there. Raises StoreError if
        the store cannot say what was imported, JournalError if a piece cannot be made durable.
        """
        history = Pipeline(self._tags(), self._collector.settings, self._collector.words)
        known: set[str] | None = None
        for piece in pieces:
            if known is None:
                known = self._keys | self._stored.known_keys(piece.key.rpartition(":")[0])
            if (now := self._tags()) is not history.tags:
                history.retag(now)
            if piece.key in known:
                yield Imported(len(piece.batch) + len(piece.malformed), again=True)
            else:
                yield self._take(piece, history)

    def _take(self, piece: Piece, history: Pipeline) -> Imported:
        kept = KeptAnswer(piece.key, "", 201, "", piece.batch.received)
        rows = len(piece.batch) + len(piece.malformed)
        done = history.process(piece.batch, piece.positions, piece.malformed, listed=rows)
        try:
            self._collector.record(done, lambda _: (kept,))
        except JournalError:
            history.undo(done.accepted)
            raise
        self._keys.add(piece.key)
        flagged = int(done.scores.is_anomaly.sum())
        return Imported(done.received, len(done.accepted), flagged, done.rejected, unsure=piece.unsure)


@dataclass
class Report:
    """The sum of the results. `first` is the first row of the file: `line 2`, or `row 1` of Parquet."""

    first: str
    rows: int = 0
    accepted: int = 0
    flagged: int = 0
    again: int = 0
    unsure: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    examples: list[Rejection] = field(default_factory=list)

    def add(self, piece: Imported) -> None:
        """Count this piece."""
        self.rows += piece.rows
        self.accepted += piece.accepted
        self.flagged += piece.flagged
        self.again += piece.rows if piece.again else 0
        self.unsure += piece.unsure
        self.reasons.update(str(rejection.reason) for rejection in piece.rejected)
        self.examples += piece.rejected[: max(0, EXAMPLES - len(self.examples))]

    @property
    def nothing_taken(self) -> bool:
        """Whether the file had readings and none of them was stored, now or before."""
        return bool(self.rows) and not self.accepted and not self.again

    def sentences(self) -> list[str]:
        """What was imported, what was already stored, what was rejected, why and where."""
        lines = [
            f"{self.accepted:,} of {counted(self.rows, 'reading')} imported, {self.flagged:,} of them flagged"
        ]
        if self.again:
            lines.append(f"{self.again:,} were imported before and are not stored twice")
        if self.unsure:
            lines.append(
                f"{self.unsure:,} are of an hour that the clock showed twice, and their order does not tell "
                "of which; they are taken for the later"
            )
        lines += [
            f"{count:,} rejected: {reason_words(reason)}" for reason, count in sorted(self.reasons.items())
        ]
        word, number = self.first.split()
        lines += [
            f"{word} {int(number) + example.index:,}: {example.tag} {example.value!r}: {example.detail}"
            for example in self.examples
        ]
        return lines


def times_line(table: Table, columns: Columns, zone: tzinfo) -> str:
    """A sentence with the first and last time in this zone, the unit of numbers, and how many are wrong."""
    column = table.frame[columns.time]
    times = read_times(column, columns.zone, table.frame[columns.tag] if columns.tag else None)
    good = times.time[~times.wrong]
    if not len(good):
        return "None of the times can be read."
    line = f"Times from {day_and_time(int(good.min()), zone)} to {day_and_time(int(good.max()), zone)}"
    if unit := unit_of(column):
        line += f", read as {unit} since 1970"
    if times.wrong.any():
        line += f"; {counted(int(times.wrong.sum()), 'row')} without one that can be read"
    if times.unsure.any():
        line += (
            f"; {counted(int(times.unsure.sum()), 'row')} in an hour that occurred twice, read as the later"
        )
    return f"{line}."


def start_import(
    jobs: Jobs,
    importer: Importer,
    keep_up: Callable[[Progress], None],
    table: Table,
    columns: Columns,
    name: str,
    now: int,
) -> Job:
    """Start importing this file; the job's result is a `Report`.

    `keep_up` waits until the store has nearly everything imported so far. If the job is cancelled or
    fails, what was imported stays, and the same file continues from there.
    Raises UsageError while another import runs.
    """
    whole = len(table.frame) * max(1, len(columns.values))

    def work(progress: Progress) -> Report:
        progress.step("reading the file")
        report = Report(table.first)
        for piece in importer.take(pieces(table, columns, now)):
            report.add(piece)
            progress.step(
                f"{report.rows:,} of {counted(max(whole, report.rows), 'reading')}", report.rows, whole
            )
            keep_up(progress)
        return report

    return jobs.start(KIND, f"Import of {name}", work)
