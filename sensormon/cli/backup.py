"""`python -m sensormon backup TO`: a back-up of a running or stopped monitor, in a new folder."""

from __future__ import annotations

import argparse
import json
import threading
from pathlib import Path
from typing import Any

from sensormon.cli.access import ask_or_do
from sensormon.cli.copying import Printed, make_private
from sensormon.model.clock import SystemClock
from sensormon.model.errors import SensormonError, UsageError
from sensormon.model.settings import Settings
from sensormon.monitor.backing_up import COMMAND, STATE, back_up
from sensormon.monitor.offline import StoppedMonitor

_PAUSE = 0.2


def register(commands: Any) -> None:
    """Add the command and its options."""
    command = commands.add_parser("backup", help="a back-up of everything, also while the monitor runs")
    command.add_argument("target", metavar="TO", type=Path, help="a folder that does not exist yet")
    command.add_argument("--json", action="store_true", help="as JSON")
    command.set_defaults(run=run)


def run(options: argparse.Namespace, settings: Settings) -> int:
    """Make the back-up and report. Raises SensormonError and OSError."""
    make_private()
    target, progress, clock = options.target.absolute(), Printed(), SystemClock()
    state = ask_or_do(settings, COMMAND, {"to": str(target)}, lambda: _of_stopped(settings, target, progress))
    pause = threading.Event()
    while state["running"]:
        progress.step(state["words"])
        clock.wait(pause, _PAUSE)
        state = ask_or_do(settings, STATE, {"job": state["job"]}, _gone)
    progress.clear()
    if state["rows"] is None:
        raise SensormonError("the back-up was cancelled", where=str(target), hint="Begin again")
    if options.json:
        print(json.dumps({"to": str(target), "rows": state["rows"]}))
    else:
        print(f"{sum(state['rows'].values()):,} rows, the journal and the files are in {target}")
        print("It holds secrets (hashes of passwords, tokens): keep it as safe as the data folder")
    return 0


def _of_stopped(settings: Settings, target: Path, progress: Printed) -> dict[str, Any]:
    stopped = StoppedMonitor(settings.data_dir, settings.store_url)
    with stopped.store() as store:
        if store is None:
            raise UsageError(
                "there is nothing to back up", where=stopped.store_place, hint="Run the monitor first"
            )
        made = SystemClock().now()
        manifest = back_up(settings, store, stopped.writer, stopped.records, target, made, progress)
    return {"running": False, "rows": dict(manifest.rows)}


def _gone() -> Any:
    raise SensormonError(
        "the monitor stopped before the back-up was whole", where=COMMAND, hint="Begin again"
    )
