"""Numbers in the cells of a file, in the formats of several countries' spreadsheets."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensormon.exchange.import_table import pieces, read_file
from sensormon.model.readings import Floats
from sensormon.tables.columns import Columns
from sensormon.tables.numbers import read_numbers
from sensormon.tables.table_reader import read_sheets
from tests.support.plant import START

NAN = float("nan")
numbers = st.lists(st.integers(-9_999_999, 9_999_999).map(lambda n: n / 100), min_size=1, max_size=20)


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["1,234.5", "980"], [1234.5, 980]),
        (["1,234,567"], [1_234_567]),
        (["1,5", "2,25", "3"], [1.5, 2.25, 3]),
        (["0,123", "1,234"], [0.123, 1.234]),
        (["1.234", "998,5"], [1234, 998.5]),
        (["1.234,5", "2,0"], [1234.5, 2]),
        (["20.5", "1,5"], [20.5, NAN]),  # no number format has both
        ([20.5, "1,5", None], [20.5, 1.5, NAN]),
        (["12,34,567"], [NAN]),
        (["7,1 pH", "7,2"], [NAN, 7.2]),
    ],
    ids=str,
)
def test_separators_are_inferred_from_all_cells(cells: list[object], expected: list[float]) -> None:
    np.testing.assert_array_equal(to_numbers(cells), expected)


@given(numbers)
def test_german_and_english_numbers_round_trip(values: list[float]) -> None:
    english = [f"{value:,.2f}" for value in values]
    german = [text.translate(str.maketrans(".,", ",.")) for text in english]
    for cells in (english, german):
        np.testing.assert_array_equal(to_numbers(cells), values)


def test_decimal_comma_allows_points_for_thousands(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("time;t;flow;mixed\n2026-01-01;20,5;1.234;998,5\n2026-01-02;20,6;12.500;1.002,5\n")
    shown = numbers_of(path, ["t", "flow", "mixed"])
    assert shown["t"] == [20.5, 20.6]
    assert shown["flow"] == [1234.0, 12500.0]
    assert shown["mixed"] == [998.5, 1002.5]


def test_preview_matches_the_import(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('time,a,b,words\n2026-01-01,"1,234","20,5","so, so"\n2026-01-02,"2,500",21,"x"\n')
    shown = numbers_of(path, ["a", "b", "words"])
    assert shown["a"] == [1.234, 2.5], "20,5 in the same file tells what the comma is"
    assert shown["b"] == [20.5, 21.0]
    (alone,) = pieces(read_file(path), Columns("time", values={"a": "temp"}), START)
    assert alone.batch.value.tolist() == shown["a"], "also where only one of them is taken"


def to_numbers(cells: list[object]) -> Floats:
    return read_numbers({"": pd.Series(cells, dtype=object)}).values[""]


def numbers_of(path: Path, names: list[str]) -> dict[str, list[float]]:
    (sheet,) = read_sheets(path, "")
    read = read_numbers({name: sheet.frame[name] for name in names}, separator=sheet.separator)
    return {name: values.tolist() for name, values in read.values.items()}
