"""Opening a journal's folder: what is damaged in it is copied aside and reported, never believed.

Rules 4 and 5 of `journal.py`. A torn append at the very end is cut off; everything else stays
as it is, beside a copy in `quarantine/`.
"""

from __future__ import annotations

import errno
import os
import shutil
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

from sensormon.journal import segments
from sensormon.journal.segments import Segment
from sensormon.model.durable_files import sync_folder
from sensormon.model.errors import UsageError

FORBIDDEN = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""What the system says if there is no room for a file."""

VANISHED = " has vanished"
"""Follows the name of a segment that is missing, in a report."""


class Damage:
    """What was found damaged in one folder since it was opened, one sentence each, each once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "quarantine"
        self._reports: list[str] = []

    @property
    def reports(self) -> tuple[str, ...]:
        """The sentences, oldest first."""
        return tuple(self._reports)

    def report(self, text: str) -> None:
        """Add a sentence, unless it is there already."""
        if text not in self._reports:
            self._reports.append(text)

    def quarantine(self, segment: Segment, what: str) -> bool:
        """Report the damage and keep a copy of the file; False if the disk has no room for the copy."""
        self.report(f"{segment.path.name}: {what}")
        target = self._folder / segment.path.name
        if target.exists():
            return True
        try:
            self._folder.mkdir(exist_ok=True)
            copy = target.with_suffix(".tmp")
            shutil.copyfile(segment.path, copy)
            with copy.open("rb+") as file:
                os.fsync(file.fileno())
            copy.replace(target)
            sync_folder(self._folder)
        except OSError as error:
            self.report(f"{segment.path.name} could not be copied to quarantine ({error.strerror})")
            return False
        return True


def make_folder(folder: Path) -> None:
    """Make the folder, durably. Raises UsageError if it cannot be written; a full disk is no error here."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / "probe"
        probe.write_bytes(b"")
        probe.unlink()
        sync_folder(folder)
        sync_folder(folder.parent)
    except OSError as error:
        if error.errno in NO_SPACE:
            return
        raise UsageError(
            f"the folder cannot be written ({error.strerror})",
            where=str(folder),
            hint="Make it writable, or set SENSORMON_DATA_DIR to one that is",
        ) from error


def open_segments(folder: Path, damage: Damage) -> list[Segment]:
    """The segments of the folder in order, with a torn append at the end cut off.

    Raises JournalError for a format version that this program does not know.
    """
    scanned = segments.scan_folder(folder)
    for segment in scanned[:-1]:
        if segment.damage:
            damage.quarantine(segment, segment.damage)
    for earlier, later in pairwise(scanned):
        if earlier.torn and earlier.last + 1 < later.first:
            damage.quarantine(earlier, _torn(earlier))
    for text in segments.gaps(scanned):
        damage.report(text)
    if scanned:
        _cut_torn_end(scanned[-1], damage)
    return scanned


def _cut_torn_end(last: Segment, damage: Damage) -> None:
    """Cut off an append that was never acknowledged; a copy is kept if it may have been acknowledged."""
    if last.damage:
        damage.quarantine(last, last.damage)
    safe = True
    if last.torn and not segments.unfinished(last.path.read_bytes()[last.end :], last.last + 1):
        safe = damage.quarantine(last, _torn(last))
    if last.torn and not last.damage and safe:
        with last.path.open("r+b") as file:
            file.truncate(last.end)
            os.fsync(file.fileno())


def _torn(segment: Segment) -> str:
    return f"its last {segment.torn} bytes are damaged"


def ensure_reserve(path: Path, size: int) -> None:
    """Hold `size` bytes of real disk blocks in this file, to be given up when the disk is full.

    Without room for it there is none; the next checkpoint tries again.
    """
    if not size:
        return
    try:
        if path.exists() and path.stat().st_size >= size:
            return
        fd = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            os.posix_fallocate(fd, 0, size)
        finally:
            os.close(fd)
    except OSError:
        with suppress(OSError):
            path.unlink(missing_ok=True)
