"""`python -m sensormon migrate FROM TO`: a whole history from one store to another.

FROM is only read. A run that was killed goes on where it was when the command is given again.
"""

from __future__ import annotations

import argparse
from typing import Any

from sensormon.cli.copying import Ended, Printed, explained, fill, refuse_used, report, same, store_named
from sensormon.exchange.moving import Moved
from sensormon.model.clock import SECOND, SystemClock
from sensormon.model.errors import UsageError
from sensormon.model.jobs import Progress
from sensormon.model.settings import Settings, store_place
from sensormon.stores.opening import opened_to_read


def register(commands: Any) -> None:
    """Add the command and its options."""
    command = commands.add_parser("migrate", help="copy a whole history into another, empty store")
    command.add_argument("source", metavar="FROM", help="a database file, a data folder or postgresql://…")
    command.add_argument("target", metavar="TO", help="the same; a data folder yet to be made ends with /")
    command.add_argument("--json", action="store_true", help="as JSON")
    command.set_defaults(run=run)


def run(options: argparse.Namespace, _: Settings) -> int:
    """Copy, compare and report; 1 if the copy differs. Raises UsageError and StoreError."""
    source, target = store_named(options.source), store_named(options.target)
    if same(source, target):
        raise UsageError("FROM and TO are the same", where=store_place(source), hint="Name another store")
    clock, progress = SystemClock(), Printed()
    began = clock.now()
    moved = migrate(source, target, progress)
    progress.clear()
    seconds = (clock.now() - began) / SECOND
    return report(moved, Ended(store_place(source), store_place(target), seconds), options.json)


def migrate(source: str, target: str, progress: Progress) -> Moved:
    """Copy the history in one store into another; see `sensormon.exchange.moving.move`.

    Raises UsageError if one of them is in use or TO holds another history, and StoreError.
    """
    with explained(source), opened_to_read(source) as store:
        if store is None:
            raise UsageError("there is no such database", where=source, hint="Give its path")
        refuse_used(store, source, progress)
        with store.tables.snapshot() as snapshot:
            return fill(snapshot, target, progress)
