"""One grammar of numbers: never a thousand times too large unasked."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensormon.model.errors import UsageError
from sensormon.tables.columns import Columns, number_columns
from sensormon.tables.missing import is_missing
from sensormon.tables.numbers import Numbers, read_numbers
from sensormon.tables.table_reader import read_sheets
from tests.support.cells import grouped

NAN = math.nan
GROUPS = {".": ",", ",": "."}


def column(*cells: object) -> pd.Series:
    return pd.Series(list(cells), dtype="str")


def read(*cells: object, **how: object) -> Numbers:
    return read_numbers({"temp": column(*cells)}, **how)


def values(*cells: object, **how: object) -> list[float]:
    return read(*cells, **how).values["temp"].tolist()


def assert_numbers(numbers: list[float], expected: list[float]) -> None:
    np.testing.assert_array_equal(numbers, expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1.5", 1.5),
        ("+1.5", 1.5),
        (" 1.5 ", 1.5),
        ("\u00a01.5", 1.5),
        (".5", 0.5),
        ("1.", 1.0),
        ("-1,5", -1.5),
        ("- 1,5", -1.5),
        ("\u22121,5", -1.5),
        ("\u2212 3", -3.0),
        ("1,5E-3", 0.0015),
        ("1,234E-3", 0.001234),
        ("0,125", 0.125),
        ("1234,567", 1234.567),
        ("1,23", 1.23),
        ("1.234,5", 1234.5),
        ("1,234.5", 1234.5),
        ("1,234,567", 1_234_567.0),
        ("1.234.567", 1_234_567.0),
        ("1 234,5", 1234.5),
        ("1\u00a0234,5", 1234.5),
        ("1\u202f234", 1234.0),
        ("1\u2009234.5", 1234.5),
        ("1'234.5", 1234.5),
        ("1\u2019234,5", 1234.5),
        ("1e5", 1e5),
        ("+Inf", math.inf),
        ("-inf", -math.inf),
        ("1e999", math.inf),
        ("45%", 45.0),
        ("37.1 °C", 37.1),
        ("37,1°C", 37.1),
        ("12.5 m³/h", 12.5),
        ("12,34,567", NAN),
        ("1.2.3", NAN),
        ("1,234 567", NAN),
        ("12 34", NAN),
        ("1_000", NAN),
        ("0x1A", NAN),
        ("1-2", NAN),
        ("12:00", NAN),
        ("<0.1", NAN),
        ("5k", NAN),
        ("Bad", NAN),
        ("true", NAN),
        ("I/O Timeout", NAN),
    ],
)
def test_a_number_is_read_as_people_write_it(text: str, expected: float) -> None:
    numbers = read(text)
    assert numbers.question is None
    assert not numbers.empty["temp"].any()
    assert_numbers(numbers.values["temp"].tolist(), [expected])


@pytest.mark.parametrize(
    ("cells", "separator", "mark"),
    [
        (["37,125", "37,130"], ",", ""),
        (["37,125", "37,130"], "|", ""),
        (["37,125", "37,130"], "", ""),
        (["37,125", "980"], ",", ""),
        (["37,125", "37.125"], ",", ""),
        (["37.125", "37.130"], ",", "."),
        (["37,125", "37,130", "Bad"], ";", ","),
        (["37,125", "Bad", "Bad", "Bad"], ";", ","),
        (["37,125", "Bad", "Bad", "Bad"], ",", ""),
        (["37,125", "37,130"], "\t", ","),
        (["37.125", "37.130"], "\t", "."),
        (["37.125", "37.130"], ";", ""),
        (["37.125", "37,130"], ";", ""),
        (["37.125", "37.5"], ";", "."),
        (["37,125", "37.5"], ";", "."),
        (["37,125", "0,5"], ",", ","),
        (["37,125", "20,5", "20.5"], ";", ""),
    ],
)
def test_what_decides_the_decimal_mark(cells: list[str], separator: str, mark: str) -> None:
    numbers = read(*cells, separator=separator)
    first = cells[0]
    if mark:
        assert numbers.question is None
        assert numbers.values["temp"][0] == (37.125 if mark in first else 37125)
        assert numbers.decimal_comma == (mark == ",")
    else:
        assert math.isnan(numbers.values["temp"][0])
        assert not numbers.empty["temp"][0]
        assert numbers.in_doubt["temp"][0]
        assert not numbers.decimal_comma
        assert numbers.question is not None
        assert numbers.question.about == "The numbers of column temp"
        assert numbers.question.option == "--decimal"
        for choice in numbers.question.choices:
            answered = values(*cells, separator=separator, decimal=choice.value)[0]
            assert choice.first[0] == f"{first} is {answered!r}"
        assert {choice.value for choice in numbers.question.choices} == {",", "."}


def test_columns_decide_for_each_other_and_notes_do_not() -> None:
    together = read_numbers(
        {"flow": column("1.234", "12.500"), "temp": column("20,5", "20,6")}, separator=";"
    )
    assert together.values["flow"].tolist() == [1234.0, 12500.0]
    assert together.said == "decimal comma, as 20,5 shows"
    notes = column("valve open", "3.5", "valve shut")
    beside = read_numbers({"temp": column("37,125", "37,5", "37,130"), "note": notes}, separator=";")
    assert beside.values["temp"].tolist() == [37.125, 37.5, 37.130]


def test_one_mistyped_number_among_many_is_no_number() -> None:
    many = values(*(f"{place},25" for place in range(200)), "37,125", "20.5", separator=";")
    assert many[200] == 37.125
    assert math.isnan(many[201])


@given(
    st.lists(st.integers(-9_999_999, 9_999_999), min_size=1, max_size=12),
    st.sampled_from(".,"),
    st.sampled_from(["", "other", " ", "\u00a0", "\u202f", "'"]),
    st.integers(0, 4),
    st.sampled_from([",", ";", "\t", ""]),
)
def test_no_number_is_changed_whatever_its_marks(
    whole: list[int], mark: str, group: str, decimals: int, separator: str
) -> None:
    group = GROUPS[mark] if group == "other" else group
    expected = [number / 10**decimals for number in whole]
    cells = [grouped(number, decimals, mark, group) for number in expected]
    numbers = read(*cells, separator=separator)
    asked = read(*cells, separator=separator, decimal=mark)
    assert_numbers(asked.values["temp"].tolist(), expected)
    assert asked.question is None
    if numbers.question is None:
        # Whole numbers with points or commas between the thousands look like three decimals.
        doubtful = decimals == 0 and group in {".", ","}
        for number, meant in zip(numbers.values["temp"].tolist(), expected, strict=True):
            assert number == meant or (doubtful and number == meant / 1000)


@given(st.floats(allow_nan=False), st.sampled_from(".,"))
def test_a_number_with_all_its_digits_is_the_same_number(number: float, mark: str) -> None:
    assert values(repr(number).replace(".", mark), decimal=mark) == [number]


def test_typed_numbers_stay_as_they_are() -> None:
    cells = pd.Series([20.5, "1,5", None, 10**400, True, -999], dtype=object)
    numbers = read_numbers({"temp": cells}, missing=["-999"])
    assert_numbers(numbers.values["temp"].tolist(), [20.5, 1.5, NAN, math.inf, NAN, NAN])
    assert numbers.empty["temp"].tolist() == [False, False, True, False, False, True]
    whole = read_numbers({"temp": pd.Series([1, None], dtype="Int64")})
    assert_numbers(whole.values["temp"].tolist(), [1.0, NAN])


def test_a_unit_in_every_cell_is_named() -> None:
    numbers = read("37.1 °C", "38 °C", "Bad", None)
    assert_numbers(numbers.values["temp"].tolist(), [37.1, 38.0, NAN, NAN])
    assert numbers.units == {"temp": "°C"}
    assert_numbers(values("37.1 °C", "98 °F"), [NAN, NAN])
    assert_numbers(values("37.1 °C", "38"), [NAN, 38.0])


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "NaN",
        "nan",
        "NULL",
        "None",
        "N/A",
        "NA",
        "#N/A",
        "-",
        "--",
        "---",
        "—",
        "?",
        "n/a",
        "nil",
        "No Data",
        "\\N",
        '""',
    ],
)
def test_words_for_no_value_are_empty(text: str) -> None:
    numbers = read("1.5", text, None)
    assert numbers.empty["temp"].tolist() == [False, True, True]
    assert is_missing(column("1.5", text, None)).tolist() == [False, True, True]


@pytest.mark.parametrize(
    "text", ["Bad", "unavailable", "unknown", "error", "I/O Timeout", "Bad Input", "0", "x" * 5000]
)
def test_words_that_say_something_are_not_empty(text: str) -> None:
    assert not is_missing(column(text)).any()
    assert not read(text).empty["temp"].any()


@pytest.mark.parametrize("missing", ["-200", "-200.0", "-200,0"])
@pytest.mark.parametrize("cell", ["-200", "-200.0", "-200,00"])
def test_a_number_for_no_value_can_be_named(missing: str, cell: str) -> None:
    numbers = read("1,5", cell, "-2000", missing=[missing], separator=";")
    assert numbers.empty["temp"].tolist() == [False, True, False]
    assert_numbers(numbers.values["temp"].tolist(), [1.5, NAN, -2000.0])
    assert is_missing(column("1,5", cell, "-2000"), [missing]).tolist() == [False, True, False]
    assert is_missing(pd.Series([1.5, -200]), [missing]).tolist() == [False, True]


def test_a_text_for_no_value_can_be_named() -> None:
    numbers = read("1.5", "Sensor off", "Sensor", missing=["sensor OFF"])
    assert numbers.empty["temp"].tolist() == [False, True, False]


def test_a_decimal_mark_is_a_point_or_a_comma() -> None:
    with pytest.raises(UsageError, match="decimal mark"):
        read("1.5", decimal=";")


def test_a_column_in_doubt_is_still_a_column_of_numbers(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('timestamp,temp\n2026-01-31 12:00:00,"37,125"\n2026-01-31 12:01:00,"37,130"\n')
    (sheet,) = read_sheets(path, "")
    assert number_columns(sheet, Columns("timestamp")) == ["temp"]
