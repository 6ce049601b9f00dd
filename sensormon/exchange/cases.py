"""Cases as jobs of a running monitor: save, inspect, open.

The format is in `case_format`. What it is not: a store of cases; a saved case is an export like any
other and expires like one.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import IO

import pandas as pd
import pyarrow as pa

from sensormon.events.annotations import Annotations
from sensormon.events.reader import EventReader
from sensormon.exchange.case_format import MEDIA_TYPE, SUFFIX, Manifest
from sensormon.exchange.case_opener import CaseOpener, Opened
from sensormon.exchange.case_writer import CaseOrder, Counts, write_case
from sensormon.exchange.export_folder import ExportFile, ExportFiles
from sensormon.ingest.collector import Collector
from sensormon.ingest.detection_log import DetectionLog
from sensormon.ingest.recovery import Recovered
from sensormon.model.clock import SECOND, Clock
from sensormon.model.entries import Annotation, DetectorSettings
from sensormon.model.errors import UsageError
from sensormon.model.jobs import Job, Jobs, Progress
from sensormon.model.state_words import StateWords, Words
from sensormon.model.tag_file import TagFile
from sensormon.model.tags import TagTable
from sensormon.model.text import cleaned
from sensormon.stores.protocol import Store
from sensormon.stores.readings import StoredReadings
from sensormon.stores.recent import RecentReadings
from sensormon.stores.streams import ReadingStreams

LONGEST_NAME = 60


@dataclass(frozen=True)
class Saved:
    """A saved case, and what it contains."""

    file: ExportFile
    counts: Counts


@dataclass(frozen=True)
class Glance:
    """What a case contains; `names` has the local names of its tags; `here`: it is stored already."""

    manifest: Manifest
    names: Mapping[str, str]
    labels: Mapping[str, str]
    rejected: int
    faults: int
    actions: int
    notes: int
    here: bool


class LiveHistory:
    """The history that a case of a running monitor is made from, stored or not; see `case_writer.History`."""

    def __init__(
        self,
        tags: Callable[[], TagTable],
        words: StateWords,
        streams: ReadingStreams,
        stored: StoredReadings,
        detection: DetectionLog,
        events: EventReader,
        annotations: Annotations,
    ) -> None:
        self._tags = tags
        self._words = words
        self._streams = streams
        self._stored = stored
        self._detection = detection
        self.events = events
        self.annotations = annotations

    @property
    def tags(self) -> TagTable:
        return self._tags()

    def state_words(self, tags: Sequence[str]) -> Words:
        words = self._words.by_tag(self.tags)
        return {name: words[name] for name in tags if name in words}

    def stream(self, tags: Sequence[str], since: int, until: int) -> Iterator[pa.Table]:
        return self._streams.by_arrival(tags, since, until)

    def stream_rejected(self, tags: Sequence[str], since: int, until: int) -> Iterator[pa.Table]:
        return self._stored.stream_rejected(tags, since, until)

    def injected_faults(self, since: int, until: int) -> pd.DataFrame:
        return self._stored.injected_faults(since, until)

    def settings_by_id(self) -> Mapping[int, DetectorSettings]:
        return self._detection.by_id()

    def notes(self, tags: Sequence[str], since: int, until: int) -> list[Annotation]:
        return self.annotations.between(since, until, tags)

    def event_history(self, first: int, last: int) -> pd.DataFrame:
        return self.events.actions(first, last)


class Cases:
    """Of one monitor; `keep_up` waits for the store, `recovered` is the state read back at its start."""

    def __init__(
        self,
        *,
        history: LiveHistory,
        collector: Collector,
        store: Store,
        recent: RecentReadings,
        tag_file: TagFile,
        keep_up: Callable[[Progress], None],
        files: ExportFiles,
        recovered: Recovered,
        jobs: Jobs,
        clock: Clock,
    ) -> None:
        self.opener = CaseOpener(
            tags=lambda: history.tags,
            tag_file=tag_file,
            annotations=history.annotations,
            keep_up=keep_up,
            collector=collector,
            store=store,
            recent=recent,
            events=history.events,
            folder=files.folder,
            recovered=recovered,
            clock=clock,
        )
        self._history = history
        self._stored = store.readings
        self._files = files
        self._jobs = jobs
        self._clock = clock

    def save(self, order: CaseOrder) -> Job:
        """Start writing a case; the job's result is a `Saved`. Raises UsageError for an impossible order."""
        checked_order(order)

        def work(progress: Progress) -> Saved:
            progress.step("counting readings")
            whole = self._stored.count(order.tags, order.since, order.until)
            with self._files.draft() as draft:
                counts = write_case(
                    draft.path, self._history, order, self._clock.now(), progress, whole, draft.check_room
                )
                return Saved(self._files.keep(draft, f"{file_stem(order.name)}.{SUFFIX}", MEDIA_TYPE), counts)

        return self._jobs.start("case-save", f"Case {order.name}", work)

    def glance(self, source: IO[bytes], step: Callable[[], None] = lambda: None) -> Glance:
        """What this file contains. Raises UsageError unless it is a readable case, and StoreError.

        Calls `step` often, and passes on what that raises, for a viewer who may have left.
        """
        with self.opener.unpacked(source, step) as case:
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
        """Start opening the case in this file; the job's result is an `Opened`.

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
                with self.opener.unpacked(own, lambda: progress.step("unpacking")) as case:
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
    """Page and query of a copied address, without the path of the server; empty if it is not an address."""
    match = re.fullmatch(
        r"(?:https?://[^/\s?#]+)?(?:/[^\s/?#]+)*?(/[^\s/?#]*(?:\?[^\s#]*)?)(?:#\S*)?", address.strip()
    )
    return match[1] if match else ""
