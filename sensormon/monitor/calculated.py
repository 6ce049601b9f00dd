"""Calculated tags of a monitor: checked before they are saved, previewed, and evaluated over the history.

What it is not: the live evaluation; see `calculated_runner`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace

import numpy as np

from sensormon.exchange.import_log import ImportedFile
from sensormon.exchange.import_table import Piece
from sensormon.exchange.importer import Importer, Report
from sensormon.formulas.checking import Formula
from sensormon.formulas.evaluating import Course, evaluate
from sensormon.formulas.order import check_tag, in_order
from sensormon.model.clock import HOUR, MINUTE, SECOND, Clock
from sensormon.model.errors import StoreUnavailable, UsageError
from sensormon.model.format import counted
from sensormon.model.jobs import Job, Jobs, Progress
from sensormon.model.readings import CALCULATED, Batch, Floats, Ints, Origin
from sensormon.model.state_words import StateWords
from sensormon.model.tags import TagTable
from sensormon.monitor.calculated_runner import CalculatedRunner, CalculatedStatus
from sensormon.monitor.formula_courses import course_of_frame, courses_of, times_of
from sensormon.monitor.readings import Readings
from sensormon.stores.protocol import Store
from sensormon.stores.streams import ReadingStreams

JOB = "calculate"
"""The kind of the job that evaluates history."""
BLOCK = 3 * HOUR
"""The span (µs) that is evaluated at once."""
MARGIN = MINUTE
"""What is newer (µs) is left to the live evaluation where it runs in another process, or not yet."""
EXACT = 12 * HOUR
"""Up to this span (µs), with what the formula looks back, times its tags a preview uses every reading."""
CELLS = 5_000
"""The most cells of a longer preview."""
_WIDTHS = [
    *(seconds * SECOND for seconds in (5, 10, 15, 30)),
    *(minutes * MINUTE for minutes in (1, 2, 5, 10, 15, 30)),
    *(hours * HOUR for hours in (1, 2, 6, 12, 24, 24 * 7)),
]


@dataclass(frozen=True, eq=False)
class Preview:
    """What a formula would give: times (µs UTC) and values, NaN where it has none.

    With a `cell` (µs) it was evaluated over the means of such cells instead of over every reading.
    """

    times: Ints
    values: Floats
    cell: int = 0


class Calculated:
    """Of one monitor; `tags` returns its table.

    `keep_up` waits until the store has nearly everything, `caught_up` until it has all that is durable now.
    """

    def __init__(
        self,
        tags: Callable[[], TagTable],
        runner: CalculatedRunner,
        store: Store,
        streams: ReadingStreams,
        readings: Readings,
        words: StateWords,
        importer: Importer,
        keep_up: Callable[[Progress], None],
        caught_up: Callable[[Progress], None],
        jobs: Jobs,
        clock: Clock,
    ) -> None:
        self.runner = runner
        self._tags = tags
        self._store = store
        self._streams = streams
        self._readings = readings
        self._words = words
        self._importer = importer
        self._keep_up = keep_up
        self._caught_up = caught_up
        self._jobs = jobs
        self._clock = clock

    def status(self) -> list[CalculatedStatus]:
        """Every calculated tag, in the order of the table."""
        return self.runner.status()

    def check(self, name: str, text: str, tolerance: float, unit: str = "") -> Formula:
        """The formula for the tag of this name. Raises FormulaError, with the place and what to do."""
        return check_tag(name, text, tolerance, unit, self._tags())

    def preview(self, formula: Formula, since: int, until: int) -> Preview:
        """What this formula gives for since < time <= until, without storing it. Raises StoreError."""
        words = self._words.of_tags(formula.tags)
        span = until - since + formula.back
        if span * len(formula.tags) <= EXACT:
            courses = self._recent(formula, since - formula.back - formula.tolerance, until + 1)
            return Preview(*evaluate(formula, courses, words, after=since))
        cell = next((width for width in _WIDTHS if span <= width * CELLS), _WIDTHS[-1])
        coarse = replace(formula, tolerance=max(formula.tolerance, cell))
        first = (since - formula.back) // cell * cell
        courses = {tag: self._cells(tag, first, until, cell) for tag in formula.tags}
        times, values = evaluate(coarse, courses, words, after=since)
        return Preview(times, values, cell)

    def start_history(self, names: Sequence[str], since: int | None, until: int, who: str) -> Job:
        """Evaluate these tags over stored readings of since <= time < until; None for all there are.

        The job's result is a Report. Times at which a tag has a reading already are left as they are. If
        it is cancelled or the process ends, what was stored stays, and another run does the rest. Raises
        UsageError if a formula cannot be used or such a job runs.
        """
        formulas = in_order(self._tags())
        if unknown := [name for name in names if name not in formulas]:
            raise UsageError(f"{unknown[0]!r} is not calculated", where="formulas", hint="See the list")
        chosen = [name for name in formulas if name in names]

        def work(progress: Progress) -> Report:
            report = Report("row")
            for name in chosen:
                self._evaluate(name, formulas[name], since, until, who, report, progress)
            return report

        title = chosen[0] if len(chosen) == 1 else counted(len(chosen), "calculated tag")
        return self._jobs.start(JOB, f"History of {title}", work)

    def _evaluate(
        self,
        name: str,
        formula: Formula,
        since: int | None,
        until: int,
        who: str,
        report: Report,
        progress: Progress,
    ) -> None:
        self._caught_up(progress)  # the tags before this one may have got readings just now
        extent = self._store.spans.extent(formula.tags)
        done = self.runner.done_until(name)
        until = min(until, self._clock.now() - MARGIN if done is None else done + 1)
        if extent is None:
            return
        first = max(self._whole_from(name, formula), extent[0], extent[0] if since is None else since)
        until = min(until, extent[1] + 1)
        pieces = self._pieces(name, formula, first, until, progress)
        file = ImportedFile(f"formula of {name}", who)
        with closing(self._importer.take(pieces, file, progress)) as results:
            for piece in results:
                report.add(piece)
                self._keep_up(progress)

    def _whole_from(self, name: str, formula: Formula) -> int:
        """From when on (µs UTC) every reading of this tag and of those in its formula is stored.

        From before only single readings are left, flagged or late ones: sums over them would be wrong, and
        values that were rolled up would come twice.
        """
        back = formula.back + formula.tolerance
        rolled = ((tag, self._store.retention.rolled_until(tag)) for tag in (name, *formula.tags))
        return max((end + (back if tag != name else 0) for tag, end in rolled if end is not None), default=0)

    def _pieces(
        self, name: str, formula: Formula, since: int, until: int, progress: Progress
    ) -> Iterator[Piece]:
        """The missing readings, block by block. A piece's key says which rows of which formula it has."""
        way = hashlib.blake2b(
            f"{formula.text} {formula.tolerance}".encode(), digest_size=8
        ).hexdigest()  # fmt: skip
        words = self._words.of_tags(formula.tags)
        start = since - formula.back - formula.tolerance
        kept = courses_of(self._streams, formula.tags, start, since)
        for begin in range(since, until, BLOCK):
            end = min(until, begin + BLOCK)
            progress.step(f"{name}, {counted((end - since) // HOUR, 'hour')}", end - since, until - since)
            fresh = courses_of(self._streams, formula.tags, begin, end)
            courses = {tag: kept[tag].joined(fresh[tag]) for tag in formula.tags}
            times, values = evaluate(formula, courses, words, after=begin - 1)
            cut = end - formula.back - formula.tolerance
            kept = {tag: own.since(cut) for tag, own in courses.items()}
            missing = np.isfinite(values) & ~np.isin(times, times_of(self._streams, name, begin, end))
            times, values = times[missing], values[missing]
            if len(times):
                rows = hashlib.blake2b(times.tobytes() + values.tobytes(), digest_size=8).hexdigest()
                yield self._piece(f"import:{CALCULATED}:{name}:{way}:{begin}-{rows}", name, times, values)

    def _piece(self, key: str, name: str, times: Ints, values: Floats) -> Piece:
        rows = len(times)
        batch = Batch(
            source=CALCULATED,
            received=self._clock.now(),
            tags=(name,),
            tag=np.zeros(rows, dtype=np.int32),
            time=times,
            value=values,
            quality=np.zeros(rows, dtype=np.uint32),
            origin=Origin.IMPORT,
        )
        return Piece(key, batch, tuple(range(rows)), ())

    def _recent(self, formula: Formula, since: int, until: int) -> dict[str, Course]:
        """All readings of the formula's tags in a short span. Raises StoreUnavailable."""
        readings = self._readings.recent(since, list(formula.tags), until)
        if not readings.attrs["complete"]:
            raise StoreUnavailable("the stored readings cannot be read", where="formulas")
        by_tag = readings.groupby("tag", sort=False, observed=True)
        return {str(tag): course_of_frame(own) for tag, own in by_tag}

    def _cells(self, tag: str, since: int, until: int, cell: int) -> Course:
        """The tag's means in these cells, each at the cell's end; of states only where there was one."""
        means = self._store.spans.means(tag, since, until, cell)
        times = since + cell * np.arange(1, len(means) + 1, dtype=np.int64)
        known = np.isfinite(means)
        if self._tags()[tag].has_states:
            known &= means == np.rint(means)
        return Course(times[known], means[known])
