"""Table files in the formats of several countries and generations of software."""

from __future__ import annotations

from pathlib import Path

import pytest

from sensormon.model.errors import UsageError
from sensormon.tables.table_reader import read_table

ROWS = "Zeit;Druck (bar);Kühlwasser °C\n2026-01-01 00:00:00;1,5;7,25\n2026-01-01 00:00:01;1,6;7,5\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
@pytest.mark.parametrize("ends", ["\n", "\r\n"])
@pytest.mark.parametrize("separator", [";", "\t"])
def test_text_is_read_in_its_own_encoding(tmp_path: Path, encoding: str, ends: str, separator: str) -> None:
    path = tmp_path / "a.csv"
    text = f"{ends}{ROWS}" if encoding != "utf-8-sig" else ROWS  # an empty line first
    path.write_bytes(text.replace("\n", ends).replace(";", separator).encode(encoding))
    table, first = read_table(path, "")
    assert list(table.columns) == ["Zeit", "Druck (bar)", "Kühlwasser °C"]
    if separator == ";":
        assert table["Druck (bar)"].tolist() == [1.5, 1.6]
    assert first == "line 2"


@pytest.mark.parametrize("header", ["time,x,x", 'time, x,"x "', "time,x, x"])
def test_a_column_that_comes_twice_is_refused(tmp_path: Path, header: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"{header}\n1,2,3\n")
    with pytest.raises(UsageError, match="the column 'x' occurs twice"):
        read_table(path, "")


def test_a_column_without_a_name_is_called_by_its_place(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("time,,b,\n1,2,3,\n")
    assert list(read_table(path, "")[0].columns) == ["time", "column 2", "b", "column 4"]


@pytest.mark.parametrize("data", [b"", b"\n\n", b"a,b\n1,2,3,4\n"])
def test_invalid_tables_are_refused_in_one_line(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(data)
    with pytest.raises(UsageError, match="it cannot be read") as error:
        read_table(path, "Give a table")
    assert "\n" not in str(error.value)
