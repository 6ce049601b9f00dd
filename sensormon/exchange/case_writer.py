"""Writing a case: the chosen tags over the chosen span, with everything known about them, in one file.

It works piece by piece and needs the memory of one piece. The format is in `case_format`.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from sensormon import __version__
from sensormon.events.actions import action_list
from sensormon.events.annotations import MOST_TAGS
from sensormon.exchange import case_format
from sensormon.exchange.case_format import FAULTS, GROUP, READINGS, REJECTED, Manifest
from sensormon.exchange.case_verdicts import completed, without_models
from sensormon.model import timestamps
from sensormon.model.entries import Annotation, DetectorSettings, EventAction
from sensormon.model.errors import UsageError
from sensormon.model.jobs import Progress
from sensormon.model.readings import Ints
from sensormon.model.state_words import Words
from sensormon.model.tag_file import rendered
from sensormon.model.tags import Tag, TagTable


@dataclass(frozen=True)
class CaseOrder:
    """What a case should have; `view` is the path and query of the page it is made from, or empty."""

    name: str
    tags: tuple[str, ...]
    since: int
    until: int
    view: str = ""


class History(Protocol):
    """Where the rows of a case come from: a running monitor, or the store of a stopped one."""

    def notes(self, tags: Sequence[str], since: int, until: int) -> list[Annotation]:
        """See `Annotations.between`."""

    @property
    def tags(self) -> TagTable: ...

    def state_words(self, tags: Sequence[str]) -> Words:
        """The words of the states of these tags."""

    def stream(self, tags: Sequence[str], since: int, until: int) -> Iterator[pa.Table]:
        """See `Store.stream`."""

    def stream_rejected(self, tags: Sequence[str], since: int, until: int) -> Iterator[pa.Table]:
        """See `Store.stream_rejected`."""

    def injected_faults(self, since: int, until: int) -> pd.DataFrame:
        """See `Store.injected_faults`."""

    def settings_by_id(self) -> Mapping[int, DetectorSettings]:
        """All detector settings that were ever in force."""

    def event_history(self, first: int, last: int) -> pd.DataFrame:
        """See `Store.event_actions`."""


@dataclass(frozen=True)
class Counts:
    """What is in a case."""

    readings: int
    flagged: int
    rejected: int
    faults: int
    actions: int
    notes: int


def write_case(
    path: Path,
    history: History,
    order: CaseOrder,
    now: int,
    progress: Progress,
    whole: int = 0,
    check_room: Callable[[], None] = lambda: None,
) -> Counts:
    """Write the case to `path`; `whole` is the approximate number of readings.

    Raises UsageError if there are no readings or too many, and what `Progress.step` raises.
    Then `path` is not a case and the caller must remove it.
    """
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".case-") as scratch:
        folder = Path(scratch)
        readings = _readings(folder / case_format.READINGS_FILE, history, order, progress, whole, check_room)
        rejected = _table(
            folder / case_format.REJECTED_FILE,
            REJECTED,
            history.stream_rejected(order.tags, order.since, order.until),
        )
        faults = history.injected_faults(order.since, order.until)
        faults = faults[faults["tag"].isin(order.tags)]
        table = pa.Table.from_pandas(faults[FAULTS.names], schema=FAULTS, preserve_index=False)
        _table(folder / case_format.FAULTS_FILE, FAULTS, iter([table]))
        words = history.state_words(order.tags)
        tags = [_portable(history.tags, name, has_states=name in words) for name in order.tags]
        if words:
            _json(folder / case_format.STATES_FILE, _words_as_json(words))
        (folder / case_format.TAGS_FILE).write_text(rendered(tags), encoding="utf-8")
        known = history.settings_by_id()
        settings = [_settings(known, number) for number in sorted(readings.settings)]
        _json(folder / case_format.SETTINGS_FILE, [version_document(item) for item in settings])
        actions = _actions(history, readings.flagged)
        _json(folder / case_format.ACTIONS_FILE, [_action_as_json(action) for action in actions])
        notes = history.notes(order.tags, order.since, order.until)
        notes = notes[: case_format.MOST_NOTES]
        rows = [_note_as_json(note, order.tags) for note in notes]
        _json(folder / case_format.ANNOTATIONS_FILE, rows)
        manifest = Manifest(
            name=order.name,
            created=now,
            application=__version__,
            since=order.since,
            until=order.until,
            tags=order.tags,
            readings=readings.rows,
            flagged=len(readings.flagged),
            view=order.view,
            titles={name: history.tags.title(name) for name in order.tags},
            members={},
        )
        _pack(path, folder, manifest, progress, check_room)
    return Counts(readings.rows, len(readings.flagged), rejected, len(faults), len(actions), len(notes))


@dataclass
class _Written:
    """The readings in the file: how many, the ids of the flagged ones, the ids of their settings."""

    rows: int
    flagged: Ints
    settings: set[int]


def _readings(
    path: Path,
    history: History,
    order: CaseOrder,
    progress: Progress,
    whole: int,
    check_room: Callable[[], None],
) -> _Written:
    rows, flagged, settings = 0, [np.empty(0, dtype=np.int64)], set[int]()
    pieces = history.stream(order.tags, order.since, order.until)
    with _writer(path, READINGS) as writer:
        for piece in pieces:
            check_room()
            table = completed(without_models(piece)).cast(READINGS)
            for start in range(0, table.num_rows, GROUP):
                writer.write_table(table.slice(start, GROUP))
            rows += table.num_rows
            if rows > case_format.MOST_READINGS:
                raise UsageError(
                    f"more than {case_format.MOST_READINGS:,} readings are too many for a case",
                    where="case",
                    hint="Choose a shorter span or fewer tags",
                )
            settings |= set(table.column("settings").unique().to_pylist())
            flagged.append(table.filter(table.column("is_anomaly")).column("id").to_numpy())
            progress.step(f"{rows:,} of {max(whole, rows):,} readings", rows, max(whole, rows) * 1.25)
    if not rows:
        raise UsageError(
            "there are no readings of these tags in this span", where="case", hint="Choose a longer span"
        )
    return _Written(rows, np.concatenate(flagged), settings)


def _writer(path: Path, schema: pa.Schema) -> pq.ParquetWriter:
    return pq.ParquetWriter(path, schema, compression="none", store_schema=False)


def _table(path: Path, schema: pa.Schema, pieces: Iterator[pa.Table]) -> int:
    rows = 0
    with _writer(path, schema) as writer:
        for piece in pieces:
            table = piece.select(schema.names).cast(schema).slice(0, case_format.MOST_OTHERS - rows)
            for start in range(0, table.num_rows, GROUP):
                writer.write_table(table.slice(start, GROUP))
            rows += table.num_rows
    return rows


def _portable(tags: TagTable, name: str, *, has_states: bool) -> Tag:
    """The tag as another installation accepts it; one no longer in the table has only its name."""
    known = tags[name] if name in tags else Tag(name, name, kind="text" if has_states else "number")
    return replace(known, profile={})


def _words_as_json(words: Words) -> list[dict[str, object]]:
    return [
        {"tag": tag, "code": int(code), "word": word}
        for tag, by_code in words.items()
        for code, word in by_code.items()
    ]


def _settings(known: Mapping[int, DetectorSettings], number: int) -> DetectorSettings:
    if number not in known:
        raise UsageError(
            f"the detector settings {number} are not in the database yet",
            where="case",
            hint="Try again in a second",
        )
    return known[number]


def version_document(settings: DetectorSettings) -> dict[str, object]:
    """A version of the settings as settings.json has it."""
    return {
        "id": settings.id,
        "applied": timestamps.render(settings.applied),
        "who": settings.who,
        "detector": settings.detector,
        "params": dict(settings.params),
        "profiles": settings.profiles.as_document() if settings.profiles else None,
        "reason": settings.reason,
    }


def _action_as_json(action: EventAction) -> dict[str, object]:
    return {
        **asdict(action),
        "time": timestamps.render(action.time),
        "until": timestamps.render(action.until) if action.until else "",
    }


def _note_as_json(note: Annotation, tags: Sequence[str]) -> dict[str, object]:
    """The note, on tags of the case only; a note on all tags is on all of these."""
    return {
        "id": note.id,
        "since": timestamps.render(note.since),
        "until": timestamps.render(note.until),
        "tags": [name for name in tags if not note.tags or name in note.tags][:MOST_TAGS],
        "text": note.text,
        "who": note.who,
        "time": timestamps.render(note.time),
    }


def _actions(history: History, flagged: Ints) -> list[EventAction]:
    """People's actions on the events of these flagged readings, given by their ids."""
    if not len(flagged):
        return []
    frame = history.event_history(int(flagged.min()), int(flagged.max()))
    return action_list(frame[frame["reading"].isin(flagged)])


def _json(path: Path, document: object) -> None:
    path.write_text(json.dumps(document, ensure_ascii=False, allow_nan=False), encoding="utf-8")


def _pack(
    path: Path, folder: Path, manifest: Manifest, progress: Progress, check_room: Callable[[], None]
) -> None:
    files = [folder / name for name in case_format.MEMBERS if (folder / name).exists()]
    size = sum(file.stat().st_size for file in files)
    done, members = 0, {}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for file in files:
            digest = hashlib.sha256()
            about = zipfile.ZipInfo(file.name)
            about.compress_type = zipfile.ZIP_DEFLATED
            with archive.open(about, "w", force_zip64=True) as member, file.open("rb") as source:
                while part := source.read(1 << 20):
                    member.write(part)
                    digest.update(part)
                    done += len(part)
                    check_room()
                    progress.step("packing the file", size * 4 + done, size * 5)
            members[file.name] = (file.stat().st_size, digest.hexdigest())
        archive.writestr(case_format.MANIFEST, replace(manifest, members=members).render())
