"""Tables made at random as the bytes of files: text in many layouts, workbooks, Parquet, packed or not."""

from __future__ import annotations

import csv
import gzip
import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from random import Random

import pyarrow as pa
import pyarrow.parquet as pq
import xlsxwriter

from tests.support.random_cells import Cell

_PREAMBLES = [
    ["Export of station 4", "Operator: n.n.", ""],
    ["# written by logger 7"],
    ["Report", "", ""],
]
_ENCODINGS = ["utf-8"] * 6 + ["utf-8-sig", "utf-8-sig", "utf-16", "cp1252", "cp1252", "utf-16-be"]


@dataclass(frozen=True)
class Table:
    """A table and how it is written. `ending` is that of the file's name."""

    kind: str
    separator: str
    encoding: str = "utf-8"
    newline: str = "\n"
    quoted: bool = False
    before: tuple[str, ...] = ()
    with_units: bool = False
    trailing: bool = False
    blank_last: bool = False
    open_end: bool = False
    named: bool = True
    header: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    rows: tuple[tuple[Cell, ...], ...] = ()

    @staticmethod
    def draw(rng: Random) -> Table:
        """A layout without its cells."""
        kind = rng.choices(["csv", "csv.gz", "zip", "xlsx", "parquet"], [90, 4, 4, 1, 1])[0]
        if kind in ("xlsx", "parquet"):
            return Table(kind, "")
        separator = rng.choice([",", ",", ",", ";", ";", "\t", "|", " "])
        before = list(rng.choice(_PREAMBLES)) if rng.random() < 0.15 else []
        if separator == ";" and not before and rng.random() < 0.1:
            before = ["sep=;"]
        return Table(
            kind,
            separator,
            rng.choice(_ENCODINGS),
            rng.choice(["\n", "\n", "\r\n", "\r\n", "\r"]),
            rng.random() < 0.3,
            tuple(before),
            trailing=separator in ";," and rng.random() < 0.1,
            blank_last=rng.random() < 0.1,
            open_end=rng.random() < 0.1,
        )

    def fitting(
        self,
        rng: Random,
        header: Sequence[str],
        units: Sequence[str],
        rows: Sequence[Sequence[Cell]],
        *,
        named: bool,
    ) -> Table:
        """This layout with these cells; a row of units if there are any."""
        with_units = bool(self.separator.strip()) and any(units) and named and rng.random() < 0.2
        return replace(
            self,
            header=tuple(header),
            units=tuple(units),
            rows=tuple(map(tuple, rows)),
            named=named,
            with_units=with_units,
            before=self.before if named else (),
        )

    @property
    def typed(self) -> bool:
        """Whether cells have types."""
        return self.kind in ("xlsx", "parquet")

    @property
    def ending(self) -> str:
        """The end of the file's name."""
        return self.kind

    @property
    def traits(self) -> tuple[str, ...]:
        """How the table is written, in words."""
        if self.typed:
            return (self.kind,)
        flags = {
            "units row": self.with_units,
            "trailing separators": self.trailing,
            "no header": not self.named,
        }
        flags |= {"quoted": self.quoted, "no last newline": self.open_end}
        flags |= {"preamble": bool(self.before), "blank last line": self.blank_last}
        return (
            self.kind,
            f"separator {self.separator!r}",
            self.encoding,
            repr(self.newline),
            *(name for name, true in flags.items() if true),
        )


def text_alone(table: Table, rows: Sequence[Sequence[Cell]]) -> bool:
    """Whether numbers are in this file as text."""
    return not table.typed and bool(rows)


def file_bytes(table: Table, stem: str) -> tuple[bytes, list[int]]:
    """The bytes of the file, and the line or row of each row of the table as people count."""
    if table.kind == "xlsx":
        return _workbook(table)
    if table.kind == "parquet":
        return _parquet(table)
    text, places = _text(table)
    try:
        data = text.encode(table.encoding)
    except UnicodeEncodeError:
        data = text.encode()
    if table.encoding == "utf-16-be":
        data = b"\xfe\xff" + data
    if table.kind == "csv.gz":
        return gzip.compress(data, mtime=0), places
    if table.kind == "zip":
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(zipfile.ZipInfo(f"{stem}.csv"), data)
        return packed.getvalue(), places
    return data, places


def _text(table: Table) -> tuple[str, list[int]]:
    lines = [line + table.newline for line in table.before]
    if table.named:
        lines.append(_line(table, table.header))
    if table.with_units:
        lines.append(_line(table, table.units))
    text, places = "".join(lines), []
    for row in table.rows:
        places.append(_line_count(text, table.newline) + 1)
        text += _line(table, [cell.text for cell in row])
    if table.blank_last:
        text += table.newline
    return (text.removesuffix(table.newline) if table.open_end else text), places


def _line_count(text: str, newline: str) -> int:
    return text.count("\n" if newline != "\r" else "\r") + (text.count("\n") if newline == "\r" else 0)


def _line(table: Table, cells: Sequence[str]) -> str:
    out = io.StringIO()
    writer = csv.writer(
        out, delimiter=table.separator, quoting=csv.QUOTE_ALL if table.quoted else csv.QUOTE_MINIMAL
    )
    writer.writerow(cells)
    return (
        out.getvalue().removesuffix("\r\n") + (table.separator * 2 if table.trailing else "") + table.newline
    )


def _workbook(table: Table) -> tuple[bytes, list[int]]:
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True}) as book:
        sheet = book.add_worksheet("Readings")
        shown = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
        sheet.write_row(0, 0, table.header)
        for number, row in enumerate(table.rows, 1):
            for column, cell in enumerate(row):
                if isinstance(cell.typed, datetime):
                    sheet.write_datetime(number, column, cell.typed, shown)
                elif isinstance(cell.typed, float):
                    sheet.write_number(number, column, cell.typed)
                elif cell.text:
                    sheet.write_string(number, column, cell.text)
    return out.getvalue(), list(range(2, len(table.rows) + 2))


def _parquet(table: Table) -> tuple[bytes, list[int]]:
    columns = {}
    for place, name in enumerate(table.header):
        cells = [row[place] for row in table.rows]
        typed = [cell.typed if cell.text else None for cell in cells]
        if all(value is not None or not cell.text for value, cell in zip(typed, cells, strict=True)):
            columns[name] = pa.array(typed)
        else:
            columns[name] = pa.array([cell.text or None for cell in cells], pa.string())
    out = io.BytesIO()
    pq.write_table(pa.table(columns), out)
    return out.getvalue(), list(range(1, len(table.rows) + 1))
