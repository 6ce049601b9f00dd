"""The contract of a store, for every store there is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from sensormon.model.clock import SECOND
from sensormon.model.entries import (
    ActionEntry,
    Annotation,
    AnnotationEntry,
    BatchEntry,
    DetectorSettings,
    EventAction,
    KeptAnswer,
    Record,
    SettingsEntry,
)
from sensormon.model.errors import StoreUnavailable
from sensormon.model.readings import InjectedFault, Ints, Origin, Processed
from sensormon.stores.long_spans import SHARES
from sensormon.stores.opening import open_store
from sensormon.stores.protocol import Store
from tests.support.plant import START

Records = Callable[..., list[Record]]
FAR = START + 10**6 * SECOND


@pytest.fixture(params=["duckdb"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    made = open_store(str(tmp_path / f"store.{request.param}"))
    made.open()
    yield made
    made.close()


def test_what_was_loaded_is_read_back_value_for_value(store: Store, records: Records) -> None:
    loaded = records(4, 30)
    store.load("w", loaded)
    frame = store.readings(None, 0, FAR)
    for name in ("value", "time", "quality"):
        expected = np.concatenate([getattr(r.entry.processed.accepted, name) for r in loaded])
        found = frame[name].astype("int64") if name == "time" else frame[name]
        assert found.to_numpy().tolist() == expected.tolist()
    for name in ("n", "score", "expected", "lower", "upper", "is_anomaly"):
        expected = np.concatenate([getattr(r.entry.processed.scores, name) for r in loaded])
        assert np.array_equal(frame[name].to_numpy(), expected, equal_nan=name not in ("n", "is_anomaly"))
    assert frame["id"].tolist() == list(range(1, 121))


def test_a_record_that_was_loaded_is_not_loaded_again(store: Store, records: Records) -> None:
    loaded = records(3)
    store.load("w", loaded[:2])
    store.load("w", loaded)
    store.load("w", loaded)
    assert store.recount().rows == store.recount().distinct_ids == 9
    assert store.accounts().stored == {"test": 9}
    assert store.accounts().received == {"w": {"test": 9}}
    mark = store.watermark("w")
    assert mark is not None
    assert (mark.number, mark.next_id) == (3, 10)


def test_journals_with_other_writers_have_their_own_watermark(store: Store, records: Records) -> None:
    store.load("old", records(2))
    assert store.watermark("new") is None
    store.load("new", records(1, 3, 1))
    assert store.accounts().positions == {"old": 2, "new": 1}
    assert store.accounts().stored == {"test": 9}


def test_rows_left_out_are_not_counted(store: Store, records: Records) -> None:
    store.load("w", records(1, 5), without={2, 4})
    assert store.readings(None, 0, FAR)["id"].tolist() == [1, 3, 5]
    assert store.accounts().stored == {"test": 3}


def test_a_single_row_is_stored_once_however_often_it_is_tried(store: Store, records: Records) -> None:
    one = records(1, 1)[0]
    store.store_row(one)
    store.store_row(one)
    assert store.recount().rows == 1
    assert store.accounts().stored == {"test": 1}


def test_rejections_and_faults_are_kept_apart_from_readings(
    store: Store, processed: Callable[..., Processed]
) -> None:
    from dataclasses import replace

    from sensormon.model.readings import Reason, Rejection

    made = processed(2)
    rejection = Rejection(
        "test", START, 7, "nope", "x'; DROP TABLE readings; --", "1", Reason.UNKNOWN_TAG, "why"
    )
    fault = InjectedFault("temp", START, "spike")
    made = replace(made, rejected=(rejection,), accepted=replace(made.accepted, injected=(fault,)))
    store.load("w", [Record(1, BatchEntry(1, {"test": 3}, made))])
    row = store.rejected(10).iloc[0]
    assert (row["tag"], row["time"], row["reason"]) == ("nope", "x'; DROP TABLE readings; --", "unknown_tag")
    assert store.accounts().rejected == {("test", "unknown_tag"): 1}
    assert store.injected_faults(0, FAR)["fault"].tolist() == ["spike"]
    assert len(store.readings(None, 0, FAR)) == 2


def test_settings_are_kept_in_order(store: Store) -> None:
    changes = [
        DetectorSettings(i, START + i, "someone", "zscore", {"window": 50 + i}, {"window": 50})
        for i in (1, 2)
    ]
    store.load("w", [Record(i, SettingsEntry(one)) for i, one in enumerate(changes, 1)])
    assert store.detector_settings() == changes


def test_what_people_did_with_events_is_kept_and_not_taken_twice(store: Store) -> None:
    label = EventAction((7, 9), START + 5, "night shift", "label", label="benign", note="it's \u00b0; --")
    shelve = EventAction((7,), START + 3, "Ana", "shelve", until=START + 60 * SECOND)
    entries = [Record(1, ActionEntry(label)), Record(2, ActionEntry(shelve))]
    store.load("w", entries)
    store.load("w", entries)
    frame = store.event_actions(1, 8)
    assert frame["action"].tolist() == ["shelve", "label"]
    assert frame["who"].tolist() == ["Ana", "night shift"]
    assert frame["until"].iloc[0].value == (START + 60 * SECOND) * 1000
    assert frame["until"].isna().tolist() == [False, True]
    assert frame["note"].tolist() == ["", label.note]
    assert store.event_actions(1, 99)["reading"].tolist() == [7, 7, 9]
    assert store.event_actions(10, 99).empty


def test_notes_and_their_removal_are_kept_and_not_taken_twice(store: Store) -> None:
    note = Annotation("a", START, START + SECOND, ("temp", "p'h"), "it's °; --", "Ana", START + 5)
    every = Annotation("b", START, START, (), "all", "Bo", START + 6)
    gone = replace(note, who="Bo", time=START + 7, removed=True)
    entries = [Record(i, AnnotationEntry(one)) for i, one in enumerate((note, every, gone), 1)]
    store.load("w", entries)
    store.load("w", entries)
    assert store.annotations() == [note, every, gone]


def test_spans_say_what_the_readings_say(store: Store, processed: Callable[..., Processed]) -> None:
    made = processed(2_000)
    made.accepted.quality[[5, 700]] = 0x8000_0000
    made.accepted.quality[[9]] = 0x4000_0000
    store.load("w", [Record(1, BatchEntry(1, {"test": 2_000}, made))])
    good = np.flatnonzero(made.accepted.quality == 0)
    since, until = START + 100 * SECOND, START + 1_900 * SECOND
    inside = good[(good >= 100) & (good < 1_900)]
    value, spans = made.accepted.value[inside], store.spans
    assert spans.extent() == spans.extent(["nobody", "temp"]) == (START, START + 1_999 * SECOND)
    assert spans.extent(["nobody"]) is spans.extent([]) is None
    assert spans.count("temp", since, until) == len(inside)
    time, found = spans.values("temp", since, until)
    assert time.tolist() == made.accepted.time[inside].tolist()
    assert found.tolist() == value.tolist()
    spread = spans.distribution("temp", since, until, bins=7)
    assert spread.readings == len(inside)
    assert spread.mean == pytest.approx(value.mean())
    assert spread.sd == pytest.approx(value.std(ddof=1))
    assert spread.quantiles == pytest.approx(np.quantile(value, SHARES))
    assert spread.counts.sum() == len(inside)
    expected = np.minimum(np.floor((value - value.min()) * (7 / np.ptp(value))), 6).astype(int)
    assert spread.counts.tolist() == np.bincount(expected, minlength=7).tolist()
    low, high = np.quantile(value, [0.1, 0.8])
    outside = spans.outside("temp", since, until, low, high)
    assert outside == (int((value < low).sum()), int((value > high).sum()))
    means = spans.means("temp", since, until, 7 * SECOND)
    place = (made.accepted.time[inside] - since) // (7 * SECOND)
    for cell in (0, 85, 257):
        assert means[cell] == pytest.approx(value[place == cell].mean())
    assert len(means) == 258


def test_a_share_of_a_span_is_taken_in_stretches_alike_for_every_tag(
    store: Store, processed: Callable[..., Processed]
) -> None:
    one, other = processed(6_000), processed(1)
    other = replace(one, accepted=replace(one.accepted, tags=("twin",)))
    store.load("w", [Record(1, BatchEntry(1, {}, one)), Record(2, BatchEntry(6_001, {}, other))])
    taken = [store.spans.values(tag, START, FAR, stretch=60 * SECOND, one_in=4) for tag in ("temp", "twin")]
    assert taken[0][0].tolist() == taken[1][0].tolist()
    assert 500 < len(taken[0][0]) < 3_000
    whole = [np.sum(taken[0][0] // (60 * SECOND) == one) for one in set(taken[0][0] // (60 * SECOND))]
    assert set(whole[1:-1]) == {60}


def test_readings_are_bounded_by_tag_time_id_and_number(store: Store, records: Records) -> None:
    store.load("w", records(1, 100))

    def ids(*args: object, **kwargs: object) -> list[int]:
        return list(store.readings(*args, **kwargs)["id"])  # type: ignore[arg-type]

    assert ids(["temp"], START + 10 * SECOND, START + 13 * SECOND) == [11, 12, 13]
    assert ids(["ph"], 0, FAR) == []
    assert ids(None, 0, FAR, below_id=4) == [1, 2, 3]
    assert ids(None, 0, FAR, limit=2) == [99, 100]
    assert store.lead("temp", 11, 3)["id"].tolist() == [8, 9, 10]


def test_readings_outside_a_range_are_counted(store: Store, records: Records) -> None:
    store.load("w", records(1, 100))
    values = store.readings(["temp"], START + 10 * SECOND, START + 60 * SECOND)["value"]
    low, high = sorted(values)[5], sorted(values)[-8]
    expected = int(((values < low) | (values > high)).sum())
    assert store.outside("temp", START + 10 * SECOND, START + 60 * SECOND, low, high) == (expected, 50)
    assert store.outside("temp", 0, FAR, float("-inf"), float("inf")) == (0, 100)
    assert store.outside("ph", 0, FAR, 0.0, 1.0) == (0, 0)


def test_histories_give_the_newest_readings_of_every_tag(store: Store, records: Records) -> None:
    store.load("w", records(3, 20))
    (history,) = store.tag_histories(30)
    assert history.tag == "temp"
    assert history.n == 60
    assert history.learned.all()
    assert history.value.tolist() == store.readings(None, 0, FAR)["value"].tolist()[-30:]
    assert store.next_id() == 61


def test_a_slow_tag_among_fast_ones_keeps_its_history(
    store: Store, processed: Callable[..., Processed]
) -> None:
    from dataclasses import replace

    slow = processed(5)
    slow = replace(slow, accepted=replace(slow.accepted, tags=("slow",)))
    store.load("w", [Record(1, BatchEntry(1, {}, slow)), Record(2, BatchEntry(6, {}, processed(500)))])
    histories = {one.tag: one for one in store.tag_histories(10)}
    assert len(histories["slow"].value) == 5
    assert len(histories["temp"].value) == 10


def test_anomalies_come_newest_first_and_bounded(store: Store, processed: Callable[..., Processed]) -> None:
    made = processed(60)
    made.scores.is_anomaly[[50, 55]] = True
    made.scores.score[[50, 55]] = [4.0, 9.0]
    store.load("w", [Record(1, BatchEntry(1, {"test": 60}, made))])
    assert store.anomalies(None, 0, FAR, 0.0, 10)["id"].tolist()[:2] == [56, 51]
    assert store.anomalies(["temp"], 0, FAR, 5.0, 10)["id"].tolist() == [56]
    assert store.live_anomalies(START + 52 * SECOND) == 1
    imported = replace(made, accepted=replace(made.accepted, origin=Origin.IMPORT, tags=("other",)))
    store.load("w", [Record(2, BatchEntry(61, {"test": 120}, imported))])
    assert store.live_anomalies(START + 52 * SECOND) == 1
    assert (store.live_tags(), store.tags()) == (["temp"], ["other", "temp"])


def test_the_first_time_of_a_span_is_that_of_its_earliest_reading(store: Store, records: Records) -> None:
    assert store.first_time(0, FAR) is None
    store.load("w", records(3))
    assert store.first_time(0, FAR) == START
    assert store.first_time(START + 1, FAR) == START + SECOND
    assert store.first_time(START, START) is None


def test_after_closing_it_is_unavailable_and_opens_again(store: Store, records: Records) -> None:
    store.load("w", records(2))
    store.checkpoint()
    store.close()
    with pytest.raises(StoreUnavailable):
        store.readings(None, 0, FAR)
    store.open()
    store.open()
    assert store.recount().rows == 6


def test_an_empty_store_answers_every_question(store: Store) -> None:
    assert store.readings(None, 0, FAR).empty
    assert store.anomalies(None, 0, FAR, 0, 10).empty
    assert store.rejected(5).empty
    assert store.injected_faults(0, FAR).empty
    assert store.event_actions(0, 10**9).empty
    assert store.tag_histories(10) == []
    assert store.annotations() == []
    assert store.spans.extent() is None
    assert store.spans.overview("temp", 0, FAR).readings == 0
    assert store.spans.distribution("temp", 0, FAR, bins=5).readings == 0
    assert store.spans.count("temp", 0, FAR) == len(store.spans.values("temp", 0, FAR)[0]) == 0
    assert store.spans.outside("temp", 0, FAR, 0.0, 1.0) == (0, 0)
    assert store.detector_settings() == []
    assert store.next_id() == 1
    assert store.watermark("w") is None


def test_answers_are_kept_with_their_readings_once_and_dropped_when_old(
    store: Store, records: Records
) -> None:
    old = KeptAnswer("a", "digest", 201, '{"id": 1}', START)
    new = KeptAnswer("b", "digest", 400, '{"error": "ü"}', START + SECOND)
    loaded = [
        replace(one, entry=replace(one.entry, answers=(answer,)))
        for one, answer in zip(records(2), (old, new), strict=True)
    ]
    store.load("w", loaded)
    store.load("w", loaded)
    assert store.kept_answers(10) == [old, new]
    assert store.kept_answers(1) == [new]
    store.drop_answers(START + 1)
    assert store.kept_answers(10) == [new]


def test_a_stream_is_what_a_frame_is_in_pieces(store: Store, records: Records) -> None:
    store.load("w", records(50, 1_000))
    pieces = list(store.stream(["temp"], START + 10 * SECOND, FAR, below_id=49_001, limit=45_000))
    frame = store.readings(["temp"], START + 10 * SECOND, FAR, below_id=49_001, limit=45_000)
    table = pa.concat_tables(pieces)
    assert len(pieces) > 2
    assert table["id"].to_pylist() == frame["id"].tolist()
    assert table["time"].cast(pa.int64()).to_pylist() == frame["time"].astype("int64").tolist()
    flagged = pa.concat_tables(store.stream(None, 0, FAR, anomalies=True))
    assert flagged["id"].to_pylist() == store.anomalies(None, 0, FAR, 0.0, 10**6)["id"].tolist()[::-1]
    assert next(store.stream(None, FAR, FAR)).num_rows == 0


def test_a_stream_that_nobody_finishes_holds_nothing(store: Store, records: Records) -> None:
    store.load("w", records(30, 1_000))
    stream = store.stream(None, 0, FAR)
    next(stream)
    stream.close()  # type: ignore[attr-defined]
    store.load("w", records(1, 1, 31))
    store.close()
    with pytest.raises(StoreUnavailable):
        store.stream(None, 0, FAR)
    store.open()


def at(record: Record, time: Ints) -> Record:
    """The record with its readings at these times."""
    entry = record.entry
    assert isinstance(entry, BatchEntry)
    accepted = replace(entry.processed.accepted, time=time)
    return replace(record, entry=replace(entry, processed=replace(entry.processed, accepted=accepted)))


def test_a_stream_by_time_is_in_order_of_time_whatever_came_when(
    store: Store, records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sensormon.stores.duckdb_stream.STRETCH", 7)
    rng = np.random.default_rng(0)
    for one in records(6, 20):
        store.load("w", [at(one, START + rng.integers(0, 40, 20) * SECOND)])  # many of one time
    table = pa.concat_tables(store.stream_by_time(["temp"], START, START + 35 * SECOND, below_id=110))
    frame = store.readings(["temp"], START, START + 35 * SECOND, below_id=110)
    assert table["id"].to_pylist() == frame.sort_values(["time", "id"])["id"].tolist()
    assert next(store.stream_by_time(None, FAR, FAR)).num_rows == 0


def test_a_stream_by_time_goes_in_small_steps_though_each_tag_came_in_a_file_of_its_own(
    store: Store, records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sensormon.stores.duckdb_stream.STRETCH", 30)
    for one in records(12, 30):  # each from the same time on
        store.load("w", [at(one, START + np.arange(30) * SECOND)])
    pieces = [piece.num_rows for piece in store.stream_by_time(None, 0, FAR)]
    assert sum(pieces) == 360
    assert max(pieces) <= 120


def test_a_stream_without_a_limit_is_in_order_whatever_the_order_in_the_table(
    store: Store, records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sensormon.stores.duckdb_stream.STRETCH", 7)
    late, *loaded = records(9, 10)
    store.load("w", loaded)
    for row in range(10):  # what was refused before comes after all others, with its old id
        one = late.entry
        assert isinstance(one, BatchEntry)
        part = replace(
            one.processed,
            accepted=one.processed.accepted.take(np.array([row])),
            scores=one.processed.scores.take(np.array([row])),
        )
        store.store_row(Record(100 + row, replace(one, first_id=one.first_id + row, processed=part)))
    pieces = list(store.stream(None, 0, FAR))
    assert [one for piece in pieces for one in piece.column("id").to_pylist()] == list(range(1, 91))
    assert store.count(None, 0, FAR) == 90
    assert store.count(["nope"], 0, FAR) == sum(p.num_rows for p in store.stream(["nope"], 0, FAR)) == 0
    assert store.count(None, START + 5 * SECOND, FAR) == 85
    flagged = sum(piece.num_rows for piece in store.stream(None, 0, FAR, anomalies=True))
    assert store.count(None, 0, FAR, anomalies=True) == flagged


def test_rejected_readings_of_a_span_come_in_order(store: Store, processed: Callable[..., Processed]) -> None:
    from sensormon.model.readings import Reason, Rejection

    rejected = tuple(
        Rejection("test", START + i * SECOND, i, "temp" if i % 2 else "ph", "x", "1", Reason.UNKNOWN_TAG, "w")
        for i in range(6)
    )
    made = replace(processed(1), rejected=rejected)
    store.load("w", [Record(1, BatchEntry(1, {"test": 7}, made))])
    (table,) = store.stream_rejected(["temp"], START, START + 5 * SECOND)
    assert table.column("position").to_pylist() == [1, 3]
    assert table.schema.field("received").type == pa.timestamp("us", "UTC")
    assert sum(piece.num_rows for piece in store.stream_rejected(None, START, START + 5 * SECOND)) == 5


def test_answers_to_keys_that_begin_alike_come_oldest_first(
    store: Store, processed: Callable[..., Processed]
) -> None:
    kept = tuple(KeptAnswer(f"{key}", "f", 201, "b", START) for key in ("a:2", "b:1", "a:1"))
    store.load("w", [Record(1, BatchEntry(1, {"test": 1}, processed(1), kept))])
    assert store.answers_to("a:") == [kept[0], kept[2]]
