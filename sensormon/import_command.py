"""`python -m sensormon import FILE`: history from a file into the store of a stopped monitor."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TextIO

from sensormon.clock import SystemClock
from sensormon.errors import UsageError
from sensormon.import_files import Columns, Table, check, pieces, propose, read_file
from sensormon.monitor import Monitor
from sensormon.settings import Settings
from sensormon.tags import read_tags

_EXAMPLES = 5


def preview(table: Table, columns: Columns, out: TextIO) -> None:
    """Say what each column is, and show the first rows."""
    zone = f", {columns.zone} where no zone is given"
    out.write(f"{len(table.frame):,} rows. Times: {columns.time}{zone}\n")
    if columns.tag:
        out.write(f"Tags: {columns.tag}. Values: {columns.value}\n")
    for column, tag in columns.values.items():
        out.write(f"{column} -> {tag}\n")
    used = {columns.time, columns.tag, columns.value, *columns.values}
    unused = [name for name in table.frame.columns if name not in used]
    if unused:
        out.write(f"Not imported: {', '.join(unused)}\n")
    out.write(table.frame.head(_EXAMPLES).to_string(index=False) + "\n")


def import_file(
    settings: Settings, path: Path, *, zone: str, time: str, pairs: Sequence[str], only_preview: bool
) -> int:
    """Import the file and report; 1 where nothing of it was taken, else 0. Raises UsageError."""
    table = read_file(path)
    tags = read_tags(settings.tags)
    for pair in pairs:
        if not all(pair.rpartition("=")[::2]):
            raise UsageError(
                f"{pair!r} is no COLUMN=TAG", where="--column", hint="Try 'Reactor T=reactor_temp'"
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
        return _take(monitor, table, columns, clock.now())
    finally:
        monitor.stop()


def _take(monitor: Monitor, table: Table, columns: Columns, now: int) -> int:
    rows = accepted = flagged = again = 0
    reasons: Counter[str] = Counter()
    examples: list[str] = []
    monitor.drain()
    for number, one in enumerate(monitor.importer.take(pieces(table, columns, now))):
        rows += one.rows
        accepted, flagged = accepted + one.accepted, flagged + one.flagged
        again += one.rows if one.again else 0
        reasons.update(str(rejection.reason) for rejection in one.rejected)
        for rejection in one.rejected[: _EXAMPLES - len(examples)]:
            where = _row(table, rejection.index)
            examples.append(f"  {where}: {rejection.tag} {rejection.value!r}: {rejection.detail}")
        if number % 20 == 19:
            monitor.drain()
            sys.stderr.write(f"\r{rows:,} readings read")
            sys.stderr.flush()
    monitor.drain()
    sys.stderr.write("\r")
    sys.stdout.write(f"{accepted:,} of {rows:,} readings imported, {flagged:,} of them flagged\n")
    if again:
        sys.stdout.write(f"{again:,} were imported before and are not stored twice\n")
    for reason, count in sorted(reasons.items()):
        sys.stdout.write(f"{count:,} rejected: {reason.replace('_', ' ')}\n")
    if examples:
        sys.stdout.write("\n".join(examples) + "\n")
    return 0 if accepted or again or not rows else 1


def _row(table: Table, index: int) -> str:
    word, number = table.first.split()
    return f"{word} {int(number) + index:,}"
