"""The data folder: made if missing, private, writable, and used by one monitor at a time.

The lock is the kernel's (flock), so it ends with the process, however that ends.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sensormon.model.errors import UsageError
from sensormon.model.json_text import read_object, whole
from sensormon.monitor.private_files import make_private

LOCK = "monitor.lock"
SNAPSHOT = "status.json"


class DataFolder:
    """Held from construction to `release`. Raises UsageError if it cannot be acquired."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            make_private(path)
            self._fd = os.open(path / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise UsageError(
                f"the data folder cannot be written ({error.strerror})",
                where=str(path),
                hint="Make it writable, or set SENSORMON_DATA_DIR to a folder that is",
            ) from error
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = holder_of(path)
            os.close(self._fd)
            raise UsageError(
                f"another monitor (process {holder or 'unknown'}) uses this data folder",
                where=str(path),
                hint="Stop it, or set SENSORMON_DATA_DIR to another folder",
            ) from error
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, str(os.getpid()).encode(), 0)

    def release(self) -> None:
        """Release the lock. Does nothing the second time."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def write_snapshot(self, snapshot: Mapping[str, object]) -> None:
        """Write a snapshot for the command line, which cannot open the database meanwhile."""
        temporary = self.path / (SNAPSHOT + ".tmp")
        temporary.write_text(json.dumps(snapshot), encoding="utf-8")
        temporary.replace(self.path / SNAPSHOT)


def holder_of(path: Path) -> int | None:
    """The process id of the monitor running on this folder; None if there is none."""
    try:
        fd = os.open(path / LOCK, os.O_RDONLY)
    except OSError:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        text = os.read(fd, 20).decode("ascii", "replace")
        return int(text) if text.isdigit() else -1
    finally:
        os.close(fd)
    return None


def read_snapshot(path: Path) -> dict[str, Any]:
    """The last snapshot of the running monitor; raises UsageError if there is no readable one."""
    try:
        snapshot = read_object((path / SNAPSHOT).read_text(encoding="utf-8"))
        whole(snapshot, "time")
        if not isinstance(snapshot.get("ledger"), dict):
            raise ValueError("there is no ledger in it")
    except (OSError, ValueError) as error:
        raise UsageError(
            "the running monitor has not reported yet", where=str(path), hint="Try again in a second"
        ) from error
    return snapshot
