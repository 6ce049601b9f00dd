"""What separates the cells of a text, decided by many of its lines: the first may be a title."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Sequence

from sensormon.tables.cell_shapes import is_nothing, is_typed, names_time
from sensormon.tables.text_rows import Shape, cells_of

SEPARATORS = ",;\t|"
BLANKS = " "
"""Stands for runs of white space."""
_BLANK, _WEAK = 0.7, 0.1
"""The weight of blanks, which times have too, and of a single column."""
_RUN = re.compile(r'"[^"]*"|[ \t]+')
_SEP = re.compile(r'"?sep=(.)"?', re.IGNORECASE)
_HEADERS, _NAMED_TIME = 50, 0.3
"""How far down a name of a column of times is looked for, and what it adds."""


def named_separator(line: str) -> str:
    """The separator that a line `sep=;` names, as Excel does; empty if it is no such line."""
    match = _SEP.fullmatch(line.strip(" "))
    return match[1] if match and match[1] in SEPARATORS else ""


def with_tabs(text: str) -> str:
    """The text with one tab for each run of blanks outside of quotation marks, and none around a line."""
    if '"' in text:
        text = _RUN.sub(lambda match: match[0] if match[0].startswith('"') else "\t", text)
    else:
        text = re.sub(r"[ \t]+", "\t", text)
    return re.sub(r"(?m)^\t|\t$", "", text)


def shape_of(lines: Sequence[str], separators: str = SEPARATORS + BLANKS) -> Shape:
    """The separator, the number of cells of most rows, and the columns in which most are typed.

    That separator wins which makes the most cells numbers and times, in rows of one length. Columns of
    a text in which no cell is typed: the most frequent separator.
    """
    best, shape = 0.0, None
    for separator in separators:
        fit, candidate = _fit(lines, separator)
        if fit > best + 1e-9:
            best, shape = fit, candidate
    if shape is not None:
        return shape
    text = [line for line in lines if line.strip()]
    separator = max(
        separators.replace(BLANKS, "") or "\t", key=lambda sign: sum(line.count(sign) for line in text)
    )
    widths = Counter(len(cells_of(line, separator)) for line in text if line.count('"') % 2 == 0)
    width = max(widths, key=lambda width: (width > 1, widths[width])) if widths else 1
    return Shape(separator, width)


def _fit(lines: Sequence[str], separator: str) -> tuple[float, Shape]:
    """How well the separator fits, from 0 to 1, and the shape of rows by it."""
    split = []
    for line in lines:
        if not line.strip() or line.count('"') % 2:
            continue
        try:
            cells = cells_of(
                with_tabs(line) if separator == BLANKS else line, "\t" if separator == BLANKS else separator
            )
        except csv.Error:
            continue
        split.append((cells, [is_typed(cell) for cell in cells]))
    widths = Counter(len(cells) for cells, typed in split if any(typed))
    if not widths:
        return 0.0, Shape(separator, 1)
    headers = [
        len(cells)
        for cells, typed in split[:_HEADERS]
        if len(cells) > 1 and not any(typed) and any(map(names_time, cells))
    ]
    width = next(
        (length for length in headers if widths[length]),
        max(widths, key=lambda width: (widths[width] * (2 if width > 1 else 1), width)),
    )
    if width == 1 and separator != SEPARATORS[0]:
        return 0.0, Shape(separator, 1)
    fit = [cells for cells, _ in split if _length(cells) <= width <= len(cells)]
    steady = len(fit) / len(split)
    named = width > 1 and any(any(map(names_time, cells)) for cells in fit[:_HEADERS])
    rows = [(cells, typed) for cells, typed in split if len(cells) == width and any(typed)]
    full = sum(1 for cells, _ in rows for cell in cells if not is_nothing(cell))
    share = sum(sum(typed) for _, typed in rows) / max(full, 1)
    columns = typed_columns([cells for cells, _ in rows])
    weight = _WEAK if width == 1 else _BLANK if separator == BLANKS else 1.0
    return share * steady * weight + _NAMED_TIME * named, Shape(separator, width, columns)


def _length(cells: Sequence[str]) -> int:
    """The number of cells up to the last one that is not empty."""
    return max((place for place, cell in enumerate(cells, 1) if cell), default=0)


def typed_columns(rows: Sequence[Sequence[str]]) -> tuple[int, ...]:
    """The columns in which most cells are numbers or times; lines above a table may have cells too."""
    later = rows[len(rows) // 2 :]
    return tuple(
        column
        for column in range(len(later[0]) if later else 0)
        if 2 * sum(is_typed(cells[column]) for cells in later)
        > sum(not is_nothing(cells[column]) for cells in later)
    )
