"""Excel files read back the slow, obvious way: the cells of the first sheet, as text and numbers."""

from __future__ import annotations

import zipfile
from io import BytesIO
from xml.etree import ElementTree

_NS = {"x": "http://schemas.openxmlformats.org/spreadsheetml/2006/main"}


def cells(data: bytes) -> list[list[object]]:
    """The rows; a missing cell is None. A formula fails the test."""
    with zipfile.ZipFile(BytesIO(data)) as book:
        sheet = ElementTree.fromstring(book.read("xl/worksheets/sheet1.xml"))  # noqa: S314  our own file
    assert sheet.find(".//x:f", _NS) is None, "there is a formula"
    rows: list[list[object]] = []
    for row in sheet.iterfind(".//x:row", _NS):
        by_column: dict[int, object] = {}
        for cell in row:
            place = 0
            for letter in filter(str.isalpha, cell.attrib["r"]):
                place = place * 26 + ord(letter) - 64
            text = "".join(cell.itertext())
            by_column[place - 1] = text if cell.attrib.get("t") in ("inlineStr", "str") else float(text)
        rows.append([by_column.get(place) for place in range(max(by_column, default=-1) + 1)])
    return rows
