"""Batches that were read together are stored as the rows that each of them has by itself."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sensormon.ingest.pipeline import Pipeline
from sensormon.journal.alike import decode_all
from sensormon.journal.codec import decode, encode
from sensormon.model.entries import ActionEntry, BatchEntry, Entry, EventAction, Record
from sensormon.model.profiles import Profiles, single
from sensormon.stores.columns import reading_columns
from tests.support.watched_plant import PROFILES, TAGS, readings, version

ZSCORE = single("zscore", {"window": 50, "threshold": 3.0})


def payloads(profiles: Profiles, sizes: list[int]) -> list[bytes]:
    """Batches of these sizes from one stream, each received at a moment of its own."""
    processed = Pipeline(TAGS, version(profiles)).process(readings(sum(sizes)))
    first, encoded = 0, []
    for size in sizes:
        rows = np.arange(first, first + size)
        batch = replace(
            processed,
            accepted=replace(processed.accepted.take(rows), received=1_000 + first, injected=()),
            scores=processed.scores.take(rows),
            rejected=(),
            unlisted={},
            words=(),
        )
        first += size
        encoded.append(encode(BatchEntry(first, {"plant": first}, batch)))
    return encoded


def records(entries: list[Entry | None]) -> list[Record]:
    return [Record(number, entry) for number, entry in enumerate(entries, 1) if entry is not None]


@pytest.mark.parametrize("profiles", [PROFILES, ZSCORE], ids=["profiles", "zscore"])
@pytest.mark.parametrize("sizes", [[3] * 60, [3, 3, 3, 2, 2, 2, 2] * 9, [1] * 30 + [40] + [1] * 30])
def test_any_stretch_of_what_was_read_together_has_the_rows_of_each(
    profiles: Profiles, sizes: list[int]
) -> None:
    encoded = payloads(profiles, sizes)
    together, alone = records(list(decode_all(encoded))), records([decode(payload) for payload in encoded])
    assert any(isinstance(record.entry, BatchEntry) and record.entry.piece for record in together)
    for first, last in ((0, len(sizes)), (1, len(sizes)), (0, len(sizes) - 2), (5, 6), (7, 19)):
        assert reading_columns(together[first:last]).equals(reading_columns(alone[first:last]))
    assert reading_columns(together[::-1]).equals(reading_columns(alone[::-1]))
    assert reading_columns(together[::2], {9, 10}).equals(reading_columns(alone[::2], {9, 10}))


def test_a_batch_changed_after_it_was_read_has_its_own_rows() -> None:
    encoded = payloads(PROFILES, [3] * 20)
    together, alone = records(list(decode_all(encoded))), records([decode(payload) for payload in encoded])
    for stretch in (together, alone):
        entry = stretch[4].entry
        assert isinstance(entry, BatchEntry)
        higher = replace(entry.processed.accepted, value=entry.processed.accepted.value + 1.0)
        stretch[4] = Record(5, replace(entry, processed=replace(entry.processed, accepted=higher)))
        stretch[9] = Record(10, ActionEntry(EventAction((1,), 5, "ann", "acknowledge")))
    assert reading_columns(together).equals(reading_columns(alone))
