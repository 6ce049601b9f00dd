"""The contract of every store: readings, streams, counts, rejections."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from sensormon.ingest.pipeline import Pipeline
from sensormon.model.clock import SECOND
from sensormon.model.entries import BatchEntry, Record
from sensormon.model.errors import StoreUnavailable
from sensormon.model.readings import InjectedFault, Ints, Origin, Processed, is_learned
from sensormon.stores.columns import READINGS
from sensormon.stores.protocol import Store
from sensormon.stores.readings import LastArrival
from sensormon.stores.recent import RecentReadings
from tests.support.plant import START
from tests.support.watched_plant import PROFILES, TAGS, readings, version

Records = Callable[..., list[Record]]
FAR = START + 10**6 * SECOND


def test_loaded_readings_round_trip(store: Store, records: Records) -> None:
    loaded = records(4, 30)
    store.load("w", loaded)
    frame = store.readings.frame(None, 0, FAR)
    for name in ("value", "time", "quality"):
        expected = np.concatenate([getattr(r.entry.processed.accepted, name) for r in loaded])
        column = frame[name].astype("int64") if name == "time" else frame[name]
        assert column.to_numpy().tolist() == expected.tolist()
    for name in ("n", "score", "expected", "lower", "upper", "is_anomaly"):
        expected = np.concatenate([getattr(r.entry.processed.scores, name) for r in loaded])
        assert np.array_equal(frame[name].to_numpy(), expected, equal_nan=name not in ("n", "is_anomaly"))
    assert frame["id"].tolist() == list(range(1, 121))


def test_rejections_and_faults_are_separate_from_readings(
    store: Store, processed: Callable[..., Processed]
) -> None:
    from sensormon.model.readings import Reason, Rejection

    scored = processed(2)
    rejection = Rejection(
        "test", START, 7, "nope", "x'; DROP TABLE readings; --", "1", Reason.UNKNOWN_TAG, "why"
    )
    fault = InjectedFault("temp", START, "spike")
    scored = replace(scored, rejected=(rejection,), accepted=replace(scored.accepted, injected=(fault,)))
    store.load("w", [Record(1, BatchEntry(1, {"test": 3}, scored))])
    row = store.readings.rejected(10).iloc[0]
    assert (row["tag"], row["time"], row["reason"]) == ("nope", "x'; DROP TABLE readings; --", "unknown_tag")
    assert store.ledger.accounts().rejected == {("test", "unknown_tag"): 1}
    assert store.readings.injected_faults(0, FAR)["fault"].tolist() == ["spike"]
    assert len(store.readings.frame(None, 0, FAR)) == 2


def test_readings_are_bounded_by_tag_time_id_and_limit(store: Store, records: Records) -> None:
    store.load("w", records(1, 100))

    def ids(*args: object, **kwargs: object) -> list[int]:
        return list(store.readings.frame(*args, **kwargs)["id"])

    assert ids(["temp"], START + 10 * SECOND, START + 13 * SECOND) == [11, 12, 13]
    assert ids(["ph"], 0, FAR) == []
    assert ids(None, 0, FAR, below_id=4) == [1, 2, 3]
    assert ids(None, 0, FAR, limit=2) == [99, 100]
    assert store.readings.lead("temp", 11, 3)["id"].tolist() == [8, 9, 10]


def test_readings_outside_a_range_are_counted(store: Store, records: Records) -> None:
    store.load("w", records(1, 100))
    values = store.readings.frame(["temp"], START + 10 * SECOND, START + 60 * SECOND)["value"]
    low, high = sorted(values)[5], sorted(values)[-8]
    expected = int(((values < low) | (values > high)).sum())
    span = START + 10 * SECOND, START + 60 * SECOND
    assert store.readings.outside("temp", *span, low, high) == (expected, 50)
    assert store.readings.outside("temp", 0, FAR, float("-inf"), float("inf")) == (0, 100)
    assert store.readings.outside("ph", 0, FAR, 0.0, 1.0) == (0, 0)


def test_histories_hold_the_newest_readings_of_every_tag(store: Store, records: Records) -> None:
    store.load("w", records(3, 20))
    (history,) = store.readings.histories(30)
    assert history.tag == "temp"
    assert history.n == 60
    assert history.learned.all()
    assert history.value.tolist() == store.readings.frame(None, 0, FAR)["value"].tolist()[-30:]
    assert store.ledger.next_id() == 61


def test_last_arrivals_are_those_of_the_newest_live_readings(
    store: Store, processed: Callable[..., Processed]
) -> None:
    first, second, third = processed(5), processed(3), processed(2)
    renamed = replace(third, accepted=replace(third.accepted, tags=("other",), origin=Origin.BACKFILL))
    imported = replace(second, accepted=replace(second.accepted, origin=Origin.IMPORT))
    records = [Record(1, BatchEntry(1, {}, first)), Record(2, BatchEntry(6, {}, imported))]
    store.load("w", [*records, Record(3, BatchEntry(9, {}, renamed))])
    at = START + 4 * SECOND
    assert store.readings.last_arrivals() == {"temp": LastArrival(at, at, "test")}


def test_slow_tag_among_fast_ones_keeps_its_history(
    store: Store, processed: Callable[..., Processed]
) -> None:
    slow = processed(5)
    slow = replace(slow, accepted=replace(slow.accepted, tags=("slow",)))
    store.load("w", [Record(1, BatchEntry(1, {}, slow)), Record(2, BatchEntry(6, {}, processed(500)))])
    histories = {history.tag: history for history in store.readings.histories(10)}
    assert len(histories["slow"].value) == 5
    assert len(histories["temp"].value) == 10


def test_anomalies_are_newest_first_and_bounded(store: Store, processed: Callable[..., Processed]) -> None:
    scored = processed(60)
    scored.scores.is_anomaly[[50, 55]] = True
    scored.scores.score[[50, 55]] = [4.0, 9.0]
    store.load("w", [Record(1, BatchEntry(1, {"test": 60}, scored))])
    assert store.readings.anomalies(None, 0, FAR, 0.0, 10)["id"].tolist()[:2] == [56, 51]
    assert store.readings.anomalies(["temp"], 0, FAR, 5.0, 10)["id"].tolist() == [56]
    assert store.readings.live_anomalies(START + 52 * SECOND) == 1
    imported = replace(scored, accepted=replace(scored.accepted, origin=Origin.IMPORT, tags=("other",)))
    store.load("w", [Record(2, BatchEntry(61, {"test": 120}, imported))])
    assert store.readings.live_anomalies(START + 52 * SECOND) == 1
    assert (store.readings.live_tags(), store.readings.tags()) == (["temp"], ["other", "temp"])


def test_first_time_is_that_of_the_earliest_reading(store: Store, records: Records) -> None:
    assert store.readings.first_time(0, FAR) is None
    store.load("w", records(3))
    assert store.readings.first_time(0, FAR) == START
    assert store.readings.first_time(START + 1, FAR) == START + SECOND
    assert store.readings.first_time(START, START) is None
    assert store.readings.first_time(0, FAR, ["temp"]) == START
    assert store.readings.first_time(0, FAR, ["nothing"]) is None


def test_stream_equals_the_frame_in_pieces(store: Store, records: Records) -> None:
    store.load("w", records(50, 1_000))
    pieces = list(store.readings.stream(["temp"], START + 10 * SECOND, FAR, below_id=49_001, limit=45_000))
    frame = store.readings.frame(["temp"], START + 10 * SECOND, FAR, below_id=49_001, limit=45_000)
    table = pa.concat_tables(pieces)
    assert len(pieces) > 2
    assert table["id"].to_pylist() == frame["id"].tolist()
    assert table["time"].cast(pa.int64()).to_pylist() == frame["time"].astype("int64").tolist()
    flagged = pa.concat_tables(store.readings.stream(None, 0, FAR, anomalies=True))
    anomalies = store.readings.anomalies(None, 0, FAR, 0.0, 10**6)
    assert flagged["id"].to_pylist() == anomalies["id"].tolist()[::-1]
    assert next(store.readings.stream(None, FAR, FAR)).num_rows == 0


def test_unfinished_stream_holds_no_lock(store: Store, records: Records) -> None:
    store.load("w", records(30, 1_000))
    stream = store.readings.stream(None, 0, FAR)
    next(stream)
    stream.close()
    store.load("w", records(1, 1, 31))
    store.close()
    with pytest.raises(StoreUnavailable):
        store.readings.stream(None, 0, FAR)
    store.open()


@pytest.mark.parametrize("limit", [None, 25_000])
def test_a_paused_stream_keeps_nothing_waiting(store: Store, records: Records, limit: int | None) -> None:
    store.load("w", records(30, 1_000))
    streams = [store.readings.stream(None, 0, FAR, limit=limit), store.readings.stream_by_time(None, 0, FAR)]
    first = [next(stream)["id"].to_pylist() for stream in streams]
    (later,) = records(1, 1_000, 31)
    store.load("w", [later])
    store.checkpoint()
    store.close()
    store.open()  # refused while a reader uses the old connection
    whole = [
        before + [number for piece in stream for number in piece["id"].to_pylist()]
        for before, stream in zip(first, streams, strict=True)
    ]
    assert whole[0] == list(range(30_001 - (limit or 30_000), 30_001)), "none of those loaded meanwhile"
    assert sorted(whole[1]) == list(range(1, 30_001))


def at(record: Record, time: Ints) -> Record:
    """The record with its readings at these times."""
    entry = record.entry
    assert isinstance(entry, BatchEntry)
    accepted = replace(entry.processed.accepted, time=time)
    return replace(record, entry=replace(entry, processed=replace(entry.processed, accepted=accepted)))


def test_stream_by_time_is_ordered_by_time(
    store: Store, records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    for stream in ("duckdb_stream", "postgresql_stream"):
        monkeypatch.setattr(f"sensormon.stores.{stream}.PIECE", 7)
    rng = np.random.default_rng(0)
    for record in records(6, 20):
        store.load("w", [at(record, START + rng.integers(0, 40, 20) * SECOND)])  # many at the same time
    pieces = store.readings.stream_by_time(["temp"], START, START + 35 * SECOND, below_id=110)
    table = pa.concat_tables(pieces)
    frame = store.readings.frame(["temp"], START, START + 35 * SECOND, below_id=110)
    assert table["id"].to_pylist() == frame.sort_values(["time", "id"])["id"].tolist()
    assert next(store.readings.stream_by_time(None, FAR, FAR)).num_rows == 0


def test_stream_by_time_has_small_pieces_of_interleaved_tags(
    store: Store, records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    for stream in ("duckdb_stream", "postgresql_stream"):
        monkeypatch.setattr(f"sensormon.stores.{stream}.PIECE", 100)
    for record in records(12, 30):  # each starts at the same time
        store.load("w", [at(record, START + np.arange(30) * SECOND)])
    pieces = [piece.num_rows for piece in store.readings.stream_by_time(None, 0, FAR)]
    assert sum(pieces) == 360
    assert max(pieces) <= 100


def test_unlimited_stream_is_ordered_by_id(
    store: Store, records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    for stream in ("duckdb_stream", "postgresql_stream"):
        monkeypatch.setattr(f"sensormon.stores.{stream}.PIECE", 7)
    monkeypatch.setattr("sensormon.stores.duckdb_stream.WINDOW", 3)
    late, *loaded = records(9, 10)
    store.load("w", loaded)
    for row in range(10):  # readings refused earlier are stored last, with their old ids
        entry = late.entry
        assert isinstance(entry, BatchEntry)
        part = replace(
            entry.processed,
            accepted=entry.processed.accepted.take(np.array([row])),
            scores=entry.processed.scores.take(np.array([row])),
        )
        store.store_row(Record(100 + row, replace(entry, first_id=entry.first_id + row, processed=part)))
    pieces = list(store.readings.stream(None, 0, FAR))
    assert [reading_id for piece in pieces for reading_id in piece.column("id").to_pylist()] == list(
        range(1, 91)
    )
    assert store.readings.count(None, 0, FAR) == 90
    unknown = sum(piece.num_rows for piece in store.readings.stream(["nope"], 0, FAR))
    assert store.readings.count(["nope"], 0, FAR) == unknown == 0
    assert store.readings.count(None, START + 5 * SECOND, FAR) == 85
    flagged = sum(piece.num_rows for piece in store.readings.stream(None, 0, FAR, anomalies=True))
    assert store.readings.count(None, 0, FAR, anomalies=True) == flagged


def test_rejected_readings_are_ordered(store: Store, processed: Callable[..., Processed]) -> None:
    from sensormon.model.readings import Reason, Rejection

    rejected = tuple(
        Rejection("test", START + i * SECOND, i, "temp" if i % 2 else "ph", "x", "1", Reason.UNKNOWN_TAG, "w")
        for i in range(6)
    )
    scored = replace(processed(1), rejected=rejected)
    store.load("w", [Record(1, BatchEntry(1, {"test": 7}, scored))])
    (table,) = store.readings.stream_rejected(["temp"], START, START + 5 * SECOND)
    assert table.column("position").to_pylist() == [1, 3]
    assert table.schema.field("received").type == pa.timestamp("us", "UTC")
    pieces = store.readings.stream_rejected(None, START, START + 5 * SECOND)
    assert sum(piece.num_rows for piece in pieces) == 5


def test_rejected_readings_come_in_pieces(
    store: Store, processed: Callable[..., Processed], monkeypatch: pytest.MonkeyPatch
) -> None:
    from sensormon.model.readings import Reason, Rejection

    for stream in ("duckdb_stream", "postgresql_stream"):
        monkeypatch.setattr(f"sensormon.stores.{stream}.PIECE", 4)
    rejected = tuple(
        Rejection("test", START + i // 3 * SECOND, i % 3, "temp", str(i), "1", Reason.UNKNOWN_TAG, "w")
        for i in range(20)  # three at each moment
    )
    scored = replace(processed(1), rejected=rejected)
    store.load("w", [Record(1, BatchEntry(1, {"test": 21}, scored))])
    pieces = list(store.readings.stream_rejected(None, 0, FAR))
    assert [text for piece in pieces for text in piece["time"].to_pylist()] == [str(i) for i in range(20)]
    assert max(piece.num_rows for piece in pieces) <= 6


def test_an_empty_store_has_no_readings(store: Store) -> None:
    assert store.readings.frame(None, 0, FAR).empty
    assert store.readings.anomalies(None, 0, FAR, 0, 10).empty
    assert store.readings.rejected(5).empty
    assert store.readings.injected_faults(0, FAR).empty
    assert store.readings.histories(10) == []
    assert store.readings.last_arrivals() == {}


def test_summary_has_a_row_for_each_tag_with_readings(
    store: Store, processed: Callable[..., Processed]
) -> None:
    assert store.readings.summary(0, FAR).empty
    scored = processed(200)
    scored.scores.is_anomaly[[60, 70, 199]] = True
    twin = replace(scored, accepted=replace(scored.accepted, tags=("twin",)))
    store.load("w", [Record(1, BatchEntry(1, {}, scored)), Record(2, BatchEntry(201, {}, twin))])
    rows = store.readings.summary(START + 10 * SECOND, START + 150 * SECOND)
    assert rows["tag"].tolist() == ["temp", "twin"]
    assert rows["readings"].tolist() == [140, 140]
    assert rows["flagged"].tolist() == [int(scored.scores.is_anomaly[10:150].sum())] * 2
    assert rows["learned"].tolist() == [int(scored.scores.n[10:150].max())] * 2
    assert rows["first"].tolist() == [START + 10 * SECOND] * 2
    assert rows["last"].tolist() == [START + 149 * SECOND] * 2


def test_peaks_are_the_flags_and_the_highest_score_of_each_tag(
    store: Store, processed: Callable[..., Processed]
) -> None:
    assert store.readings.peaks(0, FAR).empty
    scored = processed(200)
    scored.scores.is_anomaly[[60, 70, 199]] = True
    unscored = replace(scored.scores, score=np.full(200, np.nan))
    twin = replace(scored, accepted=replace(scored.accepted, tags=("twin",)), scores=unscored)
    store.load("w", [Record(1, BatchEntry(1, {}, scored)), Record(2, BatchEntry(201, {}, twin))])
    rows = store.readings.peaks(START + 10 * SECOND, START + 150 * SECOND)
    assert rows["tag"].tolist() == ["temp", "twin"]
    assert rows["flagged"].tolist() == [int(scored.scores.is_anomaly[10:150].sum())] * 2
    assert rows["score"].tolist()[0] == np.nanmax(scored.scores.score[10:150])
    assert np.isnan(rows["score"].tolist()[1])
    assert store.readings.peaks(0, FAR, below_id=101)["flagged"].tolist() == [
        int(scored.scores.is_anomaly[:100].sum())
    ]


def of_profiles(count: int = 3, rows: int = 900) -> list[Record]:
    """Records of three tags under several profiles."""
    pipeline, records = Pipeline(TAGS, version(PROFILES)), []
    for number in range(1, count + 1):
        processed = pipeline.process(readings(rows, (number - 1) * rows))
        records.append(
            Record(number, BatchEntry(1 + (number - 1) * rows, {"test": number * rows}, processed))
        )
    return records


def test_verdicts_round_trip(store: Store) -> None:
    loaded = of_profiles()
    store.load("w", loaded)
    recent = RecentReadings()
    for record in loaded:
        recent.append(record.entry)
    frame = store.readings.frame(None, 0, FAR)
    pd.testing.assert_frame_equal(frame, recent.frame(0))
    verdicts = [record.entry.processed.scores.verdicts for record in loaded]
    profile, detector = (
        [
            getattr(each, f"{name}s")[code] if code >= 0 else None
            for each in verdicts
            for code in getattr(each, name)
        ]
        for name in ("profile", "detector")
    )
    assert frame["profile"].tolist() == profile
    assert [None if pd.isna(name) else name for name in frame["detector"]] == detector
    assert np.array_equal(
        frame["threshold"], np.concatenate([each.threshold for each in verdicts]), equal_nan=True
    )
    assert frame["withheld"].tolist() == np.concatenate([each.withheld for each in verdicts]).tolist()
    stored = pa.concat_tables(store.readings.stream(None, 0, FAR)).cast(READINGS)
    memory = pa.concat_tables(recent.chosen(None, 0, FAR).tables()).cast(READINGS)
    assert stored.equals(memory)
    expected = [
        [
            {"detector": name, **dict(zip(("score", "expected", "lower", "upper"), numbers, strict=True))}
            for name, numbers in zip(each.detectors, row, strict=True)
            if not np.isnan(numbers[0])
        ]
        for each in verdicts
        for row in each.own.tolist()
    ]
    assert max(map(len, expected)) == 4
    lists = [
        [{k: v if v is not None else np.nan for k, v in entry.items()} for entry in row or ()]
        for row in stored["own"].to_pylist()
    ]
    for row, entries in zip(lists, expected, strict=True):
        assert repr(row) == repr(entries if len(entries) > 1 else [])


def test_what_each_detector_said_is_found_by_id(store: Store) -> None:
    loaded = of_profiles()
    store.load("w", loaded)
    recent = RecentReadings()
    for record in loaded:
        recent.append(record.entry)
    verdicts = loaded[2].entry.processed.scores.verdicts
    assert verdicts is not None
    judged = (1801 + np.flatnonzero(verdicts.detector >= 0)[-9:]).tolist()
    ids = [1, *judged, 99999]
    own = store.readings.own(ids)
    assert set(own) == set(ids[:-1])
    assert repr(own) == repr(recent.own(ids)), "in the same order, from memory as well"
    assert own[1] == ()
    for number in judged:
        row = verdicts.own[number - 1801]
        said = {name: tuple(numbers) for name, numbers in zip(verdicts.detectors, row.tolist(), strict=True)}
        assert own[number]
        for each in own[number]:
            assert repr((each.score, each.expected, each.lower, each.upper)) == repr(said[each.detector])
    assert store.readings.own([]) == {}


def test_withheld_readings_are_not_among_the_learned(store: Store) -> None:
    loaded = of_profiles(4)
    store.load("w", loaded)
    scores = [record.entry.processed.scores for record in loaded]
    temp = np.concatenate([record.entry.processed.accepted.tag == 0 for record in loaded])
    quality = np.concatenate([record.entry.processed.accepted.quality for record in loaded])[temp]
    learned = is_learned(quality, np.concatenate([each.withheld for each in scores])[temp])
    (history,) = (each for each in store.readings.histories(50) if each.tag == "temp")
    n = np.concatenate([each.n for each in scores])[temp]
    assert history.n == learned.sum() == n[-1] + learned[-1]
    assert history.learned.sum() == 50
    assert (history.good & ~history.learned).any()
    of_one, of_two = (store.readings.histories(50, names) for names in (["temp"], ["temp", "speed"]))
    assert [each.tag for each in of_one] == ["temp"]
    assert sorted(each.tag for each in of_two) == ["speed", "temp"]
    assert of_one[0].value[of_one[0].learned].tolist() == history.value[history.learned].tolist()
    assert of_one[0].n == history.n
    last = store.readings.lead("temp", 10**6, 40)
    ids = (1 + np.flatnonzero(temp))[learned][-40:]
    assert last["id"].tolist() == ids.tolist()
