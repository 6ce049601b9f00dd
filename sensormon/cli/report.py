"""`python -m sensormon report BOARD --out FILE`: a board or shared view of a stopped monitor as PDF."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from sensormon.cli.copying import Printed
from sensormon.cli.span import span_of
from sensormon.model.clock import SystemClock
from sensormon.model.errors import UsageError
from sensormon.model.settings import Settings
from sensormon.monitor.data_folder import holder_of
from sensormon.monitor.monitor import Monitor
from sensormon.reports import spans
from sensormon.reports.boards import ALL
from sensormon.reports.making import making_of
from sensormon.reports.subjects import subject_named
from sensormon.reports.typesetting import check_installed

_BY, _USUAL = "the command line", "the last day"


def register(commands: Any) -> None:
    """Add the command and its options."""
    command = commands.add_parser("report", help="a board or shared view of a stopped monitor as PDF")
    command.add_argument(
        "board", metavar="BOARD", help=f"its name; {ALL} is always there. A view: view:TITLE"
    )
    command.add_argument("--out", type=Path, required=True, metavar="FILE")
    command.add_argument("--since", metavar="TIME", help="ISO 8601, UTC if no zone is given")
    command.add_argument("--until", metavar="TIME", help="default: now")
    command.add_argument("--span", choices=spans.SPANS, help="default: the last day, or the span of the view")
    command.add_argument("--zone", default="UTC", metavar="NAME", help="of the times in it, as Europe/Berlin")
    command.set_defaults(run=run)


def run(options: argparse.Namespace, settings: Settings) -> int:
    """Make the report. Raises UsageError, StoreError, JournalError and OSError; then there is no file."""
    check_installed()
    zone = spans.zone_named(options.zone, "--zone")
    if options.since is None and options.until is not None:
        raise UsageError("a report needs its begin", where="--since", hint="Give --since, or --span alone")
    if not settings.data_dir.is_dir():
        raise UsageError("there is no such data folder", where=str(settings.data_dir), hint="Give its path")
    holder = holder_of(settings.data_dir)
    if holder is not None:
        raise UsageError(
            f"its monitor is running (process {holder})",
            where=str(settings.data_dir),
            hint="Stop it, or ask it: GET /api/report, or the Reports section of the dashboard",
        )
    clock, progress = SystemClock(), Printed()
    monitor = Monitor(replace(settings, source="none", demo=False), clock)
    try:
        monitor.drain()
        now = clock.now()
        subject = subject_named(monitor, options.board)
        span = spans.span_of(options.span or _USUAL, now, zone)
        if options.span is None and subject.span is not None:
            span = subject.span
        if options.since is not None:
            since, until = span_of(options)
            span = since, min(until, now)
        report = making_of(monitor).make(subject.order(*span, zone, _BY), progress)
    finally:
        monitor.stop()
    progress.clear()
    part = options.out.with_name(options.out.name + ".part")
    try:
        part.write_bytes(report.pdf)
        part.replace(options.out)
    finally:
        part.unlink(missing_ok=True)
    sys.stderr.write(f"{report.tags:,} tags and {report.readings:,} readings in {options.out}\n")
    return 0
