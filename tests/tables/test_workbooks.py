"""Workbooks: the sheet that has the table, its types, and the row of each reading."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from pathlib import Path

import pandas as pd
import pytest
import xlsxwriter

from sensormon.model.errors import UsageError
from sensormon.tables.sheet import Sheet
from sensormon.tables.table_reader import read_sheets

NOON = datetime(2026, 1, 31, 12)
Book = xlsxwriter.Workbook


def read(tmp_path: Path, fill: Callable[[Book], None], *, sheet: str = "") -> Sheet:
    path = tmp_path / "a.xlsx"
    with xlsxwriter.Workbook(str(path), {"default_date_format": "yyyy-mm-dd hh:mm:ss"}) as book:
        fill(book)
    (table,) = read_sheets(path, "Give a table", sheet=sheet)
    return table


def with_rows(*rows: list[object], name: str = "Data") -> Callable[[Book], None]:
    def fill(book: Book) -> None:
        page = book.add_worksheet(name)
        for place, row in enumerate(rows):
            page.write_row(place, 0, row)

    return fill


def test_columns_keep_their_types(tmp_path: Path) -> None:
    sheet = read(
        tmp_path,
        with_rows(
            ["time", "temp", "open", "note"],
            [NOON, 37.125, True, "a"],
            [NOON + timedelta(milliseconds=1_500), -4, False, "b"],
        ),
    )
    assert sheet.frame["time"].tolist() == [pd.Timestamp(NOON), pd.Timestamp(NOON) + pd.Timedelta("1.5s")]
    assert sheet.frame["temp"].tolist() == [37.125, -4.0]
    assert sheet.frame["open"].tolist() == [True, False]
    assert sheet.frame["note"].tolist() == ["a", "b"]
    assert (sheet.place.tolist(), sheet.word, sheet.separator) == ([2, 3], "row", "")
    assert sheet.name == "a.xlsx, Data"


def test_a_column_of_several_types_is_text_that_says_the_same(tmp_path: Path) -> None:
    sheet = read(
        tmp_path, with_rows(["time", "temp"], [NOON, 0.1], ["n/a", 1769860800], [date(2026, 2, 1), "Bad"])
    )
    assert sheet.frame["temp"].tolist() == ["0.1", "1769860800", "Bad"]
    assert sheet.frame["time"].tolist() == ["2026-01-31 12:00:00", "n/a", "2026-02-01 00:00:00"]


def test_clock_times_and_durations_are_written_as_such(tmp_path: Path) -> None:
    def fill(book: Book) -> None:
        page = book.add_worksheet()
        clock, span = (
            book.add_format({"num_format": "hh:mm:ss"}),
            book.add_format({"num_format": "[h]:mm:ss"}),
        )
        page.write_row(0, 0, ["Date", "Time", "Run", "temp"])
        page.write_datetime(1, 0, NOON)
        page.write_datetime(1, 1, time(18, 0, 30), clock)
        page.write_number(1, 2, 1.25, span)
        page.write_number(1, 3, 5)

    sheet = read(tmp_path, fill)
    assert sheet.frame["Time"].tolist() == ["18:00:30"]
    assert sheet.frame["Run"].tolist() == ["30:00:00"]


def test_the_first_sheet_with_a_table_is_read_and_others_are_named(tmp_path: Path) -> None:
    def fill(book: Book) -> None:
        with_rows(["Report"], ["by n.n."], name="Cover")(book)
        with_rows(["time", "temp"], [NOON, 1], name="January")(book)
        with_rows(["time", "temp"], [NOON, 2], name="February")(book)
        book.add_worksheet("Empty")
        book.add_worksheet("Secret").hide()

    sheet = read(tmp_path, fill)
    assert sheet.frame["temp"].tolist() == [1.0]
    assert sheet.notes == ("Sheet 'January' was read", "Other sheets: 'Cover', 'February', 'Empty'")
    assert read(tmp_path, fill, sheet="February").frame["temp"].tolist() == [2.0]
    with pytest.raises(UsageError, match="it has no sheet 'March', but 'Cover', 'January'"):
        read(tmp_path, fill, sheet="March")
    with pytest.raises(UsageError, match="sheet 'Cover' has no table"):
        read(tmp_path, fill, sheet="Cover")


def test_titles_units_and_empty_rows_are_passed_over(tmp_path: Path) -> None:
    def fill(book: Book) -> None:
        page = book.add_worksheet("Data")
        page.merge_range(1, 1, 1, 3, "Export of station 4")
        rows = [["time", "temp", "press"], ["", "°C", "[bar]"], [NOON, 1, 2], [], [NOON, 3, 4]]
        for place, row in enumerate([*rows, ["time", "temp", "press"], [NOON, 5, 6]]):
            page.write_row(3 + place, 1, row)

    sheet = read(tmp_path, fill)
    assert list(sheet.frame.columns) == ["time", "temp", "press"]
    assert sheet.frame["press"].tolist() == [2.0, 4.0, 6.0]
    assert sheet.place.tolist() == [6, 8, 10]
    assert sheet.units == {"temp": "°C", "press": "bar"}
    assert "Row 2, before the table, was skipped: Export of station 4" in sheet.notes
    assert "1 row repeats the header and was skipped" in sheet.notes


def test_an_error_in_a_cell_is_no_value(tmp_path: Path) -> None:
    def fill(book: Book) -> None:
        page = book.add_worksheet()
        page.write_row(0, 0, ["time", "temp"])
        page.write_row(1, 0, [NOON, 5])
        page.write_datetime(2, 0, NOON)
        page.write_formula(2, 1, "=1/0", None, "#DIV/0!")

    assert read(tmp_path, fill).frame["temp"].isna().tolist() == [False, True]


def test_columns_of_one_name_are_refused_in_a_workbook_too(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="the column 'x' occurs twice"):
        read(tmp_path, with_rows(["time", "x", "x"], [NOON, 1, 2]))


@pytest.mark.parametrize(
    ("rest", "words"), [("", "it cannot be read"), ("EncryptedPackage", "it is protected by a password")]
)
def test_what_office_cannot_open_without_more_is_refused_in_plain_words(
    tmp_path: Path, rest: str, words: str
) -> None:
    path = tmp_path / "a.xlsx"
    path.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(4_096) + rest.encode("utf-16-le"))
    with pytest.raises(UsageError, match=words) as error:
        read_sheets(path, "Give a table")
    assert len(str(error.value).splitlines()) == 1
