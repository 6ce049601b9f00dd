"""Parquet files from outside, read in a process of its own within a budget of memory and time.

What it is not: the reader of a case's members, whose form is known; see `case_reader`.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pandas as pd
import pyarrow as pa

from sensormon.model.errors import UsageError
from sensormon.tables.parquet_child import CELL, REFUSED, TOO_LARGE, UNREADABLE

_CHILD = Path(__file__).with_name("parquet_child.py")
_TURN = threading.Lock()
_PATIENCE = 60.0
_POLL = 0.05
"""Seconds to wait for one's turn, and between two looks at the process."""


def _nothing() -> None:
    """For a reader whom nobody can leave waiting."""


@dataclass(frozen=True)
class Budget:
    """The most bytes that work with a table may take, the most seconds to read it, and what to call then.

    A number counts as `CELL` bytes, whatever the form of the file: in the file it may take none.
    `step` may raise, for a viewer who has left; the work then ends.
    """

    bytes: int
    seconds: int
    step: Callable[[], None] = _nothing


OWN = Budget(1 << 30, 600)
"""For a command, which is alone in its process."""
SHARED_BYTES, SHARED_SECONDS = 512 << 20, 30
"""For a page, which shares its process with the collector and other viewers."""


def read_parquet(path: Path, budget: Budget) -> pd.DataFrame:
    """The table in this file, with an index that only counts rows.

    Files are read one at a time, so that several cost no more memory than one. Raises UsageError for
    a file beyond the budget, ValueError for one that cannot be read, and what `budget.step` raises.
    """
    _wait_for_turn(path, budget)
    try:
        with tempfile.TemporaryFile() as table, tempfile.TemporaryFile() as problem:
            code = _run(path, budget, table, problem)
            if code != 0:
                problem.seek(0)
                raise _error(path, budget, code, problem.read(1_000).decode("utf-8", "replace").strip())
            table.seek(0)
            return _frame(path, budget, table)
    finally:
        _TURN.release()


def _frame(path: Path, budget: Budget, table: IO[bytes]) -> pd.DataFrame:
    """What the child wrote; counted again, since a file may have got the better of the child."""
    with pa.ipc.open_stream(table) as stream:
        batches, cells = [], 0
        for batch in stream:
            cells += batch.num_rows * batch.num_columns
            if max(cells * CELL, table.tell()) > budget.bytes:
                raise too_large(path, budget, cells)
            batches.append(batch)
        rows = pa.Table.from_batches(batches, stream.schema)
    frame: pd.DataFrame = rows.to_pandas(split_blocks=True)
    return frame


def too_large(path: Path, budget: Budget, cells: int) -> UsageError:
    """The refusal of a table with so many cells (0 if unknown); names the command only if it may read it."""
    hint = "Split it, for example by month"
    if budget.bytes < OWN.bytes and cells * CELL <= OWN.bytes:
        hint += f"; python -m sensormon import reads what needs up to {OWN.bytes >> 20:,} MiB"
    what = f"it has {cells:,} cells and" if cells else "it"
    return UsageError(
        f"{what} unpacks to more than the {budget.bytes >> 20:,} MiB that can be read here",
        where=str(path),
        hint=hint,
    )


def _wait_for_turn(path: Path, budget: Budget) -> None:
    until = time.monotonic() + _PATIENCE
    while not _TURN.acquire(timeout=_POLL):
        budget.step()
        if time.monotonic() > until:
            raise UsageError("other files are being read", where=str(path), hint="Try again in a minute")


def _run(path: Path, budget: Budget, table: IO[bytes], problem: IO[bytes]) -> int:
    """Read the file in a child process; its exit code. It is killed if this ends early."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SENSORMON_")}
    process = subprocess.Popen(  # noqa: S603  our own interpreter and module
        [
            sys.executable,
            "-P",
            str(_CHILD),
            str(path.resolve()),
            str(budget.bytes),
            str(budget.seconds),
        ],
        stdin=subprocess.DEVNULL,
        stdout=table,
        stderr=problem,
        # Other allocators reserve address space, which the limit counts.
        env={**environment, "ARROW_DEFAULT_MEMORY_POOL": "system", "MALLOC_ARENA_MAX": "1"},
    )
    until = time.monotonic() + 2 * budget.seconds  # the kernel counts seconds of work
    try:
        while True:
            try:
                return process.wait(_POLL)
            except subprocess.TimeoutExpired:
                budget.step()
            if time.monotonic() > until:
                raise _too_long(path, budget)
    finally:
        process.kill()
        process.wait()


def _error(path: Path, budget: Budget, code: int, line: str) -> Exception:
    if code == REFUSED:
        return UsageError(line, where=str(path), hint="Give a file with one column per tag")
    if code == UNREADABLE:
        return ValueError(line)
    if code in (TOO_LARGE, -6):  # C++ ends with SIGABRT where memory runs out
        return too_large(path, budget, int(line) if line.isdecimal() else 0)
    if code in (-24, -9):  # SIGXCPU, and SIGKILL a second later
        return _too_long(path, budget)
    return ValueError(f"the process that read it ended with {code}")


def _too_long(path: Path, budget: Budget) -> UsageError:
    return UsageError(
        f"it takes more than {budget.seconds} s to read", where=str(path), hint="Split it, or write it again"
    )
