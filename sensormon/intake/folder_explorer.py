"""What a page asks of a watched folder: what is in it, and a first look at the newest file."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np

from sensormon.exchange.mappings import Mappings, SavedMapping
from sensormon.intake.folder_files import Entry, Listing, check_apart, listing, opened
from sensormon.intake.folder_reading import (
    Part,
    empty,
    is_whole,
    new_lines,
    read_lines,
    read_whole,
    wide_tags,
)
from sensormon.model import timestamps
from sensormon.model.clock import SystemClock
from sensormon.model.errors import SourceError, UsageError
from sensormon.model.format import counted
from sensormon.model.tags import Tag, TagTable
from sensormon.sources.connected import Offer, Preview, Seen
from sensormon.sources.folder.kind import FolderSource

_MOST = 1_000
_LOOKED_AT = 5


class FolderExplorer:
    """See `Explorer`. Files are local, so nothing is waited for."""

    def __init__(self, config: FolderSource) -> None:
        self._config = config

    def test(self, seconds: float) -> Seen:
        """Whether the folder and the mapping are there, and which of the newest files cannot be read."""
        del seconds
        mapping = self._mapping()
        files = self._listing()
        problems = [*files.passed_over]
        read = 0
        for entry in list(files.matching)[::-1][:_LOOKED_AT]:
            try:
                read += len(self._first(entry, mapping).batch)
            except SourceError as error:
                problems.append(str(error))
        others = len(files.files) - len(files.matching)
        summary = (
            f"{counted(len(files.matching), 'file')} match {self._config.pattern}, {others} do not; "
            f"{counted(read, 'reading')} at the beginning of the newest"
        )
        return Seen(summary, tuple(problems[:20]))

    def browse(self, below: str, seconds: float) -> Sequence[Offer]:
        """The files that match, the newest first."""
        del seconds
        if below:
            return ()
        files = self._listing()
        return tuple(
            Offer(
                entry.name,
                entry.name,
                has_more=False,
                value=f"{entry.size:,} bytes",
                detail=f"changed {timestamps.render(entry.modified // 1_000)}",
            )
            for entry in list(files.matching)[::-1][:_MOST]
        )

    def preview(self, count: int, seconds: float) -> Preview:
        """The first readings of the newest file."""
        del seconds
        mapping = self._mapping()
        files = self._listing().matching
        if not files:
            raise SourceError(
                f"no file matches {self._config.pattern}",
                where=str(self._config.folder),
                hint="Compare the pattern with the names in the folder",
            )
        part = self._first(files[-1], mapping)
        first = np.arange(min(count, len(part.batch)))
        return Preview(part.batch.take(first), part.refused[:count])

    def _first(self, entry: Entry, mapping: SavedMapping) -> Part:
        tags = TagTable(Tag(name, name) for name in wide_tags(mapping))
        of = empty(self._config.name, SystemClock().now())
        file = opened(self._config.folder, entry.name)
        try:
            if is_whole(file):
                return read_whole(file, entry.name, mapping, tags, of)
            lines = new_lines(file, 0, entry.name)
            return read_lines(b"", lines, 0, entry.name, mapping, tags, of)
        finally:
            os.close(file)

    def _listing(self) -> Listing:
        check_apart(self._config.folder, self._config.data)
        return listing(self._config.folder, self._config.pattern)

    def _mapping(self) -> SavedMapping:
        try:
            return Mappings(self._config.data).get(self._config.mapping)
        except UsageError as error:
            raise SourceError(error.what, where=error.where, hint=error.hint) from error
