"""Exports: rows of one kind, of some tags over a span, written to a file by a job.

Rows are read and written in pieces, so that ten million need no more memory than
a thousand. What it is not: a backup (copy the data folder) or a case (`sensormon.exchange.case_writer`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.compute as pc

from sensormon.events.reader import EventReader
from sensormon.exchange.export_folder import Draft, ExportFile, ExportFiles
from sensormon.exchange.state_values import worded
from sensormon.exchange.table_writer import EXCEL_ROWS, FORMS, TableFile, too_long, with_zone
from sensormon.exchange.verdict_columns import with_verdicts
from sensormon.ingest.validation import EARLIEST
from sensormon.model import timestamps
from sensormon.model.jobs import Job, Jobs, Progress
from sensormon.model.state_words import StateWords
from sensormon.model.tags import TagTable
from sensormon.stores.columns import with_simulated
from sensormon.stores.readings import StoredReadings
from sensormon.stores.streams import ReadingStreams

READINGS, FLAGGED, EVENTS, TAGS, REJECTED = (
    "Readings",
    "Flagged readings",
    "Events",
    "Tags",
    "Rejected readings",
)
WHAT = (READINGS, FLAGGED, EVENTS, TAGS, REJECTED)

_READINGS = (
    "time",
    "tag",
    "label",
    "value",
    "unit",
    "quality",
    "score",
    "threshold",
    "detector",
    "expected",
    "lower",
    "upper",
    "is_anomaly",
    "withheld",
    "n",
    "settings",
    "profile",
    "source",
    "origin",
    "simulated",
    "received",
    "id",
)
_EVENTS = (
    "start",
    "end",
    "tag",
    "label of the tag",
    "value",
    "unit",
    "score",
    "threshold",
    "detector",
    "expected",
    "lower",
    "upper",
    "severity",
    "readings",
    "seconds",
    "state",
    "label",
    "note",
    "who",
    "acted",
    "shelved_until",
    "settings",
    "profile",
    "id",
)
_PIECE = 5_000


@dataclass(frozen=True)
class ExportRequest:
    """What to export. `tags` None means all; `since` and `until` in µs UTC; `form` one of `FORMS`."""

    what: str
    tags: tuple[str, ...] | None
    since: int
    until: int
    form: str
    zone_name: str


@dataclass(frozen=True)
class Exported:
    """A file and its number of rows; `note` says what is missing from it, if anything is."""

    file: ExportFile
    rows: int
    note: str = ""


class Exporter:
    """Of one monitor; `tags` returns its current tag table."""

    def __init__(
        self,
        jobs: Jobs,
        tags: Callable[[], TagTable],
        words: StateWords,
        streams: ReadingStreams,
        events: EventReader,
        stored: StoredReadings,
        files: ExportFiles,
    ) -> None:
        self._jobs = jobs
        self._tags = tags
        self._words = words
        self._streams = streams
        self._events = events
        self._stored = stored
        self.files = files

    def count(self, order: ExportRequest) -> int | None:
        """The approximate number of rows; None if it is only known after making them. Raises StoreError."""
        if order.what in (READINGS, FLAGGED):
            return self._stored.count(order.tags, order.since, order.until, anomalies=order.what == FLAGGED)
        return len(order.tags or self._tags().names) if order.what == TAGS else None

    def count_readings(self, tags: Sequence[str] | None, since: int, until: int) -> int:
        """How many readings are stored of these tags in this span. Raises StoreError."""
        return self._stored.count(tags, since, until)

    def start(self, order: ExportRequest) -> Job:
        """Start writing the file; the result is an `Exported`. Raises UsageError while another runs."""
        return self._jobs.start("export", title(order), lambda progress: self._work(order, progress))

    def begin(
        self,
        title: str,
        pieces: Callable[[], Iterator[pa.Table]],
        name: str,
        form: str,
        zone_name: str,
        rows: int,
    ) -> Job:
        """Start writing these tables, about `rows` rows, to a file; `name` has no suffix.

        The result is an `Exported`. Any number of such jobs may run.
        """
        return self._jobs.start(
            "file",
            title,
            lambda progress: self._write(pieces(), name, form, zone_name, rows, progress),
            alone=False,
        )

    def _work(self, order: ExportRequest, progress: Progress) -> Exported:
        progress.step("counting rows")
        whole = self.count(order)
        if order.form == "Excel" and whole is not None and whole > EXCEL_ROWS:
            raise too_long(whole)
        pieces, note = self._pieces(order)
        exported = self._write(pieces, file_stem(order), order.form, order.zone_name, whole, progress)
        return replace(exported, note=note)

    def _write(
        self,
        pieces: Iterator[pa.Table],
        name: str,
        form_name: str,
        zone_name: str,
        whole: int | None,
        progress: Progress,
    ) -> Exported:
        form = FORMS[form_name]
        with self.files.draft() as draft:
            with draft.path.open("wb") as stream:
                file = form.begin(stream, draft.folder)
                try:
                    rows = copy(pieces, file, zone_name, whole, progress, draft)
                    progress.step("finishing the file", rows, rows)
                    file.close()
                except BaseException:
                    file.abandon()
                    raise
            return Exported(self.files.keep(draft, f"{name}.{form.suffix}", form.media_type), rows)

    def _pieces(self, order: ExportRequest) -> tuple[Iterator[pa.Table], str]:
        """The rows with column names for people, and a note on missing rows."""
        tags, note = self._tags(), ""
        if order.what in (READINGS, FLAGGED):
            pieces = self._streams.by_time(
                order.tags, order.since, order.until, anomalies=order.what == FLAGGED
            )
            words = self._words.by_tag(tags)
            if order.tags is not None:
                words = {name: words[name] for name in order.tags if name in words}
            rows = (with_simulated(with_verdicts(labelled(piece, tags))) for piece in worded(pieces, words))
            return (piece.select(_READINGS) for piece in rows), note
        if order.what == REJECTED:
            rejected = self._stored.stream_rejected(order.tags, order.since, order.until)
            names = {"time": "time as it came", "value": "value as it came"}
            return (
                piece.rename_columns([names.get(name, name) for name in piece.column_names])
                for piece in rejected
            ), note
        if order.what == TAGS:
            return iter([tag_rows(tags, order.tags)]), note
        events = self._events.between(order.tags, order.since, order.until)
        if not events.attrs.get("complete", True):
            note = "There are too many events for one look: the oldest are left out. Choose a shorter span."
        frame = events.rename(columns={"label": "label "}).assign(value=events["value"].astype(float))
        table = pa.Table.from_pandas(frame.drop(columns=["ids"]), preserve_index=False)
        table = labelled(table, tags)
        names = {"label": "label of the tag", "label ": "label"}
        table = table.rename_columns([names.get(name, name) for name in table.column_names])
        return iter([table.select(_EVENTS)]), note


def copy(
    pieces: Iterator[pa.Table],
    file: TableFile,
    zone_name: str,
    whole: int | None,
    progress: Progress,
    draft: Draft,
) -> int:
    """Write these rows to the file; returns their number. Raises what `Progress.step` raises."""
    rows = 0
    try:
        for piece in pieces:
            draft.check_room()
            for start in range(0, max(1, piece.num_rows), _PIECE):
                part = piece.slice(start, _PIECE)
                file.write(with_zone(part, zone_name))
                rows += part.num_rows
                of = f" of {max(whole, rows):,}" if whole else ""
                progress.step(f"{rows:,}{of} rows", rows, whole or 0)
    finally:
        close: Callable[[], None] | None = getattr(pieces, "close", None)
        if close is not None:
            close()
    return rows


def labelled(table: pa.Table, tags: TagTable) -> pa.Table:
    """The table with columns `label` and `unit` for its column `tag`; an unknown tag is its own label."""
    names = pa.array(list(tags.names), pa.string())
    places = pc.index_in(table.column("tag").cast(pa.string()), value_set=names)
    label = pc.take(pa.array([tag.label for tag in tags], pa.string()), places)
    unit = pc.take(pa.array([tag.unit for tag in tags], pa.string()), places)
    table = table.append_column("label", pc.coalesce(label, table.column("tag").cast(pa.string())))
    return table.append_column("unit", pc.fill_null(unit, ""))


def tag_rows(tags: TagTable, names: Sequence[str] | None) -> pa.Table:
    """One row per tag with its entry in tags.toml; an open end is empty."""
    rows = [tag for tag in tags if names is None or tag.name in names]
    normal = [tag.normal or (None, None) for tag in rows]

    def ends(values: Sequence[float | None]) -> pa.Array:
        return pa.array(
            [None if value is None or abs(value) == float("inf") else value for value in values], pa.float64()
        )

    return pa.table(
        {
            "tag": pa.array([tag.name for tag in rows], pa.string()),
            "label": pa.array([tag.label for tag in rows], pa.string()),
            "unit": pa.array([tag.unit for tag in rows], pa.string()),
            "group": pa.array([tag.group for tag in rows], pa.string()),
            "valid from": ends([tag.valid[0] for tag in rows]),
            "valid to": ends([tag.valid[1] for tag in rows]),
            "normal from": ends([low for low, _ in normal]),
            "normal to": ends([high for _, high in normal]),
            "noise": pa.array([tag.noise for tag in rows], pa.float64()),
            "resolution": pa.array([tag.resolution for tag in rows], pa.float64()),
            "kind": pa.array([tag.kind for tag in rows], pa.string()),
            "states": pa.array([", ".join(tag.states) for tag in rows], pa.string()),
        }
    )


def title(order: ExportRequest) -> str:
    """The name of the job: `Readings as CSV`."""
    return f"{order.what} as {order.form}"


def file_stem(order: ExportRequest) -> str:
    """The file name without suffix: the content, and the span in UTC, or the time it ends."""
    what = order.what.lower().replace(" ", "-")
    if order.what == TAGS:
        return f"sensormon-{what}"
    if order.since <= EARLIEST:
        return f"sensormon-{what}-{_named(order.until)}"
    return f"sensormon-{what}-{_named(order.since)}-{_named(order.until)}"


def _named(time: int) -> str:
    return re.sub(r"[-:]|\..*", "", timestamps.render(time)) + "Z"
