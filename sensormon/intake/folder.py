"""Watches a folder: takes new lines of growing files, and whole files once they are complete.

How far each file was read is the source's position, which is durable with its readings: after a restart or a
kill it goes on exactly there. What it is not: an import, which a person starts and can undo.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from sensormon.exchange.mappings import Mappings, SavedMapping
from sensormon.intake.folder_explorer import FolderExplorer
from sensormon.intake.folder_files import (
    MOST_FILES,
    Entry,
    Listing,
    Read,
    check_apart,
    is_same,
    listing,
    mark,
    opened,
    position_of,
    reads_of,
)
from sensormon.intake.folder_reading import (
    HEAD,
    Part,
    beyond,
    cut,
    empty,
    head,
    is_whole,
    new_lines,
    parts_of,
    read_lines,
    read_whole,
    readings_mark,
    wide_tags,
)
from sensormon.model.errors import SensormonError, SourceError
from sensormon.model.format import counted
from sensormon.model.tags import Tag
from sensormon.sources.connected import MOST_READINGS, ConnectedSource, Explorer, Intake, Secret
from sensormon.sources.folder.kind import FolderSource
from sensormon.sources.report import Report

TWICE = "readings of an hour that occurred twice were read as the later"
ANEW = "a file was replaced or cut off, and read from its beginning"


def open_source(config: FolderSource, secret: Secret, data: Path) -> ConnectedSource:
    """A source that can run, with this data folder. A folder has no secrets."""
    del secret
    return FolderRun(replace(config, data=data))


def explore(config: FolderSource, secret: Secret, data: Path) -> Explorer:
    """What a page asks of it."""
    del secret
    return FolderExplorer(replace(config, data=data))


class FolderRun:
    """See `ConnectedSource`."""

    def __init__(self, config: FolderSource) -> None:
        self._config = config

    def run(self, intake: Intake, report: Report, stopping: threading.Event) -> None:
        """See `ConnectedSource.run`."""
        watch = Watch(self._config, intake, report, stopping)
        while not stopping.is_set():
            watch.look()
            intake.clock.wait(stopping, self._config.interval)


class Watch:
    """Of one folder and one run; `look` reads what is new since the last."""

    def __init__(
        self, config: FolderSource, intake: Intake, report: Report, stopping: threading.Event
    ) -> None:
        self._config = config
        self._intake = intake
        self._report = report
        self._stopping = stopping
        self._mappings = Mappings(config.data)
        self._reads: dict[str, Read] = reads_of(intake.position())
        self._done: dict[str, object] = {}
        self._troubles: dict[str, SensormonError] = {}
        self._seen: dict[str, tuple[int, int]] = {}

    def look(self) -> None:
        """Read all files as far as they are written."""
        config = self._config
        try:
            check_apart(config.folder, config.data)
            mapping = self._mappings.get(config.mapping)
            now = listing(config.folder, config.pattern)
        except SensormonError as error:
            self._report.waiting(error)
            return
        if config.common.new_tags:
            self._intake.offer_tags([_tag(name) for name in wide_tags(mapping)])
        self._follow(now)
        followed = [each for each in now.files if each not in now.matching and each.name in self._reads]
        for entry in [*followed, *now.matching]:
            if self._stopping.is_set():
                return
            self._attend(entry, mapping)
        for entry in followed:
            if entry.name not in self._troubles:
                self._reads.pop(entry.name, None)
        self._tell(now)

    def _follow(self, now: Listing) -> None:
        """Keep with each file what was read of it when it has been renamed, as by a rotation."""
        names = {each.inode: each.name for each in now.files}
        at = {each.name: each.inode for each in now.files}
        for name, known in [*self._reads.items()]:
            other = names.get(known.inode)
            if at.get(name) != known.inode and other is not None and other not in self._reads:
                self._reads[other] = self._reads.pop(name)
                self._done.pop(name, None)
        gone = [name for name in self._reads if name not in at]
        for name in gone[: max(0, len(self._reads) - MOST_FILES)]:
            del self._reads[name]

    def _attend(self, entry: Entry, mapping: SavedMapping) -> None:
        """Read what is new in this file, unless nothing has changed since the last try."""
        state = (entry, mapping, self._intake.tags())
        if self._done.get(entry.name) == state:
            return
        try:
            file = opened(self._config.folder, entry.name)
            try:
                ready = self._take(file, entry, mapping)
            finally:
                os.close(file)
        except SourceError as error:
            self._trouble(entry.name, error)
        except OSError as error:
            what = f"it cannot be read ({error.strerror})"
            self._trouble(entry.name, SourceError(what, where=entry.name, hint="It is tried again"))
            return
        else:
            self._troubles.pop(entry.name, None)
            if not ready:
                return
        self._done[entry.name] = state

    def _take(self, file: int, entry: Entry, mapping: SavedMapping) -> bool:
        """Whether all there is was read."""
        if is_whole(file):
            return self._take_whole(file, entry, mapping)
        known = self._reads.get(entry.name, Read(entry.inode))
        if known.offset and not is_same(file, known):
            self._report.gap(ANEW)
            known = Read(entry.inode)
        known = replace(known, inode=entry.inode)
        while not self._stopping.is_set():
            lines = new_lines(file, known.offset, entry.name)
            if not lines:
                return True
            of = empty(self._config.name, self._intake.clock.now())
            before = head(file, known.offset)
            part = read_lines(before, lines, known.lines, entry.name, mapping, self._intake.tags(), of)
            if not len(part) and not known.offset and len(lines) < HEAD:
                return True  # only a header so far, perhaps only a part of one
            if part.unsure:
                self._report.note(TWICE, part.unsure)
            for some, own in cut(part, lines, known.lines, MOST_READINGS):
                offset = known.offset + len(own)
                number = known.lines + own.count(b"\n")
                known = replace(known, offset=offset, lines=number, mark=mark(file, offset))
                self._reads[entry.name] = known
                self._hand_over(some)
        return False

    def _take_whole(self, file: int, entry: Entry, mapping: SavedMapping) -> bool:
        """The same for a file without lines, once it has stayed as it is from one look to the next."""
        seen, stamp = self._seen.get(entry.name), (entry.size, entry.modified)
        self._seen[entry.name] = stamp
        known = self._reads.get(entry.name, Read(entry.inode))
        if stamp == (known.size, known.modified):
            return True
        if seen != stamp:
            return False
        of = empty(self._config.name, self._intake.clock.now())
        whole = read_whole(file, entry.name, mapping, self._intake.tags(), of)
        if known.offset and readings_mark(whole.batch, known.offset) != known.mark:
            self._report.gap(ANEW)
            known = Read(entry.inode)
        if whole.unsure:
            self._report.note(TWICE, whole.unsure)
        parts = parts_of(beyond(whole, known.offset, known.lines), MOST_READINGS)
        for place, part in enumerate(parts, 1):
            if self._stopping.is_set():
                return False
            count = known.offset + len(part.batch)
            known = replace(known, offset=count, mark=readings_mark(whole.batch, count))
            if place == len(parts):
                last = max((each.index for each in whole.refused), default=0)
                known = replace(known, lines=last, size=entry.size, modified=entry.modified)
            self._reads[entry.name] = known
            self._hand_over(part)
        return True

    def _hand_over(self, part: Part) -> None:
        if not len(part):
            return
        if self._config.common.new_tags:
            self._intake.offer_tags([_tag(name) for name in part.batch.tags])
        self._intake.take(part.batch, part.refused, position_of(self._reads))

    def _trouble(self, name: str, error: SensormonError) -> None:
        before = self._troubles.get(name)
        self._troubles[name] = error
        if before is None or before.what != error.what:
            self._report.trouble(error)

    def _tell(self, now: Listing) -> None:
        names = {each.name for each in now.matching}
        troubled = [name for name in self._troubles if name in names]
        for name in now.passed_over:
            if name not in self._troubles:
                self._trouble(name, SourceError(name, where=str(self._config.folder)))
        parts = [counted(len(names), "file")]
        if troubled:
            parts.append(f"cannot be read: {', '.join(troubled[:5])}")
        if unfinished := self._unfinished(now.matching):
            parts.append(f"{counted(unfinished, 'last line')} without an end")
        self._report.connected(", ".join(parts))

    def _unfinished(self, files: Sequence[Entry]) -> int:
        """How many end with a line that is not complete yet."""
        reads: Mapping[str, Read] = self._reads
        return sum(
            (known := reads.get(each.name)) is not None and 0 < known.offset < each.size
            for each in files
            if each.name not in self._troubles
        )


def _tag(name: str) -> Tag:
    return Tag(name, name.replace("_", " ").capitalize(), simulated=False)
