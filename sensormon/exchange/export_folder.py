"""The data folder's `exports/`: files to download, each under a name that cannot be guessed.

A file lasts at most `LASTING` seconds, and only while it is among the newest `KEPT` files and
`BYTES` bytes. It does not outlive the process: the next one removes what is left. An unfinished
file is never served.

What it is not: an archive. What was exported can be exported again.
"""

from __future__ import annotations

import re
import secrets
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sensormon.model.clock import SECOND, Clock
from sensormon.model.errors import SensormonError

KEPT = 10
LASTING = 24 * 3_600
BYTES = 8 << 30

SPARE = 512 << 20
"""Bytes to leave on the disk for the journal; an export that would need them is aborted."""

_OURS = re.compile(r"[\w-]{32}\.(?:part|[a-z]+)")


@dataclass(frozen=True)
class ExportFile:
    """A finished file. `key` is its name in an address, `name` its name for people."""

    key: str
    path: Path
    name: str
    media_type: str
    size: int
    created: int  # µs UTC


@dataclass(eq=False)
class Draft:
    """A file that is being written; `ExportFiles.keep` finishes it."""

    path: Path
    folder: Path
    key: str

    def check_room(self) -> None:
        """Raise SensormonError if the disk has less than `SPARE` bytes left."""
        if shutil.disk_usage(self.folder).free < SPARE:
            raise SensormonError(
                f"less than {SPARE >> 20} MiB are left on the disk",
                where="export",
                hint="Free some space, or choose less; the unfinished file was removed",
            )


class ExportFiles:
    """Of one data folder; called from jobs, pages and the API."""

    def __init__(self, data_dir: Path, clock: Clock) -> None:
        self.folder = data_dir / "exports"
        self._clock = clock
        self._lock = threading.Lock()
        self._files: dict[str, ExportFile] = {}
        for path in self.folder.glob("*") if self.folder.is_dir() else ():
            if _OURS.fullmatch(path.name):
                path.unlink(missing_ok=True)

    @contextmanager
    def draft(self) -> Iterator[Draft]:
        """A file to write, removed at the end unless it was kept. Raises SensormonError on a full disk."""
        self.folder.mkdir(exist_ok=True)
        self.sweep()
        key = secrets.token_urlsafe(24)
        draft = Draft(self.folder / f"{key}.part", self.folder, key)
        draft.check_room()
        try:
            yield draft
        except OSError as error:
            raise SensormonError(
                f"the file cannot be written ({error.strerror})",
                where="export",
                hint="Free some space, or choose less; the unfinished file was removed",
            ) from error
        finally:
            draft.path.unlink(missing_ok=True)

    def keep(self, draft: Draft, name: str, media_type: str) -> ExportFile:
        """Finish the draft; from now on the file is served under this name."""
        path = draft.path.with_suffix(Path(name).suffix)
        draft.path.rename(path)
        file = ExportFile(draft.key, path, name, media_type, path.stat().st_size, self._clock.now())
        with self._lock:
            self._files[file.key] = file
        self.sweep()
        return file

    def find(self, key: str) -> ExportFile | None:
        """The file with this key; None if there never was one, or it has expired."""
        self.sweep()
        return self._files.get(key)

    def sweep(self) -> None:
        """Remove files that are too old or exceed `KEPT` or `BYTES`; the newest only goes by age."""
        with self._lock:
            oldest = self._clock.now() - LASTING * SECOND
            newest_first = reversed(list(self._files.values()))
            files = sorted(newest_first, key=lambda file: file.created, reverse=True)
            room = BYTES
            for place, file in enumerate(files):
                room -= file.size
                if file.created < oldest or place >= KEPT or (place and room < 0) or not file.path.exists():
                    del self._files[file.key]
                    file.path.unlink(missing_ok=True)
