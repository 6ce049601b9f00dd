"""Tables in zip and gzip: each member is a table, and what is not is said."""

from __future__ import annotations

import gzip
import io
import zipfile
from pathlib import Path

import pandas as pd
import pytest
import xlsxwriter

from sensormon.model.errors import UsageError
from sensormon.tables.table_reader import read_sheets

CSV = "time,temp\n2026-01-31 12:00:00,1.5\n"


def zipped(tmp_path: Path, members: dict[str, str | bytes], name: str = "a.zip") -> Path:
    path = tmp_path / name
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, data in members.items():
            archive.writestr(member, data)
    return path


def test_each_table_in_a_zip_is_a_sheet_by_its_name(tmp_path: Path) -> None:
    parquet, book = io.BytesIO(), io.BytesIO()
    pd.DataFrame({"time": [1769860800], "temp": [2.5]}).to_parquet(parquet)
    with xlsxwriter.Workbook(book) as workbook:
        workbook.add_worksheet("Data").write_column(0, 0, ["temp", 3.5, 4.5])
        workbook.get_worksheet_by_name("Data").write_column(0, 1, ["press", 1, 2])
    members = {
        "2026/": "",
        "2026/a.csv": CSV,
        "__MACOSX/2026/._a.csv": b"\0\5",
        "2026/.DS_Store": b"\0",
        "b.CSV": CSV.replace(",", ";").replace(".", ","),
        "c.parquet": parquet.getvalue(),
        "d.xlsx": book.getvalue(),
        "readme.pdf": b"%PDF",
    }
    sheets = read_sheets(zipped(tmp_path, members), "Give a table")
    assert [sheet.name for sheet in sheets] == ["2026/a.csv", "b.CSV", "c.parquet", "d.xlsx, Data"]
    assert [str(sheet.frame["temp"].iloc[0]) for sheet in sheets] == ["1.5", "1,5", "2.5", "3.5"]
    assert sheets[0].notes == ("Not read: readme.pdf",)


def test_a_table_in_gzip_is_read_whatever_the_number_of_members(tmp_path: Path) -> None:
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(CSV.encode()) + gzip.compress(b"2026-01-31 12:01:00,2.5\n"))
    (sheet,) = read_sheets(path, "Give a table")
    assert (sheet.name, sheet.frame["temp"].tolist()) == ("a.csv", ["1.5", "2.5"])


@pytest.mark.parametrize(
    "data",
    [
        gzip.compress(CSV.encode(), mtime=0)[:-6],
        gzip.compress(CSV.encode(), mtime=0) + b"garbage",
        b"\x1f\x8b" + bytes(30),
    ],
    ids=["cut", "garbage behind", "no content"],
)
def test_a_damaged_gzip_is_refused_whole(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "a.csv.gz"
    path.write_bytes(data)
    with pytest.raises(UsageError, match="it cannot be read"):
        read_sheets(path, "Give a table")


def test_a_table_that_cannot_be_read_is_named_with_its_member(tmp_path: Path) -> None:
    path = zipped(tmp_path, {"a.csv": CSV, "b.csv": "time,x,x\n1,2,3\n"})
    with pytest.raises(UsageError, match="the column 'x' occurs twice") as error:
        read_sheets(path, "Give a table")
    assert error.value.where == f"{path}: b.csv"
    path = zipped(tmp_path, {"a.parquet": b"PAR1" + bytes(50)})
    with pytest.raises(UsageError, match="it cannot be read") as error:
        read_sheets(path, "Give a table")
    assert error.value.where == f"{path}: a.parquet"
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(b"time,x,x\n1,2,3\n"))
    with pytest.raises(UsageError, match="the column 'x' occurs twice") as error:
        read_sheets(path, "Give a table")
    assert error.value.where == str(path)


@pytest.mark.parametrize("name", ["in.zip", "in.csv.gz", "in.7z", "in.csv"])
def test_an_archive_in_an_archive_is_refused_in_plain_words(tmp_path: Path, name: str) -> None:
    inner = zipped(tmp_path, {"a.csv": CSV}, "inner.zip").read_bytes()
    with pytest.raises(UsageError, match="it has an archive in it"):
        read_sheets(zipped(tmp_path, {name: inner}), "Give a table")


def test_a_zip_with_a_password_is_refused_in_plain_words(tmp_path: Path) -> None:
    path = zipped(tmp_path, {"a.csv": CSV})
    data = bytearray(path.read_bytes())
    for sign, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):  # the flag of encryption
        data[data.index(sign) + place] |= 1
    path.write_bytes(data)
    with pytest.raises(UsageError, match=r"a\.csv is protected by a password"):
        read_sheets(path, "Give a table")


def test_a_zip_without_tables_is_refused(tmp_path: Path) -> None:
    for members in ({}, {"a.pdf": b"%PDF"}, {"__MACOSX/a.csv": CSV}):
        with pytest.raises(UsageError, match="it has no table in it"):
            read_sheets(zipped(tmp_path, members), "Give a table")
