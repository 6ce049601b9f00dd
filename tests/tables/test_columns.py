"""What the columns of a table are, guessed from their names and cells."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from sensormon.model.readings import Quality
from sensormon.model.tags import Tag, TagTable
from sensormon.tables.columns import Columns, guess
from sensormon.tables.readings import read
from sensormon.tables.sheet import Sheet

DAY = "2026-01-31 12:00:0"
TIMES = [f"{DAY}{second}" for second in range(4)]


def sheet(separator: str = ",", **columns: list[str | None]) -> Sheet:
    frame = pd.DataFrame(columns, dtype="str")
    return Sheet(frame, np.arange(2, len(frame) + 2), separator=separator)


@pytest.mark.parametrize(
    ("time", "tag", "value"),
    [
        ("Timestamp", "Tag", "Value"),
        ("last_changed", "entity_id", "state"),
        ("_time", "_field", "_value"),
        ("Zeitstempel", "Messstelle", "Messwert"),
        ("DATE TIME", "Tag Name", "Reading"),
        ("recorded_at", "sensor", "val"),
        ("ds", "variable", "y"),
    ],
)
def test_long_tables_have_any_names(time: str, tag: str, value: str) -> None:
    table = sheet(**{value: ["1", "2", "3", "4"], tag: ["a", "b", "a", "b"], time: TIMES})
    columns = guess(table)
    assert (columns.time, columns.tag, columns.value) == (time, tag, value)
    assert read(table, columns).names == ("a", "b")


@pytest.mark.parametrize(
    "names",
    [
        ("temp", "temp_quality", "press", "press_quality"),
        ("temp", "temp status", "press", "press status"),
        ("temp", "Quality", "press", "Quality 2"),
        ("TI-101 Value", "TI-101 Status", "PI-102 Value", "PI-102 Status"),
    ],
)
def test_each_column_has_the_quality_beside_it(names: tuple[str, ...]) -> None:
    cells = (["1"] * 4, ["Good", "Bad", "Good", "192"], ["2"] * 4, ["Good"] * 4)
    table = sheet(time=TIMES, **dict(zip(names, cells, strict=True)))
    columns = guess(table)
    assert columns.qualities == {names[0]: names[1], names[2]: names[3]}
    readings = read(table, columns)
    first = readings.quality[readings.code == 0].tolist()
    assert first == [Quality.GOOD, Quality.BAD, Quality.GOOD, Quality.GOOD]


def test_one_column_of_quality_is_that_of_every_column() -> None:
    table = sheet(time=TIMES, a=["1"] * 4, b=["2"] * 4, good=["true", "false", "true", "true"])
    columns = guess(table)
    assert columns.qualities == {"a": "good", "b": "good"}
    assert (read(table, columns).quality == Quality.BAD).sum() == 2


def test_a_quality_may_stand_before_its_value() -> None:
    table = sheet(time=TIMES, quality=["Good", "Bad"] * 2, tag=["a"] * 4, value=["1"] * 4)
    assert guess(table).qualities == {"value": "quality"}


def test_a_state_called_status_is_no_quality() -> None:
    table = sheet(time=TIMES, a=["1"] * 4, status=["running", "stopped", "running", "stopped"])
    assert guess(table).qualities == {}


@pytest.mark.parametrize(
    ("names", "tags"),
    [
        (("Time1", "Value1", "Time2", "Value2"), ["Value1", "Value2"]),
        (("TI-101 Time", "TI-101 Value", "PI-102 Time", "PI-102 Value"), ["TI-101", "PI-102"]),
        (("Timestamp", "TI101", "Timestamp.1", "PI102"), ["TI101", "PI102"]),
    ],
)
def test_pairs_of_times_and_values_keep_their_own_times(names: tuple[str, ...], tags: list[str]) -> None:
    cells = (TIMES, ["1", "2", "3", "4"], [*TIMES[2:], None, None], ["5", "6", None, None])
    table = sheet(**dict(zip(names, cells, strict=True)))
    columns = guess(table)
    assert columns.times_of == {names[1]: names[0], names[3]: names[2]}
    readings = read(table, columns)
    assert list(readings.names) == tags
    second = readings.time[readings.code == 1] - readings.time.min()
    assert (second // 1_000_000).tolist() == [2, 3]
    assert len(readings.wrong) == 0


def test_a_second_column_of_times_does_not_make_pairs() -> None:
    table = sheet(start_time=TIMES, temp=["1"] * 4, last_updated=TIMES, press=["2"] * 4)
    columns = guess(table)
    assert columns.times_of == {}
    assert list(columns.values) == ["temp", "press"]


def test_devices_below_each_other_are_never_mixed() -> None:
    table = sheet(time=sorted(TIMES[:2] * 2), sensor=["a", "b"] * 2, temp=["1", "2", "3", "4"], hum=["5"] * 4)
    columns = guess(table)
    assert columns.tag == "sensor"
    readings = read(table, columns)
    assert set(readings.names) == {"a.temp", "b.temp", "a.hum", "b.hum"}
    of = readings.code == readings.names.index("b.temp")
    assert readings.value[of].tolist() == [2.0, 4.0]


def test_a_column_with_more_bad_words_than_numbers_stays() -> None:
    table = sheet(time=TIMES, a=["Bad", "I/O Timeout", "No Data", "7"], b=["x", "y", "z", "7"])
    columns = guess(table)
    assert list(columns.values) == ["a"]
    readings = read(table, columns)
    assert readings.value.tolist() == [7.0]
    assert [each.value for each in readings.wrong.rejections(0)] == ["Bad", "I/O Timeout"]


def test_times_without_a_name_are_known_by_their_cells() -> None:
    assert guess(sheet(x=["1"] * 4, when=TIMES)).time == "when"
    assert guess(sheet(x=["1", "2", "3", "4"], y=["1"] * 4)).time == ""


@pytest.mark.parametrize("role", ["time", "tag", "value"])
def test_what_is_given_stays(role: str) -> None:
    table = sheet(time=TIMES, tag=["a"] * 4, value=["1"] * 4, t2=TIMES, n2=["b"] * 4, v2=["2"] * 4)
    chosen = {"time": "t2", "tag": "n2", "value": "v2"}[role]
    columns = guess(table, Columns(**{role: chosen}))
    assert getattr(columns, role) == chosen


def test_names_of_tags_are_known_in_any_case_and_by_their_label() -> None:
    tags = TagTable([Tag("reactor_t", "Reactor T", "°C")])
    table = sheet(
        time=TIMES, tag=["REACTOR_T", "Reactor T [°C]", "reactor  t", "x"], value=["1", "2", "3", "4"]
    )
    readings = read(table, guess(table), tags)
    assert readings.names == ("reactor_t", "x")
    assert readings.value[readings.code == 0].tolist() == [1.0, 2.0, 3.0]


def test_every_cell_is_a_reading_or_named_by_line() -> None:
    rng = np.random.default_rng(4)
    cells = np.array(["1", "2.5", "x", "", "Bad", "nan"])
    for _ in range(30):
        rows = int(rng.integers(1, 40))
        values = rng.choice(cells, rows)
        times = np.where(
            rng.random(rows) < 0.2, "soon", [f"2026-01-01 00:00:{i % 60:02}" for i in range(rows)]
        )
        tag = rng.choice(["a", "b", ""], rows)
        frame = pd.DataFrame({"time": times, "tag": tag, "value": values}, dtype="str").replace("", None)
        table = Sheet(frame, np.arange(2, rows + 2), separator=",")
        readings = read(table, Columns("time", "tag", "value"))
        places = [*readings.place.tolist(), *(each.index for each in readings.wrong.rejections(0))]
        assert sorted(places) == list(range(2, rows + 2))


@pytest.mark.parametrize(
    ("date", "clock"),
    [("column 1", "column 2"), ("timestamp", "of day"), ("Datum", "Uhrzeit"), ("date", "t")],
)
def test_a_date_and_a_time_of_day_belong_together(date: str, clock: str) -> None:
    table = sheet(**{date: ["2026-01-31"] * 2, clock: ["12:00:00", "12:00:01"], "a": ["1", "2"]})
    columns = guess(table)
    assert (columns.time, columns.clock) == (date, clock)
    readings = read(table, columns)
    assert np.diff(readings.time).tolist() == [1_000_000]


@pytest.mark.parametrize(("form", "month"), [("dmy", 4), ("mdy", 3), ("", 0)])
def test_an_order_of_dates_that_is_given_leaves_the_clock_beside_them(form: str, month: int) -> None:
    table = sheet(Date=["03/04/2026", "03/04/2026"], Time=["12:00:00", "12:00:01"], temp=["1", "2"])
    columns = guess(table, Columns(form=form))
    assert (columns.time, columns.clock) == ("Date", "Time")
    readings = read(table, columns)
    times = readings.time.astype("datetime64[us]").astype(str).tolist()
    assert times == [f"2026-{month:02}-{7 - month:02}T12:00:0{second}.000000" for second in (0, 1) if month]


@pytest.mark.parametrize(
    "names", [("Datum", "Uhrzeit"), ("Date", "Time"), ("Fecha", "Hora"), ("Uhrzeit", "Datum")]
)
def test_digits_of_a_clock_are_no_days_of_a_spreadsheet_beside_a_date(names: tuple[str, str]) -> None:
    cells = {"D": ["20070613"] * 4, "U": ["043539", "043649", "050009", "050119"]}
    date, clock = names if names[0].startswith(("D", "F")) else names[::-1]
    table = sheet(**{name: cells["D" if name == date else "U"] for name in names}, temp=["1", "2", "3", "4"])
    columns = guess(table)
    assert (columns.time, columns.clock) == (date, clock)
    times = read(table, columns).time.astype("datetime64[us]").astype(str).tolist()
    assert times[0] == "2007-06-13T04:35:39.000000"
