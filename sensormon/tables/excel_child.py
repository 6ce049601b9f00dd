"""The process that reads a workbook for `excel_reader`: `excel_child.py PATH BYTES SECONDS SHEET`.

A few kilobytes of a workbook can unpack to gigabytes, and a cell in its last corner asks for all that
lie before it; so this runs within limits, see `child_limits`. It writes to standard output an Arrow stream
of text: each cell with a letter for its type in front (`n` number, `d` date, `b` truth value, `t` text and
clock times), null where it is empty. The metadata of the schema has, as JSON, the sheet's name and the names
of the other sheets.

SHEET is a name, or empty for the first visible sheet with a number or a date beside another cell.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta

import pyarrow as pa
from python_calamine import (
    CalamineError,
    CalamineSheet,
    CalamineWorkbook,
    PasswordError,
    SheetTypeEnum,
    SheetVisibleEnum,
)

from sensormon.tables.child_limits import (
    CELL,
    MOST_COLUMNS,
    REFUSED,
    TOO_LARGE,
    UNREADABLE,
    Refused,
    failed,
    limit,
)

_BATCH = 20_000
_MOST_SHEETS = 200
_SHOWN = 100
_WHOLE = 1e15
"""Whole numbers below this are written without a point."""

Value = int | float | str | bool | date | datetime | time | timedelta
"""What a cell can be; an empty one is an empty text."""


def main(path: str, most: int, seconds: int, sheet: str) -> int:
    """Write the sheet to standard output; the exit code."""
    limit(most, seconds)
    try:
        with open(path, "rb") as file, CalamineWorkbook.from_filelike(file) as book:
            _copy(book, sheet, most)
    except Refused as refused:
        return failed(REFUSED, str(refused))
    except MemoryError as error:
        return failed(TOO_LARGE, str(error))
    except (CalamineError, OSError, ValueError) as error:
        if isinstance(error, PasswordError) or _is_encrypted(path):
            return failed(REFUSED, "it is protected by a password")
        return failed(UNREADABLE, " ".join(str(error).split())[:300])
    return 0


def _is_encrypted(path: str) -> bool:
    """Whether this is the container in which Office puts a workbook with a password."""
    with open(path, "rb") as file:
        return "EncryptedPackage".encode("utf-16-le") in file.read()


def _copy(book: CalamineWorkbook, wanted: str, most: int) -> None:
    visible = [
        about.name
        for about in book.sheets_metadata
        if about.typ == SheetTypeEnum.WorkSheet
        and (about.visible == SheetVisibleEnum.Visible or about.name == wanted)
    ]
    if len(visible) > _MOST_SHEETS:
        raise Refused(f"it has more than {_MOST_SHEETS:,} sheets")
    if wanted and wanted not in visible:
        shown = ", ".join(repr(name[:_SHOWN]) for name in visible[:10])
        raise Refused(f"it has no sheet {wanted[:_SHOWN]!r}, but {shown}")
    chosen = book.get_sheet_by_name(wanted) if wanted else _first(book, visible)
    if chosen is None or chosen.start is None:
        raise Refused("it has no sheet with a table")
    if chosen.width > MOST_COLUMNS:
        raise Refused(f"it has more than {MOST_COLUMNS:,} columns")
    about = {
        "sheet": chosen.name,
        "others": [name[:_SHOWN] for name in visible if name != chosen.name],
    }
    columns = [(str(column), pa.string()) for column in range(chosen.width)]
    schema = pa.schema(columns, {b"sheet": json.dumps(about).encode()})
    with pa.ipc.new_stream(pa.PythonFile(sys.stdout.buffer, "w"), schema) as stream:
        for rows in _within(chosen, most):
            arrays = [
                pa.array([_text(cell) for cell in column], pa.string()) for column in zip(*rows, strict=True)
            ]
            stream.write_batch(pa.record_batch(arrays, schema=schema))


def _first(book: CalamineWorkbook, names: Sequence[str]) -> CalamineSheet | None:
    for name in names:
        sheet = book.get_sheet_by_name(name)
        if sheet.start is not None and sheet.height > 1:
            for row in sheet.iter_rows():
                cells = [cell for cell in row if cell != ""]
                if len(cells) > 1 and not all(isinstance(cell, str) for cell in cells):
                    return sheet
    return next((sheet for sheet in map(book.get_sheet_by_name, names) if sheet.start is not None), None)


def _within(sheet: CalamineSheet, most: int) -> Iterator[Sequence[Sequence[Value]]]:
    """The rows in batches. Raises MemoryError, with the number of cells, before one that is too much."""
    used, rows = 0, []
    size = max(1, min(_BATCH, (1 << 20) // sheet.width))
    for row in sheet.iter_rows():
        rows.append(row)
        used += CELL * len(row) + sum(CELL + len(cell) for cell in row if isinstance(cell, str) and cell)
        if used > most:
            raise MemoryError(sheet.height * sheet.width)
        if len(rows) >= size:
            yield rows
            rows = []
    if rows:
        yield rows


def _text(cell: Value) -> str | None:
    """The cell as text after the letter of its type; None for an empty one."""
    if cell == "":
        return None
    if isinstance(cell, bool):
        return f"b{str(cell).lower()}"
    if isinstance(cell, int | float):
        whole = isinstance(cell, int) or (cell.is_integer() and abs(cell) < _WHOLE)
        return f"n{int(cell) if whole else cell!r}"
    if isinstance(cell, datetime):
        return f"d{cell.isoformat(' ')}"
    if isinstance(cell, date):
        return f"d{cell.isoformat()} 00:00:00"
    return f"t{_duration(cell) if isinstance(cell, timedelta) else cell}"


def _duration(span: timedelta) -> str:
    seconds = span / timedelta(seconds=1)
    return f"{int(seconds // 3600):02}:{int(seconds % 3600 // 60):02}:{seconds % 60:02.0f}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]))
