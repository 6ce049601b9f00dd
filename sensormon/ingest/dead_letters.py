"""Readings that the store can never take, kept in `failed_measurements.jsonl`.

One JSON object per line: the reading with its id and scores, why the store refused it,
how often and when. A line leaves the file only once its reading is stored. A line that
does not parse is moved to `failed_measurements.damaged.jsonl` and reported.

Those from a bus are kept in the store itself, as documents with the same content: a worker's disk may vanish.

What it is not: a queue for a store that is down. Those readings wait in the journal.
"""

from __future__ import annotations

import json
import logging
import math
import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from sensormon.model import timestamps
from sensormon.model.durable_files import replace_file
from sensormon.model.entries import BatchEntry, Document, Record
from sensormon.model.errors import StoreFault
from sensormon.model.json_text import MOST, read_object, whole, words
from sensormon.model.readings import Batch, Origin, Processed, Reading, Scores, Verdicts, Withheld
from sensormon.stores.columns import row_ids
from sensormon.stores.entries import DEAD_LETTERS, dead_letter_key
from sensormon.stores.protocol import Store

_log = logging.getLogger(__name__)

FILE = "failed_measurements.jsonl"
AT_ONCE = 20
"""Dead letters in the store that are tried in a step of the loader, each in a transaction of its own."""
_OWN_PARTS = ("score", "expected", "lower", "upper")
"""What a line has of each detector, in this order."""


_Lines = tuple[list[dict[str, Any]], list[bytes]]
"""The lines that can be parsed, and those that cannot."""


@dataclass(frozen=True)
class Retried:
    """How many dead letters were stored, and the key of the last one tried; empty after the last of all."""

    stored: int
    last: str


class DeadLetters:
    """The dead-letter file of one data folder. One thread, the loader's, writes it."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE
        self._damaged = folder / "failed_measurements.damaged.jsonl"
        self._parsed: tuple[tuple[int, int], _Lines] = ((0, 0), ([], []))

    def counts(self) -> Counter[str]:
        """How many readings are in the file, per source."""
        return Counter(str(line["source"]) for line in self._read()[0])

    def damaged(self) -> int:
        """How many lines were set aside because they could not be read."""
        return len(self._damaged.read_bytes().splitlines()) if self._damaged.exists() else 0

    def ids(self) -> frozenset[int]:
        """The ids of the readings in the file."""
        return frozenset(int(line["id"]) for line in self._read()[0])

    def damaged_now(self) -> int:
        """How many lines cannot be read, in the file and set aside."""
        return len(self._read()[1]) + self.damaged()

    def add(self, record: Record, reasons: Mapping[int, str], now: int) -> None:
        """Append these rows of the record, by id with the reason, and sync. Known ids are skipped."""
        known = {line["id"] for line in self._read()[0]}
        lines = [
            _line(record, row_id, reason, now) for row_id, reason in reasons.items() if row_id not in known
        ]
        if lines:
            with self.path.open("ab+") as file:
                if file.tell() and self.path.read_bytes()[-1:] != b"\n":
                    file.write(b"\n")  # keep a truncated line on a line of its own
                file.writelines(json.dumps(line).encode() + b"\n" for line in lines)
                file.flush()
                os.fsync(file.fileno())

    def retry(self, store: Store, now: int, writer: str = "") -> int:
        """Try each line again; those stored leave the file. Returns how many were stored.

        They are readings of the journal `writer`.

        Lines of an undone import leave it too: the undo has counted them as rejected.
        """
        lines, damaged = self._read()
        if damaged:
            with self._damaged.open("ab") as file:
                file.writelines(line + b"\n" for line in damaged)
                file.flush()
                os.fsync(file.fileno())
        left, stored = [], 0
        gone = store.imports.undone_among([line["id"] for line in lines])
        for line in lines:
            if line["id"] in gone:
                continue
            record = _record(line)
            reason = store.refused_rows(record).get(line["id"])
            if reason is None:
                store.store_row(record, writer)
                stored += 1
            else:
                left.append(_tried_again(line, reason, now))
        if lines or damaged:
            self._write(left)
        return stored

    def drop_undone(self, store: Store) -> None:
        """Remove the lines of undone imports. Does nothing else."""
        lines, damaged = self._read()
        gone = store.imports.undone_among([line["id"] for line in lines])
        if gone and not damaged:  # with damaged lines the next retry does it
            self._write([line for line in lines if line["id"] not in gone])

    def _read(self) -> _Lines:
        try:
            status = os.stat(self.path)
        except FileNotFoundError:
            return [], []
        version = (status.st_mtime_ns, status.st_size)
        if self._parsed[0] != version:
            self._parsed = version, self._parse()
        return self._parsed[1]

    def _parse(self) -> _Lines:
        good, damaged = [], []
        for text in self.path.read_bytes().splitlines():
            try:
                line = read_object(text)
                _record(line)
                whole(line, "attempts")
                good.append(line)
            except (ValueError, OverflowError):
                damaged.append(text)
        return good, damaged

    def _write(self, lines: list[dict[str, Any]]) -> None:
        if not lines:
            self.path.unlink(missing_ok=True)
            return
        replace_file(self.path, "".join(json.dumps(line) + "\n" for line in lines).encode())


def letters_of(record: Record, reasons: Mapping[int, str], writer: str, now: int) -> dict[int, Document]:
    """These rows of a record of the journal `writer`, by id with the reason, as the store keeps them."""
    lines = {row_id: _line(record, row_id, reason, now) for row_id, reason in reasons.items()}
    return {
        row_id: Document(DEAD_LETTERS, dead_letter_key(line["source"], row_id), line, writer, now)
        for row_id, line in lines.items()
    }


def retry_kept(store: Store, now: int, after: str = "", most: int = AT_ONCE) -> Retried:
    """Try again the next of the dead letters that the store keeps, at most `most` of them.

    They go by their keys, from the one that follows `after` on. Several processes may do it at once.
    """
    letters = store.entries.dead_letters(after, most)
    stored = sum(_retry_kept(store, letter, now) for letter in letters)
    return Retried(stored, letters[-1].key if len(letters) == most else "")


def _retry_kept(store: Store, letter: Document, now: int) -> bool:
    """Whether it was stored, and so is gone; otherwise the try is noted in it."""
    try:
        record = _record(letter.content)
        whole(letter.content, "attempts")
    except (ValueError, OverflowError) as error:
        _log.warning("the dead letter %s in the store cannot be read: %s", letter.key, error)
        return False
    refused = store.refused_rows(record)
    if not refused:
        store.store_row(record, letter.who)
        return True
    (reason,) = refused.values()
    store.entries.note_try(replace(letter, content=_tried_again(letter.content, reason, now)))
    return False


def _tried_again(line: Mapping[str, Any], reason: str, now: int) -> dict[str, Any]:
    attempts = line["attempts"] + 1
    return {**line, "reason": reason, "attempts": attempts, "last_failed": timestamps.render(now)}


def _line(record: Record, row_id: int, reason: str, now: int) -> dict[str, Any]:
    entry = record.entry
    if not isinstance(entry, BatchEntry):
        raise StoreFault("only readings can be dead letters", where=f"record {record.number}")
    row = row_ids(record).index(row_id)
    batch, scores = entry.processed.accepted, entry.processed.scores
    return {
        "id": row_id,
        "source": batch.source,
        "tag": batch.tags[batch.tag[row]],
        "timestamp": timestamps.render(int(batch.time[row])),
        "value": float(batch.value[row]),
        "quality": int(batch.quality[row]),
        "received": timestamps.render(batch.received),
        "origin": str(batch.origin),
        "settings": entry.processed.settings,
        "n": int(scores.n[row]),
        **{
            name: _json_number(getattr(scores, name)[row]) for name in ("score", "expected", "lower", "upper")
        },
        "is_anomaly": bool(scores.is_anomaly[row]),
        **_verdict_fields(scores.verdicts, row),
        "reason": reason,
        "attempts": 1,
        "first_failed": timestamps.render(now),
        "last_failed": timestamps.render(now),
    }


def _verdict_fields(verdicts: Verdicts | None, row: int) -> dict[str, Any]:
    """What the detectors said, in the line; nothing for a reading from before there were profiles."""
    if verdicts is None:
        return {}
    return {
        "profile": verdicts.profiles[verdicts.profile[row]],
        "detector": verdicts.detectors[verdicts.detector[row]] if verdicts.detector[row] >= 0 else None,
        "threshold": _json_number(verdicts.threshold[row]),
        "withheld": int(verdicts.withheld[row]),
        "own": {
            name: [_json_number(number) for number in numbers]
            for name, numbers in zip(verdicts.detectors, verdicts.own[row].tolist(), strict=True)
        },
    }


def _verdicts(line: Mapping[str, Any]) -> Verdicts | None:
    """The same from the line. Raises ValueError unless each field is as `_verdict_fields` has it."""
    if "profile" not in line:
        return None
    own, detector = line.get("own"), line.get("detector")
    if not isinstance(own, dict) or not own or detector not in (None, *own):
        raise ValueError("what the detectors said cannot be read")
    if not all(isinstance(row, list) and len(row) == len(_OWN_PARTS) for row in own.values()):
        raise ValueError("what a detector said cannot be read")
    rows = [[_finite(number, name) for number in row] for name, row in own.items()]
    numbers = np.array([[math.nan if number is None else number for number in row] for row in rows])
    threshold = _number(line, "threshold")
    return Verdicts(
        profiles=(words(line, "profile"),),
        profile=np.zeros(1, dtype=np.uint8),
        detectors=tuple(own),
        detector=np.array([-1 if detector is None else list(own).index(detector)], dtype=np.int8),
        threshold=np.array([math.nan if threshold is None else threshold]),
        withheld=np.array([whole(line, "withheld", int(max(Withheld)))], dtype=np.uint8),
        own=numbers[np.newaxis],
    )


def _json_number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _record(line: Mapping[str, Any]) -> Record:
    """The record of this line. Raises ValueError or OverflowError unless each field is as `_line` has it."""
    value = _number(line, "value")
    if value is None:
        raise ValueError("there is no value")
    reading = Reading(
        words(line, "tag"),
        timestamps.parse(words(line, "timestamp")),
        value,
        whole(line, "quality", (1 << 32) - 1),
    )
    batch = Batch.of(
        [reading],
        source=words(line, "source"),
        received=timestamps.parse(words(line, "received")),
        origin=Origin(words(line, "origin")),
    )
    if not isinstance(line.get("is_anomaly"), bool):
        raise ValueError("is_anomaly is neither true nor false")

    def column(name: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        number = _number(line, name)
        return np.array([np.nan if number is None else number])

    scores = Scores(
        n=np.array([whole(line, "n")]),
        score=column("score"),
        expected=column("expected"),
        lower=column("lower"),
        upper=column("upper"),
        is_anomaly=np.array([line["is_anomaly"]]),
        verdicts=_verdicts(line),
    )
    settings = whole(line, "settings", (1 << 31) - 1)
    processed = Processed(accepted=batch, scores=scores, settings=settings, rejected=())
    first_id = whole(line, "id", MOST - 1)  # the id after it must be a number of the store, too
    return Record(0, BatchEntry(first_id=first_id, received_totals={}, processed=processed))


def _number(line: Mapping[str, Any], key: str) -> float | None:
    """The finite number under this key, or None for null."""
    return _finite(line.get(key, "missing"), key)


def _finite(value: object, key: str) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{key} is not a number")
    return float(value)
