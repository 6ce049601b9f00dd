"""The newest readings of each tag are found wherever in the history they are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from sensormon.model.clock import SECOND
from sensormon.model.entries import BatchEntry, Record
from sensormon.model.readings import Origin, Processed
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


def test_readings_that_arrive_late_are_the_newest(store: Store, processed: Callable[..., Processed]) -> None:
    live, late = processed(3_000), processed(1_000)
    early = replace(late.accepted, time=late.accepted.time - 10**7 * SECOND, origin=Origin.BACKFILL)
    live = replace(live, scores=replace(live.scores, n=np.arange(3_000)))
    late = replace(late, accepted=early, scores=replace(late.scores, n=np.arange(3_000, 4_000)))
    store.load("w", [Record(1, BatchEntry(1, {}, live)), Record(2, BatchEntry(3_001, {}, late))])
    times = store.readings.frame(None, 0, FAR)["time"].astype("int64").tolist()
    for limit in (40, 500, 1_200):
        (history,) = store.readings.histories(limit)
        assert history.time.tolist() == times[-limit:]
        assert history.n == 4_000


def test_late_readings_of_one_tag_leave_the_others_theirs(
    store: Store, processed: Callable[..., Processed]
) -> None:
    tag = np.zeros(6_000, dtype=np.int64)
    tag[np.arange(6_000) % 29 == 7] = 1
    tag[100:400] = 2
    scored = of_tags(processed, tag)
    scored.accepted.quality[np.arange(6_000) % 11 == 3] = 0x8000_0000
    good = scored.accepted.quality == 0
    for code in range(3):
        of_code = tag == code
        scored.scores.n[of_code] = np.cumsum(good[of_code]) - good[of_code]
    scored.accepted.time[4_500:] -= 10**7 * SECOND
    store.load("w", [Record(1, BatchEntry(1, {}, scored))])
    histories = {history.tag: history for history in store.readings.histories(60)}
    for code, name in enumerate(TAGS[:3]):
        newest = np.flatnonzero((tag == code) & good)[-60:]
        history = histories[name]
        assert history.time[history.learned].tolist() == scored.accepted.time[newest].tolist()
        assert history.n == np.count_nonzero((tag == code) & good)
