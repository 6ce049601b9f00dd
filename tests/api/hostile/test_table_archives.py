"""Zips, gzips and workbooks made to break the reader: bounded memory and time, and one line that says why."""

from __future__ import annotations

import gzip
import io
import random
import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import xlsxwriter

from sensormon.model.errors import UsageError
from sensormon.model.jobs import Cancelled
from sensormon.tables.budget import Budget
from sensormon.tables.table_reader import read_sheets
from tests.support.memory import children, peak

SMALL = Budget(24 << 20, 20)
CSV = b"time,temp\n2026-01-31 12:00:00,1.5\n"
SHEET = "xl/worksheets/sheet1.xml"
HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>{doctype}'
    '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
)
TAIL = "</sheetData></worksheet>"


def refusal(path: Path, budget: Budget = SMALL) -> str:
    """The line of the refusal; it costs this process next to nothing, and no child outlives it."""
    before = peak()
    with pytest.raises(UsageError) as error:
        read_sheets(path, "Give a table", budget)
    assert peak() - before < 150, "MB"
    assert not children("excel_child.py")
    line = str(error.value)
    assert len(line.splitlines()) == 1
    assert len(line) < 1_000
    return line


def zipped(path: Path, *members: tuple[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return path


def workbook(path: Path, parts: Iterator[str] | list[str], doctype: str = "") -> Path:
    """A workbook of one sheet, whose rows are these pieces of XML."""
    plain = io.BytesIO()
    with xlsxwriter.Workbook(plain) as book:
        book.add_worksheet("Data").write(0, 0, "time")
    with zipfile.ZipFile(plain) as old, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            if name != SHEET:
                new.writestr(name, old.read(name))
        with new.open(SHEET, "w") as sheet:
            sheet.write(HEAD.format(doctype=doctype).encode())
            for part in parts:
                sheet.write(part.encode())
            sheet.write(TAIL.encode())
    return path


def test_a_zip_bomb_is_refused_by_what_it_unpacks_to(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", ("a.csv", b"1,2\n" * (10 << 20)))
    assert path.stat().st_size < 100_000
    assert "unpacks to more than the 24 MiB that can be read here" in refusal(path)
    path = zipped(tmp_path / "b.zip", *((f"{n}.csv", b"1,2\n" * (1 << 20)) for n in range(8)))
    assert "unpacks to more than the 24 MiB" in refusal(path)
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(bytes(40 << 20)))
    assert "unpacks to more than the 24 MiB" in refusal(path)


def test_a_zip_that_claims_to_be_small_is_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", ("a.csv", CSV * 100_000))
    data = bytearray(path.read_bytes())
    place = data.index(b"PK\x01\x02") + 24
    data[place : place + 4] = struct.pack("<I", 40)
    path.write_bytes(data)
    assert "it cannot be read" in refusal(path)


def test_many_members_are_refused_before_they_are_listed(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", *((f"{n}.csv", b"") for n in range(1_001)))
    assert "it is a zip of more than 1,000 files" in refusal(path)
    data = path.read_bytes()
    end = data.rindex(b"PK\x05\x06")
    huge = data[:end] + b"PK\x06\x07" + bytes(16) + data[end:]
    (tmp_path / "b.zip").write_bytes(huge)
    assert "or of more than 4 GiB" in refusal(tmp_path / "b.zip")


def test_member_names_write_nothing_anywhere(tmp_path: Path) -> None:
    folder = tmp_path / "inner"
    folder.mkdir()
    names = ["../evil.csv", "/tmp/sensormon-evil.csv", "..\\evil.csv", "C:\\evil.csv", "a\u202evsc.csv"]  # noqa: S108
    path = zipped(folder / "a.zip", *((name, CSV) for name in names))
    sheets = read_sheets(path, "Give a table", SMALL)
    assert len(sheets) == len(names)
    assert sheets[-1].name == "avsc.csv"
    assert [file.name for file in tmp_path.rglob("*") if file.is_file()] == ["a.zip"]
    assert not Path("/tmp/sensormon-evil.csv").exists()  # noqa: S108


def test_a_link_in_a_zip_is_only_its_text(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("a.csv")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(link, "/etc/passwd")
    (sheet,) = read_sheets(tmp_path / "a.zip", "Give a table", SMALL)
    assert list(sheet.frame.columns) == ["/etc/passwd"]
    assert not len(sheet.frame)


@pytest.mark.parametrize("seed", range(3))
def test_damaged_archives_are_read_or_refused_in_one_line(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311  not for secrets
    bases = [
        zipped(tmp_path / "a.zip", ("a.csv", CSV), ("b.csv", CSV * 50)).read_bytes(),
        gzip.compress(CSV * 50),
        zipped(
            tmp_path / "b.zip", ("a.zip", zipped(tmp_path / "c.zip", ("a.csv", CSV)).read_bytes())
        ).read_bytes(),
    ]
    path = tmp_path / "d.zip"
    for _ in range(60):
        data = bytearray(chance.choice(bases))
        for _ in range(chance.randint(1, 4)):
            start = chance.randrange(len(data))
            data[start : start + chance.choice([0, 1, 4, 30])] = chance.randbytes(chance.choice([0, 1, 4]))
        path.write_bytes(data)
        try:
            read_sheets(path, "Give a table", SMALL)
        except UsageError as error:
            line = str(error)
            assert (len(line.splitlines()), len(line) < 1_000) == (1, True)


@pytest.mark.parametrize("cut", [40, 300, 2_000])
def test_a_workbook_without_its_end_is_refused(tmp_path: Path, cut: int) -> None:
    path = workbook(tmp_path / "a.xlsx", ['<row r="1"><c r="A1"><v>1</v></c></row>'])
    path.write_bytes(path.read_bytes()[:-cut])
    assert "it cannot be read" in refusal(path)


def test_a_workbook_that_unpacks_to_gigabytes_ends_with_its_process(tmp_path: Path) -> None:
    row = "".join(f'<c r="{column}{{n}}"><v>1</v></c>' for column in "ABCDEFGH")
    rows = (
        "".join(f'<row r="{n}">{row.format(n=n)}</row>' for n in range(k, k + 1_000))
        for k in range(1, 200_000, 1_000)
    )
    path = workbook(tmp_path / "a.xlsx", rows)
    assert "to read" in refusal(path) or "unpacks to more than" in refusal(path)


@pytest.mark.parametrize("far", ["XFD1048576", "ZZZZZZ1", "A99999999999", "ZZZ1"])
def test_a_cell_far_away_does_not_ask_for_all_before_it(tmp_path: Path, far: str) -> None:
    cells = [
        '<row r="1"><c r="A1"><v>1</v></c><c r="B1"><v>1</v></c></row>',
        f'<row r="2"><c r="{far}"><v>1</v></c></row>',
    ]
    line = refusal(workbook(tmp_path / "a.xlsx", cells))
    assert any(words in line for words in ("unpacks to more", "cannot be read", "more than 5,000 columns"))


def test_a_workbook_of_many_columns_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    with xlsxwriter.Workbook(str(path)) as book:
        book.add_worksheet().write_row(0, 0, range(6_000))
    assert "it has more than 5,000 columns" in refusal(path)


def test_entities_in_a_workbook_are_not_expanded(tmp_path: Path) -> None:
    entities = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 12))
    doctype = f'<!DOCTYPE x [<!ENTITY e0 "{"x" * 100}"><!ENTITY file SYSTEM "file:///etc/passwd">{entities}]>'
    cells = [
        '<row r="1"><c r="A1"><v>1</v></c><c r="B1" t="str"><v>&e11;</v></c></row>',
        '<row r="2"><c r="A2"><v>1</v></c><c r="B2" t="str"><v>&file;</v></c></row>',
    ]
    path = workbook(tmp_path / "a.xlsx", cells, doctype)
    before = peak()
    try:
        (sheet,) = read_sheets(path, "Give a table", SMALL)
    except UsageError as error:
        assert "it cannot be read" in str(error)  # noqa: PT017
    else:
        text = sheet.frame.to_string() + " ".join(map(str, sheet.frame.columns))
        assert "root:" not in text
        assert "xxxx" not in text
    assert peak() - before < 50, "MB"


def test_the_process_is_killed_when_its_viewer_leaves(tmp_path: Path) -> None:
    rows = [
        f'<row r="{n}"><c r="A{n}"><v>{n}</v></c><c r="B{n}"><v>1</v></c></row>' for n in range(1, 300_000)
    ]
    path = workbook(tmp_path / "a.xlsx", rows)
    reading: list[int] = []

    def leave() -> None:
        reading.extend(children("excel_child.py"))
        if reading:
            raise Cancelled

    with pytest.raises(Cancelled):
        read_sheets(path, "Give a table", Budget(512 << 20, 30, leave))
    assert reading
    assert not children("excel_child.py")


def test_lines_without_end_that_fit_no_table_are_counted_and_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"time,a\n" + b"2026-01-31 12:00:00,1\n" * 600 + b"1,2,3\n" * 150_000)
    assert "more than 100,000 of its lines do not fit its table, the first is line 602" in refusal(path)


@pytest.mark.parametrize("line", [b'"', b'"a\n', b'",",\n', b',"\n'])
def test_quotation_marks_without_end_take_no_time(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"time,a\n2026-01-31 12:00:00,1\n" + line * 90_000)
    (sheet,) = read_sheets(path, "Give a table", SMALL)
    assert len(sheet.wrong) + len(sheet.frame) > 0
