"""A real InfluxDB 1.x is read once, whatever comes late, however often the reader is killed."""

from __future__ import annotations

from collections import Counter
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sensormon.model.clock import DAY, HOUR, SECOND, ManualClock
from sensormon.model.errors import SourceError, UsageError
from sensormon.model.readings import Origin
from sensormon.sources.influxdb import source as reader
from sensormon.sources.influxdb.explorer import InfluxExplorer
from tests.sources.influxdb.conftest import QUERY, Source, read_once
from tests.support.influxdb import InfluxDB
from tests.support.plant import START
from tests.support.recording_intake import Killed, RecordingIntake, Stored

LATE = 5
Step = tuple[str, list[tuple[int, int]]]
STEPS = st.lists(
    st.one_of(
        st.tuples(
            st.just("points"),
            st.lists(st.tuples(st.integers(0, 6), st.integers(0, 2)), min_size=1, max_size=9),
        ),
        st.tuples(st.just("read"), st.just([])),
        st.tuples(st.just("restart"), st.just([])),
    ),
    min_size=2,
    max_size=10,
)
_databases = count()


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS, kills=st.lists(st.integers(0, 2), max_size=3))
def test_every_point_within_the_window_is_read_once(
    influx: InfluxDB, source: Source, monkeypatch: pytest.MonkeyPatch, steps: list[Step], kills: list[int]
) -> None:
    """The reference is what was written: all points but those that came later than the window allows."""
    monkeypatch.setattr(reader, "MOST_READINGS", 3)  # so that moments lie on the border of batches
    database = f"random_{next(_databases)}"
    influx.query(f'CREATE DATABASE "{database}"')
    clock = ManualClock(START)
    intake = RecordingIntake(clock, kills)
    config = source(database=database, late=LATE, start="2026-09-21T00:00:00Z")
    begin, newest, values = START - HOUR // 2, 0, count()
    expected: set[Stored] = set()
    for what, points in [*steps, ("read", []), ("read", [])]:
        if what == "points":
            read_to = max((time for _, time, _ in intake.readings), default=0)
            for back, tag in points:
                second = max(0, newest + 2 - back)
                time, value = begin + second * SECOND, next(values)
                if any(row[:2] == (f"tag_{tag}", time) for row in expected):
                    continue  # InfluxDB overwrites a point with the same time
                influx.write(database, f"history,tag=tag_{tag} value={value} {time}")
                if time >= read_to - (LATE - 1) * SECOND:
                    expected.add((f"tag_{tag}", time, float(value)))
            newest += 3
        else:
            for _ in range(len(kills) + 1):
                try:
                    read_once(config, intake, passes=2 if what == "read" else 1)
                    break
                except Killed:
                    continue
    stored = Counter(intake.readings)
    assert [row for row, times in stored.items() if times > 1] == []
    assert expected <= set(stored)
    assert intake.largest <= 3


def test_fields_are_named_by_a_rule_and_keep_their_kind(
    influx: InfluxDB, source: Source, database: str, intake: RecordingIntake
) -> None:
    influx.write(database, f'history,host=a temp=1.5,n=3i,on=true,mode="CIP" {START - DAY}')
    read_once(source(tag="{host}.{measurement}.{field}", new_tags=True), intake)
    assert {(tag, value) for tag, _, value in intake.readings} == {
        ("a.history.temp", 1.5),
        ("a.history.n", 3.0),
        ("a.history.on", "true"),
        ("a.history.mode", "CIP"),
    }
    kinds = {name: tag.kind for name, tag in intake.tags.items()}
    assert kinds["a.history.on"] == "boolean"
    assert kinds["a.history.mode"] == "text"
    assert set(intake.origins) == {Origin.BACKFILL}


def test_tags_of_a_series_may_stand_in_columns(
    influx: InfluxDB, source: Source, database: str, intake: RecordingIntake
) -> None:
    influx.write(database, f"history,host=a value=1 {START - 1}\nhistory,host=b value=2 {START - 1}")
    read_once(source(tag="{host}.{field}", query=QUERY.replace(" GROUP BY *", "")), intake)
    assert {(tag, value) for tag, _, value in intake.readings} == {("a.value", 1.0), ("b.value", 2.0)}


def test_a_long_history_comes_in_stretches_of_bounded_size(
    influx: InfluxDB, source: Source, database: str, intake: RecordingIntake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "MOST", 500)
    monkeypatch.setattr(reader, "MOST_READINGS", 200)
    lines = [
        f"history,tag=tag_{tag} value={n} {START - 300 * DAY + n * HOUR}"
        for tag in range(3)
        for n in range(999)
    ]
    influx.write(database, "\n".join(lines))
    read_once(source(), intake, passes=2)
    assert len(intake.readings) == len(set(intake.readings)) == 3 * 999
    times = [time for _, time, _ in intake.readings]
    assert times == sorted(times)
    assert intake.largest <= 200


@pytest.mark.parametrize(
    ("query", "what"),
    [
        ("SELECT bad( FROM x WHERE time > $cursor AND time < $end", "error parsing query"),
        (QUERY, "database not found: nowhere"),
    ],
)
def test_errors_of_the_server_are_sentences(
    source: Source, intake: RecordingIntake, query: str, what: str
) -> None:
    with pytest.raises(SourceError, match=what):
        read_once(source(query=query, database="nowhere"), intake)


@pytest.mark.parametrize(
    ("keys", "what"),
    [
        ({"query": "SELECT * FROM a"}, "where \\$cursor goes"),
        ({"query": QUERY.replace("FROM", "INTO b FROM")}, "SELECT INTO writes"),
        ({"query": "DROP DATABASE a"}, "only reads"),
        ({"url": "http://ada:secret@x:1"}, "it holds a user"),
        ({"tag": "all"}, "no part in braces"),
    ],
)
def test_what_cannot_be_a_source_is_refused(source: Source, keys: dict[str, object], what: str) -> None:
    with pytest.raises(UsageError, match=what) as refused:
        source(**keys)
    assert "secret" not in str(refused.value)


def test_a_page_sees_what_the_server_has(influx: InfluxDB, source: Source, database: str) -> None:
    influx.write(database, "\n".join(f"history,tag=tag_{n % 2} value={n} {START - n}" for n in range(30)))
    explorer = InfluxExplorer(source(), lambda: "")
    assert explorer.test(10).summary.startswith("InfluxDB 1.")
    assert [offer.label for offer in explorer.browse("", 10)] == ["history"]
    assert [(offer.label, offer.detail) for offer in explorer.browse("history", 10)] == [("value", "float")]
    assert len(explorer.preview(10, 10).batch) == 10


def test_a_wrong_password_is_said_without_it() -> None:
    server = InfluxDB(auth=True)
    try:
        server.query("CREATE USER ada WITH PASSWORD 'right' WITH ALL PRIVILEGES")
        server.query("CREATE DATABASE plant", u="ada", p="right")
        from sensormon.sources.influxdb.kind import InfluxSource
        from sensormon.sources.named import Common

        config = InfluxSource(Common("line"), server.url, "plant", QUERY, user="ada")
        assert InfluxExplorer(config, lambda: "right").test(10).problems == ("The query gives no points",)
        with pytest.raises(SourceError, match="Check user") as refused:
            InfluxExplorer(config, lambda: "wr0ng").test(10)
        assert "wr0ng" not in str(refused.value)
    finally:
        server.stop()
