"""Undoing an import: its readings and their events go, and the tags that it alone needed.

It is decided by one journal record: before it nothing has changed, after it the import is undone
whatever happens, and a database that is rebuilt comes to the same end. Tags go afterwards; what a
kill leaves undone of that is done after the next start.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from sensormon.exchange.import_log import ImportLog, digest_of
from sensormon.exchange.importer import Importer
from sensormon.ingest.collector import Collector
from sensormon.ingest.dead_letters import DeadLetters
from sensormon.model.clock import Clock
from sensormon.model.entries import UndoEntry
from sensormon.model.errors import SensormonError, StoreError, UsageError
from sensormon.model.format import counted
from sensormon.model.imports import Import, ImportState
from sensormon.model.jobs import Cancelled, Job, Jobs, Progress
from sensormon.model.tag_edit import changes
from sensormon.model.tag_file import TagFile
from sensormon.model.tags import TagTable
from sensormon.stores.protocol import Store
from sensormon.stores.recent import RecentReadings

KIND = "undo import"
"""The kind of the job."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Removed:
    """What an undo removed: readings, and tags by name. `problem` says why no tags could be removed."""

    entry: Import
    tags: tuple[str, ...] = ()
    problem: str = ""

    def sentence(self) -> str:
        """For people."""
        if self.entry.state is ImportState.UNDOING:
            return (
                f"Import {self.entry.id} is undone. Its readings leave the database once it can be written."
            )
        readings = self.entry.undone.readings if self.entry.undone else 0
        words = f"Import {self.entry.id} is undone: {counted(readings, 'reading')} removed"
        if self.tags:
            words += f", and the unused {'tag' if len(self.tags) == 1 else 'tags'} {', '.join(self.tags)}"
        if self.problem:
            words += f". Its tags stay for now: {self.problem}"
        return f"{words}."


class Undoing:
    """Of one monitor.

    `caught_up` waits until the store has everything that is durable now; no reading is rolled up
    within `unrolled`.
    """

    def __init__(
        self,
        log: ImportLog,
        importer: Importer,
        collector: Collector,
        store: Store,
        newest: RecentReadings,
        dead_letters: DeadLetters,
        tag_file: TagFile,
        caught_up: Callable[[Progress], None],
        unrolled: Callable[[], AbstractContextManager[None]],
        jobs: Jobs,
        clock: Clock,
    ) -> None:
        self._log = log
        self._importer = importer
        self._collector = collector
        self._store = store
        self._newest = newest
        self._dead_letters = dead_letters
        self._tag_file = tag_file
        self._caught_up = caught_up
        self._unrolled = unrolled
        self._jobs = jobs
        self._clock = clock
        self._looked = False
        self.last = 0
        """When an undo was last complete (µs UTC); whatever was read before is old. 0 if none was."""

    def start(self, number: int, who: str) -> Job:
        """Start undoing this import; the job's result is `Removed`. Raises what `undo` raises at once."""
        self.check(number)
        return self._jobs.start(KIND, f"Undo of import {number}", lambda step: self.undo(number, who, step))

    def check(self, number: int) -> Import:
        """The import, if it can be undone. Raises UsageError, which says why it cannot, and StoreError."""
        entry = self._log.find(number)
        if entry.state in (ImportState.UNDONE, ImportState.UNDOING):
            raise UsageError(f"import {number} is undone already", where="imports")
        if entry.state is ImportState.RUNNING:
            raise UsageError(
                f"import {number} is running", where="imports", hint="Wait for it or cancel it, then undo it"
            )
        rolled = self._store.imports.rolled_up(number, self._dead_letters.ids())
        if rolled:
            raise UsageError(
                f"import {number} cannot be undone: {rolled:,} of its readings were rolled up to minutes, "
                "from which single readings cannot be taken out",
                where="imports",
                hint="Nothing was changed. Keep readings for longer under Storage to undo later imports",
            )
        return entry

    def undo(self, number: int, who: str, progress: Progress) -> Removed:
        """Undo this import. Raises like `check`, and JournalError; then nothing has changed.

        Once the record is durable a cancellation, or a store that is away, ends only the waiting.
        """
        with self._log.alone(), self._unrolled():
            progress.step("waiting for the database")
            self._caught_up(progress)
            self.check(number)
            ranges = self._store.imports.ranges(number)
            progress.step("removing the readings")
            self._collector.undo(UndoEntry(number, who, self._clock.now()), ranges)
            self._importer.forget(number)
            _log.info("import %d was undone by %s", number, who)
            try:
                self._caught_up(progress)
            except (StoreError, Cancelled):
                self._looked = False  # the rest is done once the store has the record
                return Removed(self._log.find(number))
            self._collector.noted_elsewhere()
            self.last = self._clock.now()
        names, problem = self.tidy(who)
        return Removed(self._log.find(number), names, problem)

    def tidy(self, who: str) -> tuple[tuple[str, ...], str]:
        """Remove tags that undone imports made, if they have no readings and were not edited since.

        Returns their names, or why they could not be removed.
        """
        pending = self._log.untidied()
        if not pending:
            return (), ""
        unused = self._unused()
        try:
            if unused:
                draft = self._tag_file.read()
                kept = TagTable([tag for tag in draft.tags if tag.name not in unused])
                self._tag_file.save(draft, kept, who, changes(draft.tags, kept))
        except SensormonError as error:
            _log.warning("tags of an undone import stay: %s", error)
            return (), error.what
        self._log.tidied(pending, who)
        return unused, ""

    def tick(self) -> None:
        """Once the store has every undo: finish what a kill or a failure interrupted. Called often."""
        if self._looked or self._collector.unstored.undos():
            return
        self._looked = True
        try:
            if self._log.untidied():
                self._jobs.start(KIND, "Removing unused tags", lambda _: self.tidy("sensormon"))
        except SensormonError as error:
            _log.warning("tags of an undone import may be left: %s", error)

    def _unused(self) -> tuple[str, ...]:
        used = {*self._store.readings.tags(), *self._newest.tags()}
        table = self._tag_file.read().tags
        return tuple(
            name
            for name, digest in self._log.new_tags().items()
            if name not in used and name in table and digest_of(table[name]) == digest
        )
