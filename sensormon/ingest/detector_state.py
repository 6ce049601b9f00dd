"""What the detectors remember, on disk, so that scores after a restart are the same bit for bit.

One file in the data folder, replaced as a whole every `EVERY` seconds and at each stop. It is
an optimisation, not a guarantee: if it is missing, damaged, of other settings or too old, the
detector begins again from the last readings of each tag, with nearly the same scores.
Is not: part of the journal or of the store; nothing acknowledged is only in it.
"""

from __future__ import annotations

import json
import logging
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sensormon.model.durable_files import replace_file
from sensormon.model.entries import DetectorSettings
from sensormon.model.json_text import read_object
from sensormon.model.readings import Floats

FILE = "detector_memory.bin"
EVERY = 60.0
"""Seconds between two writings."""
LAYOUT = 2
"""Incremented whenever the meaning of a detector's vector changes, so that old files are ignored."""

_LENGTH = struct.Struct("<I")  # length of the head, and CRC-32 of everything after it

_log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class SavedState:
    """What is remembered of one tag after `n` learned readings: the vector of `ProfileState.save`.

    `profile` is the name of the profile under which it was saved; under another the vector means nothing.
    """

    n: int
    vector: Floats
    profile: str


def write_states(folder: Path, settings: DetectorSettings, tags: Mapping[str, SavedState]) -> None:
    """Replace the file by these. Raises OSError; then the old one stays."""
    replace_file(folder / FILE, packed_states(settings, tags))


def packed_states(settings: DetectorSettings, tags: Mapping[str, SavedState]) -> bytes:
    """These states as bytes, which `unpacked_states` reads."""
    counts = [state.n for state in tags.values()]
    sizes = [len(state.vector) for state in tags.values()]
    head = json.dumps(
        {
            "layout": LAYOUT,
            **_identity(settings),
            "tags": list(tags),
            "n": counts,
            "sizes": sizes,
            "of": [state.profile for state in tags.values()],
        }
    ).encode()
    vectors = b"".join(state.vector.astype("<f8").tobytes() for state in tags.values())
    body = _LENGTH.pack(len(head)) + head + vectors
    return _LENGTH.pack(zlib.crc32(body)) + body


def read_states(folder: Path, settings: DetectorSettings) -> dict[str, SavedState]:
    """The state saved under these settings, by tag; empty if it cannot be used."""
    path = folder / FILE
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return {}
    except OSError as error:
        _log.warning("%s cannot be read and is ignored: %s", path, error)
        return {}
    return unpacked_states(data, settings, path)


def unpacked_states(data: bytes, settings: DetectorSettings, where: object) -> dict[str, SavedState]:
    """The state packed under these settings, by tag; empty if it cannot be used.

    `where` says in the log where it was.
    """
    crc, body = data[: _LENGTH.size], data[_LENGTH.size :]
    if crc != _LENGTH.pack(zlib.crc32(body)) or len(body) < _LENGTH.size:
        _log.warning("%s is damaged and is ignored", where)
        return {}
    try:
        return _states(body, settings)
    except (ValueError, KeyError, TypeError) as error:
        _log.warning("%s cannot be understood and is ignored: %s", where, error)
        return {}


def _states(body: bytes, settings: DetectorSettings) -> dict[str, SavedState]:
    (length,) = _LENGTH.unpack_from(body)
    head = read_object(body[_LENGTH.size : _LENGTH.size + length])
    if {key: head.get(key) for key in ("layout", *_identity(settings))} != {
        "layout": LAYOUT,
        **_identity(settings),
    }:
        return {}
    numbers = np.frombuffer(body, dtype="<f8", offset=_LENGTH.size + length)
    parts = np.split(numbers, np.cumsum(head["sizes"])[:-1]) if head["sizes"] else []
    rows = zip(head["tags"], head["n"], parts, head["of"], strict=True)
    return {name: SavedState(n, vector.astype(np.float64), profile) for name, n, vector, profile in rows}


def _identity(settings: DetectorSettings) -> dict[str, object]:
    return {"settings": settings.id, "in_use": settings.in_use.as_document()}
