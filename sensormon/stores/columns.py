"""Journal records as Arrow tables, in the column order of schema.sql."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from sensormon.model.entries import (
    POSITION,
    ActionEntry,
    AnnotationEntry,
    BatchEntry,
    DocumentsEntry,
    Piece,
    Record,
)
from sensormon.model.imports import part_of
from sensormon.model.readings import SIMULATOR, Floats, Ints, OwnScore, Processed, Rejection, Verdicts

_TIME = pa.timestamp("us")


OWN = pa.list_(
    pa.struct(
        [
            ("detector", pa.string()),
            ("score", pa.float64()),
            ("expected", pa.float64()),
            ("lower", pa.float64()),
            ("upper", pa.float64()),
        ]
    )
)
"""What each detector said of a reading; null where fewer than two judged: the other columns have it all."""

READINGS = pa.schema(
    [
        ("id", pa.int64()),
        ("tag", pa.string()),
        ("time", pa.timestamp("us", "UTC")),
        ("received", pa.timestamp("us", "UTC")),
        ("value", pa.float64()),
        ("quality", pa.uint32()),
        ("n", pa.int64()),
        ("score", pa.float64()),
        ("expected", pa.float64()),
        ("lower", pa.float64()),
        ("upper", pa.float64()),
        ("is_anomaly", pa.bool_()),
        ("settings", pa.int32()),
        ("source", pa.string()),
        ("origin", pa.string()),
        ("threshold", pa.float64()),
        ("profile", pa.string()),
        ("detector", pa.string()),
        ("withheld", pa.uint8()),
        ("own", OWN),
    ]
)
"""The columns of the table `readings`, with times as stores stream them."""
_WITHOUT_OWN = READINGS.remove(READINGS.get_field_index("own"))
VERDICTS = ("threshold", "profile", "detector", "withheld", "own")
"""The columns that readings from before there were profiles lack."""
OWN_FROM = ("id", "own", "detector", "score", "expected", "lower", "upper")
"""The columns that `own_of` needs."""


def as_table(readings: pd.DataFrame, own: pa.Array) -> pa.Table:
    """A frame of readings as an Arrow table, as stores stream them: NaN is null."""
    table = pa.Table.from_pandas(readings, schema=_WITHOUT_OWN, preserve_index=False)
    return table.append_column("own", own)


def own_lists(detectors: Sequence[str], own: NDArray[np.float64]) -> pa.Array:
    """The column `own` of readings, from what each of the detectors said; see `Verdicts.own`."""
    if len(detectors) < 2:
        return pa.nulls(len(own), OWN)
    judged = ~np.isnan(own[:, :, 0])
    judged &= (np.count_nonzero(judged, axis=1) > 1)[:, np.newaxis]
    counts = np.count_nonzero(judged, axis=1)
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    rows, places = np.nonzero(judged)
    cells = own[rows, places]
    names = pa.DictionaryArray.from_arrays(
        pa.array(places, pa.int32()), pa.array(list(detectors), pa.string())
    ).cast(pa.string())
    numbers = [pa.array(np.ascontiguousarray(cells[:, part]), from_pandas=True) for part in range(4)]
    entries = pa.StructArray.from_arrays([names, *numbers], fields=list(OWN.value_type))
    return pa.ListArray.from_arrays(pa.array(offsets), entries, type=OWN, mask=pa.array(counts == 0))


def own_of(row: Mapping[str, Any]) -> tuple[OwnScore, ...]:
    """What each detector said of this reading, a row with the columns `OWN_FROM`."""
    entries = row["own"] or ([row] if row["detector"] is not None else [])
    return tuple(
        OwnScore(
            entry["detector"],
            *(math.nan if entry[part] is None else entry[part] for part in OWN_FROM[3:]),
        )
        for entry in entries
    )


def with_simulated(readings: pa.Table) -> pa.Table:
    """These readings with a column `simulated`: whether the simulator made them, by their source."""
    source = readings.column("source").cast(pa.string())
    return readings.append_column(
        "simulated", pc.or_(pc.equal(source, SIMULATOR), pc.starts_with(source, f"{SIMULATOR}:"))
    )


def row_ids(record: Record) -> list[int]:
    """The reading ids of this record's accepted rows."""
    entry = record.entry
    if not isinstance(entry, BatchEntry):
        return []
    return list(range(entry.first_id, entry.first_id + len(entry.processed.accepted)))


def reading_columns(records: Sequence[Record], without: Collection[int] = ()) -> pa.Table:
    """The accepted rows of these records as rows of `readings`, except the ids in `without`.

    Columns of text come as dictionaries: a few names and a place in them for each row.
    """
    entries = [
        record.entry
        for record in records
        if isinstance(record.entry, BatchEntry) and len(record.entry.processed.accepted)
    ]
    if not entries:
        return pa.table({})
    batches = [entry.processed.accepted for entry in entries]
    rows = np.array([len(batch) for batch in batches], dtype=np.int64)
    # Each column is joined once: a table a record would cost more than DuckDB takes to store it.
    before = np.cumsum(rows) - rows
    ids = np.repeat(np.array([entry.first_id for entry in entries], dtype=np.int64) - before, rows)
    ids += np.arange(len(ids), dtype=np.int64)
    received = np.array([batch.received for batch in batches], dtype=np.int64)
    settings = np.array([entry.processed.settings for entry in entries], dtype=np.int32)
    parts = list(_parts(entries))
    accepted, scores = [part.accepted for part in parts], [part.scores for part in parts]
    lengths = np.array([len(batch) for batch in accepted], dtype=np.int64)
    table = pa.table(
        {
            "id": ids,
            "tag": _named([batch.tags for batch in accepted], [batch.tag for batch in accepted]),
            "time": _moments(np.concatenate([batch.time for batch in accepted])),
            "received": _moments(np.repeat(received, rows)),
            "value": np.concatenate([batch.value for batch in accepted]),
            "quality": np.concatenate([batch.quality for batch in accepted]),
            "n": np.concatenate([each.n for each in scores]),
            "score": _numbers([each.score for each in scores]),
            "expected": _numbers([each.expected for each in scores]),
            "lower": _numbers([each.lower for each in scores]),
            "upper": _numbers([each.upper for each in scores]),
            "is_anomaly": np.concatenate([each.is_anomaly for each in scores]),
            "settings": np.repeat(settings, rows),
            "source": _repeated([batch.source for batch in batches], rows),
            "origin": _repeated([str(batch.origin) for batch in accepted], lengths),
            **_verdict_columns([each.verdicts for each in scores], lengths),
        }
    )
    if without:
        table = table.filter(pa.array(~np.isin(ids, list(without))))
    return table


def _parts(entries: Sequence[BatchEntry]) -> Iterator[Processed]:
    """The columns of these batches in order, those of a piece that follow one another at once."""
    first = 0
    while first < len(entries):
        after, piece = first + 1, entries[first].piece
        if piece is None or not _is_of(entries[first], piece):
            yield entries[first].processed
        else:
            place = entries[first].place
            while (
                after < len(entries)
                and entries[after].place == place + after - first
                and _is_of(entries[after], piece)
            ):
                after += 1
            yield piece.between(place, place + after - first)
        first = after


def _is_of(entry: BatchEntry, piece: Piece) -> bool:
    """Whether the entry still has what was read into this piece."""
    return entry.piece is piece and piece.batches[entry.place] is entry.processed


def _verdict_columns(verdicts: Sequence[Verdicts | None], rows: Ints) -> dict[str, pa.Array]:
    """The columns `VERDICTS` of batches; `rows` is the length of each."""
    judged = [each or _unjudged(count) for each, count in zip(verdicts, rows.tolist(), strict=True)]
    return {
        "threshold": _numbers([each.threshold for each in judged]),
        "profile": _named(
            [each.profiles for each in judged],
            [
                each.profile if each.profiles else np.full(len(each.profile), -1, dtype=np.int16)
                for each in judged
            ],
        ),
        "detector": _named([each.detectors for each in judged], [each.detector for each in judged]),
        "withheld": np.concatenate([each.withheld for each in judged]),
        "own": pa.concat_arrays(
            [
                own_lists(detectors, np.concatenate([each.own for each in group]))
                for detectors, group in groupby(judged, key=lambda each: each.detectors)
            ]
        ),
    }


def _unjudged(rows: int) -> Verdicts:
    """What stands for the verdicts of readings from before there were profiles: nobody said anything."""
    return Verdicts(
        profiles=(),
        profile=np.zeros(rows, dtype=np.uint8),
        detectors=(),
        detector=np.full(rows, -1, dtype=np.int8),
        threshold=np.full(rows, np.nan),
        withheld=np.zeros(rows, dtype=np.uint8),
        own=np.empty((rows, 0, 4)),
    )


def _numbers(columns: Sequence[Floats]) -> pa.Array:
    """One column of them, with null for NaN."""
    return pa.array(np.concatenate(columns), from_pandas=True)


def _moments(times: Ints) -> pa.Array:
    """Times in µs as a column of times."""
    return pa.array(times.view("datetime64[us]"))


def _repeated(names: Sequence[str], rows: Ints) -> pa.DictionaryArray:
    """Each name repeated for as many rows as `rows` says."""
    places: dict[str, int] = {}
    codes = np.array([places.setdefault(name, len(places)) for name in names], dtype=np.int32)
    return pa.DictionaryArray.from_arrays(np.repeat(codes, rows), pa.array(list(places), pa.string()))


def _named(names: Sequence[tuple[str, ...]], codes: Sequence[NDArray[Any]]) -> pa.DictionaryArray:
    """One column of names from batches with names and codes of their own; a code below 0 is null."""
    starts: dict[tuple[str, ...], int] = {}
    places: dict[str, int] = {}
    lookup: list[int] = []
    for each in names:
        if each not in starts:
            starts[each] = len(lookup)
            lookup += [places.setdefault(name, len(places)) for name in each]
    joined = np.concatenate(codes).astype(np.int32)
    missing = joined < 0
    if len(starts) > 1:
        joined += np.repeat([starts[each] for each in names], [len(each) for each in codes]).astype(np.int32)
    joined[missing] = 0
    if len(starts) > 1 or len(places) < len(lookup):
        joined = np.array([*lookup, 0], dtype=np.int32)[joined]
    return pa.DictionaryArray.from_arrays(
        pa.array(joined, mask=missing if missing.any() else None), pa.array(list(places), pa.string())
    )


def rejected_columns(records: Sequence[Record]) -> pa.Table:
    """The rejections of these records as rows of `rejected`."""
    rows: list[Rejection] = [
        rejection
        for entry in (record.entry for record in records)
        if isinstance(entry, BatchEntry)
        for rejection in entry.processed.rejected
    ]
    return pa.table(
        {
            "received": pa.array([r.received for r in rows], _TIME),
            "source": pa.array([r.source for r in rows], pa.string()),
            "position": pa.array([r.index for r in rows], pa.int32()),
            "tag": pa.array([r.tag for r in rows], pa.string()),
            "time": pa.array([r.time for r in rows], pa.string()),
            "value": pa.array([r.value for r in rows], pa.string()),
            "reason": pa.array([str(r.reason) for r in rows], pa.string()),
            "detail": pa.array([r.detail for r in rows], pa.string()),
        }
    )


def word_columns(records: Sequence[Record]) -> pa.Table:
    """The new words of states in these records as rows of `state_words`."""
    rows = dict.fromkeys(
        word
        for entry in (record.entry for record in records)
        if isinstance(entry, BatchEntry)
        for word in entry.processed.words
    )
    return pa.table(
        {
            "tag": pa.array([word.tag for word in rows], pa.string()),
            "code": pa.array([word.code for word in rows], pa.int64()),
            "word": pa.array([word.word for word in rows], pa.string()),
        }
    )


def fault_columns(records: Sequence[Record]) -> pa.Table:
    """The ground truth of these records as rows of `injected_faults`."""
    rows = [
        fault
        for entry in (record.entry for record in records)
        if isinstance(entry, BatchEntry)
        for fault in entry.processed.accepted.injected
    ]
    return pa.table(
        {
            "tag": pa.array([r.tag for r in rows], pa.string()),
            "time": pa.array([r.time for r in rows], _TIME),
            "fault": pa.array([r.fault for r in rows], pa.string()),
        }
    )


def action_columns(records: Sequence[Record]) -> pa.Table:
    """People's actions on events, as rows of `event_actions`, one row per event."""
    rows = [
        (reading, record.number, record.entry.action)
        for record in records
        if isinstance(record.entry, ActionEntry)
        for reading in record.entry.action.readings
    ]
    return pa.table(
        {
            "reading": pa.array([reading for reading, _, _ in rows], pa.int64()),
            "number": pa.array([number for _, number, _ in rows], pa.int64()),
            "time": pa.array([action.time for *_, action in rows], _TIME),
            "who": pa.array([action.who for *_, action in rows], pa.string()),
            "action": pa.array([action.action for *_, action in rows], pa.string()),
            "label": pa.array([action.label for *_, action in rows], pa.string()),
            "until": pa.array([action.until or None for *_, action in rows], _TIME),
            "note": pa.array([action.note for *_, action in rows], pa.string()),
        }
    )


def annotation_columns(records: Sequence[Record]) -> pa.Table:
    """The notes and removals of notes in these records, as rows of `annotations`."""
    rows = [record.entry.annotation for record in records if isinstance(record.entry, AnnotationEntry)]
    return pa.table(
        {
            "id": pa.array([note.id for note in rows], pa.string()),
            "since": pa.array([note.since for note in rows], _TIME),
            "until": pa.array([note.until for note in rows], _TIME),
            "tags": pa.array([list(note.tags) for note in rows], pa.list_(pa.string())),
            "text": pa.array([note.text for note in rows], pa.string()),
            "who": pa.array([note.who for note in rows], pa.string()),
            "time": pa.array([note.time for note in rows], _TIME),
            "removed": pa.array([note.removed for note in rows], pa.bool_()),
        }
    )


def document_columns(records: Sequence[Record]) -> pa.Table:
    """The documents in these records as rows of `documents`."""
    rows = [
        (record.number, document)
        for record in records
        if isinstance(record.entry, DocumentsEntry)
        for document in record.entry.documents
    ]
    return pa.table(
        {
            "collection": pa.array([document.collection for _, document in rows], pa.string()),
            "key": pa.array([document.key for _, document in rows], pa.string()),
            "content": pa.array([json.dumps(document.content) for _, document in rows], pa.string()),
            "who": pa.array([document.who for _, document in rows], pa.string()),
            "time": pa.array([document.time for _, document in rows], _TIME),
            "removed": pa.array([document.removed for _, document in rows], pa.bool_()),
            "number": pa.array([number for number, _ in rows], pa.int64()),
        }
    )


def audit_columns(records: Sequence[Record]) -> pa.Table:
    """The audit records in these records as rows of `audit`."""
    rows = [
        (record.number, audit)
        for record in records
        if isinstance(record.entry, DocumentsEntry)
        for audit in record.entry.audit
    ]
    texts = ("role", "address", "act", "subject", "before", "after", "failure")
    return pa.table(
        {
            "time": pa.array([audit.time for _, audit in rows], _TIME),
            "who": pa.array([audit.who for _, audit in rows], pa.string()),
            "verified": pa.array([audit.verified for _, audit in rows], pa.bool_()),
            **{name: pa.array([getattr(audit, name) for _, audit in rows], pa.string()) for name in texts},
            "number": pa.array([number for number, _ in rows], pa.int64()),
        }
    )


def import_columns(records: Sequence[Record]) -> pa.Table:
    """What these records add to imports, as rows of `imported`."""
    parts = [
        part
        for record in records
        if isinstance(record.entry, BatchEntry) and (part := part_of(record.entry, record.number))
    ]
    counts = ("stored", "known", "rejected", "flagged")
    return pa.table(
        {
            "import_id": pa.array([part.totals.import_id for part in parts], pa.int64()),
            "number": pa.array([part.totals.last for part in parts], pa.int64()),
            "first_id": pa.array([part.first_id for part in parts], pa.int64()),
            **{name: pa.array([getattr(part.totals, name) for part in parts], pa.int64()) for name in counts},
            "since": pa.array([part.totals.since for part in parts], _TIME),
            "until": pa.array([part.totals.until for part in parts], _TIME),
        }
    )


def answer_columns(records: Sequence[Record]) -> pa.Table:
    """The answers kept in these records as rows of `kept_answers`; of each position the last one."""
    answers = [
        answer
        for entry in (record.entry for record in records)
        if isinstance(entry, BatchEntry)
        for answer in entry.answers
    ]
    last = {answer.key: answer for answer in answers if answer.key.startswith(POSITION)}
    rows = [answer for answer in answers if last.get(answer.key, answer) is answer]
    return pa.table(
        {
            "key": pa.array([r.key for r in rows], pa.string()),
            "fingerprint": pa.array([r.fingerprint for r in rows], pa.string()),
            "status": pa.array([r.status for r in rows], pa.int32()),
            "body": pa.array([r.body for r in rows], pa.string()),
            "received": pa.array([r.received for r in rows], _TIME),
        }
    )
