"""Retired journal segments, compressed: with them a lost database is rebuilt.

Is: the journal's own files, whole, one gzip file per segment; beyond a size limit the oldest
go. Is not: needed while the database is healthy, or a backup against the loss of the disk.
"""

from __future__ import annotations

import gzip
import os
import shutil
import zlib
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from pathlib import Path

from sensormon.journal import segments
from sensormon.journal.segments import Segment
from sensormon.model.durable_files import sync_folder

LIMIT = 1024 * 1024 * 1024
"""The most bytes the archive takes: about a quarter of a year of three readings a second."""


class Archive:
    """One folder of retired segments. `damaged` has a sentence for each file that cannot be read."""

    def __init__(self, folder: Path, limit: int = LIMIT) -> None:
        self.folder = folder
        self.damaged: list[str] = []
        self._limit = limit
        self._opened: Segment | None = None

    def put(self, segment: Segment) -> None:
        """Keep a compressed copy of this segment, on disk when it returns. Raises OSError."""
        self.folder.mkdir(exist_ok=True)
        target = self.folder / (segment.path.name + ".gz")
        temporary = target.with_suffix(".tmp")
        with segment.path.open("rb") as source, temporary.open("wb") as file:
            with gzip.GzipFile(fileobj=file, mode="wb", compresslevel=3, mtime=0) as packed:
                shutil.copyfileobj(source, packed)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
        sync_folder(self.folder)
        self._drop_oldest()

    def newest(self) -> Segment | None:
        """The newest segment that can be read; None if there is none."""
        for path in reversed(self._paths()):
            segment = self._scan(path)
            if segment is not None and segment.writer:
                return segment
        return None

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(path.stat().st_size for path in self._paths())

    def payloads(self, writer: str, after: int, before: int) -> Iterator[tuple[int, bytes | None]]:
        """Numbers and payloads of this writer's records with after < number < before, in order."""
        for segment, start, stop in self.within(writer, after, before):
            yield from segments.read_payloads(segment, start, stop)

    def within(self, writer: str, after: int, before: int) -> Iterator[tuple[Segment, int, int]]:
        """This writer's segments, and which of their records [start:stop] have after < number < before."""
        paths = self._paths()
        firsts = [segments.first_number(path) for path in paths]
        for path in paths[max(0, bisect_right(firsts, after + 1) - 1) :]:
            segment = self._scan(path)
            if segment is None or segment.writer != writer or segment.last <= after:
                continue
            stop = bisect_left(segment.numbers, before)
            yield segment, bisect_right(segment.numbers, after), stop
            if stop < len(segment.numbers):
                return

    def _scan(self, path: Path) -> Segment | None:
        if self._opened is None or self._opened.path != path:
            try:
                self._opened = segments.scan(path)
            except (OSError, EOFError, zlib.error) as error:
                self._report(f"archived {path.name}: {error}")
                return None
            if self._opened.damage:
                self._report(f"archived {path.name}: {self._opened.damage}")
        return self._opened

    def _report(self, text: str) -> None:
        if text not in self.damaged:
            self.damaged.append(text)

    def _paths(self) -> list[Path]:
        return sorted(self.folder.glob("*.seg.gz"))

    def _drop_oldest(self) -> None:
        paths = self._paths()
        size = self.size
        while size > self._limit and len(paths) > 1:
            oldest = paths.pop(0)
            size -= oldest.stat().st_size
            oldest.unlink()
