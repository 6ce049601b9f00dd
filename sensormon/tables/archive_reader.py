"""Zip and gzip files from outside: their members as files of our own, within a budget of bytes.

Member names are only shown; nothing is ever written under one.
"""

from __future__ import annotations

import gzip
import lzma
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import IO

from sensormon.model.errors import UsageError
from sensormon.model.tags import UNFIT
from sensormon.tables.budget import Budget, too_large

MOST_MEMBERS = 1_000
_PART = 1 << 20
_DIRECTORY = 1 << 20
"""Bytes that the list of members may take; each of its entries becomes half a kilobyte in memory."""
_TAIL = (1 << 16) + 22 + 20
_END, _END_64 = b"PK\x05\x06", b"PK\x06\x07"
_TABLES = frozenset(
    ["csv", "txt", "tsv", "dat", "asc", "log", "prn", "parquet", "xlsx", "xlsm", "xlsb", "xls", "ods"]
)
_ARCHIVES = frozenset(["zip", "gz", "tgz", "tar", "bz2", "xz", "7z", "rar", "zst"])
_BOOKS = ("xl/workbook.xml", "xl/workbook.bin", "content.xml")
_SHOWN = 100
DAMAGE = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, NotImplementedError)
"""What the libraries raise for a damaged archive, beside OSError and ValueError."""


def is_workbook(path: Path) -> bool:
    """Whether this zip is a spreadsheet. Raises as `members` does."""
    with _opened(path) as archive:
        names = set(archive.namelist())
    return any(name in names for name in _BOOKS) and ("[Content_Types].xml" in names or "mimetype" in names)


@contextmanager
def members(path: Path, budget: Budget) -> Iterator[tuple[list[tuple[str, Path]], list[str]]]:
    """The tables in this zip, by name, each in a file that goes afterwards; and the names of the others.

    Raises UsageError for too many members, one that is an archive itself or encrypted, and more bytes than
    the budget has; one of DAMAGE if it cannot be read; and what `budget.step` raises.
    """
    with _opened(path) as archive, TemporaryDirectory(prefix="sensormon-") as folder:
        kept, others, left = [], [], budget.bytes
        for place, member in enumerate(archive.infolist()):
            name = _shown(member.filename)
            parts = PurePosixPath(member.filename.replace("\\", "/")).parts
            if member.is_dir() or "__MACOSX" in parts or not parts or parts[-1].startswith("."):
                continue
            ending = parts[-1].rpartition(".")[2].lower()
            if ending in _ARCHIVES:
                raise UsageError(
                    f"it has an archive in it ({name})",
                    where=str(path),
                    hint="Unpack that, and import its files",
                )
            if ending not in _TABLES:
                others.append(name)
                continue
            if member.flag_bits & 1:
                raise UsageError(
                    f"{name} is protected by a password",
                    where=str(path),
                    hint="Write the zip without a password",
                )
            file = Path(folder) / str(place)
            with archive.open(member) as packed:
                left -= _unpack(packed, file, path, budget, left)
            kept.append((name, file))
        yield kept, others


@contextmanager
def unzipped(path: Path, budget: Budget) -> Iterator[Path]:
    """What this gzip has, of however many members, in a file that goes afterwards. Raises as `members`."""
    with TemporaryDirectory(prefix="sensormon-") as folder:
        file = Path(folder) / "0"
        with gzip.open(path, "rb") as packed:
            _unpack(packed, file, path, budget, budget.bytes)
        yield file


def _shown(name: str) -> str:
    return UNFIT.sub("", name)[:_SHOWN]


def _opened(path: Path) -> zipfile.ZipFile:
    """The archive. Raises UsageError for one with more members than can be listed."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - _TAIL))
        tail = file.read()
    places = [place for place in range(len(tail)) if tail.startswith(_END, place)] if _END in tail else []
    directory = max((int.from_bytes(tail[place + 12 : place + 16], "little") for place in places), default=0)
    if directory > _DIRECTORY or _END_64 in tail:
        raise _too_many(path)
    archive = zipfile.ZipFile(path)
    listed = archive.infolist()
    if len(listed) > MOST_MEMBERS:
        archive.close()
        raise _too_many(path)
    if min((member.header_offset for member in listed), default=0) > 0:  # the end of a zip inside of this one
        archive.close()
        raise zipfile.BadZipFile("its list of files is not its own; perhaps it was cut off")
    return archive


def _too_many(path: Path) -> UsageError:
    return UsageError(
        f"it is a zip of more than {MOST_MEMBERS:,} files, or of more than 4 GiB",
        where=str(path),
        hint="Unpack it, and import its files",
    )


def _unpack(packed: IO[bytes] | gzip.GzipFile, file: Path, path: Path, budget: Budget, most: int) -> int:
    """Write it to this file; how many bytes it has. Raises UsageError once it is more than `most`."""
    size = 0
    with file.open("wb") as plain:
        while part := packed.read(_PART):
            budget.step()
            size += len(part)
            if size > most:
                raise too_large(path, budget, 0)
            plain.write(part)
    return size
