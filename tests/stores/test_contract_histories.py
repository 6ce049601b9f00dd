"""The newest readings of each tag are found wherever in the history they are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from sensormon.model.entries import BatchEntry, Record
from sensormon.model.readings import Processed
from sensormon.stores.protocol import Store
from tests.support.plant import START

FAR = START + 10**13
TAGS = ("temp", "rare", "silent", "once")


def of_tags(processed: Callable[..., Processed], tag: np.ndarray) -> Processed:
    """Readings of these tags, in this order."""
    plain = processed(len(tag))
    scores = plain.scores
    n = np.zeros(len(tag), dtype=np.int64)
    for code in range(len(TAGS)):
        n[tag == code] = np.arange(np.count_nonzero(tag == code))
    accepted = replace(plain.accepted, tags=TAGS, tag=tag.astype(np.int32))
    return replace(plain, accepted=accepted, scores=replace(scores, n=n))


def test_silent_and_rare_tags_keep_their_newest_readings(
    store: Store, processed: Callable[..., Processed]
) -> None:
    tag = np.zeros(3_000, dtype=np.int64)
    tag[np.arange(3_000) % 290 == 7] = 1
    tag[100:140] = 2
    tag[5] = 3
    store.load("w", [Record(1, BatchEntry(1, {}, of_tags(processed, tag)))])
    frame = store.readings.frame(None, 0, FAR)
    for chosen in (None, ["rare"], ["once", "temp"]):
        histories = {history.tag: history for history in store.readings.histories(4, chosen)}
        assert set(histories) == set(chosen or TAGS)
        for name, history in histories.items():
            rows = frame[frame["tag"] == name]
            assert history.n == len(rows)
            assert history.value.tolist() == rows["value"].tolist()[-4:]
            assert history.learned.all()
