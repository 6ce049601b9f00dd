"""`python -m sensormon imports`: the list of imports, and the undoing of one."""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import Any

from sensormon.access.commands import this_user
from sensormon.cli.access import ask_or_do, print_rows, shown_time
from sensormon.model.clock import SystemClock
from sensormon.model.settings import Settings
from sensormon.monitor.import_commands import LIST, UNDO, run_import_command, stopped_imports
from sensormon.monitor.monitor import Monitor

_COLUMNS = {
    "id": "id",
    "state": "state",
    "began": "when",
    "who": "by",
    "files": "file",
    "rows": "read",
    "stored": "stored",
    "already_there": "already there",
    "rejected": "rejected",
    "flagged": "flagged",
    "since": "first time",
    "until": "last time",
    "tags": "new tags",
    "undone_by": "undone by",
}


def register(commands: Any) -> None:
    """Add the command and its options."""
    command = commands.add_parser("imports", help="imports of files: list, undo")
    acts = command.add_subparsers(required=True, metavar="ACT")

    act = acts.add_parser("list", help="every import: file, when, by whom, what it stored")
    act.add_argument("--json", action="store_true", help="as JSON")
    act.set_defaults(run=show)

    act = acts.add_parser("undo", help="remove an import's readings, their events and its unused tags")
    act.add_argument("id", type=int, help="the import's number in the list")
    act.set_defaults(run=undo)


def show(options: argparse.Namespace, settings: Settings) -> int:
    """Print the imports, newest first. Raises SensormonError."""
    rows = ask_or_do(settings, LIST, {}, lambda: [entry.to_dict() for entry in stopped_imports(settings)])
    if not options.json:
        for row in rows:
            row |= {name: shown_time(row[name] or 0, "") for name in ("began", "since", "until")}
    print_rows(rows, _COLUMNS, options.json)
    return 0


def undo(options: argparse.Namespace, settings: Settings) -> int:
    """Undo an import and report. Raises SensormonError, with nothing changed, if it cannot be undone."""
    arguments = {"id": options.id}
    print(ask_or_do(settings, UNDO, arguments, lambda: _undo_stopped(settings, arguments)))
    return 0


def _undo_stopped(settings: Settings, arguments: dict[str, Any]) -> Any:
    monitor = Monitor(replace(settings, source="none", demo=False), SystemClock())
    try:
        monitor.drain()
        return run_import_command(
            monitor.import_log,
            monitor.undoing,
            monitor.access.audit,
            monitor.jobs,
            this_user(),
            UNDO,
            arguments,
        )
    finally:
        monitor.stop()
