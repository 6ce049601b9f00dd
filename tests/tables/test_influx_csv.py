"""Annotated CSV of InfluxDB: every table of the file, with the tags its series are."""

from __future__ import annotations

from pathlib import Path

import pytest

from sensormon.model.errors import UsageError
from sensormon.tables.sheet import Sheet
from sensormon.tables.table_reader import read_sheets

NOON = "2026-01-31T12:00:00Z"
LATER = "2026-01-31T12:01:00Z"


def read(tmp_path: Path, text: str) -> Sheet:
    path = tmp_path / "a.csv"
    path.write_text(text, newline="")
    (sheet,) = read_sheets(path, "Give a table")
    return sheet


def table(header: str, *rows: str, default: str = "_result") -> str:
    width = header.count(",")
    annotations = ["#datatype" + ",string" * width, "#group" + ",false" * width]
    annotations.append("#default," + default + "," * (width - 1 - default.count(",")))
    return "\r\n".join([*annotations, header, *rows, "", ""])


LONG = ",result,table,_start,_stop,_time,_value,_field,_measurement"


def test_series_are_named_as_in_line_protocol(tmp_path: Path) -> None:
    sheet = read(
        tmp_path,
        table(LONG, f",,0,,,{NOON},1.5,temp,tank", f",,1,,,{NOON},2,value,level")
        + table(LONG + ",sensor", f",,2,,,{LATER},open,state,plant,valve", f",,2,,,{LATER},7,value,plant,pH"),
    )
    assert list(sheet.frame.columns) == ["_time", "_value", "tag"]
    assert sheet.frame.to_numpy().tolist() == [
        [NOON, "1.5", "tank.temp"],
        [NOON, "2", "level"],
        [LATER, "open", "valve.state"],
        [LATER, "7", "pH"],
    ]
    assert sheet.place.tolist() == [5, 6, 12, 13]


def test_series_that_a_tag_tells_apart_are_not_mixed(tmp_path: Path) -> None:
    rows = [f",,0,,,{NOON},{n},temp,tank,{host},north" for n, host in enumerate("ab")]
    sheet = read(tmp_path, table(LONG + ",host,region", *rows))
    assert sheet.frame["tag"].tolist() == ["tank.temp.a", "tank.temp.b"]
    assert "tank.temp has 2 series, named with host" in sheet.notes


def test_an_empty_cell_has_the_default_of_its_column(tmp_path: Path) -> None:
    text = table(LONG, f",,0,,,{NOON},1.5,temp,", default="_result,,,,,,,tank")
    assert read(tmp_path, text).frame["tag"].tolist() == ["tank.temp"]


def test_a_pivoted_table_has_a_column_for_each_field(tmp_path: Path) -> None:
    header = ",result,table,_time,temp,press"
    sheet = read(tmp_path, table(header, f",,0,{NOON},1.5,2", f",,0,{LATER},,3"))
    assert list(sheet.frame.columns) == ["_time", "temp", "press"]
    assert sheet.frame["temp"].isna().tolist() == [False, True]


def test_a_row_of_the_wrong_length_is_named(tmp_path: Path) -> None:
    sheet = read(tmp_path, table(LONG, f",,0,,,{NOON},1.5,temp,tank", f",,0,,,{LATER},1.5"))
    assert [(line.place, line.detail) for line in sheet.wrong] == [
        (6, "it has too few cells: 7 instead of 9")
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (table(",error,reference", ",query failed,897"), "line 5 has an error of InfluxDB: query failed"),
        (table(",result,table,_value", ",,0,1.5"), "the table in line 4 has no column _time"),
        (table(LONG), "it has no readings"),
        (
            table(",result,table,_time,a", f",,0,{NOON},1") + table(",result,table,_time,b", f",,0,{NOON},1"),
            "the table in line 10 has other columns",
        ),
    ],
)
def test_what_cannot_be_read_is_refused_with_the_line(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        read(tmp_path, text)


@pytest.mark.parametrize(
    "header", [LONG + ",host", "_time,_value,_field,_measurement", '"_time",_value,"_field"']
)
def test_the_same_without_annotations_keeps_its_series_apart(tmp_path: Path, header: str) -> None:
    cells = {"_value": ["1.5", "2.5"], "_field": ["temp", "press"], "_measurement": ["tank"] * 2}
    names = header.replace('"', "").split(",")
    rows = [
        ",".join({"_time": NOON, "host": "h"}.get(n) or cells.get(n, ["", ""])[i] for n in names)
        for i in (0, 1)
    ]
    sheet = read(tmp_path, "\n".join([header, *rows, ""]))
    start = "tank." if "_measurement" in names else ""
    assert sheet.frame[["_value", "tag"]].values.tolist() == [
        ["1.5", f"{start}temp"],
        ["2.5", f"{start}press"],
    ]
