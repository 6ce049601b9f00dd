"""What the detectors of a partition remember, as it is stored, and the readings stored since.

A default profile remembers some 37 kB of a tag, which cannot go into every transaction. So it goes into one
now and then, and whoever takes over judges the readings stored since again: the same code in the same order
gives the same memory, bit for bit.
"""

from __future__ import annotations

import logging
import struct
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from sensormon.bus.payload import SOURCE
from sensormon.ingest.detector_state import SavedState, packed_states, unpacked_states
from sensormon.ingest.pipeline import Pipeline
from sensormon.model.entries import DetectorSettings
from sensormon.model.readings import Batch
from sensormon.stores.collectors import Collectors
from sensormon.stores.readings import TagHistory

_log = logging.getLogger(__name__)

PIECE = 20_000
"""The most readings that are read at once."""
_HEAD = struct.Struct("<q")


def packed(pipeline: Pipeline, next_id: int) -> bytes:
    """What this pipeline remembers of the partition's readings below this id."""
    return _HEAD.pack(next_id) + packed_states(pipeline.settings, pipeline.saved_states())


@dataclass(frozen=True, eq=False)
class Remembered:
    """What was packed: the states by tag, of the readings below `next_id`."""

    states: dict[str, SavedState]
    next_id: int

    @classmethod
    def of(cls, content: bytes, settings: DetectorSettings, writer: str) -> Remembered | None:
        """What was packed under these settings; None if it cannot be used."""
        if len(content) < _HEAD.size:
            return None
        states = unpacked_states(content[_HEAD.size :], settings, writer)
        return cls(states, _HEAD.unpack_from(content)[0]) if states else None


def stored_since(collectors: Collectors, first: int, stop: int, number: int, received: int) -> list[Batch]:
    """The readings of this number with first <= id < stop, as they came."""
    batches = []
    while first < stop:
        table = collectors.readings(first, stop, number, PIECE)
        if table.num_rows:
            batches.append(_batch(table, received))
        first = int(table["id"][-1].as_py()) + 1 if table.num_rows == PIECE else stop
    return batches


def count_by_tag(batches: Iterable[Batch]) -> Counter[str]:
    """How many readings of each tag are in these batches."""
    counts = Counter[str]()
    for batch in batches:
        for code, count in enumerate(np.bincount(batch.tag, minlength=len(batch.tags)).tolist()):
            counts[batch.tags[code]] += count
    return counts


def without_newest(histories: Iterable[TagHistory], counts: Counter[str]) -> Iterator[TagHistory]:
    """The histories as they were before the newest readings, of which each tag has this many."""
    for history in histories:
        kept = max(0, len(history.time) - counts[history.tag])
        learned = int(np.count_nonzero(history.learned[kept:]))
        yield replace(
            history,
            n=history.n - learned,
            time=history.time[:kept],
            value=history.value[:kept],
            learned=history.learned[:kept],
            good=history.good[:kept],
        )


def judge_again(pipeline: Pipeline, batches: Iterable[Batch], writer: str) -> None:
    """Let the pipeline learn what was stored since."""
    for batch in batches:
        refused = len(batch) - len(pipeline.judge(batch).accepted)
        if refused:
            _log.warning(
                "%s: %d stored readings are not judged again: the tag table has changed", writer, refused
            )


def _batch(table: pa.Table, received: int) -> Batch:
    tags = table["tag"].combine_chunks()
    codes = tags if pa.types.is_dictionary(tags.type) else tags.dictionary_encode()
    return Batch(
        source=SOURCE,
        received=received,
        tags=tuple(codes.dictionary.to_pylist()),
        tag=codes.indices.to_numpy(zero_copy_only=False).astype(np.int32),
        time=table["time"].cast(pa.int64()).to_numpy(),
        value=table["value"].to_numpy(),
        quality=table["quality"].to_numpy().astype(np.uint32),
    )
