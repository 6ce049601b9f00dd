"""Journal entries to bytes and back; `journal.py` numbers, checksums and syncs the bytes.

Bytes of an entry: one byte for the kind (B batch, S settings, A event action, N note,
D documents and audit records, U the undoing of an import), the length of the head
(u32), the head (JSON, UTF-8), then for a batch its columns one after the other, raw and
little-endian, in the order of `_COLUMNS`, each as long as the head's `rows` says. If the head names
`profiles` and `detectors`, the columns of `_VERDICT_COLUMNS` follow, and with more than one detector
`own`: of each reading, of each detector, score, expected, lower and upper.
"""

from __future__ import annotations

import json
import struct
import sys
from collections.abc import Mapping
from dataclasses import asdict, replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensormon.model.entries import (
    ActionEntry,
    Annotation,
    AnnotationEntry,
    AuditRecord,
    BatchEntry,
    DetectorSettings,
    Document,
    DocumentsEntry,
    Entry,
    EventAction,
    KeptAnswer,
    SettingsEntry,
    UndoEntry,
)
from sensormon.model.errors import JournalDamaged, UsageError
from sensormon.model.profiles import read_profiles
from sensormon.model.readings import (
    Batch,
    InjectedFault,
    Origin,
    Processed,
    Reason,
    Rejection,
    Scores,
    StateWord,
    Verdicts,
    Withheld,
)

HEAD = struct.Struct("<cI")
"""The first bytes of an entry: its kind and the length of its head."""
_BATCH_COLUMNS = {"tag": "<i4", "time": "<i8", "value": "<f8", "quality": "<u4"}
_SCORE_COLUMNS = {
    "n": "<i8",
    "score": "<f8",
    "expected": "<f8",
    "lower": "<f8",
    "upper": "<f8",
    "is_anomaly": "?",
}
_COLUMNS = {**_BATCH_COLUMNS, **_SCORE_COLUMNS}
_VERDICT_COLUMNS = {"profile": "|u1", "detector": "|i1", "threshold": "<f8", "withheld": "|u1"}
_OWN = "<f8"
_PARTS = ("score", "expected", "lower", "upper")  # of `own`
_JSON = json.JSONEncoder(separators=(",", ":")).encode
_IS_NATIVE = sys.byteorder == "little"
_TRUTHS = bytes(range(2))
_WITHHELD = bytes(range(max(Withheld) + 1))


def encode(entry: Entry) -> bytes:
    """The bytes of an entry."""
    if isinstance(entry, SettingsEntry):
        return _pack(b"S", _settings_head(entry.settings))
    if isinstance(entry, ActionEntry):
        return _pack(b"A", asdict(entry.action))
    if isinstance(entry, AnnotationEntry):
        return _pack(b"N", asdict(entry.annotation))
    if isinstance(entry, DocumentsEntry):
        return _pack(b"D", asdict(entry))
    if isinstance(entry, UndoEntry):
        return _pack(b"U", asdict(entry))
    processed, batch = entry.processed, entry.processed.accepted
    head = {
        "rows": len(batch),
        "first_id": entry.first_id,
        "received_totals": dict(entry.received_totals),
        "settings": processed.settings,
        "source": batch.source,
        "received": batch.received,
        "origin": str(batch.origin),
        "injected": [(fault.tag, fault.time, fault.fault) for fault in batch.injected],
        "rejected": [
            (r.source, r.received, r.index, r.tag, r.time, r.value, str(r.reason), r.detail)
            for r in processed.rejected
        ],
    }
    if processed.unlisted:  # otherwise absent, as in records from before rejections were bounded
        head["unlisted"] = dict(processed.unlisted)
    if entry.answers:  # otherwise absent, as in records older than idempotency keys
        head["answers"] = [
            (answer.key, answer.fingerprint, answer.status, answer.body, answer.received)
            for answer in entry.answers
        ]
    if processed.words:  # otherwise absent, as in records older than states
        head["words"] = [(entry.tag, entry.code, entry.word) for entry in processed.words]
    if entry.import_id:  # otherwise absent, as in records older than the list of imports
        head["import"] = entry.import_id
    columns = [getattr(batch, name).astype(kind, copy=False) for name, kind in _BATCH_COLUMNS.items()]
    columns += [
        getattr(processed.scores, name).astype(kind, copy=False) for name, kind in _SCORE_COLUMNS.items()
    ]
    if (verdicts := processed.scores.verdicts) is not None:  # otherwise absent, as in older records
        head["profiles"], head["detectors"] = verdicts.profiles, verdicts.detectors
        columns += [
            getattr(verdicts, name).astype(kind, copy=False) for name, kind in _VERDICT_COLUMNS.items()
        ]
        if len(verdicts.detectors) > 1:
            columns.append(verdicts.own.astype(_OWN, copy=False))
    # The names of a thousand tags take longer to write than all else, and are mostly those of the last batch.
    text = f'{_JSON(head)[:-1]},"tags":{_text_of(batch.tags)}}}'
    return b"".join([*_packed(b"B", text), *(column.tobytes() for column in columns)])


def decode(payload: bytes) -> Entry:
    """The entry in these bytes. Raises JournalDamaged if they are none."""
    try:
        kind, length = HEAD.unpack_from(payload)
        start = HEAD.size + length
        head = json.loads(payload[HEAD.size : start].decode())
        if kind == b"S" and start == len(payload):
            return SettingsEntry(_settings(head))
        if kind == b"A" and start == len(payload):
            return ActionEntry(EventAction(**{**head, "readings": tuple(head["readings"])}))
        if kind == b"N" and start == len(payload):
            return AnnotationEntry(Annotation(**{**head, "tags": tuple(head["tags"])}))
        if kind == b"D" and start == len(payload):
            return DocumentsEntry(
                tuple(Document(**document) for document in head["documents"]),
                tuple(AuditRecord(**record) for record in head["audit"]),
            )
        if kind == b"U" and start == len(payload):
            return _undo_entry(head)
        if kind == b"B":
            return _batch_entry(head, payload, start)
    except (
        ValueError,
        KeyError,
        TypeError,
        OverflowError,
        RecursionError,
        AttributeError,
        struct.error,
        UsageError,
    ) as error:
        raise JournalDamaged(f"a record cannot be understood ({error})", where="journal") from error
    raise JournalDamaged(f"a record of kind {kind!r} is unknown or too long", where="journal")


def _pack(kind: bytes, head: Mapping[str, Any]) -> bytes:
    return b"".join(_packed(kind, _JSON(head)))


def _packed(kind: bytes, head: str) -> tuple[bytes, bytes]:
    text = head.encode()
    return HEAD.pack(kind, len(text)), text


@lru_cache(maxsize=64)
def _text_of(names: tuple[str, ...]) -> str:
    return _JSON(names)


def _settings_head(settings: DetectorSettings) -> dict[str, Any]:
    head = asdict(replace(settings, profiles=None))
    if settings.profiles is None:  # absent, as in records from before there were profiles
        del head["profiles"]
    else:
        head["profiles"] = settings.profiles.as_document()
    if not settings.reason:
        del head["reason"]
    return head


def _settings(head: Mapping[str, Any]) -> DetectorSettings:
    settings = DetectorSettings(**head)
    if settings.profiles is not None:
        settings = replace(settings, profiles=read_profiles(settings.profiles))
    if not isinstance(settings.reason, str):
        raise ValueError(f"{settings.reason!r} is not a reason")
    return settings


def _words(head: Mapping[str, Any]) -> tuple[StateWord, ...]:
    words = tuple([StateWord(tag, code, word) for tag, code, word in head.get("words", ())])
    for entry in words:
        if not (isinstance(entry.tag, str) and type(entry.code) is int and isinstance(entry.word, str)):
            raise ValueError(f"{entry!r} is not the word of a state")
    return words


def _undo_entry(head: Mapping[str, Any]) -> UndoEntry:
    entry = UndoEntry(**head)
    if type(entry.import_id) is not int or type(entry.time) is not int or not isinstance(entry.who, str):
        raise ValueError(f"{entry!r} undoes nothing")
    return entry


@lru_cache(maxsize=64)
def layout(rows: int, detectors: int | None) -> np.dtype[np.void]:
    """The columns of a batch as one record; `detectors` of them said something, None from before profiles."""
    columns: list[tuple[str, str, tuple[int, ...]]] = [
        (name, kind, (rows,)) for name, kind in _COLUMNS.items()
    ]
    if detectors is not None:
        columns += [(name, kind, (rows,)) for name, kind in _VERDICT_COLUMNS.items()]
        if detectors > 1:
            columns.append(("own", _OWN, (rows, detectors, len(_PARTS))))
    return np.dtype(columns)


def read_columns(payload: bytes, start: int, count: int, layout: np.dtype[np.void]) -> NDArray[np.void]:
    """The columns, by name, of `count` batches, which fill the payload from `start` on."""
    if len(payload) - start != count * layout.itemsize:
        raise ValueError(f"{len(payload) - start} bytes of columns, not {count * layout.itemsize}")
    # numpy refuses bytes for what takes none, which columns without rows do.
    columns = np.frombuffer(payload, layout, count, start) if layout.itemsize else np.zeros(count, layout)
    return columns if _IS_NATIVE else columns.astype(layout.newbyteorder("="))


def _unfit(column: NDArray[Any], allowed: bytes) -> bytes:
    """Of a column with a byte a row the bytes that are not among those allowed.

    For three rows this takes a tenth of the time of a comparison by numpy.
    """
    unfit: bytes = column.tobytes().translate(None, allowed)
    return unfit


def check_columns(columns: Any, tags: int, profiles: int, detectors: int) -> None:
    """Raise ValueError if a code in these columns has no name.

    The columns of one batch or, a row for each, those of several; `profiles` is 0 before there were any.
    """
    tag = columns["tag"]
    if tag.size and np.maximum.reduce(tag.view(np.uint32), axis=None) >= tags:  # a code below 0 is above all
        raise ValueError("a tag's code is not among its tags")
    if _unfit(columns["is_anomaly"], _TRUTHS):
        raise ValueError("is_anomaly is neither 0 nor 1")
    if not profiles:
        return
    if _unfit(columns["profile"], _places(min(profiles, 256))):
        raise ValueError("a profile's code is not among its profiles")
    if _unfit(columns["detector"], _places(min(detectors, 128)) + b"\xff"):  # 255 is -1
        raise ValueError("a detector's code is not among its detectors")
    if _unfit(columns["withheld"], _WITHHELD):
        raise ValueError("a reading is withheld for a reason that does not exist")


def own_column(columns: Any, detectors: int) -> NDArray[np.float64]:
    """The column `own` among these; where there is one detector its parts are columns themselves."""
    if detectors > 1:
        own: NDArray[np.float64] = columns["own"]
        return own
    return np.stack([columns[name] for name in _PARTS], axis=-1)[..., np.newaxis, :]


def _verdicts(profiles: tuple[str, ...], detectors: tuple[str, ...], columns: np.void) -> Verdicts:
    """What the detectors said."""
    return Verdicts(
        profiles=profiles,
        profile=columns["profile"],
        detectors=detectors,
        detector=columns["detector"],
        threshold=columns["threshold"],
        withheld=columns["withheld"],
        own=own_column(columns, len(detectors)),
    )


@lru_cache(maxsize=64)
def _places(count: int) -> bytes:
    """The bytes that are valid places among `count` names."""
    return bytes(range(count))


def _names(names: object) -> tuple[str, ...]:
    """These names. Raises ValueError if they are none."""
    if not isinstance(names, list):
        raise ValueError(f"{names!r} are not names")
    return shared_names(tuple(names))


@lru_cache(maxsize=64)
def shared_names(names: tuple[str, ...]) -> tuple[str, ...]:
    """The same object for equal names, since each record names them again."""
    if not names or not all(isinstance(name, str) for name in names):
        raise ValueError(f"{names!r} are not names")
    return names


def _batch_entry(head: Mapping[str, Any], payload: bytes, start: int) -> BatchEntry:
    rows, import_id = head["rows"], head.get("import", 0)
    if not isinstance(rows, int) or rows < 0:
        raise ValueError(f"{rows!r} rows")
    if not isinstance(import_id, int) or import_id < 0:
        raise ValueError(f"{import_id!r} is not the number of an import")
    judged = "profiles" in head
    detectors = _names(head["detectors"]) if judged else ()
    profiles = _names(head["profiles"]) if judged else ()
    columns = read_columns(payload, start, 1, layout(rows, len(detectors) if judged else None))[0]
    tags = tuple(head["tags"])
    if rows:
        tags = shared_names(tags)
    check_columns(columns, len(tags), len(profiles), len(detectors))
    scores = Scores(
        n=columns["n"],
        score=columns["score"],
        expected=columns["expected"],
        lower=columns["lower"],
        upper=columns["upper"],
        is_anomaly=columns["is_anomaly"],
        verdicts=_verdicts(profiles, detectors, columns) if judged else None,
    )
    batch = Batch(
        source=head["source"],
        received=head["received"],
        tags=tags,
        tag=columns["tag"],
        time=columns["time"],
        value=columns["value"],
        quality=columns["quality"],
        origin=Origin(head["origin"]),
        injected=tuple([InjectedFault(*fields) for fields in head["injected"]]),
    )
    rejected = tuple(
        [
            Rejection(source, received, index, tag, time, value, Reason(reason), detail)
            for source, received, index, tag, time, value, reason, detail in head["rejected"]
        ]
    )
    unlisted = {str(Reason(reason)): int(count) for reason, count in head.get("unlisted", {}).items()}
    return BatchEntry(
        first_id=head["first_id"],
        received_totals=head["received_totals"],
        processed=Processed(batch, scores, head["settings"], rejected, unlisted, _words(head)),
        answers=tuple([KeptAnswer(*fields) for fields in head.get("answers", ())]),
        import_id=import_id,
    )
