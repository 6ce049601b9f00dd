"""A long stretch of the journal at once: its batches in outline, their readings as columns.

What a restart needs of each record is little, and decoding record by record would cost it minutes. The
heads of most batches differ in a few numbers alone, so the rest of a head is read once for all that have
the same; the columns of batches of one shape are taken out together. Nothing is believed that `decode`
would not believe: a record that it cannot understand is among the `unreadable`.
"""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

from sensormon.journal.codec import HEAD, decode, layout, read_columns
from sensormon.model.entries import BatchEntry, KeptAnswer, Record
from sensormon.model.errors import JournalDamaged
from sensormon.model.readings import Bools, Floats, Ints, Origin, StateWord, Withheld


@dataclass(frozen=True, eq=False)
class Common:
    """What the heads of many batches have in common. `refused` is how many readings each of them refused."""

    origin: Origin
    tags: tuple[str, ...]
    refused: int
    words: tuple[StateWord, ...]
    import_id: int
    profiles: int
    detectors: int


class Outline(NamedTuple):
    """A batch without its readings."""

    number: int
    rows: int
    first_id: int
    source: str
    received: int  # µs UTC
    answers: tuple[KeptAnswer, ...]
    common: Common


@dataclass(frozen=True, eq=False)
class Columns:
    """The readings of the batches of a stretch, in order; `tag` is a code of `names`.

    Reading i belongs to the batch `entries[entry[i]]` of the stretch.
    """

    names: tuple[str, ...]
    entry: Ints
    tag: Ints
    time: Ints
    value: Floats
    quality: NDArray[np.uint32]
    n: Ints
    withheld: NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Stretch:
    """Records that follow one another, in order.

    Batches are outlines, those of imports of files whole records like all other entries; `columns` has
    the readings of the outlines. `received` are the last totals that the batches have, by source, those of
    imports among them. `unreadable` are the numbers of records that are damaged.
    """

    entries: list[Outline | Record]
    columns: Columns
    received: Mapping[str, int]
    unreadable: list[int]


@dataclass
class _Shape:
    """The batches of one shape: equally many rows, judged by equally many detectors."""

    places: list[int] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)


_TEXT = rb'"(?:[^"\\]|\\.)*"'
_NUMBERS = re.compile(
    rb'\{"rows":(\d+),"first_id":(\d+),"received_totals":(\{(?:' + _TEXT + rb':\d+,?)*\}),"settings":\d+,'
    rb'"source":(' + _TEXT + rb'),"received":(\d+),("origin".*)\}\Z',
    re.DOTALL,
)
"""The head of a batch as `encode` writes it, to tell what differs from batch to batch from the rest."""
_TOTAL = re.compile(rb'":\d+')
_DIGITS = b"0123456789}"
_BATCH = ord("B")
_WITHOUT = b'{"rows":0,"first_id":0,"received_totals":{},"settings":0,"source":"","received":0,'
_ANSWERS, _AFTER_ANSWERS = b',"answers":[[', b']],"profiles":'
_NEEDED = ("tag", "time", "value", "quality", "n", "is_anomaly", "profile", "detector", "withheld")

Frame = tuple[int, int, int]
"""A record's number, and where its payload begins and ends."""


def read_stretch(data: bytes, frames: Iterable[Frame]) -> Stretch:
    """The records at these places of a segment's bytes."""
    entries: list[Outline | Record] = []
    unreadable: list[int] = []
    shapes: dict[tuple[int, int], _Shape] = {}
    totals: dict[bytes, bytes] = {}
    alike: dict[bytes, Common] = {}
    for number, start, end in frames:
        try:
            if data[start] != _BATCH:
                entries.append(Record(number, decode(data[start:end])))
                continue
            begin = start + HEAD.size
            body = begin + HEAD.unpack_from(data, start)[1]
            outline, received = _outline(number, data, begin, body, alike)
            common = outline.common
            if common.import_id:  # few and long; what they add to their import needs all of them
                entries.append(Record(number, decode(data[start:end])))
                _note(totals, received)
                continue
            if end - body != outline.rows * layout(1, common.detectors or None).itemsize:
                raise JournalDamaged("a record's columns have another length", where="journal")
        except (JournalDamaged, ValueError, struct.error):
            unreadable.append(number)
            continue
        if outline.rows:
            key = outline.rows, common.detectors
            shape = shapes.get(key) or shapes.setdefault(key, _Shape())
            shape.places.append(len(entries))
            shape.bodies.append(data[body:end])
        entries.append(outline)
        _note(totals, received)
    latest: dict[str, int] = {}
    for text in totals.values():
        latest |= json.loads(text)
    return _stretch(entries, unreadable, shapes, latest)


def _note(totals: dict[bytes, bytes], received: bytes) -> None:
    """Keep the last totals of these sources, in the order in which they were written."""
    # Most journals have one source, whose name is all but the digits at the end.
    sources = received.rstrip(_DIGITS) if received.count(b":") == 1 else _TOTAL.sub(b'":', received)
    totals.pop(sources, None)
    totals[sources] = received


def _stretch(
    entries: list[Outline | Record],
    unreadable: list[int],
    shapes: Mapping[tuple[int, int], _Shape],
    received: Mapping[str, int],
) -> Stretch:
    codes: dict[str, int] = {}
    parts: list[dict[str, NDArray[Any]]] = []
    damaged: set[int] = set()
    for (rows, detectors), shape in shapes.items():
        outlines = [entry for place in shape.places if isinstance(entry := entries[place], Outline)]
        columns = _columns(shape.bodies, rows, detectors)
        valid = _valid(columns, outlines)
        damaged.update(place for place, fits in zip(shape.places, valid, strict=True) if not fits)
        part = {name: column[valid].reshape(-1) for name, column in columns.items()}
        kept = [outline for outline, fits in zip(outlines, valid, strict=True) if fits]
        part["tag"] = _coded(part["tag"].reshape(-1, rows), kept, codes)
        part["entry"] = np.repeat(np.array(shape.places, dtype=np.int64)[valid], rows)
        parts.append(part)
    if damaged:
        unreadable = sorted([*unreadable, *(entries[place].number for place in damaged)])
        places = np.cumsum([place not in damaged for place in range(len(entries))]) - 1
        entries = [entry for place, entry in enumerate(entries) if place not in damaged]
        for part in parts:
            part["entry"] = places[part["entry"]]
    return Stretch(entries, _joined(tuple(codes), parts), received, unreadable)


def _columns(bodies: Sequence[bytes], rows: int, detectors: int) -> dict[str, NDArray[Any]]:
    """The columns that are needed, a row for each batch."""
    batches = read_columns(b"".join(bodies), 0, len(bodies), layout(rows, detectors or None))
    columns = {name: batches[name] for name in _NEEDED if name in (batches.dtype.names or ())}
    if not detectors:
        columns["withheld"] = np.zeros((len(bodies), rows), dtype=np.uint8)
    return columns


def _valid(columns: Mapping[str, NDArray[Any]], outlines: Sequence[Outline]) -> Bools:
    """Which of these batches `decode` would understand, too."""
    tags = np.array([len(outline.common.tags) for outline in outlines])
    valid: Bools = (columns["tag"].min(axis=1) >= 0) & (columns["tag"].max(axis=1) < tags)
    valid &= columns["is_anomaly"].view(np.uint8).max(axis=1) <= 1
    if "profile" in columns:
        profiles = np.array([outline.common.profiles for outline in outlines])
        detectors = np.array([outline.common.detectors for outline in outlines])
        valid &= columns["profile"].max(axis=1) < profiles
        valid &= (columns["detector"].min(axis=1) >= -1) & (columns["detector"].max(axis=1) < detectors)
        valid &= columns["withheld"].max(axis=1) <= max(Withheld)
    return valid


def _coded(tag: NDArray[np.int32], outlines: Sequence[Outline], codes: dict[str, int]) -> Ints:
    """The tags of these batches as codes that all batches share."""
    firsts: dict[tuple[str, ...], int] = {}
    table: list[int] = []
    first = np.empty(len(outlines), dtype=np.int64)
    for place, outline in enumerate(outlines):
        tags = outline.common.tags
        if tags not in firsts:
            firsts[tags] = len(table)
            table += [codes.setdefault(name, len(codes)) for name in tags]
        first[place] = firsts[tags]
    coded: Ints = np.array(table, dtype=np.int64)[(first[:, np.newaxis] + tag).reshape(-1)]
    return coded


def _joined(names: tuple[str, ...], parts: Sequence[Mapping[str, NDArray[Any]]]) -> Columns:
    """The readings of all shapes in the order of their batches."""
    kinds: dict[str, DTypeLike] = {"entry": np.int64, "tag": np.int64, "time": np.int64, "value": np.float64}
    kinds |= {"quality": np.uint32, "n": np.int64, "withheld": np.uint8}
    columns = {
        name: np.concatenate([part[name] for part in parts]) if parts else np.zeros(0, dtype=kind)
        for name, kind in kinds.items()
    }
    if len(parts) > 1:
        order = np.argsort(columns["entry"], kind="stable")
        columns = {name: column[order] for name, column in columns.items()}
    return Columns(names, **columns)


def _outline(
    number: int, data: bytes, start: int, end: int, alike: dict[bytes, Common]
) -> tuple[Outline, bytes]:
    """The batch with this head, and its totals received; `alike` are heads without answers seen before.

    Raises JournalDamaged if it cannot be understood.
    """
    match = _NUMBERS.match(data, start, end)
    if match is None:  # not as `encode` writes it
        return _any_outline(number, data[start:end])
    rows, first_id, totals, source, received, rest = match.groups()
    common = alike.get(rest)
    answers: tuple[KeptAnswer, ...] = ()
    if common is None:
        begin, finish = rest.find(_ANSWERS), rest.find(_AFTER_ANSWERS)
        if begin >= 0:
            try:
                answers = _answers(rest[begin + len(_ANSWERS) - 2 : finish + 2])
            except (ValueError, TypeError, RecursionError):  # something else follows them
                return _any_outline(number, data[start:end])
            common = _common(rest[:begin] + rest[finish + 2 :])
        else:
            common = alike[rest] = _common(rest)
    return Outline(number, int(rows), int(first_id), _text(source), int(received), answers, common), totals


def _answers(text: bytes) -> tuple[KeptAnswer, ...]:
    return tuple(KeptAnswer(*fields) for fields in json.loads(text))


@lru_cache(maxsize=64)
def _text(source: bytes) -> str:
    text: str = json.loads(source)
    return text


@lru_cache(maxsize=1024)
def _common(rest: bytes) -> Common:
    return _common_of(_without_readings(_WITHOUT + rest + b"}"))


def _any_outline(number: int, text: bytes) -> tuple[Outline, bytes]:
    try:
        head = json.loads(text)
        rows = head["rows"]
        if not isinstance(rows, int) or rows < 0:
            raise ValueError(f"{rows!r} rows")
        entry = _without_readings(json.dumps({**head, "rows": 0}).encode())
        totals = json.dumps(entry.received_totals, separators=(",", ":")).encode()
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise JournalDamaged(f"a record's head cannot be understood ({error})", where="journal") from error
    batch = entry.processed.accepted
    return Outline(
        number, rows, entry.first_id, batch.source, batch.received, entry.answers, _common_of(entry)
    ), totals


def _without_readings(head: bytes) -> BatchEntry:
    entry = decode(HEAD.pack(b"B", len(head)) + head)
    if not isinstance(entry, BatchEntry):
        raise JournalDamaged("a batch cannot be read", where="journal")
    return entry


def _common_of(entry: BatchEntry) -> Common:
    processed, verdicts = entry.processed, entry.processed.scores.verdicts
    return Common(
        origin=processed.accepted.origin,
        tags=processed.accepted.tags,
        refused=processed.refused,
        words=processed.words,
        import_id=entry.import_id,
        profiles=len(verdicts.profiles) if verdicts else 0,
        detectors=len(verdicts.detectors) if verdicts else 0,
    )
