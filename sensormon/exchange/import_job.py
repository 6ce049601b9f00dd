"""Imports as a job that runs while people look at other pages, with a file of what it rejected."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field

import pandas as pd

from sensormon.exchange.export_folder import ExportFile, ExportFiles
from sensormon.exchange.import_log import ImportedFile
from sensormon.exchange.import_table import Table, earliest_of, pieces_of
from sensormon.exchange.importer import Importer, Report
from sensormon.exchange.table_writer import plain_csv
from sensormon.model.format import counted
from sensormon.model.jobs import Job, Jobs, Progress
from sensormon.model.readings import Rejection
from sensormon.tables.columns import Columns
from sensormon.tables.readings import read

KIND = "import"
"""The kind of the job."""

_HEADER = ("file", "place", "tag", "time", "value", "reason", "why")


@dataclass(frozen=True, eq=False)
class ImportPart:
    """A table to import, and how it is read; `name` is its file's. `tags` were made for it."""

    table: Table
    columns: Columns
    name: str
    tags: tuple[str, ...] = ()


@dataclass
class FilesReport(Report):
    """The sum over all files; `tags`, `since` and `until` (µs UTC) are those of what was read from them.

    `rejected_file` has every rejected reading; None without any.
    """

    tags: dict[str, None] = field(default_factory=dict)
    since: int | None = None
    until: int | None = None
    rejected_file: ExportFile | None = None


def start_imports(
    jobs: Jobs,
    importer: Importer,
    keep_up: Callable[[Progress], None],
    files: ExportFiles,
    parts: Sequence[ImportPart],
    now: int,
    *,
    who: str = "",
) -> Job:
    """Start importing these tables; the job's result is a `FilesReport`.

    `keep_up` waits until the store has nearly everything imported so far. If the job is cancelled or
    fails, what was imported stays, and the same file continues from there.
    `who` imports them. Raises UsageError while another import runs.
    """

    def work(progress: Progress) -> FilesReport:
        report = FilesReport("line")
        with _rejections(files, report) as note:
            for part in parts:
                progress.step(f"reading {part.name}", 0, 1)
                several = f"{part.name}, " if len(parts) > 1 else ""
                report.word = several + part.table.sheet.word
                _import(
                    importer,
                    part,
                    ImportedFile(part.name, who, part.tags),
                    report,
                    note,
                    progress,
                    keep_up,
                    now,
                )
        return report

    names = dict.fromkeys(part.name for part in parts)
    title = next(iter(names)) if len(names) == 1 else counted(len(names), "file")
    return jobs.start(KIND, f"Import of {title}", work)


def _import(
    importer: Importer,
    part: ImportPart,
    file: ImportedFile,
    report: FilesReport,
    note: Callable[[str, Iterable[Rejection]], None],
    progress: Progress,
    keep_up: Callable[[Progress], None],
    now: int,
) -> None:
    readings = read(part.table.sheet, part.columns, importer.tags())
    whole = report.rows + len(readings) + len(readings.wrong)
    earliest = earliest_of(part.columns, importer.earliest)
    pieces = pieces_of(part.table, part.columns, readings, now)
    with closing(importer.take(pieces, file, progress, earliest)) as results:
        for piece in results:
            report.add(piece)
            note(part.name, piece.rejected)
            progress.step(f"{report.rows:,} of {counted(whole, 'reading')}", report.rows, whole)
            keep_up(progress)
    if len(readings):
        report.tags |= dict.fromkeys(readings.names)
        since, until = int(readings.time[0]), int(readings.time[-1])
        report.since = since if report.since is None else min(since, report.since)
        report.until = until if report.until is None else max(until, report.until)


@contextmanager
def _rejections(
    files: ExportFiles, report: FilesReport
) -> Iterator[Callable[[str, Iterable[Rejection]], None]]:
    """A function that notes rejections of a file in a CSV file, which the report has in the end."""
    with files.draft() as draft:
        with draft.path.open("wb") as out:
            out.write(plain_csv(pd.DataFrame(columns=list(_HEADER))))

            def note(name: str, rejections: Iterable[Rejection]) -> None:
                rows = [
                    (name, each.index, each.tag, each.time, each.value, str(each.reason), each.detail)
                    for each in rejections
                ]
                if rows:
                    out.write(plain_csv(pd.DataFrame(rows, columns=list(_HEADER)), header=False))

            yield note
        if report.reasons:
            report.rejected_file = files.keep(draft, "rejected.csv", "text/csv")
