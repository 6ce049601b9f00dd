"""`python -m sensormon import FILE`: history from a file into the store of a stopped monitor."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC
from pathlib import Path
from typing import TextIO

from sensormon.access.commands import this_user
from sensormon.exchange.import_log import ImportedFile
from sensormon.exchange.import_table import Columns, Table, check, pieces, propose, read_file
from sensormon.exchange.importer import EXAMPLES, Report, times_line
from sensormon.model.clock import SystemClock
from sensormon.model.errors import UsageError
from sensormon.model.settings import Settings
from sensormon.model.tags import read_tags
from sensormon.monitor.monitor import Monitor


def preview(table: Table, columns: Columns, out: TextIO) -> None:
    """Write what each column is, and the first rows."""
    zone = f", {columns.zone} if no zone is given"
    out.write(f"{len(table.frame):,} rows. Times: {columns.time}{zone}\n")
    out.write(f"In UTC: {times_line(table, columns, UTC)}\n")
    if columns.tag:
        out.write(f"Tags: {columns.tag}. Values: {columns.value}\n")
    for column, tag in columns.values.items():
        out.write(f"{column} -> {tag}\n")
    used = {columns.time, columns.tag, columns.value, *columns.values}
    unused = [name for name in table.frame.columns if name not in used]
    if unused:
        out.write(f"Not imported: {', '.join(unused)}\n")
    out.write(table.frame.head(EXAMPLES).to_string(index=False) + "\n")


def run(options: argparse.Namespace, settings: Settings) -> int:
    """Import the file that these options name; see `import_file`."""
    return import_file(
        settings,
        options.file,
        zone=options.zone,
        time=options.time,
        pairs=options.column,
        only_preview=options.preview,
    )


def import_file(
    settings: Settings, path: Path, *, zone: str, time: str, pairs: Sequence[str], only_preview: bool
) -> int:
    """Import the file and report; 1 if nothing was stored. Raises UsageError, StoreError, JournalError."""
    table = read_file(path)
    tags = read_tags(settings.tags)
    for pair in pairs:
        if not all(pair.rpartition("=")[::2]):
            raise UsageError(
                f"{pair!r} is not COLUMN=TAG", where="--column", hint="Try 'Reactor T=reactor_temp'"
            )
    values = dict(pair.rpartition("=")[::2] for pair in pairs)
    columns = propose(table, tags, path.stem, zone=zone, time=time, values=values)
    check(columns, table, tags)
    preview(table, columns, sys.stderr)
    if only_preview:
        return 0
    clock = SystemClock()
    monitor = Monitor(replace(settings, source="none", demo=False), clock)
    try:
        return _take(monitor, table, columns, ImportedFile(path.name, this_user().name), clock.now())
    finally:
        monitor.stop()


def _take(monitor: Monitor, table: Table, columns: Columns, file: ImportedFile, now: int) -> int:
    report = Report(table.first)
    monitor.drain()
    for number, imported in enumerate(monitor.importer.take(pieces(table, columns, now), file)):
        report.add(imported)
        if number % 20 == 19:
            monitor.drain()
            sys.stderr.write(f"\r{report.rows:,} readings read")
            sys.stderr.flush()
    monitor.drain()
    sys.stderr.write("\r")
    sys.stdout.write("\n".join(report.sentences()) + "\n")
    return 1 if report.nothing_taken else 0
