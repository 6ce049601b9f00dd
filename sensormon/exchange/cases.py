"""Cases as jobs of a running monitor: save one, look into one, open one.

The format is in `case_format`. What it is not: a store of cases; a saved case is an export like any
other and expires like one.
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
from sensormon.ingest.recovery import Recovered
from sensormon.model.clock import SECOND
from sensormon.model.errors import UsageError
from sensormon.model.jobs import Job, Jobs, Progress
from sensormon.model.text import cleaned
from sensormon.stores.protocol import Store
from sensormon.stores.recent import RecentReadings

LONGEST_NAME = 60


@dataclass(frozen=True)
class Saved:
    """A saved case, and what it contains."""

    file: ExportFile
    counts: Counts


@dataclass(frozen=True)
class Glance:
    """What a case contains; `names` has what its tags are or would be called here, `here`: it is stored."""

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
        recovered: Recovered,
    ) -> None:
        self.opener = CaseOpener(plant, collector, store, recent, events, files.folder, recovered)
        self._history = plant
        self._store = store
        self._files = files
        self._jobs = plant.jobs
        self._clock = plant.clock

    def save(self, order: CaseOrder) -> Job:
        """Begin to write a case; the job's result is a `Saved`. Raises UsageError for an impossible order."""
        checked_order(order)

        def work(progress: Progress) -> Saved:
            progress.step("counting readings")
            whole = self._store.readings.count(order.tags, order.since, order.until)
            with self._files.draft() as draft:
                counts = write_case(
                    draft.path, self._history, order, self._clock.now(), progress, whole, draft.check_room
                )
                return Saved(self._files.keep(draft, f"{file_stem(order.name)}.{SUFFIX}", MEDIA_TYPE), counts)

        return self._jobs.start("case-save", f"Case {order.name}", work)

    def glance(self, source: IO[bytes]) -> Glance:
        """What this file contains. Raises UsageError unless it is a readable case, and StoreError."""
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

        The file is copied first, so that the job does not depend on the viewer who uploaded it.
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
    """Raise UsageError, one line, unless a case can be made of this."""
    if not order.name or order.name != cleaned(order.name) or len(order.name) > LONGEST_NAME:
        wrong = f"a case needs a name of 1 to {LONGEST_NAME} characters"
        raise UsageError(wrong, where="case", hint="Give it a short name in one line")
    if not order.tags:
        raise UsageError("a case needs at least one tag", where="case", hint="Choose a tag")
    if not order.since < order.until:
        wrong = "the span ends before it begins"
        raise UsageError(wrong, where="case", hint="Choose an end after the beginning")


def held(since: int, until: int, extent: tuple[int, int] | None) -> tuple[int, int]:
    """The span cut to the time from its oldest to its newest reading."""
    if extent is None:
        return since, until
    first, last = extent
    inside = max(since, first), min(until, last + SECOND)
    return inside if inside[0] < inside[1] else (since, until)


def file_stem(name: str) -> str:
    """The file name, without suffix, of a case with this name."""
    return re.sub(r"[^\w.-]+", "-", name, flags=re.ASCII).strip("-.") or "case"


def plain_view(address: str) -> str:
    """Page and query of a copied address, without the path of the server; empty if it is no address."""
    match = re.fullmatch(
        r"(?:https?://[^/\s?#]+)?(?:/[^\s/?#]+)*?(/[^\s/?#]*(?:\?[^\s#]*)?)(?:#\S*)?", address.strip()
    )
    return match[1] if match else ""
