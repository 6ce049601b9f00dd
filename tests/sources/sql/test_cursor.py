"""Rows are read once: with ties at the border of batches, late ones, and kills between two batches."""

from __future__ import annotations

import threading
from collections import Counter
from datetime import datetime, timedelta
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sensormon.model.clock import MINUTE, SECOND, ManualClock
from sensormon.model.errors import SourceError
from sensormon.model.timestamps import EPOCH, to_datetime
from sensormon.sources.report import Report
from sensormon.sources.sql.opening import database_of
from sensormon.sources.sql.source import Following
from tests.sources.sql.conftest import HISTORY, Connection, Source, read_once
from tests.support.plant import START
from tests.support.recording_intake import Killed, RecordingIntake, Stored

Step = tuple[str, list[tuple[int, int]]]
STEPS = st.lists(
    st.one_of(
        st.tuples(
            st.just("rows"),
            st.lists(st.tuples(st.integers(0, 6), st.integers(0, 2)), min_size=1, max_size=12),
        ),
        st.tuples(st.just("read"), st.just([])),
        st.tuples(st.just("kill"), st.just([])),
    ),
    min_size=2,
    max_size=14,
)


@pytest.mark.parametrize("compare", [">", ">="])
@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS, batch=st.integers(1, 5), kills=st.lists(st.integers(0, 3), max_size=4))
def test_every_row_within_the_window_is_read_once(
    table: Connection, source: Source, compare: str, steps: list[Step], batch: int, kills: list[int]
) -> None:
    """The reference is the table itself: all rows but those that came later than the window allows."""
    table.execute("TRUNCATE history")
    late, clock, values = 3, ManualClock(START), count()
    config = source(query=HISTORY.replace(">", compare), batch=batch, late=late)
    intake = RecordingIntake(clock, kills)
    expected: set[Stored] = set()
    newest = 0
    following: Following | None = None
    begin = START - 20 * SECOND
    with database_of(config, lambda: "") as database:
        for what, rows in [*steps, ("read", []), ("read", [])]:
            if what == "rows":
                for back, tag in rows:
                    second = max(0, newest + 2 - back)
                    newest = max(newest, second) if following is None else newest
                    value = float(next(values))
                    time = begin + second * SECOND
                    table.execute(
                        "INSERT INTO history VALUES (%s, %s, %s)", [to_datetime(time), f"tag_{tag}", value]
                    )
                    read_to = _read_to(intake)
                    if read_to is None or time >= read_to - late * SECOND:
                        expected.add((f"tag_{tag}", time, value))
            elif what == "kill":
                following = None
            else:
                if following is None:
                    report = Report("line", "sql", "", clock)
                    following = Following(config, intake, report, threading.Event())
                    following.begin(database)
                try:
                    following.read(database)
                except Killed:
                    following = None
                clock.advance(100)
                newest = max([newest, *((time - begin) // SECOND for _, time, _ in intake.readings)])
        for _ in range(len(kills) + 2):
            try:
                read_once(config, intake)
                break
            except Killed:
                continue
        read_once(config, intake, passes=2)
    stored = Counter(intake.readings)
    assert [row for row, times in stored.items() if times > 1] == []
    assert expected <= set(stored)
    assert intake.largest <= batch


def _read_to(intake: RecordingIntake) -> int | None:
    return max((time for _, time, _ in intake.readings), default=None)


def test_more_rows_with_one_time_than_a_batch_has_are_all_read(
    table: Connection, source: Source, intake: RecordingIntake
) -> None:
    table.execute(
        "INSERT INTO history SELECT '2026-01-01Z'::timestamptz, 'tag_' || n, n"
        " FROM generate_series(1, 5000) n"
    )
    read_once(source(batch=70), intake)
    table.execute("INSERT INTO history VALUES ('2026-01-01Z', 'later', 1), ('2026-01-02Z', 'after', 2)")
    read_once(source(batch=70), intake, passes=2)
    assert len(intake.readings) == len(set(intake.readings)) == 5002


def test_rows_out_of_order_are_refused_in_a_sentence(
    table: Connection, source: Source, intake: RecordingIntake
) -> None:
    table.execute("INSERT INTO history VALUES ('2026-01-02Z', 'a', 1), ('2026-01-01Z', 'a', 2)")
    with pytest.raises(
        SourceError, match=r"do not come in the order of the cursor: .* End the query with ORDER BY"
    ):
        read_once(source(query="SELECT * FROM history WHERE time > :cursor"), intake)


def test_a_cursor_without_a_value_is_refused_in_a_sentence(
    table: Connection, source: Source, intake: RecordingIntake
) -> None:
    table.execute("INSERT INTO history VALUES (NULL, 'a', 1), ('2026-01-01Z', 'a', 2)")
    with pytest.raises(SourceError, match="in which every row has a value"):
        read_once(
            source(query="SELECT * FROM history WHERE time > :cursor IS NOT TRUE ORDER BY time DESC"), intake
        )


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("int", [1, 2, 2, 7]),
        ("numeric", ["0.5", "1", "1", "1.25"]),
        ("float8", [0.1, 0.2, 0.2, 0.3]),
        ("date", ["2026-01-01", "2026-01-02", "2026-01-02", "2026-02-01"]),
        (
            "timestamp",
            ["2026-01-01 00:00", "2026-01-01 00:00:00.000001", "2026-01-01 00:00:00.000001", "2026-01-02"],
        ),
        ("text", ["a", "b", "b", "ba"]),
    ],
)
@pytest.mark.parametrize("compare", [">", ">="])
def test_a_cursor_may_be_of_any_kind_and_ties_may_come_later(
    table: Connection, source: Source, intake: RecordingIntake, kind: str, values: list[object], compare: str
) -> None:
    table.execute(f"ALTER TABLE history ADD COLUMN place {kind}")
    numbers = count()

    def add(place: object) -> None:
        number = next(numbers)
        time = EPOCH + timedelta(days=20_000, seconds=number)
        table.execute("INSERT INTO history VALUES (%s, 'a', %s, %s)", [time, number, place])

    config = source(
        query="SELECT * FROM history WHERE place > :cursor ORDER BY place".replace(">", compare),
        cursor="place",
        batch=2,
    )
    for place in values:
        add(place)
        read_once(config, intake)
        add(place)
        read_once(config, intake, passes=2)
    assert sorted(value for _, _, value in intake.readings) == list(range(8))


def test_reading_begins_where_start_says(table: Connection, source: Source, intake: RecordingIntake) -> None:
    for day in range(1, 6):
        table.execute(
            "INSERT INTO history VALUES (%s, 'a', %s)",
            [datetime.fromisoformat(f"2026-01-0{day}T00:00Z"), day],
        )
    config = source(start="2026-01-03T00:00:00Z", query=HISTORY.replace(">", ">="), late=7 * 86_400)
    read_once(config, intake, passes=3)
    assert [value for _, _, value in intake.readings] == [3, 4, 5]


def test_refused_rows_are_refused_once(table: Connection, source: Source, intake: RecordingIntake) -> None:
    table.execute("INSERT INTO history VALUES ('2026-01-02Z', NULL, 1), ('2026-01-02Z', 'a', NULL)")
    read_once(source(late=3_600), intake, passes=3)
    assert [each.detail for each in intake.refused] == ["there is no tag", "there is no value"]
    read_once(source(), intake, passes=3)
    assert len(intake.refused) == 2


def test_a_clock_that_is_ahead_hides_nothing(table: Connection, source: Source, clock: ManualClock) -> None:
    intake = RecordingIntake(clock)
    for minutes in (-5, 30):
        table.execute(
            "INSERT INTO history VALUES (%s, 'a', %s)", [to_datetime(START + minutes * MINUTE), minutes]
        )
    following = Following(source(), intake, Report("line", "sql", "", clock), threading.Event())
    with database_of(source(), lambda: "") as database:
        following.begin(database)
        for minutes in (-4, -3):
            following.read(database)
            time = to_datetime(START + minutes * MINUTE)
            table.execute("INSERT INTO history VALUES (%s, 'a', %s)", [time, minutes])
        following.read(database)
        assert sorted(value for _, _, value in intake.readings) == [-5, -4, -3, 30], "30 is refused later on"
        clock.advance(25 * 60)
        following.read(database)
    assert [value for _, _, value in intake.readings][4:] == [30]
