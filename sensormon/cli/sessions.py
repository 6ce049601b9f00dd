"""`python -m sensormon sessions`: who is signed in, and ending that."""

from __future__ import annotations

import argparse
from typing import Any

from sensormon.cli.access import print_rows, run_access_command, shown_time
from sensormon.model.settings import Settings

SHOWN = 12
"""Characters of a session's key that the table shows."""


def register(commands: Any) -> None:
    """Add the command and its options."""
    command = commands.add_parser("sessions", help="sign-in sessions: list, end")
    acts = command.add_subparsers(required=True, metavar="ACT")

    act = acts.add_parser("list", help="the sessions that are live, the last used first")
    act.add_argument("--json", action="store_true", help="as JSON")
    act.set_defaults(run=show)

    act = acts.add_parser("end", help="end a session, or all of a person")
    which = act.add_mutually_exclusive_group(required=True)
    which.add_argument("key", nargs="?", help="as the list shows it")
    which.add_argument("--user", metavar="NAME", help="all sessions of this name")
    act.set_defaults(run=end)


def show(options: argparse.Namespace, settings: Settings) -> int:
    """Print the live sessions. Raises SensormonError."""
    rows = run_access_command(settings, "sessions list")
    if not options.json:
        rows = [_shown(row) for row in rows]
    columns = {
        "key": "key",
        "name": "name",
        "way": "by",
        "started": "started",
        "used": "last used",
        "address": "address",
    }
    print_rows(rows, columns, options.json)
    return 0


def end(options: argparse.Namespace, settings: Settings) -> int:
    """End a session, or all of a person; 1 if the person had none. Raises SensormonError."""
    if options.user:
        ended = run_access_command(settings, "sessions end all", name=options.user)
    else:
        ended = run_access_command(settings, "sessions end", key=options.key)
    print(f"{ended} ended" if ended else f"{options.user} has no session")
    return 0 if ended else 1


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    times = {name: shown_time(row[name], "") for name in ("started", "used")}
    return {**row, **times, "key": row["key"][:SHOWN]}
