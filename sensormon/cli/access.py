"""What the commands for users, tokens, sessions and the audit trail share: where they are run.

A running monitor does it itself, through the socket in its data folder; otherwise the journal of
the stopped one is opened here.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from typing import Any

from sensormon.access.commands import READING, run_command, this_user
from sensormon.model import timestamps
from sensormon.model.clock import SECOND, SystemClock
from sensormon.model.errors import UsageError
from sensormon.model.settings import Settings
from sensormon.monitor.control import ask
from sensormon.monitor.data_folder import holder_of
from sensormon.monitor.stopped_access import readable_access, writable_access

PATIENCE = 10
"""Seconds for which a monitor may be starting or stopping before the command gives up."""
_PAUSE = 0.1


def run_access_command(settings: Settings, command: str, **arguments: Any) -> Any:
    """The answer to this command; see `sensormon.access.commands`.

    Raises SensormonError: what the command raises, or UsageError if the monitor runs and cannot be asked.
    """
    return ask_or_do(settings, command, arguments, lambda: _of_stopped(settings, command, arguments))


def ask_or_do(
    settings: Settings, command: str, arguments: Mapping[str, Any], of_stopped: Callable[[], Any]
) -> Any:
    """The answer of the running monitor to this command, or of `of_stopped` if none runs.

    Raises SensormonError: what either raises, or UsageError if the monitor runs and cannot be asked.
    """
    clock = SystemClock()
    until = clock.now() + PATIENCE * SECOND
    while True:
        holder = holder_of(settings.data_dir)
        try:
            if holder is None:
                return of_stopped()
        except UsageError:
            if holder_of(settings.data_dir) is None or clock.now() >= until:
                raise  # otherwise a monitor has just started
        try:
            if holder is not None:
                return ask(settings.data_dir, command, arguments)
        except OSError as error:
            if clock.now() >= until:
                raise UsageError(
                    f"its monitor runs (process {holder}) and cannot be asked ({error.strerror or error})",
                    where=str(settings.data_dir),
                    hint="Stop it and try again, or use its pages",
                ) from error
        clock.wait(threading.Event(), _PAUSE)


def _of_stopped(settings: Settings, command: str, arguments: Mapping[str, Any]) -> Any:
    opened = readable_access if command in READING else writable_access
    with opened(settings, SystemClock()) as access:
        return run_command(access, this_user(), command, arguments)


def print_rows(rows: list[dict[str, Any]], columns: Mapping[str, str], as_json: bool) -> None:
    """Print these rows as JSON, or the columns (by name, their heading) as a table."""
    if as_json:
        print(json.dumps(rows, ensure_ascii=False, indent=1))
        return
    cells = [list(columns.values()), *([_cell(row[name]) for name in columns] for row in rows)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(columns))]
    for line in cells:
        print("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip())


def shown_time(time: int, never: str) -> str:
    """A time for people, to the second; `never` for 0."""
    return timestamps.render(time)[:19] + "Z" if time else never


def _cell(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
