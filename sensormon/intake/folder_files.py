"""The files of a watched folder: which are there, how far each was read, and whether it is still the same.

Only plain files that lie in the folder itself are opened: no links, no folders in it, no devices. A file is
known by its inode, and as the same as before by the bytes at its beginning and before the place reached.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from sensormon.model.errors import SourceError

MOST_FILES = 500
"""That match, in a folder."""
MOST_ENTRIES = 100_000
"""In the folder, of any kind."""
_MADE_UP = ("/proc", "/sys")
_HEAD = 4_096
_TAIL = 256
"""Bytes at the beginning, and before the place reached, that tell whether a file is the same."""


@dataclass(frozen=True)
class Read:
    """How far a file was read: `offset` bytes, which are `lines`; `mark` is the digest of what was there.

    Of a file that is read as a whole `offset` counts its readings, in order of time, and `lines` is the last
    line that was none. It had `size` and was `modified` then (ns).
    """

    inode: int
    offset: int = 0
    lines: int = 0
    mark: str = ""
    size: int = 0
    modified: int = 0

    def as_list(self) -> list[Any]:
        """For a position, which is in every record: as short as can be."""
        return [self.inode, self.offset, self.lines, self.mark, self.size, self.modified]


def reads_of(position: Mapping[str, Any] | None) -> dict[str, Read]:
    """By name, from a position."""
    return {name: Read(*row) for name, row in (position or {}).get("files", {}).items()}


def position_of(reads: Mapping[str, Read]) -> dict[str, Any]:
    """The position to keep."""
    return {"files": {name: each.as_list() for name, each in reads.items()}}


@dataclass(frozen=True)
class Entry:
    """A plain file of the folder, as it was seen."""

    name: str
    inode: int
    size: int
    modified: int


@dataclass(frozen=True)
class Listing:
    """What is in a folder: all plain files, those that match, and what is passed over, in words."""

    files: Sequence[Entry]
    matching: Sequence[Entry]
    passed_over: Sequence[str]


def listing(folder: Path, pattern: str) -> Listing:
    """What is there now, the oldest first. Raises SourceError."""
    files: list[Entry] = []
    links: list[str] = []
    try:
        with os.scandir(folder) as entries:
            for place, entry in enumerate(entries):
                if place >= MOST_ENTRIES:
                    raise SourceError(
                        f"there are more than {MOST_ENTRIES:,} files in it",
                        where=str(folder),
                        hint="Move old ones elsewhere",
                    )
                if entry.is_symlink():
                    links += [entry.name] if fnmatchcase(entry.name, pattern) else []
                elif entry.is_file(follow_symlinks=False) and entry.name.isprintable():
                    seen = entry.stat(follow_symlinks=False)
                    files.append(Entry(entry.name, seen.st_ino, seen.st_size, seen.st_mtime_ns))
    except OSError as error:
        raise SourceError(
            f"the folder cannot be read ({error.strerror})",
            where=str(folder),
            hint="Does it exist, is it mounted, and may the monitor's user read it?",
        ) from error
    files.sort(key=lambda each: (each.modified, each.name))
    matching = [each for each in files if fnmatchcase(each.name, pattern)]
    if len(matching) > MOST_FILES:
        raise SourceError(
            f"{len(matching):,} files match {pattern}; at most {MOST_FILES} can be watched",
            where=str(folder),
            hint="Move old ones elsewhere, or choose a narrower pattern",
        )
    return Listing(files, matching, [f"{name} is a link, which is not followed" for name in sorted(links)])


def check_apart(folder: Path, data: Path) -> None:
    """Raises SourceError for the monitor's own data folder, whose files hold secrets, for what lies in it,
    and for what the system makes up, such as the environment of a process.
    """
    real, own = os.path.realpath(folder), os.path.realpath(data)
    for kept in (own, *_MADE_UP):
        if os.path.commonpath((real, kept)) == kept:
            raise SourceError(
                f"files in {kept} are not read",
                where=str(folder),
                hint="Have the files written into a folder of their own",
            )


def opened(folder: Path, name: str) -> int:
    """A descriptor of this plain file, for reading. Raises SourceError if it is none, or cannot be read."""
    try:
        file = os.open(folder / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise SourceError(
            f"it cannot be read ({error.strerror})",
            where=name,
            hint="May the monitor's user read it?",
        ) from error
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        raise SourceError("it is no plain file", where=name)
    return file


def mark(file: int, offset: int) -> str:
    """The digest of the beginning, and of what stands before `offset`."""
    digest = hashlib.blake2b(digest_size=8)
    digest.update(os.pread(file, min(_HEAD, offset), 0))
    digest.update(os.pread(file, min(_TAIL, offset), max(0, offset - _TAIL)))
    return digest.hexdigest()


def is_same(file: int, known: Read) -> bool:
    """Whether all that was read of it is still there."""
    return os.fstat(file).st_size >= known.offset and mark(file, known.offset) == known.mark
