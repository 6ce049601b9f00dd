"""Cases as jobs of a running monitor: saving one, looking into one, opening one.

The format is in `case_format`. What it is not: a store of cases; a saved one is an export like any
other and is removed like one.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from typing import IO, Protocol

from sensormon.events.reader import EventReader
from sensormon.exchange.case_format import MEDIA_TYPE, SUFFIX, Manifest
from sensormon.exchange.case_opener import CaseOpener, Opened
from sensormon.exchange.case_opener import Plant as OpenPlant
from sensormon.exchange.case_writer import CaseOrder, Counts, History, write_case
from sensormon.exchange.export_folder import ExportFile, ExportFiles
from sensormon.ingest.collector import Collector
from sensormon.ingest.recovery import Memory
from sensormon.model.clock import SECOND
from sensormon.model.errors import UsageError
from sensormon.model.jobs import Job, Jobs, Progress
from sensormon.model.text import cleaned
from sensormon.stores.protocol import Store
from sensormon.stores.recent import RecentReadings

LONGEST_NAME = 60


@dataclass(frozen=True)
class Saved:
    """A finished case, and what is in it."""

    file: ExportFile
    counts: Counts


@dataclass(frozen=True)
class Glance:
    """What is in a case; `names`: what its tags are called here, or would be; `here`: all of it is."""

    manifest: Manifest
    names: Mapping[str, str]
    labels: Mapping[str, str]
    rejected: int
    faults: int
    actions: int
    notes: int
    here: bool


class Plant(History, OpenPlant, Protocol):
    """A monitor."""

    jobs: Jobs


class Cases:
    """Of one monitor."""

    def __init__(
        self,
        plant: Plant,
        collector: Collector,
        store: Store,
        recent: RecentReadings,
        events: EventReader,
        files: ExportFiles,
        memory: Memory,
    ) -> None:
        self.opener = CaseOpener(plant, collector, store, recent, events, files.folder, memory)
        self._history = plant
        self._store = store
        self._files = files
        self._jobs = plant.jobs
        self._clock = plant.clock

    def save(self, order: CaseOrder) -> Job:
        """Begin to write a case; the job's result is a `Saved`. Raises UsageError for a wrong order."""
        checked_order(order)

        def work(progress: Progress) -> Saved:
            progress.step("counting readings")
            whole = self._store.count(order.tags, order.since, order.until)
            with self._files.draft() as draft:
                counts = write_case(
                    draft.path, self._history, order, self._clock.now(), progress, whole, draft.check_room
                )
                return Saved(self._files.keep(draft, f"{file_stem(order.name)}.{SUFFIX}", MEDIA_TYPE), counts)

        return self._jobs.start("case-save", f"Case {order.name}", work)

    def glance(self, source: IO[bytes]) -> Glance:
        """What is in this file. Raises UsageError where it is no case that can be opened, StoreError."""
        with self.opener.unpacked(source) as case:
            return Glance(
                manifest=case.manifest,
                names=self.opener.names(case),
                labels={tag.name: tag.label for tag in case.tags},
                rejected=case.rejected,
                faults=case.faults,
                actions=len(case.actions),
                notes=len(case.notes),
                here=self.opener.was_opened(case),
            )

    def open(self, source: IO[bytes], name: str) -> Job:
        """Begin to open the case in this file; the job's result is an `Opened`.

        The file is copied first: the job goes on when whoever brought it leaves.
        """
        source.seek(0)
        with self._files.draft() as draft:
            with draft.path.open("wb") as target:
                shutil.copyfileobj(source, target, 1 << 20)
            own = draft.path.with_suffix(".opened")
            draft.path.rename(own)

        def work(progress: Progress) -> Opened:
            try:
                progress.step("unpacking")
                with self.opener.unpacked(own) as case:
                    return self.opener.open(case, progress)
            finally:
                own.unlink(missing_ok=True)

        try:
            return self._jobs.start("case-open", f"Case {name}", work)
        except UsageError:
            own.unlink(missing_ok=True)
            raise


def checked_order(order: CaseOrder) -> None:
    """Raise UsageError, one line, unless this can be made a case."""
    wrong = ""
    if not order.name or order.name != cleaned(order.name) or len(order.name) > LONGEST_NAME:
        wrong = f"a case needs a name of 1 to {LONGEST_NAME} characters"
    elif not order.tags:
        wrong = "a case needs at least one tag"
    elif not order.since < order.until:
        wrong = "the span ends before it begins"
    if wrong:
        raise UsageError(wrong, where="case", hint="Correct it")


def held(since: int, until: int, extent: tuple[int, int] | None) -> tuple[int, int]:
    """The span without what is before the oldest and behind the newest of its readings."""
    if extent is None:
        return since, until
    first, last = extent
    inside = max(since, first), min(until, last + SECOND)
    return inside if inside[0] < inside[1] else (since, until)


def file_stem(name: str) -> str:
    """What the file of a case of this name is called, without its suffix."""
    return re.sub(r"[^\w.-]+", "-", name, flags=re.ASCII).strip("-.") or "case"


def plain_view(address: str) -> str:
    """Page and query of an address that somebody copied, without the path it is served under; empty where
    it is none."""
    found = re.fullmatch(
        r"(?:https?://[^/\s?#]+)?(?:/[^\s/?#]+)*?(/[^\s/?#]*(?:\?[^\s#]*)?)(?:#\S*)?", address.strip()
    )
    return found[1] if found else ""
