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


def test_the_newest_readings_of_a_span_are_the_last_of_all(
    store: Store, processed: Callable[..., Processed]
) -> None:
    tag = np.arange(3_000) % 3 % 2  # "rare" is every third
    tag[100:140] = 2
    store.load("w", [Record(1, BatchEntry(1, {}, of_tags(processed, tag)))])
    for chosen in (None, ["temp"], ["rare"], ["silent"], ["temp", "silent"], ["once"]):
        ids = store.readings.frame(chosen, 0, FAR)["id"].tolist()
        for limit in (1, 3, 40, 900, 1_900, 5_000):
            assert store.readings.frame(chosen, 0, FAR, limit=limit)["id"].tolist() == ids[-limit:]
            pieces = store.readings.stream(chosen, 0, FAR, limit=limit)
            assert [number for piece in pieces for number in piece["id"].to_pylist()] == ids[-limit:]
