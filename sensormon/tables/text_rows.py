"""Lines of a text to rows of cells, with quotation marks taken with care.

A quoted cell may hold separators and ends of lines. A mark that somebody forgot must not swallow lines:
where a line between the marks is a row of the table itself, the marks do not belong together.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass

from sensormon.tables.cell_shapes import is_typed

LONGEST_CELL = 131_072
_MOST_JOINED = 100
"""Lines that a quoted cell may go on for."""


@dataclass(frozen=True)
class Shape:
    """What a row is: cells by this separator, so many, and numbers or times in the columns `typed`."""

    separator: str
    width: int
    typed: tuple[int, ...] = ()


@dataclass(frozen=True)
class Row:
    """The cells of a line, without the white space around them; `place` counts from 1.

    It takes `lines` lines; `open` says that a quotation mark in it is never closed.
    """

    place: int
    cells: tuple[str, ...]
    lines: int = 1
    open: bool = False


def cells_of(line: str, separator: str) -> list[str]:
    """The cells of one line, whose quotation marks are even in number. Raises csv.Error for a huge cell."""
    if '"' not in line:
        return [cell.strip() for cell in line.split(separator)]
    cells = next(csv.reader([line], delimiter=separator, skipinitialspace=True), [])
    return [cell.strip() for cell in cells]


def is_row(cells: Sequence[str], shape: Shape) -> bool:
    """Whether these are cells of a row, by their number, and no fewer than half are what they should be."""
    typed = sum(is_typed(cells[column]) for column in shape.typed if column < len(cells))
    return len(cells) == shape.width and 2 * typed >= len(shape.typed)


def row_at(lines: Sequence[str], index: int, shape: Shape) -> Row:
    """The row that begins in this line. Raises csv.Error for a huge cell."""
    line = lines[index]
    if line.count('"') % 2 == 0:
        return Row(index + 1, tuple(cells_of(line, shape.separator)))
    text, whole = line, is_row(_as_they_stand(line, shape.separator), shape)
    for more in range(1, min(_MOST_JOINED, len(lines) - index)):
        following = lines[index + more]
        text += "\n" + following
        closes = following.count('"') % 2 == 1
        # What closes a cell that began in a part of a row may look like a row itself.
        a_row = is_row(_as_they_stand(following, shape.separator), shape) and (whole or not closes)
        if len(text) > LONGEST_CELL or a_row:
            break
        if closes:
            cells = cells_of_joined(text, shape.separator)
            if len(cells) != shape.width:
                break
            return Row(index + 1, tuple(cells), lines=more + 1)
    if len(line) > LONGEST_CELL:
        raise csv.Error("field larger than field limit")
    return Row(index + 1, tuple(_as_they_stand(line, shape.separator)), open=True)


def cells_of_joined(text: str, separator: str) -> list[str]:
    """The cells of several lines that a quoted cell joins."""
    rows = list(csv.reader(text.splitlines(keepends=True), delimiter=separator, skipinitialspace=True))
    return (
        [" ".join(cell.split()) if "\n" in cell else cell.strip() for cell in rows[0]]
        if len(rows) == 1
        else []
    )


def _as_they_stand(line: str, separator: str) -> list[str]:
    """The cells by the separator alone; marks around a whole cell go."""
    cells = [cell.strip() for cell in line.split(separator)]
    return [
        cell[1:-1] if len(cell) > 1 and cell.startswith('"') and cell.endswith('"') else cell
        for cell in cells
    ]
