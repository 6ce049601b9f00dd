"""Many payloads of the journal at once: batches whose heads are alike are decoded together.

Most batches of a journal differ from one another in their readings and a few numbers. What is common to
their heads is read once, and their columns are taken out and checked together. Each entry is what `decode`
would make of its payload; whatever is not alike, or does not fit, is left to `decode`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sensormon.journal.codec import (
    HEAD,
    check_columns,
    decode,
    layout,
    own_column,
    read_columns,
    shared_names,
)
from sensormon.model.entries import BatchEntry, Entry, Piece
from sensormon.model.errors import JournalDamaged
from sensormon.model.readings import Batch, Processed, Scores, Verdicts

_TEXT = rb'"[^"\\\x00-\x1f]*"'
_NUMBER = rb"(0|[1-9]\d{0,17})"
_PLAIN = re.compile(
    rb'\{"rows":(\d{1,6}),"first_id":' + _NUMBER
    + rb',"received_totals":(\{[^{}\\\x00-\x1f]*\}),"settings":' + _NUMBER
    # nothing refused, no answers, words or import
    + rb',"source":(' + _TEXT + rb'),"received":' + _NUMBER
    + rb'(,"origin":' + _TEXT + rb',"injected":\[\],"rejected":\[\],"profiles":.*)\Z',
    re.DOTALL,
)  # fmt: skip
"""The head of a batch of nothing but readings, as `encode` writes it, to tell its numbers from the rest."""
_TOTAL = re.compile(rb"\{(" + _TEXT + rb"):" + _NUMBER + rb"\}")
_WITHOUT = b'{"rows":0,"first_id":0,"received_totals":{},"settings":0,"source":"","received":0'
_READINGS = ("tag", "time", "value", "quality")
_JUDGED = ("n", "score", "expected", "lower", "upper", "is_anomaly")
_SAID = ("profile", "detector", "threshold", "withheld")
_FEW = 4
"""Fewer batches than this are decoded sooner one by one."""


class _Numbers(NamedTuple):
    """Where a batch is among the payloads, and what its head says of it alone."""

    place: int
    first_id: int
    totals: Mapping[str, int]
    settings: int
    source: str
    received: int  # µs UTC


@dataclass
class _Alike:
    """Batches of equal shape whose heads have the rest in common."""

    numbers: list[_Numbers] = field(default_factory=list)
    columns: list[bytes] = field(default_factory=list)


def decode_all(payloads: Sequence[bytes | None]) -> list[Entry | None]:
    """The entries in these payloads, in order; None for one that is missing or cannot be understood."""
    entries: list[Entry | None] = [None] * len(payloads)
    alike: dict[tuple[bytes, bytes], _Alike] = {}
    single: list[int] = []
    for place, payload in enumerate(payloads):
        if payload is None:
            continue
        kind, length = HEAD.unpack_from(payload) if len(payload) >= HEAD.size else (b"", 0)
        body = HEAD.size + length
        match = _PLAIN.match(payload, HEAD.size, body) if kind == b"B" else None
        if match is None:
            single.append(place)
            continue
        rows, first_id, totals, settings, source, received, rest = match.groups()
        shape = rest, rows
        if (group := alike.get(shape)) is None:
            group = alike[shape] = _Alike()
        try:
            group.numbers.append(
                _Numbers(place, int(first_id), _totals(totals), int(settings), _text(source), int(received))
            )
        except ValueError:  # no JSON
            single.append(place)
            continue
        group.columns.append(payload[body:])
    for (rest, rows), group in alike.items():
        if len(group.numbers) < _FEW or not _decode_together(rest, int(rows), group, entries):
            single += [numbers.place for numbers in group.numbers]
    for place in single:
        entries[place] = _decoded(payloads[place])
    return entries


def _decoded(payload: bytes | None) -> Entry | None:
    try:
        return None if payload is None else decode(payload)
    except JournalDamaged:
        return None


@lru_cache(maxsize=64)
def _text(source: bytes) -> str:
    text: str = json.loads(source.decode())
    return text


def _totals(text: bytes) -> Mapping[str, int]:
    match = _TOTAL.fullmatch(text)
    totals: Mapping[str, int] = {_text(match[1]): int(match[2])} if match else json.loads(text.decode())
    return totals


@lru_cache(maxsize=256)
def _common(rest: bytes) -> BatchEntry | None:
    """A batch without readings that has this rest of a head; None if it is no plain rest."""
    head = _WITHOUT + rest
    entry = _decoded(HEAD.pack(b"B", len(head)) + head)
    if not isinstance(entry, BatchEntry):
        return None
    processed, batch = entry.processed, entry.processed.accepted
    own = (entry.first_id, entry.received_totals, processed.settings, batch.source, batch.received)
    if own != (0, {}, 0, "", 0) or processed.refused or processed.words or entry.answers or entry.import_id:
        return None  # the rest names something a second time, or has more in another order
    try:
        tags = shared_names(batch.tags)
    except (ValueError, TypeError):
        return None
    return replace(entry, processed=replace(processed, accepted=replace(batch, tags=tags)))


def _decode_together(rest: bytes, rows: int, group: _Alike, entries: list[Entry | None]) -> bool:
    """Put these batches where they belong among the entries; False if one of them does not fit."""
    common = _common(rest)
    if common is None or common.processed.scores.verdicts is None or not rows:
        return False
    batch, verdicts = common.processed.accepted, common.processed.scores.verdicts
    detectors = len(verdicts.detectors)
    kind = layout(rows, detectors)
    if any(len(columns) != kind.itemsize for columns in group.columns):
        return False
    columns = read_columns(b"".join(group.columns), 0, len(group.columns), kind)
    try:
        check_columns(columns, len(batch.tags), len(verdicts.profiles), detectors)
    except ValueError:
        return False
    kept = {name: np.ascontiguousarray(columns[name]) for name in (*_READINGS, *_JUDGED, *_SAID)}
    own = np.ascontiguousarray(own_column(columns, detectors))
    each = zip(
        group.numbers,
        _rows_of(kept, _READINGS),
        _rows_of(kept, _JUDGED),
        _rows_of(kept, _SAID),
        own,
        strict=True,
    )
    batches = [_processed(common, *parts) for parts in each]
    readings, judged, said = (
        [kept[name].reshape(-1) for name in names] for names in (_READINGS, _JUDGED, _SAID)
    )
    nobody = _Numbers(-1, 0, {}, 0, "", 0)
    together = _processed(common, nobody, readings, judged, said, own.reshape(-1, *own.shape[2:]))
    piece = Piece(batches, rows, together)
    for place, (numbers, processed) in enumerate(zip(group.numbers, batches, strict=True)):
        entries[numbers.place] = BatchEntry(
            numbers.first_id, numbers.totals, processed, piece=piece, place=place
        )
    return True


def _processed(
    common: BatchEntry,
    numbers: _Numbers,
    readings: Sequence[NDArray[Any]],
    judged: Sequence[NDArray[Any]],
    said: Sequence[NDArray[Any]],
    own: NDArray[np.float64],
) -> Processed:
    """What was processed, by what is common to all heads, these numbers and these columns."""
    batch, verdicts = common.processed.accepted, common.processed.scores.verdicts
    tag, time, value, quality = readings
    n, score, expected, lower, upper, flagged = judged
    profile, detector, threshold, withheld = said
    if verdicts is not None:
        verdicts = Verdicts(
            verdicts.profiles, profile, verdicts.detectors, detector, threshold, withheld, own
        )
    return Processed(
        Batch(numbers.source, numbers.received, batch.tags, tag, time, value, quality, batch.origin),
        Scores(n, score, expected, lower, upper, flagged, verdicts),
        numbers.settings,
        (),
    )


def _rows_of(columns: Mapping[str, NDArray[Any]], names: Sequence[str]) -> Any:
    """For each batch its rows of these columns."""
    return zip(*(columns[name] for name in names), strict=True)
