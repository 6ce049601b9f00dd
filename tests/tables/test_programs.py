"""Tables as historians, loggers and spreadsheets export them, from the file to the readings."""

from __future__ import annotations

from pathlib import Path

import pytest

from sensormon.model import timestamps
from sensormon.model.qualities import quality_name
from sensormon.model.tags import TagTable
from sensormon.tables.columns import guess
from sensormon.tables.readings import Readings, read
from sensormon.tables.table_reader import read_sheets

DAY = "2026-01-31T"


def readings_of(tmp_path: Path, text: str) -> Readings:
    path = tmp_path / "export.csv"
    path.write_text(text, encoding="utf-8", newline="")
    (sheet,) = read_sheets(path, "Give a table")
    return read(sheet, guess(sheet), TagTable(()))


def shown(readings: Readings) -> list[tuple[str, str, float, str]]:
    """Tag, time of the day in UTC, value and quality of each reading, in the order of the file's lines."""
    rows = zip(
        readings.place.tolist(),
        (readings.names[code] for code in readings.code.tolist()),
        (timestamps.render(time).removeprefix(DAY) for time in readings.time.tolist()),
        readings.value.tolist(),
        (quality_name(int(code)) for code in readings.quality.tolist()),
        strict=True,
    )
    return [row[1:] for row in sorted(rows)]


NOON, QUARTER = "12:00:00.000Z", "12:15:00.000Z"


@pytest.mark.parametrize(
    "text",
    [
        "Datum;Tid;Temp\n2026-01-31;12.00;-12,5\n2026-01-31;12.15;\u221212,75\n",
        "Datum;Uhrzeit;Temp\n31.01.2026;12.00;-12.5\n31.01.2026;12.15;-12.75\n",
        "Date;Heure;Temp\n31/01/2026;12h00;-12,5\n31/01/2026;12h15;-12,75\n",
        "Datum;Uhrzeit;Temp\n31.01.2026;12:00 Uhr;-12,5\n31.01.2026;12:15 Uhr;-12,75\n",
        "Pvm;Klo;Temp\n31.1.2026;12.00;-12,5\n31.1.2026;12.15;-12,75\n",
        "Datum;Uhrzeit;Temp\n46053;0,5;-12,5\n46053;0,510416667;-12,75\n",
        "Date,Time,Temp\n46053,0.5,-12.5\n46053,0.510416667,-12.75\n",
    ],
)
def test_a_date_and_a_time_of_day_are_one_time_in_every_locale(tmp_path: Path, text: str) -> None:
    assert shown(readings_of(tmp_path, text)) == [
        ("Temp", NOON, -12.5, "Good"),
        ("Temp", QUARTER, -12.75, "Good"),
    ]


@pytest.mark.parametrize(
    ("name", "cells", "expected"),
    [
        ("quality", ["192", "0", "64", "24"], ["Good", "Bad", "Uncertain", "Bad"]),
        ("quality", ["216", "8", "255"], ["Good", "Bad", "Good"]),
        ("OPCQuality", ["0", "0"], ["Bad", "Bad"]),
        ("quality", ["0", "0"], ["Good", "Good"]),
        ("StatusCode", ["0", "2156658688"], ["Good", "BadSensorFailure"]),
        ("IsGood", ["1", "0"], ["Good", "Bad"]),
        ("Validity", ["1", "0", "1"], ["Good", "Bad", "Good"]),
        ("quality", ["100", "0", "50"], ["Good", "Bad", "Uncertain"]),
        ("IsGood", ["True", "False", "maybe"], ["Good", "Bad"]),
    ],
)
def test_a_column_of_qualities_says_together_what_its_numbers_mean(
    tmp_path: Path, name: str, cells: list[str], expected: list[str]
) -> None:
    rows = "".join(f"a,2026-01-31 12:0{row},{row},{cell}\n" for row, cell in enumerate(cells))
    readings = readings_of(tmp_path, f"tag,time,value,{name}\n{rows}")
    assert [row[3] for row in shown(readings)] == expected


@pytest.mark.parametrize(
    "header",
    [
        "T Time;T ValueY;P Time;P ValueY",
        "T Time;T Value;P Time;P Value",
        "T_Date;T_Reading;P_Date;P_Reading",
        "Time;T;Time;P",
    ],
)
def test_every_column_keeps_the_times_before_it(tmp_path: Path, header: str) -> None:
    readings = readings_of(tmp_path, f"{header}\n31.01.2026 12:00:00;1,5;31.01.2026 12:15:00;2,5\n")
    assert {row[2]: row[1] for row in shown(readings)} == {1.5: NOON, 2.5: QUARTER}


def test_a_trend_of_wincc_is_read_by_its_text_of_times(tmp_path: Path) -> None:
    text = (
        '"VarName";"TimeString";"VarValue";"Validity";"Time_ms"\r\n'
        '"T";"31.01.2026 12:00:00";37,125;1;46053500000,0000\r\n'
        '"T";"31.01.2026 12:15:00";37,25;1;46053510416,6667\r\n'
    )
    assert shown(readings_of(tmp_path, text)) == [("T", NOON, 37.125, "Good"), ("T", QUARTER, 37.25, "Good")]


@pytest.mark.parametrize(
    ("name", "cell"),
    [
        ("Time (UTC+1)", "2026-01-31 13:00:00"),
        ('"Date Time, GMT+01:00"', "01/31/26 01:00:00 PM"),
        ("Timestamp [GMT-05:00]", "2026-01-31 07:00"),
        ("time UTC+05:30", "2026-01-31 17:30"),
        ("Time (UTC+1)", "2026-01-31 12:00:00Z"),
        ("Time [UTC]", "2026-01-31 12:00:00"),
    ],
)
def test_an_offset_in_the_name_of_the_times_counts(tmp_path: Path, name: str, cell: str) -> None:
    readings = readings_of(tmp_path, f"{name},T\n{cell},1.5\n")
    assert shown(readings) == [("T", NOON, 1.5, "Good")]
    assert any("by the name of their column" in said for said in readings.said) is ("UTC]" not in name)


@pytest.mark.parametrize(
    ("header", "rows", "names"),
    [
        ("timestamp,device_id,sensor,value", ["d1,T,1", "d1,P,2", "d2,T,3"], ["d1.T", "d1.P", "d2.T"]),
        ("time,measurement,field,value", ["m,T,1", "m,P,2"], ["m.T", "m.P"]),
        ("time,name,host,value", ["cpu,h1,1", "cpu,h2,2", "mem,h1,3"], ["cpu.h1", "cpu.h2", "mem.h1"]),
        ("time,name,host,value", ["cpu,h1,1", "mem,h1,2", "net,h1,3"], ["cpu", "mem", "net"]),
        ("time,host,T", ["h1,1", "h2,2"], ["h1.T", "h2.T"]),
        ("time,host,T", ["h1,1", "h1,1"], ["T", "T"]),
        ("time,tag,name,value", ["a,Temp,1", "b,Temp,2"], ["a", "b"]),
        ("time,sensor,device,value", ["T,d1,1", "T,d1,1", "P,d1,3"], ["T", "T", "P"]),
    ],
)
def test_no_two_series_are_mixed_into_one_tag(
    tmp_path: Path, header: str, rows: list[str], names: list[str]
) -> None:
    text = "".join(f"2026-01-31 12:00,{row}\n" for row in rows)
    assert [row[0] for row in shown(readings_of(tmp_path, f"{header}\n{text}"))] == names


def test_a_status_of_deltav_is_the_quality_of_its_value(tmp_path: Path) -> None:
    rows = ["2026-01-31 12:00,50.5,GoodNonCascade", "2026-01-31 12:15,50.6,BadNoComm"]
    text = "\n".join(["Time,FIC-1/PV.CV,FIC-1/PV.ST", *rows, ""])
    name = "FIC-1/PV.CV"
    assert shown(readings_of(tmp_path, text)) == [(name, NOON, 50.5, "Good"), (name, QUARTER, 50.6, "Bad")]


def test_a_column_called_by_a_hash_counts_the_rows(tmp_path: Path) -> None:
    head = 'Plot Title: Logger 7\n#,"Date Time, GMT+01:00","Temp, °C"\n'
    rows = "1,01/31/26 01:00:00 PM,21.5\n2,01/31/26 01:15:00 PM,21.6\n"
    readings = readings_of(tmp_path, head + rows)
    assert shown(readings) == [("temp_c", NOON, 21.5, "Good"), ("temp_c", QUARTER, 21.6, "Good")]
