"""`python -m sensormon audit`: the audit trail, newest first."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from typing import Any

import pandas as pd

from sensormon.access.commands import MOST_RECORDS
from sensormon.access.roles import Act
from sensormon.cli.access import run_access_command
from sensormon.cli.span import span_of
from sensormon.exchange.table_writer import plain_csv
from sensormon.model import timestamps
from sensormon.model.errors import UsageError
from sensormon.model.settings import Settings

_COLUMNS = (
    "time",
    "who",
    "verified",
    "role",
    "address",
    "act",
    "subject",
    "before",
    "after",
    "failure",
)


def register(commands: Any) -> None:
    """Add the command and its options."""
    command = commands.add_parser("audit", help="who did what, newest first")
    command.add_argument("--since", metavar="TIME", help="ISO 8601, UTC if no zone is given")
    command.add_argument("--until", metavar="TIME")
    command.add_argument(
        "--who", action="append", default=[], metavar="NAME", help="may be given more than once"
    )
    command.add_argument(
        "--act", action="append", default=[], metavar="ACT", help="such as 'sign in'; may be given repeatedly"
    )
    command.add_argument("--format", choices=["csv", "json"], default="csv", help="json: one object a line")
    command.set_defaults(run=run)


def run(options: argparse.Namespace, settings: Settings) -> int:
    """Print the records asked for. Raises SensormonError."""
    unknown = sorted(set(options.act) - {str(act) for act in Act})
    if unknown:
        raise UsageError(
            f"there is no act {unknown[0][:50]!r}", where="--act", hint=f"Use one of: {', '.join(Act)}"
        )
    header = True
    for records in _answers(settings, options):
        if options.format == "json":
            for record in records:
                print(json.dumps(record, ensure_ascii=False))
        else:
            table = pd.DataFrame(records, columns=list(_COLUMNS))
            sys.stdout.write(plain_csv(table, header).decode())
            header = False
    return 0


def _answers(settings: Settings, options: argparse.Namespace) -> Iterator[list[dict[str, Any]]]:
    """The records, `MOST_RECORDS` at a time; each answer begins at the last moment of the one before."""
    since, until = span_of(options)
    before: list[dict[str, Any]] = []
    while True:
        answer = run_access_command(
            settings, "audit", since=max(0, since), until=until, people=options.who, acts=options.act
        )
        fresh = [record for record in answer if record not in before]
        yield [{**record, "time": timestamps.render(record["time"])} for record in fresh]
        if len(answer) < MOST_RECORDS or not fresh:
            return
        before, until = answer, answer[-1]["time"] + 1
