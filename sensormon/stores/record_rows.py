"""What a store writes when it loads journal records, whichever store it is: rows by table, and totals."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sensormon.model.entries import POSITION, BatchEntry, Record, SettingsEntry
from sensormon.model.errors import RowsRefused
from sensormon.model.ledger import add_up
from sensormon.model.readings import Origin, is_learned
from sensormon.stores.columns import (
    action_columns,
    annotation_columns,
    answer_columns,
    audit_columns,
    document_columns,
    fault_columns,
    import_columns,
    rejected_columns,
    row_ids,
    word_columns,
)

REJECTIONS = 100_000
"""The newest this many rejections are kept in full, in steps of a tenth; all are counted."""


@dataclass(frozen=True)
class Totals:
    """What records add to the running totals; `received` has the totals that they reached."""

    received: Mapping[str, int]
    stored: Mapping[str, int]
    rejected: Mapping[tuple[str, str], int]
    unlisted: Mapping[tuple[str, str], int]


def next_id(records: Sequence[Record]) -> int:
    """The id after the last one of these records; 1 if they hold no readings."""
    return max(map(_next_id, records))


def _next_id(record: Record) -> int:
    entry = record.entry
    return entry.first_id + len(entry.processed.accepted) if isinstance(entry, BatchEntry) else 1


def lowest_id(records: Sequence[Record]) -> int | None:
    """The lowest id of the readings in these records; None if they hold none."""
    firsts = [
        record.entry.first_id
        for record in records
        if isinstance(record.entry, BatchEntry) and len(record.entry.processed.accepted)
    ]
    return min(firsts, default=None)


def refused_one_by_one(columns: pa.Table, try_rows: Callable[[pa.Table], None]) -> dict[int, str]:
    """The ids of those of these readings that `try_rows` refuses (RowsRefused), each with the reason.

    It is asked about halves of what it refuses, until single rows are left.
    """
    refused: dict[int, str] = {}
    parts = [columns]
    while parts:
        part = parts.pop()
        try:
            try_rows(part)
        except RowsRefused as error:
            half = part.num_rows // 2
            if half:
                parts += [part.slice(half), part.slice(0, half)]
            else:
                refused[part.column("id")[0].as_py()] = error.what
    return refused


def settings_rows(records: Sequence[Record]) -> Iterator[tuple[Any, ...]]:
    """The detector settings in these records as rows of `detector_settings`; times are µs UTC."""
    for record in records:
        if isinstance(record.entry, SettingsEntry):
            settings = record.entry.settings
            yield (
                settings.id,
                settings.applied,
                settings.who,
                settings.detector,
                json.dumps(dict(settings.params)),
                json.dumps(dict(settings.base)),
                None if settings.profiles is None else json.dumps(settings.profiles.as_document()),
                settings.reason,
            )


def other_rows(records: Sequence[Record]) -> Iterator[tuple[str, pa.Table]]:
    """What these records hold beside readings and settings, by table. Most batches hold nothing else."""
    rich = [record for record in records if isinstance(record.entry, BatchEntry) and _is_rich(record.entry)]
    acts = [record for record in records if not isinstance(record.entry, BatchEntry)]
    if rich:
        yield "rejected", rejected_columns(rich)
        yield "injected_faults", fault_columns(rich)
        yield "kept_answers", answer_columns(rich)
        yield "state_words", word_columns(rich)
        yield "imported", import_columns(rich)
    if acts:
        yield "event_actions", action_columns(acts)
        yield "annotations", annotation_columns(acts)
        yield "documents", document_columns(acts)
        yield "audit", audit_columns(acts)


def outdated(answers: pa.Table) -> list[tuple[str, str]]:
    """Of these rows of `kept_answers` the keys and numbers of the positions: older ones can go."""
    keys, numbers = answers["key"].to_pylist(), answers["fingerprint"].to_pylist()
    return [(key, number) for key, number in zip(keys, numbers, strict=True) if key.startswith(POSITION)]


def _is_rich(entry: BatchEntry) -> bool:
    """Whether the batch holds more than accepted readings."""
    processed = entry.processed
    more = processed.rejected or processed.words or processed.accepted.injected or entry.answers
    return bool(more or entry.import_id)


def newest(columns: pa.Table) -> pa.Table:
    """The last of these readings of each tag, without imported ones, as rows of `latest`."""
    tags, origins = (columns.column(name).combine_chunks() for name in ("tag", "origin"))
    rows = np.flatnonzero(pc.not_equal(origins.dictionary_decode(), str(Origin.IMPORT)).to_numpy(False))
    last = np.full(len(tags.dictionary), -1, dtype=np.int64)
    last[tags.indices.to_numpy(False)[rows]] = rows  # of a tag's rows the last one stays
    taken = columns.take(pa.array(last[last >= 0]))
    learned = is_learned(taken.column("quality").to_numpy(), taken.column("withheld").to_numpy())
    return pa.table(
        {
            "tag": taken.column("tag"),
            "id": taken.column("id"),
            "time": taken.column("time"),
            "n": taken.column("n").to_numpy() + learned,
        }
    )


def totals_of(records: Sequence[Record], without: Collection[int]) -> Totals:
    """What these records add, the readings with the ids in `without` left out."""
    received: dict[str, int] = {}
    stored: dict[str, int] = {}
    rejected: dict[tuple[str, str], int] = {}
    unlisted: dict[tuple[str, str], int] = {}
    for record in records:
        if not isinstance(record.entry, BatchEntry):
            continue
        processed = record.entry.processed
        source = processed.accepted.source
        received.update(record.entry.received_totals)
        kept = (
            len(processed.accepted) - sum(row_id in without for row_id in row_ids(record))
            if without
            else len(processed.accepted)
        )
        stored[source] = stored.get(source, 0) + kept
        for rejection in processed.rejected:
            key = (rejection.source, str(rejection.reason))
            rejected[key] = rejected.get(key, 0) + 1
        if processed.unlisted:
            unlisted = add_up(unlisted, {(source, why): count for why, count in processed.unlisted.items()})
    return Totals(received, stored, add_up(rejected, unlisted), unlisted)
