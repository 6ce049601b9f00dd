"""A process of its own that reads a file from outside within a budget of memory and time."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pyarrow as pa

from sensormon.model.errors import UsageError
from sensormon.tables.budget import Budget, too_large
from sensormon.tables.child_limits import CELL, REFUSED, TOO_LARGE, UNREADABLE

_ROOT = Path(__file__).parents[2]
"""The folder that has the package."""
_TURN = threading.Lock()
_PATIENCE = 60.0
_POLL = 0.05
"""Seconds to wait for one's turn, and between two looks at the process."""


def read_apart(child: Path, path: Path, budget: Budget, *more: str, hint: str) -> pa.Table:
    """The Arrow table that this child writes: `CHILD PATH BYTES SECONDS MORE…`, see `parquet_child`.

    Files are read one at a time, so that several cost no more memory than one. Raises UsageError for
    a file beyond the budget or refused by the child (with this hint), ValueError for one that cannot be
    read, and what `budget.step` raises.
    """
    with _turn(path, budget), tempfile.TemporaryFile() as table, tempfile.TemporaryFile() as problem:
        code = _run(
            [str(child), str(path.resolve()), str(budget.bytes), str(budget.seconds), *more],
            path,
            budget,
            table,
            problem,
        )
        if code != 0:
            problem.seek(0)
            line = problem.read(1_000).decode("utf-8", "replace").strip()
            raise _error(path, budget, code, line, hint)
        table.seek(0)
        return _table(path, budget, table)


def _table(path: Path, budget: Budget, table: IO[bytes]) -> pa.Table:
    """What the child wrote; counted again, since a file may have got the better of the child."""
    with pa.ipc.open_stream(table) as stream:
        batches, cells = [], 0
        for batch in stream:
            cells += batch.num_rows * batch.num_columns
            if max(cells * CELL, table.tell()) > budget.bytes:
                raise too_large(path, budget, cells)
            batches.append(batch)
        return pa.Table.from_batches(batches, stream.schema)


@contextmanager
def _turn(path: Path, budget: Budget) -> Iterator[None]:
    until = time.monotonic() + _PATIENCE
    while not _TURN.acquire(timeout=_POLL):
        budget.step()
        if time.monotonic() > until:
            raise UsageError("other files are being read", where=str(path), hint="Try again in a minute")
    try:
        yield
    finally:
        _TURN.release()


def _run(command: Sequence[str], path: Path, budget: Budget, table: IO[bytes], problem: IO[bytes]) -> int:
    """Run this file of ours as a process; its exit code. It is killed if this ends early."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SENSORMON_")}
    process = subprocess.Popen(  # noqa: S603  our own interpreter and module
        [sys.executable, "-P", *command],
        stdin=subprocess.DEVNULL,
        stdout=table,
        stderr=problem,
        # Other allocators reserve address space, which the limit counts.
        env={
            **environment,
            "ARROW_DEFAULT_MEMORY_POOL": "system",
            "MALLOC_ARENA_MAX": "1",
            "PYTHONPATH": str(_ROOT),
        },
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


def _error(path: Path, budget: Budget, code: int, line: str, hint: str) -> Exception:
    if code == REFUSED:
        return UsageError(line, where=str(path), hint=hint)
    if code == UNREADABLE:
        return ValueError(line)
    if code in (TOO_LARGE, -6):  # C++ and Rust end with SIGABRT where memory runs out
        return too_large(path, budget, int(line) if line.isdecimal() else 0)
    if code in (-24, -9):  # SIGXCPU, and SIGKILL a second later
        return _too_long(path, budget)
    return ValueError(f"the process that read it ended with {code}")


def _too_long(path: Path, budget: Budget) -> UsageError:
    return UsageError(
        f"it takes more than {budget.seconds} s to read", where=str(path), hint="Split it, or write it again"
    )
