"""`python -m sensormon import FILE…`: history from files into the store of a stopped monitor."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC
from pathlib import Path
from typing import TextIO

from sensormon.access.commands import this_user
from sensormon.cli import reading_options
from sensormon.cli.reading_options import ask, column_names, given, pairs, show
from sensormon.exchange.dry_run import dry_run
from sensormon.exchange.import_log import ImportedFile
from sensormon.exchange.import_plan import Plan, first_readings, plan, sentences
from sensormon.exchange.import_table import Table, check_zone, earliest_of, pieces_of, read_tables
from sensormon.exchange.importer import Report
from sensormon.exchange.mappings import Mappings, SavedMapping, fitting
from sensormon.model.clock import SystemClock
from sensormon.model.errors import UsageError
from sensormon.model.settings import Settings
from sensormon.model.tags import TagTable, read_tags
from sensormon.monitor.monitor import Monitor
from sensormon.tables.columns import Columns
from sensormon.tables.questions import Question


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command `import`."""
    command = commands.add_parser("import", help="history from files, scored as it would have been")
    command.add_argument("file", type=Path, nargs="+", help="CSV, Excel, Parquet, or a zip of them")
    reading_options.register(command)
    command.add_argument(
        "--column", action="append", default=[], metavar="COLUMN=TAG", help="may be given more than once"
    )
    command.add_argument("--new-tags", action="store_true", help="make the tags that are not known yet")
    command.add_argument("--mapping", default="", metavar="NAME", help="use a saved mapping")
    command.add_argument("--save-mapping", default="", metavar="NAME", help="save this mapping")
    command.add_argument("--preview", action="store_true", help="say what each column is, import nothing")
    command.add_argument(
        "--dry-run", action="store_true", help="print what would be stored, as CSV, and store nothing"
    )
    command.set_defaults(run=run)


def run(options: argparse.Namespace, settings: Settings) -> int:
    """Import the files that these options name, or say what would be imported.

    1 if nothing is stored, or a file can be read in two ways and nobody at a terminal can say which.
    Raises UsageError, StoreError, JournalError.
    """
    if options.preview and options.dry_run:
        raise UsageError(
            "--preview and --dry-run exclude each other", where="import", hint="Give one of them"
        )
    tags = read_tags(settings.tags)
    plans, questions = _plans(options, settings, tags)
    for each in plans:
        preview(each, sys.stderr)
    if questions:
        for question, name in questions:
            show(question, name, sys.stderr)
        sys.stderr.write("Nothing was stored.\n")
        return 1
    if options.save_mapping:
        _save(settings, options, plans)
    wider = tags.with_tags(tag for each in plans for tag in each.new)
    if options.preview:
        return 0
    if options.dry_run:
        return (
            0 if dry_run(plans, wider, SystemClock().now(), settings.earliest, sys.stdout, sys.stderr) else 1
        )
    return _import(settings, plans)


def preview(each: Plan, out: TextIO) -> None:
    """Write how a table is read, and its first readings as they would be stored."""
    for line in sentences(each, UTC):
        out.write(f"{line}\n")
    for tag, time, value, quality in first_readings(each.readings):
        out.write(f"  {tag}  {time}  {value}  {quality}\n")
    out.write("\n")


def _plans(
    options: argparse.Namespace, settings: Settings, tags: TagTable
) -> tuple[list[Plan], list[tuple[Question, str]]]:
    """The plan of each table, and the questions that nobody could be asked."""
    mapping = Mappings(settings.data_dir).get(options.mapping) if options.mapping else SavedMapping(Columns())
    wanted, values = given(options, mapping.columns), dict(pairs(options))
    check_zone(wanted.zone)
    at_terminal = sys.stdin.isatty() and sys.stderr.isatty() and not options.dry_run
    plans: list[Plan] = []
    questions: list[tuple[Question, str]] = []
    for path, table in _tables(options, mapping):
        names = [str(name) for name in table.frame.columns]
        own = values or fitting(mapping, names).columns.values
        stem = path.stem if table.sheet.name in ("", path.name) else Path(table.sheet.name).stem
        each = plan(table, tags, stem, wanted, own, also_new=options.new_tags)
        while each.readings.questions and at_terminal:
            question = each.readings.questions[0]
            decided = ask(question, table.sheet.name, wanted, sys.stdin.readline, sys.stderr)
            if decided is None:
                break
            wanted = decided
            each = plan(table, tags, stem, wanted, own, also_new=options.new_tags)
        questions += [(question, table.sheet.name) for question in each.readings.questions]
        tags = tags.with_tags(each.new)
        plans.append(each)
    return plans, questions


def _tables(options: argparse.Namespace, mapping: SavedMapping) -> list[tuple[Path, Table]]:
    sheet = options.sheet or mapping.sheet
    return [
        (path, table)
        for path in options.file
        for table in read_tables(path, sheet=sheet, names=column_names(options))
    ]


def _save(settings: Settings, options: argparse.Namespace, plans: Sequence[Plan]) -> None:
    values: Mapping[str, str] = {name: tag for each in plans for name, tag in each.columns.values.items()}
    columns = replace(plans[0].columns, values=values)
    Mappings(settings.data_dir).save(options.save_mapping, SavedMapping(columns, options.sheet))
    sys.stderr.write(f"Saved as mapping {options.save_mapping}.\n")


def _import(settings: Settings, plans: Sequence[Plan]) -> int:
    clock = SystemClock()
    monitor = Monitor(replace(settings, source="none", demo=False), clock)
    try:
        return min([_take(monitor, each, clock.now()) for each in plans], default=1)
    finally:
        monitor.stop()


def _take(monitor: Monitor, each: Plan, now: int) -> int:
    """Import one table and report; 1 if nothing of it is stored."""
    who = this_user().name
    if each.new:
        monitor.tag_file.add(each.new, who)
    file = ImportedFile(each.table.sheet.name, who, tuple(tag.name for tag in each.new))
    monitor.drain()
    earliest = earliest_of(each.columns, monitor.settings.earliest)
    report = Report(each.table.sheet.word)
    for number, imported in enumerate(
        monitor.importer.take(
            pieces_of(each.table, each.columns, each.readings, now), file, earliest=earliest
        )
    ):
        report.add(imported)
        if number % 20 == 19:
            monitor.drain()
            sys.stderr.write(f"\r{report.rows:,} readings read")
            sys.stderr.flush()
    monitor.drain()
    sys.stderr.write("\r")
    sys.stdout.write("\n".join([*report.sentences(), *_undoing(report, each.table.sheet.name)]) + "\n")
    return 1 if report.nothing_taken else 0


def _undoing(report: Report, name: str) -> list[str]:
    """How to take the readings back, of an import that stored any."""
    number = report.import_id
    return [f"Import {number}, {name}; to undo it: imports undo {number}"] if report.accepted else []
